//! Every pair of stores, both ways, through every way a move can go: one table of pairs, one function a story.

use super::world::*;
use crate::cli::dim;
use crate::moving::{AtWork, assert_consistent};
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::migration::options::{MoveOptions, VerifyLevel};
use data_in_motion::domain::migration::receipt::SignedReceipt;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_copies_and_retires_its_source() {
    let world = World::new(0).await;
    let mut work = AtWork::over(&world.services);
    for pair in world.pairs() {
        let job = pair.queue().await;
        work.until(job.id, "retired", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.ends_with("the source is removed"))
        })
        .await;
        pair.target_serves().await;
        let left = pair.from.tree(&pair.source_path()).await;
        assert!(left.is_empty(), "{}: {:?}", pair.name(), left.keys());
        assert_consistent(&world.services, job.id).await;
        pair.receipt_holds_until_rot(job.id).await;
    }
    work.stop().await;
}

/// Buckets have checksums of their own to compare; a directory has none, and the plan says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_is_checked_by_checksums_or_refused() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    for pair in world.pairs() {
        let name = pair.name();
        let plan = pair
            .plan(MoveOptions {
                verify: VerifyLevel::Checksum,
                ..MoveOptions::default()
            })
            .await;
        if matches!(pair.to, Kind::Disk(_)) {
            let check = plan.checks.iter().find(|c| c.name == "verify").unwrap();
            assert!(
                !plan.applicable && check.detail.contains("keeps no checksums"),
                "{check:?}"
            );
            continue;
        }
        assert!(plan.applicable, "{name}: {:#?}", plan.checks);
        // A read-back would find this, and so must the store's own checksum.
        world.gate.at(false, "verify", 1);
        let job = world.services.mover.queue(plan, false).await.unwrap();
        world.gate.held().await;
        pair.to.rot(&pair.target_path(), "deep/c d").await;
        world.gate.open();
        let failed = work
            .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
            .await;
        let reason = failed.job.reason.unwrap();
        assert!(reason.contains("deep/c d"), "{name}: {reason}");
        pair.source_serves().await;
        world.services.mover.retry(job.id).await.unwrap();
        let done = work.until_status(job.id, JobStatus::Completed).await;
        pair.target_serves().await;
        assert_eq!(done.verification.as_deref(), Some(VerifyLevel::Checksum.proves()));
        assert_consistent(&world.services, job.id).await;
    }
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_goes_on_after_its_mover_died() {
    let world = World::new(3600).await;
    for pair in world.pairs() {
        let job = pair.queue().await;
        world.gate.at(true, "copy", 3);
        let work = AtWork::over(&world.services);
        world.gate.held().await;
        work.die().await;
        world.lease_runs_out();
        pair.source_serves().await;
        let mut work = AtWork::over(&world.services);
        work.until_status(job.id, JobStatus::Completed).await;
        pair.target_serves().await;
        pair.source_serves_still().await;
        assert_consistent(&world.services, job.id).await;
        work.stop().await;
    }
}

