//! One reconstruction of a family for all requests that wait for its tiles.
//!
//! Awaited tiles are encoded first and delivered at once; the rest of the family follows into the caches while no request waits for another
//! family. A family whose requests have all been dropped is cancelled before its work begins. The terms are those of Go's `singleflight`: calls in a group.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use crate::image::geometry::{FamilyId, TileId};
use crate::span::PlaceCell;
use crate::web::error::ServeError;

/// What a waiting request receives.
pub type TileResult = Result<Bytes, ServeError>;

/// A slide's identity and one of its families.
pub type CallKey = (u128, FamilyId);

#[derive(Default)]
struct State {
    waiting: Vec<(TileId, oneshot::Sender<TileResult>)>,
    finished: HashMap<TileId, Bytes>,
    /// Tiles whose encoding has not begun.
    pending: VecDeque<TileId>,
}

/// The reconstruction of one family.
#[derive(Default)]
pub struct Call {
    state: Mutex<State>,
    /// Told of every request.
    asked: Notify,
    /// It runs although no request waits.
    pub prefetch: bool,
    /// Its span, for those who wait for it; known once it runs.
    pub place: PlaceCell,
}

/// A request that waits for a call.
pub enum Joined {
    /// The call existed already.
    Follower(oneshot::Receiver<TileResult>, Arc<Call>),
    /// The call is new: the caller must run it.
    Leader(oneshot::Receiver<TileResult>, Arc<Call>),
}

/// All calls in flight.
#[derive(Default)]
pub struct Group {
    calls: Mutex<HashMap<CallKey, Arc<Call>>>,
    /// Requests so far.
    requests: AtomicU64,
}

impl Group {
    fn calls(&self) -> MutexGuard<'_, HashMap<CallKey, Arc<Call>>> {
        self.calls.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Number of calls in flight.
    pub fn len(&self) -> usize {
        self.calls().len()
    }

    /// Number of requests that have asked for a tile of a family.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Waits for a tile of a family. `cached` looks into the cache once more before a new call is made, since an earlier call may
    /// just have finished.
    ///
    /// # Errors
    /// The tile, if it is cached by now.
    pub fn join(
        &self,
        key: CallKey,
        tile: TileId,
        cached: impl FnOnce() -> Option<Bytes>,
    ) -> Result<Joined, Bytes> {
        let (sender, receiver) = oneshot::channel();
        self.requests.fetch_add(1, Relaxed);
        let mut calls = self.calls();
        if let Some(call) = calls.get(&key) {
            call.wait(tile, sender);
            return Ok(Joined::Follower(receiver, call.clone()));
        }
        if let Some(bytes) = cached() {
            return Err(bytes);
        }
        let call = Arc::new(Call::default());
        call.wait(tile, sender);
        calls.insert(key, call.clone());
        Ok(Joined::Leader(receiver, call))
    }

    /// A new call without a request, for prefetching; `None` if the family is in flight already.
    pub fn prefetch(&self, key: CallKey) -> Option<Arc<Call>> {
        let mut calls = self.calls();
        if calls.contains_key(&key) {
            return None;
        }
        let call = Arc::new(Call { prefetch: true, ..Call::default() });
        calls.insert(key, call.clone());
        Some(call)
    }

    /// Removes a call whose requests have all been dropped, so that no request can join it any more. False if a request waits.
    pub fn cancel_if_abandoned(&self, key: CallKey, call: &Arc<Call>) -> bool {
        let mut calls = self.calls();
        if !call.is_abandoned() {
            return false;
        }
        remove(&mut calls, key, call);
        true
    }

    /// Whether a request waits for another call than this one.
    pub fn awaits_another(&self, call: &Arc<Call>) -> bool {
        self.calls().values().any(|other| !Arc::ptr_eq(other, call) && other.is_awaited())
    }

    /// Removes a call that has nothing to do for any request, so that none can join it any more. False if a request waits for a tile that can
    /// still be made.
    pub fn leave(&self, key: CallKey, call: &Arc<Call>) -> bool {
        let mut calls = self.calls();
        if call.awaits_pending() {
            return false;
        }
        remove(&mut calls, key, call);
        true
    }

