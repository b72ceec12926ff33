//! Every step that the mover asks of a store, failed once before it has an effect and once after, so that it is done twice: the job
//! ends well all the same.
//!
//! The list is compared with the port itself, so that a new step cannot be forgotten. The gaps between the steps are in `crash.rs`,
//! which kills the program at every named point.

use crate::meddler::{Meddler, Moment, deps};
use crate::moving::{AtWork, assert_no_leftovers, assert_serves, dataset, fill, location, plan, tree};
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::migration::{JobDetail, JobStatus};
use data_in_motion::ports::objects::ObjectError;
use data_in_motion::services::mover::Mover;
use data_in_motion::services::{Options, Services};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// Every step, and whether the first one of that name is met after a job was queued.
const STEPS: [(&str, bool); 13] = [
    ("walk", true),
    // Only plans look at it, and copies that take long.
    ("space", false),
    ("survey", true),
    ("missing_parents", true),
    ("prepare", true),
    ("abandon_uploads", true),
    ("copy", true),
    ("sync", true),
    ("verify", true),
    ("identity", true),
    ("rename", true),
    ("discard", true),
    ("remove", true),
];

#[test]
fn no_step_is_forgotten() {
    let port = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ports/objects.rs");
    let text = std::fs::read_to_string(port).unwrap();
    let (_, contract) = text.split_once("pub trait Objects").unwrap();
    let found: BTreeSet<&str> = contract
        .split("async fn ")
        .skip(1)
        .map(|rest| rest.split('(').next().unwrap())
        // A walk, for callers that want all of it; looks that only plans take; and the hash of an object that its store copied by
        // itself, or another class of it, which no move between disks asks for (`stores::inside` and `stores::reclass` have those that
        // do). Several in one call go through the steps for one here, and are a killed mover's way in `crash`.
        .filter(|name| {
            ![
                "list",
                "inspect",
                "hash",
                "key_id",
                "copy_several",
                "verify_several",
                "reclass",
            ]
            .contains(name)
        })
        .collect();
    let listed: BTreeSet<&str> = STEPS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed, "add the new step to STEPS");
}

/// A step that fails once, when it is armed.
#[derive(Default)]
struct Trap {
    armed: AtomicBool,
    fired: AtomicBool,
    /// A job that is cancelled when its first object is read back.
    cancel: OnceLock<(Mover, JobId)>,
    cancelled: AtomicBool,
}

impl Trap {
    fn meddler(self: &Arc<Self>, step: &'static str, after: bool) -> Arc<Meddler> {
        let trap = self.clone();
        Meddler::new(move |moment: Moment| {
            let trap = trap.clone();
            async move {
                if moment.is_before("verify")
                    && let Some((mover, job)) = trap.cancel.get()
                    && !trap.cancelled.swap(true, Ordering::SeqCst)
                {
                    mover.cancel(*job).await.unwrap();
                }
                let met = moment.name == step && moment.after == after && trap.armed.load(Ordering::SeqCst);
                if met && !trap.fired.swap(true, Ordering::SeqCst) {
                    return Err(ObjectError::Io(format!("{step} failed once (after: {after})")));
                }
                Ok(())
            }
        })
    }

    fn has_fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }
}

async fn scene(dir: &Path, trap: &Arc<Trap>, step: &'static str, after: bool) -> Services {
    let mut parts = deps(dir, trap.meddler(step, after)).await;
    parts.options = Arc::new(Options {
        grace_secs: 0,
        ..(*parts.options).clone()
    });
    Services::new(&parts)
}

fn said(job: &JobDetail, what: &str) -> bool {
    job.job.reason.as_deref().is_some_and(|r| r.contains(what))
}

