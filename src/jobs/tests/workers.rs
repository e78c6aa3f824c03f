//! Workers, a queue in a file and results in a directory, in one process.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::backend::scheduler::Scheduler;
use crate::backend::{Cancel, CpuBackend};
use crate::codec::encode_png;
use crate::encode::{EncodeOptions, encode};
use crate::image::geometry::Geometry;
use crate::jobs::callback::{self, Notifier};
use crate::jobs::reconcile::reconcile;
use crate::jobs::state::{Policy, State};
use crate::jobs::worker::{Event, Tally, Worker, WorkerOptions};
use crate::jobs::{
    Clock, Encode, Key, Manifest, Published, Queue, Renderer, Results, Source, SqliteQueue, Task, Token,
    Unit, Which, WorkerRow,
};
use crate::params::EncodeParams;
use crate::pyramid::identity::Identity;
use crate::pyramid::source;
use crate::slide::{OpenOptions, Slide};

const LEASE: Duration = Duration::from_millis(300);

/// Slides, a queue and a place for results.
pub struct Lab {
    pub dir: tempfile::TempDir,
    pub results: Results,
    pub units: Vec<Unit>,
}

impl Lab {
    /// `slides` slides of 90x70 pixels, in tiles of 16: two by two families.
    pub fn new(slides: u32) -> Self {
        Self::with(slides, None)
    }

    /// The same with slides that are split where they have more families than a limit.
    pub fn with(slides: u32, most_families: Option<u64>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let unit = |path: PathBuf| Unit { most_families, ..unit(&path) };
        let units = (0..slides).map(|n| unit(png(dir.path(), n, 90, 70))).collect();
        let lab = Self { results: Results::open(&dir.path().join("out"), dir.path()).unwrap(), dir, units };
        let queue = lab.queue(Clock::default());
        lab.units.iter().for_each(|unit| lab.results.announce(unit).unwrap());
        queue.submit(&lab.units).unwrap();
        lab
    }

    pub fn queue(&self, clock: Clock) -> SqliteQueue {
        SqliteQueue::open(&self.dir.path().join("queue"), Policy::default(), LEASE, clock).unwrap()
    }

    /// A worker that ends when nothing is left, or when `stop` is requested.
    pub fn work(&self, name: &str, clock: Clock, stop: &Cancel) -> (Tally, Vec<(Key, Event)>) {
        self.work_and_call(name, clock, stop, None)
    }

    /// A worker that tells addresses, until it is stopped.
    fn stay(&self, name: &str, stop: &Cancel, notifier: &Notifier) {
        self.work_and_call(name, Clock::default(), stop, Some(notifier));
    }

    /// One that stays where it has addresses to tell.
    fn work_and_call(
        &self,
        name: &str,
        clock: Clock,
        stop: &Cancel,
        notifier: Option<&Notifier>,
    ) -> (Tally, Vec<(Key, Event)>) {
        let (queue, scheduler, events) =
            (self.queue(clock), Scheduler::new(1).unwrap(), Mutex::new(Vec::new()));
        let worker = Worker {
            queue: &queue,
            results: &self.results,
            backend: &CpuBackend::new(),
            scheduler: &scheduler,
            renderer: &Renderer::default(),
            options: WorkerOptions {
                name: name.into(),
                slots: 2,
                until_empty: notifier.is_none(),
                policy: Policy::default(),
                heartbeat: LEASE / 6,
                price_per_hour: 0.0,
                calls_after: LEASE,
                clock,
            },
            stop: stop.clone(),
            notifier,
            report: &|claim, event| events.lock().unwrap().push((claim.unit.key.clone(), event.clone())),
        };
        (worker.run().unwrap(), events.into_inner().unwrap())
    }

    pub fn manifest(&self, unit: &Unit) -> Option<Manifest> {
        self.results.manifest(&unit.key).unwrap()
    }

    /// The file of a manifest.
    fn main(&self, manifest: &Manifest) -> PathBuf {
        Path::new(self.results.place()).join(&manifest.path).join(&manifest.main)
    }

    /// Every unit has a manifest, the bytes of a serial run, and nothing is left over.
    pub fn check(&self) {
        for unit in &self.units {
            let manifest = self.manifest(unit).unwrap();
            let serial = self.dir.path().join("serial").join(unit.key.as_str());
            assert!(fs::read(self.main(&manifest)).unwrap() == fs::read(serially(unit, &serial)).unwrap());
            let held = &self.results.list().unwrap()[&unit.key];
            assert_eq!(held.attempts.keys().collect::<Vec<_>>(), [&manifest.attempt]);
        }
        assert_eq!(self.results.list().unwrap().len(), self.units.len(), "no bands are left");
        let queue = self.queue(Clock::default());
        assert_eq!(queue.overview().unwrap().count(State::Done).units, self.units.len() as u64);
    }
}

