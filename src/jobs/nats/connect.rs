//! The address of a queue on a server, and what must be there.

use std::fmt;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::consumer::{AckPolicy, Consumer};
use async_nats::jetstream::kv::{Config as Bucket, Store};
use async_nats::jetstream::stream::{Config as StreamConfig, RetentionPolicy, Stream};
use async_nats::jetstream::{self, Context};

use crate::jobs::error::{Error, Result};

/// The name of a queue whose address has none.
const DEFAULT_NAME: &str = "units";
/// The consumers that all workers share.
const CONSUMERS: Lanes<&str> = Lanes { begun: "begun", units: "workers" };
/// Most units at work in a fleet.
const MAX_AT_WORK: i64 = 100_000;
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Variables with credentials: a token, a user with a password, a file of credentials.
const VARIABLES: [&str; 4] = ["NATS_TOKEN", "NATS_USER", "NATS_PASSWORD", "NATS_CREDS"];

/// `nats://HOST:PORT/NAME` or `tls://HOST:PORT/NAME`. It holds no credentials: those are in the environment, where no list of processes
/// and no log shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsAddress {
    server: String,
    name: String,
}

impl NatsAddress {
    /// Parses an address; `None` where the text has another scheme.
    ///
    /// # Errors
    /// An address with credentials, or with a name that cannot be one. Its text does not repeat the address.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some((scheme, rest)) =
            text.split_once("://").filter(|(scheme, _)| ["nats", "tls"].contains(scheme))
        else {
            return Ok(None);
        };
        if rest.contains(['@', '?', '#']) {
            return Err(format!(
                "the address of a queue is {scheme}://HOST:PORT/NAME and holds no credentials; put them into {}",
                VARIABLES.join(", ")
            ));
        }
        let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
        let name = if name.is_empty() { DEFAULT_NAME } else { name };
        if host.is_empty() || name_part(name) != name {
            return Err(
                "the address of a queue is nats://HOST:PORT/NAME, with letters, digits, - and _ in NAME"
                    .into(),
            );
        }
        Ok(Some(Self { server: format!("{scheme}://{host}"), name: name.into() }))
    }
}

impl fmt::Display for NatsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.name)
    }
}

/// A text in the letters that names of streams and keys may have.
pub fn name_part(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    text.chars().map(kept).collect()
}

/// What there is once for units that belong to slides that were begun, and once for others.
#[derive(Clone)]
pub struct Lanes<T> {
    pub begun: T,
    pub units: T,
}

/// What a queue needs of its server.
pub struct Parts {
    pub context: Context,
    pub subjects: Lanes<String>,
    pub units: Store,
    pub fleet: Store,
    pub consumers: Lanes<Consumer<PullConfig>>,
    /// The server takes a unit from a worker that is silent for so long.
    pub lease: Duration,
}

/// Connects, and makes what is not there.
pub async fn connect(address: &NatsAddress, lease: Duration, heartbeat: Duration) -> Result<Parts> {
    let fault = |action: &'static str| {
        let queue = address.to_string();
        move |problem: String| Error::Nats { queue, action, problem }
    };
    let options = credentials(address)?.connection_timeout(TIMEOUT).request_timeout(Some(TIMEOUT));
    let client = options.connect(&address.server).await.map_err(|e| fault("connect")(e.to_string()))?;
    let context = jetstream::new(client);
    let stream_name = format!("origami_{}", address.name);
    let [begun, units] = ["begun", "unit"].map(|lane| format!("origami.{}.{lane}", address.name));
    let subjects = Lanes { begun, units };
    let made = stream(&context, &stream_name, &subjects).await.map_err(fault("make the queue"))?;
    // The consumer of all messages that an earlier build has made must leave some to the other first.
    let units = consumer(&made, CONSUMERS.units, &subjects.units, lease).await;
    let units = units.map_err(fault("make the queue"))?;
    // As the server has it: whoever made the consumer has said it.
    let lease = units.cached_info().config.ack_wait;
    if lease < 2 * heartbeat {
        let problem = format!(
            "its workers lose their units after {lease:?}, and this one says something every {heartbeat:?}; give it a shorter lease"
        );
        return Err(fault("join the queue")(problem));
    }
    let begun = consumer(&made, CONSUMERS.begun, &subjects.begun, lease).await;
    let consumers = Lanes { begun: begun.map_err(fault("make the queue"))?, units };
    let units = bucket(&context, format!("{stream_name}_units")).await.map_err(fault("make the queue"))?;
    let fleet = bucket(&context, format!("{stream_name}_fleet")).await.map_err(fault("make the queue"))?;
    Ok(Parts { context, subjects, units, fleet, consumers, lease })
}

