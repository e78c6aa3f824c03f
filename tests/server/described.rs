//! Holds every answer of the tile server to its own description of its addresses, the OpenAPI document.
//!
//! Statuses, media types, bodies of JSON and headers are those that the document names for the address and the method. Where it says nothing there is
//! a rule: an address that it does not list, a method that an address does not have, what browsers ask ahead, and what is refused before any
//! address is looked at.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::Path;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use flate2::read::GzDecoder;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::kit::program::arg;
use crate::running::{Reply, Running, unchecked};

/// The document of the program, and what it takes to look things up in it.
struct Document {
    value: Value,
    /// What it says of each path, of a server without jobs. The server's own router reads the same templates.
    paths: matchit::Router<Value>,
    /// The same of a server that takes jobs.
    with_jobs: matchit::Router<Value>,
    /// By name of the schema.
    schemas: HashMap<String, Validator>,
}

/// Of a server of this build: all have the same one but for their own address, and for jobs.
static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let root = tempfile::tempdir().unwrap();
    let plain = of_server(root.path(), &[]);
    // It has all that the other one has; a test of it says so.
    let value = if cfg!(feature = "jobs") { with_jobs(root.path()) } else { plain.clone() };
    let (paths, with_jobs) = (paths(&plain), paths(&value));
    let components = &value["components"];
    let names = components["schemas"].as_object().unwrap().keys();
    let schemas = names.map(|name| (name.clone(), validator(components, name))).collect();
    Document { paths, with_jobs, schemas, value }
});

/// The document of a server that takes jobs.
fn with_jobs(root: &Path) -> Value {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    of_server(root, &["--jobs", "--out", arg(&out), "--temp-dir", arg(work.path())])
}

fn of_server(root: &Path, flags: &[&str]) -> Value {
    let server = Running::start(root, flags);
    let reply = unchecked(&server.address, "GET", "/api/openapi.json", &[], b"").unwrap();
    serde_json::from_slice(&reply.unwrap().body).unwrap()
}

fn paths(document: &Value) -> matchit::Router<Value> {
    let mut paths = matchit::Router::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        paths.insert(path, item.clone()).unwrap();
    }
    paths
}

fn validator(components: &Value, schema: &str) -> Validator {
    let root = json!({"$ref": format!("#/components/schemas/{schema}"), "components": {"schemas": components["schemas"]}});
    jsonschema::draft202012::new(&root).unwrap_or_else(|e| panic!("{schema}: {e}"))
}

/// Servers with other addresses than those of a tile server.
static OTHERS: LazyLock<Mutex<HashMap<String, Addresses>>> = LazyLock::new(Mutex::default);
/// Hashes of bodies that were validated: what is asked for again and again is the same.
static SEEN: LazyLock<Mutex<HashSet<u64>>> = LazyLock::new(Mutex::default);

