//! Parameters that were found to go well together, and the ladder of qualities between them.
//!
//! The figures come from the curves in `evals/results/`. Knows no files and no pixels.

use crate::codec::{EncoderKind, Entropy};
use crate::params::{EncodeParams, Subsamp};

/// `--preset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// For keeping: fine quality, packed as tightly as can be, between two and three times the time to decode to tiles.
    Archive,
    /// For serving: plain JPEG streams with chroma of half the size, as quick to decode as the defaults.
    Balanced,
    /// As small as tissue bears: coarser, packed as tightly as can be.
    Small,
    /// For archives that may not lose anything: the source's own L0 tiles, repacked, and given back byte for byte.
    Lossless,
}

impl Preset {
    /// Those that have a quality, the finest first.
    pub const ALL: [Preset; 3] = [Preset::Archive, Preset::Balanced, Preset::Small];

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
            Preset::Archive => (65, Entropy::Context, Subsamp::S444),
            // The residual brings back what 4:2:0 takes from the baseline.
            Preset::Balanced => (50, Entropy::Adaptive, Subsamp::S420),
            Preset::Small => (40, Entropy::Context, Subsamp::S420),
            Preset::Lossless => {
                return EncodeParams { originals: true, entropy: Entropy::Lepton, ..EncodeParams::default() };
            }
        };
        let plain =
            EncodeParams { encoder: EncoderKind::Mozjpeg, entropy, subsamp, ..EncodeParams::default() };
        at_rung(&EncodeParams { chroma_residual_quality: Some(quality), ..plain }, quality)
    }
}

/// The parameters at another quality of the residual: the baseline follows, and so does a chroma residual, in the proportions that
/// cost least for what they give.
pub fn at_rung(params: &EncodeParams, residual_quality: u8) -> EncodeParams {
    let quality = residual_quality.clamp(1, 100);
    EncodeParams {
        residual_quality: quality,
        base_quality: base_of(quality),
        chroma_residual_quality: params.chroma_residual_quality.map(|_| quality),
        ..params.clone()
    }
}

/// Quality of the baseline under such a residual. What it loses of luma the residual brings back, so it may be coarse; L2 and the
/// levels above it are looked at as they are, so it stays a little finer, and may not be coarser than 40.
fn base_of(residual: u8) -> u8 {
    residual.saturating_add(10).clamp(40, 95)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn every_preset_is_valid_and_finer_ones_are_finer_in_everything() {
        let [archive, balanced, small] = Preset::ALL.map(Preset::params);
        for params in [&archive, &balanced, &small] {
            params.validate().unwrap();
        }
        let lossless = Preset::Lossless.params();
        lossless.validate().unwrap();
        let optl2 = EncodeParams { optl2: true, ..lossless };
        assert_eq!(optl2.validate(), Err(params::Error::NotWithLossless(params::Parameter::Optl2)));
        for (fine, coarse) in [(&archive, &balanced), (&balanced, &small)] {
            assert!(fine.residual_quality > coarse.residual_quality);
            assert!(fine.base_quality > coarse.base_quality);
            assert!(fine.chroma_residual_quality > coarse.chroma_residual_quality);
        }
    }

    #[test]
    fn the_ladder_rises_and_gives_no_chroma_residual_where_there_was_none() {
        let plain = EncodeParams::default();
        let rungs: Vec<_> = (1..=100).map(|quality| at_rung(&plain, quality)).collect();
        assert!(rungs.windows(2).all(|pair| pair[0].base_quality <= pair[1].base_quality));
        assert!(rungs.iter().all(|params| params.chroma_residual_quality.is_none()));
        assert!(rungs.iter().all(|params| params.validate().is_ok()));
    }
}
