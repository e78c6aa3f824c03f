//! `origami compare`: a tree against a slide or another tree, at full size.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use origami::backend::scheduler::{Scheduler, tile_bytes};
use origami::codec::encode_png;
use origami::error::Error;
use origami::image::geometry::TileId;
use origami::kernels::color::rgb_to_ycc;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::write::write_whole;
use origami::quality::metrics::{DeltaE, SquaredError, SsimRows};
use origami::slide::{Access, Slide};
use serde_json::json;

use super::WorkArgs;
use super::pyramid::OpenArgs;

/// Y-PSNR, SSIM of luma, Delta E 2000 of a tree's L0 against a reference.
#[derive(Args)]
pub struct CompareArgs {
    /// The reference: a slide, an image, or a Deep Zoom tree
    reference: PathBuf,
    /// The tree to judge: its .dzi, the directory that holds it, or its _files
    tree: PathBuf,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
    /// Luma only: no Delta E
    #[arg(long)]
    luma_only: bool,
    /// Write a picture: reference, tree, and their difference (4 times, around gray), side by side
    #[arg(long, value_name = "PNG")]
    picture: Option<PathBuf>,
    /// Which part the picture shows: X,Y,W,H in pixels of L0 [default: the 512x512 in which they differ most]
    #[arg(long, value_name = "X,Y,W,H", value_parser = parse_region)]
    region: Option<[u32; 4]>,
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

/// What a comparison found.
pub struct Quality {
    pub y_psnr: f64,
    pub rgb_psnr: Option<f64>,
    pub ssim: Option<f64>,
    pub delta_e: Option<f64>,
    pub delta_e_p95: Option<f64>,
    /// Corner of the 512x512 cell with the largest error.
    worst_px: (u32, u32),
}

/// Rows of a slide at full size: luma, and RGB interleaved.
struct Rows {
    luma: Vec<u8>,
    rgb: Vec<u8>,
}

/// Anything whose full-size rows can be read from the top.
pub enum Side {
    Tree(Box<Tree>),
    Slide(Box<Slide>),
}

impl Side {
    pub fn open(path: &Path, open: OpenArgs) -> Result<Self> {
        let is_tree = path.is_dir() || path.extension().is_some_and(|e| e == "dzi");
        Ok(if is_tree {
            Side::Tree(Box::new(Tree::open(path, Missing::Background)?))
        } else {
            Side::Slide(Box::new(Slide::open(path, &open.options())?))
        })
    }

    fn size(&self) -> (u32, u32) {
        match self {
            Side::Tree(tree) => (tree.geometry().width(), tree.geometry().height()),
            Side::Slide(slide) => (slide.info.width, slide.info.height),
        }
    }

