//! Stories of moves on local disks: copied, verified, switched, kept, undone, retired, and everything that can come in between.

use crate::moving::{
    AtWork, assert_consistent, assert_no_leftovers, assert_serves, fill, held_at, moving, moving_with, queue,
    tree,
};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::replica::ReplicaRole;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

fn demo() -> DatasetKey {
    DatasetKey::Name("demo".into())
}

#[tokio::test]
async fn a_move_is_copied_verified_switched_and_undone_without_moving_bytes() {
    let (app, deep) = moving(200).await;
    let files = app.dir.path().join("files");
    let content = tree(&files.join("fast/demo"));
    let inode = std::fs::metadata(files.join("fast/demo/part-0/0/object 0000"))
        .unwrap()
        .ino();
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "new/demo").await;
    let done = work.until_status(job.id, JobStatus::Completed).await;

    let stages: Vec<_> = done.events.iter().map(|e| e.status.as_str()).collect();
    assert_eq!(
        stages,
        ["queued", "copying", "verifying", "switching", "completed"]
    );
    assert_eq!(done.job.progress.objects_done, 200);
    assert_eq!(done.job.progress.bytes_done, done.job.progress.bytes_total);
    assert!(done.job.started_at.is_some() && done.job.undo_until.is_some());
    assert_eq!(done.job.actions, ["undo"]);
    assert_consistent(app.services(), job.id).await;
    assert_serves(app.services(), "demo", &content).await;
    assert_no_leftovers(&files);
    assert_eq!(tree(&files.join("deep/new/demo")), content);
    assert_eq!(tree(&files.join("fast/demo")), content, "the source is kept");
    let set = app.services().catalog.get_dataset(&demo()).await.unwrap();
    assert_eq!(set.summary.dataset.object_count, 200);
    assert_eq!(set.summary.dataset.path_uri, job.target_uri);
    let kept = &set.replicas[1];
    assert_eq!(kept.role, ReplicaRole::Retained);
    assert!(kept.retire_after.is_some() && set.replicas[0].verified_at.is_some());

    let undone = app.services().mover.undo(job.id).await.unwrap();
    assert_eq!(undone.status, JobStatus::Undone);
    assert_serves(app.services(), "demo", &content).await;
    let now = std::fs::metadata(files.join("fast/demo/part-0/0/object 0000"))
        .unwrap()
        .ino();
    assert_eq!(now, inode, "the very files that were there before");
    work.until(job.id, "cleaned", |j| {
        j.job
            .reason
            .as_deref()
            .is_some_and(|r| r.ends_with("the copy at the target is removed"))
    })
    .await;
    assert!(
        tree(&files.join("deep")).is_empty(),
        "{:?}",
        tree(&files.join("deep")).keys()
    );
    assert_consistent(app.services(), job.id).await;
    let again = app.services().mover.undo(job.id).await.unwrap_err();
    assert!(again.to_string().contains("undone"), "{again}");

    // Free again: the same move once more.
    let second = queue(&app, &deep, "new/demo").await;
    work.until_status(second.id, JobStatus::Completed).await;
    assert_serves(app.services(), "demo", &content).await;
    work.stop().await;
}

