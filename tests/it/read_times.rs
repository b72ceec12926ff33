//! How fast reads at a location are: measured by reads that are made anyway, kept over a restart, and never invented.

use crate::app::TestApp;
use crate::moving::{AtWork, moving, moving_with, plan};
use crate::pages::{Plain, words};
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::read_times::ReadFigures;

async fn reads(app: &TestApp, name: &str) -> Option<ReadFigures> {
    app.services().read_times.flush().await.unwrap();
    app.services().catalog.get_location(name).await.unwrap().reads
}

/// Moves `demo`, to which three files of 3 MiB were added.
async fn moved(settings: &[(&'static str, &str)]) -> TestApp {
    let (app, deep) = moving_with(10, settings).await;
    for i in 0..3 {
        std::fs::write(
            app.dir.path().join(format!("files/fast/demo/large-{i}")),
            vec![i; 3 << 20],
        )
        .unwrap();
    }
    let plan = plan(app.services(), "demo", &deep, "demo").await;
    let job = app.services().mover.queue(plan, false).await.unwrap().id;
    let mut mover = AtWork::start(&app);
    mover.until_status(job, JobStatus::Completed).await;
    mover.stop().await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_measures_the_places_that_it_reads_and_a_restart_keeps_it() {
    let app = moved(&[]).await;
    let (source, target) = (
        reads(&app, "fast").await.unwrap(),
        reads(&app, "deep").await.unwrap(),
    );
    // A file of nothing has no first byte.
    assert_eq!(source.read_count, 12, "{source:?}");
    assert_eq!(
        source.large_read_count, 0,
        "a copy is as fast as the slower of two places: {source:?}"
    );
    assert!((3..=12).contains(&target.read_count), "{target:?}");
    assert_eq!(target.large_read_count, 3, "{target:?}");
    assert!(target.bytes_per_sec_p50 >= target.bytes_per_sec_p95, "{target:?}");

    let app = app.restart().await;
    assert_eq!(reads(&app, "deep").await, Some(target));
    let checked = app.services().catalog.check_location("deep").await.unwrap();
    assert!(checked.reachable);
    let again = reads(&app, "deep").await.unwrap();
    assert_eq!(
        again.read_count,
        target.read_count + 1,
        "a look reads one small object: {again:?}"
    );

    let browser = Plain::of(&app).await;
    let page = words(&browser.get("/locations").await.text);
    assert!(
        page.contains(&format!("at most in half of {} reads", again.read_count))
            && page.contains("3 reads of 1 MiB and more"),
        "{page}"
    );
    let url = format!("{}/api/v1/locations/deep", browser.base());
    let body: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(body["reads"]["read_count"], again.read_count);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_measured_says_so() {
    let (app, _) = moving(3).await;
    assert_eq!(reads(&app, "fast").await, None);
    let browser = Plain::of(&app).await;
    let page = words(&browser.get("/locations").await.text);
    assert!(
        page.contains("First byte not measured yet Throughput not measured yet"),
        "{page}"
    );
    // An empty place is looked at as well, and has nothing to read.
    assert!(
        app.services()
            .catalog
            .check_location("deep")
            .await
            .unwrap()
            .reachable
    );
    assert_eq!(reads(&app, "deep").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_back_on_purpose_tells_no_throughput() {
    let app = moved(&[("inject", "slow-copy=60000000")]).await;
    let target = reads(&app, "deep").await.unwrap();
    assert!(
        target.read_count >= 3 && target.large_read_count == 0,
        "{target:?}"
    );
}
