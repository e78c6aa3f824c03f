//! What lies below an address, without most of what comes in thousands: a listing is paid for by the thousand keys.

use std::io;

use futures_util::StreamExt;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::connect::{Place, connect};
use super::fault::of_store;
use super::list::{Listed, again, checked_len, sorted};
use super::runtime;
use crate::store::location::{Address, Scheme};

/// Keys of a group that are listed: one reply has as many.
pub const LISTED_OF_GROUP: usize = 1000;

/// Takes the keys one after another. For a key of a large group, such as a tile of a level, it returns the key behind which the listing
/// may go on. That is the same for all of the group.
pub type GroupEnd = Box<dyn FnMut(&str) -> Option<String> + Send>;

/// The objects below an address, by key, but of each group only the first [`LISTED_OF_GROUP`]. `group_end` makes the function that finds
/// groups, before each try. Where a store does not list in the order of keys, all are listed.
///
/// # Errors
/// As [`super::list`].
pub fn list_sparsely(address: &Address, group_end: fn() -> GroupEnd) -> io::Result<Vec<Listed>> {
    let place = connect(address)?;
    // A web server has one reply for all that it lists.
    let in_pages = !matches!(address.scheme(), Scheme::Http | Scheme::Https);
    let found = runtime::wait(async move { again(|| sparse(&place, group_end(), in_pages)).await })?;
    Ok(sorted(address, &found))
}

async fn sparse(place: &Place, mut group_end: GroupEnd, in_pages: bool) -> io::Result<Vec<ObjectMeta>> {
    let (mut found, mut in_order) = (Vec::<ObjectMeta>::new(), in_pages);
    let mut objects = place.store.list(place.prefix());
    let (mut group, mut of_group) = (None, 0);
    while let Some(object) = objects.next().await {
        let object = object.map_err(of_store)?;
        in_order &= found.last().is_none_or(|last| last.location < object.location);
        let now = group_end(object.location.as_ref());
        of_group = if now.is_some() && now == group { of_group + 1 } else { 0 };
        group = now;
        let next = group.as_deref().filter(|_| in_order && of_group >= LISTED_OF_GROUP);
        let next = next.and_then(|next| Path::parse(next).ok()).filter(|next| object.location < *next);
        match next {
            Some(next) => objects = place.store.list_with_offset(place.prefix(), &next),
            None => found.push(object),
        }
        checked_len(&found)?;
    }
    Ok(found)
}
