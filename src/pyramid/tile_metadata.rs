//! What becomes of the metadata in the files of a source's tiles: EXIF, XMP, comments.

use serde::{Deserialize, Serialize};

use crate::codec::{CodecId, ExtraKind, Foreign, extras, jpeg2000, without_extras};
use crate::image::geometry::TileId;
use crate::pyramid::error::Refusal;

/// What a lossless encode does with tiles that hold metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TileMetadata {
    /// Refuses them.
    #[default]
    Refuse,
    /// Stores the files whole.
    Keep,
    /// Stores the files without it; the coefficients are the same.
    Strip,
}

impl TileMetadata {
    /// The name in archives; `None` where files are stored whole because they hold none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            TileMetadata::Refuse => None,
            TileMetadata::Keep => Some("kept"),
            TileMetadata::Strip => Some("stripped"),
        }
    }

    /// An original tile as it is stored: as [`Self::apply`] for JPEGs. A codestream of JPEG 2000 may hold comments.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub(super) fn apply_to(self, tile: TileId, image: Foreign) -> Result<Foreign, Refusal> {
        let Foreign { codec, bytes } = image;
        if codec != CodecId::Jpeg2000 {
            return self.apply(tile, bytes).map(|bytes| Foreign { codec, bytes });
        }
        // The first byte is this program's.
        let stream = bytes.get(1..).unwrap_or_default();
        let held = jpeg2000::comments(stream);
        let (count, length) = (held.len(), held.iter().map(ExactSizeIterator::len).sum::<usize>());
        match self {
            _ if count == 0 => Ok(Foreign { codec, bytes }),
            TileMetadata::Keep => Ok(Foreign { codec, bytes }),
            TileMetadata::Strip => {
                let stripped = jpeg2000::without_comments(stream);
                Ok(Foreign { codec, bytes: [bytes.get(..1).unwrap_or_default(), &stripped].concat() })
            }
            TileMetadata::Refuse => {
                let held = format!("{count} comment(s) in its codestream ({length} bytes)");
                Err(Refusal::TileMetadata { tile, held })
            }
        }
    }

    /// The file of a tile as it is stored. Colour profiles stay.
    ///
    /// # Errors
    /// Metadata, with [`TileMetadata::Refuse`]; an orientation other than 1, except with [`TileMetadata::Strip`], because the levels
    /// that are made of the tiles would not have it.
    pub(super) fn apply(self, tile: TileId, jpeg: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        if self == TileMetadata::Strip {
            return Ok(without_extras(jpeg, |_| true));
        }
        let held = extras(&jpeg);
        let turned = held.iter().find_map(|extra| match extra.kind {
            ExtraKind::Exif(orientation) if orientation != 1 => Some(orientation),
            _ => None,
        });
        if let Some(orientation) = turned {
            return Err(Refusal::TileOrientation { tile, orientation });
        }
        if self == TileMetadata::Keep || held.is_empty() {
            return Ok(jpeg);
        }
        let named = held.iter().map(|extra| format!("{} ({} bytes)", extra.kind, extra.range.len()));
        Err(Refusal::TileMetadata { tile, held: named.collect::<Vec<_>>().join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{ImageEncoder, JpegEncoder};
    use crate::image::plane::Plane;
    use crate::image::ycc::Ycc;

    fn jpeg(segment: &[u8]) -> Vec<u8> {
        let gray = Ycc::gray(Plane::filled(8, 8, 90));
        let plain = JpegEncoder::new().unwrap().encode(gray.view(), 90.into()).unwrap();
        [&plain[..2], segment, &plain[2..]].concat()
    }

    #[test]
    fn metadata_is_refused_kept_or_stripped() {
        let tile = TileId { level: 3, x: 1, y: 2 };
        let (plain, comment) = (jpeg(&[]), jpeg(b"\xFF\xFE\x00\x06name"));
        for policy in [TileMetadata::Refuse, TileMetadata::Keep, TileMetadata::Strip] {
            assert_eq!(policy.apply(tile, plain.clone()).unwrap(), plain);
        }
        let refused = TileMetadata::Refuse.apply(tile, comment.clone()).unwrap_err().to_string();
        assert!(refused.contains("3/1_2") && refused.contains("a comment (8 bytes)"), "{refused}");
        assert_eq!(TileMetadata::Keep.apply(tile, comment.clone()).unwrap(), comment);
        assert_eq!(TileMetadata::Strip.apply(tile, comment).unwrap(), plain);
        let turned =
            jpeg(b"\xFF\xE1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
        for policy in [TileMetadata::Refuse, TileMetadata::Keep] {
            let refused = policy.apply(tile, turned.clone()).unwrap_err();
            assert_eq!(refused, Refusal::TileOrientation { tile, orientation: 6 });
        }
        assert_eq!(TileMetadata::Strip.apply(tile, turned).unwrap(), plain);
    }
}
