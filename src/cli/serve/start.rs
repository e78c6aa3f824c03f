//! What a server says when it starts: its slides, what it skipped, and the address to open.

use std::net::SocketAddr;
use std::path::Path;

use origami::serve::{Overview, SkipReason, Skipped, path_segment};
use serde_json::json;

use crate::cli::browser;
use crate::cli::json;
use crate::cli::print::say;

/// Most names, and most lines about what was skipped.
const MAX_LINES: usize = 10;

/// A server that listens.
pub struct Started<'a> {
    /// What it was told to serve.
    pub root: &'a Path,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its slides.
    pub overview: Overview,
    /// Whether everybody may see them.
    pub is_open: bool,
}

impl Started<'_> {
    /// The address for a browser: the viewer of the only slide, or the list of slides.
    pub fn page(&self) -> String {
        let first = browser::page(self.address);
        match self.overview.names.as_slice() {
            [name] => format!("{first}viewer/{}", path_segment(name)),
            _ => first,
        }
    }

    /// Prints it as one object.
    pub fn print_json(&self) -> serde_json::Result<()> {
        let Overview { names, unencoded, skipped, .. } = &self.overview;
        let skipped = skipped.iter().map(
            |Skipped { path, reason }| json!({"path": path.to_string_lossy(), "reason": said(path, reason)}),
        );
        let body = json!({
            "address": format!("http://{}", self.address), "page": self.page(), "slides": names.len(), "names": names,
            "unencoded": unencoded, "skipped": skipped.collect::<Vec<_>>(),
        });
        json::print("serve", body)
    }

    /// Prints it in lines; scripts read the address from the first one.
    pub fn print(&self) {
        say!("origami serves {} on http://{}", self.root.display(), self.address);
        say!("{}", self.slides());
        match self.overview.unencoded {
            0 => {}
            1 => say!("1 is not encoded and served as it is; `origami encode` makes a bundle of it"),
            count => {
                say!("{count} are not encoded and served as they are; `origami encode` makes bundles of them")
            }
        }
        let skipped = &self.overview.skipped;
        for Skipped { path, reason } in skipped.iter().take(MAX_LINES) {
            say!("skipped {}: {}", path.display(), said(path, reason));
        }
        if skipped.len() > MAX_LINES {
            say!("skipped {} more", skipped.len() - MAX_LINES);
        }
        let credentials = if self.is_open { "" } else { " with a token or a signature, see `origami sign`" };
        say!("open {}{credentials}", self.page());
    }

    fn slides(&self) -> String {
        let names = &self.overview.names;
        let more = if names.len() > MAX_LINES {
            format!(" and {} more", names.len() - MAX_LINES)
        } else {
            String::new()
        };
        let listed = names[..names.len().min(MAX_LINES)].join(", ") + &more;
        match names.len() {
            0 => "no slides yet; those that are put there, or that `origami encode` writes there, are served at once".into(),
            1 => format!("1 slide: {listed}"),
            count => format!("{count} slides: {listed}"),
        }
    }
}

/// A reason in words, with the command that helps.
pub fn said(path: &Path, reason: &SkipReason) -> String {
    match reason {
        SkipReason::NotSource => {
            format!("{reason}; `origami encode --overwrite {}` makes one of it", path.display())
        }
        SkipReason::ScannedFarAway => {
            format!("{reason}; `origami encode {} --out PREFIX` does", path.display())
        }
        reason => reason.to_string(),
    }
}
