//! Kills the real program, at every named point and at random moments of moves, and starts it again.
//!
//! After each restart the job ends, every byte is right, nothing is lost, doubled or left over, and the dataset was readable at
//! every moment in between. `DIM_CRASH_ROUNDS=50` makes the random part as long as that; the kills are counted and told.

use crate::crashing::{Scene, Server};
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::services::mover::Point;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Scenes at once: they mostly wait for disks and for the death of a process.
const AT_ONCE: usize = 4;
/// Slow enough that copying and verifying take about a second each.
const SLOW: &str = "slow-copy=1200000";

/// What has to happen so that a point is passed.
async fn die_at(scene: &mut Scene, point: Point) {
    let kill = format!("kill-at={}", point.as_str());
    match point {
        Point::SourceChanged => {
            let mut server = scene.start(&["pause-at=copy-finished", &kill]);
            let gate = server.held_at("copy-finished").await;
            scene.add_late_object();
            std::fs::remove_file(gate).unwrap();
            server.dies().await;
        }
        Point::RenamedBack => {
            scene.start(&["kill-at=renamed"]).dies().await;
            scene.add_late_object();
            scene.start(&[&kill]).dies().await;
        }
        Point::CancelCleaned => {
            let mut server = scene.start(&["slow-copy=100000", &kill]);
            scene
                .until("moving bytes", |j| j.job.progress.bytes_done.0 > 0)
                .await;
            scene.services().mover.cancel(scene.job).await.unwrap();
            server.dies().await;
        }
        Point::Undone => {
            let mut server = scene.start(&[]);
            scene.until_status(JobStatus::Completed).await;
            server.kill().await;
            scene.services().mover.undo(scene.job).await.unwrap();
            scene.start(&[&kill]).dies().await;
        }
        // Where bytes or groups are on their way, several of them should be done and several not.
        Point::Copying
        | Point::ObjectCopied
        | Point::GroupSynced
        | Point::GroupRecorded
        | Point::Verifying
        | Point::ObjectVerified => scene.start(&[SLOW, &kill]).dies().await,
        _ => scene.start(&[&kill]).dies().await,
    }
}

/// Starts the program once more, without faults, and holds what it leaves to every rule.
async fn ends_well(scene: &mut Scene, point: Option<Point>) {
    let mut server = scene.start(&[]);
    match point {
        Some(Point::CancelCleaned) => scene.ends_cancelled().await,
        Some(Point::Undone) => scene.ends_undone().await,
        Some(Point::RetireChecked | Point::RetireBegun | Point::RemovedBatch | Point::Removed) => {
            scene.ends_retired().await;
        }
        _ => scene.ends_completed().await,
    }
    server.stop().await;
}

