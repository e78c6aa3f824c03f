//! Stands for `serve.rs` in a build without the server.

use serde::Serialize;

use super::section::Section;

/// Never made in this build.
#[derive(Serialize)]
pub struct Serve {
    pub starts: bool,
}

impl Serve {
    pub fn sections(&self) -> Vec<Section> {
        Vec::new()
    }
}
