//! Attributes of a DICOM file that name a patient, a person, a place or a time.
//!
//! Explicit VR little endian, in which whole-slide images are written; a file in another transfer syntax says so. Source: DICOM PS3.5
//! section 7.1, PS3.15 table E.1-1.

use super::held::Held;

/// Bytes of the file that are looked at: the attributes stand before the pixel data.
pub const HEAD_BYTES: u64 = 4 << 20;

const ATTRIBUTES: [((u16, u16), &str); 26] = [
    ((0x0008, 0x0020), "StudyDate"),
    ((0x0008, 0x0023), "ContentDate"),
    ((0x0008, 0x002A), "AcquisitionDateTime"),
    ((0x0008, 0x0030), "StudyTime"),
    ((0x0008, 0x0050), "AccessionNumber"),
    ((0x0008, 0x0080), "InstitutionName"),
    ((0x0008, 0x0081), "InstitutionAddress"),
    ((0x0008, 0x0090), "ReferringPhysicianName"),
    ((0x0008, 0x1010), "StationName"),
    ((0x0008, 0x1030), "StudyDescription"),
    ((0x0008, 0x103E), "SeriesDescription"),
    ((0x0008, 0x1050), "PerformingPhysicianName"),
    ((0x0008, 0x1070), "OperatorsName"),
    ((0x0010, 0x0010), "PatientName"),
    ((0x0010, 0x0020), "PatientID"),
    ((0x0010, 0x0030), "PatientBirthDate"),
    ((0x0010, 0x0040), "PatientSex"),
    ((0x0010, 0x1010), "PatientAge"),
    ((0x0010, 0x4000), "PatientComments"),
    ((0x0018, 0x1000), "DeviceSerialNumber"),
    ((0x0020, 0x000D), "StudyInstanceUID"),
    ((0x0020, 0x0010), "StudyID"),
    ((0x0040, 0x0512), "ContainerIdentifier"),
    ((0x0040, 0x0551), "SpecimenIdentifier"),
    ((0x2200, 0x0002), "LabelText"),
    ((0x2200, 0x0005), "BarcodeValue"),
];

/// The attributes at the top of the data set that have a value.
pub fn of_dicom(head: &[u8]) -> Vec<Held> {
    let (mut at, mut held) = (132, Vec::new());
    while let Some(element) = Element::read(head, at) {
        if element.tag == (0x0002, 0x0010) && !is_explicit(element.value(head)) {
            held.push(Held::new(
                "attributes that were not looked into: another transfer syntax",
                "data set",
                0,
            ));
            return held;
        }
        if element.tag.0 == 0x7FE0 {
            break;
        }
        let (group, number) = element.tag;
        let name = ATTRIBUTES.iter().find(|(tag, _)| *tag == element.tag).map(|(_, name)| *name);
        let text = String::from_utf8_lossy(element.value(head));
        let text = text.trim_matches([' ', '\0']);
        if let Some(name) = name
            && !text.is_empty()
        {
            held.push(Held::text(name, format!("attribute ({group:04X},{number:04X})"), text));
        }
        at = element.end;
    }
    held
}

/// Whether a transfer syntax is explicit and little endian: all are, but for two.
fn is_explicit(uid: &[u8]) -> bool {
    let uid = String::from_utf8_lossy(uid);
    !matches!(uid.trim_matches([' ', '\0']), "1.2.840.10008.1.2" | "1.2.840.10008.1.2.2")
}

/// A data element; a sequence of undefined length is entered, so that its elements follow as if they stood at the top.
struct Element {
    tag: (u16, u16),
    value_at: usize,
    end: usize,
}

impl Element {
    fn read(head: &[u8], at: usize) -> Option<Self> {
        let [a, b, c, d, v, r, e, f] = *head.get(at..)?.first_chunk()?;
        let tag = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        if tag.0 == 0xFFFE {
            // Items and delimiters have a length and no type: they are entered.
            return Some(Self { tag, value_at: at + 8, end: at + 8 });
        }
        let (value_at, length) = match &[v, r] {
            b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT"
            | b"UV" => (at + 12, u32::from_le_bytes(*head.get(at + 8..)?.first_chunk()?)),
            _ => (at + 8, u32::from(u16::from_le_bytes([e, f]))),
        };
        let entered = length == u32::MAX || &[v, r] == b"SQ";
        let end = if entered { value_at } else { value_at.checked_add(length as usize)? };
        Some(Self { tag, value_at, end })
    }

    fn value<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        head.get(self.value_at..self.end).unwrap_or_default()
    }
}
