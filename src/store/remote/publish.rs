//! Writing to an address: what stands under a final key is whole, and was read back.
//!
//! A file goes to a temporary key first, in parts where it is large. It is read back and compared, and then copied within the store to
//! its key, on the condition that nothing is there. An answer that leaves open who won is settled by what the key holds.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use futures_util::StreamExt;
use object_store::path::Path as Key;
use object_store::{
    CopyMode, CopyOptions, Error, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
};
use tokio::task::JoinSet;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::connect::{Place, connect};
use super::fault::{of_store, refused};
use super::fetch::{self, Version};
use super::runtime;
use crate::store::location::Address;

/// Bytes of a part, where the file has at most [`MAX_PARTS`] of them. All but the last have one size: some stores insist.
const PART_BYTES: u64 = 8 << 20;
/// Stores take 10,000.
const MAX_PARTS: u64 = 9_000;
/// Parts, or small files, on their way at one time.
const IN_FLIGHT: usize = 4;
const FILES_IN_FLIGHT: usize = 16;

/// Whether an object is at an address.
///
/// # Errors
/// Those of the store, but for that of an object that is not there.
pub fn exists(address: &Address) -> io::Result<bool> {
    let place = connect(address)?;
    match runtime::wait(async move { place.store.head(&place.key).await.map_err(of_store) }) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Puts the files of a local directory below an address, `last` at the end: where it is, all others are. With `replace`, an object
/// that is there is replaced; otherwise `last` must not be there.
///
/// # Errors
/// Those of the disk and of the store, the first one. `AlreadyExists` where `last` is there, with other bytes. Names of files that are
/// not UTF-8.
pub fn publish_directory(dir: &Path, to: &Address, last: &Path, replace: bool) -> io::Result<()> {
    if to.is_web() {
        return Err(refused(
            ErrorKind::Unsupported,
            "a web server is read from and not written to; give an address of a bucket",
        ));
    }
    let mut names = Vec::new();
    files_below(dir, Path::new(""), &mut names)?;
    names.retain(|name| name != last);
    let address = |name: &Path| {
        let parts = name.iter().map(|part| part.to_str());
        let parts = parts
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| refused(ErrorKind::InvalidInput, "a name that is not UTF-8; rename it"))?;
        Ok::<_, io::Error>(to.join(&parts.join("/")))
    };
    let files = names.iter().map(|name| Ok((dir.join(name), connect(&address(name)?)?)));
    let files = files.collect::<io::Result<Vec<_>>>()?;
    let (file, place) = (dir.join(last), connect(&address(last)?)?);
    runtime::wait(async move {
        let mut puts = futures_util::stream::iter(files.into_iter().map(|(file, place)| put(file, place)));
        let mut puts = puts.by_ref().buffer_unordered(FILES_IN_FLIGHT);
        while let Some(done) = puts.next().await {
            done?;
        }
        drop(puts);
        publish(file, place, replace).await
    })
}

fn files_below(dir: &Path, below: &Path, names: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => files_below(dir, &name, names)?,
            false => names.push(name),
        }
    }
    Ok(())
}

/// Puts a small file: a part of a result, which nobody reads before the last one is there.
async fn put(file: PathBuf, place: Place) -> io::Result<()> {
    if std::fs::metadata(&file)?.len() > PART_BYTES {
        return upload(file, &place).await.map(drop);
    }
    let bytes = tokio::task::block_in_place(|| std::fs::read(&file))?;
    place.store.put(&place.key, PutPayload::from(bytes)).await.map_err(of_store)?;
    Ok(())
}

/// Puts the file that makes a result complete.
async fn publish(file: PathBuf, place: Place, replace: bool) -> io::Result<()> {
    let part = Place { key: temporary(&place.key), ..place.clone() };
    let published = async {
        let want = upload(file, &part).await?;
        if digest(&part).await? != want {
            return Err(refused(
                ErrorKind::InvalidData,
                "the store gives back other bytes than were written; write it again",
            ));
        }
        match copy(&part, &place, replace).await {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                // Our own copy whose answer was lost, or the same result of another run.
                if digest(&place).await? == want { Ok(()) } else { Err(e) }
            }
            copied => copied,
        }
    };
    let published = published.await;
    // What is left of it costs money and does no harm; the first error is the one to report.
    drop(part.store.delete(&part.key).await);
    published
}

