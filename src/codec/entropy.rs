//! How the coefficients of stored JPEGs are coded, which changes their bytes and nothing else.

#[cfg(feature = "lepton")]
use super::lepton;
use super::turbo::arithmetic;
use super::{CodecId, Shape, context, max_repacked_bytes};
use crate::codec::error::{Error, Result};
use crate::image::ycc::Sampling;

/// A residual is next to empty below a byte for so many blocks. An empty block has two Huffman codes and so 2 bits at least: at 4
/// half of the bytes are that floor. Above, arithmetic codes save less and their decoder takes longer (`benches/RESULTS.md`).
const SPARSE_BLOCKS_A_BYTE: usize = 2;
/// About what tables and markers of a JPEG of three components take besides.
const HEADERS_BYTES: usize = 400;

/// The coder of the coefficients of stored JPEGs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Entropy {
    /// Huffman codes: the files are JPEGs as everybody knows them.
    #[default]
    Huffman,
    /// Huffman codes, and for residuals with next to nothing in them arithmetic ones, which are JPEG as well.
    Adaptive,
    /// Lepton: smaller, the same JPEGs byte for byte once unpacked, slower.
    Lepton,
    /// Residuals by context: smaller still, and quicker than Lepton, but no JPEGs any more; everything else as Lepton.
    Context,
}

impl Entropy {
    /// Whether it is the one that needs no saying.
    pub fn is_default(&self) -> bool {
        *self == Entropy::default()
    }

    /// Its name on the command line and in archives.
    pub fn name(self) -> &'static str {
        match self {
            Entropy::Huffman => "huffman",
            Entropy::Adaptive => "adaptive",
            Entropy::Lepton => "lepton",
            Entropy::Context => "context",
        }
    }

    /// Whether this build has it.
    ///
    /// # Errors
    /// Where it does not.
    pub fn available(self) -> Result<()> {
        match self {
            Entropy::Lepton | Entropy::Context if !cfg!(feature = "lepton") => {
                Err(Error::NoEntropy(self.name()))
            }
            _ => Ok(()),
        }
    }

    /// Whether residuals are JPEGs in which restart markers are of use. What is repacked as a whole is unpacked as a whole.
    pub fn keeps_markers(self) -> bool {
        matches!(self, Entropy::Huffman | Entropy::Adaptive)
    }

    /// A payload as it is stored: repacked, where that can be done and pays.
    pub fn store(self, codec: CodecId, bytes: Vec<u8>) -> (CodecId, Vec<u8>) {
        match (self, codec) {
            #[cfg(feature = "lepton")]
            (Entropy::Lepton | Entropy::Context, CodecId::Jpeg) => match lepton::pack(&bytes) {
                Some(packed) => (CodecId::Lepton, packed),
                None => (codec, bytes),
            },
            _ => (codec, bytes),
        }
    }

    /// As [`Self::store`], of a residual of which stripes of `rows` rows are to be decoded by themselves, as far as that is possible.
    ///
    /// # Errors
    /// Damaged bytes.
    pub fn store_residual(
        self,
        codec: CodecId,
        bytes: Vec<u8>,
        shape: Shape,
        rows: usize,
    ) -> Result<(CodecId, Vec<u8>)> {
        let packed = match (self, codec) {
            (Entropy::Adaptive, CodecId::Jpeg) if is_sparse(&bytes, shape) => {
                Some((codec, arithmetic(&bytes)?)).filter(|(_, coded)| coded.len() < bytes.len())
            }
            (Entropy::Context, CodecId::Jpeg) => {
                context::pack(&bytes, shape, rows).map(|packed| (CodecId::Context, packed))
            }
            _ => None,
        };
        Ok(packed.unwrap_or_else(|| self.store(codec, bytes)))
    }

    /// As [`Self::store`], of an image of `size` that somebody else has coded. A file that drags along more than any image has is stored
    /// as it is: nobody would unpack it.
    pub fn store_foreign(self, codec: CodecId, bytes: Vec<u8>, size: (usize, usize)) -> (CodecId, Vec<u8>) {
        if bytes.len() > max_repacked_bytes(size.0, size.1) {
            (codec, bytes)
        } else {
            self.store(codec, bytes)
        }
    }
}

