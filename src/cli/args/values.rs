//! Parsers of the values of flags.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use origami::image::ycc::Sampling;

/// Chroma samplings of JPEG tiles that a decoder writes.
pub const TILE_SAMPLINGS: &[(&str, Sampling)] = &[("444", Sampling::S444), ("420", Sampling::S420)];

/// Every value of an enum by its name, without the descriptions that its documentation would add to `--help`.
pub fn names<T: ValueEnum + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    let values = T::value_variants().iter();
    parser(values.filter_map(|value| Some((value.to_possible_value()?, value.clone()))).collect())
}

/// Some values, each by its name.
pub fn one_of<T: Clone + Send + Sync + 'static>(
    values: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    parser(values.iter().map(|(name, value)| (PossibleValue::new(name), value.clone())).collect())
}

fn parser<T: Clone + Send + Sync + 'static>(
    values: Vec<(PossibleValue, T)>,
) -> impl TypedValueParser<Value = T> {
    let names: Vec<_> = values.iter().map(|(name, _)| name.clone().help(None::<&'static str>)).collect();
    PossibleValuesParser::new(names).try_map(move |text: String| {
        let value =
            values.iter().find(|(name, _)| name.matches(&text, false)).map(|(_, value)| value.clone());
        value.ok_or_else(|| format!("{text}: no such value"))
    })
}

/// A count that must not be 0.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "a whole number, at least 1".into())
}

/// Bytes, or a number with k, M or G: `1500000`, `1500k`, `1.5M`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'M')) => (&text[..at], 1e6),
        Some((at, 'G')) => (&text[..at], 1e9),
        _ => (text, 1.0),
    };
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok((value * factor) as u64),
        _ => Err("a size is bytes, or a number with k, M or G: 800000, 800k, 1.5G".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_or_refused() {
        for (text, size) in
            [("800000", 800_000), ("800k", 800_000), ("1.5M", 1_500_000), ("2G", 2_000_000_000)]
        {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "k", "0", "-1", "1T", "inf", "nan", "much"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
