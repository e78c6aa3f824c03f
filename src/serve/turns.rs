//! One maker of a tile at a time: who asks for the same tile meanwhile waits, and then finds it in the cache.
//!
//! Unlike [`super::singleflight`] the work belongs to the request that came first: it ends when that one is dropped, and the next one
//! goes on with what is cached.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::tile_key::TileKey;

/// The tiles that are being made.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<TileKey, Arc<Turn<()>>>>);

/// The right to make a tile, until it is dropped.
pub struct Held<'a> {
    turns: &'a Turns,
    key: TileKey,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    fn all(&self) -> MutexGuard<'_, HashMap<TileKey, Arc<Turn<()>>>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Waits until no one else makes the tile.
    pub async fn take(&self, key: TileKey) -> Held<'_> {
        let turn = self.all().entry(key).or_default().clone();
        Held { turns: self, key, guard: Some(turn.lock_owned().await) }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut all = self.turns.all();
        self.guard = None;
        // Those who wait hold a reference.
        if all.get(&self.key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            all.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::image::geometry::TileId;

    #[tokio::test]
    async fn one_tile_is_made_by_one_at_a_time_and_nothing_stays() {
        let turns = Turns::default();
        let key = |x| TileKey { slide: 1, tile: TileId { level: 3, x, y: 0 } };
        let first = turns.take(key(0)).await;
        drop(turns.take(key(1)).await);
        assert!(tokio::time::timeout(Duration::from_millis(20), turns.take(key(0))).await.is_err());
        drop(first);
        drop(turns.take(key(0)).await);
        assert!(turns.all().is_empty());
    }
}
