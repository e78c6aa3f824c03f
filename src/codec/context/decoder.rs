//! A payload to planes.

use std::ops::Range;

use super::arithmetic::Decoder as BitReader;
use super::layout::BLOCK;
use super::model::Block;
use super::payload::Payload;
use super::stripe::{BlockPlace, Blocks, code_stripe};
use super::transform::inverse;
use crate::codec::coefficients::{Factors, Samples};
use crate::codec::error::Result;
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::image::geometry::Rect;
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;

/// The planes that decoded blocks are written to.
struct PlaneSink<'a> {
    planes: [Option<&'a mut Plane>; 3],
    steps: &'a [Factors; 2],
    /// The columns of blocks of luma and of chroma whose samples are wanted.
    wanted: [Range<usize>; 2],
}

impl Blocks for PlaneSink<'_> {
    fn load(&mut self, _: BlockPlace, _: &mut Block) {}

    #[inline(always)]
    fn store(&mut self, (plane, x, y): BlockPlace, block: &Block, count: u8) {
        if !self.wanted[plane.min(1)].contains(&x) {
            return;
        }
        let mut samples = Samples::default();
        inverse(block, count, &self.steps[plane.min(1)], &mut samples);
        let Some(plane) = &mut self.planes[plane] else { return };
        let (left, top) = (BLOCK * x, BLOCK * y);
        let (width, height, stride) = (plane.width() - left, plane.height() - top, plane.stride());
        let rows = plane.data_mut()[top * stride + left..].chunks_mut(stride).take(height);
        for (row, samples) in rows.zip(&samples) {
            match row.first_chunk_mut::<BLOCK>() {
                Some(whole) if width >= BLOCK => *whole = *samples,
                _ => row[..width].copy_from_slice(&samples[..width]),
            }
        }
    }
}

/// Decodes what [`pack`](super::pack::pack) returns.
pub struct Decoder;

impl ImageDecoder for Decoder {
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()> {
        let payload = Payload::parse(bytes, expect)?;
        payload.layout.shape(image);
        decode(&payload, 0..payload.stripes.len(), 0..expect.width, image);
        Ok(())
    }

    fn decode_part(&mut self, bytes: &[u8], expect: Shape, part: Rect, image: &mut Ycc) -> Result<bool> {
        let payload = Payload::parse(bytes, expect)?;
        let (stripe, rows) = (payload.layout.stripe * payload.layout.unit(), part.rows());
        let stripes = rows.start / stripe..rows.end.div_ceil(stripe);
        if stripes.len() == payload.stripes.len() && part.columns() == (0..expect.width) {
            return Ok(false);
        }
        // Samples of earlier calls stay: an image that has this shape already keeps them.
        payload.layout.shape(image);
        decode(&payload, stripes, part.columns(), image);
        Ok(true)
    }
}

/// Decodes stripes; of their samples, those of the columns `columns`.
fn decode(payload: &Payload<'_>, stripes: Range<usize>, columns: Range<usize>, image: &mut Ycc) {
    let [cb, cr] = image.chroma.as_mut().map_or([None, None], |planes| planes.each_mut().map(Some));
    let blocks = |side: usize| columns.start / side..columns.end.div_ceil(side);
    let wanted = [blocks(BLOCK), blocks(BLOCK * payload.layout.sampling.factors().0)];
    let mut sink = PlaneSink { planes: [Some(&mut image.luma), cb, cr], steps: &payload.steps, wanted };
    for stripe in stripes {
        let [coded, plain] = payload.stripes[stripe];
        code_stripe(&mut BitReader::new(coded, plain), &payload.layout, stripe, &mut sink);
    }
}
