//! Parameters that were measured to go well together, and how they follow one quality.
//!
//! The figures come from the curves in `evals/results/`. Knows no files and no pixels.

use crate::codec::{EncoderKind, Entropy};
use crate::params::{EncodeParams, Subsamp};

/// A named set of encode parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Preset {
    /// For long storage: fine quality and the smallest files at that quality. Decoding to tiles takes two to three times as long.
    Archive,
    /// For serving: plain JPEG streams with chroma of half the size, as quick to decode as the defaults.
    Balanced,
    /// The coarsest quality that tissue tolerates, and the smallest files.
    Small,
    /// Without any loss: the source's own L0 tiles are repacked and come back byte for byte.
    Lossless,
}

impl Preset {
    /// All presets: those that have a quality from the finest to the coarsest, then the lossless one.
    pub const ALL: [Preset; 4] = [Preset::Archive, Preset::Balanced, Preset::Small, Preset::Lossless];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Archive => "archive",
            Preset::Balanced => "balanced",
            Preset::Small => "small",
            Preset::Lossless => "lossless",
        }
    }

    /// Its parameters.
    pub fn params(self) -> EncodeParams {
        let (quality, entropy, subsamp) = match self {
            Preset::Archive => (70, Entropy::CONTEXT, Subsamp::S444),
            // The residual restores the chroma that 4:2:0 takes from the baseline.
            Preset::Balanced => (52, Entropy::ADAPTIVE, Subsamp::S420),
            Preset::Small => (32, Entropy::CONTEXT, Subsamp::S420),
            Preset::Lossless => {
                return EncodeParams { originals: true, entropy: Entropy::LEPTON, ..EncodeParams::default() };
            }
        };
        let plain =
            EncodeParams { encoder: EncoderKind::Trellis, entropy, subsamp, ..EncodeParams::default() };
        // `at_quality` says which.
        let with_chroma = EncodeParams { chroma_residual_quality: Some(quality), ..plain };
        at_quality(&with_chroma, quality)
    }

    /// The preset whose parameters these are, if all of them are equal.
    pub fn of(params: &EncodeParams) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.params() == *params)
    }
}

/// The parameters at another quality of the residual, 1 to 100. The baseline and a chroma residual, where there is one, follow it
/// in the proportions that measured best.
///
/// ```
/// use origami::quality::presets::{Preset, at_quality};
///
/// let params = at_quality(&Preset::Balanced.params(), 60);
/// assert_eq!(params.residual_quality, 60);
/// ```
pub fn at_quality(params: &EncodeParams, residual_quality: u8) -> EncodeParams {
    let quality = residual_quality.clamp(1, 100);
    EncodeParams {
        residual_quality: quality,
        base_quality: base_quality(quality),
        chroma_residual_quality: params
            .chroma_residual_quality
            .map(|_| chroma_quality(params.residual_encoder(), quality)),
        ..params.clone()
    }
}

/// Quality of the baseline under a residual of this quality. The residual restores the luma that the baseline loses, so the
/// baseline may be coarse. But viewers see L2 and the levels above it without a residual, so a coarse residual has a finer one, of at least 40.
pub(super) fn base_quality(residual: u8) -> u8 {
    (30 + 3 * u32::from(residual.min(100)) / 5).max(40) as u8
}

/// Quality of a chroma residual beside one of luma. Chroma is a small part of the bytes and carries the stains: ten finer costs 4% of the
/// bytes at equal luma and takes a tenth off Delta E 2000 at equal bytes (`benches/RESULTS.md`).
fn chroma_quality(encoder: EncoderKind, luma: u8) -> u8 {
    // WebP has one quality for both.
    if encoder == EncoderKind::Webp { luma } else { luma.saturating_add(10).min(95.max(luma)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn every_preset_is_valid_and_finer_ones_are_finer_in_everything() {
        let [archive, balanced, small, lossless] = Preset::ALL.map(Preset::params);
        for params in [&archive, &balanced, &small, &lossless] {
            params.validate().unwrap();
        }
        let optl2 = EncodeParams { optl2: true, ..lossless };
        assert_eq!(optl2.validate(), Err(params::Error::NotWithLossless(params::Parameter::Optl2)));
        for (fine, coarse) in [(&archive, &balanced), (&balanced, &small)] {
            assert!(fine.residual_quality > coarse.residual_quality);
            assert!(fine.base_quality > coarse.base_quality);
            assert!(fine.chroma_residual_quality > coarse.chroma_residual_quality);
        }
    }

    #[test]
    fn the_baseline_rises_with_the_quality_and_no_chroma_residual_appears() {
        let plain = EncodeParams::default();
        let all: Vec<_> = (1..=100).map(|quality| at_quality(&plain, quality)).collect();
        assert!(all.windows(2).all(|pair| pair[0].base_quality <= pair[1].base_quality));
        assert!(all.iter().all(|params| params.chroma_residual_quality.is_none()));
        assert!(all.iter().all(|params| params.validate().is_ok()));
    }

    #[test]
    fn chroma_is_finer_than_luma_except_in_webp_which_has_one_quality() {
        for quality in 1..=100 {
            let of = |params: &EncodeParams| at_quality(params, quality);
            let balanced = of(&Preset::Balanced.params());
            assert!(
                balanced.chroma_residual_quality.is_some_and(|chroma| chroma >= quality && chroma <= 100)
            );
            assert_eq!(balanced.chroma_residual_quality > Some(quality), quality < 95, "{quality}");
            let webp =
                EncodeParams { residual_encoder: Some(EncoderKind::Webp), ..Preset::Balanced.params() };
            assert_eq!(of(&webp).validate(), Ok(()), "{quality}");
        }
    }

    #[test]
    fn a_preset_is_recognised_by_its_parameters_and_by_nothing_less() {
        for preset in Preset::ALL {
            assert_eq!(Preset::of(&preset.params()), Some(preset));
            assert_eq!(Preset::of(&EncodeParams { max_delta: 14, ..preset.params() }), None);
        }
        assert_eq!(Preset::of(&EncodeParams::default()), None);
    }
}
