//! Stories of moves that are held back: by limits, windows and priorities, by stores that are busy or silent, by objects that fail.

use crate::api::Api;
use crate::app::TestApp;
use crate::moving::{
    AtWork, assert_no_leftovers, assert_serves, dataset, fill, moving, moving_with, plan, queue, tree,
};
use crate::receipts::plan_with;
use crate::tmpfs::Tmpfs;
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::migration::limit::NewLimit;
use data_in_motion::domain::migration::options::{Breaker, MoveOptions, Window};
use data_in_motion::domain::unit::Bytes;
use serde_json::json;
use std::time::{Duration, Instant};

fn limit(scope: &str, bytes: Option<u64>, requests: Option<u32>) -> NewLimit {
    NewLimit {
        scope: scope.into(),
        bytes_per_sec: bytes.map(Bytes),
        requests_per_sec: requests,
    }
}

/// A load can make a move slower than its limit, never faster: only that side is measured.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_keep_to_the_limit_of_a_location_and_a_change_is_felt_at_once() {
    let (app, deep) = moving(0).await;
    let source = app.dir.path().join("files/fast/demo");
    for i in 0..8 {
        std::fs::write(source.join(format!("object {i}")), vec![i; 500_000]).unwrap();
    }
    let mover = &app.services().mover;
    let rate = 1_000_000;
    mover
        .set_limit(&limit("location:deep", Some(rate), None))
        .await
        .unwrap();
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let begun = Instant::now();
    work.until(job.id, "copied in part", |j| {
        j.job.progress.bytes_done > Bytes(1_000_000)
    })
    .await;
    let seen = mover.get_job(job.id).await.unwrap().job.progress.bytes_done.0;
    let most = begun.elapsed().as_secs_f64() * rate as f64 * 1.1 + 0.4 * rate as f64;
    assert!(
        seen as f64 <= most,
        "{seen} bytes in {:?} at {rate} a second",
        begun.elapsed()
    );
    assert_ne!(
        mover.get_job(job.id).await.unwrap().job.status,
        JobStatus::Completed,
        "four million bytes take four seconds to copy and four to read back"
    );
    // Eight seconds are foreseen; without the limit it is a matter of a moment.
    let all = mover
        .set_limit(&limit("location:deep", None, None))
        .await
        .unwrap();
    assert!(all.is_empty(), "{all:?}");
    work.until_status(job.id, JobStatus::Completed).await;
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_begun_keep_to_the_limit() {
    let (app, deep) = moving(12).await;
    app.services()
        .mover
        .set_limit(&limit("total", None, Some(10)))
        .await
        .unwrap();
    let mut work = AtWork::start(&app);
    let begun = Instant::now();
    let job = queue(&app, &deep, "demo").await;
    work.until_status(job.id, JobStatus::Completed).await;
    // Twelve copies and twelve read-backs at ten a second, less what the allowance lets through at once.
    assert!(
        begun.elapsed() >= Duration::from_millis(2_000),
        "{:?}",
        begun.elapsed()
    );
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_set_and_refused_over_the_api() {
    let (app, _) = moving(1).await;
    let api = Api::new(&app.listen().await);
    let set = api
        .post(
            "/api/v1/limits",
            json!({"scope": "location:deep", "bytes_per_sec": 5000}),
        )
        .await;
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(set.json()["items"][0]["scope"], "location:2");
    for (body, status) in [
        (json!({"scope": "location:nowhere", "bytes_per_sec": 1}), 404),
        (json!({"scope": "job:77", "bytes_per_sec": 1}), 404),
        (json!({"scope": "everything", "bytes_per_sec": 1}), 422),
        (json!({"scope": "total", "bytes_per_sec": 0}), 422),
    ] {
        let refused = api.post("/api/v1/limits", body.clone()).await;
        assert_eq!(refused.status, status, "{body} {refused:?}");
    }
    let cleared = api
        .post("/api/v1/limits", json!({"scope": "location:deep"}))
        .await;
    assert_eq!(cleared.json()["items"], json!([]));
}

#[tokio::test]
async fn a_closed_window_is_waited_for_and_said_with_its_next_opening() {
    let (app, deep) = moving(5).await;
    let window = |cron: &str| MoveOptions {
        window: Some(Window {
            cron: cron.into(),
            time_zone: "Europe/Berlin".into(),
        }),
        ..MoveOptions::default()
    };
    let never = plan_with(&app, &deep, "demo", window("* * 30 2 *"), true)
        .await
        .unwrap_err();
    assert!(never.to_string().contains("never opens"), "{never}");
    let mut work = AtWork::start(&app);
    // One minute of each leap day: whenever this runs, but for that minute, it is closed.
    let job = plan_with(&app, &deep, "demo", window("0 3 29 2 *"), false)
        .await
        .unwrap()
        .job
        .unwrap();
    let waits = work
        .until(job.id, "waiting", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.contains("waits for its window"))
        })
        .await;
    assert_eq!(waits.job.status, JobStatus::Queued);
    let reason = waits.job.reason.unwrap();
    assert!(reason.contains("-02-29T02:00:00Z"), "{reason}");
    // Others are not held up by it.
    let uri = app.make("fast/other");
    fill(&app.dir.path().join("files/fast/other"), 3);
    dataset(app.services(), "other", &uri).await;
    let other = plan(app.services(), "other", &deep, "other").await;
    let other = app.services().mover.queue(other, false).await.unwrap();
    work.until_status(other.id, JobStatus::Completed).await;
    app.services().mover.cancel(job.id).await.unwrap();
    // An open window is none.
    let open = plan_with(&app, &deep, "demo", window("* * * * *"), false)
        .await
        .unwrap()
        .job
        .unwrap();
    work.until_status(open.id, JobStatus::Completed).await;
    work.stop().await;
}

