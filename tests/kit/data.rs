//! Test data that is not in the repository. A test without its data prints `SKIPPED` and why.

use std::path::{Path, PathBuf};

/// The folder that `ORIGAMI_TEST_DATA` names; `None` prints that `test` is skipped.
pub fn test_data(test: &str) -> Option<PathBuf> {
    let found = folder();
    if found.is_none() {
        println!("SKIPPED: {test}: set ORIGAMI_TEST_DATA to the folder that holds torture/ and dev/");
    }
    found
}

/// The real slide: in `ORIGAMI_TEST_DATA`, or where `scripts/setup.sh` puts it. `None` prints that `test` is skipped.
pub fn real_slide(test: &str) -> Option<PathBuf> {
    const NAME: &str = "CMU-1-Small-Region.svs";
    let demo = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("demo");
    let places = folder().map(|data| data.join("dev")).into_iter().chain([demo]);
    let found = places.map(|place| place.join(NAME)).find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: {test}: no {NAME}; set ORIGAMI_TEST_DATA or run scripts/setup.sh");
    }
    found
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("ORIGAMI_TEST_DATA").map(PathBuf::from)
}
