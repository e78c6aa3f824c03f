//! Slide formats that no reader here opens, by extension and first bytes, each with the tool that converts it.
//!
//! Some of them begin like a TIFF and hold only a thumbnail there, so they are looked for before the readers are tried. It
//! deliberately does not say that such a file is damaged: it is not.

use super::error::SlideError;
use std::path::Path;

const BIO_FORMATS: &str =
    "convert it to OME-TIFF, with `bfconvert FILE out.ome.tif` of Bio-Formats or with QuPath";
const VENDOR: &str = "export it as TIFF or SVS with the viewer of its scanner's maker";

/// A format: its extensions in lower case, its first bytes where only it has them, its name, and what converts it.
struct Unread {
    extensions: &'static [&'static str],
    magic: &'static [u8],
    name: &'static str,
    advice: &'static str,
}

const fn unread(
    extensions: &'static [&'static str],
    magic: &'static [u8],
    name: &'static str,
    advice: &'static str,
) -> Unread {
    Unread { extensions, magic, name, advice }
}

const FORMATS: &[Unread] = &[
    unread(
        &["vsi", "ets"],
        b"",
        "Olympus and Evident (VSI; the pixels are in the ETS files beside it)",
        BIO_FORMATS,
    ),
    unread(&["czi"], b"ZISRAWFI", "Zeiss (CZI)", BIO_FORMATS),
    unread(&["zvi"], b"", "Zeiss (ZVI)", BIO_FORMATS),
    unread(&["lif", "lof"], b"\x70\0\0\0", "Leica (LIF, LOF)", BIO_FORMATS),
    unread(&["oib", "oif", "oir"], b"", "Olympus FluoView (OIB, OIF, OIR)", BIO_FORMATS),
    unread(&["nd2"], b"\xda\xce\xbe\x0a", "Nikon (ND2)", BIO_FORMATS),
    unread(&["ims"], b"", "Imaris (IMS)", BIO_FORMATS),
    unread(
        &["isyntax", "i2syntax"],
        b"",
        "Philips (iSyntax)",
        "convert it to TIFF with `isyntax-to-tiff` of libisyntax",
    ),
    unread(
        &["ndpis"],
        b"[NanoZoo",
        "Hamamatsu (NDPIS: a list of channels)",
        "give the NDPI files that it names",
    ),
    unread(&["afi"], b"", "Aperio (AFI: a list of channels)", "give the SVS files that it names"),
    unread(&["mds", "mdsx"], b"", "Motic (MDS)", VENDOR),
    unread(&["kfb"], b"", "KFBio (KFB)", VENDOR),
    unread(&["sdpc"], b"", "Sqray (SDPC)", VENDOR),
    unread(&["tmap"], b"", "UNIC (TMAP)", VENDOR),
    unread(&["jp2", "jpx", "j2k", "jph"], b"\0\0\0\x0cjP  ", "JPEG 2000 alone", "convert it to TIFF"),
];

/// Why the file is not read; `None` where a reader may try.
pub(super) fn refusal(path: &Path, extension: &str, first: &[u8]) -> Option<SlideError> {
    let is_of = |format: &&Unread| {
        format.extensions.contains(&extension)
            || (!format.magic.is_empty() && first.starts_with(format.magic))
    };
    let format = FORMATS.iter().find(is_of)?;
    Some(SlideError::NotRead { path: path.to_path_buf(), name: format.name, advice: format.advice })
}
