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

/// Keys of a crowd that are listed: one reply has as many.
pub const LISTED_OF_CROWD: usize = 1000;

/// Takes the keys one after another. For one of a crowd it returns the key behind which the listing may go on, which is the same for all
/// of the crowd.
pub type Crowds = Box<dyn FnMut(&str) -> Option<String> + Send>;

/// The objects below an address, by key, but of each crowd only the first [`LISTED_OF_CROWD`]. `crowds` makes what tells crowds, before
/// each try. Where a store does not list in the order of keys, all are listed.
///
/// # Errors
/// As [`super::list`].
pub fn list_thinned(address: &Address, crowds: fn() -> Crowds) -> io::Result<Vec<Listed>> {
    let place = connect(address)?;
    // A web server has one reply for all that it lists.
    let in_pages = !matches!(address.scheme(), Scheme::Http | Scheme::Https);
    let found = runtime::wait(async move { again(|| thinned(&place, crowds(), in_pages)).await })?;
    Ok(sorted(address, &found))
}

async fn thinned(place: &Place, mut crowds: Crowds, in_pages: bool) -> io::Result<Vec<ObjectMeta>> {
    let (mut found, mut in_order) = (Vec::<ObjectMeta>::new(), in_pages);
    let mut objects = place.store.list(place.prefix());
    let (mut crowd, mut of_crowd) = (None, 0);
    while let Some(object) = objects.next().await {
        let object = object.map_err(of_store)?;
        in_order &= found.last().is_none_or(|last| last.location < object.location);
        let now = crowds(object.location.as_ref());
        of_crowd = if now.is_some() && now == crowd { of_crowd + 1 } else { 0 };
        crowd = now;
        let next = crowd.as_deref().filter(|_| in_order && of_crowd >= LISTED_OF_CROWD);
        let next = next.and_then(|next| Path::parse(next).ok()).filter(|next| object.location < *next);
        match next {
            Some(next) => objects = place.store.list_with_offset(place.prefix(), &next),
            None => found.push(object),
        }
        checked_len(&found)?;
    }
    Ok(found)
}
