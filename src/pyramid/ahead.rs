//! Announces what will be read some steps before it is, so that the bytes of a source far away are on their way while others are
//! computed with.

use std::collections::VecDeque;

use crate::store::{self, Arrival};

/// Most that are announced before they are read.
const AHEAD: usize = 8;

/// Goes through families or tiles in order, each with what there is to wait for before it is read.
pub struct Ahead<I: Iterator, A> {
    ids: I,
    announce: A,
    coming: VecDeque<(I::Item, Arrival)>,
    /// Bytes of those in `coming`.
    bytes: u64,
    /// Bytes of the last one: the next one is taken to have as many.
    last: u64,
}

impl<I: Iterator, A: Fn(I::Item) -> Arrival> Ahead<I, A>
where
    I::Item: Copy,
{
    /// Those of `ids`, in their order.
    pub fn new(ids: I, announce: A) -> Self {
        Self { ids, announce, coming: VecDeque::new(), bytes: 0, last: 0 }
    }

    fn fill(&mut self) {
        // Of a local source nothing is on its way, and nobody asks how stores are used.
        while self.coming.len() <= AHEAD
            && (self.last == 0
                || self.coming.is_empty()
                || self.bytes.saturating_add(self.last) <= store::ahead_bytes())
        {
            let Some(id) = self.ids.next() else { return };
            let arrival = (self.announce)(id);
            self.last = arrival.bytes();
            self.bytes = self.bytes.saturating_add(self.last);
            self.coming.push_back((id, arrival));
        }
    }
}

impl<I: Iterator, A: Fn(I::Item) -> Arrival> Iterator for Ahead<I, A>
where
    I::Item: Copy,
{
    type Item = (I::Item, Arrival);

    fn next(&mut self) -> Option<Self::Item> {
        self.fill();
        let (id, arrival) = self.coming.pop_front()?;
        self.bytes = self.bytes.saturating_sub(arrival.bytes());
        Some((id, arrival))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_few_are_announced_and_fewer_where_they_are_large() {
        for (bytes, want) in [(1, AHEAD + 1), (store::ahead_bytes() / 3, 3), (u64::MAX, 1)] {
            let announced = RefCell::new(Vec::new());
            let mut ahead = Ahead::new(0..100, |id: u32| {
                announced.borrow_mut().push(id);
                Arrival::of(bytes, async {})
            });
            let (first, arrival) = ahead.next().unwrap();
            drop(arrival);
            assert_eq!((first, announced.borrow().len()), (0, want), "{bytes}");
            assert_eq!(ahead.map(|(id, _)| id).collect::<Vec<_>>(), (1..100).collect::<Vec<_>>());
        }
    }
}
