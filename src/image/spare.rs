//! Memory that is used again. A thread gives back the planes of a family and takes them for the next one. It need not ask the system for
//! memory, or clear it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::family::{Pixels, Reconstruction};
use super::plane::Plane;
use super::ycc::{Sampling, Ycc};

/// Most bytes that a thread keeps: several times what a family with tiles of 256 pixels needs. With larger tiles less memory is used again.
const MOST_BYTES: usize = 32 << 20;
/// What [`keep_at_most`] was told.
static KEPT_BYTES: AtomicUsize = AtomicUsize::new(MOST_BYTES);
/// Most parts that a thread keeps: more than a family has when it is encoded or decoded.
const MOST_PARTS: usize = 32;

/// From now on every thread keeps `bytes` at most, of samples and of coefficients each. For programs that do many things on many threads,
/// as a server does: memory that each of them keeps for the next one adds up.
pub fn keep_at_most(bytes: usize) {
    KEPT_BYTES.store(bytes.min(MOST_BYTES), Relaxed);
}

/// Memory that a thread keeps: the oldest part first.
pub struct Spare<T>(RefCell<Vec<Vec<T>>>);

thread_local! {
    static SAMPLES: Spare<u8> = const { Spare::none() };
}

impl<T> Spare<T> {
    /// None yet.
    pub const fn none() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// `len` elements of unspecified values: the smallest part with room for them, or new ones of `value`. A part with room for more than
    /// twice as many is left to those who need it.
    pub fn take(&self, len: usize, value: T) -> Vec<T>
    where
        T: Clone,
    {
        let mut parts = self.0.borrow_mut();
        let fits = parts.iter().enumerate().filter(|(_, part)| (len..=2 * len).contains(&part.capacity()));
        let best = fits.min_by_key(|(_, part)| part.capacity()).map(|(index, _)| index);
        let Some(index) = best else { return vec![value; len] };
        let mut part = parts.remove(index);
        part.resize(len, value);
        part
    }

    /// Keeps a part for [`Self::take`]. The oldest parts make room for it.
    pub fn give(&self, part: Vec<T>) {
        let bytes = |part: &Vec<T>| part.capacity() * size_of::<T>();
        let most = KEPT_BYTES.load(Relaxed);
        if part.capacity() == 0 || bytes(&part) > most {
            return;
        }
        let mut parts = self.0.borrow_mut();
        parts.push(part);
        let mut all: usize = parts.iter().map(bytes).sum();
        let mut displaced = 0;
        while all > most || parts.len() - displaced > MOST_PARTS {
            all -= bytes(&parts[displaced]);
            displaced += 1;
        }
        parts.drain(..displaced);
    }
}

/// `len` samples of unspecified values, in memory that this thread gave back if there is some.
pub fn samples(len: usize) -> Vec<u8> {
    SAMPLES.with(|spare| spare.take(len, 0))
}

/// Gives samples back.
pub fn give(samples: Vec<u8>) {
    // Where the thread ends the system takes them.
    let _ = SAMPLES.try_with(|spare| spare.give(samples));
}

impl Plane {
    /// A plane of unspecified samples.
    pub fn spare(width: usize, height: usize) -> Self {
        Self::from_vec(width, height, samples(width * height))
    }

    /// As [`Plane::reset`]. A plane without memory becomes a [`Plane::spare`] one.
    pub fn lay_out(&mut self, width: usize, height: usize) {
        if self.data().is_empty() {
            *self = Self::spare(width, height);
        } else {
            self.reset(width, height);
        }
    }

    /// Gives the memory to the next planes of this thread.
    pub fn give_back(self) {
        give(self.into_vec());
    }
}

impl Ycc {
    /// An image of unspecified samples, laid out by [`Self::lay_out`].
    pub fn spare(sampling: Sampling, width: usize, height: usize) -> Self {
        let mut image = Self::default();
        image.lay_out(sampling, width, height);
        image
    }

    /// Becomes an image of this size with room for whole chroma samples, which decoders write: where the size is no multiple of theirs, luma
    /// has columns and rows more, which are cropped. Reuses the memory; the samples of an image that was laid out for this size stay.
    pub fn lay_out(&mut self, sampling: Sampling, width: usize, height: usize) {
        let (fx, fy) = sampling.factors();
        let (whole_width, whole_height) = (width.next_multiple_of(fx), height.next_multiple_of(fy));
        self.sampling = sampling;
        self.luma.lay_out(whole_width, whole_height);
        self.luma.crop(width, height);
        if sampling == Sampling::Gray {
            self.chroma.take().into_iter().flatten().for_each(Plane::give_back);
        } else {
            let chroma = self.chroma.get_or_insert_default();
            chroma.iter_mut().for_each(|plane| plane.lay_out(whole_width / fx, whole_height / fy));
        }
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

impl Reconstruction {
    /// As [`Plane::give_back`].
    pub fn give_back(self) {
        [self.l0, self.l1].into_iter().for_each(Pixels::give_back);
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
        let mut take = |len| {
            let part = spare.take(len, 0);
            assert_eq!(part.len(), len);
            part.capacity()
        };
        assert_eq!(take(2000), 2000, "none is so large");
        assert_eq!([50, 50, 50].map(&mut take), [100, 50, 50], "a part of 1000 is too large");
        assert_eq!([4, 500, 10].map(&mut take), [4, 1000, 10]);
        assert_eq!(take(0), 0);
    }

    #[test]
    fn a_thread_keeps_no_more_than_its_share() {
        let spare = Spare::none();
        let kept = || spare.0.borrow().iter().map(Vec::capacity).collect::<Vec<_>>();
        (1..=2 * MOST_PARTS).for_each(|len| spare.give(vec![0u8; len]));
        let newest: Vec<_> = (MOST_PARTS + 1..=2 * MOST_PARTS).collect();
        assert_eq!(kept(), newest, "the newest displace the oldest");
        spare.give(vec![0; MOST_BYTES + 1]);
        assert_eq!(kept(), newest, "no room would be left");
        spare.give(vec![0; MOST_BYTES - 2 * MOST_PARTS]);
        assert_eq!(kept(), [2 * MOST_PARTS, MOST_BYTES - 2 * MOST_PARTS]);
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
