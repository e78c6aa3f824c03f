//! A queue in one file: SQLite, for the workers of one machine.
//!
//! Every change is one transaction that begins as a writer (`BEGIN IMMEDIATE`), reads the record, lets [`super::state`] decide and
//! writes the new one where key, state and token are still those that were read. The file is in write-ahead mode, which needs memory
//! that the processes share: it must not lie on a network disk with workers on several machines.

mod rows;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::clock::Clock;
use super::entry::Entry;
use super::error::{Error, Result};
use super::overview::{Count, Dead, Overview, Running, WorkerRow};
use super::queue::{Claim, MAX_OWED, Queue, Submitted, Which};
use super::state::{Fault, Policy, Progress, Record, Refused, State};
use super::unit::{Key, Task, Token, UNIT_VERSION, Unit, note_other_version};
use super::watch::Watch;
use rows::{
    Prepare, Step, StepFault, entries, entry, insert, is_band, keys_in, parse, prepare, record, relocate,
    workers, write,
};

/// The place of results that lie beside the queue, so that both may be moved together.
const BESIDE: &str = ".";

/// A queue in a file.
pub struct SqliteQueue {
    path: PathBuf,
    connection: Mutex<Connection>,
    watch: Mutex<Watch>,
    policy: Policy,
    lease: Duration,
    clock: Clock,
    began: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SqliteQueue {
    /// Opens a queue, or makes one. A worker that says nothing for `lease` loses its units.
    ///
    /// # Errors
    /// A file that cannot be opened or is no queue of this version.
    pub fn open(path: &Path, policy: Policy, lease: Duration, clock: Clock) -> Result<Self> {
        let database = |action, source| Error::Database { path: path.into(), action, source };
        let mut connection = Connection::open(path).map_err(|e| database("open the queue", e))?;
        prepare(&mut connection, path).map_err(|e| match e {
            Prepare::Refused(e) => e,
            Prepare::Sqlite(e) => database("open the queue", e),
        })?;
        Ok(Self {
            path: path.into(),
            connection: Mutex::new(connection),
            watch: Mutex::default(),
            policy,
            lease,
            clock,
            began: Instant::now(),
        })
    }

    /// A place as it is stored, as a path.
    fn resolved(&self, stored: String) -> String {
        if stored != BESIDE {
            return stored;
        }
        let beside = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let beside = beside.parent().unwrap_or(&self.path);
        let beside = beside.canonicalize().unwrap_or_else(|_| beside.to_path_buf());
        beside.to_string_lossy().into_owned()
    }

    /// Runs a change as one transaction.
    fn change<T>(&self, action: &'static str, body: impl FnOnce(&Connection) -> Step<T>) -> Result<T> {
        let mut connection = lock(&self.connection);
        let run = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = body(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|e| self.error(action, e))
    }

    fn read<T>(&self, action: &'static str, body: impl FnOnce(&Connection) -> Step<T>) -> Result<T> {
        body(&lock(&self.connection)).map_err(|e| self.error(action, e))
    }

    fn error(&self, action: &'static str, fault: StepFault) -> Error {
        match fault {
            StepFault::Sqlite(source) => Error::Database { path: self.path.clone(), action, source },
            StepFault::Json(source) => {
                let problem =
                    format!("an entry of the queue cannot be read ({source}); reconcile into a new queue");
                Error::stored(self.path.display(), problem)
            }
            StepFault::Own(e) => e,
        }
    }

    /// Changes the unit of a claim; `None` where the state machine refuses.
    fn step(
        &self,
        action: &'static str,
        claim: &Claim,
        next: impl FnOnce(Record) -> Result<Record, Refused>,
    ) -> Result<Option<Record>> {
        self.change(action, |database| {
            let Some(before) = record(database, &claim.unit.key)? else { return Ok(None) };
            let Ok(after) = next(before.clone()) else { return Ok(None) };
            let written = write(database, &claim.unit.key, &before, &after)?;
            Ok(written.then_some(after))
        })
    }

    /// Changes a unit that no claim is needed for. `false`: the state machine refuses.
    fn change_one(&self, key: &Key, next: impl FnOnce(Record) -> Result<Record, Refused>) -> Result<bool> {
        self.change("write the queue", |database| {
            let Some(before) = record(database, key)? else { return Ok(false) };
            let Ok(after) = next(before.clone()) else { return Ok(false) };
            write(database, key, &before, &after)
        })
    }

    /// Changes many units.
    fn step_all(
        &self,
        action: &'static str,
        which: &Which,
        states: [State; 2],
        next: impl Fn(Record) -> Result<Record, Refused>,
    ) -> Result<u64> {
        self.change(action, |database| {
            let mut keys = match which {
                Which::Keys(keys) => keys.clone(),
                Which::All => keys_in(database, states)?,
            };
            let mut changed = 0;
            while let Some(key) = keys.pop() {
                let Some(before) = record(database, &key)? else { continue };
                if let Ok(after) = next(before.clone())
                    && write(database, &key, &before, &after)?
                {
                    changed += u64::from(!is_band(database, &key)?);
                    keys.extend(after.bands);
                }
            }
            Ok(changed)
        })
    }

    /// The first units that may be claimed, bands before others: what is begun is finished first. Those of other versions and kinds are left to workers that know them.
    fn due(&self, database: &Connection, most: usize, now_ms: u64) -> Step<Vec<Entry>> {
        let mut rows = database.prepare_cached(
            "SELECT unit, record, version, kind FROM unit WHERE state = 'waiting' ORDER BY band DESC, number",
        )?;
        let (mut rows, mut due) = (rows.query([])?, Vec::new());
        while due.len() < most
            && let Some(row) = rows.next()?
        {
            let (version, kind): (u32, String) = (row.get(2)?, row.get(3)?);
            if version == UNIT_VERSION && Task::KINDS.contains(&&*kind) {
                let entry = parse(entry(row)?)?;
                due.extend(entry.record.is_due(&self.policy, now_ms).then_some(entry));
            } else if version != UNIT_VERSION {
                note_other_version(&self.name(), version);
            }
        }
        Ok(due)
    }

    /// Takes the units of silent workers from them.
    fn expire(&self, database: &Connection) -> Step<()> {
        let mut rows = database.prepare_cached("SELECT key, record FROM unit WHERE state = 'running'")?;
        let rows = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let mut running = Vec::new();
        for row in rows {
            let (key, text) = row?;
            let record: Record = serde_json::from_str(&text)?;
            if let (Some(key), Some(token)) = (Key::parse(&key), record.token) {
                running.push((key, token, record.beat));
            }
        }
        let now_ms = self.began.elapsed().as_millis() as u64;
        for (key, token) in lock(&self.watch).silent(running, self.lease.as_millis() as u64, now_ms) {
            let Some(before) = record(database, &key)? else { continue };
            if let Ok(after) = before.clone().expire(&token, &self.policy, self.clock.now_ms()) {
                write(database, &key, &before, &after)?;
            }
        }
        Ok(())
    }
}

impl Queue for SqliteQueue {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn place(&self) -> Result<Option<String>> {
        self.read("read the queue", |database| {
            let sql = "SELECT value FROM setting WHERE name = 'place'";
            let stored: Option<String> = database.query_row(sql, [], |row| row.get(0)).optional()?;
            Ok(stored.map(|stored| self.resolved(stored)))
        })
    }

