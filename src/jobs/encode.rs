//! What of an encode is part of its unit: everything that decides which files it makes.

use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::encode::EncodeOptions;
use crate::error::Result;
use crate::params::EncodeParams;
use crate::pyramid::TileMetadata;
use crate::pyramid::source::Source;
use crate::pyramid::tree::Missing;
use crate::quality::adapt::adapt;
use crate::quality::presets::at_quality;
use crate::quality::search::{QualityTarget, search_quality};
use crate::slide::OpenOptions;

/// A slide or tree to a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encode {
    /// How it is coded, before [`Self::goal`].
    pub params: EncodeParams,
    /// What the quality is adapted to; `None` for the parameters as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Parameters that the goal does not change.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fixed: Fixed,
    /// Tile size in pixels; `None` for the source's own, or 256.
    pub tile: Option<u32>,
    /// How a slide is opened, and which of its planes it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub open: OpenOptions,
    /// What becomes of tiles that a tree lacks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub missing: Missing,
    /// What becomes of metadata in tiles that are stored as they are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tile_metadata: TileMetadata,
    /// Images of the slide that are stored by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub keep_associated: Vec<String>,
    /// One pack a family as well.
    #[serde(default, skip_serializing_if = "is_default")]
    pub packs: bool,
    /// A manifest with measurements of every tile as well. Such a slide is not encoded in bands.
    #[serde(default, skip_serializing_if = "is_default")]
    pub manifest: bool,
}

/// What the quality of a slide is adapted to. It is measured on families of the whole slide, by the first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// The preset's own, where luma does not stand for a channel.
    Preset,
    /// The lowest quality with this PSNR in dB.
    Psnr(f64),
    /// The highest quality at this size in bytes.
    Bytes(u64),
}

/// Parameters that were chosen apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// Quality of the baseline.
    pub baseline: bool,
    /// Quality of the chroma residual.
    pub chroma: bool,
    /// Chroma of the baseline.
    pub subsamp: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Encode {
    /// What to write, and of what.
    pub fn options(&self) -> EncodeOptions {
        EncodeOptions {
            packs: self.packs,
            manifest: self.manifest,
            tile_metadata: self.tile_metadata,
            keep_associated: self.keep_associated.clone(),
            ..EncodeOptions::default()
        }
    }

    /// The same with the parameters that reach its goal. `open` opens the source: a sequential one is read for it.
    ///
    /// # Errors
    /// A goal that no quality reaches; errors of source, codec and backend.
    pub fn decided(
        &self,
        open: &dyn Fn() -> Result<Source>,
        backend: &dyn Backend,
        scheduler: &Scheduler,
    ) -> Result<Self> {
        let search = |target| {
            let params_at = |quality| self.keep(at_quality(&self.params, quality));
            search_quality(&mut open()?, None, target, &params_at, backend, scheduler)
                .map(|found| found.params)
        };
        let params = match self.goal {
            None => return Ok(self.clone()),
            Some(Goal::Preset) => {
                let fixed = |params| self.keep(params);
                let adapted = adapt(&mut open()?, None, &self.params, &fixed, backend, scheduler)?;
                adapted.map_or_else(|| self.params.clone(), |adapted| adapted.params)
            }
            Some(Goal::Psnr(db)) => search(QualityTarget::Psnr(db))?,
            Some(Goal::Bytes(bytes)) => search(QualityTarget::Bytes(bytes))?,
        };
        Ok(Self { params, goal: None, fixed: Fixed::default(), ..self.clone() })
    }

    fn keep(&self, params: EncodeParams) -> EncodeParams {
        let (given, Fixed { baseline, chroma, subsamp }) = (&self.params, self.fixed);
        EncodeParams {
            base_quality: if baseline { given.base_quality } else { params.base_quality },
            chroma_residual_quality: match chroma {
                true => given.chroma_residual_quality,
                false => params.chroma_residual_quality,
            },
            subsamp: if subsamp { given.subsamp } else { params.subsamp },
            ..params
        }
    }
}
