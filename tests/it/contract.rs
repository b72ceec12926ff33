//! The names and shapes that other programs rely on, field by field, over a real listening server; and the OpenAPI document held to
//! what the server does.

use crate::api::Api;
use crate::app::TestApp;
use crate::heard::{Events, Socket};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

/// What a field must be. `?` at the end: or null.
fn is(value: &Value, kind: &str) -> bool {
    if let Some(kind) = kind.strip_suffix('?') {
        return value.is_null() || is(value, kind);
    }
    match kind {
        "int" => value.is_i64() || value.is_u64(),
        "text" => value.is_string(),
        "bool" => value.is_boolean(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        // RFC 3339 in UTC.
        "time" => value
            .as_str()
            .is_some_and(|t| t.len() >= 20 && t.ends_with('Z') && t.as_bytes()[10] == b'T'),
        word => value == word,
    }
}

/// Holds an object to `name:kind` pairs.
fn has(object: &Value, fields: &str) {
    for field in fields.split_whitespace() {
        let (name, kind) = field.split_once(':').unwrap();
        let value = object
            .get(name)
            .unwrap_or_else(|| panic!("{name} is missing: {object}"));
        assert!(is(value, kind), "{name} is no {kind}: {object}");
    }
}

const PROGRESS: &str =
    "objects_done:int objects_total:int bytes_done:int bytes_total:int bytes_per_sec:int eta_secs:int?";
const DATASET: &str = "id:int name:text path_uri:text location_id:int location_name:text storage_class:text size_bytes:int \
    object_count:int scanned_at:time? generation:int created_at:time updated_at:time";
const LOCATION: &str = "id:int name:text uri:text provider:text storage_classes:list price_book:text credential_ref:text? \
    generation:int created_at:time updated_at:time";
const JOB: &str = "id:text dataset_id:int dataset_name:text status:text reason:text? source_uri:text target_uri:text \
    target_class:text progress:object attempt:int created_at:time updated_at:time finished_at:time? undo_until:time? actions:list";

/// A server without a mover, so that a queued job stays where a test put it, with two locations and a dataset of real files.
async fn catalog() -> (TestApp, Api) {
    let app = TestApp::open_with(&[("roles", "web")]).await;
    let api = Api::new(&app.listen().await);
    for place in ["fast", "deep"] {
        let uri = app.make(place);
        let made = api
            .post("/api/v1/locations", json!({"name": place, "uri": uri}))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        has(&made.json(), LOCATION);
    }
    let uri = app.make("fast/demo");
    for i in 0..3 {
        std::fs::write(
            app.dir.path().join(format!("files/fast/demo/{i}.bin")),
            vec![i; 1000],
        )
        .unwrap();
    }
    let made = api
        .post(
            "/api/v1/datasets",
            json!({"name": "demo", "path_uri": uri, "size_bytes": 3000}),
        )
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    has(&made.json(), DATASET);
    (app, api)
}

fn plan(dry: bool) -> Value {
    json!({"dataset_id": 1, "target_location": "deep", "dry_run": dry})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_resource_has_the_promised_fields() {
    let (_app, api) = catalog().await;
    let locations = api.get("/api/v1/locations").await.json();
    has(&locations, "items:list next_cursor:text?");
    has(&locations["items"][0], LOCATION);
    has(&api.get("/api/v1/locations/fast").await.json(), LOCATION);
    let check = api
        .ask("POST", "/api/v1/locations/1/check", &[], None)
        .await
        .json();
    has(
        &check,
        "reachable:bool free_bytes:int? total_bytes:int? latency_us:int problem:text? checked_at:time",
    );
    let datasets = api.get("/api/v1/datasets").await.json();
    has(&datasets, "items:list next_cursor:text?");
    has(&datasets["items"][0], DATASET);
    let detail = api.get("/api/v1/datasets/demo").await.json();
    has(&detail, DATASET);
    has(&detail, "replicas:list history:list");
    let scan = api.ask("POST", "/api/v1/datasets/1/scan", &[], None).await;
    has(
        &scan.json(),
        "dataset:object skipped:list skipped_count:int elapsed_ms:int",
    );
    assert_eq!(
        (
            &scan.json()["dataset"]["object_count"],
            &scan.json()["dataset"]["size_bytes"]
        ),
        (&json!(3), &json!(3000))
    );

    let dry = api.post("/api/v1/plans", plan(true)).await;
    assert_eq!((dry.status, &dry.json()["job"]), (200, &json!(null)), "{dry:?}");
    has(
        &dry.json()["plan"],
        "dataset_id:int source_uri:text target_uri:text target_class:text object_count:int size_bytes:int skipped:list \
         target_free_bytes:int? cost_lines:list one_time_nanousd:int deletes:text checks:list applicable:bool",
    );
    assert_eq!(
        api.get("/api/v1/jobs").await.json()["items"],
        json!([]),
        "a dry run queues nothing"
    );
    let made = api.post("/api/v1/plans", plan(false)).await;
    assert_eq!(
        (made.status, made.header("location")),
        (201, "/api/v1/jobs/1"),
        "{made:?}"
    );
    let job = made.json()["job"].clone();
    has(&job, JOB);
    has(&job["progress"], PROGRESS);
    let jobs = api
        .get("/api/v1/jobs?status=active&dataset=demo&source=go")
        .await
        .json();
    has(&jobs, "items:list next_cursor:text?");
    has(&jobs["items"][0], JOB);
    let detail = api.get("/api/v1/jobs/1?source=python").await.json();
    has(&detail, JOB);
    has(
        &detail,
        "events:list objects:list verification:text? plan:object?",
    );
    has(
        &detail["events"][0],
        "seq:int status:queued reason:text? attempt:int at:time",
    );

    let health = api.get("/health").await.json();
    has(&health, "status:text parts:object version:text started_at:time");
    for part in ["database", "bus", "mover", "recommender", "disk"] {
        has(&health["parts"][part], "status:text detail:text");
    }
    assert_eq!(api.get("/livez").await.status, 200);
    assert_eq!(api.get("/readyz").await.status, 200);
    has(
        &api.get("/api/v1/prices").await.json(),
        "items:list next_cursor:text?",
    );
    let event = json!({"dataset_id": 1, "op": "read", "size_bytes": 8192, "client_lat_ms": 11.4});
    let report = api.post("/api/v1/access-events", event).await;
    assert_eq!(report.status, 200, "{report:?}");
    has(
        &report.json(),
        "received:int accepted:int duplicates:int rejected:int errors:list",
    );
    let history = api.get("/api/v1/datasets/demo/history").await.json();
    has(&history, "items:list next_cursor:text?");
    has(
        &history["items"][0],
        "start:time reads:int writes:int read_bytes:int write_bytes:int",
    );
    let new = json!({"name": "eu", "rules": {"allowed_regions": ["aws/eu-*", "local/*"]}});
    assert_eq!(api.post("/api/v1/policies", new).await.status, 201);
    let policies = api.get("/api/v1/policies").await.json();
    has(&policies, "items:list next_cursor:text?");
    has(
        &policies["items"][0],
        "id:int name:text rules:object generation:int created_at:time updated_at:time",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_steered_and_a_stale_view_of_it_steers_nothing() {
    let (_app, api) = catalog().await;
    let body = json!({"dataset_id": "demo", "target_location": "deep", "require_approval": true});
    assert_eq!(
        api.post("/api/v1/plans", body.clone()).await.json()["job"]["status"],
        "awaiting_approval"
    );
    let twice = api.post("/api/v1/plans", body).await;
    assert_eq!(twice.status, 409, "{twice:?}");
    twice.code();
    let seen = api.get("/api/v1/jobs/1").await.header("etag").to_owned();
    let act = |command: &'static str, tag: String| {
        let api = api.clone();
        async move {
            let headers = [("if-match", tag.as_str())];
            api.ask(
                "POST",
                &format!("/api/v1/jobs/1/{command}?source=mover"),
                &headers,
                None,
            )
            .await
        }
    };
    assert_eq!(act("approve", seen.clone()).await.json()["status"], "queued");
    let stale = act("cancel", seen).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "stale_generation"));
    assert_eq!(act("pause", "*".into()).await.json()["status"], "paused");
    assert_eq!(act("resume", "*".into()).await.json()["status"], "queued");
    let retry = act("retry", "*".into()).await;
    assert_eq!((retry.status, retry.code().as_str()), (409, "job_state"));
    let key = [("idempotency-key", "stop it")];
    let first = api.ask("POST", "/api/v1/jobs/1/cancel", &key, None).await;
    let again = api.ask("POST", "/api/v1/jobs/1/cancel", &key, None).await;
    assert_eq!(
        (first.json()["status"].as_str(), &first.text),
        (Some("cancelled"), &again.text)
    );
    assert_eq!(
        api.ask("POST", "/api/v1/jobs/1/cancel", &[], None).await.status,
        409
    );
    for path in ["/api/v1/jobs/99", "/api/v1/jobs/no-such-job"] {
        assert_eq!(api.get(path).await.code(), "not_found", "{path}");
        assert_eq!(
            api.ask("POST", &format!("{path}/cancel"), &[], None).await.status,
            404
        );
    }
    for (path, code) in [
        ("/api/v1/jobs?status=lost", "status_unknown"),
        ("/api/v1/jobs?source=ruby", "bad_query"),
        ("/api/v1/jobs?cursor=x", "bad_cursor"),
    ] {
        assert_eq!(api.get(path).await.code(), code, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_speaks_as_promised() {
    let (_app, api) = catalog().await;
    let mut socket = Socket::open(&api.base).await;
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await, json!({"type": "pong"}));
    for stream in ["jobs", "access", "recommendations", "all"] {
        socket.say(json!({"type": "subscribe", "stream": stream})).await;
        let snapshot = socket.hear().await;
        has(&snapshot, "type:snapshot seq:int items:list");
        assert_eq!(snapshot["stream"], stream);
        socket.say(json!({"type": "unsubscribe", "stream": stream})).await;
    }
    socket
        .say(json!({"type": "subscribe", "stream": "jobs", "since": 0}))
        .await;
    api.post("/api/v1/plans", plan(false)).await;
    let status = socket.hear().await;
    has(
        &status,
        "type:job_status seq:int job_id:text dataset_id:int status:queued progress:object updated_at:int",
    );
    has(&status["progress"], PROGRESS);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(
        status["updated_at"].as_u64().unwrap().abs_diff(now) < 60,
        "unix seconds: {status}"
    );
    for (command, becomes) in [("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")] {
        socket.say(json!({"type": command, "job_id": "1"})).await;
        // The event and the answer come in either order.
        let both = [socket.hear().await, socket.hear().await];
        let done = both
            .iter()
            .find(|m| m["type"] == "done")
            .unwrap_or_else(|| panic!("{both:?}"));
        assert_eq!(
            (&done["command"], &done["job_id"], &done["status"]),
            (&json!(command), &json!("1"), &json!(becomes))
        );
        let event = both.iter().find(|m| m["type"] == "job_status").unwrap();
        assert_eq!(event["status"], becomes);
    }
    socket.say(json!({"type": "subscribe", "stream": "access"})).await;
    socket.hear_type("snapshot").await;
    let event = json!({"dataset_id": "demo", "op": "read", "size_bytes": 8192, "client_lat_ms": 11.4});
    api.post("/api/v1/access-events", event).await;
    let access = socket.hear_type("access_event").await;
    has(
        &access,
        "type:access_event seq:int dataset_id:int op:read count:int size_bytes:int updated_at:int",
    );
    for (message, code) in [
        (json!({"type": "retry", "job_id": "1"}), "job_state"),
        (json!({"type": "cancel", "job_id": "77"}), "not_found"),
        (json!({"type": "cancel"}), "bad_message"),
        (json!({"type": "subscribe", "stream": "weather"}), "bad_message"),
        (json!("hello"), "bad_message"),
    ] {
        socket.say(message.clone()).await;
        let said = socket.hear_type("error").await;
        has(&said, "code:text message:text");
        assert_eq!(said["code"], code, "{message}");
    }
    socket
        .say(json!({"type": "subscribe", "stream": "all", "since": 999_999}))
        .await;
    has(&socket.hear_type("resync").await, "reason:text");
    has(
        &socket.hear_type("snapshot").await,
        "stream:all seq:int items:list",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_stream_and_the_event_list_tell_the_same_story() {
    let (_app, api) = catalog().await;
    api.post("/api/v1/plans", plan(false)).await;
    for command in ["pause", "resume", "cancel"] {
        api.ask("POST", &format!("/api/v1/jobs/1/{command}"), &[], None)
            .await;
    }
    let list = api.get("/api/v1/events?since=0&stream=jobs").await.json();
    has(&list, "items:list next_cursor:text? seq:int log:text");
    let items = list["items"].as_array().unwrap();
    let statuses: Vec<_> = items.iter().map(|e| e["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["queued", "paused", "queued", "cancelled"]);
    let mut stream = Events::open(&api.base, "?since=0", None).await;
    for item in items {
        let block = stream.next().await;
        assert_eq!(block.id, Some(item["seq"].to_string()));
        assert_eq!(block.event.as_deref(), Some("job_status"));
        let data: Value = serde_json::from_str(&block.data.unwrap()).unwrap();
        has(&data, "job_id:text status:text updated_at:int");
        assert_eq!(&data, item);
    }
    let second = items[1]["seq"].to_string();
    let mut resumed = Events::open(&api.base, "?since=0", Some(&second)).await;
    assert_eq!(
        resumed.next().await.id,
        Some(items[2]["seq"].to_string()),
        "Last-Event-ID comes first"
    );
    let mut gone = Events::open(&api.base, "?since=999999", None).await;
    assert_eq!(gone.next().await.event.as_deref(), Some("resync"));
    for (query, code) in [("?since=x", "bad_query"), ("?stream=weather", "bad_query")] {
        assert_eq!(api.get(&format!("/events{query}")).await.code(), code, "{query}");
    }
    let bad = api.ask("GET", "/events", &[("last-event-id", "x")], None).await;
    assert_eq!(bad.code(), "bad_last_event_id");

    let mut cursor = String::from("?limit=3");
    let mut seen = 0;
    loop {
        let page = api.get(&format!("/api/v1/events{cursor}")).await.json();
        seen += page["items"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("?limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, items.len());
    let gone = api.get("/api/v1/events?since=999999").await;
    assert_eq!((gone.status, gone.code().as_str()), (410, "history_gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_filled_every_15_seconds_on_the_stream_and_every_20_on_the_socket() {
    let app = TestApp::open().await;
    let base = app.listen().await;
    let began = Instant::now();
    let comment = async {
        let mut stream = Events::open(&base, "?since=0", None).await;
        let block = stream.next().await;
        assert!(block.comment && block.event.is_none(), "{block:?}");
        began.elapsed()
    };
    let ping = async {
        let mut socket = Socket::open(&base).await;
        assert!(matches!(socket.frame().await, Message::Ping(_)));
        began.elapsed()
    };
    let (comment, ping) = tokio::join!(comment, ping);
    let about = |time: Duration, secs: u64| time.abs_diff(Duration::from_secs(secs)) < Duration::from_secs(2);
    assert!(about(comment, 15) && about(ping, 20), "{comment:?} {ping:?}");
}

/// Every operation of the document: method, path, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

/// Every `$ref` in a value.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(target) if key == "$ref" => found.push(target.clone()),
                    other => references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_whole_and_names_every_promised_resource() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let said = api.get("/api/openapi.json").await;
    assert_eq!(said.header("content-type"), "application/json");
    let document = said.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut targets = Vec::new();
    references(&document, &mut targets);
    assert!(targets.len() > 50, "{}", targets.len());
    for target in targets {
        let pointer = target.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
    }
    let mut ids: Vec<String> = Vec::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(!ids.contains(&id), "{id} twice");
        ids.push(id);
        assert!(
            operation["summary"].as_str().is_some_and(|s| s.len() > 8),
            "{method} {path}"
        );
        for name in path
            .split('/')
            .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
        {
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(
                parameters.iter().any(|p| p["in"] == "path" && p["name"] == name),
                "{method} {path}: {name}"
            );
        }
    }
    for resource in [
        "datasets",
        "locations",
        "access-events",
        "plans",
        "jobs",
        "policies",
        "prices",
        "events",
    ] {
        assert!(
            document["paths"].get(format!("/api/v1/{resource}")).is_some(),
            "{resource}"
        );
    }
    let page = api.get("/api/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(!page.text.contains("<script") && !page.text.contains("//cdn") && !page.text.contains("style="));
    for id in ids {
        assert!(
            page.text.contains(&format!("id=\"{id}\"")),
            "{id} is not on the page"
        );
    }
    assert!(
        page.header("content-security-policy")
            .contains("style-src 'self'")
    );
    assert_eq!(
        api.get("/api/docs.css").await.header("content-type"),
        "text/css; charset=utf-8"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_operation_is_routed_and_fails_as_documented() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let document = api.get("/api/openapi.json").await.json();
    let all = operations(&document);
    assert!(all.len() > 20);
    for (method, template, operation) in all {
        let path: String = template
            .split('/')
            .map(|part| {
                if part.starts_with('{') {
                    "no-such-thing"
                } else {
                    part
                }
            })
            .collect::<Vec<_>>()
            .join("/");
        let documented = |status: u16| operation["responses"].get(status.to_string()).is_some();
        let mut tried = vec![api.ask(&method, &path, &[], None).await];
        if let Some(content) = operation["requestBody"]["content"].as_object() {
            let kind = [("content-type", content.keys().next().unwrap().as_str())];
            for body in ["{", "[]", "{\"no_such_field\": 1}", "\"text\"", ""] {
                tried.push(api.ask(&method, &path, &kind, Some(body)).await);
            }
            tried.push(
                api.ask(&method, &path, &[("content-type", "text/rtf")], Some("{}"))
                    .await,
            );
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        if parameters.iter().any(|p| p["in"] == "query") {
            let said = api
                .ask(&method, &format!("{path}?no_such_parameter=1"), &[], None)
                .await;
            assert_eq!(said.status, 400, "{method} {path}: {said:?}");
            assert!(said.detail().contains("no_such_parameter"), "{said:?}");
            tried.push(said);
        }
        for p in parameters
            .iter()
            .filter(|p| p["in"] == "query" && p["schema"]["type"] == "integer")
        {
            let name = p["name"].as_str().unwrap();
            let said = api.ask(&method, &format!("{path}?{name}=many"), &[], None).await;
            assert_eq!(
                (said.status, said.code().as_str()),
                (400, "bad_query"),
                "{method} {path} {name}"
            );
            assert!(said.detail().contains(name), "{said:?}");
        }
        if parameters.iter().any(|p| p["name"] == "Idempotency-Key") {
            let said = api.ask(&method, &path, &[("idempotency-key", "")], None).await;
            assert_eq!(
                (said.status, said.code().as_str()),
                (400, "bad_idempotency_key"),
                "{method} {path}"
            );
        }
        for said in tried {
            assert!(
                documented(said.status),
                "{method} {path} answers {} undocumented: {said:?}",
                said.status
            );
            if said.status >= 400 && !["/health", "/readyz"].contains(&path.as_str()) {
                assert!(
                    !["unknown_path", "wrong_method"].contains(&said.code().as_str()),
                    "{method} {path}: {said:?}"
                );
            }
        }
        if template.contains('{') {
            let path: Vec<_> = template
                .split('/')
                .map(|part| if part.starts_with('{') { "%ff" } else { part })
                .collect();
            let said = api.ask(&method, &path.join("/"), &[], None).await;
            assert_eq!(
                (said.status, said.code().as_str()),
                (400, "bad_path"),
                "{method} {template}"
            );
        }
        let wrong = api.ask("PUT", &path, &[], None).await;
        assert_eq!(
            (wrong.status, wrong.code().as_str()),
            (405, "wrong_method"),
            "{path}"
        );
        assert!(
            wrong.header("allow").contains(&method),
            "{method} {path}: {wrong:?}"
        );
    }
}
