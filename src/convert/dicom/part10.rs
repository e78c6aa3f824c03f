//! The bytes of a file of DICOM (PS3.10, 7) around its frames (PS3.5, A.4).

use dicom_dictionary_std::uids;
use dicom_encoding::encode::EncoderFor;
use dicom_encoding::encode::explicit_le::ExplicitVRLittleEndianEncoder;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

/// Two bytes and a length of four: the head of an item.
const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
/// What follows the last frame.
pub const END_OF_FRAMES: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];

/// The bytes of a file before its pixel data. The error says what cannot be written.
pub fn head(data: &InMemDicomObject, transfer_syntax: &str, uid: &str) -> Result<Vec<u8>, String> {
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(transfer_syntax)
        .media_storage_sop_class_uid(uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE)
        .media_storage_sop_instance_uid(uid)
        .build()
        .map_err(|e| e.to_string())?;
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    meta.write(&mut bytes).map_err(|e| e.to_string())?;
    data.write_dataset(&mut bytes, EncoderFor::new(ExplicitVRLittleEndianEncoder::default()))
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// The head of the pixel data of frames of these sizes in bytes, up to the first frame, with where each begins: in the basic offset table, or where its
/// numbers are too small in the extended one.
pub fn pixel_data_head(sizes: &[u64]) -> Vec<u8> {
    let mut next = 0;
    let offsets: Vec<u64> = sizes
        .iter()
        .map(|size| {
            let at = next;
            next += 8 + size;
            at
        })
        .collect();
    let mut bytes = Vec::new();
    let basic: Option<Vec<u32>> = offsets.iter().map(|&at| u32::try_from(at).ok()).collect();
    if basic.is_none() {
        for (element, numbers) in [(1_u8, &offsets[..]), (2, sizes)] {
            bytes.extend([0xE0, 0x7F, element, 0, b'O', b'V', 0, 0]);
            bytes.extend((8 * numbers.len() as u32).to_le_bytes());
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
    // Pixel data of unknown length, in items.
    bytes.extend([0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    let basic = basic.unwrap_or_default();
    bytes.extend(ITEM);
    bytes.extend((4 * basic.len() as u32).to_le_bytes());
    bytes.extend(basic.iter().flat_map(|at| at.to_le_bytes()));
    bytes
}

/// A frame as an item, of an even number of bytes.
pub fn item(frame: &[u8]) -> Vec<u8> {
    let size = frame.len().next_multiple_of(2);
    let mut bytes = Vec::with_capacity(8 + size);
    bytes.extend(ITEM);
    bytes.extend((size as u32).to_le_bytes());
    bytes.extend(frame);
    bytes.resize(8 + size, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_beyond_four_gigabytes_are_in_the_extended_table() {
        let head = pixel_data_head(&[10, 20, 30]);
        assert_eq!(head[..12], [0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(head[12..20], [0xFE, 0xFF, 0, 0xE0, 12, 0, 0, 0]);
        assert_eq!(head[20..], [0, 0, 0, 0, 18, 0, 0, 0, 46, 0, 0, 0]);
        let far = pixel_data_head(&[1 << 31, 1 << 31, 30]);
        assert_eq!(far[..12], [0xE0, 0x7F, 1, 0, b'O', b'V', 0, 0, 24, 0, 0, 0]);
        assert_eq!(far[28..36], (16 + (1_u64 << 32)).to_le_bytes());
        assert_eq!(far[36..48], [0xE0, 0x7F, 2, 0, b'O', b'V', 0, 0, 24, 0, 0, 0]);
        assert_eq!(far[72..84], [0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(far[84..], [0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0]);
    }

    #[test]
    fn frames_have_an_even_number_of_bytes() {
        assert_eq!(item(&[1, 2, 3]), [0xFE, 0xFF, 0, 0xE0, 4, 0, 0, 0, 1, 2, 3, 0]);
        assert_eq!(item(&[1, 2]), [0xFE, 0xFF, 0, 0xE0, 2, 0, 0, 0, 1, 2]);
    }
}
