//! Faults of families and of output tiles.

use origami::{output, residual};

use super::{backend, codec, params};

pub fn residual(error: &residual::Error) -> Option<String> {
    match error {
        residual::Error::Backend(e) => backend::error(e),
        residual::Error::Codec(e) => codec::error(e),
        residual::Error::Params(e) => params::error(e),
        residual::Error::Lossless => Some(
            "--preset lossless predicts nothing; it is for encode, from the JPEG tiles of a tree or a slide"
                .into(),
        ),
        _ => None,
    }
}

pub fn output(error: &output::Error) -> Option<String> {
    match error {
        output::Error::Codec(e) => codec::error(e),
        output::Error::Quality(quality) => Some(format!("--quality {quality}: 1 to 100")),
        output::Error::NoWebp => {
            Some("--output-format webp: this build has no WebP; build with --features webp".into())
        }
        _ => None,
    }
}
