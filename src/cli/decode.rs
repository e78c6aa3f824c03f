//! `origami decode`: a bundle or packs to a Deep Zoom tree.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::archive::Kind;
use origami::decode::{DECODED_NAME, DecodeOptions, Input, Timing, decode};
use origami::image::ycc::Sampling;
use origami::kernels::taps::Filter;
use origami::output::render::Output;
use origami::output::tile::OutputFormat;
use origami::pyramid::tree::Tree;
use origami::pyramid::write::Existing;

use super::args::backend::{BackendArgs, Workload};
use super::args::values::{TILE_SAMPLINGS, names, one_of};
use super::args::work::WorkArgs;
use super::fault::usage;
use super::print::{human_bytes, say};
use super::progress::Families;
use super::signals;

/// Writes DIR/decoded_pyramid.dzi and its tiles.
#[derive(Args)]
pub struct DecodeArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The slide's tree, for the small levels that packs do not hold
    #[arg(long, value_name = "P")]
    pyramid: Option<PathBuf>,
    /// Where decoded_pyramid.dzi goes
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Quality of the tiles of L0 and L1
    #[arg(long, value_name = "Q", default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Tile size; an error where it contradicts the archive [default: the archive's]
    #[arg(long)]
    tile: Option<u32>,
    /// Filter; an error where it contradicts the archive [default: the archive's]
    #[arg(long, value_parser = names::<Filter>())]
    upsample_filter: Option<Filter>,
    /// Format of the tiles; png shows the planes without another lossy step
    #[arg(long, value_enum, value_parser = names::<OutputFormat>(), default_value_t = OutputFormat::Jpeg)]
    output_format: OutputFormat,
    /// Chroma sampling of JPEG tiles
    #[arg(long, value_parser = one_of(TILE_SAMPLINGS), default_value = "420")]
    tile_subsamp: Sampling,
    /// Luma only
    #[arg(long)]
    grayscale: bool,
    /// Stop after N families
    #[arg(long, value_name = "N")]
    max_parents: Option<u64>,
    /// Print where the time of each family went
    #[arg(long)]
    timing: bool,
    /// Replace a decoded tree that is there
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    work: WorkArgs,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct InputArgs {
    /// A directory of .pack files
    #[arg(long, value_name = "DIR")]
    packs: Option<PathBuf>,
    /// One .pack: only its family is written
    #[arg(long, value_name = "F")]
    pack_file: Option<PathBuf>,
    /// A .bundle
    #[arg(long, value_name = "F")]
    bundle: Option<PathBuf>,
}

pub fn run(args: DecodeArgs) -> Result<()> {
    if args.max_parents == Some(0) {
        usage!("--max-parents 0: decode at least one family");
    }
    let input = match (&args.input.packs, &args.input.pack_file, &args.input.bundle) {
        (Some(dir), ..) => Input::packs(dir)?,
        (_, Some(file), _) => Input::file(file, Kind::Pack)?,
        (.., Some(file)) => Input::file(file, Kind::Bundle)?,
        _ => anyhow::bail!("give --packs, --pack-file or --bundle"),
    };
    let tree = args.pyramid.as_deref().map(Tree::open_small_levels).transpose()?;
    let options = DecodeOptions {
        output: Output {
            format: args.output_format,
            quality: args.quality,
            sampling: args.tile_subsamp,
            grayscale: args.grayscale,
        },
        tile: args.tile,
        upsample_filter: args.upsample_filter,
        max_parents: args.max_parents,
        existing: if args.overwrite { Existing::Replace } else { Existing::Keep },
    };
    let total = (input.families().len() as u64).min(args.max_parents.unwrap_or(u64::MAX));
    let scheduler = args.work.scheduler()?;
    let opened = args.backend.open(Workload::Decode, Some(total), &scheduler, args.work.quiet)?;
    let progress = Families::new(&args.out.to_string_lossy(), total, args.work.progress());
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
    signals::writes(&args.out.join(format!("{DECODED_NAME}.dzi")));
    let report =
        decode(&input, tree.as_ref(), &args.out, &options, &*opened.backend, &scheduler, &on_family)?;
    progress.finish();
    if report.left_out > 0 && args.work.summary() {
        eprintln!("{}: {} of the slide's families are not in it", report.dzi.display(), report.left_out);
    }
    if args.work.summary() {
        let seconds = started.elapsed().as_secs_f64();
        say!(
            "{}: {} families, {} of tiles, {seconds:.1} s {}",
            report.dzi.display(),
            report.families,
            human_bytes(report.tile_bytes),
            opened.summary()
        );
    }
    Ok(())
}
