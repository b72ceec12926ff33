//! The OpenAPI 3.1 document, made from the route table and the types' own schemas.
//!
//! Invariant: nothing here is written twice: paths, parameters and shapes come from the table, sentences from the types' docs.

use super::problem::Problem;
use super::table::{Answer, Body, Method, Route, SchemaOf};
use axum::http::StatusCode;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where shapes stand in the document.
const SHAPES: &str = "/components/schemas";

/// The document of a table.
#[must_use]
pub fn document(table: &[Route]) -> Value {
    let mut shapes = Shapes::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in table {
        let operation = operation(route, &mut shapes);
        paths
            .entry(route.path)
            .or_default()
            .insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Data in Motion",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0 OR MIT" },
            "description": DESCRIPTION,
        },
        "tags": tags(table),
        "paths": paths,
        "components": { "schemas": shapes.into_definitions() },
    })
}

const DESCRIPTION: &str = "Catalog, telemetry, priced recommendations and verified moves.\n\n\
    Errors are `application/problem+json` with a stable `code`. Lists are `{\"items\": […], \"next_cursor\": …}`: pass `next_cursor` \
    back as `cursor` until it is null. Datasets and locations are named by id or by name. Money is integer nano-US-dollars, \
    sizes are bytes, times are UTC. The live channel is `GET /ws` (WebSocket) and `GET /events` (Server-Sent Events).";

fn tags(table: &[Route]) -> Vec<Value> {
    let mut seen: Vec<&str> = Vec::new();
    for route in table {
        if !seen.contains(&route.tag()) {
            seen.push(route.tag());
        }
    }
    seen.into_iter().map(|name| json!({ "name": name })).collect()
}

fn operation(route: &Route, shapes: &mut Shapes) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag()],
        "summary": route.summary,
        "responses": responses(route, shapes),
    });
    if !route.detail.is_empty() {
        operation["description"] = route.detail.into();
    }
    let parameters = parameters(route, shapes);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(Body { schema, types }) = &route.body {
        let schema = shapes.request(*schema);
        let content: Map<String, Value> = types
            .iter()
            .map(|t| ((*t).to_owned(), json!({ "schema": schema })))
            .collect();
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn parameters(route: &Route, shapes: &mut Shapes) -> Vec<Value> {
    let mut all: Vec<Value> = route
        .path_params()
        .map(|name| {
            let described = match name {
                "dataset" | "location" => "Its id or its name.",
                "job" => "Its id.",
                _ => "Its name.",
            };
            let schema = json!({ "type": "string", "minLength": 1 });
            json!({ "name": name, "in": "path", "required": true, "description": described, "schema": schema })
        })
        .collect();
    if let Some(query) = route.query {
        all.extend(shapes.query(query));
    }
    let mut header = |name: &str, described: &str, max: u32| {
        let schema = json!({ "type": "string", "maxLength": max });
        all.push(json!({ "name": name, "in": "header", "description": described, "schema": schema }));
    };
    if route.idempotent {
        header(
            "Idempotency-Key",
            "The same key with the same request within a day gets the first answer again, and nothing is done twice.",
            255,
        );
    }
    if route.guarded {
        header(
            "If-Match",
            "The ETag that was seen; a stale one is refused with 412.",
            128,
        );
    }
    if route.tagged && route.method == Method::Get {
        header(
            "If-None-Match",
            "The ETag that is known; unchanged is 304 without a body.",
            1024,
        );
    }
    all
}

fn responses(route: &Route, shapes: &mut Shapes) -> Value {
    let mut all = Map::new();
    let described = StatusCode::from_u16(route.status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .unwrap_or("Success");
    let mut success = json!({ "description": described });
    match &route.answer {
        Answer::Empty => {}
        Answer::Json(schema) => {
            success["content"] = json!({ "application/json": { "schema": shapes.answer(*schema) } });
        }
        Answer::Text(kind) => {
            success["content"] = json!({ *kind: { "schema": { "type": "string" } } });
        }
    }
    if route.tagged {
        let tag = json!({ "description": "Names what was answered.", "schema": { "type": "string" } });
        success["headers"] = json!({ "ETag": tag });
        if route.method == Method::Get {
            all.insert("304".into(), json!({ "description": "Unchanged" }));
        }
    }
    for also in route.also {
        let mut other = success.clone();
        let described = StatusCode::from_u16(*also)
            .ok()
            .and_then(|s| s.canonical_reason());
        other["description"] = described.unwrap_or("Success").into();
        all.insert(also.to_string(), other);
    }
    all.insert(route.status.to_string(), success);
    let problem = shapes.answer(|generator| generator.subschema_for::<Problem>());
    for status in route.problem_statuses() {
        let described = status.canonical_reason().unwrap_or("Problem");
        let content = json!({ "application/problem+json": { "schema": problem } });
        all.insert(
            status.as_u16().to_string(),
            json!({ "description": described, "content": content }),
        );
    }
    all.into()
}

/// Two generators, because what a type reads and what it writes differ: a field with a default may be left out of a request, but is
/// always there in an answer.
struct Shapes {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Shapes {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|s| {
                s.definitions_path = SHAPES.into();
                s.meta_schema = None;
            })
        };
        Self {
            requests: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
        }
    }

    fn request(&mut self, schema: SchemaOf) -> Value {
        let mut value = schema(&mut self.requests).to_value();
        rename(&mut value);
        value
    }

    fn answer(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.answers).to_value()
    }

    /// The fields of an object as query parameters.
    fn query(&mut self, schema: SchemaOf) -> Vec<Value> {
        let object: Schema = schema(&mut self.requests);
        let list = |key: &str| object.get(key).cloned().unwrap_or(Value::Null);
        let required = list("required");
        let Value::Object(fields) = list("properties") else {
            return Vec::new();
        };
        fields
            .into_iter()
            .map(|(name, mut field)| {
                rename(&mut field);
                let must = required.as_array().is_some_and(|r| r.iter().any(|n| *n == name));
                let described = field.as_object_mut().and_then(|f| f.remove("description"));
                let mut parameter =
                    json!({ "name": name, "in": "query", "required": must, "schema": not_null(field) });
                if let Some(described) = described {
                    parameter["description"] = described;
                }
                parameter
            })
            .collect()
    }

    fn into_definitions(mut self) -> Map<String, Value> {
        let mut all = self.answers.take_definitions(true);
        for (name, mut shape) in self.requests.take_definitions(true) {
            rename(&mut shape);
            all.insert(name + READ, shape);
        }
        all
    }
}

/// Ends the name of a shape as it is read.
const READ: &str = "In";

/// Points every reference of a request at the shape as it is read.
fn rename(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(target) if key == "$ref" => target.push_str(READ),
                    other => rename(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rename),
        _ => {}
    }
}

/// A query parameter is there or not there; it cannot be null.
fn not_null(mut field: Value) -> Value {
    let is_null = |v: &Value| *v == "null" || v["type"] == "null";
    if let Some(kinds) = field["type"].as_array_mut() {
        kinds.retain(|k| !is_null(k));
        if let [only] = kinds.as_slice() {
            field["type"] = only.clone();
        }
    }
    if let Some(kinds) = field.get_mut("anyOf").and_then(Value::as_array_mut) {
        kinds.retain(|k| !is_null(k));
    }
    field
}
