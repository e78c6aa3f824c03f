//! Numbers in addresses, and what is said of those that are none.

use crate::web::error::ServeError;

/// A part of an address that means nothing.
pub fn bad(what: &str, text: &str) -> ServeError {
    ServeError::Bad(format!("{what} '{text}' is not understood"))
}

/// A number without a sign; with decimals only if `fraction`.
pub fn number(text: &str, fraction: bool) -> Option<f64> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let plain = match text.split_once('.') {
        Some((whole, part)) => fraction && digits(whole) && digits(part),
        None => digits(text),
    };
    plain.then(|| text.parse().ok()).flatten()
}

/// `N` numbers with commas between them.
pub fn list<const N: usize>(text: &str, fraction: bool) -> Option<[f64; N]> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|part| number(part, fraction)).collect();
    numbers?.try_into().ok()
}