impl Pair<'_> {
    /// The receipt is checked against the store, without the server: it holds, and names what rots later.
    async fn receipt_holds_until_rot(&self, job: JobId) {
        let mover = &self.world.services.mover;
        let (receipt, seal) = mover.get_receipt(job).await.unwrap();
        let objects = mover.receipt_objects(job, "").await.unwrap();
        let signed = SignedReceipt {
            receipt,
            seal,
            objects,
        };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("receipt.json");
        std::fs::write(&file, serde_json::to_string(&signed).unwrap()).unwrap();
        let mut args = vec!["verify".to_owned(), file.display().to_string()];
        if let Kind::Bucket(bucket) = self.to {
            let access = &bucket.access;
            args.extend([
                "--endpoint".into(),
                access.endpoint.as_ref().unwrap().as_str().into(),
            ]);
            let reference = access.credential_ref.as_ref().unwrap();
            args.extend(["--credentials".into(), reference.as_str().into()]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let nobody = "http://127.0.0.1:1";
        let good = dim(nobody, &args).await;
        assert_eq!(good.code, 0, "{}: {}{}", self.name(), good.out, good.err);
        assert!(good.out.contains("5 objects are as signed"), "{}", good.out);

        let mut rotten = content()["a"].clone();
        rotten[4_999] ^= 128;
        self.to.put(&format!("{}/a", self.target_path()), &rotten).await;
        let bad = dim(nobody, &args).await;
        assert_eq!(bad.code, 1, "{}: {}", self.name(), bad.out);
        assert!(bad.out.contains("differs: \"a\""), "{}", bad.out);
        assert!(bad.out.contains("4 objects are as signed"), "{}", bad.out);
    }

    /// The retained source is whole, though the catalog points elsewhere.
    async fn source_serves_still(&self) {
        assert!(
            self.from.tree(&self.source_path()).await == content(),
            "{}",
            self.name()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_is_cancelled_without_a_trace() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    for pair in world.pairs() {
        world.gate.at(true, "copy", 3);
        let job = pair.queue().await;
        world.gate.held().await;
        world.services.mover.cancel(job.id).await.unwrap();
        world.gate.open();
        let ended = work.until_status(job.id, JobStatus::Cancelled).await;
        let reason = ended.job.reason.unwrap();
        assert!(
            reason.contains("nothing is left at the target"),
            "{}: {reason}",
            pair.name()
        );
        pair.source_serves().await;
        pair.nothing_at_target().await;
    }
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_pauses_and_goes_on() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    for pair in world.pairs() {
        world.gate.at(true, "copy", 3);
        let job = pair.queue().await;
        world.gate.held().await;
        world.services.mover.pause(job.id).await.unwrap();
        world.gate.open();
        work.until_status(job.id, JobStatus::Paused).await;
        pair.source_serves().await;
        world.services.mover.resume(job.id).await.unwrap();
        work.until_status(job.id, JobStatus::Completed).await;
        pair.target_serves().await;
        assert_consistent(&world.services, job.id).await;
    }
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_finds_a_rotten_copy_and_mends_it_on_retry() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    for pair in world.pairs() {
        world.gate.at(false, "verify", 1);
        let job = pair.queue().await;
        world.gate.held().await;
        pair.to.rot(&pair.target_path(), "deep/c d").await;
        world.gate.open();
        let failed = work
            .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
            .await;
        let reason = failed.job.reason.unwrap();
        assert!(reason.contains("deep/c d"), "{}: {reason}", pair.name());
        pair.source_serves().await;
        world.services.mover.retry(job.id).await.unwrap();
        work.until(job.id, "completed", |j| j.job.status == JobStatus::Completed)
            .await;
        pair.target_serves().await;
        assert_consistent(&world.services, job.id).await;
    }
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_is_undone() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    for pair in world.pairs() {
        let job = pair.queue().await;
        work.until_status(job.id, JobStatus::Completed).await;
        pair.target_serves().await;
        world.services.mover.undo(job.id).await.unwrap();
        pair.source_serves().await;
        work.until(job.id, "cleaned", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.ends_with("the copy at the target is removed"))
        })
        .await;
        pair.nothing_at_target().await;
        assert_consistent(&world.services, job.id).await;
    }
    work.stop().await;
}

/// Within one store nothing passes through here under the weaker checks; the receipt claims no hash, and the source goes only after
/// both sides were read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_copied_unread_is_read_before_the_source_goes() {
    let world = World::new(0).await;
    let mut work = AtWork::over(&world.services);
    let inside = |pair: &Pair<'_>| pair.from.name() == pair.to.name() && pair.from.name() != "file";
    for pair in world.pairs().filter(inside) {
        let name = pair.name();
        let options = MoveOptions {
            verify: VerifyLevel::Size,
            ..MoveOptions::default()
        };
        let plan = pair.plan(options).await;
        let check = plan.checks.iter().find(|c| c.name == "copies_inside").unwrap();
        assert!(
            check.ok && check.detail.contains("no content is read"),
            "{check:?}"
        );
        assert!(plan.cost_lines.iter().all(|line| line.kind != "egress"), "{name}");
        let Kind::Bucket(bucket) = pair.from else {
            unreachable!()
        };
        let sent = bucket.seen.bytes();
        let job = world.services.mover.queue(plan, false).await.unwrap();
        work.until(job.id, "retired", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.ends_with("the source is removed"))
        })
        .await;
        assert_eq!(bucket.seen.bytes(), sent, "{name}: nothing is sent");
        pair.target_serves().await;
        let mover = &world.services.mover;
        let objects = mover.receipt_objects(job.id, "").await.unwrap();
        assert!(objects.iter().all(|o| o.blake3.is_empty()), "{name}: {objects:?}");
        let (receipt, seal) = mover.get_receipt(job.id).await.unwrap();
        let signed = SignedReceipt {
            receipt,
            seal,
            objects,
        };
        data_in_motion::services::receipt::check_seal(&signed, None).unwrap();
    }
    work.stop().await;
}

/// A request of a dead mover is carried out when everything was removed already. What others put beside it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_late_is_found_and_removed() {
    let world = World::new(3600).await;
    for pair in world.pairs().filter(|pair| pair.from.name() == "file") {
        let name = pair.name();
        world.gate.at(true, "copy", 3);
        let work = AtWork::over(&world.services);
        let job = pair.queue().await;
        world.gate.held().await;
        let late = pair.to.staged(&pair.target_path()).await;
        work.die().await;
        world.lease_runs_out();
        let mut work = AtWork::over(&world.services);
        if matches!(pair.to, Kind::Disk(_)) {
            work.until_status(job.id, JobStatus::Completed).await;
        } else {
            world.services.mover.cancel(job.id).await.unwrap();
            // What the dead mover had asked a server for may still come; that is what the rounds are about.
            work.until_status(job.id, JobStatus::Cancelled).await;
        }
        for round in 0..2 {
            pair.to.write_late(&late).await;
            let strange = format!("{}/strange-{round}", pair.target_path());
            if matches!(pair.to, Kind::Bucket(_)) {
                pair.to.put(&strange, b"of somebody else").await;
            }
            world.later([660, 86_400][round]);
            let (up, name_of_it) = late.0.rsplit_once('/').unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while pair.to.tree(up).await.contains_key(name_of_it) {
                assert!(Instant::now() < deadline, "{name}: it stays in round {round}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        work.stop().await;
        if matches!(pair.to, Kind::Disk(_)) {
            pair.target_serves().await;
        } else {
            let left = pair.to.tree(&pair.target_path()).await;
            assert_eq!(
                left.keys().collect::<Vec<_>>(),
                ["strange-0", "strange-1"],
                "{name}"
            );
        }
    }
}
