//! A run of ffmpeg. Its standard error is read all the time, so that it never waits for us; its exit code is always looked at.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::backend::Cancel;
use crate::tour::error::{Error, Result};

/// Lines of its standard error that are kept: the last ones.
const KEPT_LINES: usize = 12;

/// Time between two looks whether it has ended.
const PERIOD: Duration = Duration::from_millis(50);

/// A running ffmpeg. Dropped before [`Self::finish`], it is killed.
pub struct Child {
    process: std::process::Child,
    input: Option<ChildStdin>,
    said: Option<JoinHandle<String>>,
    /// Frames that it has coded, where it was asked to say so.
    frames: Arc<AtomicU64>,
    task: String,
}

impl Child {
    /// Starts a command that reads its standard input. `task` says in errors what it was to do.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`]: the system does not start it.
    pub fn start(mut command: Command, task: &str) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Ok(Self::spawn(command, task)?.0)
    }

    /// Starts a command that reads nothing from us and writes frames, each of `bytes`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_frames(mut command: Command, bytes: usize, task: &str) -> Result<(Self, Frames)> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let (child, output) = Self::spawn(command, task)?;
        Ok((child, Frames { output, bytes }))
    }

    /// Starts a command that reads nothing from us, and says how far it is.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_counting(mut command: Command, task: &str) -> Result<Self> {
        command.args(["-progress", "pipe:1", "-nostats"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let (child, output) = Self::spawn(command, task)?;
        if let Some(output) = output {
            let frames = child.frames.clone();
            thread::spawn(move || count_frames(output, &frames));
        }
        Ok(child)
    }

    fn spawn(mut command: Command, task: &str) -> Result<(Self, Option<ChildStdout>)> {
        command.stderr(Stdio::piped());
        // Ctrl-C is for us: we end it in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        end_with_us(&mut command);
        let mut process = command.spawn().map_err(|e| failed(task, e.to_string()))?;
        let said = process.stderr.take().map(|stderr| thread::spawn(move || last_lines(stderr)));
        let (input, output) = (process.stdin.take(), process.stdout.take());
        Ok((Self { input, process, said, frames: Arc::default(), task: task.into() }, output))
    }

    /// Writes to its standard input; waits while it is busy.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] with what it said: it has ended before its input.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.input {
            Some(input) => input.write_all(bytes),
            None => Ok(()),
        };
        match written {
            Ok(()) => Ok(()),
            Err(e) => Err(match self.end() {
                Err(error) => error,
                Ok(()) => failed(&self.task, format!("it ended before its input did ({e})")),
            }),
        }
    }

    /// Ends its input and waits for its end.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] with what it said.
    pub fn finish(mut self) -> Result<()> {
        self.end()
    }

    /// Waits for the end of a run that reads nothing from us; kills it once `cancel` is requested. Tells how many frames it has coded.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] with what it said; the end of the run.
    pub fn wait(mut self, cancel: &Cancel, tell: &dyn Fn(u64)) -> Result<()> {
        while let Ok(None) = self.process.try_wait() {
            cancel.check()?;
            tell(self.frames.load(Relaxed));
            thread::sleep(PERIOD);
        }
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        drop(self.input.take());
        let status = self.process.wait();
        let said = self.said.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) if said.is_empty() => Err(failed(&self.task, status.to_string())),
            Ok(_) => Err(failed(&self.task, said)),
            Err(e) => Err(failed(&self.task, e.to_string())),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.input.take());
        // An error says that it has ended.
        if self.said.is_some() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Frames that a run of ffmpeg writes.
pub struct Frames {
    output: Option<ChildStdout>,
    bytes: usize,
}

impl Frames {
    /// The next one; `None` after the last. Waits until it is there. What ends in the middle of a frame is no frame: the run says why.
    ///
    /// # Errors
    /// The error of the system.
    pub fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let Some(output) = &mut self.output else { return Ok(None) };
        let mut frame = vec![0; self.bytes];
        match output.read_exact(&mut frame) {
            Ok(()) => Ok(Some(frame)),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Runs a command to its end; returns its standard output.
///
/// # Errors
/// [`Error::Ffmpeg`] with what it said.
pub fn run(command: &mut Command, task: &str) -> Result<Vec<u8>> {
    end_with_us(command);
    let output = command.stdin(Stdio::null()).output().map_err(|e| failed(task, e.to_string()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = last_lines(&output.stderr[..]);
    Err(failed(task, if said.is_empty() { output.status.to_string() } else { said }))
}

/// Has the system end the program with the thread that starts it: what is killed cannot end it any more.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn end_with_us(command: &mut Command) {
    let ask = || {
        // SAFETY: a call of the system with two numbers.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        Ok(())
    };
    // SAFETY: between fork and exec only that call is made, which allocates nothing and takes no lock.
    unsafe { std::os::unix::process::CommandExt::pre_exec(command, ask) };
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut Command) {}

/// Keeps the last `frame=N` of what ffmpeg says of its progress.
fn count_frames(stream: impl std::io::Read, frames: &AtomicU64) {
    for line in BufReader::new(stream).lines().map_while(std::result::Result::ok) {
        if let Some(count) = line.strip_prefix("frame=").and_then(|text| text.trim().parse().ok()) {
            frames.store(count, Relaxed);
        }
    }
}

fn failed(task: &str, said: String) -> Error {
    Error::Ffmpeg { task: task.into(), said }
}

/// The last lines of a stream, which is read to its end.
fn last_lines(stream: impl std::io::Read) -> String {
    let mut lines = VecDeque::new();
    for line in BufReader::new(stream).split(b'\n').map_while(std::result::Result::ok) {
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(&line).trim_end().to_string());
    }
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
