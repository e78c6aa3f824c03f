//! A preset on a slide whose luma does not stand for a channel.

use anyhow::Result;
use origami::backend::Backend;
use origami::backend::scheduler::Scheduler;
use origami::params::Subsamp;
use origami::quality::adapt::{Adaptation, adapt};

use super::args::EncodeArgs;
use crate::cli::inputs::Input;
use crate::cli::print::say;

/// The preset adapted to a slide, which is said; `None` where it stays as it is, or where a flag says how good the result is to be.
pub fn adapted(
    args: &EncodeArgs,
    input: &Input,
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> Result<Option<Adaptation>> {
    if !args.coding.adapts() {
        return Ok(None);
    }
    let mut source = args.open_source(input)?;
    let fixed = |params| args.coding.overriding(params);
    let params = args.coding.params();
    let adapted = adapt(&mut source, args.max_parents, &params, &fixed, backend, scheduler)?;
    if let (Some(adapted), true) = (&adapted, args.work.summary()) {
        say!("{}: {}", input.path.display(), words(adapted));
    }
    Ok(adapted)
}

fn words(adapted: &Adaptation) -> String {
    let Adaptation { before, after, params } = adapted;
    let quality = params.chroma_residual_quality.map_or("off".into(), |quality| quality.to_string());
    let subsamp = if params.subsamp == Subsamp::S444 { "4:4:4" } else { "4:2:0" };
    format!(
        "luma does not stand for {}, which this preset leaves at {:.2} dB beside luma of {:.2} dB; coded with chroma residual {quality}, \
         baseline {}, {subsamp}: {} has {:.2} dB",
        before.channel, before.psnr, before.y_psnr, params.base_quality, after.channel, after.psnr,
    )
}
