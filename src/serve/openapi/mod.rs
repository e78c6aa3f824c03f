//! The description of all addresses in the form of OpenAPI 3.1. Source: <https://spec.openapis.org/oas/v3.1.0>.
//!
//! `routes`, `marks`, `dicomweb` and `jobs` are the tables of what is asked for and answered, `errors` is that of errors, `schemas.json` and `jobs.json` are the form of
//! the JSON. Those of jobs are in the document of a server that takes jobs. Tests hold the tables to the routes of the server, and every answer that they get
//! from a server to the document.

mod dicomweb;
mod errors;
mod jobs;
mod marks;
mod operation;
mod parameters;
mod routes;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use self::errors::{ERRORS, HEADERS, headers_of};
use self::operation::{Kind, Operation};
use self::parameters::{OF_JOBS, PARAMETERS, Parameter};

/// The form of JSON bodies, by name.
const SCHEMAS: &str = include_str!("schemas.json");
/// The same of jobs.
const SCHEMAS_OF_JOBS: &str = include_str!("jobs.json");

static DOCUMENT: LazyLock<Text> = LazyLock::new(|| Text::new(false));
static WITH_JOBS: LazyLock<Text> = LazyLock::new(|| Text::new(true));

/// Stands for the servers until somebody asks.
const NO_SERVERS: &str = "\"servers\":[]";

/// The document without the address of a server: what comes before and behind that.
struct Text {
    start: Bytes,
    end: String,
}

impl Text {
    fn new(jobs: bool) -> Self {
        let text = made(jobs).to_string();
        // The member stands once; its place is that of its name.
        let (start, end) = text.rsplit_once(NO_SERVERS).unwrap_or((&text, ""));
        Self { start: Bytes::copy_from_slice(start.as_bytes()), end: end.into() }
    }
}

/// The document of a server that takes jobs or does not.
fn made(jobs: bool) -> Value {
    let mut paths = Map::new();
    for operation in operations(jobs) {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(operation);
    }
    let parameters = parameters(jobs).map(|parameter| {
        let schema: Value = serde_json::from_str(parameter.schema).unwrap_or_default();
        let place = if parameter.in_path { "path" } else { "query" };
        let object = json!({
            "name": parameter.name, "in": place, "required": parameter.in_path, "description": parameter.text, "schema": schema,
        });
        (parameter.key.to_string(), object)
    });
    let headers = HEADERS.iter().map(|header| {
        let schema: Value = serde_json::from_str(header.schema).unwrap_or_default();
        let object = json!({"description": header.text, "required": header.always, "schema": schema});
        (header.name.to_string(), object)
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ORIGAMI tile server", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "MIT OR Apache-2.0"},
            "description": "Tiles, pictures and descriptions of whole-slide images. All answers carry an entity tag where they may be \
                            cached. Errors are JSON, and pages for browsers. HEAD is answered as GET, without the body. An address that \
                            is not listed here is answered by NotFound, a method that is not listed by MethodNotAllowed; on a server \
                            that asks for credentials both ask for them first.",
        },
        "paths": paths,
        "components": {
            "parameters": parameters.collect::<Map<_, _>>(),
            "schemas": schemas(jobs),
            "responses": ERRORS.iter().map(error).collect::<Map<_, _>>(),
            "headers": headers.collect::<Map<_, _>>(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Of a server that asks for tokens."},
                "signature": {"type": "apiKey", "in": "query", "name": "signature",
                    "description": "Of a signed address: all of its query, expires as well."},
            },
        },
        "security": [{}, {"token": []}, {"signature": []}],
        "servers": [],
    })
}

/// What every address is asked for and answers.
fn operations(jobs: bool) -> impl Iterator<Item = &'static Operation> {
    let of_jobs = if jobs { jobs::ROUTES } else { &[] };
    routes::ROUTES.iter().chain(marks::ROUTES).chain(dicomweb::ROUTES).chain(of_jobs)
}

/// The parts of these addresses.
fn parameters(jobs: bool) -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS.iter().chain(if jobs { OF_JOBS } else { &[] })
}

/// The form of what they take and answer.
fn schemas(jobs: bool) -> Map<String, Value> {
    let texts = if jobs { &[SCHEMAS, SCHEMAS_OF_JOBS][..] } else { &[SCHEMAS] };
    let parsed = |text: &&str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    texts.iter().flat_map(parsed).collect()
}

