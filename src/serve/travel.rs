//! Where a viewer is going: the family after the one it has come to, in the direction it came from.
//!
//! Knows families and times, nothing of tiles or clients.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::image::geometry::FamilyId;

/// Families of one view are asked for within so short a time: they tell no direction among themselves.
const ONE_VIEW: Duration = Duration::from_millis(120);
/// What lies longer back tells none either.
const MEMORY: Duration = Duration::from_secs(8);
/// Farther apart than a view is wide: a jump, not a move.
const JUMP: i64 = 4;
/// Families that are remembered.
const TRAIL: usize = 12;

/// The families that one viewer asked for last.
#[derive(Debug, Default)]
pub struct Trail(VecDeque<(FamilyId, Instant)>);

impl Trail {
    /// A family is asked for; the step to the ones that should be next, (0, 0) where there is no telling.
    pub fn step(&mut self, id: FamilyId, now: Instant) -> (i64, i64) {
        self.0.retain(|&(_, at)| now.duration_since(at) < MEMORY);
        if self.0.iter().any(|&(of, _)| of == id) {
            return (0, 0);
        }
        let at = |id: FamilyId| (i64::from(id.x()), i64::from(id.y()));
        let (x, y) = at(id);
        let before =
            self.0.iter().filter(|(_, at)| now.duration_since(*at) > ONE_VIEW).map(|&(of, _)| at(of));
        let near: Vec<_> = before.filter(|&(a, b)| (a - x).abs().max((b - y).abs()) < JUMP).collect();
        self.0.push_back((id, now));
        if self.0.len() > TRAIL {
            self.0.pop_front();
        }
        let Ok(n @ 1..) = i64::try_from(near.len()) else { return (0, 0) };
        // By how much it is ahead of the middle of those before, in n-ths of a family: one view holds several rows and columns, so
        // less than a whole family is no move.
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

    /// Asks for families, each at its time in milliseconds; the last step.
    fn steps(of: &[(u32, u32, u64)]) -> (i64, i64) {
        let geometry = Geometry::new(40_000, 40_000, 256).unwrap();
        let (mut trail, start) = (Trail::default(), Instant::now());
        let step = |&(x, y, at): &(u32, u32, u64)| {
            trail.step(geometry.family(x, y).unwrap(), start + Duration::from_millis(at))
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
        // Back where it was: cached.
        assert_eq!(steps(&[(5, 5, 0), (6, 5, 400), (5, 5, 800)]), (0, 0));
        // A jump, and a walk of long ago.
        assert_eq!(steps(&[(5, 5, 0), (20, 5, 400)]), (0, 0));
        assert_eq!(steps(&[(5, 5, 0), (6, 5, 9_000)]), (0, 0));
    }
}
