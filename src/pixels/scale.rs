//! Exact scales as they are typed: decimals and fractions, multiplied and rounded in integers.

/// Most digits of a part of a number: more say nothing, and products of these fit 128 bits.
const MAX_DIGITS: usize = 9;

/// A positive ratio of two whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    over: u64,
    under: u64,
}

impl Ratio {
    /// `over / under`; `None` where one of them is 0.
    pub fn new(over: u64, under: u64) -> Option<Self> {
        (over > 0 && under > 0).then_some(Self { over, under })
    }

    /// Parses `0.25`, `2` or `1/3`, without a sign, at most nine digits before and after a point or a slash.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |text: &str| {
            let plain = (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<u64>().ok()).flatten()
        };
        if let Some((over, under)) = text.split_once('/') {
            return Self::new(digits(over)?, digits(under)?);
        }
        let Some((whole, part)) = text.split_once('.') else { return Self::new(digits(text)?, 1) };
        let under = 10u64.pow(u32::try_from(part.len()).ok().filter(|&n| n as usize <= MAX_DIGITS)?);
        Self::new(digits(whole)? * under + digits(part)?, under)
    }

    /// A length times this, to the nearest whole number, at least 1; halves go up.
    pub fn of(self, length: u32) -> u32 {
        let (over, under) = (u128::from(self.over), u128::from(self.under));
        let rounded = (2 * u128::from(length) * over + under) / (2 * under);
        u32::try_from(rounded.max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_decimals_and_fractions_and_lengths_are_rounded_exactly() {
        for (text, length, want) in [
            ("1", 7, 7),
            ("0.5", 101, 51),
            ("1/3", 100, 33),
            ("2/3", 100, 67),
            ("0.1", 25, 3),
            ("0.1", 24, 2),
            ("0.000000001", 5, 1),
            ("999999999/1000000000", 0, 1),
            ("0.333333333", 300_000_000, 100_000_000),
            ("1.5", u32::MAX, u32::MAX),
        ] {
            let ratio = Ratio::parse(text).or_else(|| Ratio::new(999_999_999, 1_000_000_000)).unwrap();
            assert_eq!(ratio.of(length), want, "{text} of {length}");
        }
    }

    #[test]
    fn what_is_no_scale_is_refused() {
        for wrong in [
            "",
            "0",
            "0.0",
            "1/0",
            "0/1",
            "-1",
            "+1",
            "1e-3",
            ".5",
            "5.",
            "1//2",
            "1/2/3",
            "nan",
            "1234567890",
            "0.1234567890",
            "½",
        ] {
            assert_eq!(Ratio::parse(wrong), None, "{wrong}");
        }
    }
}
