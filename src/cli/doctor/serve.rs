//! What `origami serve` would do on this machine, and why: its settings are read as `serve` reads them, and nothing is started or written.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Result;
use origami::backend::scheduler::{Scheduler, free_memory_bytes};
use origami::serve::{
    BackendStats, Overview, SCANNED_SLIDE_BYTES, SCANNED_SLIDES, ServeOptions, Server, ThreadCounts,
    memory_bound,
};
use origami::store::is_address;
use serde::Serialize;

use super::finding::AutoChoice;
use super::section::{Section, binary_bytes};
use crate::cli::args::backend::Workload;
use crate::cli::config::Settings;
use crate::cli::serve::{ServeArgs, said, traces};

/// How long slides are opened, to find those that are refused.
const PATIENCE: Duration = Duration::from_secs(60);
/// Side of tiles that the memory of families is told for: that of nearly all pyramids.
const TILE: u32 = 256;
/// What is no cache.
const MARKS: &str = "marks";
/// Bytes that are written to see whether a directory takes any.
const TRIED_BYTES: usize = 64 << 10;
/// Most names, and most refused slides, in the text.
const MAX_LINES: usize = 10;

/// What a server would do.
#[derive(Serialize)]
pub struct Serve {
    /// Whether it would start.
    pub starts: bool,
    /// Why it would not, or what it could not do.
    pub problems: Vec<String>,
    /// Settings that are not the default.
    pub settings: Vec<Set>,
    pub root: PathBuf,
    pub address: String,
    /// What a request must carry.
    pub access: &'static str,
    pub backend: AutoChoice,
    pub threads: Threads,
    /// The most that each part takes.
    pub memory: Vec<Part>,
    pub memory_bytes: u64,
    pub free_memory_bytes: Option<u64>,
    pub caches: Vec<Cache>,
    /// Whether traces are sent, and where to.
    pub traces: String,
    pub slides: Vec<String>,
    /// How many of them are not encoded.
    pub unencoded: usize,
    /// How many have a scanned slide's file that may be read.
    pub scanned: usize,
    pub skipped: Vec<Left>,
}

/// A setting, its value, and where it comes from.
#[derive(Serialize)]
pub struct Set {
    pub name: String,
    pub value: String,
    pub from: String,
}

#[derive(Serialize)]
pub struct Threads {
    pub compute: u64,
    pub connections: u64,
    pub files: u64,
}

#[derive(Serialize)]
pub struct Part {
    pub part: &'static str,
    pub bytes: u64,
}

/// A cache or a store of the server.
#[derive(Serialize)]
pub struct Cache {
    pub what: &'static str,
    /// `None` in memory.
    pub dir: Option<PathBuf>,
    pub max_bytes: Option<u64>,
    pub state: String,
}

/// A slide that is not served.
#[derive(Serialize)]
pub struct Left {
    pub path: String,
    pub reason: String,
}