    /// Ends a call. Requests that still wait receive `error`, or without one [`ServeError::NotFound`]: the family has no such tile.
    pub fn finish(&self, key: CallKey, call: &Arc<Call>, error: Option<ServeError>) {
        remove(&mut self.calls(), key, call);
        let waiting = std::mem::take(&mut call.state().waiting);
        for (_, sender) in waiting {
            // Fails if the request was dropped.
            drop(sender.send(Err(error.clone().unwrap_or(ServeError::NotFound))));
        }
    }
}

/// Removes this call, but not a newer one with the same key.
fn remove(calls: &mut HashMap<CallKey, Arc<Call>>, key: CallKey, call: &Arc<Call>) {
    if calls.get(&key).is_some_and(|current| Arc::ptr_eq(current, call)) {
        calls.remove(&key);
    }
}

impl Call {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn wait(&self, tile: TileId, sender: oneshot::Sender<TileResult>) {
        let mut state = self.state();
        match state.finished.get(&tile).cloned() {
            Some(bytes) => drop(sender.send(Ok(bytes))),
            None => state.waiting.push((tile, sender)),
        }
        self.asked.notify_one();
    }

    /// Waits for the next request, or for one that came since the last wait.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Whether all requests have been dropped.
    fn is_abandoned(&self) -> bool {
        !self.prefetch && self.state().waiting.iter().all(|(_, sender)| sender.is_closed())
    }

    /// Whether a request waits.
    fn is_awaited(&self) -> bool {
        self.state().waiting.iter().any(|(_, sender)| !sender.is_closed())
    }

    /// Whether a request waits for a pending tile.
    pub fn awaits_pending(&self) -> bool {
        let state = self.state();
        state.waiting.iter().any(|(tile, sender)| !sender.is_closed() && state.pending.contains(tile))
    }

    /// Adds tiles to encode.
    pub fn add_pending(&self, tiles: impl Iterator<Item = TileId>) {
        self.state().pending.extend(tiles);
    }

    /// Takes a pending tile of `level` that a request waits for.
    pub fn take_awaited(&self, level: u32) -> Option<TileId> {
        let mut state = self.state();
        let awaited =
            state.waiting.iter().filter(|(tile, sender)| tile.level == level && !sender.is_closed());
        let tile = awaited.map(|&(tile, _)| tile).find(|tile| state.pending.contains(tile))?;
        state.pending.retain(|&pending| pending != tile);
        Some(tile)
    }

    /// Takes the next pending tile that a request waits for.
    pub fn take_awaited_next(&self) -> Option<TileId> {
        let mut state = self.state();
        let awaited = state.waiting.iter().filter(|(_, sender)| !sender.is_closed()).map(|&(tile, _)| tile);
        let index = awaited.filter_map(|tile| state.pending.iter().position(|&t| t == tile)).min()?;
        state.pending.remove(index)
    }

    /// Takes the next pending tile.
    pub fn take_next(&self) -> Option<TileId> {
        self.state().pending.pop_front()
    }

    /// The tiles that are finished.
    pub fn finished(&self) -> HashMap<TileId, Bytes> {
        self.state().finished.clone()
    }

    /// Adds a finished tile and delivers it to all requests that wait for it. Returns whether there were any.
    pub fn publish(&self, tile: TileId, bytes: &Bytes) -> bool {
        let mut state = self.state();
        state.finished.insert(tile, bytes.clone());
        let waiting = std::mem::take(&mut state.waiting);
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|&(of, _)| of == tile);
        state.waiting = later;
        drop(state);
        let mut delivered = false;
        for (_, sender) in now {
            delivered |= sender.send(Ok(bytes.clone())).is_ok();
        }
        delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::geometry::Geometry;

    fn lead(group: &Group, key: CallKey, tile: TileId) -> (oneshot::Receiver<TileResult>, Arc<Call>) {
        match group.join(key, tile, || None) {
            Ok(Joined::Leader(receiver, call)) => (receiver, call),
            _ => panic!("a call is in flight already"),
        }
    }

    fn follow(group: &Group, key: CallKey, tile: TileId) -> oneshot::Receiver<TileResult> {
        match group.join(key, tile, || None) {
            Ok(Joined::Follower(receiver, _)) => receiver,
            _ => panic!("no call is in flight"),
        }
    }

