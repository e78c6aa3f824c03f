//! Jobs: requests to the render service, and what queue and results hold of a unit. No worker takes them.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use origami::jobs::state::Policy;
use origami::jobs::{Clock, Encode, Key, Manifest, Renderer, Results, SqliteQueue, Unit};
use origami::serve::Credentials;
use origami::service::{Service, ServiceOptions};
use origami::store::remote::AddressPolicy;
use serde_json::Value;

use crate::server::{ask, listen};

/// The slide that jobs may name, `slide.bundle`.
const BUNDLE: &[u8] = include_bytes!("../../tests/golden/slide.bundle");
/// The unit whose objects are read.
const KEY: &str = "cd874a4a19bf9dcb8f5ff87d18f18ab7";

fn start() -> SocketAddr {
    let folder = tempfile::tempdir_in(crate::files::folder()).expect("a folder").keep();
    let slides = folder.join("slides");
    fs::create_dir(&slides).expect("a folder");
    fs::write(slides.join("slide.bundle"), BUNDLE).expect("a slide");
    fs::write(slides.join("picture.jpg"), &include_bytes!("../seeds/jpeg/tile.jpg")[4..]).expect("a slide");
    let queue = SqliteQueue::open(
        &folder.join("jobs.queue"),
        Policy::default(),
        Duration::from_secs(30),
        Clock::default(),
    );
    let results = Results::open(&folder.join("results"), &folder).expect("results");
    let renderer = Renderer::new(folder, AddressPolicy::All);
    let options = ServiceOptions {
        slides,
        max_concurrent: 1,
        addresses: AddressPolicy::All,
        credentials: Credentials::default(),
        callback: None,
        callback_retries: 0,
        callback_timeout: Duration::from_secs(1),
        read_timeout: Duration::from_secs(10),
        signer: None,
        encode: Arc::new(|flags| {
            serde_json::from_value::<Encode>(Value::Object(flags.clone())).map_err(|e| e.to_string())
        }),
    };
    let queue = Arc::new(queue.expect("a queue"));
    let service = Service::new(queue, Arc::new(results), Arc::new(renderer), options).expect("a service");
    listen(move |listener| async move { service.serve(listener, std::future::pending()).await })
}

/// Whether a text names an address, which would be looked for: nothing here may leave the machine.
fn names_addresses(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(":/"),
        Value::Array(list) => list.iter().any(names_addresses),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains(":/") || names_addresses(value))
        }
        _ => false,
    }
}

fn post(path: &str, body: &[u8]) {
    static SERVICE: OnceLock<SocketAddr> = OnceLock::new();
    if serde_json::from_slice(body).is_ok_and(|value| names_addresses(&value)) {
        return;
    }
    let service = *SERVICE.get_or_init(start);
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    ask(service, &[head.as_bytes(), body].concat());
}

/// Reads an object of the results, as `unit.json`.
fn stored(name: &str, bytes: &[u8]) {
    static RESULTS: OnceLock<Results> = OnceLock::new();
    let folder = crate::files::folder();
    let results = RESULTS.get_or_init(|| Results::open(&folder.join("stored"), folder).expect("results"));
    crate::files::file(&format!("stored/units/{KEY}/{name}"), bytes);
    let key = Key::parse(KEY).expect("a key");
    drop((results.unit(&key), results.manifest(&key)));
}

/// The first byte says what the others are.
pub fn run(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 5 {
        0 => post("/render", bytes),
        1 => post("/encode", bytes),
        // A row of a queue, in a file and on NATS, is this text.
        2 => {
            if let Ok(unit) = serde_json::from_slice::<Unit>(bytes) {
                let text = serde_json::to_string(&unit).expect("a unit is JSON");
                assert_eq!(serde_json::from_str::<Unit>(&text).ok(), Some(unit), "{text}");
            }
        }
        3 => stored("unit.json", bytes),
        _ => {
            if let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes) {
                drop(serde_json::to_string(&manifest));
            }
            stored("manifest.json", bytes);
        }
    }
}
