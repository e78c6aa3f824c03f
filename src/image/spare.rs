//! Memory that is used again: a thread gives back the planes of a family and takes them for the next one, without asking the system for
//! memory and without clearing it.

use std::cell::RefCell;

use super::family::Pixels;
use super::plane::Plane;
use super::ycc::{Sampling, Ycc};

/// Most bytes that a thread keeps: several times what a family of tiles of 256 pixels needs. Of larger tiles less is used again.
const MOST_BYTES: usize = 32 << 20;
/// Most parts that a thread keeps; a family in either direction has fewer.
const MOST_PARTS: usize = 32;

/// Memory that a thread keeps.
pub struct Spare<T>(RefCell<Vec<Vec<T>>>);

thread_local! {
    static SAMPLES: Spare<u8> = const { Spare::none() };
}

impl<T> Spare<T> {
    /// None yet.
    pub const fn none() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The smallest part that holds `len` elements; what it holds is unspecified. A new one, without memory, where there is none.
    pub fn take(&self, len: usize) -> Vec<T> {
        let mut parts = self.0.borrow_mut();
        let fits = parts.iter().enumerate().filter(|(_, part)| part.capacity() >= len);
        let best = fits.min_by_key(|(_, part)| part.capacity()).map(|(index, _)| index);
        best.map_or_else(Vec::new, |index| parts.swap_remove(index))
    }

    /// Keeps a part for [`Self::take`], unless there are enough.
    pub fn give(&self, part: Vec<T>) {
        let mut parts = self.0.borrow_mut();
        let bytes = |part: &Vec<T>| part.capacity() * size_of::<T>();
        let all = parts.iter().map(bytes).sum::<usize>() + bytes(&part);
        if part.capacity() > 0 && parts.len() < MOST_PARTS && all <= MOST_BYTES {
            parts.push(part);
        }
    }
}

/// Memory for `len` samples that this thread gave back; of unspecified length and content.
pub fn samples(len: usize) -> Vec<u8> {
    SAMPLES.with(|spare| spare.take(len))
}

/// Gives samples back.
pub fn give(samples: Vec<u8>) {
    SAMPLES.with(|spare| spare.give(samples));
}

impl Plane {
    /// A plane of unspecified samples.
    pub fn spare(width: usize, height: usize) -> Self {
        let mut samples = samples(width * height);
        samples.resize(width * height, 0);
        Self::from_vec(width, height, samples)
    }

    /// Gives the memory to the next planes of this thread.
    pub fn give_back(self) {
        give(self.into_vec());
    }
}

impl Ycc {
    /// An image of unspecified samples, with room for whole chroma samples: where a size is odd, luma has a column or row more.
    pub fn spare(sampling: Sampling, width: usize, height: usize) -> Self {
        let (fx, fy) = sampling.factors();
        let (whole_width, whole_height) = (width.next_multiple_of(fx), height.next_multiple_of(fy));
        let mut luma = Plane::spare(whole_width, whole_height);
        luma.crop(width, height);
        let half = || Plane::spare(whole_width / fx, whole_height / fy);
        let chroma = (sampling != Sampling::Gray).then(|| [half(), half()]);
        Self { luma, chroma, sampling }
    }

    /// As [`Plane::give_back`].
    pub fn give_back(self) {
        self.luma.give_back();
        self.chroma.into_iter().flatten().for_each(Plane::give_back);
    }
}

impl Pixels {
    /// As [`Plane::give_back`].
    pub fn give_back(self) {
        match self {
            Pixels::Ycc(planes) => planes.give_back(),
            Pixels::Rgb(rgb) => rgb.give_back(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_part_that_is_large_enough_is_used_again() {
        let spare = Spare::none();
        for len in [100, 10, 1000] {
            spare.give(Vec::<u8>::with_capacity(len));
        }
        assert_eq!(spare.take(2000).capacity(), 0);
        assert_eq!([50, 50, 50].map(|len| spare.take(len).capacity()), [100, 1000, 0]);
        assert_eq!(spare.take(0).capacity(), 10);
    }

    #[test]
    fn a_thread_keeps_no_more_than_its_share() {
        let spare = Spare::none();
        spare.give(Vec::<u8>::with_capacity(MOST_BYTES + 1));
        assert_eq!(spare.take(1).capacity(), 0);
        (0..2 * MOST_PARTS).for_each(|_| spare.give(vec![0u8; 8]));
        assert_eq!(spare.0.borrow().len(), MOST_PARTS);
    }

    #[test]
    fn planes_are_as_large_as_asked_for_whatever_was_given_back() {
        Plane::filled(50, 50, 7).give_back();
        let image = Ycc::spare(Sampling::S420, 41, 3);
        assert_eq!((image.luma.width(), image.luma.height(), image.luma.stride()), (41, 3, 42));
        assert_eq!(
            image.chroma.map(|planes| planes.map(|plane| (plane.width(), plane.height()))),
            Some([(21, 2); 2])
        );
    }
}