#[tokio::test]
async fn the_more_urgent_job_is_taken_first() {
    let (app, deep) = moving(3).await;
    let mut jobs = Vec::new();
    for (i, priority) in [0, -5, 7, 7].into_iter().enumerate() {
        let name = format!("set{i}");
        let uri = app.make(&format!("fast/{name}"));
        fill(&app.dir.path().join("files/fast").join(&name), 3);
        dataset(app.services(), &name, &uri).await;
        let plan = plan(app.services(), &name, &deep, &name).await;
        let job = app.services().mover.queue(plan, false).await.unwrap();
        app.services().mover.set_priority(job.id, priority).await.unwrap();
        jobs.push(job.id);
    }
    assert!(app.services().mover.set_priority(jobs[0], 11).await.is_err());
    let mut work = AtWork::start(&app);
    let mut begun = Vec::new();
    for id in &jobs {
        let done = work.until_status(*id, JobStatus::Completed).await;
        let copying = done
            .events
            .iter()
            .find(|e| e.status == JobStatus::Copying)
            .unwrap();
        begun.push((copying.seq, *id));
    }
    begun.sort_unstable();
    let order: Vec<_> = begun.into_iter().map(|(_, id)| id).collect();
    assert_eq!(order, [jobs[2], jobs[3], jobs[0], jobs[1]]);
    work.stop().await;
}

