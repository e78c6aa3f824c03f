//! The names of files and directories that hold archives.

/// Name of a slide's bundle within `residual_packs/`.
pub const BUNDLE_NAME: &str = "residuals.bundle";
/// Directory that `encode` adds to its output.
pub const PACK_DIR: &str = "residual_packs";
