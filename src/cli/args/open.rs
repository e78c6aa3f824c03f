//! How slides are opened.

use clap::Args;
use origami::slide::{OpenOptions, OpenSlideUse, Selection};

use super::values::{MIB, TIB, names, size, window};

/// How slides are opened.
#[derive(Args, Clone)]
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
    /// Channels of a slide that has several, as 0,2 [default: none]
    ///
    /// They are blended with the colours that the file gives them. Without this flag a slide of several channels is refused, with
    /// their list.
    #[arg(long, value_name = "N,N", value_delimiter = ',', help_heading = "Input", hide_short_help = true)]
    channel: Vec<u32>,
    /// Focal plane of a slide that has several, from 0 [default: none]
    #[arg(long, value_name = "N", help_heading = "Input", hide_short_help = true)]
    z: Option<u32>,
    /// Point in time of a slide that has several, from 0 [default: none]
    #[arg(long, value_name = "N", help_heading = "Input", hide_short_help = true)]
    time: Option<u32>,
    /// Stored values that become black and white, of samples of more than 8 bits [default: declared or measured]
    #[arg(long, value_name = "LOW,HIGH", value_parser = window, help_heading = "Input", hide_short_help = true)]
    window: Option<(u32, u32)>,
}

impl OpenArgs {
    /// The options as the library takes them.
    pub fn options(&self) -> OpenOptions {
        let Self { channel, z, time, window, .. } = self;
        let selection = Selection { channels: channel.clone(), z: *z, time: *time, window: *window };
        OpenOptions { max_memory_bytes: self.max_memory, openslide: self.openslide, selection }
    }
}