fn grace_of(point: Point) -> &'static str {
    match point {
        Point::RetireChecked | Point::RetireBegun | Point::RemovedBatch | Point::Removed => "0",
        _ => "3600",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_named_point_it_ends_well() {
    let started = Instant::now();
    let limit = Arc::new(Semaphore::new(AT_ONCE));
    let mut scenes = JoinSet::new();
    for &point in Point::ALL {
        let limit = limit.clone();
        scenes.spawn(async move {
            let _turn = limit.acquire().await.unwrap();
            let mut scene = Scene::open(point.as_str(), grace_of(point)).await;
            die_at(&mut scene, point).await;
            ends_well(&mut scene, Some(point)).await;
            scene.close().await
        });
    }
    let mut looks = 0;
    while let Some(scene) = scenes.join_next().await {
        looks += scene.unwrap();
    }
    eprintln!(
        "{} points, each killed once, {looks} looks at the dataset, {:?}",
        Point::ALL.len(),
        started.elapsed()
    );
}

/// One job that is killed up to three times at moments drawn from a seed, then left alone.
async fn random_round(round: u64, kills: &AtomicUsize) -> usize {
    let mut dice = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x51ed;
    let mut roll = move |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    };
    // A third of the jobs is retired at once, so that kills meet the removal as well.
    let grace = if roll(3) == 0 { "0" } else { "3600" };
    let mut scene = Scene::open(&format!("round {round}"), grace).await;
    let undo = grace != "0" && roll(2) == 0;
    for _ in 0..=roll(3) {
        let mut server = scene.start(&[SLOW]);
        server.listens().await;
        tokio::time::sleep(Duration::from_millis(roll(2600))).await;
        server.kill().await;
        kills.fetch_add(1, Ordering::Relaxed);
    }
    let mut server = scene.start(&[]);
    if grace == "0" {
        scene.ends_retired().await;
    } else {
        scene.ends_completed().await;
    }
    if undo {
        scene.services().mover.undo(scene.job).await.unwrap();
        tokio::time::sleep(Duration::from_millis(roll(60))).await;
        server.kill().await;
        kills.fetch_add(1, Ordering::Relaxed);
        server = scene.start(&[]);
        scene.ends_undone().await;
    }
    server.stop().await;
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_ends_well() {
    let started = Instant::now();
    let rounds: u64 = std::env::var("DIM_CRASH_ROUNDS").map_or(6, |n| n.parse().unwrap());
    let (limit, kills) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(AtomicUsize::new(0)));
    let mut scenes = JoinSet::new();
    for round in 1..=rounds {
        let (limit, kills) = (limit.clone(), kills.clone());
        scenes.spawn(async move {
            let _turn = limit.acquire().await.unwrap();
            Box::pin(random_round(round, &kills)).await
        });
    }
    let mut looks = 0;
    while let Some(scene) = scenes.join_next().await {
        looks += scene.unwrap();
    }
    eprintln!(
        "{rounds} jobs, {} kills at random moments, {looks} looks at the dataset, {:?}",
        kills.load(Ordering::Relaxed),
        started.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_mover_may_still_be_alive_waits_for_the_lease_and_is_copied_beside_it() {
    let mut scene = Scene::open("silent", "3600").await;
    scene.start(&["kill-at=renamed"]).dies().await;
    // The same as a mover on another machine that fell silent: nothing proves its death.
    scene.forget_proof_of_death();
    let mut server = scene.start(&[]);
    server.listens().await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let waiting = scene.services().mover.get_job(scene.job).await.unwrap();
    assert_eq!(waiting.job.status, JobStatus::Switching, "its lease still stands");
    scene.let_lease_run_out().await;
    scene.ends_completed().await;
    let done = scene.services().mover.get_job(scene.job).await.unwrap();
    let told: Vec<_> = done.events.iter().filter_map(|e| e.reason.as_deref()).collect();
    assert!(told.iter().any(|r| r.contains("fell silent")), "{told:?}");
    server.stop().await;
    scene.close().await;
}

/// The two are in the same stage, so that nothing but the fence tells them apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_mover_that_wakes_after_its_job_was_taken_over_changes_nothing() {
    for (sleeps_at, other_at, stage) in [
        ("copy-finished", "manifest-whole", JobStatus::Copying),
        ("group-synced", "manifest-whole", JobStatus::Copying),
        ("verify-finished", "object-verified", JobStatus::Verifying),
        ("renamed", "switch-begun", JobStatus::Switching),
    ] {
        let mut scene = Scene::open(&format!("asleep at {sleeps_at}"), "3600").await;
        let mut sleeper = scene.start(&[&format!("pause-at={sleeps_at}")]);
        let wake = sleeper.held_at(sleeps_at).await;
        scene.forget_proof_of_death();
        scene.let_lease_run_out().await;
        let mut other = scene.start(&[&format!("pause-at={other_at}")]);
        let go_on = other.held_at(other_at).await;
        let before = scene.services().mover.get_job(scene.job).await.unwrap();
        assert_eq!(before.job.status, stage, "{sleeps_at}");

        std::fs::remove_file(wake).unwrap();
        // Once it has ended it has tried everything that it wanted to write.
        sleeper.stop().await;
        let after = scene.services().mover.get_job(scene.job).await.unwrap();
        assert_eq!(after.events, before.events, "{sleeps_at}");
        // While one object of the other one's is held, the rest of them are verified.
        assert!(
            after.objects == before.objects || stage == JobStatus::Verifying,
            "{sleeps_at}: it changed the manifest"
        );
        assert_eq!(
            (after.job.fence, after.job.owner),
            (before.job.fence, before.job.owner),
            "{sleeps_at}"
        );

        std::fs::remove_file(go_on).unwrap();
        scene.ends_completed().await;
        other.stop().await;
        scene.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_finds_directories_that_were_made_just_before_the_kill() {
    let mut scene = Scene::open("bare", "3600").await;
    scene.start(&["kill-at=staging-made"]).dies().await;
    scene.services().mover.cancel(scene.job).await.unwrap();
    let mut server = scene.start(&[]);
    scene.ends_cancelled().await;
    server.stop().await;
    scene.close().await;
}

#[test]
fn an_unknown_point_is_refused_with_the_list() {
    let dir = tempfile::tempdir().unwrap();
    for word in ["kill-at=nowhere", "fail-evrything"] {
        let out = Server::command(&dir.path().join("data"), "0", word)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success(), "{said}");
        assert!(
            said.contains(word.split('=').next_back().unwrap()) && said.contains("kill-at"),
            "{said}"
        );
    }
}
