//! What lies below an address.

use std::io;

use futures_util::StreamExt;
use object_store::ObjectMeta;

use super::connect::connect;
use super::fault::{of_store, refused};
use super::fetch::Version;
use super::runtime;
use crate::store::location::Address;

/// Most objects of one listing: beyond it a prefix is too wide to be looked at whole.
const MAX_OBJECTS: usize = 1_000_000;

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
    let found: Vec<ObjectMeta> = runtime::wait(async move {
        let prefix = (!place.key.as_ref().is_empty()).then_some(&place.key);
        let mut objects = place.store.list(prefix);
        let mut found = Vec::new();
        while let Some(object) = objects.next().await {
            found.push(object.map_err(of_store)?);
            if found.len() > MAX_OBJECTS {
                return Err(refused(
                    io::ErrorKind::QuotaExceeded,
                    "more than a million objects lie below; give a longer prefix",
                ));
            }
        }
        Ok(found)
    })?;
    Ok(sorted(address, &found))
}

/// The objects that lie directly below an address, by key.
///
/// # Errors
/// As [`list`].
pub fn entries(address: &Address) -> io::Result<Vec<Listed>> {
    let place = connect(address)?;
    let found = runtime::wait(async move {
        let prefix = (!place.key.as_ref().is_empty()).then_some(&place.key);
        place.store.list_with_delimiter(prefix).await.map_err(of_store)
    })?;
    Ok(sorted(address, &found.objects))
}

fn sorted(address: &Address, found: &[ObjectMeta]) -> Vec<Listed> {
    let listed = |meta: &ObjectMeta| Listed {
        address: address.with_key(meta.location.as_ref()),
        version: Version::of(meta),
    };
    let mut listed: Vec<_> = found.iter().map(listed).collect();
    listed.sort_by(|a, b| a.address.key().cmp(b.address.key()));
    listed
}
