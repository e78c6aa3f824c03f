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

mod notes;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use std::sync::{Arc, OnceLock};

use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::content::Content;
use super::error::{Error, Result};
use super::unit::{Key, Token, Unit};
use crate::store::{self, Address, FileError, Location, remote};
use crate::tour::WorkFolder;

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
    /// What of the request the result does not have, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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

    /// Whether the store refuses to create what is there. The first call tries it; a worker does so before it claims anything.
    ///
    /// # Errors
    /// A store that refuses a first object.
    pub fn creates_once(&self) -> Result<bool> {
        if let Some(known) = self.creates_once.get() {
            return Ok(*known);
        }
        let found = self.find_out()?;
        Ok(*self.creates_once.get_or_init(|| found))
    }

    /// Creates an object twice: some stores take the condition and ignore it.
    fn find_out(&self) -> Result<bool> {
        let path = ObjectPath::from(format!("probe/{}", Token::random()?));
        let (first, second) = (self.create(&path, b"1"), self.create(&path, b"2"));
        if first.is_ok() || second.is_ok() {
            let removed = self.runtime.block_on(self.store.delete(&path));
            removed.map_err(Error::store("remove", self.name(&path)))?;
        }
        let unknown = |e: &StoreError| match e {
            StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => true,
            // Stores that do not know the condition.
            e => remote::status(&e.to_string()).is_some_and(|status| matches!(status, 400 | 405 | 501)),
        };
        // The first may be there already: an answer was lost, and the request sent again.
        let first = first.or_else(|e| if is_there(&e) { Ok(()) } else { Err(e) });
        match (first, second) {
            (Ok(()), Err(e)) if is_there(&e) => Ok(true),
            (Ok(()), Ok(())) => Ok(false),
            (Err(e), _) if unknown(&e) => Ok(false),
            (Err(e), _) | (_, Err(e)) => Err(Error::store("create", self.name(&path))(e)),
        }
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

    /// The file of a manifest that is to be opened.
    pub fn main_of(&self, manifest: &Manifest) -> PathBuf {
        let path = format!("{}/{}", manifest.path, manifest.main);
        match &self.home {
            Home::Local(root) => root.join(path),
            Home::Remote { address, .. } => address.join(&path).to_path(),
        }
    }

    fn remove_dir(&self, dir: &Path) -> Result<()> {
        match fs::remove_dir_all(dir) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(FileError::on::<Error>("remove", dir)(e)),
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
        let read = async {
            let got = self.store.get(path).await?;
            match got.meta.size <= MAX_JSON_BYTES {
                true => got.bytes().await.map(Some),
                false => Ok(None),
            }
        };
        let bytes = match self.wait(read) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let problem =
                    format!("more than {MAX_JSON_BYTES} bytes; it is not of this program: remove it");
                return Err(Error::stored(self.name(path), problem));
            }
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(Error::store("read", self.name(path))(e)),
        };
        let problem = |e| format!("not of this program or version ({e}); remove it, and reconcile");
        serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::stored(self.name(path), problem(e)))
    }
}

/// Whether a store refuses to create an object because there is one.
fn is_there(error: &StoreError) -> bool {
    matches!(error, StoreError::AlreadyExists { .. } | StoreError::Precondition { .. })
}

fn json(what: &'static str, value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(Error::json(what))
}
