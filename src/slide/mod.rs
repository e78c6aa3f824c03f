//! Opens any slide or image and reads its full-resolution pixels.
//!
//! [`Slide::open`] picks the reader by the file's content. There are two kinds of access: regions in any order from many
//! threads ([`RandomAccess`]: OpenSlide, TIFF, DICOM), or rows from the top, once ([`Sequential`]: PNG, JPEG), which keeps memory
//! flat for files of any size. Pixels are 8-bit gray or RGB, transparency over white. The module deliberately does not
//! know pyramids, output tiles or colour management: ICC profiles are checked against the pixels and passed on unchanged.
//! What a file says of the meaning of its pixels is honoured, refused by name, or told in [`SlideInfo::warnings`].
//!
//! | module | what |
//! |---|---|
//! | `access`, `info`, `options`, `error`, `fault` | the types that all readers share |
//! | `open`, `unread` | picks the reader of a file, or says what converts it |
//! | `openslide` | every format that OpenSlide reads, where it is installed |
//! | `tiff` | TIFF, BigTIFF, Aperio SVS without OpenSlide |
//! | `dicom` | DICOM whole-slide images |
//! | `ndpi` | Hamamatsu's NDPI for lossless encodes |
//! | `png`, `jpeg` | images |
//! | `beside` | the files that belong to a slide of OpenSlide's |
//! | `blend` | several channels in their colours |
//! | `deflate` | streams without a zlib header |
//! | `region`, `samples`, `window`, `orientation`, `turned`, `exif`, `resolution`, `icc`, `positional`, `cache` | bounds checks, sample conversion, turned
//! images, microns per pixel, checks of colour profiles, positional file reads, decoded chunks |
//!
//! Input files are not trusted: sizes are computed with checked arithmetic and compared with limits before memory is
//! allocated, and every failure is a [`SlideError`].
//!
//! # Adding a format
//! 1. Write `slide/FORMAT.rs`, or `slide/FORMAT/mod.rs` with its parts, with one function
//!    `open(path, options) -> Result<Slide, SlideError>`. It reads through `PositionalFile`, which is a file here or at an address, checks
//!    regions with `Extent::check`, and refuses choices that the file does not have with `options.selection.refuse`. It fills
//!    [`SlideInfo`] and implements [`RandomAccess`] where regions can be decoded on their own, else [`Sequential`]: such a slide is
//!    encoded, and never served as it is. Where the file stores square JPEG tiles, also implement [`StoredTiles`], so that
//!    `--preset lossless` can store them unchanged.
//! 2. Declare the module here, with a row in the table above. Register it in `slide/open.rs`: a branch in `open`, chosen by the
//!    first eight bytes at most (your `open` checks a longer mark), and its extensions in `EXTENSIONS`, without which no directory is
//!    searched for it and no server finds it. If they are in `OPENSLIDE_ONLY` or `unread.rs`, take them out there. `open` asks OpenSlide
//!    first: a format that OpenSlide recognises as well needs its branch before that. With a branch in `slide/address.rs` a file at an
//!    address is read in parts; without one it is copied first.
//! 3. Test it in `slide/tests/`: `fixtures.rs` makes small files in code and reads them whole, a file of its own tests
//!    that the pixels are right, `hostile.rs` that damaged files end in an error within the memory limit. In `tests/server/folders.rs`
//!    `a_slide_is_served_without_being_encoded` shows that a server finds it.
//! 4. Fuzz it: a function in `fuzz/src/files.rs`, its name in `TARGETS` of `fuzz/src/main.rs` and in the table there, a small valid file
//!    in `fuzz/seeds/NAME/`.
//! 5. Say it: the messages of `open.rs`, the names in [`SlideInfo::format`], the help of `src/cli/pyramid.rs`, "Inputs and results" in `docs/cli.md`,
//!    `docs/serve.md`, `python/README.md`; then `SNAPSHOTS=overwrite cargo test --test program transcripts::`. The loader and the rule for
//!    Snakemake have lists of extensions as well, to which `tests/library/slide_names.rs` holds them. What the file says of a patient
//!    belongs to `src/privacy/`.

mod access;
#[cfg(feature = "remote")]
mod address;
mod beside;
mod blend;
mod cache;
mod deflate;
mod dicom;
mod error;
mod exif;
mod fault;
mod icc;
mod info;
mod jpeg;
mod ndpi;
mod open;
#[cfg(feature = "openslide")]
mod openslide;
mod options;
mod orientation;
mod png;
mod positional;
mod region;
mod resolution;
mod samples;
#[cfg(feature = "remote")]
mod scratch;
#[cfg(test)]
mod tests;
mod tiff;
mod turned;
mod unread;
mod window;

pub use access::{Access, AssociatedSize, RandomAccess, RgbImage, Sequential, Slide, StoredTiles};
pub use beside::data_files;
pub use dicom::{DicomFiles, dicom_files, files_of_slide, is_dicom};
pub use error::{Axis, SlideError};
pub use info::SlideInfo;
pub(crate) use info::maker_and_model;
pub use open::{EXTENSIONS, openslide_library};
pub use options::{OpenOptions, OpenSlideLibrary, OpenSlideUse, Selection};
pub use region::Region;