/// A lab with one slide of 24 x 24 families in bands of 4 rows.
pub fn large() -> Lab {
    let mut lab = Lab::new(0);
    let unit = Unit { most_families: Some(100), ..unit(&png(lab.dir.path(), 50, 1500, 1500)) };
    lab.results.announce(&unit).unwrap();
    lab.queue(Clock::default()).submit(std::slice::from_ref(&unit)).unwrap();
    lab.units.push(unit);
    lab
}

/// A slide with something to see in it.
fn png(dir: &Path, seed: u32, width: usize, height: usize) -> PathBuf {
    let sample = |i: usize| {
        let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
        ((x * (5 + seed as usize) + y * 3 + c * 40) % 200 + x * y % 31) as u8
    };
    let pixels: Vec<u8> = (0..3 * width * height).map(sample).collect();
    let path = dir.join(format!("{seed}.png"));
    fs::write(&path, encode_png(&pixels, 3, width, height).unwrap()).unwrap();
    path
}

fn unit(slide: &Path) -> Unit {
    let task = Task::Encode(Encode { tile: Some(16), ..Encode::default() });
    let identity = Identity::of_file(slide).unwrap();
    Unit::new(task, slide.to_str().unwrap().into(), Source::Slide, identity.text, identity.bytes).unwrap()
}

/// What `encode` makes of the unit's slide.
fn serially(unit: &Unit, out: &Path) -> PathBuf {
    let slide = Slide::open(Path::new(&unit.source), &OpenOptions::default()).unwrap();
    let geometry = Geometry::new(slide.info.width, slide.info.height, 16).unwrap();
    let mut source = source::Source::Slide(Box::new(slide), geometry);
    let (params, options) = (EncodeParams::default(), EncodeOptions::default());
    let scheduler = Scheduler::new(1).unwrap();
    encode(&mut source, out, &params, &options, &CpuBackend::new(), &scheduler, &|_| ()).unwrap().bundle
}

/// The election of a store that needs none.
pub fn unneeded(_: &Key, _: &str) -> crate::jobs::Result<String> {
    panic!("a directory creates once")
}

#[test]
fn workers_make_what_a_serial_run_makes() {
    let lab = Lab::new(12);
    let tallies: Vec<_> = std::thread::scope(|scope| {
        let work = |name| lab.work(name, Clock::default(), &Cancel::default()).0;
        let threads = ["a", "b", "c"].map(|name| scope.spawn(move || work(name)));
        threads.map(|thread| thread.join().unwrap()).to_vec()
    });
    assert_eq!(tallies.iter().map(|tally| tally.done).sum::<u64>(), 12);
    assert_eq!(tallies.iter().map(|tally| tally.failed).sum::<u64>(), 0);
    lab.check();
    // A second submit changes nothing, and there is nothing to do.
    let queue = lab.queue(Clock::default());
    assert_eq!(queue.submit(&lab.units).unwrap().known, 12);
    assert_eq!(lab.work("d", Clock::default(), &Cancel::default()).0, Tally::default());
}

#[test]
fn a_clock_that_is_an_hour_off_changes_nothing() {
    let lab = Lab::new(6);
    let hour_ms = 3_600_000;
    std::thread::scope(|scope| {
        for (name, off_ms) in [("early", -hour_ms), ("right", 0), ("late", hour_ms)] {
            let lab = &lab;
            scope.spawn(move || lab.work(name, Clock::off_by(off_ms), &Cancel::default()));
        }
    });
    lab.check();
}

#[test]
fn of_two_attempts_at_one_unit_one_counts_and_the_other_leaves_nothing() {
    let lab = Lab::new(1);
    let (one, two) = (lab.queue(Clock::default()), lab.queue(Clock::default()));
    // The first worker claims, and says nothing more, but goes on.
    let slow = one.claim("slow", 1).unwrap().pop().unwrap();
    let dir = lab.results.begin(&slow.unit.key, &slow.token).unwrap();
    fs::write(dir.join("part"), "half").unwrap();
    let (tally, events) = lab.work("fast", Clock::default(), &Cancel::default());
    assert_eq!((tally.done, &events[0].1), (1, &Event::Done(true)));
    let winner = lab.manifest(&lab.units[0]).unwrap();
    // Now the slow one is ready: it must not win, and must know.
    let late = Manifest { attempt: slow.token.clone(), worker: "slow".into(), ..winner.clone() };
    assert_eq!(lab.results.publish(&late, &unneeded).unwrap(), Published::Lost(Box::new(winner.clone())));
    assert!(!one.finish(&slow, Default::default()).unwrap());
    // Who lost the answer to its own publication has won.
    assert_eq!(lab.results.publish(&winner, &unneeded).unwrap(), Published::Won);
    let found = reconcile(&two, &lab.results, u64::MAX, Clock::default()).unwrap();
    assert!(!dir.exists() && found.orphans.is_empty(), "what cannot count any more: {found:?}");
    lab.check();
}

