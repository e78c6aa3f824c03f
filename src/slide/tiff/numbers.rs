//! Samples that are no unsigned numbers of up to 16 bits: signed, of 32 bits, floating point. They become 16-bit codes.
//!
//! A code is a place between the lowest and the highest value of the image, which are found first. Whole numbers that span no more
//! than 2^16 values keep their distances, so their codes are exact. What is no number has the lowest code.

use super::directory::ByteOrder;

/// How a sample is to be read (SampleFormat).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// Such samples, and the values of the first and the last code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    pub kind: Kind,
    /// 8, 16 or 32; 32 or 64 of floating point.
    pub bits: u32,
    pub low: f64,
    pub high: f64,
}

impl Numbers {
    /// Those of a file; `None` where its samples are unsigned numbers of up to 16 bits, which need no codes.
    pub fn new(kind: Kind, bits: u32) -> Option<Self> {
        (kind != Kind::Unsigned || bits > 16).then_some(Self { kind, bits, low: 0.0, high: 0.0 })
    }

    /// Their name.
    pub fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Unsigned => "unsigned",
            Kind::Signed => "signed",
            Kind::Float => "floating-point",
        };
        format!("{kind} numbers of {} bits", self.bits)
    }

    /// Widens the range by a value.
    pub fn include(&mut self, value: f64, is_first: bool) {
        let (low, high) = if is_first { (value, value) } else { (self.low, self.high) };
        (self.low, self.high) = (low.min(value), high.max(value));
    }

    /// Whether codes are differences of whole numbers.
    fn is_exact(&self) -> bool {
        self.kind != Kind::Float && self.high - self.low <= 65535.0
    }

    pub fn code(&self, value: f64) -> u16 {
        let above = value - self.low;
        let place = if self.is_exact() { above } else { (above / (self.high - self.low) * 65535.0).round() };
        // A value that is no number becomes 0.
        place.clamp(0.0, 65535.0) as u16
    }

    /// The value of a code, for people.
    pub fn value(&self, code: u16) -> f64 {
        let code = f64::from(code);
        if self.is_exact() { self.low + code } else { self.low + code / 65535.0 * (self.high - self.low) }
    }

    /// Undoes the predictor of a row: 2 of whole numbers, 3 of floating point (Adobe Photoshop TIFF Technical Note 3).
    pub fn undo_predictor(&self, row: &mut [u8], samples: usize, order: ByteOrder) {
        let size = self.bits as usize / 8;
        if self.kind == Kind::Float {
            for at in samples..row.len() {
                row[at] = row[at].wrapping_add(row[at - samples]);
            }
            // The highest bytes of all samples come first, whatever the order of the file.
            let planes = row.to_vec();
            let count = row.len() / size;
            for (index, sample) in row.chunks_exact_mut(size).enumerate() {
                for (byte, to) in sample.iter_mut().enumerate() {
                    let place = if order == ByteOrder::Big { byte } else { size - 1 - byte };
                    *to = planes[place * count + index];
                }
            }
            return;
        }
        let mask = u64::MAX >> (64 - self.bits);
        for at in (samples * size..row.len().saturating_sub(size - 1)).step_by(size) {
            let sum = order
                .number(&row[at..at + size])
                .wrapping_add(order.number(&row[at - samples * size..][..size]));
            let bytes = (sum & mask).to_le_bytes();
            for (byte, to) in row[at..at + size].iter_mut().enumerate() {
                *to = bytes[if order == ByteOrder::Little { byte } else { size - 1 - byte }];
            }
        }
    }

    /// The values of a row.
    pub fn values(self, row: &[u8], order: ByteOrder) -> impl Iterator<Item = f64> {
        row.chunks_exact(self.bits as usize / 8).map(move |sample| {
            let raw = order.number(sample);
            match (self.kind, self.bits) {
                (Kind::Float, 64) => f64::from_bits(raw),
                (Kind::Float, _) => f64::from(f32::from_bits(raw as u32)),
                (Kind::Unsigned, _) => raw as f64,
                // The sign is the highest bit of so many.
                (Kind::Signed, bits) => ((raw << (64 - bits)) as i64 >> (64 - bits)) as f64,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_exact_where_whole_numbers_are_near_each_other() {
        let mut signed = Numbers::new(Kind::Signed, 16).unwrap();
        let values: Vec<f64> =
            signed.values(&[0x00, 0x80, 0xFF, 0xFF, 0x05, 0x00], ByteOrder::Little).collect();
        assert_eq!(values, [-32768.0, -1.0, 5.0]);
        for (at, &value) in values.iter().enumerate() {
            signed.include(value, at == 0);
        }
        assert_eq!(values.iter().map(|&value| signed.code(value)).collect::<Vec<_>>(), [0, 32767, 32773]);
        assert_eq!((signed.value(32767), signed.code(9e9), signed.code(f64::NAN)), (-1.0, 65535, 0));
        let float = Numbers { low: -1.0, high: 1.0, ..Numbers::new(Kind::Float, 32).unwrap() };
        assert_eq!([-1.0, 0.0, 1.0, f64::INFINITY].map(|value| float.code(value)), [0, 32768, 65535, 65535]);
        assert_eq!(Numbers::new(Kind::Unsigned, 16), None);
        let flat = Numbers { low: 7.5, high: 7.5, ..float };
        assert_eq!(flat.code(7.5), 0);
    }

    #[test]
    fn predictors_are_undone_in_both_orders() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let bytes =
                |value: u32| if order == ByteOrder::Big { value.to_be_bytes() } else { value.to_le_bytes() };
            let mut row: Vec<u8> = [5u32, 3, u32::MAX].into_iter().flat_map(bytes).collect();
            let whole = Numbers::new(Kind::Unsigned, 32).unwrap();
            whole.undo_predictor(&mut row, 1, order);
            assert_eq!(whole.values(&row, order).collect::<Vec<_>>(), [5.0, 8.0, 7.0]);
            let wanted = [1.5f32, -2.25];
            let mut planes: Vec<u8> =
                (0..4).flat_map(|byte| wanted.map(|value| value.to_be_bytes()[byte])).collect();
            for at in (1..planes.len()).rev() {
                planes[at] = planes[at].wrapping_sub(planes[at - 1]);
            }
            let float = Numbers::new(Kind::Float, 32).unwrap();
            float.undo_predictor(&mut planes, 1, order);
            assert_eq!(float.values(&planes, order).collect::<Vec<_>>(), [1.5, -2.25]);
        }
    }
}
