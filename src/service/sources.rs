//! Where slides and videos may lie that requests name: below one folder, or at addresses.

use std::path::{Component, Path, PathBuf};

use super::lines::Lines;
use super::problem::Problem;
use crate::jobs::Source;
use crate::pyramid::identity::Identity;
use crate::pyramid::tree::{Missing, Tree};
use crate::serve::{Bounds, outside};
use crate::store::remote::{AddressPolicy, restrict};
use crate::store::{Location, is_address, is_web};

/// Files of a slide's folder that stand for it, the best one first.
const IN_FOLDER: [&str; 3] =
    ["residual_packs/residuals.bundle", "residuals_q32/residuals.bundle", "baseline_pyramid.dzi"];

/// A source.
pub struct Found {
    /// What it is.
    pub thing: Source,
    /// An absolute path, or an address.
    pub place: String,
    /// Its identity; `None` of a video that is not fetched yet.
    pub identity: Option<String>,
    /// Its bytes; 0 where they are not known.
    pub bytes: u64,
}

/// A slide, tree or bundle by its path below `root`, by its name there without the ending, or at an address: of object storage, and of a
/// web server that `addresses` allow; `None` allows no web server.
pub fn slide(
    field: &str,
    text: &str,
    root: &Path,
    addresses: Option<&AddressPolicy>,
) -> Result<Found, Problem> {
    let path = match Location::parse(Path::new(text)).map_err(|e| Problem::address(field, e))? {
        Location::Local(_) => below(field, text, root)?,
        Location::Address(address) => {
            match addresses {
                _ if !address.is_web() => {}
                Some(addresses) => restrict(&address, addresses).map_err(|e| Problem::address(field, e))?,
                None => {
                    let why = "name a slide below the folder of the service, or in object storage";
                    return Err(Problem::address(field, why));
                }
            }
            address.to_path()
        }
    };
    if !is_address(&path) && outside(&path, &Bounds::below(root)).is_some() {
        let problem =
            Problem::wrong(format!("{field}: {text:?} is read from a file outside of the folder of slides"));
        return Err(problem.advised("name a slide all of whose files lie there"));
    }
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let (thing, identity) = match &*extension {
        "dzi" | "szi" => {
            let tree = Tree::open(&path, Missing::Refuse).map_err(|e| unreadable(field, text, &e))?;
            (Source::Tree, Identity::of_tree(&tree))
        }
        "bundle" => (Source::Bundle, Identity::of_file(&path)),
        _ => (Source::Slide, Identity::of_file(&path)),
    };
    let identity = identity.map_err(|e| unreadable(field, text, &e))?;
    Ok(Found { thing, place: place(field, &path)?, identity: Some(identity.text), bytes: identity.bytes })
}

/// A video or sound: at an address, or a file below `root`.
pub fn media(field: &str, text: &str, root: &Path, addresses: &AddressPolicy) -> Result<Found, Problem> {
    if is_web(text) {
        web(field, text, addresses)?;
    }
    if is_address(Path::new(text)) {
        return Ok(Found { thing: Source::Video, place: text.into(), identity: None, bytes: 0 });
    }
    if text.contains("://") {
        return Err(Problem::address(field, "give an address of https, http, s3, gs or az"));
    }
    let path = below(field, text, root)?;
    let identity = Identity::of_file(&path).map_err(|e| unreadable(field, text, &e))?;
    let place = place(field, &path)?;
    Ok(Found { thing: Source::Video, place, identity: Some(identity.text), bytes: identity.bytes })
}

/// Refuses a web address that may not be asked. A name is looked up as well, so that the sender learns of it now; where the name is not
/// known at present, the connection decides.
pub fn web(field: &str, address: &str, addresses: &AddressPolicy) -> Result<(), Problem> {
    let url = addresses.check(address).map_err(|e| Problem::address(field, e))?;
    addresses.check_name(&url).map_err(|e| Problem::address(field, e))
}

/// An existing file below `root`, whatever links there are.
fn below(field: &str, text: &str, root: &Path) -> Result<PathBuf, Problem> {
    let given = Path::new(text);
    let plain = given.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let missing = || {
        let problem = Problem::wrong(format!("{field}: {text:?} is not there"));
        problem.advised("give the path of a file below the folder of slides of the service")
    };
    if text.is_empty() || !plain {
        let problem = Problem::wrong(format!("{field}: {text:?} is no path below the folder of slides"));
        return Err(problem.advised("give a path without .. and without / before it"));
    }
    let root = root.canonicalize().map_err(|_| missing())?;
    let path = named(&root.join(given)).and_then(|path| path.canonicalize().ok()).ok_or_else(missing)?;
    match path.starts_with(&root) && path.is_file() {
        true => Ok(path),
        false => Err(missing()),
    }
}

/// The file that a path stands for: itself, a file of a slide's folder, or the only one of that name with an ending.
fn named(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return IN_FOLDER.iter().map(|name| path.join(name)).find(|file| file.is_file());
    }
    if path.exists() {
        return Some(path.into());
    }
    let name = path.file_name()?;
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let mut same = entries.flatten().map(|entry| entry.path()).filter(|file| file.file_stem() == Some(name));
    let found = same.next()?;
    (same.next().is_none() && found.is_file()).then_some(found)
}

fn place(field: &str, path: &Path) -> Result<String, Problem> {
    let text = path.to_str().map(String::from);
    text.ok_or_else(|| Problem::wrong(format!("{field}: its name is not UTF-8, which a queue cannot hold")))
}

fn unreadable(field: &str, text: &str, error: &dyn std::fmt::Display) -> Problem {
    // What is wrong with a file names its path.
    static LINES: Lines = Lines::new();
    LINES.warn(error);
    Problem::wrong(format!("{field}: {text:?} cannot be read; the log of the service says why"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_elsewhere_is_not_reached() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(root.path().join("one.mp4"), "x").unwrap();
        std::fs::write(other.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(other.path(), root.path().join("link")).unwrap();
        let found =
            |text: &str| media("videoUrl", text, root.path(), &AddressPolicy::All).map(|found| found.place);
        for text in ["one.mp4", "./one.mp4", "one"] {
            assert!(found(text).is_ok_and(|place| place.ends_with("one.mp4")), "{text}");
        }
        for text in [
            "",
            "..",
            "../secret",
            "link/secret",
            "/etc/passwd",
            "two.mp4",
            "file:///etc/passwd",
            "concat:one.mp4|one.mp4",
        ] {
            assert!(found(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_slide_is_read_from_no_file_that_lies_elsewhere() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| root.path().join(name);
        let found = |text: &str| slide("source", text, root.path(), None).map(|found| found.place);
        for path in [at("a.mrxs"), other.path().join("Data0000.dat")] {
            std::fs::write(path, "x").unwrap();
        }
        assert!(found("a.mrxs").is_ok());
        std::os::unix::fs::symlink(other.path(), at("a")).unwrap();
        assert!(found("a.mrxs").is_err());
    }

    #[test]
    fn an_address_is_one_in_capitals_too() {
        let (root, addresses) = (tempfile::tempdir().unwrap(), AddressPolicy::Public("ask".into()));
        let media = |text: &str| media("videoUrl", text, root.path(), &addresses).map(|found| found.place);
        for text in ["http://10.0.0.1/a.mp4", "HTTP://10.0.0.1/a.mp4", "Https://[::1]/a.mp4?b"] {
            assert!(media(text).is_err(), "{text}");
        }
        assert_eq!(media("HTTPS://1.1.1.1/a.mp4?b").ok().as_deref(), Some("HTTPS://1.1.1.1/a.mp4?b"));
    }
}
