//! What is taken for a slide in a folder: the program, the Python loader and the Snakemake rule have a list each.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use origami::slide::EXTENSIONS;

/// The extensions of the set `EXTENSIONS` of a file in Python, without their dots.
fn in_python(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let (_, after) =
        text.split_once("\nEXTENSIONS = {").unwrap_or_else(|| panic!("{file} has no EXTENSIONS"));
    let (set, _) = after.split_once('}').unwrap();
    set.split('"').filter_map(|word| word.strip_prefix('.')).map(str::to_owned).collect()
}

/// The extensions of the program without some of them, and with some more.
fn expected(without: &[&str], with: &[&str]) -> BTreeSet<String> {
    let own = EXTENSIONS.iter().filter(|own| !without.contains(own));
    own.chain(with).map(ToString::to_string).collect()
}

#[test]
fn the_loader_takes_the_same_files_for_slides() {
    // Of DICOM a slide is a directory; bundles and trees are slides as well.
    let expected = expected(&["dcm", "dicom"], &["bundle", "dzi", "szi"]);
    assert_eq!(in_python("python/origami/slipstream/_slides.py"), expected);
}

#[test]
fn the_snakemake_rule_takes_the_same_files_for_slides() {
    assert_eq!(in_python("deploy/snakemake/Snakefile"), expected(&["dcm", "dicom"], &[]));
}
