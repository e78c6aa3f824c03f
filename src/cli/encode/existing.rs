//! Whether a bundle that is there is what an encode would write.

use std::path::Path;
use std::time::SystemTime;

use origami::archive::Archive;
use origami::encode::EncodeOptions;
use origami::error::Result;
use origami::params::EncodeParams;
use origami::pyramid::source::Source;

/// How the bundle at `path` differs from that of `families` families of `source` with `params` and `options`; `None` where it does not.
///
/// # Errors
/// A source that cannot be read. A bundle that cannot be read is a difference.
pub fn difference(
    path: &Path,
    source: &Source,
    params: &EncodeParams,
    options: &EncodeOptions,
    families: u64,
) -> Result<Option<String>> {
    let archive = match Archive::open(path) {
        Ok(archive) => archive,
        Err(fault) => return Ok(Some(format!("it is not whole ({fault})"))),
    };
    let (meta, identity) = (archive.meta(), source.identity()?);
    let written = origami::store::open(path).ok().and_then(|file| file.modified());
    let written = written.unwrap_or(SystemTime::UNIX_EPOCH);
    Ok(Some(if meta.source.identity.as_ref() != Some(&identity.text) {
        "was made of another source".into()
    } else if identity.modified.is_none_or(|changed| changed > written) {
        "its source was changed after it was made".into()
    } else if archive.geometry() != source.geometry() {
        format!("has tiles of {}", archive.geometry().tile())
    } else if meta.encode != *params {
        "was made with other parameters".into()
    } else if params.originals && meta.source.tile_metadata.as_deref() != options.tile_metadata.name() {
        "treats the metadata in tiles in another way".into()
    } else if !meta.associated.iter().map(|image| &image.name).eq(&options.keep_associated) {
        "keeps other associated images".into()
    } else if archive.families().len() as u64 != families {
        format!("has {} families instead of {families}", archive.families().len())
    } else if options.packs && !has_packs(&archive, path) {
        "lacks some of its packs".into()
    } else if options.manifest && !has_manifest(path) {
        "lacks its manifest".into()
    } else {
        return Ok(None);
    }))
}

/// Whether the packs of an archive lie beside it, made by the same encode.
fn has_packs(archive: &Archive, path: &Path) -> bool {
    let is_of_it = |pack: Archive| pack.meta().content == archive.meta().content;
    let mut packs = archive.families().iter().map(|entry| path.with_file_name(format!("{}.pack", entry.id)));
    packs.all(|pack| Archive::open(&pack).is_ok_and(is_of_it))
}

/// Whether there is a manifest of an archive.
fn has_manifest(path: &Path) -> bool {
    let out = path.parent().and_then(Path::parent);
    out.is_some_and(|out| origami::store::is_file(&out.join("manifest.json")))
}
