//! From numbers to colours and to positions on an axis.

use super::drawing::Rgb;

/// The colours of a scale, from its lowest to its highest value. Equal steps look equal, also to people who are colour-blind and in
/// gray. Source: viridis and cividis of matplotlib (CC0), every eighth colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colors {
    /// From purple over green to yellow.
    Viridis,
    /// From blue over gray to yellow.
    Cividis,
}

const VIRIDIS: [u32; 33] = [
    0x440154, 0x470D60, 0x48186A, 0x482374, 0x472D7B, 0x453781, 0x424086, 0x3E4989, 0x3B528B, 0x375B8D,
    0x33638D, 0x2F6B8E, 0x2C728E, 0x297A8E, 0x26828E, 0x23898E, 0x21918C, 0x1F988B, 0x1FA088, 0x22A785,
    0x28AE80, 0x32B67A, 0x3FBC73, 0x4EC36B, 0x5EC962, 0x70CF57, 0x84D44B, 0x98D83E, 0xADDC30, 0xC2DF23,
    0xD8E219, 0xECE51B, 0xFDE725,
];
const CIVIDIS: [u32; 33] = [
    0x00224E, 0x00285B, 0x002E6A, 0x053371, 0x1A386F, 0x273E6E, 0x32436D, 0x3B496C, 0x434E6C, 0x4B546C,
    0x535A6D, 0x5A5F6E, 0x61656F, 0x686A71, 0x6F7073, 0x767676, 0x7D7C78, 0x848279, 0x8C8878, 0x938E78,
    0x9B9476, 0xA39A74, 0xABA072, 0xB4A76F, 0xBCAE6C, 0xC4B468, 0xCDBB63, 0xD5C25E, 0xDEC958, 0xE7D150,
    0xF0D846, 0xF9E03A, 0xFEE838,
];

impl Colors {
    /// The colour of a value from 0 to 1; others are taken as the nearer end.
    pub fn at(self, value: f64) -> Rgb {
        let table = match self {
            Colors::Viridis => &VIRIDIS,
            Colors::Cividis => &CIVIDIS,
        };
        let place = value.clamp(0.0, 1.0) * (table.len() - 1) as f64;
        let low = (place as usize).min(table.len() - 2);
        let part = place - low as f64;
        let [_, from @ ..] = table[low].to_be_bytes();
        let [_, to @ ..] = table[low + 1].to_be_bytes();
        let mix = |i: usize| f64::from(from[i]) + part * (f64::from(to[i]) - f64::from(from[i]));
        [0, 1, 2].map(|i| mix(i).round() as u8)
    }
}

/// The round number (1, 2 or 5 times a power of ten) at or below a positive one.
pub fn round_below(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let factor = [5.0, 2.0, 1.0].into_iter().find(|factor| factor * power <= value * (1.0 + 1e-9));
    factor.unwrap_or(1.0) * power
}

/// About `count` round values from `low` to `high`.
pub fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 || count == 0 {
        return vec![low];
    }
    let exact = span / count as f64;
    let below = round_below(exact);
    let step = if exact < 1.5 * below { below } else { round_below(2.5 * below) };
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_get_lighter_from_the_low_end_to_the_high_one() {
        for colors in [Colors::Viridis, Colors::Cividis] {
            let light =
                |rgb: Rgb| 0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2]);
            let all: Vec<_> = (0..=64).map(|i| light(colors.at(f64::from(i) / 64.0))).collect();
            assert!(all.windows(2).all(|pair| pair[0] < pair[1] + 0.5), "{colors:?}: {all:?}");
            assert_eq!((colors.at(-1.0), colors.at(2.0)), (colors.at(0.0), colors.at(1.0)));
        }
        assert_eq!(Colors::Viridis.at(1.0), [0xFD, 0xE7, 0x25]);
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(0.0, 160.0, 4), [0.0, 50.0, 100.0, 150.0]);
        assert_eq!(ticks(36.2, 44.9, 4), [38.0, 40.0, 42.0, 44.0]);
        assert_eq!(ticks(3.0, 3.0, 4), [3.0]);
        for high in 1..2000 {
            let found = ticks(0.0, f64::from(high), 5);
            assert!((3..=9).contains(&found.len()), "{high}: {found:?}");
        }
    }

    #[test]
    fn round_numbers_are_not_larger() {
        assert_eq!([0.7, 1.0, 9.9, 250.0].map(round_below), [0.5, 1.0, 5.0, 200.0]);
    }
}
