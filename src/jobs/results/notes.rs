//! Small objects beside the units, of which those who keep them know the meaning; and copies of results under names of their own.
//!
//! ```text
//! notes/NAME.json                    a note; NAME is letters, digits, `-` and `/`
//! ```

use futures_util::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{Error as StoreError, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use super::{Manifest, Results, json};
use crate::jobs::error::{Error, Result};

/// The directory of all notes.
const NOTES: &str = "notes";
/// What no copy of a result may be called: the directories of this store.
const OWN: [&str; 3] = ["units", NOTES, "probe"];

fn note(name: &str) -> ObjectPath {
    ObjectPath::from(format!("{NOTES}/{name}.json"))
}

impl Results {
    /// Writes a note as a whole, whether or not it is there.
    ///
    /// # Errors
    /// A store that refuses. So of every call here.
    pub fn put_note(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let (path, bytes) = (note(name), json("a note", value)?);
        let put = self.runtime.block_on(self.store.put(&path, PutPayload::from(bytes)));
        put.map(drop).map_err(Error::store("write", self.name(&path)))
    }

    /// A note.
    pub fn note<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Option<T>> {
        self.read(&note(name))
    }

    /// Removes a note, if it is there.
    pub fn remove_note(&self, name: &str) -> Result<()> {
        let path = note(name);
        match self.runtime.block_on(self.store.delete(&path)) {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(e) => Err(Error::store("remove", self.name(&path))(e)),
        }
    }

    /// Names of the notes in a directory of them, the youngest first.
    pub fn notes(&self, directory: &str) -> Result<Vec<String>> {
        let prefix = ObjectPath::from(format!("{NOTES}/{directory}"));
        let listed: Result<Vec<_>, _> = self.runtime.block_on(self.store.list(Some(&prefix)).try_collect());
        let mut objects: Vec<object_store::ObjectMeta> = match listed {
            Ok(objects) => objects,
            Err(StoreError::NotFound { .. }) => Vec::new(),
            Err(e) => return Err(Error::store("list", self.name(&prefix))(e)),
        };
        objects.sort_by_key(|object| std::cmp::Reverse(object.last_modified));
        let named = objects.iter().filter_map(|object| object.location.filename()?.strip_suffix(".json"));
        Ok(named.map(|name| format!("{directory}/{name}")).collect())
    }

    /// Whether a result may be put under a name: a path of parts without `..`, outside of the directories of this store.
    pub fn may_be_named(name: &str) -> bool {
        let parts: Vec<&str> = name.split('/').collect();
        let plain = |part: &&str| {
            !part.is_empty()
                && *part != "."
                && *part != ".."
                && !part.chars().any(|c| c.is_control() || c == '\\')
        };
        parts.iter().all(plain) && !parts.first().is_some_and(|first| OWN.contains(first))
    }

    /// Puts the file of a manifest under a name as well, which is replaced. Returns its address, or its path.
    pub fn put_named(&self, manifest: &Manifest, name: &str) -> Result<String> {
        let from = ObjectPath::from(format!("{}/{}", manifest.path, manifest.main));
        let to = ObjectPath::from(name);
        let copied = self.runtime.block_on(self.store.copy(&from, &to));
        copied.map_err(Error::store("write", self.name(&to)))?;
        Ok(self.name(&to))
    }
}
