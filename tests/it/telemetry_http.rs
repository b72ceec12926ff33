//! Stories of access events over HTTP: every form of a body, packed and not, and what is refused before anything is counted.

use crate::api::Api;
use crate::telemetry::app_with;
use serde_json::{Value, json};
use std::io::Write;

const EVENTS: &str = "/api/v1/access-events";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

async fn zstd(text: &[u8]) -> Vec<u8> {
    use tokio::io::AsyncReadExt;
    let mut packed = Vec::new();
    async_compression::tokio::bufread::ZstdEncoder::new(text)
        .read_to_end(&mut packed)
        .await
        .unwrap();
    packed
}

/// What a body got: status, code or `""`, and the report's figures.
async fn post(api: &Api, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> (u16, String, [i64; 4]) {
    let mut request = reqwest::Client::new().post(format!("{}{EVENTS}", api.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.body(body.into()).send().await.unwrap();
    let status = answer.status().as_u16();
    let json: Value = answer.json().await.unwrap();
    let figures = ["received", "accepted", "duplicates", "rejected"].map(|f| json[f].as_i64().unwrap_or(-1));
    (status, json["code"].as_str().unwrap_or("").to_owned(), figures)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_body_counts() {
    let app = app_with(1).await;
    let api = Api::new(&app.listen().await);
    let one = json!({"dataset_id": 1, "op": "read", "size_bytes": 8192, "client_lat_ms": 11.4});
    let named = json!({"dataset_id": "set-1", "op": "PUT", "size_bytes": 1, "occurred_at": 1_700_000_000});
    let array = json!([one, named]).to_string();
    let lines = format!("{one}\n\n{named}\n");
    let ndjson = [("content-type", "application/x-ndjson")];
    let json_type = [("content-type", "application/json")];
    for (headers, body, count) in [
        (&json_type[..], one.to_string().into_bytes(), 1),
        (&json_type, array.clone().into_bytes(), 2),
        (&ndjson, lines.clone().into_bytes(), 2),
        (&[], lines.clone().into_bytes(), 2),
        (&[("content-encoding", "gzip")], gzip(lines.as_bytes()), 2),
        (&[("content-encoding", "zstd")], zstd(array.as_bytes()).await, 2),
        // Two members in a row are one text.
        (
            &[("content-encoding", "gzip"), ndjson[0]],
            [gzip(lines.as_bytes()), gzip(lines.as_bytes())].concat(),
            4,
        ),
    ] {
        let text = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(
            post(&api, headers, body).await,
            (200, String::new(), [count, count, 0, 0]),
            "{text}"
        );
    }
    let history = |query: &str| format!("/api/v1/datasets/set-1/history?{query}");
    let days = api.get(&history("since=2023-11-01T00:00:00Z")).await.json();
    let day = days["items"].as_array().unwrap().first().unwrap();
    assert_eq!(
        (&day["start"], &day["writes"]),
        (&json!("2023-11-14T00:00:00Z"), &json!(7))
    );
    assert_eq!(days["next_cursor"], json!(null));
    let hours = api.get(&history("by=hour")).await.json();
    let reads: i64 = hours["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["reads"].as_i64().unwrap())
        .sum();
    assert_eq!(reads, 8, "of the last 30 days: {hours}");
    let long = api.get(&history("since=1699999999&by=hour")).await;
    assert_eq!((long.status, long.code().as_str()), (422, "span_too_long"));
    assert_eq!(api.get(&history("since=yesterday")).await.code(), "bad_query");
    assert_eq!(api.get(&history("by=week")).await.code(), "bad_query");
    assert_eq!(api.get("/api/v1/datasets/7/history").await.code(), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_listed_and_all_bad_is_a_problem() {
    let app = app_with(1).await;
    let api = Api::new(&app.listen().await);
    let good = r#"{"dataset_id":1,"op":"read","size_bytes":5}"#;
    let lines = format!(
        "{good}\n{{\"dataset_id\":1}}\n\n{good}\n{{\"dataset_id\":9,\"op\":\"read\",\"size_bytes\":5}}\n"
    );
    let said = api
        .ask(
            "POST",
            EVENTS,
            &[("content-type", "application/x-ndjson")],
            Some(&lines),
        )
        .await;
    assert_eq!(said.status, 200, "{said:?}");
    let report = said.json();
    assert_eq!((&report["accepted"], &report["rejected"]), (&json!(2), &json!(2)));
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(
        (&errors[0]["line"], &errors[0]["code"]),
        (&json!(2), &json!("unreadable"))
    );
    assert!(
        errors[0]["reason"]
            .as_str()
            .unwrap()
            .contains("missing field `op`"),
        "{report}"
    );
    assert_eq!(
        (&errors[1]["line"], &errors[1]["reason"]),
        (&json!(5), &json!("there is no dataset \"9\""))
    );

    let said = api
        .post(
            EVENTS,
            json!([{"dataset_id": 9, "op": "read", "size_bytes": 5}, 7]),
        )
        .await;
    assert_eq!((said.status, said.code().as_str()), (422, "all_refused"));
    let problem = said.json();
    assert_eq!(
        (&problem["received"], &problem["rejected"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2, "{problem}");
    let said = api
        .post(EVENTS, json!({"dataset_id": 1, "op": "read", "size_bytes": -5}))
        .await;
    assert_eq!(said.code(), "all_refused");
    assert!(said.detail().contains("-5"), "{}", said.detail());
    // Nothing but duplicates is no refusal.
    let twice = json!({"event_id": "x", "dataset_id": 1, "op": "read", "size_bytes": 5});
    for expected in [[1, 1, 0, 0], [1, 0, 1, 0]] {
        assert_eq!(
            post(&api, &[], twice.to_string()).await,
            (200, String::new(), expected)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_a_flood_and_what_is_no_events_are_refused_and_nothing_is_counted() {
    let app = app_with(1).await;
    let api = Api::new(&app.listen().await);
    let line = b"{\"dataset_id\":1,\"op\":\"read\",\"size_bytes\":5}\n";
    // 64 MiB and one line, in some 200 kB and some 10 kB.
    let large = line.repeat((64 << 20) / line.len() + 1);
    let (gzipped, zstded) = (gzip(&large), zstd(&large).await);
    assert!(gzipped.len() < 2 << 20 && zstded.len() < 2 << 20);
    let none = [-1; 4];
    let refused = |status, code: &str| (status, code.to_owned(), none);
    for (headers, body, expected) in [
        (
            &[("content-encoding", "gzip")][..],
            gzipped.clone(),
            refused(413, "too_large"),
        ),
        (&[("content-encoding", "zstd")], zstded, refused(413, "too_large")),
        (
            &[("content-encoding", "gzip")],
            gzip(&line.repeat(50_001)),
            refused(413, "too_many_events"),
        ),
        (
            &[("content-encoding", "gzip")],
            line.to_vec(),
            refused(400, "malformed_encoding"),
        ),
        (
            &[("content-encoding", "gzip")],
            gzipped[..gzipped.len() / 2].to_vec(),
            refused(400, "malformed_encoding"),
        ),
        (
            &[("content-encoding", "br")],
            line.to_vec(),
            refused(415, "wrong_content_encoding"),
        ),
        (
            &[("content-type", "text/csv")],
            line.to_vec(),
            refused(415, "wrong_content_type"),
        ),
        (&[], Vec::new(), refused(422, "no_events")),
        (&[], b"[".to_vec(), refused(400, "malformed_json")),
        (&[], b"<html>".to_vec(), refused(400, "malformed_json")),
    ] {
        assert_eq!(post(&api, headers, body).await, expected);
    }
    // A body that is stated to be too large is refused before it is read; the connection may break off while it is sent.
    let flood = reqwest::Client::new()
        .post(format!("{}{EVENTS}", api.base))
        .header("content-length", (17 << 20).to_string())
        .body(vec![b' '; 17 << 20])
        .send()
        .await;
    assert!(flood.is_err() || flood.is_ok_and(|answer| answer.status() == 413));
    let overview = api.get("/api/v1/datasets/1").await.json();
    assert_eq!(overview["last_access_at"], json!(null), "{overview}");
}
