//! How slides are opened.

use clap::Args;
use origami::slide::{OpenOptions, OpenSlideUse};

use super::values::names;

/// How slides are opened.
#[derive(Args, Clone, Copy)]
pub struct OpenArgs {
    /// Memory for a slide that can only be decoded whole (progressive JPEG, interlaced PNG), in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    max_memory: u64,
    /// Whether OpenSlide opens slides: auto (it knows the vendor), never, only
    #[arg(long, value_enum, value_name = "WHEN", value_parser = names::<OpenSlideUse>(), default_value_t)]
    openslide: OpenSlideUse,
}

impl OpenArgs {
    /// The options as the library takes them.
    pub fn options(self) -> OpenOptions {
        OpenOptions { max_memory_bytes: self.max_memory.saturating_mul(1 << 20), openslide: self.openslide }
    }
}
