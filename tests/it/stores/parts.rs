//! Large objects in parts, through the whole mover: killed, cancelled, and with uploads that nobody remembers.

use super::{Bucket, s3};
use crate::app::TestApp;
use crate::crashing::Server;
use crate::moving::{self, AtWork};
use data_in_motion::adapters::objects::LocalObjects;
use data_in_motion::adapters::sql::{Store, jobs_parts};
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::location::{Location, NewLocation};
use data_in_motion::domain::migration::{Job, JobStatus};
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{FoundObject, Prefix};
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
const PART: u64 = 8 * MIB;
const PATIENCE: Duration = Duration::from_secs(120);

/// A file of this size as a dataset on a disk, a bucket to move it to, and the bucket's location.
async fn scene(size: u64) -> (TestApp, Bucket, Location, Vec<u8>) {
    let app = TestApp::open_with(&[("roles", "web")]).await;
    let bucket = s3::bucket().await;
    let bytes: Vec<u8> = (0..size)
        .map(|i| (i * 31 % 251) as u8 ^ (i >> 20) as u8)
        .collect();
    let (fast, large) = (app.make("fast"), app.make("fast/large"));
    std::fs::write(app.dir.path().join("files/fast/large/object"), &bytes).unwrap();
    moving::location(app.services(), "fast", &fast).await;
    moving::dataset(app.services(), "large", &large).await;
    let new = NewLocation {
        name: "bucket".parse().unwrap(),
        uri: format!("{}/data", bucket.uri).parse().unwrap(),
        storage_classes: Vec::new(),
        price_book: None,
        credential_ref: bucket.access.credential_ref.clone(),
        endpoint: bucket.access.endpoint.clone(),
        region: bucket.access.region.clone(),
        encryption_key_ref: None,
    };
    let location = app.services().catalog.create_location(new).await.unwrap();
    (app, bucket, location, bytes)
}

async fn queue(app: &TestApp, target: &Location) -> Job {
    let plan = moving::plan(app.services(), "large", target, "large").await;
    app.services().mover.queue(plan, false).await.unwrap()
}

async fn object(app: &TestApp) -> FoundObject {
    let at = Prefix {
        root: app.uri("fast").parse().unwrap(),
        path: "large".into(),
        encryption: None,
    };
    LocalObjects::new().list(&at).await.unwrap().objects.remove(0)
}

/// Waits until so many parts are remembered.
async fn remembered(app: &TestApp, job: JobId, object: &FoundObject, count: usize) {
    let store = Store::open(&app.dir.path().join("data/dim.sqlite"))
        .await
        .unwrap();
    let started = Instant::now();
    loop {
        let upload = {
            let mut conn = store.reader().await.unwrap();
            jobs_parts::find(&mut conn, job, 1, object).await.unwrap()
        };
        let parts = upload.map_or(0, |u| u.parts.len());
        if parts >= count {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{parts} parts are remembered");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.close().await;
}

async fn until(app: &TestApp, job: JobId, status: JobStatus) {
    let started = Instant::now();
    loop {
        let found = app.services().mover.get_job(job).await.unwrap().job;
        if found.status == status {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE && found.status != JobStatus::Failed,
            "{:?}: {:?}",
            found.status,
            found.reason
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Half of the parts are there when the program is killed: the others are sent, and of those at most the ones under way twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_copy_sends_only_the_parts_that_are_missing() {
    let size = 64 * MIB;
    let (app, bucket, target, bytes) = scene(size).await;
    let job = queue(&app, &target).await;
    let object = object(&app).await;
    *bucket.seen.parts_max.lock().unwrap() = Some(4);
    let start = || {
        Server::command(&app.dir.path().join("data"), "3600", "")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut program = start();
    remembered(&app, job.id, &object, 4).await;
    program.kill().unwrap();
    program.wait().unwrap();
    let at_kill = bucket.seen.bytes();
    *bucket.seen.parts_max.lock().unwrap() = None;
    let mut program = start();
    until(&app, job.id, JobStatus::Completed).await;
    program.kill().unwrap();
    program.wait().unwrap();
    assert_eq!(
        bucket.seen.parts.load(Ordering::SeqCst),
        8,
        "no part that was there is sent again"
    );
    let again = bucket.seen.bytes() - size;
    assert!(
        at_kill >= 4 * PART && again <= 4 * PART,
        "{again} bytes were sent again"
    );
    assert!(bucket.raw.get("data/large/object").await.unwrap().bytes == bytes);
    assert!(bucket.seen.open_uploads().is_empty());
}

/// A cancel in the middle of an upload is heard within two seconds and leaves nothing at the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_upload_is_given_up() {
    let (app, bucket, target, _) = scene(24 * MIB).await;
    let job = queue(&app, &target).await;
    let object = object(&app).await;
    *bucket.seen.parts_max.lock().unwrap() = Some(1);
    let mut work = AtWork::start(&app);
    remembered(&app, job.id, &object, 1).await;
    let told = Instant::now();
    app.services().mover.cancel(job.id).await.unwrap();
    work.until_status(job.id, JobStatus::Cancelled).await;
    // Two seconds on an idle machine; this one may be loaded.
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    assert!(bucket.seen.open_uploads().is_empty());
    assert!(bucket.raw.keys().await.is_empty());
    work.stop().await;
}

/// A crash between the store's answer and the row leaves an upload that no row knows: the next start finds it by listing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_no_row_knows_is_found_at_the_start() {
    let (app, bucket, target, bytes) = scene(9 * MIB).await;
    let endpoint = bucket.access.endpoint.clone().unwrap();
    for key in ["data/large/object", "data/other/object"] {
        let url = format!("{}/bkt/{key}?uploads=", endpoint.as_str());
        let (status, _) = bucket.raw.send("POST", &url, &[], b"").await;
        assert_eq!(status, 200);
    }
    let job = queue(&app, &target).await;
    let mut work = AtWork::start(&app);
    work.until_status(job.id, JobStatus::Completed).await;
    assert_eq!(
        bucket.seen.open_uploads(),
        ["data/other/object"],
        "what lies elsewhere is not ours"
    );
    assert!(bucket.raw.get("data/large/object").await.unwrap().bytes == bytes);
    work.stop().await;
}
