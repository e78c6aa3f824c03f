//! What a worker renders tours with, as flags and variables say it.

use std::path::PathBuf;

use clap::Args;
use origami::jobs::Renderer;
use origami::store::remote::AddressPolicy;

use crate::cli::args::values::{MIB, TIB, size};

/// Where tours are rendered, and where their videos may come from.
#[derive(Args, Clone)]
pub struct RendererArgs {
    /// Where tours are rendered and videos are kept that are fetched [default: TEMP_DIR, else /tmp/render]
    #[arg(long, value_name = "DIR", help_heading = "Output", hide_short_help = true)]
    temp_dir: Option<PathBuf>,
    /// Let videos come from, and callbacks go to, private, loopback and link-local addresses
    ///
    /// Otherwise who may submit jobs could have this machine ask others that only it reaches.
    #[arg(long, help_heading = "Access", hide_short_help = true)]
    pub allow_private_addresses: bool,
    /// Most bytes of a video that is fetched [range: 1MiB to 1TiB]
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size(MIB, MIB..=TIB))]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    max_video: u64,
}

impl RendererArgs {
    /// The renderer. Jobs that run at a time share the machine: fewer segments of each are rendered then.
    pub fn renderer(&self, slots: usize) -> Renderer {
        let temp_dir = self.temp_dir.clone().or_else(|| variable("TEMP_DIR").map(PathBuf::from));
        let temp_dir = temp_dir.unwrap_or_else(|| "/tmp/render".into());
        let mut renderer = Renderer::new(temp_dir, self.addresses());
        renderer.max_video_bytes = self.max_video;
        let saves_memory = variable("ENABLE_MEMORY_OPTIMIZER").is_some_and(|value| is_on(&value));
        renderer.segments = if saves_memory || slots > 2 { 1 } else { 2 };
        renderer
    }

    /// Which hosts are asked.
    pub fn addresses(&self) -> AddressPolicy {
        match self.allow_private_addresses {
            true => AddressPolicy::All,
            false => AddressPolicy::Public(
                "start it with --allow-private-addresses to allow such addresses".into(),
            ),
        }
    }
}

/// A variable of the environment that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a switch is on.
pub fn is_on(value: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|on| value.eq_ignore_ascii_case(on))
}
