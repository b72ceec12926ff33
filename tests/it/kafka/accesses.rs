//! Accesses that other programs send: counted once, put aside with the reason where they cannot be, shown with their lag.

use super::{app, fresh, producer, read, send, shared, until};
use crate::api::Api;
use crate::app::TestApp;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use serde_json::{Value, json};
use std::time::Duration;

/// Datasets `set-1` to `set-COUNT`.
pub async fn datasets(api: &Api, app: &TestApp, count: i64) {
    let uri = app.make("place");
    let made = api
        .post("/api/v1/locations", json!({"name": "place", "uri": uri}))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    for n in 1..=count {
        let body =
            json!({"name": format!("set-{n}"), "path_uri": format!("{uri}/set-{n}"), "size_bytes": 1000});
        let made = api.post("/api/v1/datasets", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
}

fn event(dataset: i64, size: i64) -> (String, String) {
    let value = json!({"dataset_id": dataset, "op": "read", "size_bytes": size});
    (dataset.to_string(), value.to_string())
}

/// The value of a figure with these words in its name and labels.
pub async fn figure(api: &Api, words: &[&str]) -> Option<f64> {
    let text = api.get("/metrics").await.text;
    let line = text
        .lines()
        .find(|line| !line.starts_with('#') && words.iter().all(|word| line.contains(word)))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

async fn counted(api: &Api) -> f64 {
    figure(api, &["dim_ingest_events_total", "accepted"])
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn accesses_of_the_topic_are_counted_once_and_what_is_no_access_is_put_aside_with_the_reason() {
    let (brokers, prefix) = (shared().await, fresh("access"));
    let app = app(brokers, &prefix, &[("roles", "web")]).await;
    let listening = app.listen_until_stopped().await;
    let api = Api::new(&listening.base);
    datasets(&api, &app, 3).await;
    let topic = format!("{prefix}access_events");
    let health = until("the broker", async || {
        let health = api.get("/health").await.json();
        (health["parts"]["bus"]["status"] == "ok").then_some(health)
    })
    .await;
    let detail = health["parts"]["bus"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("Kafka at ") && detail.contains(brokers),
        "{detail}"
    );

    let producer = producer(brokers);
    let many: Vec<_> = (1..=900).map(|n| event(1 + n % 3, n)).collect();
    send(&producer, &topic, &many).await;
    let bad = [
        ("1".to_owned(), "{\"dataset_id\":1".to_owned()),
        (
            "1".to_owned(),
            json!({"dataset_id": 1, "op": "read", "size_bytes": -4}).to_string(),
        ),
        event(77, 5),
    ];
    send(&producer, &topic, &bad).await;
    // The same envelope twice, and a trace that is carried on.
    for _ in 0..2 {
        let headers = [
            ("ce_id", "a-1"),
            ("ce_source", "/test"),
            (
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
        ];
        let headers = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(*value),
            })
        });
        let (key, value) = event(2, 1000);
        let record = FutureRecord::to(&topic)
            .key(&key)
            .payload(&value)
            .headers(headers.clone());
        producer.send(record, Duration::from_secs(30)).await.unwrap();
        let nowhere = json!({"dataset_id": "nowhere", "op": "read", "size_bytes": 1}).to_string();
        let record = FutureRecord::to(&topic)
            .key(&key)
            .payload(&nowhere)
            .headers(headers);
        producer.send(record, Duration::from_secs(30)).await.unwrap();
    }
    until("everything", async || {
        (counted(&api).await >= 901.0).then_some(())
    })
    .await;
    let dead = read(brokers, &format!("{topic}.dlq"), 5).await;
    assert_eq!(dead.len(), 5, "{dead:?}");
    let count = |code: &str| {
        let of = |letter: &&super::Read| letter.headers["dim_error_code"] == code;
        dead.iter().filter(of).count()
    };
    assert_eq!(
        (count("unreadable"), count("unknown_dataset")),
        (2, 3),
        "{dead:?}"
    );
    let nowhere = dead.iter().find(|l| l.value.contains("nowhere")).unwrap();
    assert_eq!(nowhere.headers["dim_topic"], topic);
    assert!(nowhere.headers["dim_error_reason"].contains("nowhere"));
    assert!(nowhere.headers["traceparent"].contains("0af7651916cd43dd8448eb211c80319c"));
    assert!(nowhere.headers["dim_offset"].parse::<i64>().is_ok());

    let history = |n: i64| format!("/api/v1/datasets/set-{n}/history?by=day");
    let mut reads = Vec::new();
    for n in 1..=3 {
        let buckets = api.get(&history(n)).await.json();
        let sum = |field: &str| -> i64 {
            let items = buckets["items"].as_array().unwrap().iter();
            items.map(|b: &Value| b[field].as_i64().unwrap()).sum()
        };
        reads.push((sum("reads"), sum("read_bytes")));
    }
    assert_eq!(reads.iter().map(|r| r.0).sum::<i64>(), 901);
    assert_eq!(reads.iter().map(|r| r.1).sum::<i64>(), 900 * 901 / 2 + 1000);
    assert_eq!(
        figure(&api, &["dim_dead_letters_total", "access_events"]).await,
        Some(5.0)
    );
    assert_eq!(
        figure(&api, &["dim_ingest_events_total", "duplicate"]).await,
        Some(1.0)
    );
    until("no lag", async || {
        let lag = figure(&api, &["dim_consumer_lag_messages", "partition=\"0\""]).await;
        (lag == Some(0.0)).then_some(())
    })
    .await;
    assert_eq!(figure(&api, &["dim_broker_up"]).await, Some(1.0));

    // Started again it goes on where it was, which the database says.
    listening.stop().await;
    let app = app.restart().await;
    let api = Api::new(&app.listen().await);
    send(&producer, &topic, &[event(1, 5), event(2, 6), event(3, 7)]).await;
    until("the rest", async || (counted(&api).await >= 3.0).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(counted(&api).await, 3.0, "nothing is counted again");
}
