//! The description of all addresses in the form of OpenAPI 3.1. Source: <https://spec.openapis.org/oas/v3.1.0>.
//!
//! `routes` and `dicomweb` are the tables of what is asked for and answered, `schemas.json` the form of the JSON. Tests hold the tables to the routes of the
//! server, and what the server answers to the schemas.

mod dicomweb;
mod routes;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use self::routes::{Operation, PARAMETERS, ROUTES};

/// The form of JSON bodies, by name.
const SCHEMAS: &str = include_str!("schemas.json");

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut paths = Map::new();
    for operation in operations() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(operation);
    }
    let parameters = PARAMETERS.iter().map(|parameter| {
        let schema: Value = serde_json::from_str(parameter.schema).unwrap_or_default();
        let place = if parameter.in_path { "path" } else { "query" };
        let object = json!({
            "name": parameter.name, "in": place, "required": parameter.in_path, "description": parameter.text, "schema": schema,
        });
        (parameter.key.to_string(), object)
    });
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ORIGAMI tile server", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "MIT OR Apache-2.0"},
            "description": "Tiles, pictures and descriptions of whole-slide images. All answers carry an entity tag where they may be \
                            cached. Errors are JSON.",
        },
        "paths": paths,
        "components": {
            "parameters": parameters.collect::<Map<_, _>>(),
            "schemas": schemas,
            "responses": {"Error": {
                "description": "What is wrong with the request, or why it cannot be answered.",
                "content": {"application/json": {"schema": reference("Error")}},
            }},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Of a server that asks for tokens."},
                "signature": {"type": "apiKey", "in": "query", "name": "signature",
                    "description": "Of a signed address: all of its query, expires as well."},
            },
        },
        "security": [{}, {"token": []}, {"signature": []}],
    })
});

/// What every address is asked for and answers.
fn operations() -> impl Iterator<Item = &'static Operation> {
    ROUTES.iter().chain(dicomweb::ROUTES)
}

/// The document of a server whose own address is `base`.
pub fn document(base: &str) -> Value {
    let mut document = DOCUMENT.clone();
    document["servers"] = json!([{"url": base}]);
    document
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// What is asked for and answered.
fn described(operation: &Operation) -> Value {
    let parameters =
        operation.parameters.iter().map(|key| json!({"$ref": format!("#/components/parameters/{key}")}));
    let content = |(kind, schema): &(&str, &str)| {
        let body = if schema.is_empty() { json!({}) } else { json!({"schema": reference(schema)}) };
        ((*kind).to_string(), body)
    };
    let mut responses = Map::new();
    for (status, text, kinds) in operation.answers {
        let mut answer = json!({"description": text});
        if !kinds.is_empty() {
            answer["content"] = Value::Object(kinds.iter().map(content).collect());
        }
        responses.insert((*status).to_string(), answer);
    }
    responses.insert("default".into(), json!({"$ref": "#/components/responses/Error"}));
    let mut object = json!({
        "summary": operation.summary, "parameters": Value::from_iter(parameters), "responses": responses,
    });
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
    fn the_table_and_the_schemas_fit_each_other() {
        assert!(serde_json::from_str::<Value>(SCHEMAS).is_ok_and(|schemas| schemas.is_object()));
        for parameter in PARAMETERS {
            assert!(serde_json::from_str::<Value>(parameter.schema).is_ok(), "{}", parameter.key);
        }
        let document = document("http://x");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100, "{found:?}");
        for reference in &found {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
        }
        for key in ["parameters", "schemas"] {
            // What is in an archive of rectangles is described in words.
            let named =
                document["components"][key].as_object().unwrap().keys().filter(|name| *name != "Regions");
            for name in named {
                let reference = format!("#/components/{key}/{name}");
                assert!(found.contains(&reference.as_str()), "{reference} is not used");
            }
        }
        for operation in operations() {
            let named = operation.path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
            for name in named {
                let has =
                    |key: &&str| PARAMETERS.iter().any(|p| p.key == *key && p.in_path && p.name == name);
                assert!(operation.parameters.iter().any(has), "{}: {name}", operation.path);
            }
        }
    }
}
