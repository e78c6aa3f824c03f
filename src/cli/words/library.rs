//! The error of whole calls: an encode, a decode, a search for a quality.

use origami::archive::Kind;
use origami::error::{Error, Refusal};

use super::{backend, codec, coding, files, params};

pub fn error(error: &Error) -> Option<String> {
    match error {
        Error::Refused { path, refusal } => Some(format!("{}: {}", path.display(), refused(refusal)?)),
        Error::TileNotStored { path, tile } => {
            Some(format!("{}: tile {tile}: it is not in the archive; give --pyramid P", path.display()))
        }
        Error::Family { family, source } => Some(format!("family {family}: {}", self::error(source)?)),
        Error::Archive(e) => files::archive(e),
        Error::Backend(e) => backend::error(e),
        Error::Codec(e) => codec::error(e),
        Error::Output(e) => coding::output(e),
        Error::Params(e) => params::error(e),
        Error::Pyramid(e) => files::pyramid(e),
        Error::Residual(e) => coding::residual(e),
        Error::Slide(e) => files::slide(e),
        Error::NothingToReport => Some(
            "--manifest and --debug-images show what coding costs, and --preset lossless costs nothing; \
             leave one of them out"
                .into(),
        ),
        Error::PsnrOutOfReach { wanted_db, best_db, of: "luma" } => Some(format!(
            "--target-psnr {wanted_db}: residual quality 100 comes to {best_db:.2} dB here; ask for less, or give \
             --l0q and --baseq"
        )),
        Error::PsnrOutOfReach { wanted_db, best_db, of } => Some(format!(
            "--target-psnr {wanted_db}: residual quality 100 comes to {best_db:.2} dB in {of}, for which luma does not stand \
             here; ask for less, or give --preset lossless where the source has JPEG tiles"
        )),
        Error::SizeOutOfReach { wanted_bytes, least_bytes } => Some(format!(
            "--target-size {wanted_bytes}: residual quality 1 comes to about {least_bytes} bytes here; ask for more, \
             or give --preset small or --l0-scale 50"
        )),
        _ => None,
    }
}

fn refused(refusal: &Refusal) -> Option<String> {
    Some(match refusal {
        Refusal::OtherKind(kind) => {
            let flag = if *kind == Kind::Pack { "--pack-file" } else { "--bundle" };
            format!("it is a {}; give it with {flag}", kind.name())
        }
        Refusal::NoPacks => "no .pack files here; encode with --pack, or decode with --bundle".into(),
        Refusal::OtherEncode { first } => format!(
            "it belongs to another encode than {}; remove it, or encode again with --pack",
            first.display()
        ),
        Refusal::MissingPacks { have, all } => format!(
            "{have} packs of the slide's {all} families; restore the others, or give --max-parents {have}"
        ),
        Refusal::NoSmallLevels => {
            "a pack has no small levels; give --pyramid P for them, or decode the bundle".into()
        }
        Refusal::TileSize { given, recorded } => {
            format!("--tile {given} contradicts the archive, whose tiles are {recorded}; leave the flag out")
        }
        Refusal::UpsampleFilter { given, recorded } => format!(
            "--upsample-filter {} contradicts the archive, which records {}; leave the flag out",
            given.name(),
            recorded.name()
        ),
        Refusal::ForeignManifest => {
            "it is there and no manifest of an encode; move it, or choose another --out".into()
        }
        _ => return None,
    })
}