/// Looks at everything that a server with these settings would use.
///
/// # Errors
/// A setting that is wrong.
pub fn examine(args: &ServeArgs, settings: &Settings) -> Result<Serve> {
    let mut problems = Vec::new();
    let options = args.options(settings)?;
    let threads = ThreadCounts {
        compute: match args.rayon_threads {
            0 => available_parallelism().map_or(1, |n| n.get()) as u64,
            count => count as u64,
        },
        connections: args.tokio_workers.into(),
        files: args.tokio_blocking_threads.into(),
    };
    let caches = caches(args, &options, &mut problems);
    if let Err(e) = TcpListener::bind((args.bind, args.port)) {
        problems.push(format!("{}:{}: cannot listen: {e}", args.bind, args.port));
    }
    let access = if options.access.credentials.is_open() { "none" } else { "token or signature" };
    let opened = args.backend.open(Workload::Serve, None, &Scheduler::new(args.rayon_threads)?, true)?;
    // A server that would make directories and hold them is not wanted here.
    let mut alone = options.clone();
    (alone.cache.dir, alone.annotations.dir) = (None, None);
    let server = Server::new(alone, opened.backend.clone(), Arc::new(BackendStats::default));
    let Overview { names, unencoded, scanned, skipped } = match server {
        Ok(server) => server.overview_within(PATIENCE),
        Err(e) => {
            problems.push(e.to_string());
            Overview::default()
        }
    };
    let memory = memory_bound(&options, threads, TILE, scanned, block_bytes(args, &options));
    let (backend, reason) = opened.choice();
    let left = skipped.iter().map(|skipped| Left {
        path: skipped.path.display().to_string(),
        reason: said(&skipped.path, &skipped.reason),
    });
    Ok(Serve {
        starts: problems.is_empty(),
        settings: given(settings),
        root: args.root().into(),
        address: format!("http://{}", std::net::SocketAddr::new(args.bind, args.port)),
        access,
        backend: AutoChoice { backend, reason },
        threads: Threads { compute: threads.compute, connections: threads.connections, files: threads.files },
        memory_bytes: memory.iter().map(|(_, bytes)| bytes).sum(),
        memory: memory.into_iter().map(|(part, bytes)| Part { part: part.name(), bytes }).collect(),
        free_memory_bytes: free_memory_bytes(),
        caches,
        traces: traces::state(),
        slides: names,
        unencoded,
        scanned,
        skipped: left.collect(),
        problems,
    })
}

/// Memory for blocks of files at addresses, where slides are at one.
#[cfg(feature = "remote")]
fn block_bytes(args: &ServeArgs, options: &ServeOptions) -> u64 {
    if is_address(&options.slides.root) { args.storage().memory_bytes } else { 0 }
}

#[cfg(not(feature = "remote"))]
fn block_bytes(_: &ServeArgs, _: &ServeOptions) -> u64 {
    0
}

/// Settings that are not the default.
fn given(settings: &Settings) -> Vec<Set> {
    let rows = settings.rows.iter().filter(|row| row.from != "default");
    rows.map(|row| Set {
        name: row.name.clone(),
        value: row.value.clone().unwrap_or_default(),
        from: row.at.clone().unwrap_or_else(|| row.from.into()),
    })
    .collect()
}

/// The caches in memory and on disk, and the directory of marks.
fn caches(
    #[cfg_attr(not(feature = "remote"), expect(unused_variables, reason = "about addresses"))]
    args: &ServeArgs,
    options: &ServeOptions,
    problems: &mut Vec<String>,
) -> Vec<Cache> {
    let (cache, in_memory) = (&options.cache, format!("at most {} tiles", options.cache.max_tiles));
    let mut all =
        vec![Cache { what: "tiles", dir: None, max_bytes: Some(cache.max_memory_bytes), state: in_memory }];
    let mut at = |what, dir: Option<&Path>, max_bytes, is_built: bool| {
        let Some(dir) = dir else { return };
        let state = match directory(dir) {
            _ if !is_built => Err("not in this build: it needs the feature rocksdb".into()),
            state => state,
        };
        let state = state.unwrap_or_else(|problem| {
            problems.push(format!("{}: {problem}", dir.display()));
            problem
        });
        all.push(Cache { what, dir: Some(dir.into()), max_bytes, state });
    };
    at("tiles on disk", cache.dir.as_deref(), Some(cache.max_disk_bytes), cfg!(feature = "rocksdb"));
    at(MARKS, options.annotations.dir.as_deref(), None, true);
    #[cfg(feature = "remote")]
    {
        let storage = args.storage();
        at("blocks of addresses", storage.disk_dir.as_deref(), Some(storage.disk_bytes), true);
    }
    all
}