    /// The rows of a band of tiles. Bands are asked for in order.
    fn band(&mut self, top: u32, height: u32, scheduler: &Scheduler) -> Result<Rows> {
        let width = self.size().0 as usize;
        match self {
            Side::Tree(tree) => tree_band(tree, top, height, scheduler),
            Side::Slide(slide) => {
                let channels = usize::from(slide.info.channels);
                let mut pixels = vec![0; width * height as usize * channels];
                match &mut slide.access {
                    Access::Random(access) => access.read(0, top, width as u32, height, &mut pixels)?,
                    Access::Sequential(access) => access.read_rows(height, &mut pixels)?,
                }
                if channels == 1 {
                    let rgb = pixels.iter().flat_map(|&v| [v; 3]).collect();
                    return Ok(Rows { luma: pixels, rgb });
                }
                let n = width * height as usize;
                let (mut luma, mut cb, mut cr) = (vec![0; n], vec![0; n], vec![0; n]);
                rgb_to_ycc(&pixels, &mut luma, &mut cb, &mut cr);
                Ok(Rows { luma, rgb: pixels })
            }
        }
    }
}

fn tree_band(tree: &Tree, top: u32, height: u32, scheduler: &Scheduler) -> Result<Rows> {
    let geometry = *tree.geometry();
    let width = geometry.width() as usize;
    let mut rows = Rows { luma: vec![0; width * height as usize], rgb: vec![0; 3 * width * height as usize] };
    let (cols, tile_rows) = geometry.tiles(geometry.top_level());
    let (first, last) = (top / geometry.tile(), (top + height - 1) / geometry.tile());
    let ids = (first..=last.min(tile_rows - 1))
        .flat_map(|y| (0..cols).map(move |x| TileId { level: geometry.top_level(), x, y }));
    scheduler.ordered(
        tile_bytes(&geometry),
        ids.map(Ok::<_, Error>),
        |id| {
            let image = tree.tile_444(id)?;
            let rgb = image.to_rgb();
            Ok((id, image.luma, rgb))
        },
        |(id, luma, rgb)| {
            let Some(rect) = geometry.tile_rect(id) else { return Ok(()) };
            let w = rect.width as usize;
            for y in 0..rect.height {
                if !(top..top + height).contains(&(rect.y + y)) {
                    continue;
                }
                let at = (rect.y + y - top) as usize * width + rect.x as usize;
                rows.luma[at..][..w].copy_from_slice(luma.row(y as usize));
                rows.rgb[3 * at..][..3 * w].copy_from_slice(rgb.row(y as usize));
            }
            Ok(())
        },
    )?;
    Ok(rows)
}

/// Compares band by band; memory grows with the width of the slide only.
pub fn compare(
    reference: &mut Side,
    tree: &mut Side,
    colour: bool,
    scheduler: &Scheduler,
) -> Result<Quality> {
    let (width, height) = reference.size();
    if tree.size() != (width, height) {
        let (w, h) = tree.size();
        bail!("the reference is {width}x{height}, the tree {w}x{h}: not the same slide");
    }
    let (mut luma, mut rgb, mut delta) = (SquaredError::new(), SquaredError::new(), DeltaE::new());
    let mut ssim = SsimRows::new(width as usize);
    let mut worst = (0u64, (0, 0));
    for top in (0..height).step_by(512) {
        let rows = 512.min(height - top);
        let (a, b) = (reference.band(top, rows, scheduler)?, tree.band(top, rows, scheduler)?);
        luma.add(&a.luma, &b.luma);
        for (a, b) in a.luma.chunks_exact(width as usize).zip(b.luma.chunks_exact(width as usize)) {
            ssim.push(a, b);
        }
        for left in (0..width).step_by(512).filter(|&left| left + 512 <= width && rows == 512) {
            let error = (0..rows as usize).map(|y| {
                let at = y * width as usize + left as usize;
                a.luma[at..][..512]
                    .iter()
                    .zip(&b.luma[at..][..512])
                    .map(|(&a, &b)| u64::from(a.abs_diff(b)))
                    .sum::<u64>()
            });
            worst = worst.max((error.sum(), (left, top)));
        }
        if colour {
            rgb.add(&a.rgb, &b.rgb);
            // Colour differences are slow to compute; rows go to all threads.
            scheduler.ordered(
                1,
                (0..rows as usize).step_by(16).map(Ok::<_, Error>),
                |y| {
                    let part = 3 * width as usize * y..3 * width as usize * (y + 16).min(rows as usize);
                    let mut part_delta = DeltaE::new();
                    part_delta.add(&a.rgb[part.clone()], &b.rgb[part]);
                    Ok(part_delta)
                },
                |part| {
                    delta.merge(&part);
                    Ok(())
                },
            )?;
        }
    }
    Ok(Quality {
        y_psnr: luma.psnr().unwrap_or(f64::INFINITY),
        rgb_psnr: rgb.psnr(),
        ssim: ssim.finish().mean(),
        delta_e: delta.mean(),
        delta_e_p95: delta.percentile(0.95),
        worst_px: worst.1,
    })
}

pub fn run(args: CompareArgs) -> Result<()> {
    let scheduler = args.work.scheduler()?;
    let open = || -> Result<(Side, Side)> {
        Ok((Side::open(&args.reference, args.open)?, Side::open(&args.tree, args.open)?))
    };
    let (mut reference, mut tree) = open()?;
    let q = compare(&mut reference, &mut tree, !args.luma_only, &scheduler)?;
    if let Some(path) = &args.picture {
        let (width, height) = reference.size();
        let region = match args.region {
            Some([x, y, w, h]) if x.saturating_add(w) > width || y.saturating_add(h) > height => {
                bail!("--region {x},{y},{w},{h} does not lie inside {width}x{height}")
            }
            Some(region) => region,
            None => [q.worst_px.0, q.worst_px.1, 512.min(width), 512.min(height)],
        };
        // Sequential slides cannot be read twice.
        let (reference, tree) = open()?;
        picture(path, reference, tree, region, &scheduler)?;
    }
    if args.json {
        let value = json!({
            "reference": args.reference, "tree": args.tree, "y_psnr": q.y_psnr, "rgb_psnr": q.rgb_psnr, "ssim": q.ssim,
            "delta_e_2000": q.delta_e, "delta_e_2000_p95": q.delta_e_p95,
        });
        say!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    let show = |name: &str, value: Option<f64>, unit: &str| {
        if let Some(v) = value {
            say!("{name:<22}{v:.4}{unit}");
        }
    };
    show("Y-PSNR", Some(q.y_psnr), " dB");
    show("RGB-PSNR", q.rgb_psnr, " dB");
    show("SSIM (luma)", q.ssim, "");
    show("Delta E 2000 mean", q.delta_e, "");
    show("Delta E 2000 p95", q.delta_e_p95, "");
    Ok(())
}

/// Reference, tree and four times their difference, side by side.
fn picture(
    path: &Path,
    mut reference: Side,
    mut tree: Side,
    [x, y, w, h]: [u32; 4],
    scheduler: &Scheduler,
) -> Result<()> {
    let width = reference.size().0 as usize;
    let (w_px, gap) = (w as usize, 8);
    let total = 3 * w_px + 2 * gap;
    let mut out = vec![255u8; 3 * total * h as usize];
    for top in (0..y + h).step_by(512) {
        let rows = 512.min(reference.size().1 - top);
        let (a, b) = (reference.band(top, rows, scheduler)?, tree.band(top, rows, scheduler)?);
        for row in (top.max(y)..(top + rows).min(y + h)).map(|r| r as usize) {
            let from = 3 * ((row - top as usize) * width + x as usize);
            let line = &mut out[3 * total * (row - y as usize)..][..3 * total];
            for i in 0..3 * w_px {
                let (p, q) = (a.rgb[from + i], b.rgb[from + i]);
                line[i] = p;
                line[3 * (w_px + gap) + i] = q;
                line[3 * 2 * (w_px + gap) + i] =
                    (128 + 4 * (i32::from(q) - i32::from(p))).clamp(0, 255) as u8;
            }
        }
    }
    write_whole(path, &encode_png(&out, 3, total, h as usize)?)?;
    Ok(())
}
