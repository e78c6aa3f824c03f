//! Slides in bands: what holds for units holds for them.

use std::fs;
use std::time::Duration;

use super::workers::{Lab, large, unneeded};
use crate::backend::scheduler::Scheduler;
use crate::backend::{Cancel, CpuBackend};
use crate::jobs::content::Content;
use crate::jobs::reconcile::{clean, reconcile};
use crate::jobs::results::MANIFEST_SCHEMA;
use crate::jobs::run::split;
use crate::jobs::state::State;
use crate::jobs::worker::Event;
use crate::jobs::{Clock, Key, Manifest, Published, Queue, SqliteQueue, Task, Token, Unit, Which};

/// Splits the only slide of a lab, as the first attempt at it does.
fn split_by_hand(lab: &Lab, queue: &SqliteQueue) -> Vec<Unit> {
    let slide = queue.claim("first", 1).unwrap().pop().unwrap();
    let Task::Encode(task) = &slide.unit.task else { panic!("{slide:?}") };
    let (backend, scheduler) = (CpuBackend::new(), Scheduler::new(1).unwrap());
    let most = slide.unit.most_families.unwrap();
    let bands = split(&slide.unit, task, most, &backend, &scheduler).unwrap();
    bands.iter().for_each(|band| lab.results.announce(band).unwrap());
    assert!(queue.split(&slide, &bands).unwrap());
    bands
}

/// Works until some bands are done and another is at work, then does `then`. Returns what happened.
fn in_mid_band(lab: &Lab, then: impl Fn(&SqliteQueue, &Cancel)) -> Vec<(Key, Event)> {
    let (queue, stop) = (lab.queue(Clock::default()), Cancel::default());
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| lab.work("w", Clock::default(), &stop).1);
        loop {
            let overview = queue.overview().unwrap();
            let at_work =
                overview.running.iter().any(|unit| unit.rows.is_some() && unit.progress.families > 0);
            if at_work && overview.count(State::Done).bands > 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        then(&queue, &stop);
        worker.join().unwrap()
    })
}

fn done_bands(lab: &Lab, events: &[(Key, Event)]) -> usize {
    let of_band = |key: &Key| *key != lab.units[0].key;
    events.iter().filter(|(key, event)| of_band(key) && *event == Event::Done(true)).count()
}

fn lose(lab: &Lab) {
    for name in ["queue", "queue-wal", "queue-shm"] {
        drop(fs::remove_file(lab.dir.path().join(name)));
    }
}

#[test]
fn workers_make_of_bands_what_a_serial_run_makes() {
    let lab = Lab::with(5, Some(2));
    let tallies: Vec<_> = std::thread::scope(|scope| {
        let work = |name| lab.work(name, Clock::default(), &Cancel::default());
        let threads = ["a", "b", "c"].map(|name| scope.spawn(move || work(name)));
        threads.map(|thread| thread.join().unwrap()).to_vec()
    });
    assert_eq!(tallies.iter().map(|(tally, _)| tally.done).sum::<u64>(), 5, "bands do not count");
    assert!(tallies.iter().flat_map(|(_, events)| events).any(|(_, event)| *event == Event::Split(2)));
    lab.check();
    let overview = lab.queue(Clock::default()).overview().unwrap();
    assert_eq!(
        (overview.count(State::Done).bands, overview.finished().0),
        (10, 20),
        "each family is counted once"
    );
}

#[test]
fn a_worker_that_leaves_in_mid_band_loses_that_band_only_even_if_the_queue_is_lost() {
    let lab = large();
    let before = in_mid_band(&lab, |_, stop| stop.request());
    assert!(before.iter().any(|(_, event)| *event == Event::GivenBack), "{before:?}");
    // One that is done while the worker leaves may be among those that are given back.
    let kept = lab.results.list().unwrap().values().filter(|held| held.manifest).count();
    assert!(kept >= done_bands(&lab, &before) && kept > 0);
    lose(&lab);
    let queue = lab.queue(Clock::default());
    let found = reconcile(&queue, &lab.results, 3_600_000, Clock::default()).unwrap();
    assert_eq!((found.done, found.open, found.orphans.len()), (0, 1, 0));
    let after = lab.work("x", Clock::default(), &Cancel::default()).1;
    assert_eq!(kept + done_bands(&lab, &after), 6, "no band is encoded twice: {after:?}");
    lab.check();
}

