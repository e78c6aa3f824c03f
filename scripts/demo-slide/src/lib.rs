//! Empty: this package exists to pin the demo slide, see its `Cargo.toml`.
