//! `origami crop`: a rectangle of a bundle, tree or slide at any scale, as a picture. The server's `region` makes the same one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use origami::output::icc::{Colour, Icc, Profile};
use origami::output::picture::PictureFormat;
use origami::output::tile::OutputFormat;
use origami::pixels::{self, Decoded, Limits, Place, Ratio, Reading, Region, RegionError, Scale};
use origami::pyramid::tree::is_tree_file;
use origami::pyramid::write::write_whole;
use origami::store::is_address;
use serde_json::json;

use super::args::open::OpenArgs;
use super::args::values::{names, real, whole};
use super::args::work::JsonArgs;
use super::fault::{Problem, usage};
use super::inputs::Thing;
use super::json;
use super::place::OutPlace;
use super::print::{human_bytes, note, say};
use super::signals;
use super::sources::Sources;

/// What is made: more than a server makes for a request.
const LIMITS: Limits = Limits { side_px: 65_535, area_px: 1 << 28, read_px: 1 << 30 };
/// Memory for what is decoded of tiles and families.
const CACHE_BYTES: u64 = 64 << 20;

/// Cut a rectangle out of a bundle, tree or slide.
///
/// The rectangle is in pixels of the full resolution. Its picture is made of the coarsest level that has enough pixels, and has the pixels
/// that origami serve sends of the same rectangle.
#[derive(Args)]
pub struct CropArgs {
    /// A bundle, tree or slide
    #[arg(value_name = "BUNDLE|TREE|SLIDE", help_heading = "Input")]
    input: PathBuf,
    /// Left, top, width and height in pixels of the full resolution
    #[arg(value_name = "X,Y,W,H", value_parser = rectangle, help_heading = "Input")]
    rectangle: Place,
    /// Where the picture goes
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
    /// Micrometres per pixel of the picture [range: 0 to 10000] [default: those of the slide]
    #[arg(long, value_name = "MICRONS", value_parser = real(0.0..=10_000.0), help_heading = "Quality")]
    #[arg(conflicts_with_all = ["scale", "level"])]
    mpp: Option<f64>,
    /// Pixels of the picture for one of the slide, as 0.25 or 1/3 [default: 1]
    #[arg(long, value_name = "RATIO", value_parser = ratio, help_heading = "Quality", conflicts_with = "level")]
    scale: Option<Ratio>,
    /// Level: each has half of the pixels a side of the one before [range: 0 to 31] [default: 0]
    #[arg(long, value_name = "N", value_parser = whole::<u32>(0..=31), help_heading = "Quality")]
    level: Option<u32>,
    /// What is written; raw is 8-bit RGB without a header [default: by the name of the file]
    #[arg(long, value_name = "FORMAT", value_enum, value_parser = names::<PictureFormat>(), help_heading = "Output")]
    format: Option<PictureFormat>,
    /// Quality of JPEG and WebP [range: 1 to 100]
    #[arg(long, value_name = "Q", default_value_t = 95, value_parser = whole::<u8>(1..=100))]
    #[arg(help_heading = "Quality")]
    quality: u8,
    /// How the picture carries the slide's colour profile [default: embed, but srgb for profiles over 4 KiB in JPEG and WebP]
    #[arg(long, value_name = "HOW", value_parser = names::<Icc>(), help_heading = "Output", hide_short_help = true)]
    icc: Option<Icc>,
    /// Replace a file that is there
    #[arg(long, help_heading = "Safety")]
    overwrite: bool,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    json: JsonArgs,
}

/// Four whole numbers. Whether they lie in the slide is known once it is open.
fn rectangle(text: &str) -> Result<Place, String> {
    let numbers = text.split(',').map(|n| n.parse()).collect::<Result<Vec<u64>, _>>();
    match numbers.as_deref() {
        Ok(&[x, y, width, height]) => Ok(Place { x, y, width, height }),
        _ => Err("give four whole numbers, as 900,1500,512,512".into()),
    }
}

fn ratio(text: &str) -> Result<Ratio, String> {
    Ratio::parse(text).ok_or_else(|| "give a decimal or a fraction above 0, as 0.25 or 1/3".into())
}

