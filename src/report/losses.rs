//! What an encode lost: the error of every family, and pictures of the families that lost most.
//!
//! Collected while the encode runs. The memory is a few bytes a family, and the pictures of [`EXAMPLES`] families.

use std::sync::{Mutex, PoisonError};

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::image::family::{DecodedFamily, Pixels, Want};
use crate::image::geometry::FamilyId;
use crate::image::plane::Plane;
use crate::params::Coding;
use crate::quality::metrics::SquaredError;
use crate::report::picture::Picture;
use crate::residual::EncodedFamily;

/// Families with pictures.
pub const EXAMPLES: usize = 6;
/// Largest side of a picture in pixels.
const EXAMPLE_PX: usize = 256;
/// Distance between the places in a family that are tried for its picture.
const STEP_PX: usize = 128;

/// The error of one family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FamilyLoss {
    /// The family.
    pub id: FamilyId,
    /// Mean squared error of L0 luma against the source; 0 for none.
    pub y_mse: f64,
}

/// The part of a family that differs most from its source.
#[derive(Clone, Debug)]
pub struct Example {
    /// The family and its error.
    pub loss: FamilyLoss,
    /// Left upper corner of the pictures, in pixels of the family's L0.
    pub corner_px: (usize, usize),
    /// The source.
    pub original: Picture,
    /// What decoders will see.
    pub decoded: Picture,
}

/// The losses of a whole encode.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// Every family, row by row.
    pub families: Vec<FamilyLoss>,
    /// The families with the largest errors, the largest first. Families without an error are not among them.
    pub worst: Vec<Example>,
    /// The error of all families together.
    total: SquaredError,
}

impl Losses {
    /// PSNR of L0 luma in dB over all families; infinite for no error.
    pub fn y_psnr(&self) -> f64 {
        self.total.psnr().unwrap_or(f64::INFINITY)
    }
}

/// Collects losses from many threads.
#[derive(Default)]
pub struct Collector(Mutex<Losses>);

impl Collector {
    /// Measures a family, and keeps its pictures if it is among the worst so far.
    ///
    /// # Errors
    /// Those of the backend, which reconstructs the pictures.
    pub async fn add(&self, family: &EncodedFamily, backend: &dyn Backend, coding: &Coding) -> Result<()> {
        let source = family.source.image.ycc();
        let mut error = SquaredError::new();
        for y in 0..source.luma.height() {
            error.add(source.luma.row(y), family.corrected.luma.row(y));
        }
        let loss = FamilyLoss { id: family.id, y_mse: error.mse().unwrap_or_default() };
        let example = match self.is_among_the_worst(&loss) {
            true => Some(example(family, &source.luma, loss, backend, coding).await?),
            false => None,
        };
        let mut losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        losses.total.merge(&error);
        losses.families.push(loss);
        if let Some(example) = example {
            losses.worst.push(example);
            losses.worst.sort_by(|a, b| worse_first(&a.loss, &b.loss));
            losses.worst.truncate(EXAMPLES);
        }
        Ok(())
    }

    fn is_among_the_worst(&self, loss: &FamilyLoss) -> bool {
        let losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = losses.worst.last().filter(|_| losses.worst.len() == EXAMPLES);
        loss.y_mse > 0.0 && last.is_none_or(|last| worse_first(loss, &last.loss).is_lt())
    }

    /// The losses of all families, in order.
    pub fn finish(self) -> Losses {
        let mut losses = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        losses.families.sort_by_key(|loss| (loss.id.y(), loss.id.x()));
        losses
    }
}

/// The larger error first, and of equal ones the family that comes first on the slide: the order in which threads finish does not
/// matter.
fn worse_first(a: &FamilyLoss, b: &FamilyLoss) -> std::cmp::Ordering {
    let place = |loss: &FamilyLoss| (loss.id.y(), loss.id.x());
    b.y_mse.total_cmp(&a.y_mse).then_with(|| place(a).cmp(&place(b)))
}

async fn example(
    family: &EncodedFamily,
    luma: &Plane,
    loss: FamilyLoss,
    backend: &dyn Backend,
    coding: &Coding,
) -> Result<Example> {
    let decoded = DecodedFamily {
        baseline: family.baseline.clone(),
        residual: family.residual.clone(),
        width: luma.width(),
        height: luma.height(),
    };
    let made = backend.reconstruct(coding, &decoded, Want::Rgb).await.map_err(Error::in_family(family.id))?;
    let place = worst_place(luma, &family.corrected.luma);
    let cut = |image: &Pixels| Picture::cut(image, place);
    Ok(Example {
        loss,
        corner_px: (place[0], place[1]),
        original: cut(&family.source.image),
        decoded: cut(&made.l0),
    })
}

/// The part of at most [`EXAMPLE_PX`] pixels a side with the largest squared error.
fn worst_place(a: &Plane, b: &Plane) -> [usize; 4] {
    let (width, height) = (a.width().min(EXAMPLE_PX), a.height().min(EXAMPLE_PX));
    let error = |&(x, y): &(usize, usize)| -> u64 {
        let row = |y: usize| a.row(y)[x..x + width].iter().zip(&b.row(y)[x..x + width]);
        (y..y + height).flat_map(row).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum()
    };
    let along = |side: usize, part: usize| (0..side - part).step_by(STEP_PX).chain([side - part]);
    let places = along(a.height(), height).flat_map(|y| along(a.width(), width).map(move |x| (x, y)));
    let (x, y) = places.max_by_key(error).unwrap_or_default();
    [x, y, width, height]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::geometry::Geometry;

    #[test]
    fn the_place_with_the_largest_error_is_shown() {
        let plain = Plane::filled(700, 300, 100);
        let mut other = plain.clone();
        other.row_mut(290)[690] = 200;
        other.row_mut(10)[10] = 130;
        assert_eq!(worst_place(&plain, &other), [444, 44, 256, 256]);
        let small = Plane::filled(3, 2, 0);
        assert_eq!(worst_place(&small, &small), [0, 0, 3, 2]);
    }

    #[test]
    fn the_worst_families_do_not_depend_on_the_order_of_threads() {
        let geometry = Geometry::new(9 * 1024, 1024, 256).unwrap();
        let loss = |x: u32, y_mse: f64| FamilyLoss { id: geometry.family(x, 0).unwrap(), y_mse };
        let mut all: Vec<_> = [3.0, 9.0, 9.0, 1.0].iter().zip(0..).map(|(&mse, x)| loss(x, mse)).collect();
        all.sort_by(worse_first);
        assert_eq!(all.iter().map(|loss| loss.id.x()).collect::<Vec<_>>(), [1, 2, 0, 3]);
    }
}
