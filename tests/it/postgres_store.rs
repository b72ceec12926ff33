//! What only Postgres has: several processes on one database, a server that goes away, and the way there from SQLite.

use crate::api::Api;
use crate::app::TestApp;
use crate::postgres::{Server, shared};
use crate::telemetry::{app_with, ingest, named, numbered};
use data_in_motion::adapters::sql::{Store, StoreError, copy, events};
use data_in_motion::domain::access::AccessOp;
use data_in_motion::domain::event::{AccessLogged, DomainEvent, Stream};
use data_in_motion::domain::unit::Bytes;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn database() -> String {
    let server = tokio::task::spawn_blocking(shared).await.unwrap();
    server.database().await
}

fn event(n: i64) -> DomainEvent {
    DomainEvent::AccessEvent(AccessLogged {
        seq: 0,
        dataset_id: None,
        dataset_name: None,
        op: AccessOp::Read,
        count: n,
        size_bytes: Bytes(1),
        client_lat_us: None,
        updated_at: 0,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn many_programs_may_start_at_once() {
    let url = database().await;
    let opened = futures::future::join_all((0..6).map(|_| Store::open_postgres(&url))).await;
    for store in opened {
        let store = store.unwrap();
        assert_eq!(events::bounds(&store).await.unwrap().last, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_many_nodes_leave_no_gap_and_a_reader_skips_none() {
    const NODES: i64 = 4;
    const WRITES: i64 = 60;
    let url = database().await;
    let reader = Store::open_postgres(&url).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for node in 0..NODES {
        let url = url.clone();
        writers.spawn(async move {
            let store = Store::open_postgres(&url).await.unwrap();
            for n in 0..WRITES {
                let mut tx = store.write().await.unwrap();
                let set = (0..=n % 3).map(|_| event(node)).collect();
                events::append(&mut tx, set).await.unwrap();
                if n % 7 == 0 {
                    // Taken back, with its numbers.
                    tx.rollback().await.unwrap();
                } else {
                    tx.commit().await.unwrap();
                }
            }
        });
    }
    let per_node: i64 = (0..WRITES).filter(|n| n % 7 != 0).map(|n| n % 3 + 1).sum();
    let (mut seen, began) = (0, Instant::now());
    // As a tailer does: what is after the last number that was seen, whoever is writing.
    while seen < NODES * per_node {
        let (bounds, page) = events::page(&reader, seen, Stream::All, 1000).await.unwrap();
        for event in &page {
            assert_eq!(
                event.seq(),
                seen + 1,
                "no number may appear after a later one was seen"
            );
            seen = event.seq();
        }
        assert!(bounds.last >= seen);
        assert!(began.elapsed() < PATIENCE, "{seen} of {}", NODES * per_node);
    }
    writers.join_all().await;
    assert_eq!(events::bounds(&reader).await.unwrap().last, NODES * per_node);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_one_node_wakes_the_other() {
    let url = database().await;
    let (one, other) = (
        Store::open_postgres(&url).await.unwrap(),
        Store::open_postgres(&url).await.unwrap(),
    );
    let mut commits = other.commits();
    // It listens from the moment of its first wake-up.
    tokio::time::timeout(PATIENCE, commits.changed())
        .await
        .unwrap()
        .unwrap();
    one.write().await.unwrap().rollback().await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(300), commits.changed()).await;
    assert!(quiet.is_err(), "nothing was committed");
    one.write().await.unwrap().commit().await.unwrap();
    tokio::time::timeout(PATIENCE, commits.changed())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_cannot_write_and_a_taken_name_is_told_as_in_sqlite() {
    let store = Store::open_postgres(&database().await).await.unwrap();
    let written = sqlx::query("DELETE FROM datasets").execute(store.read()).await;
    assert!(written.unwrap_err().to_string().contains("read-only"));
    let place = "INSERT INTO locations (name, uri, provider, storage_classes, price_book, generation, created_at, \
                 updated_at) VALUES ('a', 'file:///a', 'file', '[]', 'x', 1, 1, 1)";
    let mut tx = store.write().await.unwrap();
    sqlx::query(place).execute(&mut *tx).await.unwrap();
    let taken = StoreError::from(sqlx::query(place).execute(&mut *tx).await.unwrap_err());
    assert!(
        matches!(&taken, StoreError::Unique(what) if what.ends_with(": locations.name")),
        "{taken:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_stays_up_while_postgres_is_away_and_goes_on_when_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let place = dir.path().join("pg").to_string_lossy().into_owned();
    let start = move || Server::start(&[&place, &port]);
    let start_again = start.clone();
    let server = tokio::task::spawn_blocking(start).await.unwrap();
    let url = server.url.clone();
    let app = TestApp::open_with(&[("database_url", url.as_str())]).await;
    let api = Api::new(&app.listen().await);
    assert_eq!(api.get("/readyz").await.status, 200);
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();

    let began = Instant::now();
    let away = loop {
        let said = api.get("/readyz").await;
        if said.status == 503 {
            break said.text;
        }
        assert!(began.elapsed() < PATIENCE);
    };
    assert!(away.contains("database") && !away.ends_with(": "), "{away}");
    assert_eq!(api.get("/livez").await.status, 200);
    let place = json!({"name": "nas", "uri": app.make("nas")});
    let refused = api.post("/api/v1/locations", place.clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"));

    let server = tokio::task::spawn_blocking(start_again).await.unwrap();
    let began = Instant::now();
    while api.get("/readyz").await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "it does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(api.post("/api/v1/locations", place).await.status, 201);
    app.app.close().await;
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

async fn rows(store: &Store) -> BTreeMap<&'static str, i64> {
    let mut found = BTreeMap::new();
    for table in [
        "locations",
        "datasets",
        "replicas",
        "access_events",
        "access_ids",
        "access_rollups",
        "event_log",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        found.insert(
            table,
            sqlx::query_scalar(sql).fetch_one(store.read()).await.unwrap(),
        );
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_copied_to_postgres_and_back_and_counts_on() {
    let app = app_with(3).await;
    // An id that was given and is free again must not come back.
    app.services()
        .catalog
        .delete_dataset(&data_in_motion::domain::access::DatasetKey::parse("set-3"), None)
        .await
        .unwrap();
    let events = (0..700)
        .map(|n| named(&format!("e-{n}")))
        .chain([numbered("p", 7)]);
    ingest(app.services(), events.collect()).await;
    let source = app.store().await;
    let target = Store::open_postgres(&database().await).await.unwrap();
    let copied = copy::copy(&source, &target).await.unwrap();
    assert!(
        copied
            .iter()
            .any(|t| t.table == "access_events" && t.rows == 701 && t.hash.len() == 64)
    );
    assert_eq!(rows(&source).await, rows(&target).await);
    assert_eq!(
        events::bounds(&source).await.unwrap(),
        events::bounds(&target).await.unwrap()
    );

    let again = copy::copy(&source, &target).await.unwrap_err().to_string();
    assert!(again.contains("empty") && again.contains("locations"), "{again}");

    // Back into a file: the same hashes.
    let dir = tempfile::tempdir().unwrap();
    let file = Store::open(&dir.path().join("back.sqlite")).await.unwrap();
    assert_eq!(copy::copy(&target, &file).await.unwrap(), copied);
    for store in [&target, &file] {
        let mut tx = store.write().await.unwrap();
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO datasets (name, path_uri, location_id, prefix, storage_class, size_bytes, object_count, generation, \
             created_at, updated_at) VALUES ('new', 'file:///x', 1, 'x', 'hot', 1, 1, 1, 1, 1) RETURNING id",
        )
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        assert_eq!(id, 4, "the id of the dataset that is gone is not given again");
        tx.rollback().await.unwrap();
    }
}