/// The state of a directory that the server would use, or why it could not.
fn directory(dir: &Path) -> Result<String, String> {
    match fs::metadata(dir) {
        Ok(meta) if !meta.is_dir() => Err("it is a file; name a directory".into()),
        // A file without a name, which is gone when it is closed. On a full disk files can be made, and hold nothing.
        Ok(_) => match tempfile::tempfile_in(dir).and_then(|mut file| file.write_all(&[0; TRIED_BYTES])) {
            Ok(()) => Ok("there".into()),
            Err(e) => Err(format!("cannot be written: {e}")),
        },
        Err(e) if e.kind() == ErrorKind::NotFound => Ok("not there yet; it is made".into()),
        Err(e) => Err(format!("cannot be read: {e}")),
    }
}

impl Serve {
    /// The report as text.
    pub fn sections(&self) -> Vec<Section> {
        vec![self.server(), self.memory(), self.slides()]
    }

    fn server(&self) -> Section {
        let access = match self.access {
            "none" => "open to everybody who reaches it",
            asked => &format!("asks for a {asked}"),
        };
        let kind = if is_address(&self.root) { " (storage at an address)" } else { "" };
        let mut section = Section::new("serve")
            .row("root", &format!("{}{kind}", self.root.display()))
            .row("address", &format!("{}, {access}", self.address))
            .row("backend", &format!("{}: {}", self.backend.backend, self.backend.reason));
        let Threads { compute, connections, files } = self.threads;
        section = section.row(
            "threads",
            &format!("{compute} compute, {connections} serve connections, {files} read files"),
        );
        for Set { name, value, from } in &self.settings {
            section = section.row("setting", &format!("{name} = {value} ({from})"));
        }
        for Cache { what, dir, max_bytes, state } in &self.caches {
            let limit = max_bytes.map_or(String::new(), |bytes| format!(", up to {}", binary_bytes(bytes)));
            let place = dir.as_ref().map_or("in memory".into(), |dir| format!("in {}", dir.display()));
            let label = if *what == MARKS { "marks" } else { "cache" };
            section = section.row(label, &format!("{what} {place}{limit}: {state}"));
        }
        section = section.row("traces", &self.traces);
        let said = if self.starts { "it would start" } else { "it would NOT start" };
        let section = self.problems.iter().fold(section, |section, problem| section.row("problem", problem));
        section.row("verdict", said)
    }

    fn memory(&self) -> Section {
        let section =
            self.memory.iter().fold(Section::new("serve: memory"), |section, Part { part, bytes }| {
                section.row("part", &format!("{part}: {}", binary_bytes(*bytes)))
            });
        let free = self.free_memory_bytes.map_or(String::new(), |free| {
            let words = if free < self.memory_bytes { "only " } else { "" };
            format!("; {words}{} are free", binary_bytes(free))
        });
        let section = section.row("at most", &format!("{}{free}", binary_bytes(self.memory_bytes)));
        match self.scanned as u64 {
            SCANNED_SLIDES.. => section,
            _ => section.row(
                "later",
                &format!(
                    "{} more for each scanned slide that is put there, up to {SCANNED_SLIDES} of them",
                    binary_bytes(SCANNED_SLIDE_BYTES)
                ),
            ),
        }
    }

    fn slides(&self) -> Section {
        let count = match self.slides.len() {
            0 => "none".into(),
            1 => format!("1, {} not encoded", self.unencoded),
            count => format!("{count}, {} of them not encoded", self.unencoded),
        };
        let mut section = Section::new("serve: slides").row("found", &count);
        for name in self.slides.iter().take(MAX_LINES) {
            section = section.row("slide", name);
        }
        if let Some(more) = self.slides.len().checked_sub(MAX_LINES).filter(|&more| more > 0) {
            section = section.row("slide", &format!("and {more} more"));
        }
        for Left { path, reason } in self.skipped.iter().take(MAX_LINES) {
            section = section.row("not served", &format!("{path}: {reason}"));
        }
        if let Some(more) = self.skipped.len().checked_sub(MAX_LINES).filter(|&more| more > 0) {
            section = section.row("not served", &format!("{more} more; --json lists all"));
        }
        section
    }
}
