//! A folder of runs, scanned again for each listing. A manifest or picture is read again only when its file has changed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::images::Image;
use super::scan::{Cache, Listing, scan};

/// A folder of runs.
pub struct Library {
    /// Canonical.
    root: PathBuf,
    seen: Mutex<Cache>,
}

impl Library {
    /// A folder that may be empty and may change.
    ///
    /// # Errors
    /// A folder that does not exist.
    pub fn new(root: &Path) -> std::io::Result<Self> {
        Ok(Self { root: root.canonicalize()?, seen: Mutex::default() })
    }

    /// Lists all runs. One scan runs at a time.
    pub fn scan(&self) -> Listing {
        // After a panic the cache is still valid.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        scan(&self.root, &mut seen)
    }

    /// The canonical path of a picture, if it is within the folder. Links may have changed since the scan.
    pub fn locate(&self, image: &Image) -> Option<PathBuf> {
        let path = image.path.canonicalize().ok()?;
        (path.starts_with(&self.root) && path.metadata().ok()?.is_file()).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::scan::MANIFEST;
    use super::*;
    use crate::codec::encode_png;

    #[test]
    fn a_manifest_is_parsed_again_only_when_it_has_changed() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("rs_444_l0q40");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join(MANIFEST), r#"{"image": "one"}"#).unwrap();
        let library = Library::new(root.path()).unwrap();
        let listed = |text: &str| String::from_utf8_lossy(&library.scan().json).contains(text);
        let parsed = || library.seen.lock().unwrap().manifests.values().next().unwrap().1.clone();
        assert!(listed("\"image\":\"one\""));
        let first = parsed();
        assert!(listed("\"image\":\"one\""));
        assert!(Arc::ptr_eq(&first, &parsed()), "kept");
        std::fs::write(dir.join(MANIFEST), r#"{"image": "another"}"#).unwrap();
        assert!(listed("\"image\":\"another\""));
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(listed("\"runs\":[]"));
        assert!(library.seen.lock().unwrap().manifests.is_empty(), "what is gone is forgotten");
    }

    #[test]
    fn one_original_of_each_image_is_measured_and_again_only_when_it_has_changed() {
        let root = tempfile::tempdir().unwrap();
        let picture = |run: &str, green: u8| {
            let images = root.path().join(run).join("images");
            std::fs::create_dir_all(&images).unwrap();
            let png = encode_png(&[200, green, 200], 3, 1, 1).unwrap();
            std::fs::write(images.join("original.png"), png).unwrap();
        };
        for run in ["tissue/jpeg_baseline_q50", "tissue/jpeg_baseline_q70"] {
            picture(run, 100);
        }
        picture("glass/jpeg_baseline_q50", 200);
        let library = Library::new(root.path()).unwrap();
        let parts = || -> Vec<serde_json::Value> {
            let listing: serde_json::Value = serde_json::from_slice(&library.scan().json).unwrap();
            listing["runs"].as_array().unwrap().iter().map(|run| run["tissue"].clone()).collect()
        };
        let measured = |part: f64| serde_json::json!({"picture": "images/original.png", "part": part});
        let none = serde_json::Value::Null;
        assert_eq!(parts(), [measured(0.0), measured(1.0), none.clone()]);
        // Kept: what the cache says counts as long as the file is the same.
        for (_, part) in library.seen.lock().unwrap().tissue.values_mut() {
            *part = Some(0.5);
        }
        assert_eq!(parts(), [measured(0.5), measured(0.5), none.clone()]);
        std::fs::remove_file(root.path().join("glass/jpeg_baseline_q50/images/original.png")).unwrap();
        std::fs::remove_file(root.path().join("tissue/jpeg_baseline_q50/images/original.png")).unwrap();
        assert_eq!(parts(), [none.clone(), none, measured(1.0)], "of another run where the first has none");
        assert_eq!(library.seen.lock().unwrap().tissue.len(), 1, "what is gone is forgotten");
    }

    #[test]
    fn fields_come_from_the_manifest_and_from_the_name_only_without_them() {
        let root = tempfile::tempdir().unwrap();
        for (dir, manifest) in [
            // The name says otherwise, and does not count.
            (
                "rs_444_b80_l0q10",
                r#"{"run": {"kind": "origami", "backend": "cpu", "subsamp": "420", "baseq": 90, "l0q": 40}}"#,
            ),
            ("any name", r#"{"run": {"kind": "baseline", "codec": "jp2", "quality": 38}}"#),
            ("rs_444_b80_l0q20", r#"{"image": "one"}"#),
            ("renamed", r#"{"name": "jpeg444_baseline_q70"}"#),
            ("rs_444_b80_l0q30", r#"{"run": {"kind": "origami", "baseq": "high"}}"#),
        ] {
            std::fs::create_dir(root.path().join(dir)).unwrap();
            std::fs::write(root.path().join(dir).join(MANIFEST), manifest).unwrap();
        }
        let listing = Library::new(root.path()).unwrap().scan();
        let listing: serde_json::Value = serde_json::from_slice(&listing.json).unwrap();
        let runs = listing["runs"].as_array().unwrap();
        for (dir, label, quality, notes) in [
            ("rs_444_b80_l0q10", "ORIGAMI, 4:2:0, base 90", 40.0, 0),
            ("any name", "JPEG 2000", 38.0, 0),
            ("rs_444_b80_l0q20", "ORIGAMI, 4:4:4, base 80", 20.0, 0),
            ("renamed", "JPEG, 4:4:4", 70.0, 0),
            ("rs_444_b80_l0q30", "ORIGAMI, 4:4:4, base 80", 30.0, 1),
        ] {
            let run = runs.iter().find(|run| run["id"] == dir).unwrap();
            assert_eq!(
                (run["label"].as_str(), run["quality"].as_f64()),
                (Some(label), Some(quality)),
                "{dir}"
            );
            assert_eq!(run["notes"].as_array().unwrap().len(), notes, "{dir}");
        }
    }
}