async fn fails_once(step: &'static str, met_by_job: bool, after: bool) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let trap = Arc::new(Trap::default());
    let services = scene(&root, &trap, step, after).await;
    let files = root.join("files");
    std::fs::create_dir_all(files.join("fast/demo")).unwrap();
    std::fs::create_dir(files.join("deep")).unwrap();
    fill(&files.join("fast/demo"), 12);
    let content = tree(&files.join("fast/demo"));
    let uri = |path: &str| format!("file://{}/{path}", files.display());
    location(&services, "fast", &uri("fast")).await;
    let deep = location(&services, "deep", &uri("deep")).await;
    dataset(&services, "demo", &uri("fast/demo")).await;
    trap.armed.store(!met_by_job, Ordering::SeqCst);
    let planned = plan(&services, "demo", &deep, "demo").await;
    let job = services.mover.queue(planned, false).await.unwrap();
    trap.armed.store(true, Ordering::SeqCst);

    let mut work = AtWork::over(&services);
    let tries = AtomicU32::new(0);
    loop {
        let ended = work
            .until(job.id, "ended", |j| {
                matches!(j.job.status, JobStatus::Completed | JobStatus::Failed)
            })
            .await;
        assert_serves(&services, "demo", &content).await;
        if ended.job.status == JobStatus::Completed {
            break;
        }
        assert!(
            tries.fetch_add(1, Ordering::SeqCst) < 3,
            "{step} {after}: {:?}",
            ended.job.reason
        );
        services.mover.retry(job.id).await.unwrap();
    }
    // The retirement is part of it. A chore that failed rests for a while; a fresh mover does not know of that.
    let settled = |j: &JobDetail| said(j, "the source is removed") || said(j, "the source is kept");
    work.until(job.id, "retired or failed at it", |j| {
        settled(j) || (trap.has_fired() && j.job.owner.is_none())
    })
    .await;
    work.stop().await;
    let mut work = AtWork::over(&services);
    let done = work.until(job.id, "retired", settled).await;
    work.stop().await;
    assert!(trap.has_fired(), "{step} is not asked for");
    assert_serves(&services, "demo", &content).await;
    assert_no_leftovers(&files);
    if said(&done, "the source is removed") {
        assert!(!files.join("fast/demo").exists(), "{step} {after}");
    } else {
        assert!(tree(&files.join("fast/demo")) == content, "{step} {after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_fail_once_before_it_has_an_effect() {
    for (step, met_by_job) in STEPS {
        Box::pin(fails_once(step, met_by_job, false)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_be_done_twice_because_its_answer_was_lost() {
    for (step, met_by_job) in STEPS {
        Box::pin(fails_once(step, met_by_job, true)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_leaves_nothing_though_a_step_of_it_fails_once() {
    for after in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let trap = Arc::new(Trap::default());
        let services = scene(&root, &trap, "discard", after).await;
        let files = root.join("files");
        std::fs::create_dir_all(files.join("fast/demo")).unwrap();
        std::fs::create_dir(files.join("deep")).unwrap();
        fill(&files.join("fast/demo"), 12);
        let content = tree(&files.join("fast/demo"));
        let uri = |path: &str| format!("file://{}/{path}", files.display());
        location(&services, "fast", &uri("fast")).await;
        let deep = location(&services, "deep", &uri("deep")).await;
        dataset(&services, "demo", &uri("fast/demo")).await;
        let planned = plan(&services, "demo", &deep, "new/demo").await;
        let job = services.mover.queue(planned, false).await.unwrap();
        trap.armed.store(true, Ordering::SeqCst);
        assert!(trap.cancel.set((services.mover.clone(), job.id)).is_ok());
        let mut work = AtWork::over(&services);
        work.until(job.id, "cancelled", |j| j.job.status == JobStatus::Cancelled)
            .await;
        work.stop().await;
        assert!(trap.has_fired());
        let mut work = AtWork::over(&services);
        work.until(job.id, "clean", |_| tree(&files.join("deep")).is_empty())
            .await;
        assert_serves(&services, "demo", &content).await;
        assert_no_leftovers(&files);
        work.stop().await;
    }
}
