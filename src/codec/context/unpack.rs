//! A payload to a JPEG.

use super::cell::{BlockPlace, Blocks};
use super::model::Block;
use super::payload::Payload;
use crate::codec::coefficients::Coefficients;
use crate::codec::error::Result;
use crate::codec::image_codec::Shape;

/// Takes the blocks that are decoded.
struct Sink(Coefficients);

impl Blocks for Sink {
    fn load(&mut self, _: BlockPlace, _: &mut Block) {}

    fn store(&mut self, (plane, x, y): BlockPlace, block: &Block, _: u8) {
        self.0.set(plane, (x, y), block);
    }
}

/// A JPEG that decodes to the samples of a payload, with a restart marker after each row of its cells. `None` for coefficients that no encoder has:
/// their samples may be others in a JPEG.
///
/// # Errors
/// As [`Decoder`](super::Decoder).
pub fn jpeg_of(bytes: &[u8], expect: Shape) -> Result<Option<Vec<u8>>> {
    let payload = Payload::parse(bytes, expect)?;
    let layout = &payload.layout;
    // A payload has steps of 1 to 255.
    let steps = payload.steps.map(|steps| steps.map(|step| step as u8));
    let mut sink = Sink(Coefficients::blank((layout.width, layout.height), layout.sampling, steps));
    payload.decode(payload.all(), &mut sink)?;
    sink.0.fill();
    // Where there are planes, decoders agree about them.
    Ok(sink.0.planes().and_then(|planes| {
        planes.give_back();
        sink.0.file(layout.cell.1)
    }))
}
