//! The built server on a free port of loopback, and a small client that holds every answer of the tile server to its OpenAPI document.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::described::{self, Addresses};
use crate::kit::program::program;

/// A server; ended when dropped.
pub struct Running {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

/// Answer of the server.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Running {
    /// Starts `origami serve` over `root` and waits until it listens.
    pub fn start(root: &Path, flags: &[&str]) -> Self {
        Self::of(&mut program(), root, flags)
    }

    /// The same with a line of log for each request.
    pub fn logging(root: &Path, flags: &[&str]) -> Self {
        Self::of(program().env("RUST_LOG", "info"), root, flags)
    }

    /// The same by a command that ends in the program.
    pub fn of(program: &mut Command, root: &Path, flags: &[&str]) -> Self {
        let backend = if flags.contains(&"--backend") { &[][..] } else { &["--backend", "cpu"] };
        let has_jobs = flags.contains(&"--jobs");
        Self::wait(
            program.args(["serve", "--port", "0", "--slides-root"]).arg(root).args(backend).args(flags),
            if has_jobs { Addresses::OfTilesAndJobs } else { Addresses::OfTiles },
        )
    }

    /// Starts `origami evals` over `runs` and waits until it listens.
    pub fn evals(runs: &Path) -> Self {
        Self::wait(program().args(["evals", "--port", "0", "--runs"]).arg(runs), Addresses::Others)
    }

    /// Starts `origami jobs serve` and waits until it listens.
    #[cfg(feature = "jobs")]
    pub fn jobs(program: &mut Command, flags: &[&str]) -> Self {
        Self::wait(program.args(["jobs", "serve", "--port", "0"]).args(flags), Addresses::OfJobs)
    }

    /// Waits until it listens.
    fn wait(program: &mut Command, addresses: Addresses) -> Self {
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some((_, address)) = line.trim().rsplit_once("http://") else {
            drop(child.kill());
            panic!("the server says {line:?}: {}", stderr_of(child));
        };
        described::has(address, addresses);
        Self { child, address: address.to_string() }
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        request(&self.address, method, path, headers)
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &[])
    }

    /// A figure of `/metrics`, the sum over its labels.
    pub fn figure(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let lines = text.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// A figure of memory of the process, in KiB: `VmRSS` for now, `VmHWM` for the most so far. The kernel adds up its counters now and then,
    /// so that the latter may be a little less than before.
    pub fn memory_kib(&self, of: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(of)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Bytes that it has read from files so far.
    pub fn bytes_read(&self) -> u64 {
        let counts = fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap();
        counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
    }

    /// Files that the process has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Sends SIGTERM and waits; the exit code and what was logged.
    pub fn terminate(mut self) -> (Option<i32>, String) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        let mut status = None;
        wait_until("the server does not end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let mut text = String::new();
        drop(self.child.stderr.take().unwrap().read_to_string(&mut text));
        (status.unwrap().code(), text)
    }
}

fn stderr_of(mut child: Child) -> String {
    let mut text = String::new();
    drop(child.stderr.take().unwrap().read_to_string(&mut text));
    text
}

impl Drop for Running {
    fn drop(&mut self) {
        // The next server of this port may be another one.
        described::has(&self.address, Addresses::OfTiles);
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks again and again whether it is done; fails with `what` after two minutes, which machines at other work need.
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    while !done() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One request, HTTP/1.1, closed afterwards.
#[track_caller]
pub fn request(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    send(address, method, path, headers, b"")
}

/// One request with a body, HTTP/1.1, closed afterwards.
#[track_caller]
pub fn send(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let answered = unchecked(address, method, path, headers, body).unwrap();
    let reply = answered.unwrap_or_else(|| panic!("no answer to {path}"));
    described::hold(address, method, path, &reply);
    reply
}

/// GET of a server that may have ended: `None` where it has, or where its answer breaks off.
#[cfg(feature = "rocksdb")]
pub fn try_request(address: &str, path: &str) -> Option<Reply> {
    let reply = unchecked(address, "GET", path, &[], b"").ok()??;
    let length: Option<usize> = reply.header("content-length").parse().ok();
    let reply = length.is_some_and(|length| length == reply.body.len()).then_some(reply)?;
    described::hold(address, "GET", path, &reply);
    Some(reply)
}

/// One request as [`send`] makes it, whose answer is not held to the OpenAPI document.
pub fn unchecked(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Option<Reply>> {
    exchange(address, method, path, headers, body).map(|all| parse(&all))
}

fn exchange(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    // A server that refuses what is too long does not read all of it.
    drop(stream.write_all(&[format!("{head}\r\n").as_bytes(), body].concat()));
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    Ok(all)
}

/// The answer to `target` from a connection that stays open: its body is as long as it says.
pub fn read(address: &str, method: &str, target: &str, stream: &mut impl BufRead) -> Reply {
    let mut all = Vec::new();
    while !all.ends_with(b"\r\n\r\n") {
        assert!(stream.read_until(b'\n', &mut all).unwrap() > 0, "{target}: no whole head");
    }
    let mut reply = parse(&all).unwrap();
    reply.body = vec![0; reply.header("content-length").parse().unwrap()];
    stream.read_exact(&mut reply.body).unwrap();
    described::hold(address, method, target, &reply);
    reply
}

/// An answer of HTTP/2 without its body.
pub fn head<B>(response: &axum::http::Response<B>) -> Reply {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Reply { status: response.status().as_u16(), headers, body: Vec::new() }
}

/// The answer that these bytes are.
pub fn parse(all: &[u8]) -> Option<Reply> {
    let end = all.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<_, _> = pairs.map(|(k, v)| (k.to_lowercase(), v.to_string())).collect();
    let mut body = all[end + 4..].to_vec();
    // The answer to HEAD has no body.
    if !body.is_empty() && headers.get("transfer-encoding").is_some_and(|v| v == "chunked") {
        body = unchunked(&body);
    }
    Some(Reply { status, headers, body })
}

fn unchunked(mut from: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let end = from.windows(2).position(|w| w == b"\r\n").unwrap();
        let n = usize::from_str_radix(std::str::from_utf8(&from[..end]).unwrap(), 16).unwrap();
        if n == 0 {
            return out;
        }
        out.extend(&from[end + 2..end + 2 + n]);
        from = &from[end + 4 + n..];
    }
}

/// The server as a user to whom a locked directory is locked. The superuser becomes another one, who may not reach the program where
/// it was built.
pub fn as_a_user(locked: &Path, copy: &Path) -> Command {
    let mut server = program();
    if fs::read_dir(locked).is_ok() {
        fs::set_permissions(copy, fs::Permissions::from_mode(0o755)).unwrap();
        let within_reach = copy.join("origami");
        fs::copy(server.get_program(), &within_reach).unwrap();
        server = Command::new(within_reach);
        server.uid(65_534);
    }
    server
}
