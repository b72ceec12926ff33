//! Reads of a bucket are measured where they are made, and told with its location.

use super::s3;
use crate::app::TestApp;
use crate::moving::{self, AtWork};
use data_in_motion::domain::location::NewLocation;
use data_in_motion::domain::migration::JobStatus;

#[tokio::test(flavor = "multi_thread")]
async fn a_move_to_a_bucket_and_a_look_at_it_tell_how_fast_it_and_its_source_are_read() {
    let app = TestApp::open().await;
    let services = app.services();
    let bucket = s3::bucket().await;
    let (fast, large) = (app.make("fast"), app.make("fast/large"));
    // In parts to the bucket, in ranges back.
    std::fs::write(app.dir.path().join("files/fast/large/object"), vec![7; 40 << 20]).unwrap();
    moving::location(services, "fast", &fast).await;
    moving::dataset(services, "large", &large).await;
    let new = NewLocation {
        uri: format!("{}/data", bucket.uri).parse().unwrap(),
        credential_ref: bucket.access.credential_ref.clone(),
        endpoint: bucket.access.endpoint.clone(),
        region: bucket.access.region.clone(),
        ..moving::new_location("bucket", "file:///replaced")
    };
    let target = services.catalog.create_location(new).await.unwrap();
    let plan = moving::plan(services, "large", &target, "large").await;
    let job = services.mover.queue(plan, false).await.unwrap().id;
    let mut mover = AtWork::start(&app);
    mover.until_status(job, JobStatus::Completed).await;
    mover.stop().await;
    services.read_times.flush().await.unwrap();

    let at = async |name: &str| services.catalog.get_location(name).await.unwrap().reads;
    let (source, back) = (at("fast").await.unwrap(), at("bucket").await.unwrap());
    assert!(source.read_count >= 5, "each part was read: {source:?}");
    assert!(
        source.large_read_count >= 1,
        "into memory, which holds nothing back: {source:?}"
    );
    assert!(back.read_count >= 2, "each range was read back: {back:?}");
    assert!(
        back.first_byte_p50_us.unwrap() > 0 && back.first_byte_p50_us <= back.first_byte_p95_us,
        "{back:?}"
    );
}
