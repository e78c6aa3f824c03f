//! Encode: predict, subtract, code.
//!
//! [`encode`] codes the families of a slide ([`crate::residual::encode_family`]) and writes the archive. A large slide may be encoded in
//! bands of whole rows of families, on several machines, and joined: [`encode_band`], [`join_bands`]. The module knows the order of
//! steps. The pixel arithmetic is in `backend`, the bytes of the container are in `archive`.

mod assembly;
mod bands;
mod estimate;
mod families;
mod options;
mod sink;

use std::path::Path;

use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::error::Result;
use crate::params::EncodeParams;
use crate::pyramid::source::Source;
use crate::report::losses::{Collector, Losses};

use assembly::Assembly;
use families::Work;

pub use bands::{Band, bands, encode_band, join_bands};
pub use estimate::{Estimate, estimate};
pub use options::{EncodeOptions, EncodeReport};

/// Encodes a slide to `out/residual_packs/residuals.bundle`.
///
/// `progress` is called after every family with how many are done.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::backend::CpuBackend;
/// use origami::backend::scheduler::Scheduler;
/// use origami::encode::{EncodeOptions, encode};
/// use origami::pyramid::source::Source;
/// use origami::quality::presets::Preset;
/// use origami::slide::OpenOptions;
///
/// let mut source = Source::open_slide(Path::new("slide.svs"), &OpenOptions::default(), false, None)?;
/// let (params, options) = (Preset::Balanced.params(), EncodeOptions::default());
/// let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(0)?);
/// let report = encode(&mut source, Path::new("out"), &params, &options, &backend, &scheduler, &|_| {})?;
/// println!("{}: {} bytes", report.bundle.display(), report.bundle_bytes);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Bad parameters, a source that cannot be read, a disk that cannot be written. Nothing half-written is left under a final
/// name; an older bundle stands until the new one is whole.
pub fn encode(
    source: &mut Source,
    out: &Path,
    params: &EncodeParams,
    options: &EncodeOptions,
    backend: &dyn Backend,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
) -> Result<EncodeReport> {
    let geometry = *source.geometry();
    let total = geometry.family_count();
    let limit = options.max_parents.unwrap_or(total).min(total);
    let losses = (options.losses && !params.originals).then(Collector::default);
    let work = Work {
        geometry,
        out,
        params,
        options,
        losses: losses.as_ref(),
        families: 0..limit as usize,
        backend,
        scheduler,
    };
    let assembly = Assembly { out, params, options, complete: limit == total, scheduler, progress };
    let mut report = assembly.run(source, &mut |source, take| work.run(source, take))?;
    report.losses = losses.map(Collector::finish);
    report.y_psnr = report.y_psnr.or(report.losses.as_ref().map(Losses::y_psnr));
    Ok(report)
}
