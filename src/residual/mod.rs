//! The codec loop of one family: predict L0 from L2, code what the prediction missed, and back.
//!
//! [`encode_family`] is the whole codec in one direction. [`decode_record`] decodes payloads to planes; a
//! [`Backend`](crate::backend::Backend) reconstructs L0 and L1 from them. Knows the order of steps, no pixel arithmetic and no
//! bytes of the container.

mod decode;
mod encode;

pub use decode::{decode_record, decode_record_into, decode_rest_into, decode_rows_into};
pub use encode::{EncodedFamily, encode_family};
