//! `origami bench`: the flags of the measurements in `crate::bench`, and their figures in words.

#[cfg(feature = "gpu")]
mod gpu;
mod kernels;
mod originals;
mod rate;
#[cfg(feature = "serve")]
mod serve;
mod slide;
mod speed;
mod storage;
mod stripes;
#[cfg(feature = "tour")]
mod tour;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum BenchCommand {
    /// Encode against the bare JPEG calls of the same work
    Encode(speed::SpeedArgs),
    /// Decode against the bare JPEG calls of the same work
    Decode(speed::SpeedArgs),
    /// Every kernel against its scalar definition
    Kernels(kernels::KernelArgs),
    /// A GPU against its own limits, and end to end against the CPU and the bare JPEG calls
    #[cfg(feature = "gpu")]
    Gpu(gpu::GpuArgs),
    /// A cold L0 tile of a lossless bundle against the bare JPEG decode of it
    Originals(originals::OriginalsArgs),
    /// Bytes of a bundle against a JPEG 4:2:0 pyramid of equal L0 Y-PSNR
    Rate(rate::RateArgs),
    /// A tile server under load, or its first tile of a cold family against the bare JPEG calls
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    /// Make a slide of any size for benches: synthetic tissue as PNG
    Slide(slide::SlideArgs),
    /// Families of a bundle by reads that could wait against plain ones, and from an address against the file
    Storage(storage::StorageArgs),
    /// The first tile of a cold family by the stripe that it lies in, against the same of the whole residual
    Stripes(stripes::StripesArgs),
    /// The frames of a tour without a video, against a copy of their bytes
    #[cfg(feature = "tour")]
    Tour(tour::TourArgs),
}

pub fn run(command: BenchCommand) -> Result<()> {
    match command {
        BenchCommand::Encode(args) => speed::run_encode(args),
        BenchCommand::Decode(args) => speed::run_decode(args),
        BenchCommand::Kernels(args) => kernels::run(args),
        #[cfg(feature = "gpu")]
        BenchCommand::Gpu(args) => gpu::run(args),
        BenchCommand::Originals(args) => originals::run(args),
        BenchCommand::Rate(args) => rate::run(args),
        #[cfg(feature = "serve")]
        BenchCommand::Serve(args) => serve::run(args),
        BenchCommand::Slide(args) => slide::run(args),
        BenchCommand::Storage(args) => storage::run(args),
        BenchCommand::Stripes(args) => stripes::run(args),
        #[cfg(feature = "tour")]
        BenchCommand::Tour(args) => tour::run(args),
    }
}
