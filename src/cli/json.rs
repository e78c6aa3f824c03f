//! The objects that `--json` prints: one a run, on standard output.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::{Value, json};

use super::fault::Fault;
use super::print::say;

/// Grows when a key is taken away or changes its meaning.
const SCHEMA: u32 = 1;

/// Whether this run has printed its object.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Whether the arguments of this run ask for JSON. It is known before they are parsed, so that even an error in them is an object.
pub fn is_wanted() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// Prints the object of a command: `body`, which must be an object, after `schema` and `command`.
pub fn print(command: &str, body: impl Serialize) -> serde_json::Result<()> {
    let mut object = json!({"schema": SCHEMA, "command": command});
    if let (Some(object), Value::Object(body)) = (object.as_object_mut(), serde_json::to_value(body)?) {
        object.extend(body);
    }
    PRINTED.store(true, Ordering::Relaxed);
    say!("{object:#}");
    Ok(())
}

/// Prints an error as the object of this run, unless it has printed one.
pub fn print_error(fault: &Fault) {
    if !PRINTED.swap(true, Ordering::Relaxed) {
        say!("{:#}", json!({"schema": SCHEMA, "error": fault}));
    }
}
