//! The palette of an optical path: the colours of its gray values (PS3.3 sections C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9).

use super::value::Value;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// The palette of an optical path as it is stored: red, green, blue.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lookup {
    /// Number of entries, first value, bits of an entry.
    pub descriptors: [Vec<f64>; 3],
    pub data: [Vec<u8>; 3],
    pub is_segmented: bool,
}

impl Lookup {
    pub fn set(&mut self, tag: Tag, value: &Value) {
        let Lookup { descriptors: [red, green, blue], data: [reds, greens, blues], is_segmented } = self;
        match tag {
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR => *red = value.numbers(),
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR => *green = value.numbers(),
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR => *blue = value.numbers(),
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA => reds.clone_from(&value.bytes),
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA => greens.clone_from(&value.bytes),
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA => blues.clone_from(&value.bytes),
            tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA => *is_segmented = true,
            _ => {}
        }
    }
}

/// Colours of stored values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Palette {
    /// The first value that has a colour of its own; those below have the same.
    first: i64,
    /// At least one; values above have the last one.
    colors: Vec<[u8; 3]>,
}

impl Palette {
    /// A palette as a file gives it; `None` where it has none, and the reason where it cannot be read.
    pub fn read(lookup: &Lookup) -> Result<Option<Self>, String> {
        if lookup.is_segmented {
            return Err("it is stored in segments".into());
        }
        if lookup.descriptors.iter().all(Vec::is_empty) && lookup.data.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let [red, green, blue] = [0, 1, 2].map(|color| part(&lookup.descriptors[color], &lookup.data[color]));
        let ((first, red), (first_green, green), (first_blue, blue)) = (red?, green?, blue?);
        if (first, first) != (first_green, first_blue) || red.len() != green.len() || red.len() != blue.len()
        {
            return Err("its red, green and blue are of different lengths".into());
        }
        let colors = red.into_iter().zip(green).zip(blue).map(|((red, green), blue)| [red, green, blue]);
        Ok(Some(Self { first, colors: colors.collect() }))
    }

    /// The colour of a stored value.
    pub fn color(&self, value: u16) -> [u8; 3] {
        let index = (i64::from(value) - self.first).clamp(0, self.colors.len() as i64 - 1);
        self.colors.get(index as usize).copied().unwrap_or_default()
    }
}

/// The first mapped value and the levels of one colour.
fn part(descriptor: &[f64], data: &[u8]) -> Result<(i64, Vec<u8>), String> {
    let &[count, first, bits] = descriptor else { return Err("it has no descriptor".into()) };
    // 0 stands for 2^16 entries.
    let count = if count == 0.0 { 1 << 16 } else { count as usize };
    let words = || data.as_chunks::<2>().0.iter().map(|&word| u16::from_le_bytes(word));
    let levels: Vec<u8> = match bits as u32 {
        // Two entries in a word, or one.
        8 if data.len() < 2 * count => data.to_vec(),
        8 => words().map(|word| word as u8).collect(),
        16 => words().map(|word| ((u32::from(word) * 255 + 32767) / 65535) as u8).collect(),
        other => return Err(format!("its entries have {other} bits")),
    };
    match levels.get(..count) {
        Some(levels) if count <= 1 << 16 => Ok((first as i64, levels.to_vec())),
        _ => Err(format!("it has {} entries, expected {count}", levels.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_8_and_16_bits_are_colours() {
        let lookup = |bits: f64, data: [&[u8]; 3]| Lookup {
            descriptors: std::array::from_fn(|_| vec![2.0, 10.0, bits]),
            data: data.map(<[u8]>::to_vec),
            is_segmented: false,
        };
        let wide = Palette::read(&lookup(16.0, [&[0, 0, 255, 255], &[0, 0, 0, 128], &[255, 255, 0, 0]]));
        let wide = wide.unwrap().unwrap();
        assert_eq!(
            [0, 10, 11, 900].map(|value| wide.color(value)),
            [[0, 0, 255], [0, 0, 255], [255, 128, 0], [255, 128, 0]]
        );
        let narrow = Palette::read(&lookup(8.0, [&[1, 2], &[3, 4], &[5, 6]])).unwrap().unwrap();
        assert_eq!(narrow.color(11), [2, 4, 6]);
        let words =
            Palette::read(&lookup(8.0, [&[1, 0, 2, 0], &[3, 0, 4, 0], &[5, 0, 6, 0]])).unwrap().unwrap();
        assert_eq!(words, narrow);
        assert_eq!(Palette::read(&Lookup::default()), Ok(None));
        let short = lookup(16.0, [&[0, 0], &[0, 0], &[0, 0]]);
        assert!(Palette::read(&short).unwrap_err().contains("1 entries, expected 2"));
        assert!(Palette::read(&Lookup { is_segmented: true, ..short }).unwrap_err().contains("segments"));
    }
}