    #[test]
    fn one_call_serves_all_requests_and_encodes_awaited_tiles_first() {
        let geometry = Geometry::new(1024, 1024, 256).unwrap();
        let id = geometry.family(0, 0).unwrap();
        let tiles: Vec<TileId> = geometry.family_tiles(id, 0).collect();
        let (group, key) = (Group::default(), (7, id));
        let (_leader, call) = lead(&group, key, tiles[5]);
        let mut followers: Vec<_> = [9, 5, 9].map(|tile| follow(&group, key, tiles[tile])).into();
        call.add_pending(tiles.iter().copied());
        assert_eq!(call.take_awaited_next(), Some(tiles[5]));
        assert_eq!(call.take_awaited_next(), Some(tiles[9]));
        assert_eq!(call.take_awaited_next(), None);
        assert_eq!(call.take_next(), Some(tiles[0]));
        assert!(!call.publish(tiles[0], &Bytes::from_static(b"none")));
        assert!(call.publish(tiles[9], &Bytes::from_static(b"nine")));
        assert_eq!(followers[0].try_recv().unwrap().unwrap(), "nine");
        assert_eq!(followers[2].try_recv().unwrap().unwrap(), "nine");
        assert!(followers[1].try_recv().is_err());
        // A later request receives a finished tile at once.
        assert_eq!(follow(&group, key, tiles[9]).try_recv().unwrap().unwrap(), "nine");
        group.finish(key, &call, Some(ServeError::Busy));
        assert!(matches!(followers[1].try_recv().unwrap(), Err(ServeError::Busy)));
        assert_eq!(group.len(), 0);
        // The cache is checked again before a family is reconstructed twice.
        let again = group.join(key, tiles[9], || Some(Bytes::from_static(b"kept")));
        assert_eq!(again.err().unwrap(), "kept");
    }

    #[test]
    fn a_call_ends_when_no_request_waits_for_what_it_can_make() {
        let geometry = Geometry::new(1024, 1024, 256).unwrap();
        let id = geometry.family(0, 0).unwrap();
        let tiles: Vec<TileId> = geometry.family_tiles(id, 0).collect();
        let (group, key) = (Group::default(), (1, id));
        let (mut first, call) = lead(&group, key, tiles[3]);
        call.add_pending(tiles.iter().copied());
        assert!(!group.awaits_another(&call), "its own requests");
        let (other, second) = lead(&group, (2, id), tiles[0]);
        assert!(group.awaits_another(&call) && group.awaits_another(&second));
        drop(other);
        assert!(!group.awaits_another(&call), "nobody waits for the other any more");
        assert!(!group.leave(key, &call), "a request waits");
        assert_eq!(call.take_awaited_next(), Some(tiles[3]));
        call.publish(tiles[3], &Bytes::from_static(b"three"));
        assert_eq!(first.try_recv().unwrap().unwrap(), "three");
        // A request for a tile that the family has not got does not keep the call.
        let mut none = follow(&group, key, TileId { level: 99, x: 0, y: 0 });
        assert!(group.leave(key, &call) && group.len() == 1);
        group.finish(key, &call, None);
        assert!(matches!(none.try_recv().unwrap(), Err(ServeError::NotFound)));
        // The next request begins another call.
        let (_, again) = lead(&group, key, tiles[7]);
        assert!(!Arc::ptr_eq(&again, &call));
    }

    #[test]
    fn a_call_is_cancelled_only_when_all_its_requests_are_dropped() {
        let geometry = Geometry::new(1024, 1024, 256).unwrap();
        let id = geometry.family(0, 0).unwrap();
        let tile = geometry.family_tiles(id, 0).next().unwrap();
        let group = Group::default();
        let (leader, call) = lead(&group, (1, id), tile);
        assert!(!call.is_abandoned());
        drop(leader);
        assert!(call.is_abandoned());
        // A request that joins in time keeps the call. A later one begins another call, which the end of the first leaves alone.
        let follower = follow(&group, (1, id), tile);
        assert!(!group.cancel_if_abandoned((1, id), &call));
        drop(follower);
        assert!(group.cancel_if_abandoned((1, id), &call));
        let (mut second, other) = lead(&group, (1, id), tile);
        group.finish((1, id), &call, None);
        assert!(second.try_recv().is_err() && !group.cancel_if_abandoned((1, id), &other));
        assert!(!group.prefetch((2, id)).unwrap().is_abandoned());
        assert!(group.prefetch((2, id)).is_none());
    }
}
