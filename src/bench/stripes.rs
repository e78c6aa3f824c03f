//! The first tile of a cold family from the stripe that holds it, against the same tile from the whole residual.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use origami::archive::FamilyRecord;
use origami::backend::cpu;
use origami::codec::{Shape, decoder};
use origami::decode::Input;
use origami::image::family::{DecodedFamily, PayloadKind};
use origami::image::geometry::{FamilyId, Rect};
use origami::image::ycc::{Sampling, Ycc};
use origami::output::render::{Output, Renderer};
use origami::output::tile::OutputFormat;
use origami::residual::FamilyDecoder;

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

/// The shortest times of one family in microseconds.
struct FamilyTimes {
    residual: f64,
    stripe: f64,
    /// All stripes but that one.
    rest: f64,
    first_tile_whole: f64,
    first_tile: f64,
    /// Both payloads at once.
    at_once: f64,
    /// Both payloads, the stripe first and then the rest.
    in_two_steps: f64,
}

/// Times every family of `input`, each the shortest of `rounds`. `against` holds the same slide in the same coding without stripes and
/// then stands for the whole residual. `None` if no residual is coded in stripes.
pub fn measure(input: &Input, against: Option<&Input>, rounds: usize) -> Result<Option<StripeTimes>> {
    let output =
        Output { format: OutputFormat::Jpeg, quality: 95, sampling: Sampling::S420, grayscale: false };
    let renderer = Renderer::new(*input.geometry(), input.meta().coding.upsample_filter, output)?;
    let mut all = Vec::new();
    for (n, id) in input.families().into_iter().enumerate() {
        let striped = input.read(id)?;
        let plain = against.map_or_else(|| Ok(striped.clone()), |input| input.read(id))?;
        all.extend(measure_family(input, &renderer, id, n, [&striped, &plain], rounds)?);
    }
    if all.is_empty() {
        return Ok(None);
    }
    let times = |of: fn(&FamilyTimes) -> f64| -> Vec<f64> { all.iter().map(of).collect() };
    let (residual, first_tile_whole) = (times(|t| t.residual), times(|t| t.first_tile_whole));
    Ok(Some(StripeTimes {
        families: all.len(),
        residual_us: median(&residual),
        first_tile_whole_us: median(&first_tile_whole),
        stripe: median_ratio(&times(|t| t.stripe), &residual),
        rest: median_ratio(&times(|t| t.rest), &residual),
        first_tile: median_ratio(&times(|t| t.first_tile), &first_tile_whole),
        both_steps: median_ratio(&times(|t| t.in_two_steps), &times(|t| t.at_once)),
    }))
}

/// Times the `n`th family, whose tile under test depends on `n`. `None` if its residual is not coded in stripes.
fn measure_family(
    input: &Input,
    renderer: &Renderer,
    id: FamilyId,
    n: usize,
    [striped_record, plain_record]: [&FamilyRecord; 2],
    rounds: usize,
) -> Result<Option<FamilyTimes>> {
    let (geometry, coding) = (input.geometry(), &input.meta().coding);
    let residual = |record: &FamilyRecord| record.payload(PayloadKind::Residual).cloned();
    let (Some(payload), Some(plain_payload)) = (residual(striped_record), residual(plain_record)) else {
        return Ok(None);
    };
    let tiles: Vec<_> = geometry.family_tiles(id, 0).collect();
    let (rect, part) = (geometry.family_rect(id), renderer.place(id, tiles[n * 7 % tiles.len()])?);
    let (width, height) = (rect.width as usize, rect.height as usize);
    let whole = Rect { x: 0, y: 0, ..rect };
    let read = cpu::residual_of_part(coding, (width, height), renderer.want(), part);
    let read = Rect { x: 0, width: whole.width, ..read };
    let mut family = DecodedFamily::default();
    let striped = FamilyDecoder { geometry, coding, id, record: striped_record };
    let plain = FamilyDecoder { record: plain_record, ..striped };
    let done = striped.decode_part(read, &mut family)?;
    if done == whole {
        return Ok(None);
    }
    let mut image = Ycc::default();
    let shape = Shape { width, height, sampling: Some(family.residual.sampling) };
    let (mut codec, mut plain_codec) = (decoder(payload.codec)?, decoder(plain_payload.codec)?);
    let mut shortest = [f64::INFINITY; 7];
    for _ in 0..rounds.max(1) {
        let mut lap = Instant::now();
        let mut times = Vec::with_capacity(shortest.len());
        let mut take = || {
            times.push(lap.elapsed().as_secs_f64() * 1e6);
            lap = Instant::now();
        };
        plain_codec.decode_into(&plain_payload.bytes, shape, &mut image)?;
        take();
        codec.decode_part(&payload.bytes, shape, done, &mut image)?;
        take();
        for (y, end) in [(0, done.y), (done.y + done.height, whole.height)] {
            if y < end {
                let rest = Rect { y, height: end - y, ..whole };
                codec.decode_part(&payload.bytes, shape, rest, &mut image)?;
            }
        }
        take();
        for (decoder, read) in [(plain, whole), (striped, read)] {
            decoder.decode_part(read, &mut family)?;
            let made = cpu::reconstruct_part(coding, &family, renderer.want(), part)?;
            black_box(renderer.code(made.view())?);
            take();
        }
        plain.decode_part(whole, &mut family)?;
        take();
        let done = striped.decode_part(read, &mut family)?;
        striped.decode_rest(done, &mut family)?;
        take();
        shortest.iter_mut().zip(times).for_each(|(shortest, time)| *shortest = shortest.min(time));
    }
    let [residual, stripe, rest, first_tile_whole, first_tile, at_once, in_two_steps] = shortest;
    Ok(Some(FamilyTimes { residual, stripe, rest, first_tile_whole, first_tile, at_once, in_two_steps }))
}