#[tokio::test]
async fn the_source_is_retired_after_the_grace_period_and_only_if_nothing_was_touched() {
    let (app, deep) = moving_with(20, &[("grace_secs", "0")]).await;
    let files = app.dir.path().join("files");
    std::fs::create_dir(files.join("fast/demo/mine")).unwrap();
    let content = {
        let mut content = tree(&files.join("fast/demo"));
        content.remove("mine/");
        content
    };
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let done = work
        .until(job.id, "retired", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.ends_with("the source is removed; what the job did not move stays there"))
        })
        .await;
    assert_eq!(done.job.status, JobStatus::Completed);
    assert!(done.job.actions.is_empty() && done.job.undo_until.is_none());
    assert_serves(app.services(), "demo", &content).await;
    assert_eq!(
        tree(&files.join("fast")).into_keys().collect::<Vec<_>>(),
        ["demo/", "demo/mine/"],
        "a directory that held no object stays"
    );
    let late = app.services().mover.undo(job.id).await.unwrap_err();
    assert!(late.to_string().contains("grace period is over"), "{late}");

    // Someone writes to the old copy behind the catalog's back while it waits: it is kept, and the job says why.
    work.stop().await;
    let app = app
        .restart_with(&[("grace_secs", "0"), ("inject", "pause-at=switched")])
        .await;
    std::fs::remove_dir(files.join("fast/demo/mine")).unwrap();
    std::fs::remove_dir(files.join("fast/demo")).unwrap();
    let mut work = AtWork::start(&app);
    let fast = app
        .services()
        .catalog
        .get_location("fast")
        .await
        .unwrap()
        .location;
    let back = queue(&app, &fast, "demo").await;
    let gate = held_at(&app, "switched").await;
    std::fs::write(files.join("deep/demo/late"), "written behind the catalog's back").unwrap();
    std::fs::remove_file(gate).unwrap();
    let kept = work
        .until(back.id, "kept", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.contains("the source is kept"))
        })
        .await;
    assert!(kept.job.reason.unwrap().contains("late"));
    assert_serves(app.services(), "demo", &content).await;
    assert_eq!(tree(&files.join("deep/demo")).len(), content.len() + 1);
    work.stop().await;
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

#[tokio::test]
async fn an_undo_never_hides_what_was_written_since_nor_serves_what_is_gone() {
    let (app, deep) = moving(10).await;
    let files = app.dir.path().join("files");
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    work.until_status(job.id, JobStatus::Completed).await;
    let object = files.join("deep/demo/part-1/1/object 0001");
    let before = std::fs::read(&object).unwrap();
    std::fs::write(files.join("deep/demo/new"), "written after the switch").unwrap();
    let hidden = app.services().mover.undo(job.id).await.unwrap_err();
    assert_eq!(hidden.code(), "undo_unsafe");
    assert!(hidden.to_string().contains("\"new\""), "{hidden}");
    std::fs::remove_file(files.join("deep/demo/new")).unwrap();
    let lost = files.join("fast/demo/part-1/1/object 0001");
    std::fs::rename(&lost, files.join("aside")).unwrap();
    let gone = app.services().mover.undo(job.id).await.unwrap_err();
    assert!(gone.to_string().contains("object 0001"), "{gone}");
    assert_eq!(std::fs::read(&object).unwrap(), before);
    work.stop().await;
}

#[tokio::test]
async fn at_most_two_jobs_run_at_once_and_health_tells() {
    let (app, deep) = moving_with(5, &[("inject", "pause-at=claimed:1,pause-at=claimed:2")]).await;
    let mut jobs = vec![queue(&app, &deep, "demo").await];
    for name in ["two", "three"] {
        let uri = app.make(&format!("fast/{name}"));
        fill(&app.dir.path().join("files/fast").join(name), 3);
        crate::moving::dataset(app.services(), name, &uri).await;
        let plan = crate::moving::plan(app.services(), name, &deep, name).await;
        jobs.push(app.services().mover.queue(plan, false).await.unwrap());
    }
    let mut work = AtWork::start(&app);
    for job in &jobs[..2] {
        work.until_status(job.id, JobStatus::Copying).await;
    }
    let gate = held_at(&app, "claimed").await;
    let health = app.services().health.report().await.unwrap();
    let detail = &health.parts["mover"].detail;
    assert!(
        detail.contains("2 of at most 2 jobs running, 1 queued"),
        "{detail}"
    );
    // Both are held by the same file, which the second may make again.
    let opener = tokio::spawn(async move {
        loop {
            drop(std::fs::remove_file(&gate));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    for job in &jobs {
        work.until_status(job.id, JobStatus::Completed).await;
    }
    opener.abort();
    work.stop().await;
}
