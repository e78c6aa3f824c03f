//! An allocator that ends the process where one claim of memory is beyond [`MOST_BYTES`].
//!
//! `-malloc_limit_mb` of libFuzzer needs hooks of a sanitizer, which this program lacks, and its limit of resident memory sees only what is
//! touched: a claim of gigabytes that is never written to would pass. Memory of C libraries is not counted here; that limit holds for it.
//!
//! Claims that could be refused (`try_reserve`) count too: an allocator cannot tell them from others, and a server that claims so much for
//! one small file gives it to a few clients only. No input of a target is so large, or describes so many pixels, that a claim of this
//! size is plausible: 64 KiB of bytes, and no more pixels than [`crate::archive::MOST`] and the limits of the other targets allow.

use std::alloc::{GlobalAlloc, Layout, System};

/// The most bytes of one allocation.
const MOST_BYTES: usize = 1 << 30;

/// The system's allocator with that bound.
pub struct Bounded;

fn check(bytes: usize) {
    if bytes > MOST_BYTES {
        // The standard error has no buffer, so that this allocates nothing.
        eprintln!("ERROR: an allocation of {bytes} bytes, of {MOST_BYTES} at most");
        std::process::abort();
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: the caller keeps what `alloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: the caller keeps what `alloc_zeroed` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        check(bytes);
        // SAFETY: the caller keeps what `realloc` asks for.
        unsafe { System.realloc(memory, layout, bytes) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps what `dealloc` asks for.
        unsafe { System.dealloc(memory, layout) }
    }
}
