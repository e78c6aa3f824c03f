//! A queue in one file: SQLite, for the workers of one machine.
//!
//! Every change is one transaction that begins as a writer (`BEGIN IMMEDIATE`), reads the record, lets [`super::state`] decide and
//! writes the new one where key, state and token are still those that were read. The file is in write-ahead mode, which needs memory
//! that the processes share: it must not lie on a network disk with workers on several machines.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::clock::Clock;
use super::entry::Entry;
use super::error::{Error, Result};
use super::overview::{Count, Dead, Overview, Running, WorkerRow};
use super::queue::{Claim, MOST_OWED, Queue, Submitted, Which};
use super::state::{Fault, Policy, Progress, Record, Refused, State};
use super::unit::{Key, Task, Token, UNIT_VERSION, Unit};
use super::watch::Watch;

/// `PRAGMA user_version` of our files.
const VERSION: i64 = 2;
/// How long a call waits for another process that writes.
const BUSY: Duration = Duration::from_secs(60);
/// The place of results that lie beside the queue, so that both may be moved together.
const BESIDE: &str = ".";

const SCHEMA: &str = "
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE unit (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE CHECK (length(key) = 32),
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    band INTEGER NOT NULL CHECK (band = (kind = 'band')),
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead', 'cancelled')),
    token TEXT,
    unit TEXT NOT NULL,
    record TEXT NOT NULL,
    calls INTEGER NOT NULL,
    owed INTEGER NOT NULL,
    CHECK ((state = 'running') = (token IS NOT NULL))
) STRICT;
CREATE INDEX unit_by_state ON unit (state, band DESC, number, bytes);
CREATE INDEX unit_owed ON unit (number) WHERE owed = 1;
CREATE TABLE election (key TEXT PRIMARY KEY, manifest TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE worker (name TEXT PRIMARY KEY, row TEXT NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 2;
";

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

/// Why a step of a transaction fails.
enum StepFault {
    Sqlite(rusqlite::Error),
    Json(serde_json::Error),
    Own(Error),
}

type Step<T> = std::result::Result<T, StepFault>;

impl From<rusqlite::Error> for StepFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for StepFault {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<Error> for StepFault {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

enum Prepare {
    Refused(Error),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Prepare {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn prepare(connection: &mut Connection, path: &Path) -> std::result::Result<(), Prepare> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A commit may be lost with the power: the results are not, and reconcile finds them.
    connection.pragma_update(None, "synchronous", "normal")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match found {
        VERSION => {}
        0 if tables == 0 => transaction.execute_batch(SCHEMA)?,
        _ => return Err(Prepare::Refused(Error::OtherQueue { path: path.into(), found, expected: VERSION })),
    }
    Ok(transaction.commit()?)
}

fn record(database: &Connection, key: &Key) -> Step<Option<Record>> {
    let mut rows = database.prepare_cached("SELECT record FROM unit WHERE key = ?1")?;
    let text: Option<String> = rows.query_row([key.as_str()], |row| row.get(0)).optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Takes the place of a source that was moved. `false`: it was not, or the unit needs it no more.
fn relocate(database: &Connection, unit: &Unit) -> Step<bool> {
    let sql = "SELECT unit, record FROM unit WHERE key = ?1";
    let found = database.prepare_cached(sql)?.query_row([unit.key.as_str()], entry).optional()?;
    let Some(Entry { unit: known, record }) = found.map(parse).transpose()? else { return Ok(false) };
    if known.source == unit.source || !record.needs_source() {
        return Ok(false);
    }
    let text = serde_json::to_string(&known.moved_to(unit))?;
    database
        .prepare_cached("UPDATE unit SET unit = ?1 WHERE key = ?2")?
        .execute([&text, unit.key.as_str()])?;
    write(database, &unit.key, &record, &record.clone().revived())?;
    for key in &record.bands {
        let found = database.prepare_cached(sql)?.query_row([key.as_str()], entry).optional()?;
        if let Some(Entry { unit: band, .. }) = found.map(parse).transpose()? {
            relocate(database, &band.moved_to(unit))?;
        }
    }
    Ok(true)
}

fn is_band(database: &Connection, key: &Key) -> Step<bool> {
    let mut rows = database.prepare_cached("SELECT band FROM unit WHERE key = ?1")?;
    Ok(rows.query_row([key.as_str()], |row| row.get(0))?)
}

/// Writes a record where state and token are still those of `before`.
fn write(database: &Connection, key: &Key, before: &Record, after: &Record) -> Step<bool> {
    let mut update = database.prepare_cached(
        "UPDATE unit SET state = ?1, token = ?2, record = ?3, bytes = iif(?7, 0, bytes), owed = calls AND ?8 \
         WHERE key = ?4 AND state = ?5 AND token IS ?6",
    )?;
    let (new, old) = (after.token.as_ref().map(Token::as_str), before.token.as_ref().map(Token::as_str));
    let text = serde_json::to_string(after)?;
    // The work of a slide that was split is that of its bands.
    let split = !after.bands.is_empty();
    let rows = update.execute(params![
        after.state.name(),
        new,
        text,
        key.as_str(),
        before.state.name(),
        old,
        split
    ])?;
    Ok(rows == 1)
}

fn insert(database: &Connection, unit: &Unit, record: &Record) -> Step<bool> {
    let mut insert = database.prepare_cached(
        "INSERT INTO unit (key, version, kind, band, bytes, state, token, unit, record, calls, owed) \
         VALUES (?1, ?2, ?3, ?3 = 'band', ?4, ?5, NULL, ?6, ?7, ?8, ?8 AND ?9) \
         ON CONFLICT (key) DO NOTHING",
    )?;
    let bytes = i64::try_from(unit.bytes).unwrap_or(i64::MAX);
    let (text, record_text) = (serde_json::to_string(unit)?, serde_json::to_string(record)?);
    let (key, kind, state) = (unit.key.as_str(), unit.task.kind(), record.state.name());
    let (calls, owed) = (unit.callback.is_some(), record.owes_call());
    let values = params![key, unit.version, kind, bytes, state, text, record_text, calls, owed];
    Ok(insert.execute(values)? == 1)
}

fn keys_in(database: &Connection, states: [State; 2]) -> Step<Vec<Key>> {
    let mut rows = database.prepare_cached("SELECT key FROM unit WHERE state IN (?1, ?2)")?;
    let rows = rows.query_map(states.map(State::name), |row| row.get::<_, String>(0))?;
    let keys: Vec<String> = rows.collect::<std::result::Result<_, _>>()?;
    Ok(keys.iter().filter_map(|key| Key::parse(key)).collect())
}

fn entry(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn parse((unit, record): (String, String)) -> Step<Entry> {
    Ok(Entry { unit: serde_json::from_str(&unit)?, record: serde_json::from_str(&record)? })
}

fn workers(database: &Connection) -> Step<Vec<WorkerRow>> {
    let mut rows = database.prepare_cached("SELECT row FROM worker ORDER BY name")?;
    let rows = rows.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
}

/// The first entries of a state.
fn entries(database: &Connection, state: State, most: usize) -> Step<Vec<Entry>> {
    let sql = "SELECT unit, record FROM unit WHERE state = ?1 ORDER BY number LIMIT ?2";
    let mut rows = database.prepare_cached(sql)?;
    let rows = rows.query_map(params![state.name(), most as i64], entry)?;
    rows.map(|row| parse(row?)).collect()
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
            let rows = rows.query_map([MOST_OWED as i64], entry)?;
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
            let dead = entries(database, State::Dead, Overview::MOST_DEAD)?;
            overview.dead = dead.into_iter().map(Dead::from).collect();
            overview.workers = workers(database)?;
            Ok(overview)
        })
    }
}
