//! Labels, saved views and the page of policies: over the API, the command line, and forms without JavaScript.

use crate::api::Api;
use crate::app::TestApp;
use crate::cli::dim;
use crate::moving::{AtWork, moving_with, queue};
use crate::pages::{Plain, words};
use data_in_motion::domain::dataset::{DatasetFilter, DatasetSort, NewDataset};
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::unit::{Bytes, Timestamp};
use data_in_motion::services::catalog::KnownDataset;
use serde_json::json;

/// A server with a location and datasets of these names.
async fn with(names: &[&str]) -> TestApp {
    let app = TestApp::open_with(&[("roles", "web")]).await;
    let uri = app.make("nas");
    let location = serde_json::from_value(json!({
        "name": "nas", "uri": uri, "storage_classes": ["hot", "cold"], "price_book": "local/nas",
    }))
    .unwrap();
    app.services().catalog.create_location(location).await.unwrap();
    let set = names
        .iter()
        .enumerate()
        .map(|(i, name)| KnownDataset {
            new: NewDataset {
                name: name.parse().unwrap(),
                path_uri: format!("{uri}/{name}").parse().unwrap(),
                size_bytes: Some(Bytes(1_000 * (i as u64 + 1))),
                storage_class: None,
                latency_limit_ms: None,
            },
            object_count: 1,
            created_at: Timestamp(0),
            stand_in: false,
        })
        .collect();
    app.services().catalog.create_datasets(set).await.unwrap();
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_put_on_found_by_and_taken_away_by_every_door() {
    let app = with(&["one", "two", "three"]).await;
    let url = app.listen().await;
    let api = Api::new(&url);

    let put = dim(&url, &["datasets", "label", "one", "team=climate", "raw"]).await;
    assert_eq!(put.code, 0, "{}", put.err);
    let body = json!({ "set": ["team=sea"], "remove": ["absent"] }).to_string();
    let headers = [("content-type", "application/json")];
    let two = api
        .ask("PATCH", "/api/v1/datasets/two/labels", &headers, Some(&body))
        .await;
    assert_eq!(
        (two.status, two.json()),
        (200, json!({ "labels": ["team=sea"] })),
        "{two:?}"
    );
    assert_eq!(
        api.get("/api/v1/datasets/one").await.json()["labels"],
        json!(["raw", "team=climate"])
    );
    for (label, total) in [
        ("team", 2),
        ("team=climate", 1),
        ("raw", 1),
        ("team=x", 0),
        ("te", 0),
    ] {
        let found = api.get(&format!("/api/v1/datasets?label={label}")).await.json();
        assert_eq!(found["total"], json!(total), "{label}");
        assert_eq!(found["items"].as_array().unwrap().len(), total, "{label}");
    }
    let listed = dim(&url, &["datasets", "list", "--label", "team=sea", "-o", "csv"]).await;
    assert!(
        listed.out.contains("two") && !listed.out.contains("one"),
        "{}",
        listed.out
    );
    let used = dim(&url, &["datasets", "labels", "-o", "csv"]).await;
    assert!(used.out.contains("team=climate,1"), "{}", used.out);
    for bad in [json!(["=x"]), json!(["a&b"]), json!([""])] {
        let body = json!({ "set": bad }).to_string();
        let refused = api
            .ask("PATCH", "/api/v1/datasets/one/labels", &headers, Some(&body))
            .await;
        assert_eq!(refused.status, 422, "{refused:?}");
    }
    let many: Vec<String> = (0..21).map(|i| format!("key-{i}")).collect();
    let body = json!({ "set": many }).to_string();
    let refused = api
        .ask("PATCH", "/api/v1/datasets/three/labels", &headers, Some(&body))
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "too_many_labels")
    );

    // The page: a filter, and what is done to the ticked ones; both without JavaScript.
    let browser = Plain::of(&app).await;
    let page = browser.get("/datasets?label=team").await;
    let text = words(&page.text);
    assert!(
        text.contains("one") && text.contains("two") && !text.contains("three"),
        "{text}"
    );
    let deed = "deed=label&labels=team%3Dice%20-raw&ids[]=1&ids[]=3";
    let done = browser.send("/datasets?label=team", "chosen", deed).await;
    assert_eq!(
        (done.status, done.location.as_str()),
        (302, "/datasets?label=team&done=chosen")
    );
    let found = api.get("/api/v1/datasets?label=team=ice").await.json();
    assert_eq!(found["total"], json!(2));
    assert_eq!(
        api.get("/api/v1/datasets?label=raw").await.json()["total"],
        json!(0)
    );
    let done = browser
        .send("/datasets/3", "label", "dataset_id=3&labels=-team")
        .await;
    assert_eq!(done.location, "/datasets/3?done=label");

    // A dataset that is forgotten takes its labels along.
    assert_eq!(api.delete("/api/v1/datasets/one", &[]).await.status, 204);
    let left = api.get("/api/v1/labels").await.json();
    assert_eq!(left["items"], json!([{ "label": "team=sea", "datasets": 1 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_saved_opened_and_forgotten_without_javascript() {
    let app = with(&["one", "two"]).await;
    let browser = Plain::of(&app).await;
    let fields = "list=datasets&name=By+size&query=sort%3Dsize%26cursor%3Ds1.5";
    let saved = browser.send("/datasets?sort=size", "save-view", fields).await;
    assert_eq!(
        (saved.status, saved.location.as_str()),
        (302, "/datasets?sort=size&done=view")
    );
    let page = browser.get("/datasets").await;
    assert!(
        page.text.contains("href=\"/datasets?sort=size\""),
        "the chip is a plain link"
    );
    assert!(words(&page.text).contains("By size"));
    let other = browser.get("/jobs").await.text;
    assert!(
        !other.contains("href=\"/datasets?sort=size\""),
        "each list has its own"
    );

    let api = Api::new(&app.listen().await);
    let views = api.get("/api/v1/views").await.json();
    assert_eq!(views["items"][0]["query"], json!("sort=size"));
    for query in ["", "cursor=s1.5", "a=<b>"] {
        let refused = api
            .post(
                "/api/v1/views",
                json!({ "list": "jobs", "name": "x", "query": query }),
            )
            .await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (422, "bad_view"),
            "{query}"
        );
    }
    let id = views["items"][0]["id"].as_i64().unwrap();
    let gone = browser
        .send("/datasets", "remove-view", &format!("id={id}"))
        .await;
    assert_eq!(gone.location, "/datasets?done=view-removed");
    assert_eq!(api.delete(&format!("/api/v1/views/{id}"), &[]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_policies_says_whom_each_speaks_of_and_what_stands_against_it() {
    let app = with(&["climate-1", "climate-2", "weather"]).await;
    let browser = Plain::of(&app).await;
    let fields = "name=cold-only&datasets=climate-*&classes=cold&locations=&regions=&latency_limit_ms=&min_replicas=&pinned_reason=";
    let added = browser.send("/policies", "add-policy", fields).await;
    assert_eq!(
        (added.status, added.location.as_str()),
        (302, "/policies?done=policy")
    );
    let text = words(&browser.get("/policies").await.text);
    for part in [
        "cold-only",
        "climate-*",
        "only classes cold",
        "2 datasets against it",
        "climate-1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("weather"), "{text}");
    let refused = browser.send("/policies", "add-policy", "name=nothing").await;
    assert!(
        refused.location.contains("/policies?__path="),
        "{}",
        refused.location
    );
    let gone = browser
        .send("/policies", "remove-policy", "key=cold-only&generation=1")
        .await;
    assert_eq!(gone.location, "/policies?done=policy-removed");
    assert!(words(&browser.get("/policies").await.text).contains("No policy yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_paged_by_an_index_in_every_order() {
    let app = with(&["one", "two"]).await;
    if app.database_is_elsewhere() {
        return;
    }
    let store = app.store().await;
    let mut conn = store.reader().await.unwrap();
    for order in [
        "d.id",
        "d.name",
        "d.size_bytes",
        "COALESCE(d.last_access_at, -1)",
        "COALESCE(d.monthly_cost, -1)",
        "d.rec_saving",
    ] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT d.id, l.name FROM datasets d JOIN locations l ON l.id = d.location_id \
             WHERE 1 = 1 ORDER BY {order} DESC, d.id DESC LIMIT 51"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut *conn)
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, 3)).collect();
        assert!(
            !plan.iter().any(|line| line.contains("TEMP B-TREE")),
            "{order}: {plan:?}"
        );
    }
    let filter = DatasetFilter {
        sort: DatasetSort::Cost,
        ..DatasetFilter::default()
    };
    assert_eq!(
        app.services()
            .catalog
            .list_datasets(&filter, None, 10)
            .await
            .unwrap()
            .total,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_log_has_its_stages_in_order() {
    let (app, deep) = moving_with(5, &[]).await;
    let mut work = AtWork::start(&app);
    let id = queue(&app, &deep, "demo").await.id;
    work.until_status(id, JobStatus::Completed).await;
    work.stop().await;
    let lines = app.services().mover.job_log(id).await.unwrap();
    let stages: Vec<&str> = lines
        .iter()
        .filter(|l| l.level == "stage")
        .map(|l| l.text.split(':').next().unwrap())
        .collect();
    assert_eq!(stages.first(), Some(&"queued"), "{lines:?}");
    assert_eq!(stages.last(), Some(&"completed"), "{lines:?}");
    assert!(lines.windows(2).all(|w| w[0].at <= w[1].at));
}
