//! How slides are opened.

use std::path::Path;

use clap::Args;
use origami::slide::{OpenOptions, OpenSlideUse, Selection, SlideError};

use super::super::inputs::Thing;
use super::values::{MIB, TIB, names, size, whole, window};

/// Largest number of a channel, focal plane or point in time.
const MAX_NUMBER: u64 = 65_535;

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
    #[command(flatten)]
    select: SelectArgs,
}

/// Which planes of a slide are read.
#[derive(Args, Clone)]
pub struct SelectArgs {
    /// Channels of a slide that has several, as 0,2 [range: 0 to 65535] [default: none]
    ///
    /// They are blended with the colours that the file gives them. Without this flag a slide of several channels is refused, with
    /// their list; `origami serve` shows the first.
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = whole::<u32>(0..=MAX_NUMBER))]
    #[arg(help_heading = "Input", hide_short_help = true)]
    channel: Vec<u32>,
    /// Focal plane of a slide that has several [range: 0 to 65535] [default: none]
    #[arg(long, value_name = "N", value_parser = whole::<u32>(0..=MAX_NUMBER), help_heading = "Input", hide_short_help = true)]
    z: Option<u32>,
    /// Point in time of a slide that has several [range: 0 to 65535] [default: none]
    #[arg(long, value_name = "N", value_parser = whole::<u32>(0..=MAX_NUMBER), help_heading = "Input", hide_short_help = true)]
    time: Option<u32>,
    /// Stored values that become black and white, of samples of more than 8 bits [default: declared or measured]
    #[arg(long, value_name = "LOW,HIGH", value_parser = window, help_heading = "Input", hide_short_help = true)]
    window: Option<(u32, u32)>,
}

impl OpenArgs {
    /// The options as the library takes them.
    pub fn options(&self) -> OpenOptions {
        let selection = self.select.selection();
        OpenOptions { max_memory_bytes: self.max_memory, openslide: self.openslide, selection }
    }

    /// Refuses a choice of planes or of a window of what is no slide.
    pub fn refuse_choice(&self, path: &Path, thing: Thing) -> Result<(), SlideError> {
        let what = match thing {
            Thing::Slide => return Ok(()),
            Thing::Tree => "it is a tree of tiles",
            Thing::Bundle => "it is a bundle",
            Thing::Pack | Thing::Packs => "it is a pack",
        };
        self.select.selection().refuse(path, what)
    }
}

impl SelectArgs {
    /// The choice as the library takes it.
    pub fn selection(&self) -> Selection {
        let Self { channel, z, time, window } = self;
        Selection { channels: channel.clone(), z: *z, time: *time, window: *window, ..Selection::default() }
    }
}
