//! The core of `origami.slipstream`: patches of many slides and encoded images, in an order that a seed decides, read by threads.
//!
//! | module | what it is |
//! |---|---|
//! | `pool` | many slides, of which a bounded number is open |
//! | `patch` | one sample: a patch at each magnification, resampled where no level has it |
//! | `blobs` | encoded images in a file, as they are |
//! | `crop` | decoded and cropped: which part of an image, and its pixels |
//! | `scale` | a part of an image, scaled by the kernels of the codec |
//! | `order` | the order of samples: shuffled, near one another, shared by ranks |
//! | `stream` | batches in that order, read ahead by threads |
//! | `tissue` | where a slide has tissue |
//! | `bindings` | the classes and functions of `_native` |

mod bindings;
mod blobs;
mod crop;
mod order;
mod patch;
mod pool;
mod scale;
mod stream;
mod tissue;

pub use self::bindings::{
    BatchStream, Blobs, Patches, crop_parts, decode_image, draw, epoch_order, image_size, tissue_mask,
};
