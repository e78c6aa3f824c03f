//! Transfer syntaxes: how a file encodes its elements and its frames (PS3.6 table A-1).

use super::elements::Encoding;
use dicom_dictionary_std::uids;

/// How frames are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Samples one after the other, without fragments.
    Native,
    /// As native, each frame deflated.
    Deflate,
    Rle,
    Jpeg,
    Jpeg2000,
    #[cfg(feature = "jpegls")]
    JpegLs,
}

/// A transfer syntax that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    pub encoding: Encoding,
    pub coding: Coding,
    /// Everything after the file meta information is deflated.
    pub is_deflated: bool,
}

/// Those that are not read, by name. JPEG-LS is, by builds with its feature.
const REFUSED: [(&str, &str); 18] = [
    ("1.2.840.10008.1.2.2", "Explicit VR Big Endian"),
    ("1.2.840.10008.1.2.4.57", "JPEG Lossless (process 14)"),
    ("1.2.840.10008.1.2.4.70", "JPEG Lossless (process 14, first-order prediction)"),
    (uids::JPEGLS_LOSSLESS, "JPEG-LS Lossless"),
    (uids::JPEGLS_NEAR_LOSSLESS, "JPEG-LS Near-Lossless"),
    (uids::JPEG2000MC_LOSSLESS, "JPEG 2000 Part 2 Multi-component (lossless only)"),
    (uids::JPEG2000MC, "JPEG 2000 Part 2 Multi-component"),
    ("1.2.840.10008.1.2.4.94", "JPIP Referenced"),
    ("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate"),
    ("1.2.840.10008.1.2.4.110", "JPEG XL Lossless"),
    ("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression"),
    ("1.2.840.10008.1.2.4.112", "JPEG XL"),
    (uids::HTJ2K_LOSSLESS, "High-Throughput JPEG 2000 (lossless only)"),
    (uids::HTJ2K_LOSSLESS_RPCL, "High-Throughput JPEG 2000 with RPCL options (lossless only)"),
    (uids::HTJ2K, "High-Throughput JPEG 2000"),
    ("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile"),
    ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile"),
    ("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile"),
];

impl Syntax {
    /// The syntax of a UID, or the name of one that is not read.
    pub fn of(uid: &str) -> Result<Self, String> {
        let explicit = |coding| Ok(Self { encoding: Encoding::ExplicitVr, coding, is_deflated: false });
        match uid {
            uids::IMPLICIT_VR_LITTLE_ENDIAN => {
                Ok(Self { encoding: Encoding::ImplicitVr, coding: Coding::Native, is_deflated: false })
            }
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => {
                Ok(Self { encoding: Encoding::ExplicitVr, coding: Coding::Native, is_deflated: true })
            }
            uids::DEFLATED_IMAGE_FRAME_COMPRESSION => explicit(Coding::Deflate),
            uids::EXPLICIT_VR_LITTLE_ENDIAN => explicit(Coding::Native),
            uids::RLE_LOSSLESS => explicit(Coding::Rle),
            uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT => explicit(Coding::Jpeg),
            uids::JPEG2000_LOSSLESS | uids::JPEG2000 => explicit(Coding::Jpeg2000),
            #[cfg(feature = "jpegls")]
            uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => explicit(Coding::JpegLs),
            _ => {
                let named = REFUSED.iter().find(|(known, _)| *known == uid);
                Err(named.map_or_else(|| "an unknown transfer syntax".into(), |(_, name)| name.to_string()))
            }
        }
    }
}
