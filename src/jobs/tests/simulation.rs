//! A fleet in no time: workers that die, pause, fail, leave and have wrong clocks, over the same state machine as the queues.
//!
//! Nothing here waits: time is the time of the next event. What is simulated is the queue as a map of records, the store as a map of
//! manifests that are created once, and workers with one slot each. One slide in ten is encoded in bands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

mod bands;

use crate::jobs::state::{Fault, Outlook, Policy, Progress, Record, State};
use crate::jobs::unit::{Key, Token};
use crate::jobs::watch::Watch;

const LEASE_MS: u64 = 30_000;
const HEARTBEAT_MS: u64 = 10_000;
const HOUR_MS: u64 = 3_600_000;
/// Units that fail on every worker, one in so many.
const POISON: u64 = 500;

/// Pseudorandom numbers: splitmix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True once in `n` times.
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A worker with one slot.
struct Worker {
    /// Wrong by so much.
    clock_off_ms: i64,
    watch: Watch,
    attempt: Option<Attempt>,
}

struct Attempt {
    unit: usize,
    token: Token,
    ends_ms: u64,
}

/// Units and what became of them: slides, and after them the bands of those that have some.
struct Fleet {
    /// How many of the units are slides.
    slides: usize,
    /// Units that were announced in the store.
    announced: Vec<bool>,
    keys: Vec<Key>,
    numbers: BTreeMap<Key, usize>,
    /// `None` for units that the queue does not know.
    records: Vec<Option<Record>>,
    /// In the order in which they are asked for; may hold units that wait no more.
    waiting: VecDeque<usize>,
    running: BTreeMap<usize, (Token, u64)>,
    manifests: Vec<Option<Token>>,
    rng: Rng,
    policy: Policy,
    tokens: u128,
    seen: Seen,
}

/// What happened.
#[derive(Debug, Default)]
struct Seen {
    claims: u64,
    heartbeats: u64,
    published: u64,
    bands: u64,
    too_late: u64,
    splits: u64,
    joined: u64,
    expired: u64,
    given_back: u64,
    hours: f64,
}

impl Fleet {
    fn new(slides: usize, seed: u64) -> Self {
        let units = slides + slides.div_ceil(bands::ONE_IN) * bands::BANDS;
        let is_slide = |unit| unit < slides;
        let keys: Vec<_> = (0..units).map(|n| Key::parse(&format!("{n:032x}")).unwrap()).collect();
        Self {
            numbers: keys.iter().cloned().zip(0..).collect(),
            records: (0..units).map(|unit| is_slide(unit).then(Record::new)).collect(),
            announced: (0..units).map(is_slide).collect(),
            waiting: (0..slides).collect(),
            running: BTreeMap::new(),
            manifests: vec![None; units],
            rng: Rng(seed),
            policy: Policy { most_attempts: 8, ..Policy::default() },
            tokens: 0,
            seen: Seen::default(),
            slides,
            keys,
        }
    }

    /// Stores what the state machine allows, and nothing else.
    fn change<E>(&mut self, unit: usize, next: impl FnOnce(Record) -> Result<Record, E>) -> bool {
        let Some(Ok(after)) = self.records[unit].clone().map(next) else { return false };
        match (&after.state, &after.token) {
            (State::Running, Some(token)) => drop(self.running.insert(unit, (token.clone(), after.beat))),
            _ => drop(self.running.remove(&unit)),
        }
        if after.state == State::Waiting {
            self.waiting.push_back(unit);
        }
        self.records[unit] = Some(after);
        true
    }

    fn is_over(&self) -> bool {
        self.records.iter().flatten().all(|record| !matches!(record.state, State::Waiting | State::Running))
    }

    fn claim(&mut self, worker: &mut Worker, now_ms: u64) {
        let running =
            self.running.iter().map(|(unit, (token, beat))| (self.keys[*unit].clone(), token.clone(), *beat));
        let (policy, wall_ms) = (self.policy, now_ms.saturating_add_signed(worker.clock_off_ms));
        for (key, token) in worker.watch.silent(running.collect(), LEASE_MS, now_ms) {
            let unit = self.numbers[&key];
            self.seen.expired +=
                u64::from(self.change(unit, |record| record.expire(&token, &policy, wall_ms)));
        }
        for _ in 0..self.waiting.len().min(50) {
            let Some(unit) = self.waiting.pop_front() else { return };
            if self.state(unit) != Some(State::Waiting) {
                continue;
            }
            self.tokens += 1;
            let token = Token::of(self.tokens << 40 | u128::from(self.rng.next() >> 24));
            if self.change(unit, |record| record.claim(token.clone(), "w", &policy, wall_ms)) {
                self.seen.claims += 1;
                let ends_ms = now_ms + self.work_ms(unit);
                worker.attempt = Some(Attempt { unit, token, ends_ms });
                return;
            }
            self.waiting.push_back(unit);
        }
    }

    /// An attempt has come to its end.
    fn end(&mut self, Attempt { unit, token, .. }: &Attempt, wall_ms: u64) {
        let policy = self.policy;
        let fail = |fleet: &mut Self, outlook| {
            let fault = Fault::new(outlook, String::new());
            fleet.change(*unit, |record| record.fail(token, fault, &policy, wall_ms))
        };
        let failed = match *unit as u64 % POISON == POISON - 1 {
            true => fail(self, Outlook::Permanent),
            false if self.rng.one_in(50) => fail(self, Outlook::Transient),
            false => return self.succeed(*unit, token, wall_ms),
        };
        if failed && self.state(*unit) == Some(State::Dead) {
            self.wake_slide_of(*unit);
        }
    }