pub fn run(args: CropArgs) -> Result<ExitCode> {
    let format = format_of(&args)?;
    let started = Instant::now();
    let name = PathBuf::from(args.out.file_name().unwrap_or_default());
    let dir = args.out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = OutPlace::of(dir)?;
    if !args.overwrite && place.has(&name)? {
        let problem = "it is there already; remove it, choose another --out, or give --overwrite";
        return Err(Problem::failed(&args.out, problem).into());
    }
    sources(&args)?.spare_file(&args.out)?;
    signals::writes(&args.out);
    let read = |e: pixels::ReadError| e.into_error(&args.input);
    let decoded = Arc::new(Decoded::new(CACHE_BYTES));
    let source =
        pixels::open_with(&args.input, &decoded, &args.open.options(), "--max-memory").map_err(read)?;
    let full = source.levels().first().copied().unwrap_or_default();
    let info = source.info();
    if !args.json.json {
        info.warnings.iter().for_each(|warning| note!("{}: {warning}", args.input.display()));
    }
    let region = Region::new((full, info.microns_per_pixel), args.rectangle, scale(&args), LIMITS);
    let region = region.map_err(|e| refused(&args, &e))?;
    let (width, height) = region.size();
    if width.max(height) > format.max_side_px() {
        let most = format.max_side_px();
        usage!(
            "the picture would be {width}x{height}; {} has at most {most} pixels a side: give another --format",
            format.name()
        );
    }
    let plan = region.plan(source.levels(), LIMITS).map_err(|e| refused(&args, &e))?;
    let cancel = signals::cancel();
    let how = Reading { alone: true, goes_on: &|| !cancel.is_requested() };
    let picture = plan.read(|patch| source.read(plan.level, patch, how)).map_err(read)?.into_pixels();
    let profile = info.icc.as_deref().map(Profile::parse).transpose();
    let profile = profile.unwrap_or_else(|problem| {
        note!("{}: its colour profile is left out: {problem}", args.input.display());
        None
    });
    let colour = Colour::new(profile.as_ref(), args.icc, format.coded().unwrap_or(OutputFormat::Png));
    let bytes = format.encode(picture, args.quality, &colour)?;
    // Relative names stay as they were given.
    let at = if is_address(&args.out) { place.dir().join(&name) } else { args.out.clone() };
    write_whole(&at, &bytes)?;
    place.publish(&name, args.overwrite)?;
    let (seconds, count) = (started.elapsed().as_secs_f64(), bytes.len() as u64);
    if args.json.json {
        let rect = region.rect();
        json::print(
            "crop",
            json!({
                "source": args.input, "out": args.out, "format": format, "x": rect.x, "y": rect.y, "w": rect.width, "h": rect.height,
                "width": width, "height": height, "level": plan.level, "bytes": count, "seconds": seconds,
            }),
        )?;
    } else {
        say!("{}: {width}x{height}, {}, {seconds:.1} s", args.out.display(), human_bytes(count));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is read.
fn sources(args: &CropArgs) -> Result<Sources> {
    let mut sources = Sources::default();
    if is_address(&args.input) {
        // Of a tree that is its descriptor, which says where its tiles lie.
        let thing = if is_tree_file(&args.input) { Thing::Tree } else { Thing::Bundle };
        sources.add(&args.input, thing);
        return Ok(sources);
    }
    sources.add_slide(&args.input)?;
    Ok(sources)
}

/// The format that is asked for, or that the name of the file says.
fn format_of(args: &CropArgs) -> Result<PictureFormat> {
    let extension = args.out.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let named = extension.as_deref().and_then(PictureFormat::of_name);
    match args.format.or(named) {
        Some(PictureFormat::Webp) if cfg!(not(feature = "webp")) => {
            usage!("{}: this build has no WebP; build with --features webp", args.out.display())
        }
        Some(format) => Ok(format),
        None => usage!(
            "--out {}: its name does not say a format; end it in .png, .jpg, .webp or .raw, or give --format",
            args.out.display()
        ),
    }
}

fn scale(args: &CropArgs) -> Scale {
    match (args.mpp, args.scale, args.level) {
        (Some(microns), ..) => Scale::Microns(microns),
        (_, Some(ratio), _) => Scale::Ratio(ratio),
        (.., level) => Scale::Level(level.unwrap_or(0)),
    }
}

/// Why the slide has no such picture.
fn refused(args: &CropArgs, error: &RegionError) -> anyhow::Error {
    Problem::usage(&args.input, error.to_string()).into()
}
