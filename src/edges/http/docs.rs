//! `/api/openapi.json` and `/api/docs`: the same document for programs and for people.
//!
//! Invariant: the page is written on the server from the document, needs no script, and loads nothing but its own style sheet.

use crate::services::Services;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;

const STYLE: &str = include_str!("docs.css");
/// The page has no script and no form.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Changes with the program only.
const CACHE: &str = "max-age=300";

/// The document, the page and its style sheet.
pub fn router(document: &Value) -> Router<Services> {
    let json: Arc<str> = serde_json::to_string_pretty(document).unwrap_or_default().into();
    let html: Arc<str> = page(document).into();
    Router::new()
        .route(
            "/api/openapi.json",
            get(move || async move {
                let headers = [
                    (header::CONTENT_TYPE, "application/json"),
                    (header::CACHE_CONTROL, CACHE),
                ];
                (headers, json.to_string())
            }),
        )
        .route(
            "/api/docs",
            get(move || async move {
                let headers = [
                    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                    (header::CONTENT_SECURITY_POLICY, POLICY),
                    (header::CACHE_CONTROL, CACHE),
                ];
                (headers, html.to_string())
            }),
        )
        .route(
            "/api/docs.css",
            get(|| async {
                let headers = [
                    (header::CONTENT_TYPE, "text/css; charset=utf-8"),
                    (header::CACHE_CONTROL, CACHE),
                ];
                (headers, STYLE)
            }),
        )
}

/// Text for HTML.
fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The same, with `words in backticks` as code.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            let _ = write!(out, "<code>{}</code>", esc(part));
        } else {
            out.push_str(&esc(part));
        }
    }
    out
}

fn page(document: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut body = String::new();
    let mut menu = String::new();
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    for tag in document["tags"].as_array().into_iter().flatten() {
        let tag = text(&tag["name"]);
        let _ = write!(menu, "<li><a href=\"#{0}\">{0}</a></li>", esc(&tag));
        let _ = write!(body, "<section><h2 id=\"{0}\">{0}</h2>", esc(&tag));
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                if operation["tags"][0] == tag.as_str() {
                    body.push_str(&operation_html(path, method, operation));
                }
            }
        }
        body.push_str("</section>");
    }
    body.push_str("<section><h2 id=\"shapes\">shapes</h2>");
    for (name, shape) in document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let _ = write!(
            body,
            "<details id=\"shape-{0}\"><summary><code>{0}</code> {1}</summary>{2}</details>",
            esc(name),
            prose(&text(&shape["description"])),
            shape_html(shape)
        );
    }
    body.push_str("</section>");
    let about: String = text(&document["info"]["description"])
        .split("\n\n")
        .map(|p| format!("<p>{}</p>", prose(p)))
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Data in Motion: API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"stylesheet\" href=\"/api/docs.css\">\
         </head><body><header><h1>Data in Motion: API</h1>{about}<p>Version {}. For programs: \
         <a href=\"/api/openapi.json\">openapi.json</a>. A click on a command line selects it.</p><nav><ul>{menu}\
         <li><a href=\"#shapes\">shapes</a></li></ul></nav></header><main>{body}</main></body></html>",
        esc(&text(&document["info"]["version"]))
    )
}

fn operation_html(path: &str, method: &str, operation: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let id = text(&operation["operationId"]);
    let mut out = format!(
        "<article id=\"{id}\"><h3><span class=\"method {method}\">{}</span> <code>{}</code></h3><p>{} {}</p>",
        method.to_ascii_uppercase(),
        esc(path),
        prose(&text(&operation["summary"])),
        prose(&text(&operation["description"])),
        id = esc(&id)
    );
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    if !parameters.is_empty() {
        out.push_str("<table><thead><tr><th>parameter</th><th>in</th><th>type</th><th>meaning</th></tr></thead><tbody>");
        for p in &parameters {
            let _ = write!(
                out,
                "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                esc(&text(&p["name"])),
                if p["required"] == true { " (required)" } else { "" },
                esc(&text(&p["in"])),
                kind(&p["schema"]),
                prose(&text(&p["description"]))
            );
        }
        out.push_str("</tbody></table>");
    }
    for (content, body) in operation["requestBody"]["content"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let _ = write!(
            out,
            "<p>Takes {} as <code>{}</code>.</p>",
            kind(&body["schema"]),
            esc(content)
        );
    }
    out.push_str("<table><thead><tr><th>status</th><th>answer</th></tr></thead><tbody>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let shape = response["content"]
            .as_object()
            .and_then(|c| c.values().next())
            .map(|c| kind(&c["schema"]))
            .unwrap_or_default();
        let described = esc(&text(&response["description"]));
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{described} {shape}</td></tr>",
            esc(status)
        );
    }
    let _ = write!(
        out,
        "</tbody></table><pre><code>{}</code></pre></article>",
        esc(&curl(path, method, operation))
    );
    out
}

/// A command line that asks for the operation. What must be filled in is in capitals.
fn curl(path: &str, method: &str, operation: &Value) -> String {
    let mut address = String::new();
    for part in path.split_inclusive(['{', '}']) {
        match part.strip_suffix('}') {
            Some(name) => address.push_str(&name.to_ascii_uppercase()),
            None => address.push_str(part.trim_end_matches('{')),
        }
    }
    let mut line = String::from("curl -sS");
    if method != "get" {
        let _ = write!(line, " -X {}", method.to_ascii_uppercase());
    }
    let _ = write!(line, " http://127.0.0.1:8080{address}");
    if let Some(content) = operation["requestBody"]["content"]
        .as_object()
        .and_then(|c| c.keys().next())
    {
        let _ = write!(line, " -H 'content-type: {content}' -d @FILE");
    }
    line
}

/// A schema in a few words, with a link where it has a name.
fn kind(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let name = esc(target.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(several) = schema[key].as_array() {
            let kinds: Vec<String> = several.iter().map(kind).filter(|k| !k.is_empty()).collect();
            return kinds.join(" or ");
        }
    }
    if let Some(value) = schema.get("const") {
        return format!("<code>{}</code>", esc(&value.to_string()));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values
            .iter()
            .map(|v| format!("<code>{}</code>", esc(&v.to_string())))
            .collect();
        return values.join(" or ");
    }
    match &schema["type"] {
        Value::String(kind_name) if kind_name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => match schema["format"].as_str() {
            Some(format) => format!("{} ({})", esc(name), esc(format)),
            None => esc(name),
        },
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            esc(&names.join(" or "))
        }
        _ => "anything".into(),
    }
}

fn shape_html(shape: &Value) -> String {
    let Some(fields) = shape["properties"].as_object() else {
        return format!("<p>{}</p>", kind(shape));
    };
    let required = shape["required"].as_array().cloned().unwrap_or_default();
    let mut out =
        String::from("<table><thead><tr><th>field</th><th>type</th><th>meaning</th></tr></thead><tbody>");
    for (name, field) in fields {
        let _ = write!(
            out,
            "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>",
            esc(name),
            if required.iter().any(|r| r == name) {
                ""
            } else {
                " (optional)"
            },
            kind(field),
            prose(field["description"].as_str().unwrap_or_default())
        );
    }
    out.push_str("</tbody></table>");
    out
}
