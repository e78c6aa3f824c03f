//! Where results lie, and which of them count.
//!
//! ```text
//! units/KEY/unit.json                what is to be done, from the first submit
//! units/KEY/attempts/TOKEN/...       the files of an attempt
//! units/KEY/manifest.json            which attempt counts; created once
//! ```
//!
//! An attempt writes its files under its own token, reads them back, and creates the manifest, which the store refuses where one is.
//! So a unit has at most one manifest, and the files of a manifest are whole. Everything else is left over, and may be removed.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::content::Content;
use super::error::{Error, Result};
use super::unit::{Key, Token, Unit};
use crate::archive::store::FileError;

/// The directory of all units.
const UNITS: &str = "units";
/// Largest unit or manifest that is read.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// The record of the attempt that counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this object.
    pub schema: u32,
    /// What was done.
    pub unit: Unit,
    /// The attempt that counts.
    pub attempt: Token,
    /// Its worker.
    pub worker: String,
    /// Where its files lie, below the place of the results.
    pub path: String,
    /// The file to open, below `path`.
    pub main: String,
    /// Its files.
    pub content: Content,
    /// Families of the unit.
    pub families: u64,
    /// Pixels of its finest level.
    pub pixels: u64,
}

/// Version of manifests.
pub const MANIFEST_SCHEMA: u32 = 1;

/// What became of an attempt to publish.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// Its manifest is the one.
    Won,
    /// Another attempt's is.
    Lost(Box<Manifest>),
}

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

/// The place of the results.
pub struct Results {
    place: String,
    root: PathBuf,
    store: LocalFileSystem,
    runtime: Runtime,
}

fn object(key: &Key, name: &str) -> ObjectPath {
    ObjectPath::from(format!("{UNITS}/{key}/{name}"))
}

fn attempt_path(key: &Key, token: &Token) -> String {
    format!("{UNITS}/{key}/attempts/{token}")
}

impl Results {
    /// Opens a place: a directory, which is made if it is not there.
    ///
    /// # Errors
    /// A directory that cannot be made or opened.
    pub fn open(place: &Path) -> Result<Self> {
        fs::create_dir_all(place).map_err(FileError::on::<Error>("create", place))?;
        let root = fs::canonicalize(place).map_err(FileError::on::<Error>("open", place))?;
        let store = LocalFileSystem::new_with_prefix(&root).map_err(Error::store("open", root.display()))?;
        let store = store.with_automatic_cleanup(true).with_fsync(true);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("origami-results")
            .build()
            .map_err(Error::NoThreads)?;
        Ok(Self { place: root.display().to_string(), root, store, runtime })
    }

    /// Its name, which is the same for everybody who opens it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Says what is to be done, where nobody has said so.
    ///
    /// # Errors
    /// A store that refuses. So of every call here.
    pub fn announce(&self, unit: &Unit) -> Result<()> {
        let path = object(&unit.key, "unit.json");
        match self.create(&path, &json("a unit", unit)?) {
            Err(Error::Store { source: object_store::Error::AlreadyExists { .. }, .. }) => Ok(()),
            other => other,
        }
    }

    /// What was announced of a unit.
    pub fn unit(&self, key: &Key) -> Result<Option<Unit>> {
        let unit: Option<Unit> = self.read(&object(key, "unit.json"))?;
        match unit {
            Some(unit) if unit.key != *key => {
                let problem = format!("it is of unit {}; remove it, and submit its slide again", unit.key);
                Err(Error::stored(self.name(&object(key, "unit.json")), problem))
            }
            unit => Ok(unit),
        }
    }

    /// The manifest of a unit: it is done.
    pub fn manifest(&self, key: &Key) -> Result<Option<Manifest>> {
        self.read(&object(key, "manifest.json"))
    }

    /// Where an attempt writes its files: a directory on this machine, which is empty.
    pub fn begin(&self, key: &Key, token: &Token) -> Result<PathBuf> {
        let dir = self.root.join(attempt_path(key, token));
        fs::create_dir_all(&dir).map_err(FileError::on::<Error>("create", &dir))?;
        Ok(dir)
    }

    /// Where the files of an attempt lie, below the place of the results.
    pub fn path_of(&self, key: &Key, token: &Token) -> String {
        attempt_path(key, token)
    }

    /// Creates the manifest, unless there is one. An answer that got lost is no failure: who reads its own token has won.
    pub fn publish(&self, manifest: &Manifest) -> Result<Published> {
        let path = object(&manifest.unit.key, "manifest.json");
        let Err(refused) = self.create(&path, &json("a manifest", manifest)?) else {
            return Ok(Published::Won);
        };
        match self.manifest(&manifest.unit.key)? {
            Some(winner) if winner.attempt == manifest.attempt => Ok(Published::Won),
            Some(winner) => Ok(Published::Lost(Box::new(winner))),
            None => Err(refused),
        }
    }

    /// Removes the files of an attempt that does not count.
    pub fn discard(&self, key: &Key, token: &Token) -> Result<()> {
        let dir = self.root.join(attempt_path(key, token));
        match fs::remove_dir_all(&dir) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(FileError::on::<Error>("remove", &dir)(e)),
            _ => Ok(()),
        }
    }

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
        let units = self.root.join(UNITS);
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

    fn name(&self, path: &ObjectPath) -> String {
        format!("{}/{path}", self.place)
    }

    fn create(&self, path: &ObjectPath, bytes: &[u8]) -> Result<()> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.store.put_opts(path, PutPayload::from(bytes.to_vec()), options);
        self.runtime.block_on(put).map(drop).map_err(Error::store("create", self.name(path)))
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, path: &ObjectPath) -> Result<Option<T>> {
        let read = async {
            let got = self.store.get(path).await?;
            match got.meta.size <= MAX_JSON_BYTES {
                true => got.bytes().await.map(Some),
                false => Ok(None),
            }
        };
        let bytes = match self.runtime.block_on(read) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let problem =
                    format!("more than {MAX_JSON_BYTES} bytes; it is not of this program: remove it");
                return Err(Error::stored(self.name(path), problem));
            }
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(Error::store("read", self.name(path))(e)),
        };
        let problem = |e| format!("not of this program or version ({e}); remove it, and reconcile");
        serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::stored(self.name(path), problem(e)))
    }
}

fn json(what: &'static str, value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(Error::json(what))
}
