//! The tables of a queue in a file, and the statements that read and write them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::jobs::entry::Entry;
use crate::jobs::error::Error;
use crate::jobs::overview::WorkerRow;
use crate::jobs::state::{Record, State};
use crate::jobs::unit::{Key, Token, Unit};

/// `PRAGMA user_version` of our files.
const VERSION: i64 = 2;
/// How long a call waits for another process that writes.
const BUSY: Duration = Duration::from_secs(60);
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

/// Why a step of a transaction fails.
pub enum StepFault {
    Sqlite(rusqlite::Error),
    Json(serde_json::Error),
    Own(Error),
}

pub type Step<T> = std::result::Result<T, StepFault>;

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

pub enum Prepare {
    Refused(Error),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Prepare {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

pub fn prepare(connection: &mut Connection, path: &Path) -> std::result::Result<(), Prepare> {
    connection.busy_timeout(BUSY)?;
    // Before anything is written: a database of another program stays as it is, its journal too.
    let look = connection.transaction()?;
    is_new(&look, path)?;
    look.commit()?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A commit may be lost with the power: the results are not, and reconcile finds them.
    connection.pragma_update(None, "synchronous", "normal")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have made the tables meanwhile.
    if is_new(&transaction, path)? {
        transaction.execute_batch(SCHEMA)?;
    }
    Ok(transaction.commit()?)
}

/// Whether the tables are still to be made. Refuses what is no queue of this version.
fn is_new(database: &Connection, path: &Path) -> std::result::Result<bool, Prepare> {
    let found: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match found {
        VERSION => Ok(false),
        0 if tables == 0 => Ok(true),
        _ => {
            let (path, expected) = (path.into(), VERSION);
            let ours = "SELECT count(*) = 2 FROM sqlite_schema WHERE name IN ('unit', 'setting')";
            let is_queue: bool = database.query_row(ours, [], |row| row.get(0))?;
            Err(Prepare::Refused(match is_queue && found > VERSION {
                true => Error::NewerQueue { path, found, expected },
                false => Error::OtherQueue { path, found, expected },
            }))
        }
    }
}

pub fn record(database: &Connection, key: &Key) -> Step<Option<Record>> {
    let mut rows = database.prepare_cached("SELECT record FROM unit WHERE key = ?1")?;
    let text: Option<String> = rows.query_row([key.as_str()], |row| row.get(0)).optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Takes the place of a source that was moved. `false`: it was not, or the unit needs it no more.
pub fn relocate(database: &Connection, unit: &Unit) -> Step<bool> {
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

pub fn is_band(database: &Connection, key: &Key) -> Step<bool> {
    let mut rows = database.prepare_cached("SELECT band FROM unit WHERE key = ?1")?;
    Ok(rows.query_row([key.as_str()], |row| row.get(0))?)
}

/// Writes a record where state and token are still those of `before`.
pub fn write(database: &Connection, key: &Key, before: &Record, after: &Record) -> Step<bool> {
    let mut update = database.prepare_cached(
        "UPDATE unit SET state = ?1, token = ?2, record = ?3, bytes = iif(?7, 0, bytes), owed = calls AND ?8 \
         WHERE key = ?4 AND state = ?5 AND token IS ?6",
    )?;
    let (new, old) = (after.token.as_ref().map(Token::as_str), before.token.as_ref().map(Token::as_str));
    let text = serde_json::to_string(after)?;
    // The work of a slide that was split is that of its bands.
    let split = !after.bands.is_empty();
    let owed = after.owes_call();
    let (state, was) = (after.state.name(), before.state.name());
    Ok(update.execute(params![state, new, text, key.as_str(), was, old, split, owed])? == 1)
}

pub fn insert(database: &Connection, unit: &Unit, record: &Record) -> Step<bool> {
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

pub fn keys_in(database: &Connection, states: [State; 2]) -> Step<Vec<Key>> {
    let mut rows = database.prepare_cached("SELECT key FROM unit WHERE state IN (?1, ?2)")?;
    let rows = rows.query_map(states.map(State::name), |row| row.get::<_, String>(0))?;
    let keys: Vec<String> = rows.collect::<std::result::Result<_, _>>()?;
    Ok(keys.iter().filter_map(|key| Key::parse(key)).collect())
}

pub fn entry(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

pub fn parse((unit, record): (String, String)) -> Step<Entry> {
    Ok(Entry { unit: serde_json::from_str(&unit)?, record: serde_json::from_str(&record)? })
}

pub fn workers(database: &Connection) -> Step<Vec<WorkerRow>> {
    let mut rows = database.prepare_cached("SELECT row FROM worker ORDER BY name")?;
    let rows = rows.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
}

/// The first entries of a state.
pub fn entries(database: &Connection, state: State, most: usize) -> Step<Vec<Entry>> {
    let sql = "SELECT unit, record FROM unit WHERE state = ?1 ORDER BY number LIMIT ?2";
    let mut rows = database.prepare_cached(sql)?;
    let rows = rows.query_map(params![state.name(), most as i64], entry)?;
    rows.map(|row| parse(row?)).collect()
}
