//! Requests for ranges of bytes of one version of an object.
//!
//! The version is pinned by the ETag: every request carries it, and every reply must name it, and the range and size that were asked
//! for. A body that breaks off goes on from the next byte. Nothing of another version is ever mixed in.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, ObjectStoreExt};
use tokio::sync::Semaphore;

use super::connect::Place;
use super::fault::{changed, of_store, refused};

/// Requests at one time, of all objects: beyond that a server is slower, not faster.
const MAX_REQUESTS: usize = 64;
static PERMITS: Semaphore = Semaphore::const_new(MAX_REQUESTS);

/// Most requests for the rest of one body. The store's own tries are within each.
const MAX_BODIES: u32 = 5;

/// Which content an object has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Bytes of the object.
    pub size: u64,
    /// The store's name of the content, where it gives one.
    pub etag: Option<String>,
    /// Time of the last change, in microseconds since 1970; of a server that does not say, any value that stays.
    pub modified_us: i64,
}

impl Version {
    /// The version that a reply tells of.
    pub fn of(meta: &ObjectMeta) -> Self {
        // Some listings leave out the quotation marks that a header has.
        let quoted = |etag: &String| if etag.ends_with('"') { etag.clone() } else { format!("\"{etag}\"") };
        let etag = meta.e_tag.as_ref().map(quoted);
        Self { size: meta.size, etag, modified_us: meta.last_modified.timestamp_micros() }
    }

    /// Whether both are of the same content: by a strong ETag alone, since a listing may tell the time more finely than a reply.
    fn is_same(&self, other: &Self) -> bool {
        let is_strong = self.condition().is_some();
        self.size == other.size
            && self.etag == other.etag
            && (is_strong || self.modified_us == other.modified_us)
    }

    /// Time of the last change, where the store says one.
    pub fn modified(&self) -> Option<SystemTime> {
        let micros = u64::try_from(self.modified_us).ok().filter(|&us| us > 0)?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros))
    }

    /// The ETag for a condition. A weak one (`W/"..."`) fits no condition on ranges; it is only compared.
    fn condition(&self) -> Option<String> {
        self.etag.clone().filter(|etag| !etag.starts_with("W/"))
    }
}

/// The first bytes of an object, at most `bytes`, and its version: one request.
///
/// # Errors
/// Those of the store.
pub async fn start(place: &Place, bytes: u64) -> io::Result<(Version, Vec<u8>)> {
    let options = GetOptions { range: Some(GetRange::Bounded(0..bytes)), ..GetOptions::default() };
    let permit = PERMITS.acquire().await.map_err(io::Error::other)?;
    let reply = match place.store.get_opts(&place.key, options).await.map_err(of_store) {
        // A range of an object without bytes cannot be satisfied.
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
            let head = GetOptions { head: true, ..GetOptions::default() };
            let meta = place.store.get_opts(&place.key, head).await.map_err(of_store)?.meta;
            return if meta.size == 0 { Ok((Version::of(&meta), Vec::new())) } else { Err(e) };
        }
        reply => reply?,
    };
    let version = Version::of(&reply.meta);
    let want = 0..bytes.min(version.size);
    let mut got = Vec::with_capacity(want.end as usize);
    let body = body(reply, &want, &mut got).await;
    drop(permit);
    if body.is_err() {
        rest(place, &version, &want, &mut got).await?;
    }
    Ok((version, got))
}

/// The version that an object has now; `None` where there is no object. One request.
///
/// # Errors
/// Those of the store, but for that of an object that is not there.
pub async fn version(place: &Place) -> io::Result<Option<Version>> {
    let permit = PERMITS.acquire().await.map_err(io::Error::other)?;
    let head = place.store.head(&place.key).await;
    drop(permit);
    match head.map_err(of_store) {
        Ok(meta) => Ok(Some(Version::of(&meta))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The bytes of a range.
///
/// # Errors
/// Those of the store; [`changed`] for an object that is not that version any more.
pub async fn range(place: &Place, version: &Version, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut got = Vec::with_capacity((range.end - range.start) as usize);
    rest(place, version, &range, &mut got).await?;
    Ok(got)
}

/// Requests what `got` lacks of a range, until it is whole.
async fn rest(place: &Place, version: &Version, range: &Range<u64>, got: &mut Vec<u8>) -> io::Result<()> {
    let mut tries = 0;
    loop {
        let want = range.start + got.len() as u64..range.end;
        if want.is_empty() {
            return Ok(());
        }
        let permit = PERMITS.acquire().await.map_err(io::Error::other)?;
        let options = GetOptions {
            range: Some(GetRange::Bounded(want.clone())),
            if_match: version.condition(),
            ..GetOptions::default()
        };
        let reply = place.store.get_opts(&place.key, options).await.map_err(of_store)?;
        if !version.is_same(&Version::of(&reply.meta)) {
            return Err(changed());
        }
        let whole = body(reply, &want, got).await;
        drop(permit);
        let Err(fault) = whole else { return Ok(()) };
        tries += 1;
        if tries >= MAX_BODIES || fault.kind() == ErrorKind::InvalidData {
            return Err(fault);
        }
        if version.etag.is_none() {
            // Nothing proves that the next body is of the same content as this one.
            got.clear();
        }
        tokio::time::sleep(Duration::from_millis(50 << tries)).await;
    }
}

/// Appends the body of a reply, which must be the range `want`.
async fn body(reply: GetResult, want: &Range<u64>, got: &mut Vec<u8>) -> io::Result<()> {
    if reply.range != *want {
        return Err(refused(
            ErrorKind::InvalidData,
            "the server sent another range than was asked for; use one that follows HTTP",
        ));
    }
    let whole = got.len() as u64 + (want.end - want.start);
    let mut parts = reply.into_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(of_store)?;
        if got.len() as u64 + part.len() as u64 > whole {
            return Err(refused(
                ErrorKind::InvalidData,
                "the server sent more bytes than it announced; use one that follows HTTP",
            ));
        }
        got.extend_from_slice(&part);
    }
    if (got.len() as u64) < whole {
        return Err(refused(
            ErrorKind::ConnectionAborted,
            "the reply of the store broke off again and again; try again later",
        ));
    }
    Ok(())
}
