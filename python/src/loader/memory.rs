//! The memory of a batch, which threads fill sample by sample without waiting for one another.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

/// Memory for so many samples of equal size. Each can be borrowed once, by any thread.
pub struct Memory {
    first: NonNull<u8>,
    capacity: usize,
    /// Bytes of a sample.
    each: usize,
    /// Whether a sample was borrowed.
    lent: Box<[AtomicBool]>,
}

// SAFETY: the bytes are reached through `sample` alone, which lends every byte at most once (`lent`), and through `into_bytes` and `drop`,
// which own the whole.
#[allow(unsafe_code)]
unsafe impl Send for Memory {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Memory {}

impl Memory {
    /// Zeroed memory for `count` samples of `each` bytes.
    pub fn new(count: usize, each: usize) -> Self {
        let mut bytes = ManuallyDrop::new(vec![0u8; count * each]);
        let lent = (0..count).map(|_| AtomicBool::new(false)).collect();
        let first = NonNull::from(bytes.as_mut_slice()).cast();
        Self { first, capacity: bytes.capacity(), each, lent }
    }

    /// The bytes of a sample; `None` where there is no such sample, or where it was borrowed before.
    #[allow(clippy::mut_from_ref, reason = "each sample is lent once")]
    pub fn sample(&self, at: usize) -> Option<&mut [u8]> {
        if self.lent.get(at)?.swap(true, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: `at` is below the count, so the range lies in the allocation; it was not lent before and no other sample overlaps it; it
        // is borrowed from `self`, which therefore outlives it.
        #[allow(unsafe_code)]
        let bytes =
            unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr().add(at * self.each), self.each) };
        Some(bytes)
    }

    /// The bytes of all samples.
    pub fn into_bytes(self) -> Vec<u8> {
        ManuallyDrop::new(self).take()
    }

    /// Takes the bytes; what is left must not be used or dropped.
    fn take(&mut self) -> Vec<u8> {
        let length = self.lent.len() * self.each;
        self.lent = Box::default();
        // SAFETY: `new` took pointer, length and capacity from a Vec<u8> that it forgot; `&mut self` shows that nothing is lent any more, and
        // both callers never touch `self` again.
        #[allow(unsafe_code)]
        unsafe {
            Vec::from_raw_parts(self.first.as_ptr(), length, self.capacity)
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        drop(self.take());
    }
}
