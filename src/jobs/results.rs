//! Where results lie, and which of them count.
//!
//! ```text
//! units/KEY/unit.json                what is to be done, from the first submit
//! units/KEY/attempts/TOKEN/...       the files of an attempt
//! units/KEY/manifest.json            which attempt counts; created once
//! notes/...                          what the render service keeps of its jobs
//! ```
//!
//! An attempt writes its files under its own token, reads them back, and creates the manifest, which the store refuses where one is.
//! So a unit has at most one manifest, and the files of a manifest are whole. Everything else is left over, and may be removed.

mod conditions;
mod listing;
mod manifest;
mod notes;
mod removal;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::error::{Error, Result};
use super::unit::{Key, Token, UNIT_VERSION, Unit};
use crate::store::{self, Address, FileError, Location, remote};
use crate::tour::WorkFolder;
pub use manifest::{MANIFEST_SCHEMA, Manifest, Published};

/// The directory of all units.
const UNITS: &str = "units";
/// Largest unit, manifest or note that is read, and that is written.
const MAX_JSON_BYTES: u64 = 1 << 20;
/// Largest one that is written for people, with a line for each value: lines may take sixty times as much.
const MAX_READABLE_BYTES: usize = 4 << 10;

/// The place of the results.
pub struct Results {
    place: String,
    home: Home,
    store: Arc<dyn ObjectStore>,
    /// Whether the store refuses to create what is there, once it is known.
    creates_once: OnceLock<bool>,
    runtime: Runtime,
}

/// Where attempts write.
enum Home {
    /// In place.
    Local(PathBuf),
    /// On this machine first, and then below an address.
    Remote { scratch: PathBuf, folder: OnceLock<WorkFolder>, address: Address },
}

fn object(key: &Key, name: &str) -> ObjectPath {
    ObjectPath::from(format!("{UNITS}/{key}/{name}"))
}

fn attempt_path(key: &Key, token: &Token) -> String {
    format!("{UNITS}/{key}/attempts/{token}")
}

impl Results {
    /// Opens a place: a directory, which is made if it is not there, or an address of object storage. Attempts at results of an address
    /// write to a directory of this process in `scratch` first; those of processes that were killed go.
    ///
    /// # Errors
    /// A directory that cannot be made or opened; an address that cannot be one, or that is not written to.
    pub fn open(place: &Path, scratch: &Path) -> Result<Self> {
        let at = |source| FileError { action: "open", path: place.into(), source };
        match Location::parse(place).map_err(|e| at(e.into()))? {
            Location::Local(dir) => Self::open_local(&dir),
            Location::Address(address) => {
                if address.is_web() {
                    let problem = "a web server is read from and not written to; give an address of a bucket";
                    return Err(Error::stored(&address, problem));
                }
                let connected = remote::connect(&address).map_err(at)?;
                let store = PrefixStore::new(connected.store, connected.key);
                let (scratch, folder) = (scratch.to_path_buf(), OnceLock::new());
                let home = Home::Remote { scratch, folder, address: address.clone() };
                Self::new(address.to_string(), home, Arc::new(store), OnceLock::new())
            }
        }
    }

    fn open_local(place: &Path) -> Result<Self> {
        fs::create_dir_all(place).map_err(FileError::on::<Error>("create", place))?;
        let root = fs::canonicalize(place).map_err(FileError::on::<Error>("open", place))?;
        let store = LocalFileSystem::new_with_prefix(&root).map_err(Error::store("open", root.display()))?;
        let store = store.with_fsync(true);
        Self::new(root.display().to_string(), Home::Local(root), Arc::new(store), OnceLock::from(true))
    }

    fn new(
        place: String,
        home: Home,
        store: Arc<dyn ObjectStore>,
        creates_once: OnceLock<bool>,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("origami-results")
            .enable_all()
            .build()
            .map_err(Error::NoThreads)?;
        Ok(Self { place, home, store, creates_once, runtime })
    }

