//! The render service over sockets.

mod backend;
mod described;
mod faults;
mod kept;
mod requests;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kit::ffmpeg;
use crate::kit::program::{arg, program};
use crate::running::{Reply, Running, send, wait_until};

/// A folder of slides, one for results, one for temporary files.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    /// `None`, and SKIPPED, without ffmpeg.
    fn new(test: &str) -> Option<Self> {
        if !ffmpeg::or_skip(test) {
            return None;
        }
        let site = Self { dir: tempfile::tempdir().unwrap() };
        for name in ["slides", "temp"] {
            fs::create_dir(site.path(name)).unwrap();
        }
        Some(site)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The service, with addresses of loopback allowed.
    fn serve(&self, flags: &[&str]) -> Running {
        self.serve_by(&mut program(), &[&["--allow-private-addresses"], flags].concat())
    }

    fn serve_by(&self, program: &mut Command, flags: &[&str]) -> Running {
        let (slides, out) = (self.path("slides"), self.path("out"));
        let fixed = ["--slides", arg(&slides), "--lease", "1s", "--backend", "cpu", "--threads", "2"];
        let place = if flags.contains(&"--out") { &[][..] } else { &["--out", arg(&out)][..] };
        Running::jobs(program.env("TEMP_DIR", self.path("temp")), &[&fixed[..], place, flags].concat())
    }

    /// Nothing of this site is left: no folder for temporary files, no ffmpeg that works in it.
    fn is_clean(&self) -> bool {
        fs::read_dir(self.path("temp")).unwrap().count() == 0 && self.encoders().is_empty()
    }

    /// The ffmpegs that code for this site.
    fn encoders(&self) -> Vec<u32> {
        let temp = self.path("temp");
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let ours = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with(b"ffmpeg\0") && String::from_utf8_lossy(&line).contains(arg(&temp))
        };
        numbers.filter(ours).collect()
    }
}

fn object(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|e| panic!("{e}: {reply:?}"))
}

impl Running {
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let reply = self.post_text(path, &body.to_string());
        (reply.status, object(&reply))
    }

    fn post_text(&self, path: &str, body: &str) -> Reply {
        let headers = [("Content-Type", "application/json")];
        send(&self.address, "POST", path, &headers, body.as_bytes())
    }

    fn status(&self, job: &str) -> Value {
        object(&self.get(&format!("/api/render/{job}/status")))
    }

    /// Waits until a job is in a state, and fails where it ends in another.
    #[track_caller]
    fn wait_for(&self, job: &str, wanted: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let status = self.status(job);
            if status["status"] == wanted {
                return status;
            }
            let over = !status["finished_at"].is_null() || Instant::now() > until;
            assert!(!over, "{job} is not {wanted}: {status}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until some frames of a job are coded and others are not.
    #[track_caller]
    fn wait_for_frames(&self, job: &str) {
        wait_until("no frame is coded", || {
            let status = self.status(job);
            assert!(status["finished_at"].is_null(), "{status}");
            status["frames_done"].as_u64().is_some_and(|done| done > 0)
        });
    }
}