    fn bind(&self, place: &str) -> Result<()> {
        self.change("write the queue", |database| {
            let sql = "INSERT INTO setting (name, value) VALUES ('place', ?1) ON CONFLICT (name) DO NOTHING";
            database.execute(sql, [if self.resolved(BESIDE.into()) == place { BESIDE } else { place }])?;
            let sql = "SELECT value FROM setting WHERE name = 'place'";
            let bound = self.resolved(database.query_row(sql, [], |row| row.get(0))?);
            match bound == place {
                true => Ok(()),
                false => Err(Error::OtherPlace { bound, given: place.into() }.into()),
            }
        })
    }

    fn submit(&self, units: &[Unit]) -> Result<Submitted> {
        self.change("add to the queue", |database| {
            let mut submitted = Submitted::default();
            for unit in units {
                let count = match insert(database, unit, &Record::new())? {
                    true => &mut submitted.new,
                    false if relocate(database, unit)? => &mut submitted.moved,
                    false => &mut submitted.known,
                };
                *count += 1;
            }
            Ok(submitted)
        })
    }

    fn split(&self, claim: &Claim, bands: &[Unit]) -> Result<bool> {
        self.change("write the queue", |database| {
            let Some(before) = record(database, &claim.unit.key)? else { return Ok(false) };
            let keys = bands.iter().map(|band| band.key.clone()).collect();
            let Ok(after) = before.clone().split(&claim.token, keys, self.clock.now_ms()) else {
                return Ok(false);
            };
            for band in bands {
                if !insert(database, band, &Record::new())? {
                    relocate(database, band)?;
                }
            }
            write(database, &claim.unit.key, &before, &after)
        })
    }

    fn wake(&self, key: &Key) -> Result<bool> {
        self.change_one(key, Record::wake)
    }

    fn record(&self, key: &Key) -> Result<Option<Record>> {
        self.read("read the queue", |database| record(database, key))
    }

    fn claim(&self, worker: &str, most: usize) -> Result<Vec<Claim>> {
        self.change("take from the queue", |database| {
            self.expire(database)?;
            let (mut claims, now_ms) = (Vec::new(), self.clock.now_ms());
            for Entry { unit, record } in self.due(database, most, now_ms)? {
                let token = Token::random()?;
                let claimed = record.clone().claim(token.clone(), worker, &self.policy, now_ms);
                if let Ok(after) = claimed
                    && write(database, &unit.key, &record, &after)?
                {
                    claims.push(Claim { unit, token, bands: after.bands });
                }
            }
            Ok(claims)
        })
    }

