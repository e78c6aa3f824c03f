//! A payload to planes.

use std::ops::Range;

use super::cell::{BlockPlace, Blocks};
use super::layout::BLOCK;
use super::model::Block;
use super::payload::Payload;
use crate::codec::coefficients::{Batch, write};
use crate::codec::error::Result;
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::image::geometry::Rect;
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;

/// The planes that decoded blocks are written to.
struct PlaneSink<'a> {
    planes: [Option<&'a mut Plane>; 3],
    batches: [Batch<'a>; 3],
    /// The columns and rows of blocks of luma and of chroma whose samples are wanted.
    wanted: [(Range<usize>, Range<usize>); 2],
}

impl Blocks for PlaneSink<'_> {
    fn load(&mut self, _: BlockPlace, _: &mut Block) {}

    #[inline(always)]
    fn store(&mut self, (index, x, y): BlockPlace, block: &Block, count: u8) {
        let (Some(plane), batch) = (&mut self.planes[index], &mut self.batches[index]) else { return };
        let (columns, rows) = &self.wanted[index.min(1)];
        if !columns.contains(&x) || !rows.contains(&y) {
            return;
        }
        // Samples that no encoder has wrap or are cut, on every machine alike.
        let mut good = true;
        if count == 0 || (count == 1 && block[0] != 0) {
            batch.write_mean(block[0], (x, y), plane, &mut good);
            return;
        }
        *batch.free() = *block;
        if batch.push((x, y)) {
            write(batch, plane, &mut good);
        }
    }
}

impl PlaneSink<'_> {
    /// Writes the blocks that wait.
    fn finish(&mut self) {
        for (plane, batch) in self.planes.iter_mut().zip(&mut self.batches) {
            if let Some(plane) = plane {
                write(batch, plane, &mut true);
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
        decode(&payload, payload.all(), (0..expect.width, 0..expect.height), image)
    }

    fn decode_part(&mut self, bytes: &[u8], expect: Shape, part: Rect, image: &mut Ycc) -> Result<bool> {
        let payload = Payload::parse(bytes, expect)?;
        let (columns, rows) = (part.columns(), part.rows());
        let cells = payload.layout.cells_of(&columns, &rows);
        if cells == payload.all() && columns == (0..expect.width) {
            return Ok(false);
        }
        // Samples of earlier calls stay: an image that has this shape already keeps them.
        payload.layout.shape(image);
        decode(&payload, cells, (columns, rows), image)?;
        Ok(true)
    }
}

/// Decodes cells; of their samples, those of the columns and rows of `part`.
fn decode(
    payload: &Payload<'_>,
    cells: [Range<usize>; 2],
    part: (Range<usize>, Range<usize>),
    image: &mut Ycc,
) -> Result<()> {
    let [cb, cr] = image.chroma.as_mut().map_or([None, None], |planes| planes.each_mut().map(Some));
    let blocks = |range: &Range<usize>, side: usize| range.start / side..range.end.div_ceil(side);
    let wanted = [(1, 1), payload.layout.sampling.factors()]
        .map(|(across, down)| (blocks(&part.0, BLOCK * across), blocks(&part.1, BLOCK * down)));
    let batches = [0, 1, 1].map(|index: usize| Batch::new(&payload.steps[index]));
    let mut sink = PlaneSink { planes: [Some(&mut image.luma), cb, cr], batches, wanted };
    payload.decode(cells, &mut sink)?;
    sink.finish();
    Ok(())
}