/// Copies within the store.
async fn copy(from: &Place, to: &Place, replace: bool) -> io::Result<()> {
    let mode = if replace { CopyMode::Overwrite } else { CopyMode::Create };
    let options = CopyOptions { mode, ..CopyOptions::default() };
    let answer = to.store.copy_opts(&from.key, &to.key, options).await;
    let unconditional = match &answer {
        Err(Error::NotSupported { .. } | Error::NotImplemented { .. }) => true,
        // Stores that do not know the condition, or copies as parts, answer 400 or 501.
        Err(Error::Generic { .. }) => {
            !replace && of_store_status(&answer).is_some_and(|status| matches!(status, 400 | 405 | 501))
        }
        _ => false,
    };
    if !unconditional {
        return answer.map_err(of_store);
    }
    tracing::debug!("the store has no conditional copy: what is at the key is looked at before");
    if to.store.head(&to.key).await.is_ok() {
        return Err(refused(
            ErrorKind::AlreadyExists,
            "it is there already; choose another address, or replace it",
        ));
    }
    to.store.copy(&from.key, &to.key).await.map_err(of_store)
}

fn of_store_status(answer: &object_store::Result<()>) -> Option<u16> {
    super::fault::status(&answer.as_ref().err()?.to_string())
}

/// A key beside another one that no other write has. A rule of the bucket may remove keys of this name after a day.
fn temporary(key: &Key) -> Key {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let unique = format!("{key} {now} {} {}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    Key::from(format!("{key}.{:016x}.part", xxh3_64(unique.as_bytes())))
}

/// Uploads a file; returns the hash of its bytes.
async fn upload(file: PathBuf, to: &Place) -> io::Result<u128> {
    let size = std::fs::metadata(&file)?.len();
    let part_bytes = PART_BYTES.max(size.div_ceil(MAX_PARTS).next_multiple_of(1 << 20));
    let (mut file, mut hash) = (File::open(file)?, Xxh3::new());
    if size <= part_bytes {
        let bytes = next_part(&mut file, part_bytes)?;
        hash.update(&bytes);
        let options = PutOptions { mode: PutMode::Overwrite, ..PutOptions::default() };
        to.store.put_opts(&to.key, PutPayload::from(bytes), options).await.map_err(of_store)?;
        return Ok(hash.digest128());
    }
    let mut upload =
        to.store.put_multipart_opts(&to.key, PutMultipartOptions::default()).await.map_err(of_store)?;
    let mut parts: JoinSet<object_store::Result<()>> = JoinSet::new();
    let mut fault = None;
    while fault.is_none() {
        match next_part(&mut file, part_bytes) {
            Ok(bytes) if bytes.is_empty() => break,
            Ok(bytes) => {
                hash.update(&bytes);
                parts.spawn(upload.put_part(PutPayload::from(bytes)));
            }
            Err(e) => fault = Some(e),
        }
        if parts.len() >= IN_FLIGHT
            && let Some(done) = parts.join_next().await
        {
            fault = fault.or(fault_of(done));
        }
    }
    // A part that is on its way would be left behind by an abort.
    while let Some(done) = parts.join_next().await {
        fault = fault.or(fault_of(done));
    }
    if fault.is_none() {
        fault = upload.complete().await.err().map(of_store);
    }
    let Some(fault) = fault else { return Ok(hash.digest128()) };
    if let Err(e) = upload.abort().await {
        tracing::debug!("the parts of an upload are left to the rules of the bucket: {}", of_store(e));
    }
    Err(fault)
}

fn fault_of(done: Result<object_store::Result<()>, tokio::task::JoinError>) -> Option<io::Error> {
    match done {
        Ok(part) => part.err().map(of_store),
        Err(e) => Some(io::Error::other(e)),
    }
}

/// The next bytes of a file: `bytes` of them, fewer at its end, none after it.
fn next_part(file: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    // The other connections go on meanwhile, on another thread.
    tokio::task::block_in_place(|| file.take(bytes).read_to_end(&mut part))?;
    Ok(part)
}

/// The hash of the bytes that a store has.
async fn digest(place: &Place) -> io::Result<u128> {
    let meta = place.store.head(&place.key).await.map_err(of_store)?;
    let version = Version::of(&meta);
    let (mut hash, size) = (Xxh3::new(), version.size);
    let parts = (0..size.div_ceil(PART_BYTES)).map(|part| {
        let start = part * PART_BYTES;
        fetch::range(place, &version, start..size.min(start + PART_BYTES))
    });
    let mut parts = futures_util::stream::iter(parts).buffered(IN_FLIGHT);
    while let Some(part) = parts.next().await {
        hash.update(&part?);
    }
    Ok(hash.digest128())
}
