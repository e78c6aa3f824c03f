//! Which files of a run are pictures, and what they are by their names. Touches none of them.

use std::path::PathBuf;

use serde::Serialize;

/// A picture of a run.
#[derive(Clone, Debug)]
pub struct Image {
    /// Where it lies.
    pub path: PathBuf,
    /// Its type.
    pub kind: &'static str,
}

/// A picture as the page wants it.
#[derive(Serialize)]
pub struct Shown {
    pub name: String,
    pub role: &'static str,
    /// What a reconstruction shares with its original.
    pub part: String,
    pub bytes: u64,
    pub version: String,
}

/// Type and stem of a file that a browser can show.
pub fn picture(name: &str) -> Option<(&'static str, &str)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let kind = match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        _ => return None,
    };
    Some((kind, stem))
}

/// What a picture is by its stem, and of which part: `0_0_original` is the original of `0_0`.
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
