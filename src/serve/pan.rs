//! Estimates the direction in which a viewer pans, from the families that it requested last.
//!
//! Knows families and times, no tiles and no clients.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::image::geometry::FamilyId;

/// Requests within this time belong to one view and show no direction.
const SAME_VIEW: Duration = Duration::from_millis(120);
/// Older requests are forgotten.
const MAX_AGE: Duration = Duration::from_secs(8);
/// Distance in families from which on a move is a jump: it is more than the width of a view.
const MIN_JUMP: i64 = 4;
/// Most families that are remembered.
const MAX_FAMILIES: usize = 12;

/// The families that one viewer requested last, with their times.
#[derive(Debug, Default)]
pub struct PanHistory(VecDeque<(FamilyId, Instant)>);

impl PanHistory {
    /// Adds a request. Returns the step, in families, to the one that is expected next: -1, 0 or 1 in x and y; (0, 0) if unknown.
    pub fn step(&mut self, id: FamilyId, now: Instant) -> (i64, i64) {
        self.0.retain(|&(_, at)| now.duration_since(at) < MAX_AGE);
        if self.0.iter().any(|&(of, _)| of == id) {
            return (0, 0);
        }
        let at = |id: FamilyId| (i64::from(id.x()), i64::from(id.y()));
        let (x, y) = at(id);
        let before =
            self.0.iter().filter(|(_, at)| now.duration_since(*at) > SAME_VIEW).map(|&(of, _)| at(of));
        let near: Vec<_> = before.filter(|&(a, b)| (a - x).abs().max((b - y).abs()) < MIN_JUMP).collect();
        self.0.push_back((id, now));
        if self.0.len() > MAX_FAMILIES {
            self.0.pop_front();
        }
        let Ok(n @ 1..) = i64::try_from(near.len()) else { return (0, 0) };
        // The distance from the mean of the earlier families, times n. One view covers several rows and columns, so less than a whole
        // family is not a move.
        let ahead = |from: i64, sum: i64| match from * n - sum {
            d if d >= n => 1,
            d if d <= -n => -1,
            _ => 0,
        };
        let (sum_x, sum_y) = near.iter().fold((0, 0), |(a, b), &(x, y)| (a + x, b + y));
        (ahead(x, sum_x), ahead(y, sum_y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::geometry::Geometry;

    /// The last step after requests of families `(x, y, time in ms)`.
    fn steps(of: &[(u32, u32, u64)]) -> (i64, i64) {
        let geometry = Geometry::new(40_000, 40_000, 256).unwrap();
        let (mut history, start) = (PanHistory::default(), Instant::now());
        let step = |&(x, y, at): &(u32, u32, u64)| {
            history.step(geometry.family(x, y).unwrap(), start + Duration::from_millis(at))
        };
        of.iter().map(step).last().unwrap()
    }

    #[test]
    fn a_pan_is_followed_and_a_first_view_is_not() {
        assert_eq!(steps(&[(5, 5, 0)]), (0, 0));
        // One view, four families.
        assert_eq!(steps(&[(5, 5, 0), (6, 5, 5), (5, 6, 9), (6, 6, 20)]), (0, 0));
        // To the right, the view two rows high.
        assert_eq!(steps(&[(5, 5, 0), (5, 6, 5), (6, 5, 500), (6, 6, 505)]), (1, 0));
        assert_eq!(steps(&[(5, 5, 0), (5, 4, 400), (5, 3, 800)]), (0, -1));
        assert_eq!(steps(&[(5, 5, 0), (4, 6, 400), (3, 7, 800)]), (-1, 1));
        // Back to an earlier family, which is cached.
        assert_eq!(steps(&[(5, 5, 0), (6, 5, 400), (5, 5, 800)]), (0, 0));
        // A jump; a family of long ago.
        assert_eq!(steps(&[(5, 5, 0), (20, 5, 400)]), (0, 0));
        assert_eq!(steps(&[(5, 5, 0), (6, 5, 9_000)]), (0, 0));
    }
}
