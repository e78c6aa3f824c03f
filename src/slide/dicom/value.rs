//! Values of data elements as text and numbers (PS3.5 section 6.2).
//!
//! A value of another type than its tag should have is still understood where it can be: files are written that way. What a
//! value means is deliberately left to the caller.

use dicom_core::VR;

/// A value as it is stored, little endian.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub vr: VR,
    pub bytes: Vec<u8>,
}

impl Value {
    /// The parts of a text, which backslashes separate, without padding.
    pub fn texts(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let parts = text.split('\\');
        parts.map(|part| part.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_string()).collect()
    }

    /// The first part of a text; `None` for an empty one.
    pub fn text(&self) -> Option<String> {
        self.texts().into_iter().next().filter(|text| !text.is_empty())
    }

    /// All numbers, whole or not, binary or as text.
    pub fn numbers(&self) -> Vec<f64> {
        fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            bytes.as_chunks::<N>().0.iter().map(|&part| number(part)).collect()
        }
        let bytes = &self.bytes;
        match self.vr {
            VR::US | VR::OW => each(bytes, |part| u16::from_le_bytes(part).into()),
            VR::SS => each(bytes, |part| i16::from_le_bytes(part).into()),
            VR::UL => each(bytes, |part| u32::from_le_bytes(part).into()),
            VR::SL => each(bytes, |part| i32::from_le_bytes(part).into()),
            VR::FL => each(bytes, |part| f32::from_le_bytes(part).into()),
            VR::FD => each(bytes, f64::from_le_bytes),
            _ => self.texts().iter().map_while(|text| text.parse().ok()).collect(),
        }
    }

    /// The first number, if it is whole.
    pub fn whole(&self) -> Option<i64> {
        let number = *self.numbers().first()?;
        // Far below 2^53, so the conversion is exact.
        (number.fract() == 0.0 && number.abs() <= f64::from(u32::MAX)).then_some(number as i64)
    }

    /// The first number, if it is whole and not negative.
    pub fn count(&self) -> Option<u32> {
        u32::try_from(self.whole()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_every_type_that_writers_use() {
        let value = |vr, bytes: &[u8]| Value { vr, bytes: bytes.to_vec() };
        assert_eq!(value(VR::DS, b"0.25\\.5 ").numbers(), [0.25, 0.5]);
        assert_eq!(value(VR::IS, b" 12 ").count(), Some(12));
        assert_eq!(value(VR::US, &[1, 2]).count(), Some(513));
        assert_eq!(value(VR::SL, &(-3i32).to_le_bytes()).whole(), Some(-3));
        assert_eq!(value(VR::SL, &(-3i32).to_le_bytes()).count(), None);
        assert_eq!(value(VR::FD, &1.5f64.to_le_bytes()).numbers(), [1.5]);
        assert_eq!(value(VR::IS, b"NaN").count(), None);
        assert_eq!(value(VR::IS, b"99999999999999999999").count(), None);
        assert_eq!(value(VR::UL, &[1]).count(), None);
        assert_eq!(value(VR::CS, b"ORIGINAL\\PRIMARY\\LABEL ").texts()[2], "LABEL");
    }
}
