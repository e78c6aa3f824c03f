//! The files below an address: looked up once, then read whole, one request each, at the version that was found.
//!
//! A bucket lists them. A web server lists nothing: of names that could be there it is asked which are.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt, Shared, join_all};

use super::connect::{Place, connect};
use super::fault::{Failure, refused};
use super::fetch::{self, Version};
use super::{blocks, list, runtime};
use crate::store::arrival::Arrival;
use crate::store::location::{Address, Scheme};

/// Most names that a web server is asked about: each is a request.
const MAX_ASKED: usize = 100_000;
/// Requests about names at one time.
const ASKED_AT_ONCE: usize = 32;

/// What lies below an address, by name.
pub struct Files {
    root: Address,
    versions: BTreeMap<String, Arc<Version>>,
    ahead: Mutex<Ahead>,
}

/// A file that was asked for: one who announced it and one who reads it may wait.
type Flight = Shared<BoxFuture<'static, Result<Bytes, Failure>>>;

/// Files that are on their way before anybody waits for them.
#[derive(Default)]
struct Ahead {
    flights: HashMap<String, Flight>,
    bytes: u64,
}

impl Files {
    /// Whether what lies below an address can be listed.
    pub fn can_list(root: &Address) -> bool {
        !matches!(root.scheme(), Scheme::Http | Scheme::Https)
    }

    /// All that lies below an address.
    ///
    /// # Errors
    /// Those of the store; a web server.
    pub fn list(root: &Address) -> io::Result<Self> {
        if !Self::can_list(root) {
            return Err(refused(
                ErrorKind::Unsupported,
                "a web server lists nothing; name a descriptor (.dzi, .szi, ImageProperties.xml, info.json), or copy the tree to a bucket",
            ));
        }
        let prefix = if root.key().is_empty() { String::new() } else { format!("{}/", root.key()) };
        let found = list::list(root)?.into_iter().filter_map(|object| {
            let name = object.address.key().strip_prefix(&prefix)?.to_string();
            Some((name, Arc::new(object.version)))
        });
        Ok(Self::of(root, found.collect()))
    }

    /// Those of `names` that are there, each asked for by a request of its own.
    ///
    /// # Errors
    /// Those of the store; more names than a server should be asked about.
    pub fn ask(root: &Address, names: impl IntoIterator<Item = String>) -> io::Result<Self> {
        let names: Vec<_> = names.into_iter().take(MAX_ASKED + 1).collect();
        if names.len() > MAX_ASKED {
            let text = format!(
                "a web server lists nothing, and the tree has more than {MAX_ASKED} tiles to ask for; copy it to a bucket, or give an .szi"
            );
            return Err(refused(ErrorKind::QuotaExceeded, text));
        }
        let places = names.into_iter().map(|name| Ok((connect(&root.join(&name))?, name)));
        let places = places.collect::<io::Result<Vec<_>>>()?;
        let found = runtime::wait(async move {
            let asked = places.into_iter().map(|(place, name)| async move {
                Ok::<_, io::Error>(fetch::version(&place).await?.map(|version| (name, Arc::new(version))))
            });
            let mut asked = futures_util::stream::iter(asked).buffer_unordered(ASKED_AT_ONCE);
            let mut found = BTreeMap::new();
            while let Some(answer) = asked.next().await {
                found.extend(answer?);
            }
            Ok(found)
        })?;
        Ok(Self::of(root, found))
    }

    fn of(root: &Address, versions: BTreeMap<String, Arc<Version>>) -> Self {
        Self { root: root.clone(), versions, ahead: Mutex::default() }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.versions.keys().map(String::as_str)
    }

    /// The version of a file; `None` for one that is not there.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.get(name).map(Arc::as_ref)
    }

    /// Whether a file lies below `name` and a slash.
    pub fn has_below(&self, name: &str) -> bool {
        let prefix = format!("{name}/");
        let next = self.versions.range(prefix.clone()..).next();
        next.is_some_and(|(found, _)| found.starts_with(&prefix))
    }

    /// The bytes of a file, of the version that was found.
    ///
    /// # Errors
    /// `NotFound` for one that was not there; a file that was replaced or removed since; those of the store.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let Some(version) = self.versions.get(name) else {
            return Err(refused(ErrorKind::NotFound, "there is no such object; check the address"));
        };
        let ahead = {
            let mut ahead = self.ahead();
            let flight = ahead.flights.remove(name);
            ahead.bytes -= if flight.is_some() { version.size } else { 0 };
            flight
        };
        match ahead {
            Some(flight) => runtime::block_on(async { Ok(flight.await?.into()) }),
            None => runtime::wait(whole(connect(&self.root.join(name))?, version.clone())),
        }
    }

    /// Fetches files ahead, as far as [`blocks::ahead_bytes`] allows. What is not read is dropped with the whole. The arrival is of all of
    /// them, also of those that were announced before.
    pub fn will_read<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Arrival {
        let (mut ahead, mut bytes, mut coming) = (self.ahead(), 0, Vec::new());
        for name in names {
            let Some(version) = self.versions.get(name) else { continue };
            if let Some(flight) = ahead.flights.get(name) {
                coming.push(flight.clone());
                continue;
            }
            if ahead.bytes + version.size > blocks::ahead_bytes() {
                break;
            }
            // Whoever reads it learns why not.
            let Ok(flight) = self.fly(name, version) else { break };
            ahead.bytes += version.size;
            bytes += version.size;
            coming.push(flight.clone());
            ahead.flights.insert(name.into(), flight);
        }
        if coming.is_empty() {
            return Arrival::default();
        }
        let all = runtime::while_wanted(async move {
            join_all(coming).await;
            Ok(())
        });
        Arrival::of(bytes, async move { drop(all.await) })
    }

    fn fly(&self, name: &str, version: &Arc<Version>) -> io::Result<Flight> {
        let task = runtime::spawn(whole(connect(&self.root.join(name))?, version.clone()))?;
        let flight = async {
            let read = task.await.unwrap_or_else(|e| Err(io::Error::other(e)));
            read.map(Bytes::from).map_err(Failure::from)
        };
        Ok(flight.boxed().shared())
    }

    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of an object.
async fn whole(place: Place, version: Arc<Version>) -> io::Result<Vec<u8>> {
    match fetch::range(&place, &version, 0..version.size).await {
        // A tile that was there must not be taken for one that never was.
        Err(e) if e.kind() == ErrorKind::NotFound => {
            Err(refused(ErrorKind::ResourceBusy, "it was removed after it was listed; run this again"))
        }
        read => read,
    }
}
