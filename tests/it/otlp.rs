//! Traces: the program sends its spans to a collector, those of a job in the trace of the request that queued it.

use crate::api::Api;
use crate::moving::fill;
use crate::nodes::Node;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const TRACE: [u8; 16] = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes();
const CALLER: [u8; 8] = 0xb7ad_6b71_6920_3331_u64.to_be_bytes();
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Heard {
    bodies: Vec<Bytes>,
    types: Vec<String>,
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

/// A collector that refuses the first delivery.
async fn collector() -> (String, Arc<Mutex<Heard>>) {
    let heard: Arc<Mutex<Heard>> = Arc::default();
    let ear = heard.clone();
    let app = Router::new().route(
        "/v1/traces",
        post(async move |headers: HeaderMap, body: Bytes| {
            let mut heard = ear.lock().unwrap();
            heard.bodies.push(body);
            heard
                .types
                .push(headers["content-type"].to_str().unwrap().to_owned());
            if heard.bodies.len() == 1 {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::OK
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_is_a_span_in_the_trace_of_the_request_that_queued_it() {
    let (address, heard) = collector().await;
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    for place in ["from/demo", "to"] {
        std::fs::create_dir_all(files.join(place)).unwrap();
    }
    fill(&files.join("from/demo"), 4);
    let root = files.to_string_lossy().into_owned();
    let env = [
        ("DIM_OTLP_ENDPOINT", address.as_str()),
        // Spans wait for a batch or for this many milliseconds.
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let node = Node::start_with(dir.path(), "node", &["serve", "--allow-root", &root], &env);
    let api: &Api = &node.api;
    let uri = |place: &str| format!("file://{root}/{place}");
    for place in ["from", "to"] {
        let body = json!({"name": place, "uri": uri(place)});
        assert_eq!(api.post("/api/v1/locations", body).await.status, 201);
    }
    let body = json!({"name": "demo", "path_uri": uri("from/demo")});
    assert_eq!(api.post("/api/v1/datasets", body).await.status, 201);
    let caller = [(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )];
    let plan = json!({"dataset_id": "demo", "target_location": uri("to/demo")});
    let queued = api.post_with("/api/v1/plans", &caller, plan).await;
    assert_eq!(queued.status, 201, "{}", queued.text);
    let started = Instant::now();
    loop {
        let said = {
            let heard = heard.lock().unwrap();
            assert!(heard.types.iter().all(|t| t == "application/x-protobuf"));
            let of_trace = |name: &str| {
                heard
                    .bodies
                    .iter()
                    .any(|body| holds(body, &TRACE) && holds(body, name.as_bytes()))
            };
            let request =
                of_trace("POST /api/v1/plans") && heard.bodies.iter().any(|body| holds(body, &CALLER));
            let other = heard
                .bodies
                .iter()
                .any(|body| holds(body, b"POST /api/v1/datasets"));
            request && other && of_trace("job.target") && of_trace("move")
        };
        if said {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "spans did not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What is asked all the time is not told.
    assert_eq!(api.get("/livez").await.status, 200);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let heard = heard.lock().unwrap();
    assert!(!heard.bodies.iter().any(|body| holds(body, b"GET /livez")));
}