#[test]
fn a_lost_queue_is_made_again_and_the_work_goes_on() {
    let lab = Lab::new(5);
    let stop = Cancel::default();
    stop.request();
    lab.work("nothing", Clock::default(), &stop);
    // Two are done, one was begun by a worker that is gone.
    for unit in &lab.units[..2] {
        let token = Token::random().unwrap();
        let dir = lab.results.begin(&unit.key, &token).unwrap();
        let bundle = serially(unit, &dir);
        let content = crate::jobs::content::Content::of(&dir).unwrap();
        let manifest = Manifest {
            schema: 1,
            unit: unit.clone(),
            attempt: token.clone(),
            worker: "w".into(),
            path: lab.results.path_of(&unit.key, &token),
            main: bundle.strip_prefix(&dir).unwrap().to_str().unwrap().into(),
            content,
            families: 4,
            pixels: 1,
            notes: Vec::new(),
        };
        assert_eq!(lab.results.publish(&manifest, &unneeded).unwrap(), Published::Won);
    }
    let gone = Token::random().unwrap();
    lab.results.begin(&lab.units[2].key, &gone).unwrap();
    for name in ["queue", "queue-wal", "queue-shm"] {
        drop(fs::remove_file(lab.dir.path().join(name)));
    }
    let queue = lab.queue(Clock::default());
    let found = reconcile(&queue, &lab.results, 3_600_000, Clock::default()).unwrap();
    assert_eq!((found.done, found.open, found.corrected, found.young), (2, 3, 5, 1));
    assert!(found.orphans.is_empty(), "an attempt that may be at work is left alone");
    assert_eq!(lab.work("w", Clock::default(), &Cancel::default()).0.done, 3);
    let found = reconcile(&queue, &lab.results, 3_600_000, Clock::default()).unwrap();
    assert!(
        found.orphans.is_empty() && found.young == 0,
        "the attempt that counts has removed it: {found:?}"
    );
    lab.check();
}

#[test]
fn a_worker_that_is_asked_to_end_gives_its_units_back() {
    let lab = Lab::new(0);
    let queue = lab.queue(Clock::default());
    // Large enough to be at work for a while.
    let units: Vec<_> = (0..2).map(|n| unit(&png(lab.dir.path(), 50 + n, 1500, 1500))).collect();
    queue.submit(&units).unwrap();
    let stop = Cancel::default();
    let events = std::thread::scope(|scope| {
        let worker = scope.spawn(|| lab.work("w", Clock::default(), &stop).1);
        while queue.overview().unwrap().running.iter().filter(|unit| unit.progress.families > 0).count() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        stop.request();
        worker.join().unwrap()
    });
    assert_eq!(events.iter().filter(|(_, event)| *event == Event::GivenBack).count(), 2);
    let mut attempts = Vec::new();
    queue
        .each(&mut |entry| {
            attempts.push((entry.record.state, entry.record.attempts));
            Ok(())
        })
        .unwrap();
    assert_eq!(attempts, [(State::Waiting, 0); 2]);
    assert!(lab.results.list().unwrap().values().all(|held| held.attempts.is_empty()));
}

#[test]
fn a_cancelled_unit_ends_between_two_families() {
    let lab = Lab::new(0);
    let queue = lab.queue(Clock::default());
    let unit = unit(&png(lab.dir.path(), 50, 2000, 2000));
    queue.submit(std::slice::from_ref(&unit)).unwrap();
    let of = 32 * 32;
    let (events, done) = std::thread::scope(|scope| {
        let worker = scope.spawn(|| lab.work("w", Clock::default(), &Cancel::default()).1);
        let families = || queue.overview().unwrap().running.first().map_or(0, |unit| unit.progress.families);
        let done = loop {
            match families() {
                0 => std::thread::sleep(Duration::from_millis(5)),
                done => break done,
            }
        };
        assert_eq!(queue.cancel(&Which::All).unwrap(), 1);
        (worker.join().unwrap(), done)
    });
    assert!(done < of);
    assert_eq!(events, [(unit.key.clone(), Event::TakenAway)]);
    assert_eq!(lab.results.manifest(&unit.key).unwrap(), None);
    assert!(lab.results.list().unwrap().values().all(|held| held.attempts.is_empty()));
}