    fn heartbeat(&self, claim: &Claim, progress: Progress) -> Result<bool> {
        let next = |record: Record| record.heartbeat(&claim.token, progress);
        Ok(self.step("write the queue", claim, next)?.is_some())
    }

    fn finish(&self, claim: &Claim, progress: Progress) -> Result<bool> {
        let next = |record: Record| record.finish(&claim.token, progress);
        Ok(self.step("write the queue", claim, next)?.is_some())
    }

    fn fail(&self, claim: &Claim, fault: Fault, policy: &Policy) -> Result<Option<Record>> {
        let now_ms = self.clock.now_ms();
        self.step("write the queue", claim, |record| record.fail(&claim.token, fault, policy, now_ms))
    }

    fn give_back(&self, claim: &Claim) -> Result<bool> {
        Ok(self.step("write the queue", claim, |record| record.give_back(&claim.token))?.is_some())
    }

    fn cancel(&self, which: &Which) -> Result<u64> {
        self.step_all("write the queue", which, [State::Waiting, State::Running], Record::cancel)
    }

    fn retry(&self, which: &Which) -> Result<u64> {
        self.step_all("write the queue", which, [State::Dead, State::Cancelled], Record::retry)
    }

    fn settle(&self, unit: &Unit, done: bool) -> Result<bool> {
        self.change("write the queue", |database| {
            let Some(before) = record(database, &unit.key)? else {
                let new = Record::new();
                return insert(database, unit, &if done { new.settled() } else { new });
            };
            let after = if done { before.clone().settled() } else { before.clone().reopened() };
            Ok(after.state != before.state && write(database, &unit.key, &before, &after)?)
        })
    }

    fn elect(&self, key: &Key, manifest: &str) -> Result<String> {
        self.change("write the queue", |database| {
            let sql = "INSERT INTO election (key, manifest) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING";
            database.execute(sql, [key.as_str(), manifest])?;
            let sql = "SELECT manifest FROM election WHERE key = ?1";
            Ok(database.query_row(sql, [key.as_str()], |row| row.get(0))?)
        })
    }

    fn each(&self, take: &mut dyn FnMut(Entry) -> Result<()>) -> Result<()> {
        self.read("read the queue", |database| {
            let mut rows = database.prepare_cached("SELECT unit, record FROM unit")?;
            for row in rows.query_map([], entry)? {
                take(parse(row?)?)?;
            }
            Ok(())
        })
    }

    fn owed(&self) -> Result<Vec<Entry>> {
        self.read("read the queue", |database| {
            let sql = "SELECT unit, record FROM unit WHERE owed = 1 ORDER BY number LIMIT ?1";
            let mut rows = database.prepare_cached(sql)?;
            let rows = rows.query_map([MAX_OWED as i64], entry)?;
            rows.map(|row| parse(row?)).collect()
        })
    }

    fn take_call(&self, owed: &Entry, worker: &str) -> Result<bool> {
        let next = |record: Record| record.take_call(owed.record.worker.as_deref(), worker);
        self.change_one(&owed.unit.key, next)
    }

    fn told(&self, key: &Key, end: State) -> Result<()> {
        self.change_one(key, |record| record.tell(end)).map(drop)
    }

    fn workers(&self) -> Result<Vec<WorkerRow>> {
        self.read("read the queue", workers)
    }

    fn report(&self, row: &WorkerRow) -> Result<()> {
        self.change("write the queue", |database| {
            let sql = "INSERT INTO worker (name, row) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET row = excluded.row";
            database.prepare_cached(sql)?.execute([&row.name, &serde_json::to_string(row)?])?;
            Ok(())
        })
    }

    fn overview(&self) -> Result<Overview> {
        self.read("read the queue", |database| {
            let mut overview = Overview::default();
            let mut rows = database.prepare_cached(
                "SELECT count(*) - coalesce(sum(band), 0), coalesce(sum(band), 0), coalesce(sum(bytes), 0) \
                 FROM unit WHERE state = ?1",
            )?;
            for (state, count) in State::ALL.iter().zip(&mut overview.counts) {
                let [units, bands, bytes]: [i64; 3] =
                    rows.query_row([state.name()], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
                *count = Count { units: units as u64, bands: bands as u64, bytes: bytes as u64 };
            }
            let running = entries(database, State::Running, usize::MAX >> 1)?;
            overview.running = running.into_iter().map(Running::from).collect();
            let dead = entries(database, State::Dead, Overview::MAX_DEAD)?;
            overview.dead = dead.into_iter().map(Dead::from).collect();
            overview.workers = workers(database)?;
            Ok(overview)
        })
    }
}
