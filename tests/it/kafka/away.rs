//! The broker is away: nothing else stops, health says why, and what happened meanwhile is told in order when it is back.

use super::accesses::{datasets, figure};
use super::{app, fresh, read, until};
use crate::api::Api;
use crate::moving::fill;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use serde_json::{Value, json};

/// A cluster inside the test, with the topics, which it cannot make itself.
pub fn mock(prefix: &str, partitions: i32) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    for feed in ["access_events", "migration_jobs", "migration_status"] {
        cluster
            .create_topic(&format!("{prefix}{feed}"), partitions, 1)
            .unwrap();
        cluster
            .create_topic(&format!("{prefix}{feed}.dlq"), 1, 1)
            .unwrap();
    }
    cluster
}

async fn bus(api: &Api) -> (String, String) {
    let health = api.get("/health").await;
    assert_eq!(health.status, 200);
    let health = health.json();
    let part = &health["parts"]["bus"];
    assert_eq!(health["status"], part["status"], "{health}");
    (
        part["status"].as_str().unwrap().to_owned(),
        part["detail"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_everything_else_goes_on_and_the_log_is_told_in_order_afterwards() {
    let prefix = fresh("away");
    let cluster = mock(&prefix, 3);
    let brokers = cluster.bootstrap_servers();
    cluster.broker_down(-1).unwrap();
    // It starts without its broker.
    let app = app(&brokers, &prefix, &[]).await;
    let api = Api::new(&app.listen().await);
    until("degraded", async || {
        let (status, detail) = bus(&api).await;
        (status == "degraded" && detail.contains(" is away: ")).then_some(())
    })
    .await;
    assert_eq!(api.get("/readyz").await.status, 200);
    cluster.broker_up(-1).unwrap();
    until("ok", async || (bus(&api).await.0 == "ok").then_some(())).await;
    until("the relay", async || {
        // Held by this process, so that what follows is told.
        let waiting = figure(&api, &["dim_outbox_pending_events"]).await;
        (waiting == Some(0.0)).then_some(())
    })
    .await;

    cluster.broker_down(-1).unwrap();
    until("degraded again", async || {
        (bus(&api).await.0 == "degraded").then_some(())
    })
    .await;
    datasets(&api, &app, 1).await;
    let body = json!({"dataset_id": 1, "op": "read", "size_bytes": 8192});
    assert_eq!(api.post("/api/v1/access-events", body).await.status, 200);
    assert_eq!(api.get("/").await.status, 200);
    let uri = app.make("other");
    assert_eq!(
        api.post("/api/v1/locations", json!({"name": "other", "uri": uri}))
            .await
            .status,
        201
    );
    for n in 0..3 {
        fill(&app.dir.path().join(format!("files/place/move-{n}")), 3);
        let body = json!({"name": format!("move-{n}"), "path_uri": app.uri(&format!("place/move-{n}"))});
        assert_eq!(api.post("/api/v1/datasets", body).await.status, 201);
        let plan = json!({"dataset_id": format!("move-{n}"), "target_location": app.uri(&format!("other/move-{n}"))});
        assert_eq!(api.post("/api/v1/plans", plan).await.status, 201);
    }
    let events = until("three completed jobs", async || {
        let page = api.get("/api/v1/events?stream=jobs&limit=500").await.json();
        let items = page["items"].as_array().unwrap().clone();
        let done = items.iter().filter(|e| e["status"] == "completed").count();
        (done == 3).then_some(items)
    })
    .await;
    let (status, detail) = bus(&api).await;
    assert_eq!(status, "degraded");
    assert!(
        detail.contains(&format!("{} events wait", events.len())),
        "{detail}, {} events",
        events.len()
    );
    assert_eq!(figure(&api, &["dim_broker_up"]).await, Some(0.0));
    assert_eq!(
        figure(&api, &["dim_outbox_pending_events"]).await,
        Some(events.len() as f64)
    );
    assert!(figure(&api, &["dim_relay_lag_seconds"]).await.is_some());

    cluster.broker_up(-1).unwrap();
    until("an empty outbox", async || {
        let waiting = figure(&api, &["dim_outbox_pending_events"]).await;
        (waiting == Some(0.0)).then_some(())
    })
    .await;
    let told = read(&brokers, &format!("{prefix}migration_status"), events.len()).await;
    assert_eq!(told.len(), events.len(), "each once");
    for job in ["1", "2", "3"] {
        let logged: Vec<&Value> = events.iter().filter(|e| e["job_id"] == job).collect();
        let values: Vec<Value> = told
            .iter()
            .filter(|m| m.key == job)
            .map(|m| serde_json::from_str(&m.value).unwrap())
            .collect();
        assert_eq!(values.iter().collect::<Vec<_>>(), logged, "in order");
    }
    until("ok again", async || (bus(&api).await.0 == "ok").then_some(())).await;
}
