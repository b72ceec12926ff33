//! The program as a process: killed inside a large object, and searched for what it must not tell.

use super::{TestKey, noise};
use crate::app::TestApp;
use crate::cli::dim;
use crate::crashing::Server;
use crate::moving::{self, tree};
use crate::stores::s3;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::location::NewLocation;
use data_in_motion::domain::migration::{JobStatus, PlanRequest};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// No spelling of a key is in any file below a directory, but in those that hold it.
fn assert_silent(dir: &Path, keys: &[TestKey]) {
    let mut looked = 0;
    for (name, bytes) in tree(dir) {
        if name.contains("key-") {
            continue;
        }
        looked += usize::from(!bytes.is_empty());
        for key in keys {
            assert!(!key.is_in(&bytes), "{name} holds a key");
        }
    }
    assert!(looked > 3, "database, logs and receipts were looked at");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_move_of_a_large_object_goes_on_and_no_key_is_told_anywhere() {
    let app = TestApp::open().await;
    if app.database_is_elsewhere() {
        return;
    }
    let bucket = s3::bucket().await;
    let services = app.services().clone();
    let demo = app.make("fast/demo");
    let content = noise(41 << 20, 5);
    let source = app.dir.path().join("files/fast/demo");
    std::fs::write(source.join("large"), &content).unwrap();
    std::fs::write(source.join("small"), "small").unwrap();
    moving::location(&services, "fast", &app.uri("fast")).await;
    moving::dataset(&services, "demo", &demo).await;
    let key = TestKey::new(4);
    let reference = key.file(app.dir.path(), "key-lake");
    let lake = NewLocation {
        name: "lake".parse().unwrap(),
        uri: format!("{}/data", bucket.uri).parse().unwrap(),
        storage_classes: Vec::new(),
        price_book: None,
        credential_ref: bucket.access.credential_ref.clone(),
        endpoint: bucket.access.endpoint.clone(),
        region: bucket.access.region.clone(),
        encryption_key_ref: Some(reference.clone()),
    };
    services.catalog.create_location(lake).await.unwrap();
    let request = PlanRequest {
        dataset_id: DatasetKey::Name("demo".into()),
        target_location: "lake".into(),
        storage_class: None,
        dry_run: false,
        require_approval: false,
        options: Default::default(),
    };
    let job = services.mover.plan(request).await.unwrap().job.unwrap().id;

    // Two parts are taken, the next one is never answered: killed there.
    *bucket.seen.parts_max.lock().unwrap() = Some(2);
    let mut first = Server::run(app.dir.path(), 1, "3600", &[]);
    let started = Instant::now();
    while bucket.seen.parts_begun.load(Ordering::SeqCst) < 3 {
        assert!(started.elapsed() < PATIENCE, "{}", first.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Their rows are written by then, or are sent again: at most one part a worker.
    tokio::time::sleep(Duration::from_millis(300)).await;
    first.kill().await;
    let sent = bucket.seen.parts.load(Ordering::SeqCst);
    assert_eq!(sent, 2);
    *bucket.seen.parts_max.lock().unwrap() = None;
    let before = bucket.seen.bytes();
    let mut second = Server::run(app.dir.path(), 2, "3600", &[]);
    let started = Instant::now();
    loop {
        let now = services.mover.get_job(job).await.unwrap().job;
        if now.status == JobStatus::Completed {
            break;
        }
        assert!(
            started.elapsed() < PATIENCE && now.status != JobStatus::Failed,
            "{:?}\n{}",
            now.reason,
            second.log()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    second.stop().await;
    let again = bucket.seen.bytes() - before;
    assert!(again < (34 << 20), "what was sent was sent again: {again}");

    // Fetched by hand, and opened without the server.
    let raw = bucket.raw.get("data/demo/large").await.unwrap();
    let file = app.dir.path().join("fetched");
    std::fs::write(&file, raw.bytes).unwrap();
    let opened = dim(
        "http://127.0.0.1:1",
        &[
            "decrypt",
            file.to_str().unwrap(),
            "--key-ref",
            reference.as_str(),
            "--name",
            "large",
        ],
    )
    .await;
    assert_eq!(opened.code, 0, "{}", opened.err);
    assert!(std::fs::read(app.dir.path().join("fetched.decrypted")).unwrap() == content);
    assert!(!key.is_in(opened.err.as_bytes()));
    let renamed = dim(
        "http://127.0.0.1:1",
        &[
            "decrypt",
            file.to_str().unwrap(),
            "--key-ref",
            reference.as_str(),
            "--name",
            "other",
            "--out",
            "-",
        ],
    )
    .await;
    assert!(
        renamed.code == 1 && renamed.err.contains("another name"),
        "{}",
        renamed.err
    );
    std::fs::remove_file(app.dir.path().join("fetched.decrypted")).unwrap();
    let url = app.listen().await;
    let receipt = app.dir.path().join("receipt.json");
    let saved = dim(
        &url,
        &[
            "jobs",
            "receipt",
            &job.to_string(),
            "--save",
            receipt.to_str().unwrap(),
        ],
    )
    .await;
    assert_eq!(saved.code, 0, "{}", saved.err);
    assert_silent(app.dir.path(), &[key]);
}