    /// Its name, which is the same for everybody who opens it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Says what is to be done, where nobody has said so, or has said so of a source that lies elsewhere now.
    ///
    /// # Errors
    /// A store that refuses. So of every call here.
    pub fn announce(&self, unit: &Unit) -> Result<()> {
        let path = object(&unit.key, "unit.json");
        let bytes = json("a unit", unit)?;
        if !self.creates_once()? {
            // The key decides what the object holds, so that it may be written twice.
            let put = self.store.put(&path, PutPayload::from(bytes));
            return self.runtime.block_on(put).map(drop).map_err(Error::store("write", self.name(&path)));
        }
        match self.create(&path, &bytes) {
            Ok(()) => Ok(()),
            Err(e) if is_there(&e) => {
                let moved = self.unit(&unit.key)?.is_some_and(|known| known.source != unit.source);
                let put = || self.runtime.block_on(self.store.put(&path, PutPayload::from(bytes))).map(drop);
                if moved { put().map_err(Error::store("write", self.name(&path))) } else { Ok(()) }
            }
            Err(e) => Err(Error::store("create", self.name(&path))(e)),
        }
    }

    /// What was announced of a unit.
    pub fn unit(&self, key: &Key) -> Result<Option<Unit>> {
        let unit: Option<Unit> = self.read_version(&object(key, "unit.json"), "version", UNIT_VERSION)?;
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
        self.read_version(&object(key, "manifest.json"), "schema", MANIFEST_SCHEMA)
    }

    /// Where an attempt writes its files: a directory on this machine, which is empty.
    pub fn begin(&self, key: &Key, token: &Token) -> Result<PathBuf> {
        if let Home::Remote { scratch, folder, .. } = &self.home
            && folder.get().is_none()
        {
            fs::create_dir_all(scratch).map_err(FileError::on::<Error>("create", scratch))?;
            // What another thread has made meanwhile counts; ours goes.
            drop(folder.set(WorkFolder::new(scratch).map_err(FileError::on::<Error>("write", scratch))?));
        }
        let dir = self.dir_of(key, token);
        fs::create_dir_all(&dir).map_err(FileError::on::<Error>("create", &dir))?;
        Ok(dir)
    }

    fn dir_of(&self, key: &Key, token: &Token) -> PathBuf {
        match &self.home {
            Home::Local(root) => root.join(attempt_path(key, token)),
            Home::Remote { scratch, folder, .. } => {
                folder.get().map_or(&**scratch, WorkFolder::path).join(token.as_str())
            }
        }
    }

    /// Puts the files of an attempt to where they belong, the `main` one last; it is read back there.
    pub fn put(&self, key: &Key, token: &Token, main: &str) -> Result<()> {
        let Home::Remote { address, .. } = &self.home else { return Ok(()) };
        let (dir, to) = (self.dir_of(key, token), address.join(&attempt_path(key, token)));
        let put = store::publish_directory(&dir, &to, Path::new(main), false);
        put.map_err(FileError::on::<Error>("write", &to.to_path()))?;
        self.remove_dir(&dir)
    }

    /// Where the files of an attempt lie, below the place of the results.
    pub fn path_of(&self, key: &Key, token: &Token) -> String {
        attempt_path(key, token)
    }

    /// Where all of a unit lies, below the place of the results.
    pub fn path_of_unit(&self, key: &Key) -> String {
        format!("{UNITS}/{key}")
    }

