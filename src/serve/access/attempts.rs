//! How often somebody may try a token: in each minute so many times from one address, and so many times in all.
//!
//! The second bound also bounds the memory: no more addresses than attempts are known.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The time that attempts are counted in.
const WINDOW: Duration = Duration::from_secs(60);
/// Most failures from one address. Of IPv6, a network of 64 bits counts as one.
const MAX_OF_ADDRESS: u32 = 10;
/// Most failures in all.
const MAX_IN_ALL: u32 = 300;

/// Counts attempts.
#[derive(Default)]
pub struct Attempts(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// When this minute began; `None` before the first attempt.
    began: Option<Instant>,
    all: u32,
    of: HashMap<IpAddr, u32>,
}

impl Attempts {
    /// Counts an attempt from an address.
    ///
    /// # Errors
    /// How long there are too many.
    pub fn begin(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut counts = self.counts();
        let since = counts.began.map_or(WINDOW, |began| now.saturating_duration_since(began));
        if since >= WINDOW {
            *counts = Counts { began: Some(now), ..Counts::default() };
        }
        let mine = counts.of.get(&network(address)).copied().unwrap_or(0);
        if mine >= MAX_OF_ADDRESS || counts.all >= MAX_IN_ALL {
            return Err(WINDOW.saturating_sub(since));
        }
        counts.all += 1;
        counts.of.insert(network(address), mine + 1);
        Ok(())
    }

    /// The last attempt from an address was no failure and does not count.
    pub fn succeeded(&self, address: IpAddr) {
        let mut counts = self.counts();
        counts.all = counts.all.saturating_sub(1);
        if let Some(mine) = counts.of.get_mut(&network(address)) {
            *mine = mine.saturating_sub(1);
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole whatever happened beside them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one user can choose an address from.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(at: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + at).to_be_bytes())
    }

    #[test]
    fn each_address_has_its_attempts_in_each_minute() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..MAX_OF_ADDRESS {
            assert_eq!(attempts.begin(v4(1), start), Ok(()));
        }
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(attempts.begin(v4(1), after(20)), Err(Duration::from_secs(40)));
        assert_eq!(attempts.begin(v4(2), after(20)), Ok(()), "others have theirs");
        attempts.succeeded(v4(1));
        assert_eq!(attempts.begin(v4(1), after(30)), Ok(()), "a success does not count");
        assert!(attempts.begin(v4(1), after(59)).is_err());
        assert_eq!(attempts.begin(v4(1), after(60)), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for at in 0..MAX_OF_ADDRESS {
            let address = format!("2001:db8::{at}").parse().unwrap();
            assert_eq!(attempts.begin(address, start), Ok(()));
        }
        assert!(attempts.begin("2001:db8::ffff".parse().unwrap(), start).is_err());
        assert!(attempts.begin("2001:db8:0:1::".parse().unwrap(), start).is_ok());
    }

    #[test]
    fn attempts_are_bounded_in_all_and_so_is_their_memory() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let passed = (0..10_000).filter(|at| attempts.begin(v4(*at), start).is_ok()).count();
        assert_eq!(passed, MAX_IN_ALL as usize);
        assert_eq!(attempts.counts().of.len(), MAX_IN_ALL as usize);
        assert!(attempts.begin(v4(20_000), start + WINDOW).is_ok());
        assert_eq!(attempts.counts().of.len(), 1);
    }
}
