//! Tells an address that a unit is done or was given up.
//!
//! A notice is a POST with a JSON object. Header `Origami-Signature` is `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY` with the key
//! of the worker, so that the receiver knows who it is from and that it is no old one sent again. A receiver that does not answer with
//! 2xx is told again after 1 s, and after twice that with each failure. That a unit is to be told is part of its state: what a worker that is
//! killed has not delivered, another delivers, under the same id.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::error::{Error, Result};
use super::state::{Fault, State};
use super::unit::{Key, Unit};
use crate::store::{FileError, is_web, remote};

/// Least bytes of a key: the size of an HMAC-SHA256.
const MIN_KEY_BYTES: usize = 32;
/// How often a receiver is told.
const TRIES: u32 = 10;
/// Pause after the first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a worker that ends waits for notices on their way.
const LAST_WAIT: Duration = Duration::from_secs(15);

/// Refuses an address that cannot be told, or that holds what nobody should read in a queue or a log.
///
/// # Errors
/// Why; the text does not repeat the address.
pub fn check_address(address: &str) -> Result<(), &'static str> {
    let rest = address.split_once("://").filter(|_| is_web(address));
    match rest.map(|(_, rest)| rest) {
        None => Err("an address to call begins with https:// or http://"),
        Some(rest) if rest.contains(['@', '?', '#']) => Err(
            "an address to call has no password, query or fragment, which logs would show: the signature says who calls",
        ),
        Some(rest) if rest.is_empty() || rest.contains(char::is_whitespace) => {
            Err("an address to call has a host")
        }
        Some(_) => Ok(()),
    }
}

/// Sends notices.
pub struct Notifier {
    signer: Signer,
    client: reqwest::Client,
    clock: Clock,
    first_pause: Duration,
    under_way: Mutex<Vec<JoinHandle<()>>>,
    undelivered: Arc<AtomicU64>,
    ended: Arc<Mutex<Vec<(Key, State)>>>,
}

