//! `origami convert`: a bundle, tree or slide to a container that other programs read.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use origami::archive::{AssociatedImage, Kind};
use origami::codec::encode_png;
use origami::convert::{self, Attributes, Container, ConvertOptions, Converted, DicomOptions, Source};
use origami::decode;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::write::{Existing, write_whole};
use origami::slide::Slide;
use origami::store::is_address;
use serde_json::json;

use super::args::backend::{BackendArgs, OpenBackend, Workload};
use super::args::open::OpenArgs;
use super::args::values::{names, whole};
use super::args::work::WorkArgs;
use super::fault::{Problem, usage};
use super::inputs::{self, Input, Takes, Thing};
use super::json;
use super::place::OutPlace;
use super::print::{human_bytes, note, say};
use super::progress::Work;
use super::signals;
use super::sources::Sources;

/// Convert a bundle, tree or slide to TIFF, OME-TIFF, DICOM or Deep Zoom.
///
/// Tiles are those that decode writes. Of a lossless bundle and of a tree of JPEG tiles they are the slide's own, unchanged.
#[derive(Args)]
pub struct ConvertArgs {
    /// A bundle, tree or slide
    #[arg(value_name = "BUNDLE|TREE|SLIDE", help_heading = "Input")]
    input: PathBuf,
    /// What to write
    #[arg(long, value_name = "FORMAT", value_enum, value_parser = names::<Container>(), help_heading = "Output")]
    to: Container,
    /// JPEG quality of tiles that are coded [range: 1 to 100]
    #[arg(long, value_name = "Q", default_value_t = 95, value_parser = whole::<u8>(1..=100))]
    #[arg(help_heading = "Quality")]
    quality: u8,
    /// Where it goes [default: beside x.svs the file x.tiff, x.ome.tiff, x.dzi or x.szi, or the directory x.dicom]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Also write an image that came with the slide, such as label [default: none]
    ///
    /// Of the result x.tiff it becomes x_NAME.png. It may identify a patient.
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    associated: Vec<String>,
    /// For DICOM: a JSON file of attributes, as {"PatientID": "4711"} [default: none]
    ///
    /// Patient, study, specimen and equipment, by DICOM's keywords. What may be empty is empty without it; for what may not there is a placeholder,
    /// and each is told.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    attributes: Option<PathBuf>,
    /// For DICOM: refuse what needs a placeholder
    #[arg(long, help_heading = "Safety")]
    strict: bool,
    /// Replace a result that is there
    #[arg(long, help_heading = "Safety")]
    overwrite: bool,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    work: WorkArgs,
}

