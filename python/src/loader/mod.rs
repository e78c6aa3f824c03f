//! The core of `origami.slipstream`: patches of many slides and encoded images, in an order that a seed decides, read by threads.
//!
//! | module | what it is |
//! |---|---|
//! | `pool` | many slides, of which a bounded number is open |
//! | `patch` | one sample: a patch at each magnification, resampled where no level has it |
//! | `blobs` | encoded images in a file, as they are |
//! | `crop` | which part of an image a crop takes |
//! | `image` | images decoded and cropped in one step |
//! | `scale` | a part of an image, scaled by the kernels of the codec |
//! | `order` | the order of samples: shuffled, near one another, shared by ranks |
//! | `memory` | the memory of a batch, which threads fill without waiting for one another |
//! | `stream` | batches in that order, read ahead by threads |
//! | `tissue` | where a slide has tissue |
//! | `yuv` | images as planes with chroma of half the size: how a cache may store them, and crops of them |
//! | `bindings`, `image_bindings` | the classes and functions of `_native` |

mod bindings;
mod blobs;
mod crop;
mod image;
mod image_bindings;
mod memory;
mod order;
mod patch;
mod pool;
mod scale;
mod stream;
mod tissue;
mod yuv;

pub use self::bindings::{BatchStream, Patches, draw, epoch_order, tissue_mask};
pub use self::image_bindings::{Blobs, crop_parts, decode_image, image_size, image_to_yuv420};
