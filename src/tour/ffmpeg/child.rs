//! A run of ffmpeg. Its standard error is read all the time, so that it never waits for us; its exit code is always looked at.
//!
//! Once the end is requested it is killed by a thread that only waits for that. So whoever waits for its output, for its input or for its
//! end goes on then, however silent it is.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::backend::Cancel;
use crate::tour::error::{Error, Result};

/// Lines of its standard error that are kept: the last ones.
const KEPT_LINES: usize = 12;

/// Longest time between two looks whether it has ended, or is to end.
const PERIOD: Duration = Duration::from_millis(50);

type Process = Mutex<std::process::Child>;

fn lock(process: &Process) -> MutexGuard<'_, std::process::Child> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running ffmpeg. Dropped before [`Self::finish`], it is killed.
pub struct Child {
    process: Arc<Process>,
    cancel: Cancel,
    /// The watching thread ends with it.
    _watched: Sender<()>,
    input: Option<ChildStdin>,
    said: Option<JoinHandle<String>>,
    /// Frames that it has coded, where it was asked to say so.
    frames: Arc<AtomicU64>,
    task: String,
}

impl Child {
    /// Starts a command that reads its standard input. `task` says in errors what it was to do. It is killed once `cancel` is requested.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`]: the system does not start it. The end of the run, here and in every call.
    pub fn start(mut command: Command, task: &str, cancel: &Cancel) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Ok(Self::spawn(command, task, cancel)?.0)
    }

    /// Starts a command that reads nothing from us and writes frames, each of `bytes`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_frames(
        mut command: Command,
        bytes: usize,
        task: &str,
        cancel: &Cancel,
    ) -> Result<(Self, Frames)> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let (child, output) = Self::spawn(command, task, cancel)?;
        Ok((child, Frames { output, bytes }))
    }

    /// Starts a command that reads nothing from us, and says how far it is.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_counting(mut command: Command, task: &str, cancel: &Cancel) -> Result<Self> {
        command.args(["-progress", "pipe:1", "-nostats"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let (child, output) = Self::spawn(command, task, cancel)?;
        if let Some(output) = output {
            let frames = child.frames.clone();
            thread::spawn(move || count_frames(output, &frames));
        }
        Ok(child)
    }

    fn spawn(mut command: Command, task: &str, cancel: &Cancel) -> Result<(Self, Option<ChildStdout>)> {
        cancel.check()?;
        command.stderr(Stdio::piped());
        // Ctrl-C is for us: we end it in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        end_with_us(&mut command);
        let mut process = command.spawn().map_err(|e| failed(task, e.to_string()))?;
        let said = process.stderr.take().map(|stderr| thread::spawn(move || last_lines(stderr)));
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let process = Arc::new(Mutex::new(process));
        let (watched, over) = channel::<()>();
        let (theirs, request) = (process.clone(), cancel.clone());
        thread::spawn(move || {
            while over.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                if request.is_requested() {
                    // An error says that it has ended.
                    let _ = lock(&theirs).kill();
                    break;
                }
            }
        });
        let (cancel, frames, task) = (cancel.clone(), Arc::default(), task.into());
        Ok((Self { process, cancel, _watched: watched, input, said, frames, task }, output))
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

    /// Waits for the end of a run that reads nothing from us. Tells how many frames it has coded.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] with what it said.
    pub fn wait(mut self, tell: &dyn Fn(u64)) -> Result<()> {
        while let Ok(None) = lock(&self.process).try_wait() {
            tell(self.frames.load(Relaxed));
            thread::sleep(PERIOD);
        }
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        drop(self.input.take());
        let mut pause = Duration::from_millis(1);
        let status = loop {
            let ended = lock(&self.process).try_wait().transpose();
            if let Some(status) = ended {
                break status;
            }
            thread::sleep(pause);
            pause = (2 * pause).min(PERIOD);
        };
        let said = self.said.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        match status {
            Ok(status) if status.success() => Ok(()),
            // It may have been killed for that.
            _ if self.cancel.is_requested() => Ok(self.cancel.check()?),
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
            let mut process = lock(&self.process);
            let _ = process.kill();
            let _ = process.wait();
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
/// [`Error::Ffmpeg`] with what it said; the end of the run.
pub fn run(mut command: Command, task: &str, cancel: &Cancel) -> Result<Vec<u8>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let (child, output) = Child::spawn(command, task, cancel)?;
    let mut bytes = Vec::new();
    let read = output.map_or(Ok(0), |mut output| output.read_to_end(&mut bytes));
    child.finish()?;
    read.map_err(|e| failed(task, e.to_string()))?;
    Ok(bytes)
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// A program that says nothing and does not end.
    fn silent() -> Command {
        let mut command = Command::new("sh");
        // What is said to ffmpeg is of no effect.
        command.args(["-c", "exec sleep 1000"]);
        command
    }

    fn is_interrupted<T>(result: Result<T>) -> bool {
        matches!(result, Err(Error::Backend(crate::backend::Error::Interrupted)))
    }

    #[test]
    fn whoever_waits_for_a_silent_program_goes_on_when_the_end_is_requested() {
        let waits: [fn(&Cancel) -> bool; 4] = [
            |cancel| {
                let (child, mut frames) = Child::start_frames(silent(), 3, "decode", cancel).unwrap();
                matches!(frames.next(), Ok(None)) && is_interrupted(child.finish())
            },
            |cancel| {
                let mut child = Child::start(silent(), "code", cancel).unwrap();
                // More than a pipe holds.
                is_interrupted(child.write(&vec![0; 1 << 22]))
            },
            |cancel| is_interrupted(Child::start_counting(silent(), "code", cancel).unwrap().wait(&|_| ())),
            |cancel| is_interrupted(run(silent(), "look", cancel)),
        ];
        for wait in waits {
            let cancel = Cancel::default();
            let request = cancel.clone();
            let requests = thread::spawn(move || {
                thread::sleep(PERIOD);
                request.request();
            });
            assert!(wait(&cancel));
            requests.join().unwrap();
            assert!(is_interrupted(Child::start(silent(), "code", &cancel)));
        }
    }
}
