//! Numbers in words, as the program and its reports write them.

/// Bytes as text in decimal units, as disks are sold: `667 kB`, `1.21 GB`.
pub fn human_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" || value >= 100.0 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.2} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.2} TB")
}

/// Round bytes, as an axis has them: `50 kB`, `1.50 MB`.
pub fn round_bytes(bytes: f64) -> String {
    human_bytes(bytes.round() as u64).replace(".00 ", " ")
}

/// A whole number with commas between thousands: `46,000`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_or_two_decimals() {
        let text = [0, 999, 1000, 52_184, 645_600, 1_213_000_000, 4 << 40].map(human_bytes);
        assert_eq!(text, ["0 B", "999 B", "1.00 kB", "52.18 kB", "646 kB", "1.21 GB", "4.40 TB"]);
    }

    #[test]
    fn round_bytes_have_no_zeros_behind_the_point() {
        assert_eq!([0.0, 5e4, 1.5e6, 2e6].map(round_bytes), ["0 B", "50 kB", "1.50 MB", "2 MB"]);
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
