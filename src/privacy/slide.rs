//! A slide or an image.

use std::path::Path;

use super::held::{Held, Tally};
use super::{dicom, tiff};
use crate::error::{Error, Result};
use crate::slide::{OpenOptions, Slide};
use crate::store::{FileStore, ReadAt};

/// Bytes of an image file that are looked at.
const MAX_IMAGE_BYTES: u64 = 1 << 30;

/// What the file holds: its name, its associated images, and its format's metadata. A file that no reader opens is looked into as well.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::privacy::of_slide;
/// use origami::slide::OpenOptions;
///
/// for held in of_slide(Path::new("slide.svs"), &OpenOptions::default())? {
///     println!("{} in {}: {} bytes", held.what, held.place, held.bytes);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A file that cannot be read.
pub fn of_slide(path: &Path, options: &OpenOptions) -> Result<Vec<Held>> {
    let file = FileStore::open(path).map_err(Error::io("open", path))?;
    let length = file.size().map_err(Error::io("read", path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut held = vec![Held::text("file name", "the file", &name)];
    let opened = Slide::open(path, options);
    if let Ok(slide) = &opened {
        let size = |name: &String| slide.associated_image(name).map_or(0, |image| image.rgb.len() as u64);
        let image = |name: &String| Held::new(name.clone(), "associated image", size(name));
        held.extend(slide.info.associated.iter().map(image));
    }
    let head = read(&file, length.min(dicom::HEAD_BYTES)).map_err(Error::io("read", path))?;
    if head.get(128..132) == Some(b"DICM") {
        held.extend(dicom::of_dicom(&head));
    } else if head.starts_with(b"\xFF\xD8") || head.starts_with(b"\x89PNG") {
        let mut tally = Tally::default();
        tally.add(
            "the file",
            "whole",
            &read(&file, length.min(MAX_IMAGE_BYTES)).map_err(Error::io("read", path))?,
        );
        held.extend(tally.finish());
    } else if head.starts_with(b"II") || head.starts_with(b"MM") {
        held.extend(tiff::of_tiff(&file));
    }
    if let Ok(slide) = &opened
        && let Ok(tiles) = slide.stored_tiles()
        && let Ok(image) = tiles.tile(0, 0)
    {
        let mut tally = Tally::default();
        tally.add_tile("coded tiles", "tile 0_0", &image);
        held.extend(tally.finish());
    }
    Ok(held)
}

fn read(file: &FileStore, length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