impl Notifier {
    /// Reads the key: the bytes of a file without the newline at its end.
    ///
    /// # Errors
    /// A file that cannot be read or holds fewer than 32 bytes; no threads for HTTP.
    pub fn new(key_file: &Path, clock: Clock) -> Result<Self> {
        let signer = Signer::read(key_file)?;
        let at = |source| FileError { action: "start HTTP for", path: key_file.into(), source };
        remote::handle().map_err(at)?;
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| at(std::io::Error::other(e.without_url())))?;
        Ok(Self {
            signer,
            client,
            clock,
            first_pause: FIRST_PAUSE,
            under_way: Mutex::default(),
            undelivered: Arc::default(),
            ended: Arc::default(),
        })
    }

    /// Tells the address of a unit, if it has one, that it is done, or why it was given up. Returns at once.
    pub fn tell(&self, unit: &Unit, end: State, fault: Option<&Fault>) {
        let Some(address) = unit.callback.clone() else { return };
        let body = json!({
            "schema": 1, "id": format!("{}-{}", unit.key, end.name()), "event": end.name(), "key": unit.key,
            "kind": unit.task.kind(), "source": unit.source, "fault": fault,
        })
        .to_string();
        let (client, signer, clock) = (self.client.clone(), self.signer.clone(), self.clock);
        let (mut pause, undelivered, unit) = (self.first_pause, self.undelivered.clone(), unit.key.clone());
        let ended = self.ended.clone();
        let task = async move {
            let mut delivered = false;
            for _ in 0..TRIES {
                let request = client.post(&address).header("content-type", "application/json");
                let request =
                    request.header("origami-signature", signer.header(clock.now_ms() / 1000, &body));
                let answer = request.body(body.clone()).send().await;
                delivered = answer.is_ok_and(|answer| answer.status().is_success());
                if delivered {
                    break;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            if !delivered {
                undelivered.fetch_add(1, Relaxed);
                tracing::warn!(%unit, "the address of this unit does not answer; it was told {TRIES} times");
            }
            lock(&ended).push((unit, end));
        };
        match remote::spawn(task) {
            Ok(task) => {
                let mut under_way = lock(&self.under_way);
                under_way.retain(|task| !task.is_finished());
                under_way.push(task);
            }
            Err(e) => tracing::warn!("{e}; the address of a unit was not told"),
        }
    }

    /// The notices that were delivered since the last call, or that nobody took.
    pub fn ended(&self) -> Vec<(Key, State)> {
        std::mem::take(&mut *lock(&self.ended))
    }

    /// Waits for a while for notices on their way. Returns how many were not delivered.
    pub fn finish(&self) -> u64 {
        let began = Instant::now();
        let mut under_way = lock(&self.under_way);
        while under_way.iter().any(|task| !task.is_finished()) && began.elapsed() < LAST_WAIT {
            std::thread::sleep(Duration::from_millis(20));
        }
        under_way.retain(|task| !task.is_finished());
        under_way.iter().for_each(JoinHandle::abort);
        under_way.len() as u64 + self.undelivered.load(Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key with which calls are signed.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    /// Reads the key: the bytes of a file without the newline at its end.
    ///
    /// # Errors
    /// A file that cannot be read or holds fewer than 32 bytes.
    pub fn read(key_file: &Path) -> Result<Self> {
        let bytes = std::fs::read(key_file).map_err(FileError::on::<Error>("read", key_file))?;
        let key = bytes.trim_ascii_end();
        if key.len() < MIN_KEY_BYTES {
            let problem = format!(
                "a key of {} bytes; at least {MIN_KEY_BYTES} are needed: `openssl rand -hex 32` makes one",
                key.len()
            );
            return Err(Error::stored(key_file.display(), problem));
        }
        let key = Hmac::new_from_slice(key).map_err(|_| Error::stored(key_file.display(), "no key"))?;
        Ok(Self(key))
    }

    /// The value of the header for a body that is sent at a time.
    pub fn header(&self, seconds: u64, body: &str) -> String {
        sign(&self.0, seconds, body)
    }
}

/// The value of the header.
fn sign(key: &Hmac<Sha256>, seconds: u64, body: &str) -> String {
    let mac = key.clone().chain_update(format!("{seconds}.{body}")).finalize().into_bytes();
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::jobs::{Source, Task};

    /// A server that refuses the first requests. Returns head and body of all.
    pub fn receive(listener: TcpListener, refused: usize) -> Vec<(String, String)> {
        let mut requests = Vec::new();
        for stream in listener.incoming().take(refused + 1) {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
                head += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let status = if requests.len() < refused { "503 Busy" } else { "204 No Content" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            requests.push((head, String::from_utf8(body).unwrap()));
        }
        requests
    }

    #[test]
    fn a_receiver_that_refuses_is_told_again_and_can_check_who_tells_it() {
        let dir = tempfile::tempdir().unwrap();
        let key_file = dir.path().join("key");
        std::fs::write(&key_file, "k".repeat(32) + "\n").unwrap();
        let mut notifier = Notifier::new(&key_file, Clock::default()).unwrap();
        notifier.first_pause = Duration::from_millis(5);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/told", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || receive(listener, 2));
        let unit =
            Unit::new(Task::Verify { deep: false }, "/a".into(), Source::Bundle, "i".into(), 1).unwrap();
        notifier.tell(&Unit { callback: Some(address), ..unit.clone() }, State::Done, None);
        let requests = server.join().unwrap();
        assert_eq!(notifier.finish(), 0);
        assert_eq!(notifier.ended(), [(unit.key.clone(), State::Done)]);
        assert!(notifier.ended().is_empty());
        assert_eq!(requests.len(), 3);
        for (head, body) in &requests {
            let told: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                (told["event"].as_str(), told["key"].as_str()),
                (Some("done"), Some(unit.key.as_str()))
            );
            assert_eq!(told["id"], format!("{}-done", unit.key), "the same in each try");
            let header = head.lines().find_map(|line| line.strip_prefix("origami-signature: ")).unwrap();
            let seconds = header.split([',', '=']).nth(1).unwrap().parse().unwrap();
            let key = Hmac::new_from_slice("k".repeat(32).as_bytes()).unwrap();
            assert_eq!(header, sign(&key, seconds, body));
            assert!(head.starts_with("POST /told "), "{head}");
        }
    }

    #[test]
    fn addresses_that_hold_a_secret_are_refused_without_repeating_it() {
        assert_eq!(check_address("https://host/told"), Ok(()));
        assert_eq!(check_address("HTTPS://host/told"), Ok(()));
        for address in
            ["ftp://host", "https://", "https://u:secret@host", "https://host/a?token=secret", "https://a b"]
        {
            assert!(!check_address(address).unwrap_err().contains("secret"), "{address}");
        }
    }
}
