//! What lies below an address.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use object_store::ObjectMeta;

use super::connect::{Place, connect};
use super::fault::{of_store, refused};
use super::fetch::Version;
use super::runtime;
use super::settings::settings;
use crate::store::location::Address;

/// Most objects of one listing: beyond it a prefix is too wide to be looked at whole.
const MAX_OBJECTS: usize = 1_000_000;
/// Most tries of a listing whose reply breaks off.
const MAX_TRIES: u32 = 5;

/// An object below an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its address.
    pub address: Address,
    /// Its content.
    pub version: Version,
}

/// All objects below an address, by key.
///
/// # Errors
/// Those of the store; more than a million objects; a web server, which lists nothing unless it speaks WebDAV.
pub fn list(address: &Address) -> io::Result<Vec<Listed>> {
    let place = connect(address)?;
    let found = runtime::wait(async move { again(|| all_below(&place)).await })?;
    Ok(sorted(address, &found))
}

async fn all_below(place: &Place) -> io::Result<Vec<ObjectMeta>> {
    let mut objects = place.store.list(place.prefix());
    let mut found = Vec::new();
    while let Some(object) = objects.next().await {
        found.push(object.map_err(of_store)?);
        checked_len(&found)?;
    }
    Ok(found)
}

/// Refuses a listing that is too long.
pub(super) fn checked_len(found: &[ObjectMeta]) -> io::Result<()> {
    let problem = "more than a million objects lie below; give a longer prefix";
    match found.len() > MAX_OBJECTS {
        true => Err(refused(io::ErrorKind::QuotaExceeded, problem)),
        false => Ok(()),
    }
}

/// Asks again while the reply breaks off, which the client itself does not: it repeats requests, not bodies.
pub(super) async fn again<T, F: Future<Output = io::Result<T>>>(ask: impl Fn() -> F) -> io::Result<T> {
    let (start, mut tries) = (Instant::now(), 0);
    loop {
        let answer = ask().await;
        let broke_off = |e: &io::Error| {
            matches!(e.kind(), io::ErrorKind::NotConnected | io::ErrorKind::ConnectionAborted)
        };
        tries += 1;
        if !answer.as_ref().is_err_and(broke_off)
            || tries >= MAX_TRIES
            || start.elapsed() >= settings().retry_timeout
        {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50 << tries)).await;
    }
}

/// The objects that lie directly below an address, by key.
///
/// # Errors
/// As [`list`].
pub fn entries(address: &Address) -> io::Result<Vec<Listed>> {
    let place = connect(address)?;
    let found = runtime::wait(async move {
        again(|| async { place.store.list_with_delimiter(place.prefix()).await.map_err(of_store) }).await
    })?;
    Ok(sorted(address, &found.objects))
}

pub(super) fn sorted(address: &Address, found: &[ObjectMeta]) -> Vec<Listed> {
    let listed = |meta: &ObjectMeta| Listed {
        address: address.with_key(meta.location.as_ref()),
        version: Version::of(meta),
    };
    let mut listed: Vec<_> = found.iter().map(listed).collect();
    listed.sort_by(|a, b| a.address.key().cmp(b.address.key()));
    listed
}
