//! Families being reconstructed: one reconstruction, however many ask for however many of its tiles.
//!
//! The tile that somebody waits for is coded first and sent at once; the rest of the family follows into the caches. A family that
//! nobody waits for any more is given up before its work begins.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::error::ServeError;
use crate::image::geometry::{FamilyId, TileId};

/// What a waiting request gets.
pub type Answer = Result<Bytes, ServeError>;

/// Which family of which slide, as it is sent.
pub type FlightKey = (u128, FamilyId);

#[derive(Default)]
struct State {
    waiting: Vec<(TileId, oneshot::Sender<Answer>)>,
    made: HashMap<TileId, Bytes>,
    /// Tiles that nobody has begun to code.
    left: VecDeque<TileId>,
}

/// One family on its way.
#[derive(Default)]
pub struct Flight {
    state: Mutex<State>,
    /// Goes on although nobody waits.
    ahead: bool,
}

/// A request's part in a flight.
pub enum Boarding {
    /// The flight was on its way.
    Joined(oneshot::Receiver<Answer>),
    /// It begins with this request: whoever gets this makes it fly.
    First(oneshot::Receiver<Answer>, Arc<Flight>),
}

/// All flights.
#[derive(Default)]
pub struct Flights {
    all: Mutex<HashMap<FlightKey, Arc<Flight>>>,
}

impl Flights {
    fn all(&self) -> MutexGuard<'_, HashMap<FlightKey, Arc<Flight>>> {
        self.all.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Families on their way.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// Waits for a tile of a family. `cached` is asked once more before a new flight begins: the one before may just have ended.
    ///
    /// # Errors
    /// The tile, where it is cached by now.
    pub fn board(
        &self,
        key: FlightKey,
        tile: TileId,
        cached: impl FnOnce() -> Option<Bytes>,
    ) -> Result<Boarding, Bytes> {
        let (give, take) = oneshot::channel();
        let mut all = self.all();
        if let Some(flight) = all.get(&key) {
            flight.wait(tile, give);
            return Ok(Boarding::Joined(take));
        }
        if let Some(bytes) = cached() {
            return Err(bytes);
        }
        let flight = Arc::new(Flight::default());
        flight.wait(tile, give);
        all.insert(key, flight.clone());
        Ok(Boarding::First(take, flight))
    }

    /// A flight that nobody has asked for yet; `None` where the family is on its way.
    pub fn ahead(&self, key: FlightKey) -> Option<Arc<Flight>> {
        let mut all = self.all();
        if all.contains_key(&key) {
            return None;
        }
        let flight = Arc::new(Flight { ahead: true, ..Flight::default() });
        all.insert(key, flight.clone());
        Some(flight)
    }

    /// Ends a flight for which everybody who asked has gone away; nobody can board it after that. False where somebody waits.
    pub fn give_up(&self, key: FlightKey, flight: &Arc<Flight>) -> bool {
        let mut all = self.all();
        if !flight.abandoned() {
            return false;
        }
        remove(&mut all, key, flight);
        true
    }

    /// Ends a flight: who still waits gets `error`, or comes too late for a tile that the family does not have.
    pub fn land(&self, key: FlightKey, flight: &Arc<Flight>, error: Option<ServeError>) {
        remove(&mut self.all(), key, flight);
        let waiting = std::mem::take(&mut flight.state().waiting);
        for (_, give) in waiting {
            // A client that has gone away.
            drop(give.send(Err(error.clone().unwrap_or(ServeError::NotFound))));
        }
    }
}

/// Another flight may have begun under the same key since this one was given up.
fn remove(all: &mut HashMap<FlightKey, Arc<Flight>>, key: FlightKey, flight: &Arc<Flight>) {
    if all.get(&key).is_some_and(|there| Arc::ptr_eq(there, flight)) {
        all.remove(&key);
    }
}

impl Flight {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn wait(&self, tile: TileId, give: oneshot::Sender<Answer>) {
        let mut state = self.state();
        match state.made.get(&tile).cloned() {
            Some(bytes) => drop(give.send(Ok(bytes))),
            None => state.waiting.push((tile, give)),
        }
    }

    /// Whether everybody who asked has gone away.
    fn abandoned(&self) -> bool {
        !self.ahead && self.state().waiting.iter().all(|(_, give)| give.is_closed())
    }

    /// The tiles that there are to code.
    pub fn load(&self, tiles: impl Iterator<Item = TileId>) {
        self.state().left.extend(tiles);
    }

