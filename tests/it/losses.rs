//! Stories of how data would be lost, each of a kind that has happened to someone: a disk that is away is taken for an empty one, a
//! deletion goes on after its reason is gone, the last good copy cannot be reached.

use crate::app::TestApp;
use crate::meddler::{Meddler, deps};
use crate::moving::{
    AtWork, assert_consistent, assert_no_leftovers, assert_serves, dataset, fill, held_at, location, moving,
    moving_with, plan, queue, tree,
};
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::migration::{JobDetail, JobStatus};
use data_in_motion::ports::objects::ObjectError;
use data_in_motion::services::Services;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

fn files(app: &TestApp, path: &str) -> PathBuf {
    app.dir.path().join("files").join(path)
}

/// Changes rows as only time would.
async fn sql(app: &TestApp, text: &'static str) {
    let store = app.store().await;
    let mut tx = store.write().await.unwrap();
    sqlx::query(text).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
}

/// The mover dies where it stands; the next one takes its jobs.
async fn die_and_restart(app: TestApp, work: AtWork, settings: &[(&'static str, &str)]) -> TestApp {
    work.die().await;
    sql(&app, "UPDATE jobs SET lease_until = 0").await;
    for left in fs::read_dir(app.dir.path().join("data")).unwrap() {
        let path = left.unwrap().path();
        if path.to_string_lossy().contains("paused-at-") {
            fs::remove_file(path).unwrap();
        }
    }
    app.restart_with(settings).await
}

/// What an unmounted disk leaves: its mount point, empty or with what was written there by mistake.
#[tokio::test]
async fn a_source_that_is_away_is_not_moved_as_an_empty_dataset() {
    for (point, stray) in [
        ("claimed", false),
        ("claimed", true),
        ("copy-finished", false),
        ("copy-finished", true),
        ("verify-finished", true),
        ("switch-begun", false),
    ] {
        let inject = format!("pause-at={point}");
        let (app, deep) = moving_with(30, &[("inject", &inject)]).await;
        let content = tree(&files(&app, "fast/demo"));
        let mut work = AtWork::start(&app);
        let job = queue(&app, &deep, "demo").await;
        let gate = held_at(&app, point).await;
        fs::rename(files(&app, "fast/demo"), files(&app, "unmounted")).unwrap();
        fs::create_dir(files(&app, "fast/demo")).unwrap();
        if stray {
            fs::write(files(&app, "fast/demo/stray"), "written while the disk was away").unwrap();
        }
        fs::remove_file(gate).unwrap();
        let ended = work.until(job.id, "ended", |j| j.job.status.is_end()).await.job;
        let seen_late = point == "verify-finished" || point == "switch-begun";
        if seen_late && ended.status == JobStatus::Completed {
            // The last look at the source was before: what was verified is whole and serves.
            assert!(tree(&files(&app, "deep/demo")) == content, "{point}");
        } else {
            assert_eq!(
                (ended.status, ended.error_code.as_deref()),
                (JobStatus::Failed, Some("source_shrunk")),
                "{point} {stray}: {:?}",
                ended.reason
            );
            assert!(ended.reason.unwrap().contains("is the disk mounted?"));
            assert!(!files(&app, "deep/demo").exists());
            // Mounted again, the same job goes on.
            fs::remove_dir_all(files(&app, "fast/demo")).unwrap();
            fs::rename(files(&app, "unmounted"), files(&app, "fast/demo")).unwrap();
            app.services().mover.retry(job.id).await.unwrap();
            work.until_status(job.id, JobStatus::Completed).await;
        }
        assert_serves(app.services(), "demo", &content).await;
        work.stop().await;
    }
}

/// The mount point of a target that is not mounted is a directory like any other, on the disk of the system.
#[tokio::test]
async fn nothing_is_copied_to_where_the_target_is_not_mounted() {
    for point in ["claimed", "source-changed"] {
        // A changed object leads back to copying, so that the second look at the target is reached as well.
        let inject = format!("pause-at={point},pause-at=copy-finished");
        let (app, deep) = moving_with(10, &[("inject", &inject)]).await;
        let mut work = AtWork::start(&app);
        let job = queue(&app, &deep, "new/demo").await;
        if point == "source-changed" {
            let gate = held_at(&app, "copy-finished").await;
            fs::write(files(&app, "fast/demo/part-1/1/object 0001"), "changed").unwrap();
            fs::remove_file(gate).unwrap();
        }
        let gate = held_at(&app, point).await;
        fs::rename(files(&app, "deep"), files(&app, "unmounted")).unwrap();
        fs::create_dir(files(&app, "deep")).unwrap();
        fs::remove_file(gate).unwrap();
        let failed = work.until(job.id, "ended", |j| j.job.status.is_end()).await.job;
        assert_eq!(
            (failed.status, failed.error_code.as_deref()),
            (JobStatus::Failed, Some("target_replaced")),
            "{point}: {:?}",
            failed.reason
        );
        assert!(tree(&files(&app, "deep")).is_empty(), "nothing is written there");
        fs::remove_dir(files(&app, "deep")).unwrap();
        fs::rename(files(&app, "unmounted"), files(&app, "deep")).unwrap();
        work.stop().await;
        let app = app.restart_with(&[]).await;
        let content = tree(&files(&app, "fast/demo"));
        let mut work = AtWork::start(&app);
        app.services().mover.retry(job.id).await.unwrap();
        work.until_status(job.id, JobStatus::Completed).await;
        assert_serves(app.services(), "demo", &content).await;
        assert_no_leftovers(&files(&app, ""));
        work.stop().await;
    }
}

/// The new disk dies in the grace period: that is what the old copy is kept for.
#[tokio::test]
async fn an_undo_works_when_the_target_is_gone() {
    for whole_location in [true, false] {
        let (app, deep) = moving(20).await;
        let content = tree(&files(&app, "fast/demo"));
        let mut work = AtWork::start(&app);
        let job = queue(&app, &deep, "demo").await;
        work.until_status(job.id, JobStatus::Completed).await;
        let lost = if whole_location { "deep" } else { "deep/demo" };
        fs::rename(files(&app, lost), files(&app, "lost")).unwrap();
        let undone = app.services().mover.undo(job.id).await.unwrap();
        assert_eq!(undone.status, JobStatus::Undone);
        assert_serves(app.services(), "demo", &content).await;
        work.stop().await;
        // The disk comes back: what the job brought there is removed, and nothing else.
        fs::rename(files(&app, "lost"), files(&app, lost)).unwrap();
        fs::create_dir_all(files(&app, "deep/demo")).unwrap();
        fs::write(files(&app, "deep/demo/written later"), "kept").unwrap();
        let app = app.restart().await;
        let mut work = AtWork::start(&app);
        work.until(job.id, "cleaned", |j| {
            let reason = j.job.reason.clone().unwrap_or_default();
            reason.contains("the copy at the target is removed")
        })
        .await;
        if whole_location {
            let left: Vec<_> = tree(&files(&app, "deep")).into_keys().collect();
            assert_eq!(left, ["demo/", "demo/written later"]);
        }
        assert_serves(app.services(), "demo", &content).await;
        work.stop().await;
    }
}

/// The job's reason once it says one of two things.
async fn says(work: &mut AtWork, job: JobId, one: &str, other: &str) -> String {
    let said = |j: &JobDetail| j.job.reason.clone().unwrap_or_default();
    let detail = work
        .until(job, "told", |j| said(j).contains(one) || said(j).contains(other))
        .await;
    said(&detail)
}

const REMOVED: &str = "the source is removed";

/// The deletion of the source was begun for a good reason; after a crash the reason is looked at again.
#[tokio::test]
async fn a_deletion_that_was_cut_short_goes_on_only_while_the_copy_is_there() {
    let (app, deep) = moving_with(40, &[("grace_secs", "0"), ("inject", "pause-at=retire-begun")]).await;
    let content = tree(&files(&app, "fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    work.until_status(job.id, JobStatus::Completed).await;
    held_at(&app, "retire-begun").await;
    let app = Box::pin(die_and_restart(app, work, &[("grace_secs", "0")])).await;
    fs::rename(files(&app, "deep/demo"), files(&app, "lost")).unwrap();
    fs::create_dir(files(&app, "deep/demo")).unwrap();

    let mut work = AtWork::start(&app);
    let reason = says(&mut work, job.id, REMOVED, "the source is kept for now").await;
    assert!(
        tree(&files(&app, "fast/demo")) == content,
        "the only whole copy stays: {reason}"
    );
    assert!(reason.contains("is the disk mounted?"), "{reason}");
    work.stop().await;

    // It is back, but for some objects, and one of them is not what it was: theirs stay at the source.
    fs::remove_dir(files(&app, "deep/demo")).unwrap();
    fs::rename(files(&app, "lost"), files(&app, "deep/demo")).unwrap();
    fs::remove_dir_all(files(&app, "deep/demo/part-1")).unwrap();
    fs::write(files(&app, "deep/demo/part-2/2/object 0002"), "rotten").unwrap();
    let app = app.restart().await;
    let mut work = AtWork::start(&app);
    let reason = says(&mut work, job.id, REMOVED, REMOVED).await;
    assert!(reason.contains("part-1/"), "{reason}");
    let stays: Vec<_> = tree(&files(&app, "fast/demo")).into_iter().collect();
    let expected: Vec<_> = content
        .into_iter()
        .filter(|(key, _)| {
            key.starts_with("part-1/")
                || ["part-2/", "part-2/2/", "part-2/2/object 0002"].contains(&key.as_str())
        })
        .collect();
    assert!(
        stays == expected,
        "{:?}",
        stays.iter().map(|(k, _)| k).collect::<Vec<_>>()
    );
    assert_consistent(app.services(), job.id).await;
    work.stop().await;
}

/// An undone move's copy goes because the source serves again. When the source is away, it is the only one left.
#[tokio::test]
async fn an_undone_copy_is_not_removed_while_the_source_is_away() {
    let (app, deep) = moving(25).await;
    let content = tree(&files(&app, "fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    work.until_status(job.id, JobStatus::Completed).await;
    work.stop().await;
    app.services().mover.undo(job.id).await.unwrap();
    fs::rename(files(&app, "fast/demo"), files(&app, "lost")).unwrap();
    let mut work = AtWork::start(&app);
    let removed = "the copy at the target is removed";
    let reason = says(&mut work, job.id, removed, "is kept for now").await;
    assert!(tree(&files(&app, "deep/demo")) == content, "{reason}");
    work.stop().await;
    fs::rename(files(&app, "lost"), files(&app, "fast/demo")).unwrap();
    // Readers and writers are at the source again, and go on.
    fs::write(files(&app, "fast/demo/part-1/1/object 0001"), "written since").unwrap();
    fs::remove_file(files(&app, "fast/demo/part-2/2/object 0002")).unwrap();
    let app = app.restart().await;
    let mut work = AtWork::start(&app);
    says(&mut work, job.id, removed, removed).await;
    assert!(tree(&files(&app, "deep")).is_empty());
    work.stop().await;
}

/// An old source is found fit to be deleted because a later copy is whole; before it goes, readers are sent to another one.
#[tokio::test]
async fn a_source_is_not_deleted_for_the_sake_of_a_copy_that_serves_no_more() {
    let (app, middle) = moving(15).await;
    let content = tree(&files(&app, "fast/demo"));
    let last = location(app.services(), "last", &app.make("last")).await;
    let mut work = AtWork::start(&app);
    let first = queue(&app, &middle, "demo").await;
    work.until_status(first.id, JobStatus::Completed).await;
    let second = queue(&app, &last, "demo").await;
    work.until_status(second.id, JobStatus::Completed).await;
    work.stop().await;
    sql(
        &app,
        "UPDATE replicas SET retire_after = 0 WHERE role = 'retained' AND id = 1",
    )
    .await;
    let app = app.restart_with(&[("inject", "pause-at=retire-checked")]).await;
    let mut work = AtWork::start(&app);
    let gate = held_at(&app, "retire-checked").await;
    app.services().mover.undo(second.id).await.unwrap();
    // The copy that serves again rots without a trace before anybody looks at it.
    let object = files(&app, "deep/demo/part-1/1/object 0001");
    let time = fs::metadata(&object).unwrap().modified().unwrap();
    let mut bytes = fs::read(&object).unwrap();
    bytes[3] ^= 1;
    fs::write(&object, bytes).unwrap();
    fs::File::open(&object).unwrap().set_modified(time).unwrap();
    fs::remove_file(gate).unwrap();
    let kept = work
        .until(first.id, "looked at again", |j| {
            let reason = j.job.reason.clone().unwrap_or_default();
            reason.ends_with("the source is removed") || reason.contains("the source is kept")
        })
        .await;
    assert!(
        tree(&files(&app, "fast/demo")) == content,
        "the last good copy: {:?}",
        kept.job.reason
    );
    assert!(kept.job.reason.unwrap().contains("object 0001"));
    work.stop().await;
}

/// Killed between making directories and remembering them.
#[tokio::test]
async fn directories_of_a_job_that_died_making_them_are_found_again() {
    for paused_first in [false, true] {
        let (app, deep) = moving_with(5, &[("inject", "pause-at=staging-made")]).await;
        let work = AtWork::start(&app);
        let job = queue(&app, &deep, "new/er/demo").await;
        held_at(&app, "staging-made").await;
        let app = Box::pin(die_and_restart(app, work, &[])).await;
        let mut work = if paused_first {
            app.services().mover.pause(job.id).await.unwrap();
            let mut work = AtWork::start(&app);
            work.until_status(job.id, JobStatus::Paused).await;
            app.services().mover.cancel(job.id).await.unwrap();
            work
        } else {
            app.services().mover.cancel(job.id).await.unwrap();
            AtWork::start(&app)
        };
        work.until_status(job.id, JobStatus::Cancelled).await;
        work.until(job.id, "cleaned", |_| tree(&files(&app, "deep")).is_empty())
            .await;
        assert_no_leftovers(&files(&app, ""));
        work.stop().await;
    }
}

/// A fault ends a pass while other objects are under way: their threads must have ended before the job is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_any_more_once_a_job_is_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let under_way = Arc::new(AtomicI64::new(0));
    let count = under_way.clone();
    let meddler = Meddler::new(move |moment| {
        let count = count.clone();
        async move {
            // All but the first objects are slow; the first group cannot be made durable.
            if moment.is_before("copy") && !moment.key.ends_with("0000") {
                let slow = tokio::task::spawn_blocking(move || {
                    count.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(1500));
                    count.fetch_sub(1, Ordering::SeqCst);
                });
                slow.await.unwrap();
            }
            if moment.is_before("sync") {
                return Err(ObjectError::Io("the disk does not answer".into()));
            }
            Ok(())
        }
    });
    let services = Services::new(&deps(dir.path(), meddler).await);
    let root = dir.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("fast/demo")).unwrap();
    fs::create_dir(root.join("deep")).unwrap();
    fill(&root.join("fast/demo"), 8);
    let uri = |path: &str| format!("file://{}/{path}", root.display());
    location(&services, "fast", &uri("fast")).await;
    let deep = location(&services, "deep", &uri("deep")).await;
    dataset(&services, "demo", &uri("fast/demo")).await;
    let plan = plan(&services, "demo", &deep, "demo").await;
    let job = services.mover.queue(plan, false).await.unwrap();
    let mut work = AtWork::over(&services);
    let failed = work
        .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    assert_eq!(under_way.load(Ordering::SeqCst), 0, "{:?}", failed.job.reason);
    assert!(failed.job.reason.unwrap().contains("does not answer"));
    work.stop().await;
}
