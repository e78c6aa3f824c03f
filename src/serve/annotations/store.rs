//! The files of marks, and who may write them.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use xxhash_rust::xxh3::xxh3_128;

use super::document::{Change, Conflict, Document, MAX_BYTES, Refused, Unread};
use super::drawn::Drawn;
use crate::pyramid::write::write_whole;
use crate::store::{LockFile, open_regular};

/// The file that the server which writes holds locked; it says which one that is.
const LOCK: &str = ".origami-writer";
/// Most bytes of a name of a file without its suffix. A longer one is cut and gets a hash.
const MAX_NAME_BYTES: usize = 180;

/// A directory of marks. A slide is named by a segment of an address, percent-encoded, which any file system takes.
pub struct Store {
    dir: PathBuf,
    /// Held by who writes: one at a time in this server. The lock is `None` while another server has it.
    lock: Mutex<Option<LockFile>>,
}

/// Why marks cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another server writes here.
    #[error("the marks of this directory are written by {0}: send changes there")]
    OtherWriter(String),
    /// The marks were drawn on another slide, as far as is known.
    #[error("{marks} marks were drawn on a slide of this name that is not known to be this one, of {} x {} pixels", drawn.width, drawn.height)]
    OtherSlide { drawn: Drawn, marks: usize },
    /// A change of all marks that is based on others than are there.
    #[error("the marks have been changed since: read them again")]
    Changed,
    /// Changes that are refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A file that this program did not write.
    #[error("{}: not a file of marks that this program wrote; move it away and import it in the viewer", .0.display())]
    Foreign(PathBuf),
    /// A file that a newer program wrote.
    #[error("{}: marks of version {version}, written by a newer origami; update this program, or move the file away", path.display())]
    Newer { path: PathBuf, version: u32 },
    /// A file error.
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    /// A file that cannot be written.
    #[error(transparent)]
    Write(#[from] crate::pyramid::Error),
}

impl Store {
    /// The marks in `dir`, which is made if it is not there. Another server may write them now; this one tries again at each change.
    ///
    /// # Errors
    /// A directory that cannot be made or written.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io { what: "write to", path: dir.into(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        let lock = acquire(dir).map_err(failed)?;
        Ok(Self { dir: dir.into(), lock: Mutex::new(lock) })
    }

    /// Bytes of the text of a slide's marks; 0 where there are none, or nobody knows.
    pub fn bytes(&self, segment: &str) -> u64 {
        fs::metadata(self.path(segment)).map_or(0, |file| file.len())
    }

    /// The text of a slide's marks; `None` where there are none.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self, segment: &str) -> Result<Option<String>, StoreError> {
        let path = self.path(segment);
        let failed = |source| StoreError::Io { what: "read", path: path.clone(), source };
        let mut text = String::new();
        match open_regular(&path) {
            Ok(file) => file.take(2 * MAX_BYTES as u64).read_to_string(&mut text).map_err(failed)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        Ok(Some(text))
    }

    /// A slide's marks, whatever slide they were drawn on.
    ///
    /// # Errors
    /// A file that cannot be read, is none of ours, or a newer program's.
    pub fn document(&self, segment: &str, slide: &Drawn) -> Result<Document, StoreError> {
        let Some(text) = self.read(segment)? else { return Ok(Document::new(slide.clone())) };
        Document::parse(&text).map_err(|unread| match unread {
            Unread::Foreign => StoreError::Foreign(self.path(segment)),
            Unread::Newer(version) => StoreError::Newer { path: self.path(segment), version },
        })
    }

    /// Makes changes; `adopt` says that marks of another slide belong on this one. Returns the changes that were not made, and what is
    /// stored now.
    ///
    /// # Errors
    /// Changes that are refused; another writer; marks of another slide; a full disk. Then nothing has changed.
    pub fn change(
        &self,
        segment: &str,
        slide: &Drawn,
        adopt: bool,
        changes: impl FnOnce(&Document) -> Result<Vec<Change>, StoreError>,
    ) -> Result<(Vec<Conflict>, Document), StoreError> {
        let mut lock = self.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if lock.is_none() {
            let failed = |source| StoreError::Io { what: "lock", path: self.dir.join(LOCK), source };
            *lock = acquire(&self.dir).map_err(failed)?;
        }
        if lock.is_none() {
            return Err(StoreError::OtherWriter(writer(&self.dir)));
        }
        let mut document = self.document(segment, slide)?;
        let before = document.revision();
        if document.slide().is_same(slide) {
            document.learn(slide);
        } else if adopt || document.belongs_on(slide) {
            document.adopt(slide.clone());
        } else {
            return Err(StoreError::OtherSlide { drawn: document.slide().clone(), marks: document.count() });
        }
        let changes = changes(&document)?;
        let conflicts = document.apply(changes, now_ms())?;
        if document.revision() != before {
            write_whole(&self.path(segment), document.to_text().as_bytes())?;
        }
        Ok((conflicts, document))
    }

    /// Whether another server writes these marks now, so that a change here would be refused. Takes nothing over.
    pub fn has_other_writer(&self) -> bool {
        // Who holds it is making a change of this server.
        let is_own = self.lock.try_lock().map_or(true, |lock| lock.is_some());
        !is_own && LockFile::is_held(&self.dir.join(LOCK))
    }

    fn path(&self, segment: &str) -> PathBuf {
        let mut file = segment.to_string();
        if file.len() > MAX_NAME_BYTES {
            file.truncate(MAX_NAME_BYTES - 33);
            file = format!("{file}-{:032x}", xxh3_128(segment.as_bytes()));
        }
        // No file is hidden, nor the lock.
        if file.starts_with('.') {
            file.replace_range(..1, "%2E");
        }
        self.dir.join(file + ".geojson")
    }
}