    /// A tile of `level` that somebody waits for and nobody has begun to code.
    pub fn next_wanted(&self, level: u32) -> Option<TileId> {
        let mut state = self.state();
        let wanted = state.waiting.iter().filter(|(tile, give)| tile.level == level && !give.is_closed());
        let tile = wanted.map(|&(tile, _)| tile).find(|tile| state.left.contains(tile))?;
        state.left.retain(|&left| left != tile);
        Some(tile)
    }

    /// The next tile to code: one that somebody waits for, else any.
    pub fn next(&self) -> Option<TileId> {
        let mut state = self.state();
        let wanted = state.waiting.iter().filter(|(_, give)| !give.is_closed()).map(|&(tile, _)| tile);
        let place = wanted.filter_map(|tile| state.left.iter().position(|&t| t == tile)).min();
        state.left.remove(place.unwrap_or(0))
    }

    /// The tiles that are there.
    pub fn made(&self) -> HashMap<TileId, Bytes> {
        self.state().made.clone()
    }

    /// A tile is there: everybody who waits for it gets it.
    pub fn publish(&self, tile: TileId, bytes: &Bytes) {
        let mut state = self.state();
        state.made.insert(tile, bytes.clone());
        let waiting = std::mem::take(&mut state.waiting);
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|&(of, _)| of == tile);
        state.waiting = later;
        drop(state);
        for (_, give) in now {
            drop(give.send(Ok(bytes.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::geometry::Geometry;

    #[test]
    fn one_flight_serves_all_and_codes_what_is_waited_for_first() {
        let geometry = Geometry::new(1024, 1024, 256).unwrap();
        let id = geometry.family(0, 0).unwrap();
        let tiles: Vec<TileId> = geometry.family_tiles(id, 0).collect();
        let (flights, key) = (Flights::default(), (7, id));
        let Ok(Boarding::First(_first, flight)) = flights.board(key, tiles[5], || None) else { panic!() };
        let mut joined = Vec::new();
        for tile in [9, 5, 9] {
            let Ok(Boarding::Joined(take)) = flights.board(key, tiles[tile], || None) else { panic!() };
            joined.push(take);
        }
        flight.load(tiles.iter().copied());
        assert_eq!(flight.next(), Some(tiles[5]));
        assert_eq!(flight.next(), Some(tiles[9]));
        assert_eq!(flight.next(), Some(tiles[0]));
        flight.publish(tiles[9], &Bytes::from_static(b"nine"));
        assert_eq!(joined[0].try_recv().unwrap().unwrap(), "nine");
        assert_eq!(joined[2].try_recv().unwrap().unwrap(), "nine");
        assert!(joined[1].try_recv().is_err());
        // Who comes late gets what is there.
        let Ok(Boarding::Joined(mut late)) = flights.board(key, tiles[9], || None) else { panic!() };
        assert_eq!(late.try_recv().unwrap().unwrap(), "nine");
        flights.land(key, &flight, Some(ServeError::Busy));
        assert!(matches!(joined[1].try_recv().unwrap(), Err(ServeError::Busy)));
        assert_eq!(flights.len(), 0);
        // The cache is asked again before a family is made twice.
        let again = flights.board(key, tiles[9], || Some(Bytes::from_static(b"kept")));
        assert_eq!(again.err().unwrap(), "kept");
    }

    #[test]
    fn a_flight_without_passengers_is_abandoned() {
        let geometry = Geometry::new(1024, 1024, 256).unwrap();
        let id = geometry.family(0, 0).unwrap();
        let tile = geometry.family_tiles(id, 0).next().unwrap();
        let flights = Flights::default();
        let Ok(Boarding::First(take, flight)) = flights.board((1, id), tile, || None) else { panic!() };
        assert!(!flight.abandoned());
        drop(take);
        assert!(flight.abandoned());
        // Who boards in time is not left behind; who comes later begins another flight, which the end of this one leaves alone.
        let Ok(Boarding::Joined(second)) = flights.board((1, id), tile, || None) else { panic!() };
        assert!(!flights.give_up((1, id), &flight));
        drop(second);
        assert!(flights.give_up((1, id), &flight));
        let Ok(Boarding::First(mut third, other)) = flights.board((1, id), tile, || None) else { panic!() };
        flights.land((1, id), &flight, None);
        assert!(third.try_recv().is_err() && !flights.give_up((1, id), &other));
        assert!(!flights.ahead((2, id)).unwrap().abandoned());
        assert!(flights.ahead((2, id)).is_none());
    }
}
