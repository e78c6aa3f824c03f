//! `origami decode`: a bundle or packs to a Deep Zoom tree.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use origami::archive::{AssociatedImage, Kind};
use origami::backend::scheduler::Scheduler;
use origami::decode::{self, DecodeOptions, DecodeReport, Timing};
use origami::image::spec::{MAX_ENTRIES, MAX_TILE};
use origami::image::ycc::Sampling;
use origami::kernels::taps::Filter;
use origami::output::icc::Icc;
use origami::output::render::Output;
use origami::output::tile::OutputFormat;
use origami::pyramid::tree::Tree;
use origami::pyramid::write::{Existing, write_whole};
use serde_json::json;

use super::args::backend::{BackendArgs, OpenBackend, Workload};
use super::args::values::{TILE_SAMPLINGS, names, one_of, whole};
use super::args::work::WorkArgs;
use super::batch::{Batch, Outcome};
use super::fault::usage;
use super::inputs::{self, Input, Inputs, SeveralArgs, Takes, Thing};
use super::place::{OutPlace, refuse_existing};
use super::print::{families, human_bytes, note, say};
use super::progress::Work;
use super::signals;
use super::sources::Sources;

/// Decode bundles or packs to Deep Zoom trees.
///
/// Writes decoded_pyramid.dzi and its tiles. Filters, tile size and sharpening come from the archive.
#[derive(Args)]
pub struct DecodeArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The slide's tree, for the small levels that packs do not hold
    #[arg(long, value_name = "P", help_heading = "Input", hide_short_help = true)]
    pyramid: Option<PathBuf>,
    /// Quality of the tiles of L0 and L1 [range: 1 to 100]
    #[arg(long, value_name = "Q", default_value_t = 95, value_parser = whole::<u8>(1..=100))]
    #[arg(help_heading = "Quality")]
    quality: u8,
    /// Where the tree goes [default: where residual_packs/ is; beside x.bundle the directory x]
    ///
    /// Of several inputs each gets a directory of its name in it.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Tile size; an error where it contradicts the archive [range: 1 to 4096] [default: the archive's]
    #[arg(long, value_name = "PX", value_parser = whole::<u32>(1..=MAX_TILE.into()))]
    #[arg(help_heading = "Input", hide_short_help = true)]
    tile: Option<u32>,
    /// Filter; an error where it contradicts the archive [default: the archive's]
    #[arg(long, value_name = "FILTER", value_parser = names::<Filter>(), help_heading = "Quality", hide_short_help = true)]
    upsample_filter: Option<Filter>,
    /// Format of the tiles; png shows the planes without another lossy step
    #[arg(long, value_name = "FORMAT", value_enum, value_parser = names::<OutputFormat>())]
    #[arg(default_value_t = OutputFormat::Jpeg, help_heading = "Output")]
    output_format: OutputFormat,
    /// Chroma sampling of JPEG tiles
    #[arg(long, value_name = "SAMPLING", value_parser = one_of(TILE_SAMPLINGS), default_value = "420")]
    #[arg(help_heading = "Quality", hide_short_help = true)]
    tile_subsamp: Sampling,
    /// Luma only
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    grayscale: bool,
    /// Also write an image that came with the slide and was kept, such as label [default: none]
    ///
    /// It becomes NAME.png beside the tree. It may identify a patient.
    #[arg(long, value_name = "NAME", help_heading = "Output", hide_short_help = true)]
    associated: Vec<String>,
    /// How tiles carry the colour profile [default: embed up to 4 kB and in png, else srgb]
    ///
    /// embed: it is in each tile. srgb: pixels are converted. none: neither. Tiles of a lossless archive stay as they are stored,
    /// unless srgb is given.
    #[arg(long, value_name = "HOW", value_parser = names::<Icc>(), help_heading = "Output", hide_short_help = true)]
    icc: Option<Icc>,
    /// Stop after N families [range: 1 to 67108864] [default: all]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=MAX_ENTRIES))]
    #[arg(help_heading = "Input", hide_short_help = true)]
    max_parents: Option<u64>,
    /// Print where the time of each family went
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    timing: bool,
    /// Replace a decoded tree that is there
    #[arg(long, help_heading = "Safety")]
    overwrite: bool,
    /// Leave a decoded tree that is whole and was made in the same way
    ///
    /// That is of the same archive with the same parameters.
    #[arg(long, help_heading = "Safety")]
    skip_existing: bool,
    #[command(flatten)]
    several: SeveralArgs,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    work: WorkArgs,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct InputArgs {
    /// Bundles, packs, or directories that hold them
    #[arg(value_name = "BUNDLE|DIR", help_heading = "Input")]
    inputs: Vec<PathBuf>,
    /// A directory of .pack files
    #[arg(long, value_name = "DIR", help_heading = "Input", hide_short_help = true)]
    packs: Option<PathBuf>,
    /// One .pack: only its family is written
    #[arg(long, value_name = "F", help_heading = "Input", hide_short_help = true)]
    pack_file: Option<PathBuf>,
    /// A .bundle
    #[arg(long, value_name = "F", help_heading = "Input", hide_short_help = true)]
    bundle: Option<PathBuf>,
}

