//! The event log as other programs read it from the topics.

use super::{app, fresh, read, shared, until};
use crate::api::Api;
use crate::kafka::accesses::figure;
use crate::moving::fill;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a caller is part of.
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn stages_of_jobs_are_told_in_order_once_with_their_envelope_also_after_a_restart() {
    let (brokers, prefix) = (shared().await, fresh("relay"));
    let app = app(brokers, &prefix, &[]).await;
    let listening = app.listen_until_stopped().await;
    let api = Api::new(&listening.base);
    until("the relay", async || {
        let up = figure(&api, &["dim_broker_up"]).await == Some(1.0);
        up.then_some(())
    })
    .await;
    for place in ["from", "to"] {
        let body = json!({"name": place, "uri": app.make(place)});
        assert_eq!(api.post("/api/v1/locations", body).await.status, 201);
    }
    for n in 0..3 {
        fill(&app.dir.path().join(format!("files/from/set-{n}")), 4);
        let body = json!({"name": format!("set-{n}"), "path_uri": app.uri(&format!("from/set-{n}"))});
        assert_eq!(api.post("/api/v1/datasets", body).await.status, 201);
        let plan =
            json!({"dataset_id": format!("set-{n}"), "target_location": app.uri(&format!("to/set-{n}"))});
        // The second one is part of a caller's trace.
        let headers: &[_] = if n == 1 { &[("traceparent", CALLER)] } else { &[] };
        let queued = api.post_with("/api/v1/plans", headers, plan).await;
        assert_eq!(queued.status, 201, "{}", queued.text);
    }
    let events = until("three completed jobs", async || {
        let page = api.get("/api/v1/events?stream=jobs&limit=500").await.json();
        let items = page["items"].as_array().unwrap().clone();
        let done = items.iter().filter(|e| e["status"] == "completed").count();
        (done == 3).then_some(items)
    })
    .await;
    let told = read(brokers, &format!("{prefix}migration_status"), events.len()).await;
    assert_eq!(told.len(), events.len(), "each event once");
    for job in ["1", "2", "3"] {
        let logged: Vec<&Value> = events.iter().filter(|e| e["job_id"] == job).collect();
        let of_job: Vec<_> = told.iter().filter(|m| m.key == job).collect();
        let values: Vec<Value> = of_job
            .iter()
            .map(|m| serde_json::from_str(&m.value).unwrap())
            .collect();
        assert_eq!(
            values.iter().collect::<Vec<_>>(),
            logged,
            "in order, the same payload"
        );
        let traces: Vec<_> = of_job.iter().map(|m| &m.headers["traceparent"][..35]).collect();
        assert!(
            traces.windows(2).all(|two| two[0] == two[1]),
            "one trace a job: {traces:?}"
        );
        assert_eq!(traces[0] == &CALLER[..35], job == "2", "{traces:?}");
        for message in of_job {
            assert_eq!(message.headers["ce_specversion"], "1.0");
            assert_eq!(message.headers["ce_type"], "dim.migration.status");
            assert_eq!(message.headers["content-type"], "application/json");
        }
    }
    let jobs = read(brokers, &format!("{prefix}migration_jobs"), 3).await;
    let keys: Vec<_> = jobs.iter().map(|m| m.key.clone()).collect();
    assert_eq!(keys.len(), 3);
    assert!(jobs.iter().all(|m| m.headers["ce_type"] == "dim.migration.job"));
    until("an empty outbox", async || {
        let waiting = figure(&api, &["dim_outbox_pending_events"]).await;
        (waiting == Some(0.0)).then_some(())
    })
    .await;
    listening.stop().await;
    let app = app.restart().await;
    let api = Api::new(&app.listen().await);
    assert_eq!(
        api.ask("POST", "/api/v1/jobs/1/undo", &[], None).await.status,
        200
    );
    let status = format!("{prefix}migration_status");
    let told = until("the undo", async || {
        let told = read(brokers, &status, events.len() + 1).await;
        told.iter()
            .any(|m| m.value.contains("\"undone\""))
            .then_some(told)
    })
    .await;
    let ids: BTreeSet<_> = told.iter().map(|m| &m.headers["ce_id"]).collect();
    assert_eq!(ids.len(), told.len(), "nothing is told again");
}
