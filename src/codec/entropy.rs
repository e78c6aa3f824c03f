//! Which entropy coder the stored JPEGs have. It changes their bytes, and no sample.
//!
//! Baselines and residuals have a coder each: a baseline must give its JPEG file back, a residual only its samples.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::coefficients::{Coefficients, file_in_stripes};
use super::context;
use super::id::CodecId;
use super::image_codec::Shape;
use super::jpeg::max_repacked_bytes;
#[cfg(feature = "lepton")]
use super::lepton;
use super::turbo::arithmetic;
use crate::codec::error::{Error, Result};
use crate::image::ycc::Sampling;

/// A residual is sparse with fewer bytes than one for so many blocks. An empty block has two Huffman codes and so 2 bits at least: at 4
/// half of the bytes are that floor. Above, arithmetic codes save less and their decoder takes longer (`benches/RESULTS.md`).
const SPARSE_BLOCKS_A_BYTE: usize = 2;
/// Bytes of tables and markers of a JPEG of three components, about.
const HEADERS_BYTES: usize = 400;

/// The coder of baselines, of the tiles of small levels and of original tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BaselineCoder {
    /// The Huffman codes of the encoder.
    #[default]
    Huffman,
    /// Lepton. Unpacked, the files are the same byte for byte; they are smaller, and slower to read. Needs the feature `lepton`.
    Lepton,
}

/// The coder of residuals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResidualCoder {
    /// The Huffman codes of the encoder.
    #[default]
    Huffman,
    /// JPEG's arithmetic codes for sparse residuals, the Huffman codes of the encoder for all others.
    Adaptive,
    /// Lepton, as for baselines. Needs the feature `lepton`.
    Lepton,
    /// The coder of this program, [`CodecId::Context`]: smaller than Lepton and quicker to decode, but no JPEG comes back. A residual
    /// that it cannot code is stored as a baseline would be.
    Context,
}

/// The coders of an archive. Its JSON form is a name: see [`Self::name`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entropy {
    /// The coder of everything but residuals.
    pub baseline: BaselineCoder,
    /// The coder of residuals.
    pub residual: ResidualCoder,
}

impl BaselineCoder {
    const ALL: [Self; 2] = [Self::Huffman, Self::Lepton];

    /// A payload as it is stored: repacked, where that is possible and saves bytes.
    fn store(self, codec: CodecId, bytes: Vec<u8>) -> (CodecId, Vec<u8>) {
        match (self, codec) {
            #[cfg(feature = "lepton")]
            (BaselineCoder::Lepton, CodecId::Jpeg) => match lepton::pack(&bytes) {
                Some(packed) => (CodecId::Lepton, packed),
                None => (codec, bytes),
            },
            _ => (codec, bytes),
        }
    }
}

impl ResidualCoder {
    /// Every coder of residuals.
    pub const ALL: [Self; 4] = [Self::Huffman, Self::Adaptive, Self::Lepton, Self::Context];

    /// The name on the command line and, in pairs, in archives.
    pub fn name(self) -> &'static str {
        match self {
            ResidualCoder::Huffman => "huffman",
            ResidualCoder::Adaptive => "adaptive",
            ResidualCoder::Lepton => "lepton",
            ResidualCoder::Context => "context",
        }
    }
}

impl Entropy {
    /// Huffman codes everywhere: every payload is a JPEG that any viewer reads.
    pub const HUFFMAN: Self = Self { baseline: BaselineCoder::Huffman, residual: ResidualCoder::Huffman };
    /// Huffman codes, and arithmetic ones for sparse residuals.
    pub const ADAPTIVE: Self = Self { baseline: BaselineCoder::Huffman, residual: ResidualCoder::Adaptive };
    /// Lepton everywhere.
    pub const LEPTON: Self = Self { baseline: BaselineCoder::Lepton, residual: ResidualCoder::Lepton };
    /// Residuals by context, everything else by Lepton.
    pub const CONTEXT: Self = Self { baseline: BaselineCoder::Lepton, residual: ResidualCoder::Context };
    /// The pairs that have a name of one word.
    pub const NAMED: [Self; 4] = [Self::HUFFMAN, Self::ADAPTIVE, Self::LEPTON, Self::CONTEXT];

    /// Whether these are the coders of an archive that names none.
    pub fn is_default(&self) -> bool {
        *self == Entropy::default()
    }

