//! What every queue does: one suite, run with each.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::unit;
use crate::jobs::state::{Fault, Outlook, Policy, Progress, State};
use crate::jobs::{
    Claim, Clock, Encode, Error, Queue, SqliteQueue, Task, UNIT_VERSION, Unit, Which, WorkerRow,
};

const POLICY: Policy = Policy { most_attempts: 2, first_pause_ms: 1, longest_pause_ms: 1 };
const LEASE: Duration = Duration::from_millis(100);

/// Opens the same queue again, as another process does. The clock may be wrong.
type Open<'a> = &'a dyn Fn(Clock) -> Box<dyn Queue>;

fn sqlite(path: &Path, clock: Clock) -> Box<dyn Queue> {
    Box::new(SqliteQueue::open(path, POLICY, LEASE, clock).unwrap())
}

fn with_each_queue(test: impl Fn(Open<'_>)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue");
    test(&|clock| sqlite(&path, clock));
    #[cfg(feature = "nats")]
    with_nats(&test);
}

/// With a queue of its own on the server that the environment names: `scripts/fleet.sh` starts one.
#[cfg(feature = "nats")]
fn with_nats(test: &impl Fn(Open<'_>)) {
    use crate::jobs::{NatsAddress, NatsQueue, Token};
    let Ok(server) = std::env::var("ORIGAMI_NATS") else {
        eprintln!("SKIPPED: a queue on NATS: ORIGAMI_NATS names no server");
        return;
    };
    let address = format!("{server}/{}", Token::random().unwrap());
    let address = NatsAddress::parse(&address).unwrap().unwrap();
    // A claim that finds nothing waits there.
    test(&|clock| Box::new(NatsQueue::open(&address, POLICY, 10 * LEASE, LEASE / 5, clock).unwrap()));
}

fn states(queue: &dyn Queue) -> [u64; 5] {
    queue.overview().unwrap().counts.map(|count| count.units)
}

fn claim(queue: &dyn Queue, most: usize) -> Vec<Claim> {
    queue.claim("w", most).unwrap()
}

/// Claims until a unit comes: pauses after failures are of a millisecond, leases of 100.
fn claim_soon(queue: &dyn Queue) -> Claim {
    for _ in 0..1000 {
        if let Some(claim) = claim(queue, 1).pop() {
            return claim;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no unit");
}

#[test]
fn units_are_known_once_and_claimed_for_free_slots_only() {
    with_each_queue(|open| {
        let (one, two) = (open(Clock::default()), open(Clock::default()));
        let units: Vec<_> = (0..5).map(unit).collect();
        let first = one.submit(&units).unwrap();
        let second = two.submit(&units).unwrap();
        assert_eq!((first.new, first.known, second.new, second.known), (5, 0, 0, 5));
        let (a, b, c) = (claim(&*one, 2), claim(&*two, 2), claim(&*one, 2));
        assert_eq!((a.len(), b.len(), c.len()), (2, 2, 1));
        let keys: BTreeSet<_> = [a, b, c].concat().into_iter().map(|claim| claim.unit.key).collect();
        assert_eq!(keys.len(), 5, "none was claimed twice");
        assert!(claim(&*two, 9).is_empty());
        assert_eq!(two.submit(&units).unwrap().known, 5, "those that run are known too");
    });
}

#[test]
fn two_workers_that_race_get_each_unit_once() {
    with_each_queue(|open| {
        open(Clock::default()).submit(&(0..60).map(unit).collect::<Vec<_>>()).unwrap();
        let queues = [open(Clock::default()), open(Clock::default()), open(Clock::default())];
        let claimed: Vec<_> = std::thread::scope(|scope| {
            let work = |queue: &dyn Queue| {
                let mut mine = Vec::new();
                while let Some(claim) = queue.claim("w", 1).unwrap().pop() {
                    assert!(queue.finish(&claim, Progress::default()).unwrap());
                    mine.push(claim.unit.key);
                }
                mine
            };
            let threads: Vec<_> = queues.iter().map(|queue| scope.spawn(move || work(&**queue))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(claimed.len(), 60);
        assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 60);
    });
}

#[test]
fn a_silent_worker_loses_its_unit_whatever_the_clocks_say() {
    for off_ms in [-3_600_000, 0, 3_600_000] {
        with_each_queue(|open| {
            let (one, two) = (open(Clock::default()), open(Clock::off_by(off_ms)));
            one.submit(&[unit(0)]).unwrap();
            let lost = claim(&*one, 1).pop().unwrap();
            // While it beats, nobody takes it.
            for _ in 0..10 {
                assert!(one.heartbeat(&lost, Progress::default()).unwrap());
                assert!(claim(&*two, 1).is_empty());
                std::thread::sleep(LEASE / 5);
            }
            let taken = claim_soon(&*two);
            assert_eq!(taken.unit.key, lost.unit.key);
            assert_ne!(taken.token, lost.token);
            assert!(!one.heartbeat(&lost, Progress::default()).unwrap());
            assert!(!one.finish(&lost, Progress::default()).unwrap());
            assert!(!one.give_back(&lost).unwrap());
            assert!(two.finish(&taken, Progress::default()).unwrap());
            assert_eq!(states(&*one), [0, 0, 1, 0, 0]);
        });
    }
}

#[test]
fn a_failure_is_tried_again_and_then_given_up() {
    with_each_queue(|open| {
        let queue = open(Clock::default());
        queue.submit(&[unit(0)]).unwrap();
        let fault = Fault::new(Outlook::Transient, "no network");
        for state in [State::Waiting, State::Dead] {
            let claim = claim_soon(&*queue);
            let record = queue.fail(&claim, fault.clone(), &POLICY).unwrap().unwrap();
            assert_eq!(record.state, state);
        }
        let overview = queue.overview().unwrap();
        assert_eq!(overview.dead[0].fault, Some(fault));
        assert!(overview.is_over());
        assert_eq!(queue.retry(&Which::All).unwrap(), 1);
        assert_eq!(states(&*queue), [1, 0, 0, 0, 0]);
        claim_soon(&*queue);
    });
}

#[test]
fn a_unit_that_is_given_back_is_there_at_once() {
    with_each_queue(|open| {
        let queue = open(Clock::default());
        queue.submit(&[unit(0)]).unwrap();
        for _ in 0..10 {
            let claim = claim(&*queue, 1).pop().unwrap();
            assert!(queue.give_back(&claim).unwrap());
        }
        assert_eq!(states(&*queue), [1, 0, 0, 0, 0]);
    });
}

#[test]
fn cancelling_ends_what_waits_and_what_runs() {
    with_each_queue(|open| {
        let queue = open(Clock::default());
        queue.submit(&[unit(0), unit(1), unit(2)]).unwrap();
        let (running, done) = (claim(&*queue, 1).pop().unwrap(), claim(&*queue, 1).pop().unwrap());
        queue.finish(&done, Progress::default()).unwrap();
        assert_eq!(
            queue.cancel(&Which::Keys(vec![running.unit.key.clone(), done.unit.key.clone()])).unwrap(),
            1
        );
        assert!(!queue.heartbeat(&running, Progress::default()).unwrap());
        assert_eq!(queue.cancel(&Which::All).unwrap(), 1);
        assert_eq!(states(&*queue), [0, 0, 1, 0, 2]);
        assert!(claim(&*queue, 9).is_empty());
        assert_eq!(queue.retry(&Which::Keys(vec![running.unit.key])).unwrap(), 1);
        assert_eq!(claim(&*queue, 9).len(), 1);
    });
}

/// A slide and its two bands.
fn split_slide(number: usize) -> (Unit, [Unit; 2]) {
    let encode = Encode::default();
    let source = unit(number);
    let task = Task::Encode(encode.clone());
    let slide = Unit::new(task, source.source, source.thing, source.identity, 10).unwrap();
    let bands = [0..2, 2..4].map(|rows| slide.band(encode.clone(), rows, 4).unwrap());
    (slide, bands)
}

#[test]
fn a_slide_that_was_split_waits_for_its_bands() {
    with_each_queue(|open| {
        let (queue, (slide, bands)) = (open(Clock::default()), split_slide(0));
        queue.submit(&[slide.clone(), unit(1)]).unwrap();
        let begun = claim(&*queue, 1).pop().unwrap();
        assert_eq!((&begun.unit, begun.bands.len()), (&slide, 0));
        assert!(queue.split(&begun, &bands).unwrap());
        assert!(!queue.split(&begun, &bands).unwrap(), "the attempt has ended");
        let waiting = queue.overview().unwrap().count(State::Waiting);
        assert_eq!((waiting.units, waiting.bands, waiting.bytes), (2, 2, 20));
        let claims = claim(&*queue, 9);
        let keys: BTreeSet<_> = claims.iter().map(|claim| claim.unit.key.clone()).collect();
        let all = [bands[0].key.clone(), bands[1].key.clone(), unit(1).key];
        assert_eq!(keys, all.into_iter().collect(), "all but the slide, which is not due");
        claims.iter().for_each(|claim| assert!(queue.finish(claim, Progress::default()).unwrap()));
        assert!(!queue.overview().unwrap().is_over());
        assert!(!queue.wake(&unit(1).key).unwrap());
        assert!(queue.wake(&slide.key).unwrap());
        let last = claim_soon(&*queue);
        assert_eq!(
            (last.unit.key.clone(), last.bands.clone()),
            (slide.key.clone(), bands.map(|band| band.key).to_vec())
        );
        assert_eq!(queue.record(&slide.key).unwrap().unwrap().attempts, 1, "a split costs no attempt");
        assert!(queue.finish(&last, Progress::default()).unwrap());
        assert_eq!(states(&*queue), [0, 0, 2, 0, 0]);
        assert!(queue.overview().unwrap().is_over());
    });
}

/// Claims one of these before any other. A server tells of a message a moment after it took it: what comes instead is given back, and
/// is the next again.
fn claim_before_others(queue: &dyn Queue, wanted: &[&Unit]) -> Claim {
    for _ in 0..100 {
        let claim = claim_soon(queue);
        if wanted.iter().any(|unit| unit.key == claim.unit.key) {
            return claim;
        }
        assert!(queue.give_back(&claim).unwrap());
    }
    panic!("another comes first");
}

#[test]
fn a_slide_that_has_begun_is_finished_before_others_begin() {
    with_each_queue(|open| {
        let (queue, (slide, bands)) = (open(Clock::default()), split_slide(0));
        queue.submit(std::slice::from_ref(&slide)).unwrap();
        queue.submit(&(1..6).map(unit).collect::<Vec<_>>()).unwrap();
        let begun = claim(&*queue, 1).pop().unwrap();
        assert!(queue.split(&begun, &bands).unwrap());
        let [a, b] = &bands;
        // One that comes back stays before others.
        assert!(queue.give_back(&claim_before_others(&*queue, &[a, b])).unwrap());
        let claims = [(); 2].map(|()| claim_before_others(&*queue, &[a, b]));
        assert_ne!(claims[0].unit, claims[1].unit);
        claims.iter().for_each(|claim| assert!(queue.finish(claim, Progress::default()).unwrap()));
        assert!(queue.wake(&slide.key).unwrap());
        claim_before_others(&*queue, &[&slide]);
        let mut others = BTreeSet::new();
        while others.len() < 5 {
            others.insert(claim_soon(&*queue).unit.key);
        }
        assert!(claim(&*queue, 9).is_empty());
    });
}

#[test]
fn bands_are_cancelled_and_tried_again_with_their_slide() {
    with_each_queue(|open| {
        let (queue, (slide, bands)) = (open(Clock::default()), split_slide(0));
        queue.submit(std::slice::from_ref(&slide)).unwrap();
        let begun = claim(&*queue, 1).pop().unwrap();
        queue.split(&begun, &bands).unwrap();
        let running = claim(&*queue, 1).pop().unwrap();
        assert_eq!(queue.cancel(&Which::Keys(vec![slide.key.clone()])).unwrap(), 1);
        assert!(!queue.heartbeat(&running, Progress::default()).unwrap());
        assert!(claim(&*queue, 9).is_empty());
        let bands_in = |state| queue.overview().unwrap().count(state).bands;
        assert_eq!((bands_in(State::Cancelled), queue.overview().unwrap().is_over()), (2, true));
        assert_eq!(queue.retry(&Which::All).unwrap(), 1);
        assert_eq!((bands_in(State::Waiting), states(&*queue)), (2, [1, 0, 0, 0, 0]));
    });
}

#[test]
fn a_slide_that_was_moved_is_tried_again_where_it_is_now() {
    with_each_queue(|open| {
        let (queue, (slide, bands)) = (open(Clock::default()), split_slide(0));
        let moved = |unit: &Unit| Unit { source: "/moved".into(), ..unit.clone() };
        queue.submit(&[slide.clone(), unit(1)]).unwrap();
        let begun = claim(&*queue, 1).pop().unwrap();
        assert!(queue.split(&begun, &bands).unwrap());
        // Everything but the slide is given up.
        for claim in claim(&*queue, 9) {
            let fault = Fault::new(Outlook::Permanent, "it is not there");
            queue.fail(&claim, fault, &POLICY).unwrap();
        }
        let again = queue.submit(&[moved(&slide), moved(&unit(1)), unit(2)]).unwrap();
        assert_eq!((again.new, again.known, again.moved), (1, 0, 2));
        assert_eq!(queue.submit(&[moved(&slide)]).unwrap().known, 1);
        let claims = claim(&*queue, 9);
        assert_eq!(claims.len(), 4, "two bands, two other units: {claims:?}");
        let at_home = |claim: &&Claim| claim.unit.source != "/moved";
        assert_eq!(claims.iter().find(at_home).map(|claim| &claim.unit.key), Some(&unit(2).key));
    });
}

#[test]
fn a_call_is_owed_until_it_was_made_and_one_worker_takes_it_over() {
    with_each_queue(|open| {
        let queue = open(Clock::default());
        let called = |number| Unit { callback: Some("http://host/told".into()), ..unit(number) };
        queue.submit(&[called(0), called(1), unit(2)]).unwrap();
        assert!(queue.owed().unwrap().is_empty());
        let claims = claim(&*queue, 3);
        assert_eq!(claims.len(), 3);
        for claim in &claims {
            let fault = Fault::new(Outlook::Permanent, "damaged");
            match claim.unit.key == called(1).key {
                true => drop(queue.fail(claim, fault, &POLICY).unwrap()),
                false => drop(queue.finish(claim, Progress::default()).unwrap()),
            }
        }
        let owed = queue.owed().unwrap();
        let ends: BTreeSet<_> = owed.iter().map(|entry| entry.record.state.name()).collect();
        assert_eq!((owed.len(), ends), (2, BTreeSet::from(["dead", "done"])));
        assert!(queue.take_call(&owed[0], "next").unwrap());
        assert!(!queue.take_call(&owed[0], "another").unwrap(), "its worker is another now");
        queue.told(&called(0).key, State::Dead).unwrap();
        assert_eq!(queue.owed().unwrap().len(), 2, "that is not how it ended");
        queue.told(&called(0).key, State::Done).unwrap();
        queue.told(&called(1).key, State::Dead).unwrap();
        assert!(queue.owed().unwrap().is_empty());
        // Tried again, it ends anew.
        queue.retry(&Which::All).unwrap();
        queue.finish(&claim_soon(&*queue), Progress::default()).unwrap();
        assert_eq!(queue.owed().unwrap().len(), 1);
    });
}

#[test]
fn a_queue_agrees_with_the_results_after_it_was_settled() {
    with_each_queue(|open| {
        let queue = open(Clock::default());
        assert!(queue.settle(&unit(0), true).unwrap(), "it was not known");
        assert!(queue.settle(&unit(1), false).unwrap());
        assert_eq!(states(&*queue), [1, 0, 1, 0, 0]);
        assert!(queue.settle(&unit(1), true).unwrap());
        assert!(!queue.settle(&unit(1), true).unwrap());
        assert!(queue.settle(&unit(0), false).unwrap(), "its manifest is gone");
        assert_eq!(states(&*queue), [1, 0, 1, 0, 0]);
        let mut seen = 0;
        queue
            .each(&mut |_| {
                seen += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, 2);
    });
}

#[test]
fn a_queue_has_one_place_for_its_results() {
    with_each_queue(|open| {
        let queue = open(Clock::default());
        assert_eq!(queue.place().unwrap(), None);
        queue.bind("/a").unwrap();
        queue.bind("/a").unwrap();
        assert!(matches!(open(Clock::default()).bind("/b"), Err(Error::OtherPlace { .. })));
        assert_eq!(queue.place().unwrap().as_deref(), Some("/a"));
    });
}

#[test]
fn of_several_manifests_of_a_unit_the_first_is_elected() {
    with_each_queue(|open| {
        let (one, two, key) = (open(Clock::default()), open(Clock::default()), unit(0).key);
        assert_eq!(one.elect(&key, "first").unwrap(), "first");
        assert_eq!(two.elect(&key, "second").unwrap(), "first");
        assert_eq!(two.elect(&unit(1).key, "second").unwrap(), "second");
    });
}

#[test]
fn a_worker_is_shown_as_it_says_it_is() {
    with_each_queue(|open| {
        let queue = open(Clock::default());
        let mut row: WorkerRow = serde_json::from_value(serde_json::json!({
            "name": "w", "began_ms": 0, "seen_ms": 7_200_000, "ended": false, "slots": 1, "units": 3, "families": 9,
            "pixels": 10, "source_bytes": 5, "price_per_hour": 1.5, "pixels_per_s": 4.0, "source_bytes_per_s": 2.0,
        }))
        .unwrap();
        queue.report(&row).unwrap();
        row.units = 4;
        queue.report(&row).unwrap();
        queue.submit(&[unit(0)]).unwrap();
        let overview = queue.overview().unwrap();
        assert_eq!(overview.workers, [row]);
        assert_eq!(overview.cost(), 3.0);
        assert_eq!(overview.seconds_left(7_200_000), Some(5.0), "10 bytes wait, 2 a second");
        assert_eq!(overview.seconds_left(7_300_000), None, "the worker is gone");
    });
}

#[test]
fn units_of_another_version_are_left_alone() {
    with_each_queue(|open| {
        let queue = open(Clock::default());
        let newer = crate::jobs::Unit { version: UNIT_VERSION + 1, ..unit(0) };
        queue.submit(&[newer, unit(1)]).unwrap();
        assert_eq!(claim(&*queue, 9).len(), 1);
        assert_eq!(states(&*queue), [1, 1, 0, 0, 0]);
        assert!(Task::KINDS.contains(&unit(0).task.kind()));
    });
}

#[test]
fn a_file_that_is_no_queue_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other");
    let open = |path: &Path| SqliteQueue::open(path, POLICY, LEASE, Clock::default()).map(drop);
    std::fs::write(&path, "a text that is long enough to be no database at all").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(open(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let other = dir.path().join("other.sqlite");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
    let before = std::fs::read(&other).unwrap();
    assert!(matches!(open(&other), Err(Error::OtherQueue { found: 0, .. })));
    assert_eq!(std::fs::read(&other).unwrap(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nor is there a journal beside it");
}

#[cfg(feature = "nats")]
#[test]
fn a_queue_on_a_server_has_one_service() {
    with_nats(&|open: Open<'_>| {
        let (one, two) = (open(Clock::default()), open(Clock::default()));
        assert!(one.begin_service("one").unwrap());
        // While it goes on no other begins, and nobody waits for long to hear that.
        std::thread::scope(|scope| {
            let other = scope.spawn(|| two.begin_service("two").unwrap());
            while !other.is_finished() {
                assert!(one.keep_service("one").unwrap());
                std::thread::sleep(LEASE / 5);
            }
            assert!(!other.join().unwrap());
        });
        // One that ends lets the next begin.
        one.end_service("one").unwrap();
        assert!(two.begin_service("two").unwrap());
        // One that is silent is taken for dead, and learns of it.
        let three = open(Clock::default());
        assert!(three.begin_service("three").unwrap());
        assert!(!two.keep_service("two").unwrap());
        two.end_service("two").unwrap();
        assert!(three.keep_service("three").unwrap());
    });
}

/// The figures of `docs/scale.md`: `scripts/fleet-long.sh` runs it.
#[cfg(feature = "nats")]
#[test]
#[ignore = "minutes; scripts/fleet-long.sh runs it"]
fn a_look_at_a_hundred_thousand_units_on_a_server() {
    use std::time::Instant;
    with_nats(&|open: Open<'_>| {
        let (queue, units) = (open(Clock::default()), (0..100_000).map(unit).collect::<Vec<_>>());
        let timed = |what: &str, look: &dyn Fn()| {
            let began = Instant::now();
            look();
            println!("{what}: {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
        };
        timed("submit", &|| assert_eq!(queue.submit(&units).unwrap().new, 100_000));
        let fresh = open(Clock::default());
        timed("every record", &|| fresh.each(&mut |_| Ok(())).unwrap());
        timed("the first look of a process", &|| assert_eq!(fresh.overview().unwrap().units(), 100_000));
        timed("the next look, nothing has changed", &|| assert!(!fresh.overview().unwrap().is_over()));
        for claim in claim(&*queue, 500) {
            queue.finish(&claim, Progress::default()).unwrap();
        }
        timed("a look after 500 units were done", &|| {
            assert!(fresh.overview().unwrap().count(State::Done).units > 0);
        });
    });
}
