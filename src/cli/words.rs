//! The library's errors in the words of the command line: with the flags that a user typed.
//!
//! An error that concerns no flag keeps its own text.

use origami::error::Error;
use origami::image::spec;
use origami::params::{self, Parameter};
use origami::{backend, codec, output, residual};

/// The text of an error for the terminal.
pub fn describe(error: &anyhow::Error) -> String {
    let typed = error.downcast_ref().map(words);
    let typed = typed.or_else(|| error.downcast_ref().map(backend_words));
    let typed = typed.or_else(|| error.downcast_ref().map(codec_words));
    let typed = typed.or_else(|| error.downcast_ref().map(output_words));
    let typed = typed.or_else(|| error.downcast_ref().map(params_words));
    let typed = typed.or_else(|| error.downcast_ref().map(residual_words));
    typed.flatten().unwrap_or_else(|| with_causes(error))
}

/// The error and its causes. The library's texts contain those of their causes, which are then left out.
fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text += &format!(": {cause}");
        }
    }
    text
}

/// The text with flags; `None` where the error concerns no flag. So in all functions below.
fn words(error: &Error) -> Option<String> {
    match error {
        Error::Backend(e) => backend_words(e),
        Error::Codec(e) => codec_words(e),
        Error::Output(e) => output_words(e),
        Error::Params(e) => params_words(e),
        Error::Residual(e) => residual_words(e),
        Error::Family { family, source } => Some(format!("family {family}: {}", words(source)?)),
        Error::NothingToReport => Some(
            "--manifest and --debug-images show what coding costs, and --preset lossless costs nothing; \
             leave one of them out"
                .into(),
        ),
        Error::PsnrOutOfReach { wanted_db, best_db } => Some(format!(
            "--target-psnr {wanted_db}: residual quality 100 comes to {best_db:.2} dB here; ask for less, or give \
             --l0q and --baseq"
        )),
        Error::SizeOutOfReach { wanted_bytes, least_bytes } => Some(format!(
            "--target-size {wanted_bytes}: residual quality 1 comes to about {least_bytes} bytes here; ask for more, \
             or give --preset small or --l0-scale 50"
        )),
        _ => None,
    }
}

fn backend_words(error: &backend::Error) -> Option<String> {
    match error {
        backend::Error::TooManyThreads(_) => Some(format!("--threads {error}").replace(" threads:", ":")),
        backend::Error::Params(e) => params_words(e),
        _ => None,
    }
}

fn codec_words(error: &codec::Error) -> Option<String> {
    match error {
        codec::Error::NoEncoder(name) => {
            Some(format!("--encoder {name}: this build has no {name}; build with --features {name}"))
        }
        codec::Error::NoLibjxl(why) => Some(format!("--encoder jpegxl needs the libjxl library: {why}")),
        codec::Error::NoEntropy(name) => Some(format!(
            "--entropy {name}: this build has no lepton; build with --features lepton, or give --entropy huffman"
        )),
        _ => None,
    }
}

fn output_words(error: &output::Error) -> Option<String> {
    match error {
        output::Error::Codec(e) => codec_words(e),
        output::Error::Quality(quality) => Some(format!("--quality {quality}: 1 to 100")),
        output::Error::NoWebp => {
            Some("--output-format webp: this build has no WebP; build with --features webp".into())
        }
        _ => None,
    }
}

fn residual_words(error: &residual::Error) -> Option<String> {
    match error {
        residual::Error::Backend(e) => backend_words(e),
        residual::Error::Codec(e) => codec_words(e),
        residual::Error::Params(e) => params_words(e),
        residual::Error::Lossless => Some(
            "--preset lossless predicts nothing; it is for encode, from the JPEG tiles of a tree or a slide"
                .into(),
        ),
        _ => None,
    }
}

fn params_words(error: &params::Error) -> Option<String> {
    Some(match error {
        params::Error::Quality { parameter, quality } => {
            format!("{} {quality}: a JPEG quality is 1 to 100", flag(*parameter))
        }
        params::Error::L0Scale { percent } => format!("--l0-scale {percent}: a percentage of 1 to 100"),
        params::Error::Strength { parameter, value } => format!(
            "{} {value}: a strength is 1/512 to {}, or 0 for none",
            flag(*parameter),
            spec::MAX_SHARPEN
        ),
        params::Error::WebpBaseline444 => {
            "--encoder webp: WebP has chroma of half size only; give --subsamp 420 or 420opt".into()
        }
        params::Error::WebpChromaQuality { residual_quality } => format!(
            "--chroma-resq: WebP has one quality for all planes; give {residual_quality} as well, or another \
             --residual-encoder"
        ),
        params::Error::SaveSharpenedWithoutSharpen => {
            "--save-sharpened stores the sharpened L2; give --sharpen S as well".into()
        }
        params::Error::LosslessEncoder(encoder) => format!(
            "--encoder {}: --preset lossless stores JPEG files, and L2 as one too; use turbojpeg, mozjpeg or jpegli",
            encoder.name()
        ),
        params::Error::NotWithLossless(parameter) => format!(
            "{} is about predicting L0 from L2, and --preset lossless stores L0 as it is; leave one of them out",
            flag(*parameter)
        ),
        params::Error::Codec(e) => return codec_words(e),
        _ => return None,
    })
}

/// The flag of a parameter, with its value where only that value is concerned.
fn flag(parameter: Parameter) -> String {
    match parameter {
        Parameter::BaseQuality => "--baseq".into(),
        Parameter::ResidualQuality => "--l0q".into(),
        Parameter::ChromaResidualQuality => "--chroma-resq".into(),
        Parameter::L0Scale => "--l0-scale".into(),
        Parameter::Sharpen => "--sharpen".into(),
        Parameter::L0Sharpen => "--l0-sharpen".into(),
        Parameter::Entropy(entropy) => format!("--entropy {}", entropy.name()),
        Parameter::ResidualEntropy => "--residual-entropy".into(),
        Parameter::ResidualEncoder => "--residual-encoder".into(),
        Parameter::Optl2 => "--optl2".into(),
        Parameter::Subsamp(subsamp) => format!("--subsamp {}", subsamp.name()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let missing = origami::archive::Archive::open(std::path::Path::new("/nowhere.bundle")).err().unwrap();
        let cause = std::io::Error::from_raw_os_error(2).to_string();
        assert_eq!(describe(&missing.into()).matches(&cause).count(), 1);
        let error = anyhow::Error::new(std::io::Error::from_raw_os_error(2)).context("cannot begin");
        assert_eq!(describe(&error), format!("cannot begin: {cause}"));
    }

    #[test]
    fn a_parameter_is_named_by_its_flag() {
        let params = params::EncodeParams { l0_scale_pct: 0, ..params::EncodeParams::default() };
        let error = params.validate().err().unwrap();
        assert_eq!(describe(&error.into()), "--l0-scale 0: a percentage of 1 to 100");
    }
}
