//! Stories of moves on local disks: copied, verified, switched, kept, undone, retired.

use crate::moving::{
    AtWork, assert_consistent, assert_no_leftovers, assert_serves, fill, held_at, moving, moving_with, queue,
    tree,
};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::replica::ReplicaRole;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

fn demo() -> DatasetKey {
    DatasetKey::Name("demo".into())
}

#[tokio::test]
async fn names_of_any_letters_go_through_the_manifest_as_they_are() {
    let (app, deep) = moving(1).await;
    let files = app.dir.path().join("files");
    let mut names: Vec<String> = [
        r#"a "quoted" name"#,
        r"back\slash \u0041",
        "tab\tand\nline",
        "one \u{1} below space",
        "üñ 𝄞 ﷽",
        r#"{"x":[1,null]}"#,
        "null",
        "it's -- ; $1 ?",
        "~last",
    ]
    .map(str::to_owned)
    .into();
    // More than a page of them.
    names.extend((0..700).map(|n| format!("n{n:03}")));
    for name in &names {
        std::fs::write(files.join("fast/demo").join(name), name.as_bytes()).unwrap();
    }
    let content = tree(&files.join("fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "new/demo").await;
    work.until_status(job.id, JobStatus::Completed).await;
    work.stop().await;
    assert_eq!(tree(&files.join("deep/new/demo")), content);
    let (mut after, mut told) = (String::new(), Vec::new());
    loop {
        let page = app
            .services()
            .mover
            .receipt_objects(job.id, &after)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after.clone_from(&last.key);
        told.extend(page.into_iter().map(|object| object.key));
    }
    let keys: Vec<_> = content
        .keys()
        .filter(|key| !key.ends_with('/'))
        .cloned()
        .collect();
    assert_eq!(told, keys, "each once, in the order of their bytes");
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
async fn the_source_is_kept_when_the_copy_has_rotted() {
    let settings = [("grace_secs", "0"), ("inject", "pause-at=switched")];
    let (app, deep) = moving_with(20, &settings).await;
    let files = app.dir.path().join("files");
    let content = tree(&files.join("fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let gate = held_at(&app, "switched").await;
    let rotten = files.join("deep/demo/part-1/1/object 0001");
    let written = std::fs::metadata(&rotten).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&rotten).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&rotten, bytes).unwrap();
    // Same size and same time: only reading it back tells.
    let file = std::fs::File::options().write(true).open(&rotten).unwrap();
    file.set_modified(written).unwrap();
    std::fs::remove_file(gate).unwrap();
    let kept = work
        .until(job.id, "kept", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.contains("the source is kept"))
        })
        .await;
    assert!(kept.job.reason.unwrap().contains("object 0001"));
    assert!(tree(&files.join("fast/demo")) == content);
    work.stop().await;
}

#[tokio::test]
async fn undos_unwind_in_order() {
    let (app, deep) = moving(12).await;
    let files = app.dir.path().join("files");
    let content = tree(&files.join("fast/demo"));
    let mut work = AtWork::start(&app);
    let first = queue(&app, &deep, "one").await;
    work.until_status(first.id, JobStatus::Completed).await;
    let second = queue(&app, &deep, "two").await;
    work.until_status(second.id, JobStatus::Completed).await;
    let buried = app.services().mover.get_job(first.id).await.unwrap();
    assert!(buried.job.actions.is_empty(), "{:?}", buried.job.actions);
    let refused = app.services().mover.undo(first.id).await.unwrap_err();
    assert!(refused.to_string().contains("undo the later move"), "{refused}");

    app.services().mover.undo(second.id).await.unwrap();
    assert_serves(app.services(), "demo", &content).await;
    app.services().mover.undo(first.id).await.unwrap();
    assert_serves(app.services(), "demo", &content).await;
    for id in [first.id, second.id] {
        work.until(id, "cleaned", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.ends_with("the copy at the target is removed"))
        })
        .await;
        assert_consistent(app.services(), id).await;
    }
    assert!(tree(&files.join("deep")).is_empty());
    assert!(tree(&files.join("fast/demo")) == content);
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
    // A job is committed as taken a moment before the mover counts it.
    let mut detail = String::new();
    for _ in 0..2000 {
        detail = app.services().health.report().await.unwrap().parts["mover"]
            .detail
            .clone();
        if detail.contains("2 of at most 2 jobs running, 1 queued") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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