    /// Creates the manifest, unless there is one. An answer that got lost is no failure: who reads its own token has won.
    ///
    /// Where the store cannot do that, `elect` decides: of all manifests of a unit that it is given it returns the first, always. Whoever
    /// has that one writes it, since its attempt may be gone.
    pub fn publish(
        &self,
        manifest: &Manifest,
        elect: &dyn Fn(&Key, &str) -> Result<String>,
    ) -> Result<Published> {
        let (key, text) = (&manifest.unit.key, json("a manifest", manifest)?);
        let path = object(key, "manifest.json");
        if !self.creates_once()? {
            let elected = elect(key, &String::from_utf8_lossy(&text))?;
            let put = self.store.put(&path, PutPayload::from(elected.into_bytes()));
            self.wait(put).map_err(Error::store("write", self.name(&path)))?;
        } else if let Err(refused) = self.create(&path, &text)
            && self.manifest(key)?.is_none()
        {
            return Err(Error::store("create", self.name(&path))(refused));
        }
        match self.manifest(key)? {
            Some(winner) if winner.attempt == manifest.attempt => Ok(Published::Won),
            Some(winner) => Ok(Published::Lost(Box::new(winner))),
            None => {
                Err(Error::stored(self.name(&path), "it was written and is not there; look at the store"))
            }
        }
    }

    /// The file of a manifest that is to be opened.
    pub fn main_of(&self, manifest: &Manifest) -> PathBuf {
        let path = format!("{}/{}", manifest.path, manifest.main);
        match &self.home {
            Home::Local(root) => root.join(path),
            Home::Remote { address, .. } => address.join(&path).to_path(),
        }
    }

    fn name(&self, path: &ObjectPath) -> String {
        format!("{}/{path}", self.place)
    }

    /// Creates an object where none is.
    fn create(&self, path: &ObjectPath, bytes: &[u8]) -> Result<(), StoreError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.store.put_opts(path, PutPayload::from(bytes.to_vec()), options);
        self.wait(put).map(drop)
    }

    /// Waits for an answer of the store, as long as somebody wants it.
    fn wait<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let given_up =
            |source: std::io::Error| StoreError::Generic { store: "results", source: source.into() };
        self.runtime.block_on(remote::while_wanted(async { Ok(answer.await) })).map_err(given_up)?
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, path: &ObjectPath) -> Result<Option<T>> {
        self.bytes(path)?
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|e| self.foreign(path, &e)))
            .transpose()
    }

    /// The same of an object whose `field` says its version, of which this program knows those up to `newest`.
    fn read_version<T: for<'de> Deserialize<'de>>(
        &self,
        path: &ObjectPath,
        field: &str,
        newest: u32,
    ) -> Result<Option<T>> {
        let Some(value) = self.read::<Value>(path)? else { return Ok(None) };
        let version = value.get(field).and_then(Value::as_u64);
        if let Some(version) = version.filter(|&version| version > newest.into()) {
            let problem = format!("version {version}, written by a newer origami; update this program");
            return Err(Error::stored(self.name(path), problem));
        }
        serde_json::from_value(value).map(Some).map_err(|e| self.foreign(path, &e))
    }

    fn foreign(&self, path: &ObjectPath, error: &serde_json::Error) -> Error {
        let problem = format!("not of this program or version ({error}); remove it, and reconcile");
        Error::stored(self.name(path), problem)
    }

    fn bytes(&self, path: &ObjectPath) -> Result<Option<Bytes>> {
        let read = async {
            let got = self.store.get(path).await?;
            match got.meta.size <= MAX_JSON_BYTES {
                true => got.bytes().await.map(Some),
                false => Ok(None),
            }
        };
        match self.wait(read) {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => {
                let problem =
                    format!("more than {MAX_JSON_BYTES} bytes; it is not of this program: remove it");
                Err(Error::stored(self.name(path), problem))
            }
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(e) => Err(Error::store("read", self.name(path))(e)),
        }
    }
}

/// Whether a store refuses to create an object because there is one.
fn is_there(error: &StoreError) -> bool {
    matches!(error, StoreError::AlreadyExists { .. } | StoreError::Precondition { .. })
}

/// A value as it is written: no larger than what is read.
fn json(what: &'static str, value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value).map_err(Error::json(what))?;
    if bytes.len() <= MAX_READABLE_BYTES {
        bytes = serde_json::to_vec_pretty(value).map_err(Error::json(what))?;
    }
    match bytes.len() as u64 {
        ..=MAX_JSON_BYTES => Ok(bytes),
        length => Err(Error::TooLarge { what, bytes: length, most: MAX_JSON_BYTES }),
    }
}