#[tokio::test]
async fn a_store_that_is_busy_is_asked_again_and_for_less() {
    let (app, deep) = moving_with(30, &[("inject", "busy=12")]).await;
    let content = tree(&app.dir.path().join("files/fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    work.until_status(job.id, JobStatus::Completed).await;
    assert_serves(app.services(), "demo", &content).await;
    let figures = app.services().figures.text().await.unwrap();
    let backoffs = figures
        .lines()
        .find_map(|l| l.strip_prefix("dim_mover_backoffs_total "))
        .unwrap();
    assert!(backoffs.parse::<f64>().unwrap() >= 1.0, "{backoffs}");
    work.stop().await;
}

#[tokio::test]
async fn a_store_that_stays_busy_fails_the_job_and_a_retry_copies_only_what_failed() {
    let (app, deep) = moving_with(30, &[("inject", "busy=1000000")]).await;
    let mut work = AtWork::start(&app);
    let one = MoveOptions {
        breaker: Some(Breaker {
            percent: 1,
            of_at_least: 1,
        }),
        ..MoveOptions::default()
    };
    let job = plan_with(&app, &deep, "demo", one, false)
        .await
        .unwrap()
        .job
        .unwrap();
    let failed = work
        .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    assert_eq!(failed.job.error_code.as_deref(), Some("store_busy"));
    work.stop().await;
    let app = app.restart_with(&[]).await;
    let mut work = AtWork::start(&app);
    app.services().mover.retry(job.id).await.unwrap();
    work.until_status(job.id, JobStatus::Completed).await;
    work.stop().await;
}

#[tokio::test]
async fn failing_objects_do_not_stop_the_others_until_too_many_fail() {
    let (app, deep) = moving_with(40, &[("inject", "fail-copy=3")]).await;
    let mut work = AtWork::start(&app);
    let patient = MoveOptions {
        breaker: Some(Breaker {
            percent: 50,
            of_at_least: 20,
        }),
        ..MoveOptions::default()
    };
    let job = plan_with(&app, &deep, "demo", patient, false)
        .await
        .unwrap()
        .job
        .unwrap();
    let failed = work
        .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    let reason = failed.job.reason.unwrap();
    assert!(reason.contains("2 other objects failed as well"), "{reason}");
    let in_state = |state: &str| failed.objects.iter().filter(|o| o.state == state).count();
    assert_eq!((in_state("failed"), in_state("copied")), (3, 37));
    app.services().mover.retry(job.id).await.unwrap();
    work.until_status(job.id, JobStatus::Completed).await;
    work.stop().await;

    let (app, deep) = moving_with(400, &[("inject", "fail-copy=400")]).await;
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let failed = work
        .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    let reason = failed.job.reason.unwrap();
    assert!(reason.contains("the others were not tried"), "{reason}");
    work.stop().await;
}

#[tokio::test]
async fn a_store_that_falls_silent_pauses_its_job_alone() {
    for fault in ["hang", "hang-verify"] {
        let settings = [("inject", fault), ("store_timeout_secs", "1")];
        let (app, deep) = moving_with(20, &settings).await;
        let content = tree(&app.dir.path().join("files/fast/demo"));
        let uri = app.make("fast/other");
        fill(&app.dir.path().join("files/fast/other"), 30);
        dataset(app.services(), "other", &uri).await;
        let mut work = AtWork::start(&app);
        let job = queue(&app, &deep, "demo").await;
        let paused = work
            .until(job.id, "paused", |j| j.job.status == JobStatus::Paused)
            .await;
        let reason = paused.job.reason.unwrap();
        assert!(reason.contains("has moved for 1 s"), "{fault}: {reason}");
        assert!(reason.contains("object "), "{reason}");
        assert!(paused.job.owner.is_none());
        let other = plan(app.services(), "other", &deep, "other").await;
        let other = app.services().mover.queue(other, false).await.unwrap();
        work.until_status(other.id, JobStatus::Completed).await;
        app.services().mover.resume(job.id).await.unwrap();
        work.until_status(job.id, JobStatus::Completed).await;
        assert_serves(app.services(), "demo", &content).await;
        // What the silent store may still have written is removed as well.
        work.until(job.id, "clean", |_| {
            !tree(&app.dir.path().join("files/deep"))
                .keys()
                .any(|k| k.contains(".dim-move-"))
        })
        .await;
        assert_no_leftovers(&app.dir.path().join("files"));
        work.stop().await;
    }
}

#[tokio::test]
async fn a_target_that_fills_up_meanwhile_ends_the_job_and_is_given_its_space_back() {
    let app = TestApp::open().await;
    let (fast, small) = (app.make("fast"), app.make("small"));
    let Some(_disk) = Tmpfs::on(&app.dir.path().join("files/small"), "size=4m") else {
        return;
    };
    crate::moving::location(app.services(), "fast", &fast).await;
    let target = crate::moving::location(app.services(), "small", &small).await;
    let uri = app.make("fast/demo");
    let source = app.dir.path().join("files/fast/demo");
    for i in 0..20 {
        std::fs::write(source.join(format!("object {i}")), vec![i; 100_000]).unwrap();
    }
    dataset(app.services(), "demo", &uri).await;
    let content = tree(&source);
    let plan = plan(app.services(), "demo", &target, "demo").await;
    // Somebody else fills the disk after the plan.
    let other = app.dir.path().join("files/small/other");
    std::fs::write(&other, vec![1; 3_200_000]).unwrap();
    let job = app.services().mover.queue(plan, false).await.unwrap();
    let mut work = AtWork::start(&app);
    let failed = work
        .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    assert_eq!(failed.job.error_code.as_deref(), Some("target_full"));
    assert!(failed.job.reason.unwrap().contains("nothing was switched"));
    work.until(job.id, "clean", |_| {
        tree(&app.dir.path().join("files/small")).keys().eq(["other"])
    })
    .await;
    assert_serves(app.services(), "demo", &content).await;
    std::fs::remove_file(&other).unwrap();
    app.services().mover.retry(job.id).await.unwrap();
    work.until_status(job.id, JobStatus::Completed).await;
    work.stop().await;
}

#[tokio::test]
async fn whatever_spoils_a_copy_on_the_disk_is_found_with_the_objects_name() {
    for fault in ["truncate", "corrupt", "zero-fill"] {
        let (app, deep) = moving_with(0, &[("inject", fault)]).await;
        let source = app.dir.path().join("files/fast/demo");
        std::fs::write(source.join("the only one"), vec![7; 70_000]).unwrap();
        let mut work = AtWork::start(&app);
        let job = queue(&app, &deep, "demo").await;
        let failed = work
            .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
            .await;
        assert_eq!(
            failed.job.error_code.as_deref(),
            Some("verify_mismatch"),
            "{fault}"
        );
        let reason = failed.job.reason.unwrap();
        assert!(reason.contains("the only one"), "{fault}: {reason}");
        assert!(reason.contains("nothing was switched"), "{fault}: {reason}");
        app.services().mover.retry(job.id).await.unwrap();
        work.until_status(job.id, JobStatus::Completed).await;
        work.stop().await;
    }
}
