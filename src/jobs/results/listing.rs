//! Lists what lies at the place of the results, by unit.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::UNIX_EPOCH;

use futures_util::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;

use super::{Home, Results, UNITS};
use crate::jobs::error::{Error, Result};
use crate::jobs::unit::{Key, Token};
use crate::store::FileError;

/// What the store holds of one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether its `unit.json` is there.
    pub unit: bool,
    /// Whether its manifest is there.
    pub manifest: bool,
    /// Attempts with files: bytes, and when the youngest was written, in milliseconds since 1970 by the store's clock.
    pub attempts: BTreeMap<Token, (u64, u64)>,
}

impl Results {
    /// Everything that the store holds, by unit.
    pub fn list(&self) -> Result<BTreeMap<Key, Found>> {
        let mut found = BTreeMap::<Key, Found>::new();
        self.runtime.block_on(async {
            let prefix = ObjectPath::from(UNITS);
            let mut objects = self.store.list(Some(&prefix));
            while let Some(object) = objects.try_next().await.map_err(Error::store("list", &self.place))? {
                let names: Vec<_> = object.location.parts().map(|part| part.as_ref().to_string()).collect();
                let [_, key, rest @ ..] = &names[..] else { continue };
                let Some(key) = Key::parse(key) else { continue };
                let unit = found.entry(key).or_default();
                match rest {
                    [name] if name == "unit.json" => unit.unit = true,
                    [name] if name == "manifest.json" => unit.manifest = true,
                    [attempts, token, ..] if attempts == "attempts" => {
                        let Some(token) = Token::parse(token) else { continue };
                        let written = u64::try_from(object.last_modified.timestamp_millis()).unwrap_or(0);
                        let (bytes, youngest) = unit.attempts.entry(token).or_default();
                        *bytes += object.size;
                        *youngest = written.max(*youngest);
                    }
                    _ => {}
                }
            }
            Ok::<_, Error>(())
        })?;
        self.list_empty(&mut found)?;
        Ok(found)
    }

    /// Directories of attempts that were begun and hold no file yet: a store lists only files.
    fn list_empty(&self, found: &mut BTreeMap<Key, Found>) -> Result<()> {
        let names = |dir: &Path| match fs::read_dir(dir) {
            Ok(entries) => {
                entries.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned())).collect()
            }
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
            Err(e) => Err(e),
        };
        let Home::Local(root) = &self.home else { return Ok(()) };
        let units = root.join(UNITS);
        let listed =
            |dir: &Path| -> Result<Vec<String>> { names(dir).map_err(FileError::on::<Error>("list", dir)) };
        for key in listed(&units)?.iter().filter_map(|name| Key::parse(name)) {
            let attempts = units.join(key.as_str()).join("attempts");
            for token in listed(&attempts)?.iter().filter_map(|name| Token::parse(name)) {
                let written = attempts.join(token.as_str()).metadata().and_then(|dir| dir.modified()).ok();
                let since = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
                let unit = found.entry(key.clone()).or_default();
                unit.attempts.entry(token).or_insert((0, since.as_millis() as u64));
            }
        }
        Ok(())
    }
}
