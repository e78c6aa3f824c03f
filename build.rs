//! Compiles `csrc/`: a row-by-row JPEG decoder, an encoder of planes and, with the feature `jpegli`, one by jpegli. It uses the
//! headers of the libjpeg-turbo that `turbojpeg-sys` builds or finds, so that headers and library agree. Checks that the embedded
//! files that are not in the repository have been fetched. Gives release builds the commit that they are made of.

use std::path::Path;
use std::process::Command;

/// Files that are not in the repository: the feature that embeds each, and its path.
const FETCHED: [(&str, &str); 3] = [
    ("SERVE", "vendor/openseadragon/openseadragon.min.js"),
    ("SERVE", "vendor/rbush/rbush.min.js"),
    ("PLOT", "vendor/roboto/Roboto_400Regular.ttf"),
];

fn main() {
    for (feature, file) in FETCHED {
        println!("cargo::rerun-if-changed={file}");
        if std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some() && !Path::new(file).is_file() {
            println!("cargo::error={file} is missing: run scripts/setup.sh");
            return;
        }
    }
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = if release { commit() } else { None };
    println!("cargo:rustc-env=ORIGAMI_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    shim("jpeg_rows");
    shim("jpeg_planes");
    if std::env::var_os("CARGO_FEATURE_JPEGLI").is_some() {
        shim("jpegli");
    }
    println!("cargo:rerun-if-env-changed=TURBOJPEG_SOURCE");
    // The vendored static libturbojpeg exports the jpeg_* functions. A shared libturbojpeg hides them; the libjpeg of the same
    // release has them.
    if std::env::var("TURBOJPEG_SOURCE").is_ok_and(|source| source.to_lowercase().starts_with("pkg")) {
        println!("cargo:rustc-link-lib=jpeg");
    }
}

/// Compiles `csrc/{name}.c` to a library `origami_{name}`.
fn shim(name: &str) {
    let file = format!("csrc/{name}.c");
    println!("cargo:rerun-if-changed={file}");
    let mut build = cc::Build::new();
    build.file(&file).warnings(true).extra_warnings(true);
    // turbojpeg-sys publishes its include folders, separated by commas; none stands for the system's folders.
    println!("cargo:rerun-if-env-changed=DEP_TURBOJPEG_INCLUDE");
    if let Ok(folders) = std::env::var("DEP_TURBOJPEG_INCLUDE") {
        for folder in folders.split(',').filter(|folder| !folder.is_empty()) {
            build.include(folder);
        }
    }
    build.compile(&format!("origami_{name}"));
}

/// The commit of this checkout; `None` without git, or where these files are only a part of another repository.
///
/// Whatever moves the head runs this script again, and with it the compiler. Only release builds pay for that; a developer who
/// commits does not wait for a second compilation of the same sources.
fn commit() -> Option<String> {
    let folder = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    let top = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    if top != Path::new(&folder).canonicalize().ok()? {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        // Cargo takes a file that is missing for one that has changed.
        if Path::new(&path).is_file() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "HEAD"])
}

/// What git prints, if it is here and succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_string())
}