impl InputArgs {
    fn inputs(&self) -> Result<Inputs> {
        match (&self.packs, &self.pack_file, &self.bundle) {
            (Some(dir), ..) => Ok(Inputs::one(dir, Thing::Packs)),
            (_, Some(file), _) => Ok(Inputs::one(file, Thing::Pack)),
            (.., Some(file)) => Ok(Inputs::one(file, Thing::Bundle)),
            _ => inputs::find(&self.inputs, Takes::ARCHIVES),
        }
    }
}

pub fn run(args: DecodeArgs) -> Result<ExitCode> {
    let inputs = args.input.inputs()?;
    if inputs.several && args.pyramid.is_some() {
        usage!("--pyramid is the tree of one slide, and there are {} inputs; give one", inputs.list.len());
    }
    if args.timing && args.work.json() {
        usage!("--timing is a table, and --json prints one object; leave one of them out");
    }
    let results = inputs.results(args.out.as_deref())?;
    let scheduler = args.work.scheduler()?;
    let shared = match inputs.several {
        true => Some(args.backend.open(Workload::Decode(None), None, &scheduler, !args.work.summary())?),
        false => None,
    };
    let run = Run { sources: Sources::of(&inputs.list), args: &args, shared, scheduler };
    let batch = Batch {
        command: "decode",
        done: "decoded",
        json: args.work.json(),
        summary: args.work.summary(),
        keep_going: args.several.keep_going,
    };
    batch.run(&inputs, |input| run.one(input, &results[&input.path]))
}

/// What the decodes of a run share.
struct Run<'a> {
    args: &'a DecodeArgs,
    sources: Sources,
    /// The backend of several inputs.
    shared: Option<OpenBackend>,
    scheduler: Scheduler,
}

