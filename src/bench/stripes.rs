//! The first tile of a cold family from the stripe that holds it, against the same tile from the whole residual.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use origami::archive::FamilyRecord;
use origami::backend::CpuBackend;
use origami::codec::{Shape, decoder};
use origami::decode::Input;
use origami::image::family::{DecodedFamily, PayloadKind};
use origami::image::ycc::{Sampling, Ycc};
use origami::output::render::{Output, Renderer};
use origami::output::tile::OutputFormat;
use origami::residual::{decode_rest_into, decode_rows_into};

use super::stats::{median, median_ratio};

/// Medians over all families.
pub struct StripeTimes {
    /// Families whose residual is coded in stripes.
    pub families: usize,
    /// Decode of the whole residual, in microseconds.
    pub residual_us: f64,
    /// The first tile from the whole residual, in microseconds.
    pub first_tile_whole_us: f64,
    /// Decode of a stripe divided by decode of the whole residual.
    pub stripe: f64,
    /// Decode of all other stripes divided by decode of the whole residual.
    pub rest: f64,
    /// The first tile from its stripe divided by the first tile from the whole residual.
    pub first_tile: f64,
    /// Decode of both payloads in two steps, the stripe first, divided by decode at once.
    pub both_steps: f64,
}

/// Times every family of `input`, each the shortest of `rounds`. `against` holds the same slide in the same coding without stripes and
/// then stands for the whole residual. `None` if no residual is coded in stripes.
pub fn measure(input: &Input, against: Option<&Input>, rounds: usize) -> Result<Option<StripeTimes>> {
    let (geometry, coding) = (*input.geometry(), &input.meta().coding);
    let output =
        Output { format: OutputFormat::Jpeg, quality: 95, sampling: Sampling::S420, grayscale: false };
    let renderer = Renderer::new(geometry, coding.upsample_filter, output)?;
    let backend = CpuBackend::new();
    // In microseconds: the whole payload, its stripe, the rest; the first tile from the whole payload, from the stripe; all payloads
    // at once, in two steps.
    let mut times: [Vec<f64>; 7] = Default::default();
    for (n, id) in input.families().into_iter().enumerate() {
        let record = input.read(id)?;
        let plain = against.map_or_else(|| Ok(record.clone()), |input| input.read(id))?;
        let of = |record| FamilyRecord::payload(record, PayloadKind::Residual);
        let (Some(payload), Some(plain_payload)) = (of(&record), of(&plain)) else { continue };
        let tiles: Vec<_> = geometry.family_tiles(id, 0).collect();
        let tile = tiles[n * 7 % tiles.len()];
        let (rect, part) = (geometry.family_rect(id), renderer.place(id, tile)?);
        let size = (rect.width as usize, rect.height as usize);
        let rows = backend.rows_of_part(coding, size, renderer.want(), part);
        let mut family = DecodedFamily::default();
        let done = decode_rows_into(&geometry, coding, id, &record, rows.clone(), &mut family)?;
        if done == (0..size.1) {
            continue;
        }
        let mut image = Ycc::default();
        let shape = Shape { width: size.0, height: size.1, sampling: Some(family.residual.sampling) };
        let (mut codec, mut plain_codec) = (decoder(payload.codec)?, decoder(plain_payload.codec)?);
        let mut best = [f64::INFINITY; 7];
        for _ in 0..rounds.max(1) {
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
            for (record, rows) in [(&plain, 0..size.1), (&record, rows.clone())] {
                decode_rows_into(&geometry, coding, id, record, rows, &mut family)?;
                let made = backend.part(coding, &family, renderer.want(), part)?;
                black_box(renderer.code(made.view())?);
                take();
            }
            decode_rows_into(&geometry, coding, id, &plain, 0..size.1, &mut family)?;
            take();
            let done = decode_rows_into(&geometry, coding, id, &record, rows.clone(), &mut family)?;
            decode_rest_into(coding, id, &record, &done, &mut family)?;
            take();
            best.iter_mut().zip(times).for_each(|(best, time)| *best = best.min(time));
        }
        times.iter_mut().zip(best).for_each(|(all, best)| all.push(best));
    }
    if times[0].is_empty() {
        return Ok(None);
    }
    let ratio = |a: usize, b: usize| median_ratio(&times[a], &times[b]);
    Ok(Some(StripeTimes {
        families: times[0].len(),
        residual_us: median(&times[0]),
        first_tile_whole_us: median(&times[3]),
        stripe: ratio(1, 0),
        rest: ratio(2, 0),
        first_tile: ratio(4, 3),
        both_steps: ratio(6, 5),
    }))
}
