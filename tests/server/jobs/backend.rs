//! A server on loopback that stands for the one with the videos and for the one that is told.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;

#[derive(Default)]
struct State {
    video: Vec<u8>,
    heads: Mutex<Vec<String>>,
    /// Calls, and whether they were taken.
    calls: Mutex<Vec<(Value, bool)>>,
    refusals: Mutex<u32>,
}

/// The server. It serves until the process ends.
pub struct Backend {
    pub address: String,
    state: Arc<State>,
}

impl Backend {
    /// Serves a video of so many seconds, which it makes at `file`.
    pub fn start(file: &Path, seconds: u32) -> Self {
        video(file, seconds);
        let state = Arc::new(State { video: fs::read(file).unwrap(), ..State::default() });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, theirs) = (listener.local_addr().unwrap().to_string(), state.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = theirs.clone();
                std::thread::spawn(move || answer(&state, stream));
            }
        });
        Self { address, state }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Calls about the end of a job are answered with 503 so many times.
    pub fn refuse_finals(&self, times: u32) {
        *self.state.refusals.lock().unwrap() = times;
    }

    /// All calls.
    pub fn calls(&self) -> Vec<Value> {
        self.state.calls.lock().unwrap().iter().map(|(call, _)| call.clone()).collect()
    }

    /// The calls about the end of a job that were taken.
    pub fn finals(&self, job: &str) -> Vec<Value> {
        let calls = self.state.calls.lock().unwrap();
        let of_job = calls
            .iter()
            .filter(|(call, taken)| *taken && call["job_id"] == job && call["event"] != "progress");
        of_job.map(|(call, _)| call.clone()).collect()
    }

    /// The heads of all requests.
    pub fn requests(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }
}

/// A video with ten frames a second and sound.
pub fn video(file: &Path, seconds: u32) {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=320x240:r=10",
        "-f",
        "lavfi",
        "-i",
        "sine=f=440",
    ]);
    command.args(["-t", &seconds.to_string(), "-c:a", "aac", "-pix_fmt", "yuv420p"]).arg(file);
    assert!(command.status().unwrap().success());
}

fn answer(state: &State, stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or_default() == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    state.heads.lock().unwrap().push(head.clone());
    let taken = !head.starts_with("POST") || take(state, &body);
    let (status, sent) = if taken { ("200 OK", &state.video[..]) } else { ("503 Busy", &[][..]) };
    let sent = if head.starts_with("GET") { sent } else { &[][..] };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", sent.len());
    // Who has asked may be gone.
    drop(reader.get_mut().write_all(&[answer.as_bytes(), sent].concat()));
}

/// Notes a call; `false`: it is refused.
fn take(state: &State, body: &[u8]) -> bool {
    let call: Value = serde_json::from_slice(body).unwrap();
    let mut refusals = state.refusals.lock().unwrap();
    let taken = call["event"] == "progress" || *refusals == 0;
    if !taken {
        *refusals -= 1;
    }
    state.calls.lock().unwrap().push((call, taken));
    taken
}
