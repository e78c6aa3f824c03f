//! Removes what does not count, and what is wanted no more.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{Error as StoreError, ObjectStoreExt};

use super::{Home, Results, UNITS, attempt_path, object};
use crate::jobs::error::{Error, Result};
use crate::jobs::unit::{Key, Token};
use crate::store::FileError;

impl Results {
    /// Removes the files of an attempt that does not count.
    pub fn discard(&self, key: &Key, token: &Token) -> Result<()> {
        self.discard_written(key, token)?;
        self.discard_put(key, token, None)
    }

    /// Removes what an attempt has written on this machine.
    pub fn discard_written(&self, key: &Key, token: &Token) -> Result<()> {
        self.remove_dir(&self.dir_of(key, token))
    }

    /// Removes what [`Self::put`] has brought to an address, if that takes no longer than `most`.
    pub fn discard_put(&self, key: &Key, token: &Token, most: Option<Duration>) -> Result<()> {
        let Home::Remote { .. } = self.home else { return Ok(()) };
        let prefix = ObjectPath::from(attempt_path(key, token));
        let remove = async {
            let objects: Vec<_> = self.store.list(Some(&prefix)).try_collect().await?;
            for object in objects {
                self.store.delete(&object.location).await?;
            }
            Ok::<_, StoreError>(())
        };
        let late =
            |e: tokio::time::error::Elapsed| StoreError::Generic { store: "results", source: e.into() };
        let removed = self.wait(async {
            match most {
                Some(most) => tokio::time::timeout(most, remove).await.map_err(late)?,
                None => remove.await,
            }
        });
        removed.map_err(Error::store("remove", self.name(&prefix)))
    }

    /// Removes the directories of all attempts at a unit but of that which counts: workers that were killed have left them, and one that
    /// lives and has lost the unit finds the manifest. In object storage they stay for `reconcile`: looking for them costs a request.
    pub fn discard_others(&self, key: &Key, counts: &Token) -> Result<()> {
        let Home::Local(root) = &self.home else { return Ok(()) };
        let attempts = root.join(UNITS).join(key.as_str()).join("attempts");
        let failed = || FileError::on::<Error>("list", &attempts);
        for entry in fs::read_dir(&attempts).map_err(failed())? {
            let token = Token::parse(&entry.map_err(failed())?.file_name().to_string_lossy());
            if let Some(token) = token.filter(|token| token != counts) {
                self.discard(key, &token)?;
            }
        }
        Ok(())
    }

    /// Removes all that there is of a unit, `unit.json` last: what is left by one who is killed can still be told.
    pub fn remove(&self, key: &Key) -> Result<()> {
        let prefix = ObjectPath::from(format!("{UNITS}/{key}"));
        let unit = object(key, "unit.json");
        let removed = self.runtime.block_on(async {
            let mut paths: Vec<_> =
                self.store.list(Some(&prefix)).map_ok(|object| object.location).try_collect().await?;
            paths.sort_by_key(|path| *path == unit);
            for path in paths {
                match self.store.delete(&path).await {
                    Err(StoreError::NotFound { .. }) | Ok(()) => {}
                    Err(e) => return Err(e),
                }
            }
            Ok(())
        });
        removed.map_err(Error::store("remove", self.name(&prefix)))?;
        match &self.home {
            Home::Local(root) => self.remove_dir(&root.join(UNITS).join(key.as_str())),
            Home::Remote { .. } => Ok(()),
        }
    }

    pub(super) fn remove_dir(&self, dir: &Path) -> Result<()> {
        match fs::remove_dir_all(dir) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(FileError::on::<Error>("remove", dir)(e)),
            _ => Ok(()),
        }
    }
}
