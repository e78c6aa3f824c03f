//! The codec of one family: predict L0 from L2, code the residual, and back.
//!
//! [`encode_family`] is the whole codec in one direction, [`encode_transformed`] the same of a device that transforms. [`FamilyDecoder`] decodes payloads to planes; a
//! [`Backend`](crate::backend::Backend) reconstructs L0 and L1 from them. The module knows the order of
//! steps, no pixel arithmetic and no bytes of the container.

mod decode;
mod encode;
mod error;

pub use decode::FamilyDecoder;
pub use encode::{EncodedFamily, encode_family, encode_transformed};
pub use error::{Error, Result};
