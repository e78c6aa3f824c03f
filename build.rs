//! Compiles `csrc/`: a row-by-row JPEG decoder, an encoder of planes and, with the feature `jpegli`, one by jpegli. It uses the
//! headers of the libjpeg-turbo that `turbojpeg-sys` builds or finds, so that headers and library agree. Checks that the part of the
//! server's viewer that is not in the repository has been fetched.

/// The file of OpenSeadragon that `src/serve/http/viewer.rs` embeds.
const OPENSEADRAGON: &str = "vendor/openseadragon/openseadragon.min.js";

fn main() {
    println!("cargo::rerun-if-changed={OPENSEADRAGON}");
    if std::env::var_os("CARGO_FEATURE_SERVE").is_some() && !std::path::Path::new(OPENSEADRAGON).is_file() {
        println!(
            "cargo::error={OPENSEADRAGON} is missing: run scripts/setup.sh, or build without the feature `serve`"
        );
        return;
    }
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
