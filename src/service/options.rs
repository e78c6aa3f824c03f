//! How the service works. Plain data.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::jobs::Encode;
use crate::jobs::callback::Signer;
use crate::serve::Credentials;
use crate::store::remote::AddressPolicy;

/// Makes of the options of an encode, by the names of flags, what a unit holds. The error says which is wrong.
pub type EncodeOptions = Arc<dyn Fn(&Map<String, Value>) -> Result<Encode, String> + Send + Sync>;

/// How the service works.
#[derive(Clone)]
pub struct ServiceOptions {
    /// The folder below which slides lie that requests name.
    pub slides: PathBuf,
    /// Jobs that are worked on at a time by this process.
    pub max_concurrent: usize,
    /// Which hosts may be named in requests.
    pub addresses: AddressPolicy,
    /// What a request must carry.
    pub credentials: Credentials,
    /// The address that is told of jobs without one of their own. It is the operator's, and may be any.
    pub callback: Option<String>,
    /// How often a call is tried again.
    pub callback_retries: u32,
    /// How long a receiver may take.
    pub callback_timeout: Duration,
    /// The key with which calls are signed.
    pub signer: Option<Signer>,
    /// How long a request waits for files and for the queue.
    pub read_timeout: Duration,
    /// Reads the options of encodes.
    pub encode: EncodeOptions,
}
