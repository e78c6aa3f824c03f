//! `origami compare`: two images at full size, each a slide, a tree or a bundle.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::codec::encode_png;
use origami::pyramid::write::write_whole;
use origami::quality::compare::{CELL_PX, Comparison, compare};
use origami::quality::rows::RowSource;
use origami::report::side_by_side::side_by_side;
use origami::slide::OpenOptions;

use super::args::open::OpenArgs;
use super::args::work::WorkArgs;
use super::fault::{Problem, usage};
use super::inputs::{self, Input, Thing};
use super::json;
use super::place;
use super::print::say;
use super::progress::Work;
use super::signals;
use super::sources::Sources;

/// Measure an image against a reference: Y-PSNR, SSIM, Delta E.
///
/// Y-PSNR, SSIM of luma and Delta E 2000, at full size. Both are a slide, an image, a Deep Zoom tree or a bundle; of the directory of a
/// slide its tree, or else its bundle.
#[derive(Args)]
pub struct CompareArgs {
    /// The reference
    #[arg(help_heading = "Input")]
    reference: PathBuf,
    /// The image to judge
    #[arg(help_heading = "Input")]
    image: PathBuf,
    /// Luma only: no Delta E
    #[arg(long, help_heading = "Quality")]
    luma_only: bool,
    /// Write a picture: reference, image, and their difference, side by side [default: none]
    ///
    /// The difference is drawn 4 times as large, around gray.
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    picture: Option<PathBuf>,
    /// Which part the picture shows, in pixels of L0 [default: the 512x512 in which they differ most]
    #[arg(long, value_name = "X,Y,W,H", value_parser = parse_region, requires = "picture")]
    #[arg(help_heading = "Output")]
    region: Option<[u32; 4]>,
    /// Replace a picture that is there
    #[arg(long, requires = "picture", help_heading = "Safety")]
    overwrite: bool,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    work: WorkArgs,
}

fn parse_region(text: &str) -> Result<[u32; 4], String> {
    let numbers = text.split(',').map(|n| n.trim().parse()).collect::<Result<Vec<u32>, _>>();
    match numbers.as_deref() {
        Ok(&[x, y, w, h]) if w > 0 && h > 0 => Ok([x, y, w, h]),
        _ => Err("four whole numbers, width and height above 0, as 900,1500,512,512".into()),
    }
}

impl CompareArgs {
    fn inputs(&self) -> Result<[Input; 2]> {
        let inputs = [inputs::image(&self.reference)?, inputs::image(&self.image)?];
        // What is chosen of a slide may be compared with a bundle, of which there is nothing to choose.
        if let [first, ..] = &inputs
            && inputs.iter().all(|input| input.thing != Thing::Slide)
        {
            self.open.refuse_choice(&first.path, first.thing)?;
        }
        Ok(inputs)
    }

    fn open([reference, image]: &[Input; 2], options: &OpenOptions) -> Result<(RowSource, RowSource)> {
        let open = |Input { path, thing, .. }: &Input| {
            Ok(match thing {
                Thing::Slide => RowSource::slide(path, options)?,
                Thing::Tree => RowSource::tree(path)?,
                Thing::Bundle => RowSource::bundle(path)?,
                Thing::Pack | Thing::Packs => {
                    let problem = "a pack holds one family; give the slide's bundle";
                    return Err(anyhow::Error::from(Problem::usage(path, problem)));
                }
            })
        };
        Ok((open(reference)?, open(image)?))
    }
}

pub fn run(args: CompareArgs) -> Result<()> {
    let scheduler = args.work.scheduler()?;
    let (inputs, options) = (args.inputs()?, args.open.options());
    if let Some(path) = &args.picture {
        Sources::of(&inputs).spare_file(path)?;
        place::refuse_existing(path, args.overwrite)?;
        signals::writes(path);
    }
    let (mut reference, mut tree) = CompareArgs::open(&inputs, &options)?;
    check_region(args.region, reference.size())?;
    let name = args.image.to_string_lossy();
    let progress = Work::new(&name, reference.size().1.into(), "rows", args.work.progress());
    let result = compare(&mut reference, &mut tree, !args.luma_only, &scheduler, &|done| progress.set(done))?;
    progress.finish();
    if let Some(path) = &args.picture {
        let region = region(&args, reference.size(), &result);
        // Sequential slides cannot be read twice, so both are opened again.
        let (mut reference, mut tree) = CompareArgs::open(&inputs, &options)?;
        let picture = side_by_side(&mut reference, &mut tree, region, &scheduler)?;
        write_whole(path, &encode_png(&picture.rgb, 3, picture.width, picture.height)?)?;
    }
    if args.work.json() {
        return print_json(&args, &result);
    }
    if args.work.summary() {
        print(&result);
        if let Some(path) = &args.picture {
            say!("{}: reference, image and difference", path.display());
        }
    }
    Ok(())
}

/// The region of the picture: as given, or the cell with the largest error.
fn region(args: &CompareArgs, (width, height): (u32, u32), result: &Comparison) -> [u32; 4] {
    let (x, y) = result.worst_px;
    args.region.unwrap_or([x, y, CELL_PX.min(width), CELL_PX.min(height)])
}

/// Refuses a region outside the reference before anything is compared.
fn check_region(region: Option<[u32; 4]>, (width, height): (u32, u32)) -> Result<()> {
    match region {
        Some([x, y, w, h]) if x.saturating_add(w) > width || y.saturating_add(h) > height => {
            usage!("--region {x},{y},{w},{h} does not lie inside {width}x{height}")
        }
        _ => Ok(()),
    }
}

fn print_json(args: &CompareArgs, result: &Comparison) -> Result<()> {
    let value = serde_json::json!({
        "reference": args.reference, "tree": args.image, "identical": result.identical, "y_psnr": result.y_psnr, "rgb_psnr": result.rgb_psnr,
        "ssim": result.ssim, "delta_e_2000": result.delta_e, "delta_e_2000_p95": result.delta_e_p95,
    });
    Ok(json::print("compare", value)?)
}

fn print(result: &Comparison) {
    if result.identical {
        say!("identical: every pixel is the same");
    }
    let rows = [
        ("Y-PSNR", Some(result.y_psnr), " dB"),
        ("RGB-PSNR", result.rgb_psnr, " dB"),
        ("SSIM (luma)", result.ssim, ""),
        ("Delta E 2000 mean", result.delta_e, ""),
        ("Delta E 2000 p95", result.delta_e_p95, ""),
    ];
    for (name, value, unit) in rows {
        if let Some(value) = value {
            say!("{name:<22}{value:.4}{unit}");
        }
    }
}