    /// An attempt has done its work.
    fn succeed(&mut self, unit: usize, token: &Token, wall_ms: u64) {
        if !self.is_to_publish(unit, token, wall_ms) {
            return;
        }
        // Conditional: the first one counts.
        match &self.manifests[unit] {
            Some(_) => self.seen.too_late += 1,
            none => {
                assert!(none.is_none());
                self.manifests[unit] = Some(token.clone());
                self.published(unit);
            }
        }
        // The worker may die between its manifest and the word to the queue.
        if self.rng.one_in(200) {
            return;
        }
        self.remove_bands(unit);
        if !self.change(unit, |record| record.finish(token, Progress::default())) {
            self.change(unit, |record| Ok::<_, ()>(record.settled()));
        }
        // Or between that and the word to the slide.
        if !self.rng.one_in(50) {
            self.band_is_done(unit);
        }
    }

    /// The queue is lost and made again from the store.
    fn lose_the_queue(&mut self) {
        let units = self.keys.len();
        (self.records, self.running, self.waiting) = (vec![None; units], BTreeMap::new(), VecDeque::new());
        for unit in 0..units {
            if self.announced[unit] && !self.is_band_of_done(unit) {
                let (new, done) = (Record::new(), self.manifests[unit].is_some());
                self.records[unit] = Some(if done { new.settled() } else { new });
                self.waiting.extend((!done).then_some(unit));
            }
        }
    }
}

/// Runs until every unit is done or dead.
fn simulate(workers: usize, units: usize, seed: u64) -> Fleet {
    let mut fleet = Fleet::new(units, seed);
    let mut crew: Vec<_> = (0..workers)
        .map(|n| Worker {
            clock_off_ms: [0, 0, HOUR_MS as i64, -(HOUR_MS as i64)][n % 4],
            watch: Watch::default(),
            attempt: None,
        })
        .collect();
    let start = 100 * HOUR_MS;
    let mut events: BinaryHeap<_> =
        (0..workers).map(|n| Reverse((start + fleet.rng.below(HEARTBEAT_MS), n))).collect();
    let (mut now_ms, mut lost, mut turns) = (start, false, 0u64);
    while let Some(Reverse((at, number))) = events.pop() {
        (now_ms, turns) = (at, turns + 1);
        if turns.is_multiple_of(1000) && fleet.is_over() {
            break;
        }
        if !lost && fleet.seen.published * 3 > units as u64 {
            lost = true;
            fleet.lose_the_queue();
        }
        let next = turn(&mut fleet, &mut crew[number], now_ms);
        events.push(Reverse((now_ms + next, number)));
    }
    fleet.seen.hours = (now_ms - start) as f64 / HOUR_MS as f64;
    fleet
}

/// What a worker does at one of its times. Returns the pause to the next.
fn turn(fleet: &mut Fleet, worker: &mut Worker, now_ms: u64) -> u64 {
    // Killed: the next worker in its place has seen nothing. Two minutes until the machine is there.
    if fleet.rng.one_in(300) {
        (worker.attempt, worker.watch) = (None, Watch::default());
        return 120_000;
    }
    // Stopped for longer than a lease, and then going on as if nothing had happened.
    if fleet.rng.one_in(500) {
        return 3 * LEASE_MS;
    }
    let Some(attempt) = worker.attempt.take() else {
        fleet.claim(worker, now_ms);
        return HEARTBEAT_MS;
    };
    if fleet.rng.one_in(300) {
        fleet.seen.given_back +=
            u64::from(fleet.change(attempt.unit, |record| record.give_back(&attempt.token)));
        return HEARTBEAT_MS;
    }
    if attempt.ends_ms <= now_ms {
        fleet.end(&attempt, now_ms.saturating_add_signed(worker.clock_off_ms));
        fleet.claim(worker, now_ms);
    } else {
        fleet.seen.heartbeats += 1;
        let ours = fleet.change(attempt.unit, |record| record.heartbeat(&attempt.token, Progress::default()));
        worker.attempt = ours.then_some(attempt);
    }
    HEARTBEAT_MS
}

/// Every slide is done once, or dead for its own fault or that of a band.
fn check(fleet: &Fleet) {
    let poisoned = |unit: usize| unit as u64 % POISON == POISON - 1;
    for slide in 0..fleet.slides {
        let bad = poisoned(slide) || fleet.bands_of(slide).any(poisoned);
        let expected = if bad { State::Dead } else { State::Done };
        assert_eq!(fleet.state(slide), Some(expected), "slide {slide}: {:?}", fleet.records[slide]);
        assert_eq!(fleet.manifests[slide].is_some(), !bad, "slide {slide}");
    }
    let good = fleet.manifests[..fleet.slides].iter().flatten().count() as u64;
    assert_eq!(fleet.seen.published, good);
    fleet.check_bands();
}

#[test]
fn a_fleet_whose_workers_die_does_everything_once() {
    for seed in 0..8 {
        let fleet = simulate(40, 1000, seed);
        check(&fleet);
        let Seen { expired, too_late, given_back, joined, .. } = fleet.seen;
        assert!(expired > 0 && given_back > 0 && joined > 90, "nothing went wrong: {:?}", fleet.seen);
        assert!(too_late < 200, "{:?}", fleet.seen);
    }
}

/// The figures of `docs/scale.md`: `cargo test --release --lib thousand_workers -- --ignored --nocapture`.
#[test]
#[ignore = "minutes; scripts/fleet-long.sh runs it"]
fn a_thousand_workers_do_a_hundred_thousand_units_once() {
    let fleet = simulate(1000, 100_000, 1);
    check(&fleet);
    println!("{:?}", fleet.seen);
}
