//! PNGs of every stage of a family, for people.
//!
//! `compress/` has the stages of the encoder (original, L2, prediction, residual), `decompress/` those of a decoder, `images/`
//! the colour images before and after. Stages of luma are gray.

use std::path::Path;

use crate::backend::Backend;
use crate::codec::encode_png;
use crate::error::{Error, Result};
use crate::image::family::{DecodedFamily, Want};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::residual;
use crate::params::Coding;
use crate::pyramid::write::write_whole;
use crate::residual::EncodedFamily;

/// Writes the pictures of one family below `out`, named `{x2}_{y2}_STAGE.png`.
///
/// # Errors
/// A full disk and the like; those of the backend.
pub async fn write(out: &Path, family: &EncodedFamily, backend: &dyn Backend, coding: &Coding) -> Result<()> {
    let original = family.source.image.ycc();
    let (prediction, mut residual) = (family.prediction(coding)?, Plane::default());
    residual::make(original.luma.view(), prediction.luma.view(), &mut residual);
    let gray = |plane: &Plane| encode_png(plane.view().to_plane().data(), 1, plane.width(), plane.height());
    let colour = |image: &Ycc| match image.chroma {
        None => gray(&image.luma),
        Some(_) => encode_png(image.to_rgb().data(), 3, image.luma.width(), image.luma.height()),
    };
    let decoded = DecodedFamily {
        baseline: family.baseline.clone(),
        residual: family.residual.clone(),
        width: original.luma.width(),
        height: original.luma.height(),
    };
    let after = backend.reconstruct(coding, &decoded, Want::Planes(Sampling::S444)).await?.l0.into_ycc();
    let before = match &original.chroma {
        None => Ycc::gray(original.luma.clone()),
        Some(planes) => {
            // Only for the picture: chroma by nearest neighbour.
            let (fx, fy) = original.sampling.factors();
            let chroma = planes.each_ref().map(|p| {
                let (w, h) = (original.luma.width(), original.luma.height());
                let data = (0..w * h).map(|i| p.row(i / w / fy)[i % w / fx]).collect();
                Plane::from_vec(w, h, data)
            });
            Ycc { luma: original.luma.clone(), chroma: Some(chroma), sampling: Sampling::S444 }
        }
    };
    let id = family.id;
    for (dir, stage, png) in [
        ("compress", "original", gray(&original.luma)?),
        ("compress", "l2", gray(&family.baseline.luma)?),
        ("compress", "prediction", gray(&prediction.luma)?),
        ("compress", "residual", gray(&residual)?),
        ("decompress", "residual", gray(&family.residual.luma)?),
        ("decompress", "reconstruction", gray(&family.corrected.luma)?),
        ("images", "original", colour(&before)?),
        ("images", "reconstruction", colour(&after)?),
    ] {
        let dir = out.join(dir);
        std::fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        write_whole(&dir.join(format!("{id}_{stage}.png")), &png)?;
    }
    Ok(())
}
