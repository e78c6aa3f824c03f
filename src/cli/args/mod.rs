//! Groups of flags that several commands share, and parsers of their values.

pub mod backend;
pub mod coding;
pub mod open;
pub mod values;
pub mod work;
