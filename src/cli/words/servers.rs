//! Why a server cannot start.

use origami::image::spec;
use origami::{evals, serve};

use super::{backend, coding};

pub fn serve(error: &serve::StartError) -> Option<String> {
    use serve::StartError;
    Some(match error {
        StartError::NoRoot(root) => format!(
            "{}: no such file or directory; `origami serve DIR` or --slides-root DIR says where slides are",
            root.display()
        ),
        StartError::Root(root) => format!(
            "{path}: not a directory, a bundle or a .dzi; if it is a slide, `origami encode {path}` makes its bundle",
            path = root.display()
        ),
        StartError::NoConnections => "--max-connections 0: at least one".into(),
        StartError::NoFamilies => "--max-inflight-families 0: at least one".into(),
        StartError::Sharpen(given) => {
            format!("--sharpen {given}: a strength is 1/512 to {}, or 0 for none", spec::MAX_SHARPEN)
        }
        StartError::OriginHeader(value) => format!("--cors {value:?}: not a value that a header can have"),
        StartError::CacheControlHeader(value) => {
            format!("--cache-control {value:?}: not a value that a header can have")
        }
        StartError::Origin(origin) => {
            format!("--cors {origin}: give * or one origin, as https://viewer.example.org")
        }
        StartError::EmbedOrigin(origin) => {
            format!("--embed-origin {origin}: give the origin of a page, as https://course.example.org")
        }
        StartError::Dicomweb => "--dicomweb: its frames are JPEG; leave --output-format out".into(),
        StartError::NoDiskCache => {
            "--cache-dir: this build has no RocksDB, which keeps the tiles on disk; build with \
             `cargo build --release --features rocksdb`, or leave the flag out"
                .into()
        }
        StartError::DiskCache { dir, problem } => {
            format!("{}: {problem}; --cache-dir must be a directory that can be written", dir.display())
        }
        StartError::DiskFull { dir, problem } => {
            format!("{}: {problem}; free some space, or name a directory on another disk", dir.display())
        }
        StartError::DiskCacheInUse(dir) => {
            format!("{}: another server keeps its tiles here; give each its own --cache-dir", dir.display())
        }
        StartError::Output(e) => return coding::output(e),
        StartError::Backend(e) => return backend::error(e),
        _ => return None,
    })
}

pub fn evals(error: &evals::StartError) -> Option<String> {
    match error {
        evals::StartError::Runs(runs) => Some(format!(
            "{}: no directory of this name; --runs is where evaluation runs are, and `origami encode IMAGE --out RUNS/NAME --manifest \
             --debug-images` makes one",
            runs.display()
        )),
        _ => None,
    }
}
