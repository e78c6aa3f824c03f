//! Finds the quality at which a slide comes to a wanted PSNR or size, on some of its families.
//!
//! Knows the order of things: it codes families as [`crate::encode`] does and looks at what comes of them.

use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::coding::EncodeParams;
use crate::encode::encode_family;
use crate::error::{Error, Result};
use crate::family::SourceFamily;
use crate::metrics::SquaredError;
use crate::pyramid::source::Source;

/// What an encode is to come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// PSNR of L0 luma in dB, at least.
    Psnr(f64),
    /// Bytes of the bundle, at most.
    Bytes(u64),
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Aim {
    /// Quality of the residual.
    pub quality: u8,
    /// PSNR of L0 luma in dB on the families that were tried.
    pub psnr: f64,
    /// What the bundle should come to, in bytes.
    pub bytes: u64,
    /// Families that were tried.
    pub families: usize,
}

/// Most families that are tried, spread over the slide.
const MOST_FAMILIES: u64 = 32;
/// Most bytes of pixels that are held for that.
const MOST_BYTES: u64 = 512 << 20;
/// The levels above L2 have a third of its pixels, and about as many bytes a pixel.
const SMALL_LEVELS: f64 = 1.0 / 3.0;

/// Finds the lowest quality that reaches a PSNR, or the highest one that keeps to a size. `at` gives the parameters at a quality of
/// the residual.
///
/// A source that is read in one go is read: open it anew for the encode.
///
/// # Errors
/// A target out of reach, with what can be reached; those of source, codec and backend.
pub fn aim(
    source: &mut Source,
    target: Target,
    at: &(dyn Fn(u8) -> EncodeParams + Sync),
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> Result<Aim> {
    let sample = Sample::take(source, at(50).upsample_filter)?;
    let reaches = |aim: &Aim| match target {
        Target::Psnr(db) => aim.psnr >= db,
        Target::Bytes(bytes) => aim.bytes <= bytes,
    };
    let try_at = |quality| sample.code(quality, &at(quality), backend, scheduler);
    // More quality is more PSNR and more bytes: a search from the end that reaches the target, if any does.
    let (near, far) = match target {
        Target::Psnr(_) => (100i32, 0),
        Target::Bytes(_) => (1, 101),
    };
    let mut best = try_at(near as u8)?;
    if !reaches(&best) {
        return Err(out_of_reach(target, &best));
    }
    let (mut good, mut bad) = (near, far);
    while (good - bad).abs() > 1 {
        let middle = (good + bad) / 2;
        let tried = try_at(middle as u8)?;
        if reaches(&tried) {
            (good, best) = (middle, tried);
        } else {
            bad = middle;
        }
    }
    Ok(best)
}

fn out_of_reach(target: Target, nearest: &Aim) -> Error {
    Error::Usage(match target {
        Target::Psnr(db) => format!(
            "--target-psnr {db}: residual quality 100 comes to {:.2} dB here; ask for less, or give --l0q and --baseq",
            nearest.psnr
        ),
        Target::Bytes(bytes) => format!(
            "--target-size {bytes}: residual quality 1 comes to about {} bytes here; ask for more, or give --preset small \
             or --l0-scale 50",
            nearest.bytes
        ),
    })
}

/// Families of a slide, spread over it.
struct Sample {
    families: Vec<SourceFamily>,
    /// Pixels of the slide to one of theirs.
    weight: f64,
    family_bytes: u64,
}

impl Sample {
    fn take(source: &mut Source, filter: crate::kernels::taps::Filter) -> Result<Self> {
        let geometry = *source.geometry();
        let of_one = family_bytes(&geometry);
        let total = geometry.family_count();
        if total == 0 {
            return Err(Error::Usage(
                "a slide without L2 stores its tiles as they are: it has no residual to aim with".into(),
            ));
        }
        let most = MOST_FAMILIES.min(MOST_BYTES / of_one.max(1)).max(1);
        let step = total.div_ceil(most);
        let jobs = source.jobs(filter, usize::MAX);
        let some = jobs.skip((step / 2) as usize).step_by(step as usize);
        let families = some.map(|job| Ok(job?()?.family)).collect::<Result<Vec<_>>>()?;
        let pixels = |family: &SourceFamily| family.image.width() as f64 * family.image.height() as f64;
        let tried: f64 = families.iter().map(pixels).sum();
        let all = f64::from(geometry.width()) * f64::from(geometry.height());
        Ok(Self { families, weight: all / tried.max(1.0), family_bytes: of_one })
    }

    fn code(
        &self,
        quality: u8,
        params: &EncodeParams,
        backend: &dyn Backend,
        scheduler: &Scheduler,
    ) -> Result<Aim> {
        let (mut error, mut bytes) = (SquaredError::new(), 0.0);
        scheduler.pipelined(
            0,
            self.family_bytes,
            self.families.iter().map(Ok),
            |family| async move {
                let id = family.id;
                let made =
                    encode_family(backend, params, family.clone()).await.map_err(|e| e.in_family(id))?;
                let (original, mut error) = (made.source.image.ycc(), SquaredError::new());
                for y in 0..original.luma.height() {
                    error.add(original.luma.row(y), made.corrected.luma.row(y));
                }
                let sizes = made.record.payloads.iter().map(|payload| payload.bytes.len() as f64);
                // The first one is the baseline, with the levels above it.
                Ok((
                    error,
                    sizes
                        .enumerate()
                        .map(|(i, n)| if i == 0 { n * (1.0 + SMALL_LEVELS) } else { n })
                        .sum::<f64>(),
                ))
            },
            |(of_one, size)| {
                error.merge(&of_one);
                bytes += size;
                Ok(())
            },
        )?;
        let psnr = error.psnr().unwrap_or(f64::INFINITY);
        Ok(Aim { quality, psnr, bytes: (bytes * self.weight) as u64, families: self.families.len() })
    }
}