impl Run<'_> {
    /// Decodes one archive to a tree in `out`.
    fn one(&self, which: &Input, out: &Path) -> Result<Outcome> {
        let args = self.args;
        let (place, dzi) = (OutPlace::of(out)?, PathBuf::from(format!("{}.dzi", decode::DECODED_NAME)));
        place.check_tree(&dzi, args.overwrite || args.skip_existing)?;
        self.sources.spare_tree(&out.join(&dzi))?;
        signals::writes(&out.join(&dzi));
        let input = match which.thing {
            Thing::Packs => decode::Input::packs(&which.path)?,
            Thing::Pack => decode::Input::file(&which.path, Kind::Pack)?,
            _ => decode::Input::file(&which.path, Kind::Bundle)?,
        };
        let tree = args.pyramid.as_deref().map(Tree::open_small_levels).transpose()?;
        if let Some(tree) = &tree {
            let mut small_levels = Sources::default();
            small_levels.add(tree.path(), Thing::Tree);
            small_levels.spare_tree(&out.join(&dzi))?;
        }
        let options = args.options();
        // A wrong name must fail before the work.
        let associated = args.associated(&input, place.dir())?;
        if args.skip_existing && decode::is_decoded(&input, out, &options) {
            return Ok(skipped(&which.path, out, args));
        }
        for (to, png) in &associated {
            self.sources.spare_file(to)?;
            // An image that an interrupted run left is the same.
            refuse_existing(to, args.overwrite || std::fs::read(to).is_ok_and(|there| there == *png))?;
        }
        let total = (input.families().len() as u64).min(args.max_parents.unwrap_or(u64::MAX));
        let opened = match &self.shared {
            Some(_) => None,
            None => Some(args.backend.open(
                Workload::Decode(Some(&input.meta().encode)),
                Some(total),
                &self.scheduler,
                !args.work.summary(),
            )?),
        };
        let Some(opened) = self.shared.as_ref().or(opened.as_ref()) else { bail!("no backend") };
        let progress = Work::families(&which.path.to_string_lossy(), total, args.work.progress());
        if args.timing {
            say!("family  read_us  decode_us  reconstruct_us  encode_us  write_us");
        }
        let on_family = |done: u64, t: &Timing| {
            progress.set(done);
            if args.timing {
                let us = |d: std::time::Duration| d.as_micros();
                let (read, decode, rest) = (us(t.read), us(t.decode), us(t.reconstruct));
                say!("{}  {read}  {decode}  {rest}  {}  {}", t.id, us(t.encode), us(t.write));
            }
        };
        let started = std::time::Instant::now();
        let mut report = decode::decode(
            &input,
            tree.as_ref(),
            place.dir(),
            &options,
            &*opened.backend,
            &self.scheduler,
            &on_family,
        )?;
        progress.finish();
        for (path, png) in associated {
            write_whole(&path, &png)?;
        }
        place.publish(&dzi, false)?;
        report.dzi = out.join(dzi);
        if let (Some(problem), true) = (&report.profile_problem, args.work.summary()) {
            note!("{}: the colour profile is not in the tiles: {problem}", report.dzi.display());
        }
        let seconds = started.elapsed().as_secs_f64();
        if args.work.summary() {
            print_summary(&report, seconds, opened);
        }
        Ok(Outcome::good(json!({
            "source": which.path, "dzi": report.dzi, "families": report.families, "left_out": report.left_out,
            "tile_bytes": report.tile_bytes, "seconds": seconds, "backend": opened.backend.name(),
        })))
    }
}

impl DecodeArgs {
    /// The associated images that are asked for: where they go, and their PNGs.
    fn associated(&self, input: &decode::Input, out: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let kept = &input.meta().associated;
        let one = |name: &String| {
            let found = kept.iter().find(|image| image.name == *name && !name.contains(['/', '\\']));
            let Some(png) = found.and_then(AssociatedImage::bytes) else {
                let names: Vec<_> = kept.iter().map(|image| image.name.as_str()).collect();
                let have = if names.is_empty() { "none".into() } else { names.join(", ") };
                usage!(
                    "{}: no associated image \"{name}\"; it has: {have}",
                    input.archive().path().display()
                );
            };
            Ok((out.join(format!("{name}.png")), png))
        };
        self.associated.iter().map(one).collect()
    }

    fn options(&self) -> DecodeOptions {
        DecodeOptions {
            output: Output {
                format: self.output_format,
                quality: self.quality,
                sampling: self.tile_subsamp,
                grayscale: self.grayscale,
            },
            icc: self.icc,
            tile: self.tile,
            upsample_filter: self.upsample_filter,
            max_parents: self.max_parents,
            existing: if self.overwrite { Existing::Replace } else { Existing::Keep },
        }
    }
}

/// A result that stays as it is.
fn skipped(source: &Path, out: &Path, args: &DecodeArgs) -> Outcome {
    let dzi = out.join(format!("{}.dzi", decode::DECODED_NAME));
    if args.work.summary() {
        say!("{}: it is there already, made of this archive with these parameters", dzi.display());
    }
    Outcome::skipped(json!({"source": source, "dzi": dzi, "skipped": true}))
}

fn print_summary(report: &DecodeReport, seconds: f64, opened: &OpenBackend) {
    if report.left_out > 0 {
        note!("{}: {} of the slide's families are not in it", report.dzi.display(), report.left_out);
    }
    say!(
        "{}: {}, {} of tiles, {seconds:.1} s {}",
        report.dzi.display(),
        families(report.families),
        human_bytes(report.tile_bytes),
        opened.summary()
    );
}
