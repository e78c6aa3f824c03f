//! The slides below an address: its bundles. Storage lists every key at once, so there are no directories to walk.

use std::io;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::files::{Listing, SlideFiles, Stamp};
use crate::archive::BUNDLE_NAME;
use crate::serve::options::SlideOptions;
use crate::store::remote::{self, Version};
use crate::store::{Address, Location};

/// Finds the bundles below the root, which may be one itself.
///
/// # Errors
/// Storage that does not answer, or refuses.
pub fn scan(options: &SlideOptions) -> io::Result<Listing> {
    let Location::Address(root) = Location::parse(&options.root)? else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut listing = Listing::default();
    if is_bundle(&options.root) {
        let object = remote::Object::open_again(&root)?;
        listing.add(bundle(
            name(Path::new(&options.root.file_name().unwrap_or_default()), options),
            &root,
            object.version(),
        ));
        return Ok(listing);
    }
    for object in remote::list(&root)? {
        let path = object.address.to_path();
        let below = path.strip_prefix(&options.root).unwrap_or(&path);
        let is_hidden = below.iter().any(|part| part.as_encoded_bytes().starts_with(b"."));
        if is_bundle(&path) && !is_hidden {
            listing.add(bundle(name(below, options), &object.address, &object.version));
        }
    }
    Ok(listing)
}

fn is_bundle(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "bundle")
}

fn bundle(name: String, address: &Address, version: &Version) -> SlideFiles {
    let mut files = SlideFiles::new(name, None, None);
    files.archive = Some(address.to_path());
    files.stamp = stamp(version);
    files
}

/// The stamp of an object: it changes when its content does.
fn stamp(version: &Version) -> Stamp {
    let etag = version.etag.as_deref().map_or(0, |etag| xxh3_64(etag.as_bytes()));
    vec![(version.size, version.modified_us.cast_unsigned(), etag)]
}

/// The name of the slide whose bundle lies at `below` the root: without the extension, and without what the usual layout adds.
fn name(below: &Path, options: &SlideOptions) -> String {
    let usual = below.file_name() == Some(BUNDLE_NAME.as_ref());
    let dir = below
        .parent()
        .filter(|dir| dir.ends_with(&options.pack_dir) || dir.ends_with(&options.residuals_dir));
    let of = match dir.and_then(Path::parent).filter(|dir| usual && !dir.as_os_str().is_empty()) {
        Some(dir) => dir.to_path_buf(),
        None => below.with_extension(""),
    };
    parts(&of).join("/")
}

fn parts(path: &Path) -> Vec<String> {
    path.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_have_the_names_that_they_have_on_a_disk() {
        let options = SlideOptions::default();
        for (below, want) in [
            ("a.bundle", "a"),
            ("x/y/b.bundle", "x/y/b"),
            ("x/case/residual_packs/residuals.bundle", "x/case"),
            ("residual_packs/residuals.bundle", "residual_packs/residuals"),
            ("case/residuals.bundle", "case/residuals"),
        ] {
            assert_eq!(name(Path::new(below), &options), want);
        }
    }
}
