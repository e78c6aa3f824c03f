//! Which files of a run are pictures, and their roles, by their names alone.

use std::path::PathBuf;

use serde::Serialize;

/// A picture of a run.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its file.
    pub path: PathBuf,
    /// Its content type.
    pub content_type: &'static str,
}

/// A picture in the listing.
#[derive(Serialize)]
pub struct ListedImage {
    /// `{directory}/{file}`.
    pub name: String,
    /// `original`, `reconstruction` or `other`.
    pub role: &'static str,
    /// What the names of a reconstruction and its original have in common.
    pub part: String,
    pub bytes: u64,
    /// Changes with the file.
    pub version: String,
}

/// Content type and stem of a file that a browser can show.
pub fn picture(name: &str) -> Option<(&'static str, &str)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let content_type = match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        _ => return None,
    };
    Some((content_type, stem))
}

/// Role and part of a picture by its stem: `0_0_original` is the original of `0_0`.
pub fn role(stem: &str) -> (&'static str, &str) {
    for role in ["reconstruction", "original"] {
        if let Some(part) = stem.strip_suffix(role)
            && (part.is_empty() || part.ends_with(['_', '-', '.']))
        {
            return (role, part.trim_end_matches(['_', '-', '.']));
        }
    }
    ("other", stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_stem() {
        assert_eq!(role("reconstruction"), ("reconstruction", ""));
        assert_eq!(role("0_0_original"), ("original", "0_0"));
        assert_eq!(role("0_0_reconstruction"), ("reconstruction", "0_0"));
        assert_eq!(role("unoriginal"), ("other", "unoriginal"));
        assert_eq!(role("prediction"), ("other", "prediction"));
        assert_eq!(picture("a.b.PNG"), Some(("image/png", "a.b")));
        assert_eq!((picture("x.svg"), picture("png"), picture("x.html")), (None, None, None));
    }
}