/// The stream of messages.
async fn stream(context: &Context, name: &str, subjects: &Lanes<String>) -> Result<Stream, String> {
    let config = StreamConfig {
        name: name.into(),
        subjects: vec![subjects.begun.clone(), subjects.units.clone()],
        retention: RetentionPolicy::WorkQueue,
        ..StreamConfig::default()
    };
    let stream = context.get_or_create_stream(config.clone()).await.map_err(|e| e.to_string())?;
    let held = &stream.cached_info().config;
    if config.subjects.iter().all(|subject| held.subjects.contains(subject)) {
        return Ok(stream);
    }
    // Of an earlier build, perhaps with settings of an administrator.
    let config = StreamConfig { subjects: config.subjects, ..held.clone() };
    context.update_stream(config).await.map_err(|e| e.to_string())?;
    context.get_stream(name).await.map_err(|e| e.to_string())
}

/// The consumer of a subject.
async fn consumer(
    stream: &Stream,
    name: &str,
    subject: &str,
    lease: Duration,
) -> Result<Consumer<PullConfig>, String> {
    let config = PullConfig {
        durable_name: Some(name.into()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: lease,
        max_ack_pending: MAX_AT_WORK,
        filter_subject: subject.into(),
        ..PullConfig::default()
    };
    let made: Consumer<PullConfig> =
        stream.get_or_create_consumer(name, config.clone()).await.map_err(|e| e.to_string())?;
    let held = &made.cached_info().config;
    if held.filter_subject == subject {
        return Ok(made);
    }
    // Of an earlier build, which had one for all.
    let config = PullConfig { ack_wait: held.ack_wait, max_ack_pending: held.max_ack_pending, ..config };
    stream.create_consumer(config).await.map_err(|e| e.to_string())
}

async fn bucket(context: &Context, name: String) -> Result<Store, String> {
    let config = Bucket { bucket: name.clone(), history: 1, ..Bucket::default() };
    match context.create_key_value(config).await {
        Ok(store) => Ok(store),
        // It is there, perhaps with settings of an administrator.
        Err(refused) => context.get_key_value(name).await.map_err(|_| refused.to_string()),
    }
}

/// How to connect, by the environment.
fn credentials(address: &NatsAddress) -> Result<ConnectOptions> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let [token, user, password, file] = VARIABLES.map(variable);
    let options = ConnectOptions::new().name("origami");
    if let Some(file) = file {
        let problem =
            |e: String| Error::Nats { queue: address.to_string(), action: "read NATS_CREDS", problem: e };
        let text = std::fs::read_to_string(&file).map_err(|e| problem(format!("{file}: {e}")))?;
        // Its errors may repeat what the file holds.
        return options
            .credentials(&text)
            .map_err(|_| problem(format!("{file}: it is no file of credentials")));
    }
    Ok(match (user, password, token) {
        (Some(user), Some(password), _) => options.user_and_password(user, password),
        (_, _, Some(token)) => options.token(token),
        _ => options,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_server_and_a_name_and_no_credentials() {
        let parse = |text| NatsAddress::parse(text).map(|address| address.map(|a| a.to_string()));
        assert_eq!(parse("nats://h:4222"), Ok(Some("nats://h:4222/units".into())));
        assert_eq!(parse("tls://h/a-b_1"), Ok(Some("tls://h/a-b_1".into())));
        for other in ["/tmp/queue", "queue", "http://h/x"] {
            assert_eq!(parse(other), Ok(None));
        }
        for refused in
            ["nats://u:secret@h/x", "nats://h/x?token=secret", "nats:///x", "nats://h/a.b", "nats://h/a/b"]
        {
            assert!(!parse(refused).unwrap_err().contains("secret"), "{refused}");
        }
    }
}
