//! Tells an address: a POST with a JSON object, signed as in `jobs::callback`, and repeated with growing pauses where it is not taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::options::ServiceOptions;
use crate::jobs::Clock;
use crate::jobs::callback::Signer;
use crate::store::remote::{self, AddressPolicy};

/// Pause after the first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Makes calls.
pub struct Caller {
    /// For addresses of clients.
    guarded: reqwest::Client,
    /// For the operator's.
    free: reqwest::Client,
    retries: u32,
    signer: Option<Signer>,
}

/// How a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    UnderWay,
    Delivered,
    Failed,
}

/// A call under way; dropped, it is ended.
#[derive(Default)]
pub struct Call {
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

/// What is not waited for any more is not tried again.
impl Drop for Call {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

#[derive(Default)]
struct Shared {
    tries: AtomicU32,
    state: AtomicU8,
}

impl Call {
    pub fn state(&self) -> State {
        match self.shared.state.load(Relaxed) {
            0 => State::UnderWay,
            1 => State::Delivered,
            _ => State::Failed,
        }
    }

    /// How often the address was called.
    pub fn tries(&self) -> u32 {
        self.shared.tries.load(Relaxed)
    }
}

impl Caller {
    /// # Errors
    /// The system gives no threads, or no certificates.
    pub fn new(options: &ServiceOptions) -> std::io::Result<Self> {
        let timeout = Some(options.callback_timeout);
        Ok(Self {
            guarded: options.addresses.client(timeout)?,
            free: AddressPolicy::All.client(timeout)?,
            retries: options.callback_retries,
            signer: options.signer.clone(),
        })
    }

    /// Calls an address, which is the operator's or a client's. Returns at once.
    pub fn call(&self, address: &str, is_operators: bool, body: String) -> Call {
        let mut call = Call::default();
        let client = if is_operators { self.free.clone() } else { self.guarded.clone() };
        let (address, shared) = (address.to_string(), call.shared.clone());
        let (retries, signer) = (self.retries, self.signer.clone());
        let task = async move {
            let mut pause = FIRST_PAUSE;
            for attempt in 0..=retries {
                if attempt > 0 {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                shared.tries.fetch_add(1, Relaxed);
                let mut request = client.post(&address).header("content-type", "application/json");
                if let Some(signer) = &signer {
                    let seconds = Clock::default().now_ms() / 1000;
                    request = request.header("origami-signature", signer.header(seconds, &body));
                }
                match request.body(body.clone()).send().await {
                    Ok(answer) if answer.status().is_success() => {
                        shared.state.store(1, Relaxed);
                        return;
                    }
                    Ok(answer) => tracing::debug!("a callback was answered with {}", answer.status()),
                    Err(e) => match remote::private_of(&e) {
                        Some(private) => tracing::warn!("a callback was not made: {private}"),
                        None => tracing::debug!("a callback failed: {}", e.without_url()),
                    },
                }
            }
            shared.state.store(2, Relaxed);
        };
        match remote::spawn(task) {
            Ok(task) => call.task = Some(task),
            Err(e) => {
                tracing::warn!("{e}; an address was not told");
                call.shared.state.store(2, Relaxed);
            }
        }
        call
    }
}
