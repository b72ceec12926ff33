//! Kills the real program while it changes the class of a dataset where it stands: every object is readable at every moment, and in the
//! end every one has the class, each as it was.

use super::crash::{AT_ONCE, CLASSES, POINTS, SLOW, Scene, Way, dice, rounds};
use crate::crashing::Server;
use crate::moving::assert_consistent;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::services::mover::Point;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

impl Scene {
    /// Everything is there as it was, with this class where one is said.
    async fn is_whole(&self, class: Option<&str>) {
        let found = self.ground.tree(&self.source).await;
        assert!(found == *self.content, "{:?}", found.keys());
        if let Some(class) = class {
            for key in self.content.keys() {
                let key = format!("{}/{key}", self.source.path());
                assert_eq!(self.ground.bucket.raw.class(&key).await, class, "{key}");
            }
            let key = DatasetKey::Name("demo".into());
            let dataset = self.ground.services.catalog.find_dataset(&key).await.unwrap();
            assert_eq!(dataset.storage_class.as_str(), class);
        }
        let open = self.ground.bucket.seen.open_uploads();
        assert!(open.is_empty(), "{open:?}");
    }

    async fn ends_changed(&self, server: &Server) {
        self.until(server, "completed", |j| j.job.status == JobStatus::Completed)
            .await;
        self.is_whole(Some(CLASSES[1])).await;
        assert_consistent(&self.ground.services, self.job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_named_points_of_a_change_in_place_it_ends_well() {
    let limit = Arc::new(Semaphore::new(AT_ONCE));
    let mut scenes = JoinSet::new();
    // Nothing is staged.
    let staging = [Point::StagingRecorded, Point::StagingMade];
    for point in POINTS.iter().filter(|point| !staging.contains(point)) {
        let limit = limit.clone();
        scenes.spawn(async move {
            let _turn = limit.acquire().await.unwrap();
            let mut scene = Scene::open(&format!("in place {}", point.as_str()), Way::InPlace, "3600").await;
            let kill = format!("kill-at={}", point.as_str());
            scene.start(&[SLOW, &kill]).dies().await;
            scene.is_whole(None).await;
            let mut server = scene.start(&[]);
            scene.ends_changed(&server).await;
            server.stop().await;
            scene.close().await
        });
    }
    while let Some(scene) = scenes.join_next().await {
        assert!(scene.unwrap() > 0, "nobody read meanwhile");
    }
}

async fn random_round(round: u64, kills: &AtomicUsize) {
    let mut roll = dice(round);
    let mut scene = Scene::open(&format!("in place, round {round}"), Way::InPlace, "3600").await;
    for _ in 0..=roll(3) {
        let mut server = scene.start(&[SLOW]);
        server.listens().await;
        tokio::time::sleep(Duration::from_millis(roll(2500))).await;
        server.kill().await;
        kills.fetch_add(1, Ordering::Relaxed);
        scene.is_whole(None).await;
    }
    let mover = scene.ground.services.mover.clone();
    if roll(4) == 0 && mover.cancel(scene.job).await.is_ok() {
        let mut server = scene.start(&[]);
        scene
            .until(&server, "cancelled", |j| j.job.status == JobStatus::Cancelled)
            .await;
        scene.is_whole(None).await;
        server.stop().await;
    } else {
        let mut server = scene.start(&[]);
        scene.ends_changed(&server).await;
        server.stop().await;
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_of_a_change_in_place_it_ends_well() {
    let (limit, kills) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(AtomicUsize::new(0)));
    let mut scenes = JoinSet::new();
    for round in 1..=rounds() {
        let (limit, kills) = (limit.clone(), kills.clone());
        scenes.spawn(async move {
            let _turn = limit.acquire().await.unwrap();
            Box::pin(random_round(round, &kills)).await;
        });
    }
    while let Some(scene) = scenes.join_next().await {
        scene.unwrap();
    }
    eprintln!(
        "{} jobs, {} kills at random moments",
        rounds(),
        kills.load(Ordering::Relaxed)
    );
}
