//! Stories of moves that are disturbed: cancelled, paused, failed and tried again, with a source or a target that changes meanwhile.

use crate::moving::{
    AtWork, assert_consistent, assert_no_leftovers, assert_serves, held_at, moving_with, queue, tree,
};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::migration::JobStatus;
use std::time::{Duration, Instant};

fn demo() -> DatasetKey {
    DatasetKey::Name("demo".into())
}

#[tokio::test]
async fn a_cancel_stops_the_bytes_within_two_seconds_and_leaves_nothing() {
    let (app, deep) = moving_with(30, &[("inject", "slow-copy=50000")]).await;
    let files = app.dir.path().join("files");
    std::fs::write(files.join("fast/demo/big"), vec![7; 2_000_000]).unwrap();
    let content = tree(&files.join("fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "a/b/demo").await;
    work.until(job.id, "moving bytes", |j| j.job.progress.bytes_done.0 > 0)
        .await;
    let asked = Instant::now();
    app.services().mover.cancel(job.id).await.unwrap();
    let done = work.until_status(job.id, JobStatus::Cancelled).await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(
        tree(&files.join("deep")).is_empty(),
        "{:?}",
        tree(&files.join("deep")).keys()
    );
    assert!(
        done.job.reason.unwrap().contains("nothing is left"),
        "and it says so"
    );
    assert_serves(app.services(), "demo", &content).await;
    assert_consistent(app.services(), job.id).await;
    work.stop().await;
}

#[tokio::test]
async fn a_pause_keeps_what_was_copied_and_a_cancel_of_it_removes_that() {
    let (app, deep) = moving_with(60, &[("inject", "slow-copy=400000")]).await;
    let files = app.dir.path().join("files");
    let content = tree(&files.join("fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    work.until(job.id, "at work", |j| j.job.progress.objects_done > 4)
        .await;
    app.services().mover.pause(job.id).await.unwrap();
    let paused = work.until_status(job.id, JobStatus::Paused).await;
    let copied = |objects: &[data_in_motion::domain::migration::ManifestObject]| {
        objects.iter().filter(|o| o.state == "copied").count()
    };
    let kept = copied(&paused.objects);
    assert!(kept > 4 && kept < 60, "{kept}");
    // Another mover goes on where this one stood.
    work.stop().await;
    let app = app.restart_with(&[("inject", "pause-at=manifest-whole")]).await;
    let mut work = AtWork::start(&app);
    app.services().mover.resume(job.id).await.unwrap();
    let gate = held_at(&app, "manifest-whole").await;
    let resumed = app.services().mover.get_job(job.id).await.unwrap();
    assert_eq!(copied(&resumed.objects), kept, "nothing is copied twice");
    std::fs::remove_file(gate).unwrap();
    work.until_status(job.id, JobStatus::Completed).await;
    assert_serves(app.services(), "demo", &content).await;
    assert_consistent(app.services(), job.id).await;
    assert_no_leftovers(&files);
    work.stop().await;

    // Back, paused half-way, then cancelled while nobody holds it.
    let app = app.restart_with(&[("inject", "slow-copy=400000")]).await;
    let mut work = AtWork::start(&app);
    let fast = app
        .services()
        .catalog
        .get_location("fast")
        .await
        .unwrap()
        .location;
    let back = queue(&app, &fast, "elsewhere").await;
    work.until(back.id, "at work", |j| j.job.progress.objects_done > 4)
        .await;
    app.services().mover.pause(back.id).await.unwrap();
    work.until_status(back.id, JobStatus::Paused).await;
    app.services().mover.cancel(back.id).await.unwrap();
    work.until(back.id, "cleaned", |_| {
        !tree(&files.join("fast")).keys().any(|k| k.contains(".dim-move"))
    })
    .await;
    assert!(!files.join("fast/elsewhere").exists());
    assert_serves(app.services(), "demo", &content).await;
    work.stop().await;
}

#[tokio::test]
async fn a_failed_job_names_the_object_and_a_retry_completes_it() {
    for (fault, code) in [
        ("fail-verify", "verify_mismatch"),
        ("fail-copy", "io_error"),
        ("enospc", "target_full"),
    ] {
        let (app, deep) = moving_with(40, &[("inject", fault)]).await;
        let files = app.dir.path().join("files");
        let content = tree(&files.join("fast/demo"));
        let mut work = AtWork::start(&app);
        let job = queue(&app, &deep, "demo").await;
        let failed = work
            .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
            .await;
        assert_eq!(failed.job.error_code.as_deref(), Some(code));
        let reason = failed.job.reason.unwrap();
        assert!(
            reason.contains("object ") && reason.contains("the source serves on"),
            "{reason}"
        );
        assert_eq!(failed.objects[0].state, "failed", "failed objects come first");
        assert!(
            reason.contains(&format!("{:?}", failed.objects[0].key)),
            "{reason}"
        );
        assert_serves(app.services(), "demo", &content).await;
        assert!(!files.join("deep/demo").exists(), "nothing stands at the target");

        let retried = app.services().mover.retry(job.id).await.unwrap();
        assert_eq!((retried.status, retried.attempt), (JobStatus::Queued, 2));
        let done = work.until_status(job.id, JobStatus::Completed).await;
        assert!(done.job.error_code.is_none() && done.job.reason.is_none());
        assert_serves(app.services(), "demo", &content).await;
        assert_consistent(app.services(), job.id).await;
        assert_no_leftovers(&files);
        work.stop().await;
    }
}

#[tokio::test]
async fn a_source_that_changes_is_copied_again_and_one_that_never_rests_fails() {
    let gates = "pause-at=copy-finished:1,pause-at=copy-finished:2,pause-at=verify-finished:1";
    let (app, deep) = moving_with(30, &[("inject", gates)]).await;
    let source = app.dir.path().join("files/fast/demo");
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let gate = held_at(&app, "copy-finished").await;
    // One object changes, one comes, one goes, and one directory becomes an object.
    std::fs::write(source.join("part-1/1/object 0001"), "other bytes").unwrap();
    std::fs::write(source.join("brand new"), "bytes").unwrap();
    std::fs::remove_file(source.join("part-2/2/object 0002")).unwrap();
    std::fs::remove_dir_all(source.join("part-3")).unwrap();
    std::fs::write(source.join("part-3"), "no directory any more").unwrap();
    std::fs::remove_file(gate).unwrap();
    let content = {
        // The second pass has copied what differs; from here on nothing changes.
        let gate = held_at(&app, "copy-finished").await;
        let content = tree(&source);
        std::fs::remove_file(gate).unwrap();
        content
    };
    std::fs::remove_file(held_at(&app, "verify-finished").await).unwrap();
    let done = work.until_status(job.id, JobStatus::Completed).await;
    let stages: Vec<_> = done.events.iter().map(|e| e.status.as_str()).collect();
    assert_eq!(
        stages,
        [
            "queued",
            "copying",
            "verifying",
            "copying",
            "verifying",
            "switching",
            "completed"
        ]
    );
    let objects_only = |t: &std::collections::BTreeMap<String, Vec<u8>>| {
        t.iter()
            .filter(|(k, _)| !k.ends_with('/'))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect::<Vec<_>>()
    };
    let at_target = tree(&app.dir.path().join("files/deep/demo"));
    assert_eq!(objects_only(&at_target), objects_only(&content));
    assert_consistent(app.services(), job.id).await;
    work.stop().await;

    let gates: Vec<_> = (1..=4).map(|n| format!("pause-at=copy-finished:{n}")).collect();
    let app = app.restart_with(&[("inject", &gates.join(","))]).await;
    let deep_demo = app.dir.path().join("files/deep/demo");
    let mut work = AtWork::start(&app);
    let fast = app
        .services()
        .catalog
        .get_location("fast")
        .await
        .unwrap()
        .location;
    let back = queue(&app, &fast, "restless").await;
    for round in 0..4 {
        let gate = held_at(&app, "copy-finished").await;
        std::fs::write(deep_demo.join("brand new"), format!("round {round}")).unwrap();
        std::fs::remove_file(gate).unwrap();
    }
    let failed = work
        .until(back.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    assert_eq!(failed.job.error_code.as_deref(), Some("source_changed"));
    let reason = failed.job.reason.unwrap();
    assert!(
        reason.contains("keeps changing") && reason.contains("brand new"),
        "{reason}"
    );
    assert!(!app.dir.path().join("files/fast/restless").exists());
    work.stop().await;
}

#[tokio::test]
async fn a_dataset_that_changes_in_the_catalog_is_looked_at_again() {
    let (app, deep) = moving_with(10, &[("inject", "pause-at=switch-begun")]).await;
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let gate = held_at(&app, "switch-begun").await;
    let before = app.services().catalog.find_dataset(&demo()).await.unwrap();
    let scanned = app.services().catalog.scan_dataset(&demo()).await.unwrap();
    assert!(
        scanned.dataset.generation > before.generation,
        "the scan found more than was known"
    );
    std::fs::remove_file(gate).unwrap();
    let done = work.until_status(job.id, JobStatus::Completed).await;
    let again = done
        .events
        .iter()
        .filter_map(|e| e.reason.as_deref())
        .any(|r| r.contains("changed in the catalog"));
    assert!(again, "{:#?}", done.events);
    let after = app.services().catalog.find_dataset(&demo()).await.unwrap();
    assert!(after.generation > scanned.dataset.generation);
    assert_no_leftovers(&app.dir.path().join("files"));
    work.stop().await;
}

#[tokio::test]
async fn a_cancel_that_comes_before_the_commit_wins_even_after_the_rename() {
    let (app, deep) = moving_with(10, &[("inject", "pause-at=renamed")]).await;
    let files = app.dir.path().join("files");
    let content = tree(&files.join("fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "a/demo").await;
    let gate = held_at(&app, "renamed").await;
    assert!(
        files.join("deep/a/demo").exists(),
        "it stands at its final place already"
    );
    app.services().mover.cancel(job.id).await.unwrap();
    std::fs::remove_file(gate).unwrap();
    work.until_status(job.id, JobStatus::Cancelled).await;
    assert!(
        tree(&files.join("deep")).is_empty(),
        "{:?}",
        tree(&files.join("deep")).keys()
    );
    assert_serves(app.services(), "demo", &content).await;
    let late = app.services().mover.cancel(job.id).await.unwrap_err();
    assert_eq!(late.code(), "job_state");
    work.stop().await;
}

#[tokio::test]
async fn whatever_comes_to_the_target_meanwhile_fails_the_move_and_is_not_touched() {
    let (app, deep) = moving_with(10, &[("inject", "pause-at=switch-begun")]).await;
    let files = app.dir.path().join("files");
    let content = tree(&files.join("fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let gate = held_at(&app, "switch-begun").await;
    std::fs::create_dir(files.join("deep/demo")).unwrap();
    std::fs::write(files.join("deep/demo/theirs"), "precious").unwrap();
    std::fs::remove_file(gate).unwrap();
    let failed = work
        .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    assert_eq!(failed.job.error_code.as_deref(), Some("target_not_empty"));
    assert_serves(app.services(), "demo", &content).await;
    assert_eq!(
        std::fs::read(files.join("deep/demo/theirs")).unwrap(),
        b"precious"
    );

    // Out of the way, the retry has nothing to copy and completes.
    std::fs::rename(files.join("deep/demo"), files.join("deep/theirs")).unwrap();
    app.services().mover.retry(job.id).await.unwrap();
    work.until_status(job.id, JobStatus::Completed).await;
    assert_serves(app.services(), "demo", &content).await;
    work.stop().await;
}