#[test]
fn what_cannot_be_done_is_given_up_with_its_reason() {
    let lab = Lab::new(3);
    fs::write(&lab.units[0].source, "no slide").unwrap();
    fs::remove_file(&lab.units[1].source).unwrap();
    let (tally, events) = lab.work("w", Clock::default(), &Cancel::default());
    assert_eq!((tally.done, tally.failed), (1, 2));
    let faults: BTreeMap<_, _> = events.into_iter().collect();
    for unit in &lab.units[..2] {
        let Event::Failed(State::Dead, fault) = &faults[&unit.key] else { panic!("{faults:?}") };
        assert!(fault.message.contains(&unit.source), "{fault:?}");
    }
    assert_eq!(lab.queue(Clock::default()).overview().unwrap().dead.len(), 2);
}

#[test]
fn a_slide_that_was_changed_after_it_was_submitted_is_not_stored_under_its_old_key() {
    let lab = Lab::new(1);
    let other = png(lab.dir.path(), 9, 90, 70);
    fs::copy(other, &lab.units[0].source).unwrap();
    let (_, events) = lab.work("w", Clock::default(), &Cancel::default());
    let Event::Failed(State::Dead, fault) = &events[0].1 else { panic!("{events:?}") };
    assert!(fault.message.contains("has changed since it was submitted: it had "), "{fault:?}");
    // Submitted again, it is a unit of its own.
    let again = unit(Path::new(&lab.units[0].source));
    lab.results.announce(&again).unwrap();
    assert_eq!(lab.queue(Clock::default()).submit(std::slice::from_ref(&again)).unwrap().new, 1);
    assert_eq!(lab.work("w", Clock::default(), &Cancel::default()).0.done, 1);
    assert!(lab.manifest(&again).is_some());
}

#[test]
fn a_slide_that_was_moved_is_submitted_to_the_same_queue() {
    for most_families in [None, Some(2)] {
        let mut lab = Lab::with(1, most_families);
        let (old, new) = (lab.units[0].source.clone(), lab.dir.path().join("elsewhere.png"));
        fs::rename(&old, &new).unwrap();
        let (_, events) = lab.work("w", Clock::default(), &Cancel::default());
        let Event::Failed(State::Dead, fault) = &events[0].1 else { panic!("{events:?}") };
        assert!(fault.message.contains("submit it from its new place"), "{fault:?}");
        lab.units[0] = Unit { most_families, ..unit(&new) };
        lab.results.announce(&lab.units[0]).unwrap();
        assert_eq!(lab.queue(Clock::default()).submit(&lab.units).unwrap().moved, 1);
        lab.work("w", Clock::default(), &Cancel::default());
        lab.check();
        assert_eq!(lab.manifest(&lab.units[0]).unwrap().unit.source, new.to_str().unwrap());
    }
}

#[test]
fn the_call_of_a_worker_that_dies_before_it_is_made_by_another_and_once() {
    let mut lab = Lab::new(0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Some(format!("http://{}/told", listener.local_addr().unwrap()));
    let unit = Unit { callback: address, ..unit(&png(lab.dir.path(), 3, 90, 70)) };
    lab.units.push(unit.clone());
    let queue = lab.queue(Clock::default());
    lab.results.announce(&unit).unwrap();
    queue.submit(&lab.units).unwrap();
    // It ends the unit and dies before it calls. Nothing is heard of it any more.
    lab.work("dies", Clock::default(), &Cancel::default());
    let row = queue.workers().unwrap().pop().unwrap();
    queue.report(&WorkerRow { calls: true, ended: false, ..row }).unwrap();
    assert_eq!(queue.owed().unwrap().len(), 1);
    let key_file = lab.dir.path().join("key");
    fs::write(&key_file, "k".repeat(32)).unwrap();
    let told = std::thread::spawn(move || callback::tests::receive(listener, 1));
    let stop = Cancel::default();
    std::thread::scope(|scope| {
        // Of two, one calls; the receiver refuses it once.
        let workers = ["a", "b"].map(|name| {
            let (lab, stop, key_file) = (&lab, &stop, &key_file);
            scope.spawn(move || {
                let notifier = Notifier::new(key_file, Clock::default()).unwrap();
                lab.stay(name, stop, &notifier);
            })
        });
        while !queue.owed().unwrap().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.request();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    let told = told.join().unwrap();
    assert_eq!(told.len(), 2, "refused once, told once");
    assert!(told.iter().all(|(_, body)| body.contains(&format!("\"id\":\"{}-done\"", unit.key))), "{told:?}");
    assert!(queue.submit(&lab.units).unwrap().known == 1 && queue.owed().unwrap().is_empty());
}