/// Locks the directory and says in the file who did; `None` where another server has it.
fn acquire(dir: &Path) -> io::Result<Option<LockFile>> {
    let Some(lock) = LockFile::acquire(&dir.join(LOCK))? else { return Ok(None) };
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "this machine" } else { host.trim() };
    let mut file = lock.file();
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "the server of process {} on {host}", std::process::id())?;
    Ok(Some(lock))
}

/// Who writes in a directory.
fn writer(dir: &Path) -> String {
    let text = fs::read_to_string(dir.join(LOCK)).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() { "another server".into() } else { line.into() }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slide() -> Drawn {
        Drawn::new(30, 20, Vec::new())
    }

    fn mark(id: &str) -> Change {
        let feature = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}});
        Change { id: id.into(), revision: 0, feature: Some(feature) }
    }

    fn put(store: &Store, name: &str, id: &str) -> Result<(Vec<Conflict>, Document), StoreError> {
        store.change(name, &slide(), false, |_| Ok(vec![mark(id)]))
    }

    #[test]
    fn each_slide_has_a_file_of_its_own_whatever_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let long = "%C3%A4".repeat(200);
        let names = ["a", "a%2Fb", "..", ".origami-writer", "a%20b", "a%2520b", &long, &format!("{long}x")];
        for (at, name) in names.iter().enumerate() {
            put(&store, name, &at.to_string()).unwrap();
        }
        for (at, name) in names.iter().enumerate() {
            let document = store.document(name, &slide()).unwrap();
            assert_eq!((document.count(), document.get(&at.to_string()).is_some()), (1, true), "{name}");
        }
        let files = fs::read_dir(dir.path())
            .unwrap()
            .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".geojson"));
        assert_eq!(files.count(), names.len());
    }

    #[test]
    fn one_server_writes_a_directory_and_the_other_says_which() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (Store::open(dir.path()).unwrap(), Store::open(dir.path()).unwrap());
        put(&first, "a", "1").unwrap();
        let error = put(&second, "a", "2").unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert_eq!((first.has_other_writer(), second.has_other_writer()), (false, true));
        // It reads what the first one writes, and takes over when that has ended.
        assert_eq!(second.document("a", &slide()).unwrap().count(), 1);
        drop(first);
        assert!(!second.has_other_writer());
        // A file that a writer left when it was killed is no writer.
        fs::write(dir.path().join(LOCK), "the server of process 1 on nothing").unwrap();
        assert!(!second.has_other_writer());
        assert_eq!(put(&second, "a", "2").unwrap().1.count(), 2);
    }

    #[test]
    fn marks_of_another_slide_are_kept_until_they_are_adopted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        put(&store, "a", "1").unwrap();
        let other = Drawn::new(31, 20, Vec::new());
        let change = |adopt| store.change("a", &other, adopt, |_| Ok(vec![mark("2")]));
        let error = change(false).unwrap_err().to_string();
        assert!(
            error.contains("1 marks were drawn on a slide of this name that is not known to be this one")
                && error.contains("30 x 20"),
            "{error}"
        );
        assert_eq!(store.document("a", &other).unwrap().slide(), &slide());
        assert_eq!(change(true).unwrap().1.count(), 2);
        assert_eq!(store.document("a", &other).unwrap().slide(), &other);
    }

    #[test]
    fn a_file_of_another_program_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let path = dir.path().join("a.geojson");
        fs::write(&path, "{\"type\":\"FeatureCollection\",\"features\":[]}").unwrap();
        let error = put(&store, "a", "1").unwrap_err().to_string();
        assert!(
            error.contains(path.to_str().unwrap()) && error.contains("import it in the viewer"),
            "{error}"
        );
        assert!(fs::read_to_string(&path).unwrap().ends_with("\"features\":[]}"));
    }
}
