//! How slides are opened.

use clap::Args;
use origami::slide::{OpenOptions, OpenSlideUse};

use super::values::{MIB, TIB, names, size};

/// How slides are opened.
#[derive(Args, Clone, Copy)]
pub struct OpenArgs {
    /// Most memory for a slide that can only be decoded whole [range: 1MiB to 1TiB]
    ///
    /// Progressive JPEG and interlaced PNG are such. Without a unit it is in MiB.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size(MIB, MIB..=TIB))]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    max_memory: u64,
    /// Whether OpenSlide opens slides; auto leaves it those whose vendor it knows
    #[arg(long, value_enum, value_name = "WHEN", value_parser = names::<OpenSlideUse>(), default_value_t)]
    #[arg(help_heading = "Input", hide_short_help = true)]
    openslide: OpenSlideUse,
}

impl OpenArgs {
    /// The options as the library takes them.
    pub fn options(self) -> OpenOptions {
        OpenOptions { max_memory_bytes: self.max_memory, openslide: self.openslide, ..OpenOptions::default() }
    }
}
