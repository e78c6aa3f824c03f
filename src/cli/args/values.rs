//! Parsers of the values of flags. What a flag takes is known when it is parsed, so that a wrong value is a usage error.
//!
//! A parser that has a range names it as the help of its flag does: `1 to 100`.

#[cfg(any(feature = "jobs", feature = "serve"))]
mod duration;
mod number;
mod size;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use origami::image::ycc::Sampling;

#[cfg(any(feature = "jobs", feature = "serve"))]
pub use self::duration::{DAY, HOUR, MILLISECOND, SECOND, duration};
pub use self::number::{real, whole, window};
pub use self::size::{BYTE, MIB, TIB, size};

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
