//! SIGINT and SIGTERM of the commands that work for a while: the run ends in order and says what it leaves behind.
//!
//! The first signal sets the flag that the scheduler checks between jobs; the run then ends with an error, and writers remove what
//! they have not published. A run that takes longer than a second to end, and a run that gets a second signal, is ended at once:
//! nothing stands half-written under a final name at any time, and the next run removes what is left. Servers listen for themselves.

use std::fs::Metadata;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use origami::backend::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

/// How long a run may take to end in order.
const GRACE: Duration = Duration::from_millis(900);

/// Set by the first signal.
static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// The file that appears last when the run succeeds.
static RESULT: Mutex<Option<Result>> = Mutex::new(None);
/// Whether the end of the run has been reported.
static REPORTED: AtomicBool = AtomicBool::new(false);

/// A result of the run, and what stood under its name before.
struct Result {
    path: PathBuf,
    before: Option<Stamp>,
}

/// What tells a file from the one that replaces it: length and time of the last change.
type Stamp = (u64, Option<SystemTime>);

fn stamp(path: &Path) -> Option<Stamp> {
    let of = |file: Metadata| (file.len(), file.modified().ok());
    path.metadata().ok().map(of)
}

fn result() -> MutexGuard<'static, Option<Result>> {
    RESULT.lock().unwrap_or_else(|e| e.into_inner())
}

/// Begins to listen for signals. A run that does not end in order is ended with this exit code, after `report`.
pub fn listen(exit_code: i32, report: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal must find the flag unset.
        flag::register_conditional_shutdown(signal, exit_code, Arc::clone(&REQUESTED))?;
        flag::register(signal, Arc::clone(&REQUESTED))?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("origami-signals".into()).spawn(move || {
        signals.forever().next();
        std::thread::sleep(GRACE);
        if std::io::stderr().is_terminal() {
            // The bar is still on the line.
            eprintln!();
        }
        report();
        low_level::exit(exit_code);
    })?;
    Ok(())
}

/// The signals that end a service in order. The end of a terminal is one of them, unless the program was started to outlive it, as by nohup.
#[cfg(any(feature = "jobs", feature = "serve"))]
pub fn ends() -> Vec<i32> {
    let hangup = (!ignores_hangup()).then_some(signal_hook::consts::SIGHUP);
    [SIGINT, SIGTERM].into_iter().chain(hangup).collect()
}

#[cfg(any(feature = "jobs", feature = "serve"))]
#[allow(unsafe_code)]
fn ignores_hangup() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only fills the live `sigaction`, of which zeros are a value.
    unsafe {
        libc::sigaction(signal_hook::consts::SIGHUP, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// The request that a signal makes, for schedulers.
pub fn cancel() -> Cancel {
    Arc::clone(&REQUESTED).into()
}

/// Says which file the run writes now, for the line that ends an interrupted run.
pub fn writes(path: &Path) {
    *result() = Some(Result { path: path.to_path_buf(), before: stamp(path) });
}

/// Whether the caller is the first to report the end of the run.
pub fn is_first_report() -> bool {
    !REPORTED.swap(true, Ordering::Relaxed)
}

/// What an interrupted run leaves behind.
pub fn outcome() -> String {
    let Some(Result { path, before }) = &*result() else { return "interrupted: nothing was written".into() };
    let (path, now) = (path.display(), stamp(path));
    match (before, &now) {
        (None, None) => format!("interrupted: {path} was not written"),
        (before, now) if before == now => {
            format!("interrupted: {path} was not written; the older one stands")
        }
        _ => format!("interrupted, after {path} was written"),
    }
}