/// The document of a server whose own address is `base`, in two parts, of which the first is the same for everybody. `jobs`: whether it takes
/// jobs.
pub fn document(base: &str, jobs: bool) -> [Bytes; 2] {
    let text: &Text = if jobs { &WITH_JOBS } else { &DOCUMENT };
    let rest = format!("\"servers\":{}{}", json!([{"url": base}]), text.end);
    [text.start.clone(), rest.into()]
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// An error that operations share, by its name.
fn error((status, name, text): &(&str, &str, &str)) -> (String, Value) {
    ((*name).to_string(), answer(text, &[("application/json", "Error")], headers_of(status, false)))
}

/// An answer with its bodies and headers.
fn answer<'a>(text: &str, kinds: &[Kind], headers: impl IntoIterator<Item = &'a &'a str>) -> Value {
    let mut object = json!({"description": text});
    if !kinds.is_empty() {
        object["content"] = Value::Object(kinds.iter().map(content).collect());
    }
    let of = |name: &&str| ((*name).to_string(), json!({"$ref": format!("#/components/headers/{name}")}));
    let headers: Map<_, _> = headers.into_iter().map(of).collect();
    if !headers.is_empty() {
        object["headers"] = Value::Object(headers);
    }
    object
}

fn content((kind, schema): &Kind) -> (String, Value) {
    let body = if schema.is_empty() { json!({}) } else { json!({"schema": reference(schema)}) };
    ((*kind).to_string(), body)
}

/// What is asked for and answered.
fn described(operation: &Operation) -> Value {
    let parameters =
        operation.parameters.iter().map(|key| json!({"$ref": format!("#/components/parameters/{key}")}));
    let credentials: &[&str] = if operation.is_open { &[] } else { &["401", "403"] };
    let errors = ["400"].iter().chain(credentials).chain(operation.errors);
    let mut responses: Map<String, Value> = errors
        .filter_map(|status| ERRORS.iter().find(|(of, ..)| of == status))
        .map(|(status, name, _)| {
            ((*status).to_string(), json!({"$ref": format!("#/components/responses/{name}")}))
        })
        .collect();
    let is_cached = operation.answers.iter().any(|(status, ..)| *status == "304");
    for (status, text, kinds) in operation.answers {
        let own = if *status < "400" { operation.headers } else { &[] };
        let headers = headers_of(status, is_cached).iter().chain(own);
        responses.insert((*status).to_string(), answer(text, kinds, headers));
    }
    let mut object = json!({
        "summary": operation.summary, "parameters": Value::from_iter(parameters), "responses": responses,
    });
    if operation.is_open {
        object["security"] = json!([]);
    }
    if let Some(body) = operation.body {
        object["requestBody"] = json!({"required": true, "content": Map::from_iter([content(&body)])});
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` below a value.
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn all_but_the_address_is_one_text_for_everybody() {
        for jobs in [false, true] {
            let [[a, of_a], [b, of_b]] = [document("http://a", jobs), document("http://b", jobs)];
            assert_eq!((a.as_ptr(), a.len()), (b.as_ptr(), b.len()));
            assert!(a.len() > 50_000 && of_a.len() < 200 && of_a != of_b, "{} {}", a.len(), of_a.len());
        }
    }

    #[test]
    fn the_table_and_the_schemas_fit_each_other() {
        for text in [SCHEMAS, SCHEMAS_OF_JOBS] {
            assert!(serde_json::from_str::<Value>(text).is_ok_and(|schemas| schemas.is_object()));
        }
        for parameter in parameters(true) {
            assert!(serde_json::from_str::<Value>(parameter.schema).is_ok(), "{}", parameter.key);
        }
        for operation in operations(true) {
            let known = |status: &&str| ERRORS.iter().any(|(of, ..)| of == status);
            assert!(operation.errors.iter().all(known), "{} {}", operation.method, operation.path);
            let named = |name: &&str| HEADERS.iter().any(|header| header.name == *name);
            assert!(operation.headers.iter().all(named), "{} {}", operation.method, operation.path);
        }
        for header in HEADERS {
            assert!(serde_json::from_str::<Value>(header.schema).is_ok(), "{}", header.name);
        }
        for jobs in [false, true] {
            let document: Value = serde_json::from_slice(&document("http://x", jobs).concat()).unwrap();
            assert_eq!(document["servers"], json!([{"url": "http://x"}]));
            let mut found = Vec::new();
            references(&document, &mut found);
            assert!(found.len() > 100, "{found:?}");
            for reference in &found {
                let place = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
            }
            for key in ["parameters", "schemas", "headers", "responses"] {
                // What is in an archive of rectangles, and what a method gets that an address does not have, are described in words.
                let in_words = |name: &str| ["Regions", "MethodNotAllowed"].contains(&name);
                let named =
                    document["components"][key].as_object().unwrap().keys().filter(|name| !in_words(name));
                for name in named {
                    let reference = format!("#/components/{key}/{name}");
                    assert!(found.contains(&reference.as_str()), "{reference} is not used");
                }
            }
        }
        for operation in operations(true) {
            let named = operation.path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
            for name in named {
                let has = |key: &&str| parameters(true).any(|p| p.key == *key && p.in_path && p.name == name);
                assert!(operation.parameters.iter().any(has), "{}: {name}", operation.path);
            }
        }
    }
}