/// Whether a residual's JPEG has next to nothing in it.
fn is_sparse(jpeg: &[u8], shape: Shape) -> bool {
    let blocks = |(width, height): (usize, usize)| width.div_ceil(8) * height.div_ceil(8);
    let size = (shape.width, shape.height);
    let chroma = match shape.sampling {
        None | Some(Sampling::Gray) => 0,
        Some(sampling) => 2 * blocks(sampling.chroma_size(size.0, size.1)),
    };
    jpeg.len() < HEADERS_BYTES + (blocks(size) + chroma) / SPARSE_BLOCKS_A_BYTE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{EncoderKind, Use, decoder};
    use crate::image::plane::Plane;
    use crate::image::ycc::Ycc;

    /// A residual around 128 with a bright square every `period` pixels in both directions: rarely or often something to code.
    fn residual(sampling: Sampling, period: usize) -> Ycc {
        let plane = |w: usize, h: usize| {
            let value = |x: usize, y: usize| if x % period < 5 && y % period < 5 { 190 } else { 128 };
            Plane::from_vec(w, h, (0..w * h).map(|i| value(i % w, i / w)).collect())
        };
        let (w, h) = (500, 260);
        let (cw, ch) = sampling.chroma_size(w, h);
        let chroma = (sampling != Sampling::Gray).then(|| [plane(cw, ch), plane(cw, ch)]);
        Ycc { luma: plane(w, h), chroma, sampling }
    }

    fn jpegs(image: &Ycc) -> Vec<Vec<u8>> {
        let kinds = [EncoderKind::Turbojpeg, EncoderKind::Mozjpeg, EncoderKind::Jpegli];
        let built = kinds.into_iter().filter(|kind| kind.is_built());
        built
            .map(|kind| kind.encoder(Use::Residual).unwrap().encode(image.view(), 50.into()).unwrap())
            .collect()
    }

    #[test]
    fn a_residual_with_next_to_nothing_in_it_shrinks_and_decodes_to_the_same_samples() {
        for sampling in [Sampling::Gray, Sampling::S420] {
            let image = residual(sampling, 400);
            let shape = Shape { width: 500, height: 260, sampling: Some(sampling) };
            for jpeg in jpegs(&image) {
                let store = |entropy: Entropy| {
                    entropy.store_residual(CodecId::Jpeg, jpeg.clone(), shape, 256).unwrap()
                };
                let (codec, stored) = store(Entropy::Adaptive);
                assert_eq!(codec, CodecId::Jpeg);
                assert!(stored.len() * 2 < jpeg.len(), "{} of {} bytes", stored.len(), jpeg.len());
                let decode = |codec, bytes: &[u8]| decoder(codec).unwrap().decode(bytes, shape).unwrap();
                assert_eq!(decode(codec, &stored), decode(codec, &jpeg));
                let (codec, by_context) = store(Entropy::Context);
                assert_eq!(codec, CodecId::Context);
                assert!(by_context.len() < stored.len(), "{} of {} bytes", by_context.len(), stored.len());
                assert_eq!(decode(codec, &by_context), decode(CodecId::Jpeg, &jpeg));
            }
        }
    }

    #[test]
    fn any_other_residual_is_stored_as_if_it_were_any_image() {
        let image = residual(Sampling::S420, 10);
        let shape = Shape { width: 500, height: 260, sampling: Some(Sampling::S420) };
        for jpeg in jpegs(&image) {
            for entropy in [Entropy::Huffman, Entropy::Adaptive, Entropy::Lepton] {
                let stored = entropy.store_residual(CodecId::Jpeg, jpeg.clone(), shape, 256).unwrap();
                assert_eq!(stored, entropy.store(CodecId::Jpeg, jpeg.clone()));
            }
        }
        for entropy in [Entropy::Huffman, Entropy::Adaptive, Entropy::Context] {
            let other = entropy.store_residual(CodecId::Webp, vec![1, 2, 3], shape, 256).unwrap();
            assert_eq!(other, (CodecId::Webp, vec![1, 2, 3]));
        }
    }
}
