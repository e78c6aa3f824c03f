//! The files of a tree at an address, looked up when they are first needed.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::OnceLock;

use super::store::TileFile;
use crate::store::Address;
use crate::store::remote::Files;

/// Files below an address.
pub struct Far {
    root: Address,
    files: OnceLock<Files>,
}

impl Far {
    /// Nothing is asked yet.
    pub fn new(root: Address) -> Self {
        Self { root, files: OnceLock::new() }
    }

    /// Where a file lies.
    pub fn place(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.to_path() } else { self.root.join(name).to_path() }
    }

    /// Whether the store lists nothing: only names that are asked for are found.
    pub fn must_look(&self) -> bool {
        !Files::can_list(&self.root)
    }

    /// Asks for names, where nothing can be listed; those of an earlier call are forgotten.
    ///
    /// # Errors
    /// Those of the store.
    pub fn look_for(&self, names: impl IntoIterator<Item = String>) -> io::Result<()> {
        if self.must_look() && self.files.get().is_none() {
            let files = Files::ask(&self.root, names)?;
            if files.names().next().is_some() {
                drop(self.files.set(files));
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<&Files> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let files = Files::list(&self.root)?;
        Ok(self.files.get_or_init(|| files))
    }

    /// Whether a file lies in a directory; on a web server nobody knows.
    ///
    /// # Errors
    /// Those of the store.
    pub fn has_directory(&self, name: &str) -> io::Result<bool> {
        Ok(match (self.must_look(), name.is_empty()) {
            (true, is_root) => is_root,
            (false, true) => self.files()?.names().next().is_some(),
            (false, false) => self.files()?.has_below(name),
        })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// `NotFound`; those of the store.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.files()?.read(name)
    }

    /// Fetches files ahead.
    pub fn will_read<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        if let Some(files) = self.files.get() {
            drop(files.will_read(names));
        }
    }

    /// Length and time of a file.
    ///
    /// # Errors
    /// `NotFound`; those of the store.
    pub fn stat(&self, name: &str) -> io::Result<TileFile> {
        let version = self.files()?.version(name).ok_or(ErrorKind::NotFound)?;
        Ok(TileFile { bytes: version.size, modified: version.modified() })
    }

    /// The names of all files. Names that begin with a dot are other programs'.
    ///
    /// # Errors
    /// Those of the store.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with('.'));
        if self.must_look() {
            return Ok(self.files.get().into_iter().flat_map(Files::names).map(str::to_string).collect());
        }
        Ok(self.files()?.names().filter(|name| !is_hidden(name)).map(str::to_string).collect())
    }
}
