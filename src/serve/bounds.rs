//! What may be served: what lies below the root, wherever symbolic links lead. Whoever may write there may not open other files to clients
//! by a link.

use std::path::{Path, PathBuf};

use super::options::SlideOptions;
use crate::store::is_address;

/// The directories whose files may be served, without links in their paths; `None` for any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds(Option<Vec<PathBuf>>);

impl Bounds {
    /// Those of a server.
    pub fn new(options: &SlideOptions) -> Self {
        let root = &options.root;
        if options.follow_links || is_address(root) {
            return Self(None);
        }
        // What the operator names is meant, also where it is a link. A slide may have files beside it.
        let beside = root.parent().filter(|_| !root.is_dir());
        let elsewhere =
            [&options.pack_dir, &options.residuals_dir].into_iter().filter(|dir| dir.is_absolute());
        let named =
            [Some(root.as_path()), beside].into_iter().flatten().chain(elsewhere.map(PathBuf::as_path));
        let here = |path: &Path| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.into() };
        Self(Some(named.filter_map(|path| here(path).canonicalize().ok()).collect()))
    }

    /// Those of one directory.
    #[cfg(feature = "jobs")]
    pub fn below(root: &Path) -> Self {
        Self(Some(root.canonicalize().into_iter().collect()))
    }

    /// Whether a path leads to what may be served. One that leads nowhere is nothing to serve, and its own error says so.
    pub fn hold(&self, path: &Path) -> bool {
        let Some(roots) = &self.0 else { return true };
        path.canonicalize().map_or(true, |whole| roots.iter().any(|root| whole.starts_with(root)))
    }

    /// As [`Self::hold`], for a path whose directory may be served.
    pub fn hold_file(&self, path: &Path) -> bool {
        self.0.is_none() || !path.is_symlink() || self.hold(path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_a_link_leads_to_must_lie_below_the_root() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("own"), "").unwrap();
        std::fs::write(other.path().join("secret"), "").unwrap();
        for (target, name) in [
            (at("own"), "inside"),
            (other.path().join("secret"), "outside"),
            (other.path().into(), "dir"),
            (at("none"), "dangling"),
        ] {
            symlink(target, at(name)).unwrap();
        }
        let options = SlideOptions { root: root.path().into(), ..SlideOptions::default() };
        let bounds = Bounds::new(&options);
        let held = |bounds: &Bounds, name: &str| (bounds.hold(&at(name)), bounds.hold_file(&at(name)));
        for (name, want) in [("own", true), ("inside", true), ("outside", false), ("dangling", true)] {
            assert_eq!(held(&bounds, name), (want, want), "{name}");
        }
        assert!(!bounds.hold(&at("dir/secret")));
        let all = Bounds::new(&SlideOptions { follow_links: true, ..options.clone() });
        assert_eq!(held(&all, "outside"), (true, true));
        // A root that is a link, and one that is a file.
        for name in ["dir", "outside", "own"] {
            let bounds = Bounds::new(&SlideOptions { root: at(name), ..options.clone() });
            assert!(bounds.hold(&at(name)) && bounds.hold_file(&at(name)), "{name}");
        }
    }
}
