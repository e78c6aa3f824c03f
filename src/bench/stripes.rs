//! The first tile of a cold family by the stripe that it lies in, against the same of the whole residual.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use origami::archive::{FamilyRecord, Kind};
use origami::backend::CpuBackend;
use origami::codec::{Shape, decoder};
use origami::decode::Input;
use origami::image::family::{DecodedFamily, PayloadKind};
use origami::image::ycc::Sampling;
use origami::output::render::{Output, Renderer};
use origami::output::tile::OutputFormat;
use origami::residual::FamilyDecoder;
use serde_json::json;

use super::median;

#[derive(Args)]
pub struct StripesArgs {
    /// A .bundle whose residuals are coded in stripes
    bundle: PathBuf,
    /// The same slide's bundle without stripes, which then stands for the whole
    #[arg(long, value_name = "BUNDLE")]
    against: Option<PathBuf>,
    /// Rounds a family, of which the best counts
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: StripesArgs) -> Result<()> {
    let input = Input::file(&args.bundle, Kind::Bundle)?;
    let against = args.against.as_deref().map(|path| Input::file(path, Kind::Bundle)).transpose()?;
    let (geometry, coding) = (*input.geometry(), &input.meta().coding);
    if against.as_ref().is_some_and(|of| of.geometry() != &geometry || of.meta().coding != *coding) {
        bail!("--against: it is not the same slide in the same coding");
    }
    let output =
        Output { format: OutputFormat::Jpeg, quality: 95, sampling: Sampling::S420, grayscale: false };
    let renderer = Renderer::new(geometry, coding.upsample_filter, output)?;
    let backend = CpuBackend::new();
    // In microseconds: payload whole, stripe, rest; first tile whole, by stripe; all payloads at once, in two steps.
    let mut times: [Vec<f64>; 7] = Default::default();
    for (n, id) in input.families().into_iter().enumerate() {
        let record = input.read(id)?;
        let plain = against.as_ref().map_or_else(|| Ok(record.clone()), |input| input.read(id))?;
        let of = |record| FamilyRecord::payload(record, PayloadKind::Residual);
        let (Some(payload), Some(plain_payload)) = (of(&record), of(&plain)) else { continue };
        let tiles: Vec<_> = geometry.family_tiles(id, 0).collect();
        let tile = tiles[n * 7 % tiles.len()];
        let (rect, part) = (geometry.family_rect(id), renderer.place(id, tile)?);
        let size = (rect.width as usize, rect.height as usize);
        let rows = backend.rows_of_part(coding, size, renderer.want(), part);
        let mut family = DecodedFamily::default();
        let striped = FamilyDecoder { geometry: &geometry, coding, id, record: &record };
        let plain = FamilyDecoder { record: &plain, ..striped };
        let done = striped.decode_rows(rows.clone(), &mut family)?;
        if done == (0..size.1) {
            continue;
        }
        let mut image = origami::image::ycc::Ycc::default();
        let shape = Shape { width: size.0, height: size.1, sampling: Some(family.residual.sampling) };
        let (mut codec, mut plain_codec) = (decoder(payload.codec)?, decoder(plain_payload.codec)?);
        let mut best = [f64::INFINITY; 7];
        for _ in 0..args.rounds.max(1) {
            let mut lap = Instant::now();
            let mut times = Vec::with_capacity(best.len());
            let mut take = || {
                times.push(lap.elapsed().as_secs_f64() * 1e6);
                lap = Instant::now();
            };
            plain_codec.decode_into(&plain_payload.bytes, shape, &mut image)?;
            take();
            codec.decode_stripe(&payload.bytes, shape, done.clone(), &mut image)?;
            take();
            for rest in [0..done.start, done.end..size.1] {
                if !rest.is_empty() {
                    codec.decode_stripe(&payload.bytes, shape, rest, &mut image)?;
                }
            }
            take();
            for (decoder, rows) in [(plain, 0..size.1), (striped, rows.clone())] {
                decoder.decode_rows(rows, &mut family)?;
                let made = backend.part(coding, &family, renderer.want(), part)?;
                black_box(renderer.code(made.view())?);
                take();
            }
            plain.decode_rows(0..size.1, &mut family)?;
            take();
            let done = striped.decode_rows(rows.clone(), &mut family)?;
            striped.decode_rest(&done, &mut family)?;
            take();
            best.iter_mut().zip(times).for_each(|(best, time)| *best = best.min(time));
        }
        times.iter_mut().zip(best).for_each(|(all, best)| all.push(best));
    }
    if times[0].is_empty() {
        bail!("{}: none of its residuals is coded in stripes", args.bundle.display());
    }
    let ratio =
        |a: usize, b: usize| median(&times[a].iter().zip(&times[b]).map(|(a, b)| a / b).collect::<Vec<_>>());
    let (stripe, rest, first, all) = (ratio(1, 0), ratio(2, 0), ratio(4, 3), ratio(6, 5));
    if args.json {
        let value = json!({
            "families": times[0].len(), "stripe": stripe, "rest": rest, "first_tile": first, "both_steps": all,
            "residual_us": median(&times[0]), "first_tile_whole_us": median(&times[3]),
        });
        say!("{value:#}");
        return Ok(());
    }
    say!("{} families, against the whole residual ({:.0} us):", times[0].len(), median(&times[0]));
    say!("its stripe {stripe:.2}, the rest of it {rest:.2}");
    say!("first tile of a cold family ({:.0} us): {first:.2}", median(&times[3]));
    say!("both payloads, the stripe first and then the rest: {all:.2}");
    Ok(())
}