pub fn run(args: ConvertArgs) -> Result<ExitCode> {
    let input = one_input(&args.input)?;
    let out = out_path(&args, &input)?;
    let dir = out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = PathBuf::from(out.file_name().unwrap_or_default());
    let place = OutPlace::of(dir)?;
    // What is there last.
    let last = if args.to == Container::Dicom { name.join("level-0.dcm") } else { name.clone() };
    if args.to == Container::Dzi {
        place.check_tree(&name, args.overwrite)?;
    } else if is_address(&out) && !args.overwrite && place.has(&last)? {
        return Err(exists(&out));
    }
    if args.to != Container::Dicom && (args.attributes.is_some() || args.strict) {
        usage!("--attributes and --strict are for --to dicom");
    }
    let sources = Sources::of(std::slice::from_ref(&input));
    match args.to {
        Container::Dicom => sources.spare_dir(&out)?,
        Container::Dzi => sources.spare_tree(&out)?,
        Container::Tiff | Container::OmeTiff | Container::Szi => sources.spare_file(&out)?,
    }
    // Relative names stay as they were given.
    let at = if is_address(&out) { place.dir().join(&name) } else { out.clone() };
    signals::writes(&out);
    let source = open(&args, &input)?;
    if args.work.summary() {
        let said = match &source {
            Source::Slide(slide) => slide.info.warnings.clone(),
            Source::Tree(tree) => tree.warnings(),
            Source::Bundle(_) => Vec::new(),
        };
        said.iter().for_each(|warning| note!("{}: {warning}", input.path.display()));
    }
    // A wrong name must fail before the work.
    let associated = associated(&args, &source, &input.path, &at, &place)?;
    associated.iter().try_for_each(|(path, _)| sources.spare_file(path))?;
    let scheduler = args.work.scheduler()?;
    let opened = match &source {
        // What is cut anew is read pixel by pixel, on the CPU.
        Source::Bundle(bundle)
            if !bundle.meta().coding.originals && !args.to.cuts_anew(bundle.geometry().tile()) =>
        {
            let families = Some(bundle.families().len() as u64);
            args.backend.open(
                Workload::Decode(Some(&bundle.meta().encode)),
                families,
                &scheduler,
                !args.work.summary(),
            )?
        }
        _ => OpenBackend::cpu(),
    };
    let options = ConvertOptions {
        container: args.to,
        quality: args.quality,
        existing: if args.overwrite { Existing::Replace } else { Existing::Keep },
        dicom: DicomOptions {
            attributes: args.attributes.as_deref().map(Attributes::read).transpose()?.unwrap_or_default(),
            strict: args.strict,
            file_date: convert::date_of(&input.path),
        },
    };
    let progress = Work::new(&input.path.to_string_lossy(), 0, "tiles", args.work.progress());
    let on_tile = |done, total| progress.set_of(done, total);
    let started = std::time::Instant::now();
    let converted = convert::convert(source, &at, &options, &*opened.backend, &scheduler, &on_tile)?;
    progress.finish();
    for (path, png) in &associated {
        write_whole(path, png)?;
    }
    place.publish(&last, args.overwrite)?;
    let seconds = started.elapsed().as_secs_f64();
    if args.work.summary() {
        print_summary(&out, args.to, &converted, seconds, &opened);
    }
    if args.work.json() {
        let beside = associated.iter().filter_map(|(path, _)| Some(out.with_file_name(path.file_name()?)));
        json::print(
            "convert",
            json!({
                "source": input.path, "out": out, "format": args.to, "width": converted.size.0, "height": converted.size.1,
                "levels": converted.levels, "tile": converted.tile, "tiles": converted.tiles, "tile_bytes": converted.tile_bytes,
                "coded_anew": converted.recoded, "recut_from": converted.recut_from, "channels": converted.channels, "placeholders": converted.placeholders,
                "associated": beside.collect::<Vec<_>>(), "seconds": seconds, "backend": opened.backend.name(),
            }),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The one input that a path is.
fn one_input(path: &Path) -> Result<Input> {
    let mut found = inputs::find(&[path.to_path_buf()], Takes::ALL)?.list;
    if found.len() > 1 {
        let names: Vec<_> = found.iter().map(|input| input.path.display().to_string()).collect();
        let problem = format!("it holds {}; give one of them", names.join(", "));
        return Err(Problem::usage(path, problem).into());
    }
    match found.pop() {
        Some(input) if !matches!(input.thing, Thing::Pack | Thing::Packs) => Ok(input),
        _ => {
            let problem =
                "packs have no small levels; give the bundle, or decode the packs to a tree and give that";
            Err(Problem::usage(path, problem).into())
        }
    }
}

/// Where the result goes.
fn out_path(args: &ConvertArgs, input: &Input) -> Result<PathBuf> {
    let extension = args.to.extension();
    let Some(out) = &args.out else {
        let Some(name) = input.home.file_name().filter(|_| !is_address(&input.home)) else {
            usage!("{}: give --out: its result has no place beside it", input.path.display());
        };
        return Ok(input.home.with_file_name(format!("{}.{extension}", name.to_string_lossy())));
    };
    // As it is written: a tree is always found by its .dzi.
    let is_named = out.extension().is_some_and(|own| own == extension);
    let is_dir =
        out.as_os_str().to_string_lossy().ends_with('/') || (args.to != Container::Dicom && out.is_dir());
    match args.to {
        _ if is_dir => usage!("--out {}: it names a directory; give the name of the result", out.display()),
        _ if out.file_name().is_none() => {
            usage!("--out {}: it ends in no name; give the name of the result", out.display())
        }
        Container::Dzi | Container::Szi if !is_named => {
            usage!("--out {}: programs know it by its name, which must end in .{extension}", out.display())
        }
        _ => Ok(out.clone()),
    }
}

fn open(args: &ConvertArgs, input: &Input) -> Result<Source> {
    args.open.refuse_choice(&input.path, input.thing)?;
    Ok(match input.thing {
        Thing::Slide => Source::Slide(Box::new(Slide::open(&input.path, &args.open.options())?)),
        Thing::Tree => Source::Tree(Box::new(Tree::open(&input.path, Missing::Refuse)?)),
        Thing::Bundle | Thing::Pack | Thing::Packs => {
            Source::Bundle(Box::new(decode::Input::file(&input.path, Kind::Bundle)?))
        }
    })
}

/// The associated images that are asked for: where they go, and their PNGs.
fn associated(
    args: &ConvertArgs,
    source: &Source,
    path: &Path,
    out: &Path,
    place: &OutPlace,
) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let have: Vec<String> = match source {
        Source::Bundle(bundle) => bundle.meta().associated.iter().map(|image| image.name.clone()).collect(),
        Source::Slide(slide) => slide.info.associated.clone(),
        Source::Tree(_) => Vec::new(),
    };
    let whole = out.file_name().unwrap_or_default().to_string_lossy();
    let ending = format!(".{}", args.to.extension());
    let stem = whole
        .strip_suffix(&ending)
        .or_else(|| whole.rsplit_once('.').map(|(stem, _)| stem))
        .unwrap_or(&whole);
    let mut images = Vec::new();
    for name in &args.associated {
        if name.contains(['/', '\\']) || !have.contains(name) {
            let have = if have.is_empty() { "none".into() } else { have.join(", ") };
            let problem = format!("no associated image \"{name}\"; it has: {have}");
            return Err(Problem::usage(path, problem).into());
        }
        let to = out.with_file_name(format!("{stem}_{name}.png"));
        let is_there = to.exists() || place.has(Path::new(to.file_name().unwrap_or_default()))?;
        if is_there && !args.overwrite {
            return Err(exists(&to));
        }
        let png = match source {
            Source::Slide(slide) => {
                let image = slide.associated_image(name)?;
                encode_png(&image.rgb, 3, image.width as usize, image.height as usize)?
            }
            Source::Bundle(bundle) => {
                let kept = bundle.meta().associated.iter().find(|image| image.name == *name);
                let damaged = || Problem::failed(path, format!("its image \"{name}\" is damaged"));
                kept.and_then(AssociatedImage::bytes).ok_or_else(damaged)?
            }
            Source::Tree(_) => continue,
        };
        images.push((to, png));
    }
    Ok(images)
}

fn exists(path: &Path) -> anyhow::Error {
    Problem::failed(path, "it is there already; remove it, choose another --out, or give --overwrite").into()
}

fn print_summary(out: &Path, to: Container, converted: &Converted, seconds: f64, opened: &OpenBackend) {
    let Converted {
        size: (width, height),
        levels,
        tile,
        tiles,
        tile_bytes,
        recoded,
        recut_from,
        channels,
        placeholders,
    } = converted;
    let format = if to == Container::Dicom { "DICOM" } else { "TIFF" };
    if let Some(own) = recut_from {
        note!(
            "{}: the side of a tile in {format} is a multiple of 16, so tiles of {own} were cut anew and coded again",
            out.display()
        );
    }
    if *recoded > 0 {
        note!(
            "{}: {recoded} of {tiles} tiles were decoded and coded again; docs/convert.md says of which that is",
            out.display()
        );
    }
    if let [first, more @ ..] = &channels[..] {
        let list = more.iter().fold(first.to_string(), |list, channel| format!("{list}, {channel}"));
        let what = if more.is_empty() { "channel" } else { "the colours of channels" };
        note!(
            "{}: it is one picture of 8 bits, made of {what} {list}; the values of a channel are not kept",
            out.display()
        );
    }
    if !placeholders.is_empty() {
        let each: Vec<_> = placeholders.iter().map(|(name, value)| format!("{name} {value}")).collect();
        note!(
            "{}: DICOM demands what nothing says, so these are placeholders; --attributes gives them: {}",
            out.display(),
            each.join(", ")
        );
    }
    say!(
        "{}: {width}x{height}, {levels} levels, {tiles} tiles of {tile}, {}, {seconds:.1} s {}",
        out.display(),
        human_bytes(*tile_bytes),
        opened.summary()
    );
}