/// Which addresses a server has.
#[derive(Clone, Copy)]
pub enum Addresses {
    /// Those of a tile server.
    OfTiles,
    /// The same, and those of jobs.
    OfTilesAndJobs,
    /// Those of jobs. It numbers no answers, and its other addresses are not those of a tile server.
    #[cfg(feature = "jobs")]
    OfJobs,
    /// Such as the document does not describe.
    Others,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says which addresses a server has, and those of a tile server of one that has ended: the next one of its port may be another.
pub fn has(address: &str, addresses: Addresses) {
    if matches!(addresses, Addresses::OfTiles) {
        locked(&OTHERS).remove(address);
    } else {
        locked(&OTHERS).insert(address.into(), addresses);
    }
}

/// Fails where an answer is none that the document describes.
#[track_caller]
pub fn hold(address: &str, method: &str, target: &str, reply: &Reply) {
    let addresses = locked(&OTHERS).get(address).copied().unwrap_or(Addresses::OfTiles);
    let checked = match addresses {
        Addresses::OfTiles => check(method, target, reply),
        Addresses::OfTilesAndJobs => check_in_full(method, target, reply),
        #[cfg(feature = "jobs")]
        Addresses::OfJobs => check_jobs(method, target, reply),
        Addresses::Others => Ok(()),
    };
    if let Err(fault) = checked {
        let (status, headers, text) = (reply.status, &reply.headers, reply.text());
        panic!(
            "{method} {target}: the OpenAPI document describes no such answer: {fault}: {status} {headers:?} {text:.500}"
        );
    }
}

/// The path of what stands in the first line of a request.
fn path_of(target: &str) -> &str {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    // A proxy names the host as well.
    let rest = path.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    rest.unwrap_or(path)
}

/// What is wrong with an answer of a tile server.
pub fn check(method: &str, target: &str, reply: &Reply) -> Result<(), String> {
    check_numbered(&DOCUMENT.paths, method, target, reply)
}

/// The same of a tile server with jobs.
pub fn check_in_full(method: &str, target: &str, reply: &Reply) -> Result<(), String> {
    check_numbered(&DOCUMENT.with_jobs, method, target, reply)
}

/// The same of a server that has jobs alone.
#[cfg(feature = "jobs")]
fn check_jobs(method: &str, target: &str, reply: &Reply) -> Result<(), String> {
    let (path, document) = (path_of(target), &*DOCUMENT);
    let is_described = document.paths.at(path).is_err() && document.with_jobs.at(path).is_ok();
    if is_described { check_answer(&document.with_jobs, method, path, reply) } else { Ok(()) }
}

/// The same of a server that numbers its answers and has these paths.
fn check_numbered(
    paths: &matchit::Router<Value>,
    method: &str,
    target: &str,
    reply: &Reply,
) -> Result<(), String> {
    if !reply.headers.contains_key("x-request-id") {
        return refused_before(reply);
    }
    if method == "OPTIONS" && reply.headers.contains_key("access-control-allow-methods") {
        let is_empty = reply.status == 200 && reply.body.is_empty();
        return is_empty.then_some(()).ok_or_else(|| "what browsers ask ahead has 200 and no body".into());
    }
    check_answer(paths, method, path_of(target), reply)
}

/// What is wrong with an answer to a path, of those that there are.
fn check_answer(
    paths: &matchit::Router<Value>,
    method: &str,
    path: &str,
    reply: &Reply,
) -> Result<(), String> {
    let Ok(item) = paths.at(path) else {
        // Browsers get a page that says so.
        let is_page = reply.status == 404 && essence(reply.header("content-type")) == "text/html";
        if is_page && matches!(method, "GET" | "HEAD") {
            return Ok(());
        }
        return unlisted(
            method,
            &[("401", "Unauthorized"), ("403", "Forbidden"), ("404", "NotFound")],
            reply,
        );
    };
    let item = item.value;
    let is_head = method == "HEAD";
    let operation = &item[if is_head { String::from("get") } else { method.to_lowercase() }];
    if operation.is_null() {
        // Credentials are asked for as by the methods that it has.
        if let Some(refusal) = refusal_of(item, reply.status) {
            return fits(resolved(refusal), is_head, reply);
        }
        // The last one where DICOMweb is off.
        let refusals =
            [("401", "Unauthorized"), ("403", "Forbidden"), ("405", "MethodNotAllowed"), ("404", "NotFound")];
        let most = if path.starts_with("/dicomweb/") { 4 } else { 3 };
        return unlisted(method, &refusals[..most], reply).and_then(|()| methods(item, reply));
    }
    let answers = operation["responses"].as_object().ok_or("no answers")?;
    let answer = answers.get(&reply.status.to_string()).ok_or_else(|| {
        format!("the status {} is none of {:?}", reply.status, answers.keys().collect::<Vec<_>>())
    })?;
    fits(resolved(answer), is_head, reply)
}

/// The answer of an address to who may not see it, as one of its methods has it.
fn refusal_of(item: &Value, status: u16) -> Option<&Value> {
    let status = [401, 403].contains(&status).then(|| status.to_string())?;
    item.as_object()?.values().find_map(|operation| operation["responses"].get(&status))
}

/// An answer without a number: no address was looked at, since the head of the request was no head, too long, or of no host or several.
fn refused_before(reply: &Reply) -> Result<(), String> {
    match (reply.status, reply.body.is_empty()) {
        (400 | 414 | 431, true) => Ok(()),
        (400, false) => fits(&DOCUMENT.value["components"]["responses"]["BadRequest"], false, reply),
        (status, _) => Err(format!("{status} has no X-Request-Id")),
    }
}

/// One of these refusals, given by status and name.
fn unlisted(method: &str, refusals: &[(&str, &str)], reply: &Reply) -> Result<(), String> {
    let status = reply.status.to_string();
    let (_, name) = refusals.iter().find(|(of, _)| *of == status).ok_or_else(|| {
        format!("the document lists no such address with this method, and the status is {status}")
    })?;
    fits(&DOCUMENT.value["components"]["responses"][name], method == "HEAD", reply)
}

/// A refusal of a method names exactly those that the document lists.
fn methods(item: &Value, reply: &Reply) -> Result<(), String> {
    if reply.status != 405 {
        return Ok(());
    }
    let listed = item.as_object().ok_or("no methods")?.keys().map(|method| method.to_uppercase());
    let mut listed: BTreeSet<String> = listed.collect();
    if listed.contains("GET") {
        listed.insert("HEAD".into());
    }
    let told: BTreeSet<String> =
        reply.header("allow").split(',').map(|method| method.trim().into()).collect();
    (told == listed).then_some(()).ok_or_else(|| format!("it allows {told:?}, and {listed:?} are listed"))
}

/// What a `$ref` leads to, or the value itself.
fn resolved(value: &Value) -> &Value {
    let place = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    place.map_or(value, |place| DOCUMENT.value.pointer(place).unwrap())
}

/// Whether headers and body of a reply are those of an answer.
fn fits(answer: &Value, is_head: bool, reply: &Reply) -> Result<(), String> {
    for (name, header) in answer["headers"].as_object().into_iter().flatten() {
        let header = resolved(header);
        match reply.headers.get(&name.to_lowercase()) {
            Some(value) => valid_header(name, &header["schema"], value)?,
            None if header["required"] == true => return Err(format!("it has no {name}")),
            None => {}
        }
    }
    let given = reply.header("content-type");
    let Some(kinds) = answer["content"].as_object() else {
        let is_empty = reply.body.is_empty() && given.is_empty();
        return is_empty
            .then_some(())
            .ok_or_else(|| format!("there is a body, {given:?}, and none is described"));
    };
    let kind = kinds.iter().find(|(kind, _)| essence(kind) == essence(given));
    let (kind, body) =
        kind.ok_or_else(|| format!("{given:?} is none of {:?}", kinds.keys().collect::<Vec<_>>()))?;
    match (is_head, reply.body.is_empty()) {
        (true, true) => return Ok(()),
        (true, false) => return Err("HEAD has a body".into()),
        (false, true) => return Err(format!("there is no body, and {kind} is described")),
        (false, false) => {}
    }
    if essence(kind).ends_with("json") { valid_json(body, reply) } else { Ok(()) }
}

/// A media type without its parameters, but with the type of parts.
fn essence(kind: &str) -> String {
    let mut parts = kind.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_lowercase();
    let of = parts.find(|part| name == "multipart/related" && part.starts_with("type="));
    of.map_or(name.clone(), |of| format!("{name}; {of}"))
}

fn valid_header(name: &str, schema: &Value, text: &str) -> Result<(), String> {
    static VALIDATORS: LazyLock<HashMap<String, Validator>> = LazyLock::new(|| {
        let headers = DOCUMENT.value["components"]["headers"].as_object().unwrap();
        let of = |header: &Value| jsonschema::draft202012::new(&header["schema"]).unwrap();
        headers.iter().map(|(name, header)| (name.clone(), of(header))).collect()
    });
    let value = match schema["type"] == "integer" {
        true => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
        false => json!(text),
    };
    VALIDATORS[name].validate(&value).map_err(|e| format!("{name}: {e}"))
}

/// JSON, of the schema that is described for it.
fn valid_json(described: &Value, reply: &Reply) -> Result<(), String> {
    let schema = described["schema"]["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    let mut hash = DefaultHasher::new();
    (schema, &reply.body).hash(&mut hash);
    if locked(&SEEN).contains(&hash.finish()) {
        return Ok(());
    }
    let mut text = Vec::new();
    if reply.header("content-encoding") == "gzip" {
        GzDecoder::new(&reply.body[..]).read_to_end(&mut text).map_err(|e| e.to_string())?;
    } else {
        text.clone_from(&reply.body);
    }
    let value: Value = serde_json::from_slice(&text).map_err(|e| format!("no JSON: {e}"))?;
    if let Some(schema) = schema {
        let faults = DOCUMENT.schemas[schema].iter_errors(&value).take(5);
        let faults: Vec<_> = faults.map(|e| format!("{} {e:.300}", e.instance_path())).collect();
        if !faults.is_empty() {
            return Err(format!("no {schema}: {faults:?}"));
        }
    }
    locked(&SEEN).insert(hash.finish());
    Ok(())
}

/// Whether a value is of a schema of the document.
pub fn is_valid(schema: &str, value: &Value) -> bool {
    DOCUMENT.schemas[schema].is_valid(value)
}
