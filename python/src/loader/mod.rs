//! The core of `origami.slipstream`: patches of many slides, in an order that a seed decides, read by threads.
//!
//! | module | what it is |
//! |---|---|
//! | `pool` | many slides, of which a bounded number is open |
//! | `patch` | one sample: a patch at each magnification, resampled where no level has it |
//! | `order` | the order of samples: shuffled, near one another, shared by ranks |
//! | `stream` | batches in that order, read ahead by threads |
//! | `tissue` | where a slide has tissue |
//! | `bindings` | the classes and functions of `_native` |

mod bindings;
mod order;
mod patch;
mod pool;
mod stream;
mod tissue;

pub use self::bindings::{BatchStream, Patches, draw, epoch_order, tissue_mask};