#[test]
fn of_two_workers_at_one_band_the_late_one_leaves_nothing_that_is_not_found() {
    let lab = Lab::with(1, Some(2));
    let queue = lab.queue(Clock::default());
    split_by_hand(&lab, &queue);
    let slow = queue.claim("slow", 1).unwrap().pop().unwrap();
    let dir = lab.results.begin(&slow.unit.key, &slow.token).unwrap();
    fs::write(dir.join("families.band"), "half").unwrap();
    lab.work("fast", Clock::default(), &Cancel::default());
    assert!(!queue.finish(&slow, Default::default()).unwrap());
    // The bands of a slide that is done were removed: now the late one creates the manifest of one.
    let dir = lab.results.begin(&slow.unit.key, &slow.token).unwrap();
    fs::write(dir.join("families.band"), "late").unwrap();
    let late = Manifest {
        schema: MANIFEST_SCHEMA,
        unit: slow.unit.clone(),
        attempt: slow.token.clone(),
        worker: "slow".into(),
        path: lab.results.path_of(&slow.unit.key, &slow.token),
        main: "families.band".into(),
        content: Content::of(&dir).unwrap(),
        families: 2,
        pixels: 1,
        notes: Vec::new(),
    };
    assert_eq!(lab.results.publish(&late, &unneeded).unwrap(), Published::Won);
    for lost in [false, true] {
        if lost {
            lose(&lab);
        }
        let queue = lab.queue(Clock::default());
        let found = reconcile(&queue, &lab.results, u64::MAX, Clock::default()).unwrap();
        assert_eq!((found.done, found.open, found.orphans.len()), (1, 0, 1), "lost: {lost}");
        assert!(queue.claim("w", 9).unwrap().is_empty(), "nobody encodes it again");
        if lost {
            assert_eq!(clean(&lab.results, &found.orphans).unwrap(), 1);
        }
    }
    lab.check();
}

#[test]
fn a_worker_that_was_killed_before_it_removed_the_bands_leaves_them_to_the_next() {
    let lab = Lab::with(1, Some(2));
    let queue = lab.queue(Clock::default());
    let bands = split_by_hand(&lab, &queue);
    // A manifest of the slide is there, and the queue does not know; so are the bands.
    let (slide, token) = (&lab.units[0], Token::of(7));
    lab.work("whole", Clock::default(), &Cancel::default());
    let manifest = lab.manifest(slide).unwrap();
    lose(&lab);
    bands.iter().for_each(|band| lab.results.announce(band).unwrap());
    lab.results.begin(&bands[0].key, &token).unwrap();
    let queue = lab.queue(Clock::default());
    queue.submit(std::slice::from_ref(slide)).unwrap();
    split_by_hand(&lab, &queue);
    queue.wake(&slide.key).unwrap();
    let (tally, events) = lab.work("next", Clock::default(), &Cancel::default());
    assert_eq!(tally.done, 0, "{events:?}");
    assert_eq!(lab.manifest(slide), Some(manifest));
    lab.check();
}

#[test]
fn a_slide_that_is_cancelled_in_mid_band_ends_and_can_be_tried_again() {
    let lab = large();
    let slide = &lab.units[0].key;
    let events = in_mid_band(&lab, |queue, _| {
        assert_eq!(queue.cancel(&Which::Keys(vec![slide.clone()])).unwrap(), 1);
    });
    assert!(done_bands(&lab, &events) < 6 && lab.manifest(&lab.units[0]).is_none(), "{events:?}");
    let queue = lab.queue(Clock::default());
    assert_eq!(queue.overview().unwrap().count(State::Cancelled).units, 1);
    // What is done of it is left over.
    let found = reconcile(&queue, &lab.results, 0, Clock::default()).unwrap();
    assert_eq!(found.orphans.len(), 6, "{found:?}");
    clean(&lab.results, &found.orphans).unwrap();
    assert_eq!(queue.retry(&Which::Keys(vec![slide.clone()])).unwrap(), 1);
    lab.work("again", Clock::default(), &Cancel::default());
    lab.check();
}

#[test]
fn a_slide_is_given_up_with_the_band_that_cannot_be_done() {
    let lab = Lab::with(1, Some(2));
    let queue = lab.queue(Clock::default());
    split_by_hand(&lab, &queue);
    let (slide, path) = (&lab.units[0], lab.units[0].source.clone());
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let events = lab.work("w", Clock::default(), &Cancel::default()).1;
    let fault = events.iter().find(|(key, _)| *key == slide.key).map(|(_, event)| event);
    let Some(Event::Failed(State::Dead, fault)) = fault else { panic!("{events:?}") };
    assert!(fault.message.contains(" of families: "), "{fault:?}");
    fs::write(&path, whole).unwrap();
    assert_eq!(queue.retry(&Which::All).unwrap(), 1);
    lab.work("w", Clock::default(), &Cancel::default());
    lab.check();
}