    /// The name in archives and, for [`Self::NAMED`], on the command line. Other pairs have the names of both coders, that of the
    /// baselines first: `huffman+context`.
    pub fn name(self) -> &'static str {
        use {BaselineCoder as B, ResidualCoder as R};
        match (self.baseline, self.residual) {
            (B::Huffman, R::Huffman) => "huffman",
            (B::Huffman, R::Adaptive) => "adaptive",
            (B::Huffman, R::Lepton) => "huffman+lepton",
            (B::Huffman, R::Context) => "huffman+context",
            (B::Lepton, R::Huffman) => "lepton+huffman",
            (B::Lepton, R::Adaptive) => "lepton+adaptive",
            (B::Lepton, R::Lepton) => "lepton",
            (B::Lepton, R::Context) => "context",
        }
    }

    /// Every pair of coders.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |baseline| ResidualCoder::ALL.map(|residual| Self { baseline, residual });
        BaselineCoder::ALL.into_iter().flat_map(of)
    }

    /// Checks that this build can encode with both coders.
    ///
    /// # Errors
    /// Lepton in a build without it.
    pub fn available(self) -> Result<()> {
        let lepton = self.baseline == BaselineCoder::Lepton || self.residual == ResidualCoder::Lepton;
        if lepton && !cfg!(feature = "lepton") {
            return Err(Error::NoEntropy(self.name()));
        }
        Ok(())
    }

    /// Whether residuals are stored as JPEGs whose restart markers a decoder can use. The other coders make stripes of their own, or
    /// none.
    pub fn keeps_markers(self) -> bool {
        matches!(self.residual, ResidualCoder::Huffman | ResidualCoder::Adaptive)
    }

    /// A baseline or a tile as it is stored: repacked, where that is possible and saves bytes.
    pub fn store(self, codec: CodecId, bytes: Vec<u8>) -> (CodecId, Vec<u8>) {
        self.baseline.store(codec, bytes)
    }

    /// A residual as it is stored. Stripes of `rows` rows, or of the context coder cells of as many pixels a side, decode by themselves where the
    /// coder has such.
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
        if codec != CodecId::Jpeg {
            return Ok((codec, bytes));
        }
        match self.residual {
            ResidualCoder::Adaptive if is_sparse(&bytes, shape) => {
                let coded = arithmetic(&bytes)?;
                Ok((codec, if coded.len() < bytes.len() { coded } else { bytes }))
            }
            ResidualCoder::Huffman | ResidualCoder::Adaptive => Ok((codec, bytes)),
            ResidualCoder::Lepton => Ok(BaselineCoder::Lepton.store(codec, bytes)),
            ResidualCoder::Context => match context::pack(&bytes, shape, rows) {
                Some(packed) => Ok((CodecId::Context, packed)),
                None => Ok(self.baseline.store(codec, bytes)),
            },
        }
    }

    /// A residual as it is stored, from its coefficients. Stripes or cells as of [`Self::store_residual`]. `None` where the coder has no
    /// code for them, and the encoder is to say what to do.
    ///
    /// # Errors
    /// As [`Self::store_residual`].
    pub fn store_coefficients(
        self,
        residual: &Coefficients,
        rows: usize,
    ) -> Result<Option<(CodecId, Vec<u8>)>> {
        if self.residual == ResidualCoder::Context {
            return Ok(context::pack_coefficients(residual, rows).map(|bytes| (CodecId::Context, bytes)));
        }
        let stripe = if self.keeps_markers() { rows } else { 0 };
        let Some(file) = file_in_stripes(residual, stripe) else { return Ok(None) };
        let ((width, height), sampling) = residual.shape();
        let shape = Shape { width, height, sampling: Some(sampling) };
        self.store_residual(CodecId::Jpeg, file, shape, rows).map(Some)
    }

    /// As [`Self::store`], of an image of `size` in pixels that another program coded. A file of more than
    /// `max_repacked_bytes` is stored as it is, because no reader would unpack it.
    pub fn store_foreign(self, codec: CodecId, bytes: Vec<u8>, size: (usize, usize)) -> (CodecId, Vec<u8>) {
        if bytes.len() > max_repacked_bytes(size.0, size.1) {
            (codec, bytes)
        } else {
            self.store(codec, bytes)
        }
    }
}

/// Whether a residual's JPEG has next to no coefficients.
fn is_sparse(jpeg: &[u8], shape: Shape) -> bool {
    let blocks = |(width, height): (usize, usize)| width.div_ceil(8) * height.div_ceil(8);
    let size = (shape.width, shape.height);
    let chroma = match shape.sampling {
        None | Some(Sampling::Gray) => 0,
        Some(sampling) => 2 * blocks(sampling.chroma_size(size.0, size.1)),
    };
    jpeg.len() < HEADERS_BYTES + (blocks(size) + chroma) / SPARSE_BLOCKS_A_BYTE
}

impl Serialize for Entropy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Entropy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let pair = Self::all().find(|pair| pair.name() == name);
        pair.ok_or_else(|| {
            let names: Vec<_> = Self::all().map(Self::name).collect();
            serde::de::Error::custom(format!(
                "unknown entropy coder `{name}`, expected one of {}",
                names.join(", ")
            ))
        })
    }
}

#[cfg(feature = "cli")]
impl clap::ValueEnum for Entropy {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::NAMED
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.name().into())
    }
}

#[cfg(feature = "cli")]
impl clap::ValueEnum for ResidualCoder {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.name().into())
    }
}
