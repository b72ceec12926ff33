//! Rules about where datasets may stand: kept over the API and the command line, obeyed by advice, plans and the deletion of old
//! copies.

use crate::api::Api;
use crate::app::TestApp;
use crate::cli::dim;
use crate::moving::{AtWork, moving_with, plan, queue, tree};
use data_in_motion::domain::access::{AccessEvent, AccessOp, DatasetKey};
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::recommendation::{Action, Reason};
use data_in_motion::domain::unit::{Bytes, Timestamp};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_added_read_changed_and_forgotten_over_api_and_command_line() {
    let app = TestApp::open().await;
    let url = app.listen().await;
    let api = Api::new(&url);
    let add = [
        "policies",
        "add",
        "eu",
        "--dataset",
        "climate-*,weather",
        "--allow-region",
        "aws/eu-*",
        "--min-replicas",
        "2",
    ];
    let added = dim(&url, &add).await;
    assert_eq!(added.code, 0, "{}", added.err);
    assert!(
        added.out.contains("only regions aws/eu-*; at least 2 copies"),
        "{}",
        added.out
    );
    let again = dim(&url, &add).await;
    assert_eq!(again.code, 5, "{}", again.err);
    let one = api.get("/api/v1/policies/eu").await;
    assert_eq!(one.json()["rules"]["datasets"], json!(["climate-*", "weather"]));
    let tag = one.header("etag").to_owned();

    let rules = json!({ "latency_limit_ms": 50 }).to_string();
    let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
    let changed = api
        .ask("PATCH", "/api/v1/policies/eu", &headers, Some(&rules))
        .await;
    assert_eq!(
        (changed.status, &changed.json()["rules"]["latency_limit_ms"]),
        (200, &json!(50)),
        "{changed:?}"
    );
    let stale = api
        .ask("PATCH", "/api/v1/policies/eu", &headers, Some(&rules))
        .await;
    assert_eq!(stale.status, 412, "{stale:?}");
    for (body, words) in [
        (json!({ "name": "x", "rules": {} }), "asks for nothing"),
        (
            json!({ "name": "x", "rules": { "allowed_regions": ["eu-west-1"] } }),
            "provider/region",
        ),
        (json!({ "name": "x", "rules": { "regions": ["a/b"] } }), "regions"),
    ] {
        let refused = api.post("/api/v1/policies", body).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.detail().contains(words), "{refused:?}");
    }
    let gone = dim(&url, &["policies", "remove", "eu"]).await;
    assert_eq!(gone.code, 0, "{}", gone.err);
    assert_eq!(api.get("/api/v1/policies/eu").await.status, 404);
    assert_eq!(
        api.get("/api/v1/policies").await.json(),
        json!({ "items": [], "next_cursor": null })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn advice_and_plans_keep_to_the_rules_and_name_the_one_that_stands_against() {
    let (app, deep) = moving_with(20, &[]).await;
    let services = app.services();
    let url = app.listen().await;
    let key = DatasetKey::Name("demo".into());
    let event = AccessEvent {
        event_id: None,
        producer: None,
        sequence: None,
        dataset_id: key.clone(),
        op: AccessOp::Read,
        size_bytes: Bytes(1),
        client_lat_ms: None,
        client_region: None,
        occurred_at: Some(Timestamp(1_700_000_000 * Timestamp::SECOND)),
    };
    services.catalog.scan_dataset(&key).await.unwrap();
    services.telemetry.ingest(vec![(1, Ok(event))]).await.unwrap();
    plan(services, "demo", &deep, "demo").await;
    let only = [
        "policies",
        "add",
        "near",
        "--dataset",
        "d*",
        "--allow-location",
        "fast",
    ];
    assert_eq!(dim(&url, &only).await.code, 0);

    let known = services.recommender.get(&key).await.unwrap();
    let there = known
        .alternatives
        .iter()
        .find(|a| a.placement.location_id == deep.id)
        .unwrap();
    let why = serde_json::to_string(&there.why_not).unwrap();
    assert!(
        why.contains("the policy near allows only locations fast"),
        "{why}"
    );
    let target = deep.uri.join("demo").unwrap().to_string();
    let migrate = [
        "migrate",
        "plan",
        "--dataset-id",
        "demo",
        "--target-location",
        &target,
    ];
    let refused = dim(&url, &migrate).await;
    assert_eq!(refused.code, 5, "{}", refused.err);
    assert!(
        refused.err.contains("policy: the policy near allows only"),
        "{}",
        refused.err
    );

    // A rule that is already broken is said; nothing moves because of it.
    let set = [
        "policies",
        "set",
        "near",
        "--allow-location",
        "deep",
        "--pin",
        "audit",
    ];
    assert_eq!(dim(&url, &set).await.code, 0);
    let check = dim(&url, &["policies", "check", "demo"]).await;
    assert!(
        check
            .out
            .contains("it stands on fast, but the policy near allows only locations deep"),
        "{}{}",
        check.out,
        check.err
    );
    let known = services.recommender.get(&key).await.unwrap();
    assert_eq!(known.action, Action::Stay);
    assert!(
        matches!(&known.reasons[0], Reason::RuleBroken { rule } if rule.contains("near")),
        "{:?}",
        known.reasons
    );
    assert!(
        known.reasons.contains(&Reason::Pinned {
            reason: "audit (policy near)".into()
        }),
        "{:?}",
        known.reasons
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_is_kept_while_a_rule_asks_for_as_many_copies() {
    let (app, deep) = moving_with(5, &[("grace_secs", "0")]).await;
    let url = app.listen().await;
    let source = app.dir.path().join("files/fast/demo");
    let before = tree(&source);
    assert_eq!(
        dim(&url, &["policies", "add", "two", "--min-replicas", "2"])
            .await
            .code,
        0
    );
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let kept = work
        .until(job.id, "put off", |j| {
            j.job.reason.as_deref().is_some_and(|r| r.contains("is kept"))
        })
        .await;
    assert_eq!(kept.job.status, JobStatus::Completed);
    let why = kept.job.reason.unwrap_or_default();
    assert!(
        why.contains("the policy two asks for 2 verified copies, and there is 1 without it"),
        "{why}"
    );
    work.stop().await;
    assert_eq!(tree(&source), before);
}
