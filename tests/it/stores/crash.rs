//! Kills the real program while it moves data to and from a bucket, at named points and at random moments, and starts it again.
//!
//! After each restart the job ends, every byte is right, nothing is lost, doubled or left over, no upload stays open, and the
//! dataset was readable at every moment in between. `DIM_CRASH_ROUNDS=50` makes the random part as long as that.

use super::{Bucket, gcs, s3};
use crate::app::TestApp;
use crate::crashing::Server;
use crate::moving::{self, assert_consistent, tree};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::location::{Location, NewLocation, StorageUri};
use data_in_motion::domain::migration::options::MoveOptions;
use data_in_motion::domain::migration::{JobDetail, JobStatus, PlanRequest};
use data_in_motion::services::Services;
use data_in_motion::services::mover::Point;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

type Tree = BTreeMap<String, Vec<u8>>;

const PATIENCE: Duration = Duration::from_secs(90);
/// Scenes at once.
pub(super) const AT_ONCE: usize = 3;
/// Slow enough that copying takes about a second.
pub(super) const SLOW: &str = "slow-copy=20000000";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    ToBucket,
    FromBucket,
    /// From [`CLASSES`]' first to the second, where it stands.
    InPlace,
}

pub(super) const CLASSES: [&str; 2] = ["STANDARD", "NEARLINE"];

fn content() -> Tree {
    let mut all: Tree = (0..60_usize)
        .map(|i| {
            let bytes = (0..2000 + i).map(|b| u8::try_from((b * 7 + i) % 251).unwrap());
            (format!("part-{}/object {i:04}", i % 5), bytes.collect())
        })
        .collect();
    // In three parts to a bucket.
    all.insert(
        "large".into(),
        (0..17_000_000_u32).map(|b| (b * 13 % 241) as u8).collect(),
    );
    all
}

/// What both sides are; shared with the reader.
pub(super) struct Ground {
    pub(super) bucket: Bucket,
    pub(super) services: Services,
}

impl Ground {
    /// Objects below an address.
    pub(super) async fn tree(&self, uri: &StorageUri) -> Tree {
        if let Some(path) = uri.local_path() {
            let mut tree = tree(Path::new(&path));
            tree.retain(|key, _| !key.ends_with('/'));
            return tree;
        }
        let prefix = format!("{}/", uri.path());
        let mut tree = Tree::new();
        for key in self.bucket.raw.keys().await {
            if let Some(rest) = key.strip_prefix(&prefix) {
                let found = self.bucket.raw.get(&key).await.unwrap();
                tree.insert(rest.to_owned(), found.bytes);
            }
        }
        tree
    }

    async fn read(&self, uri: &StorageUri, key: &str) -> Option<Vec<u8>> {
        match uri.local_path() {
            Some(path) => std::fs::read(Path::new(&path).join(key)).ok(),
            None => {
                let found = self.bucket.raw.get(&format!("{}/{key}", uri.path())).await;
                found.map(|found| found.bytes)
            }
        }
    }

    pub(super) async fn place(&self) -> StorageUri {
        let key = DatasetKey::Name("demo".into());
        self.services.catalog.find_dataset(&key).await.unwrap().path_uri
    }

    /// Asks the catalog where the dataset is and reads an object there, again and again. A place that fails is excused only when
    /// the catalog has named another one meanwhile.
    async fn read_on(self: Arc<Self>, name: String, content: Arc<Tree>, done: Arc<AtomicBool>) -> usize {
        let small: Vec<_> = content.iter().filter(|(key, _)| *key != "large").collect();
        let mut looks = 0;
        while !done.load(Ordering::Acquire) {
            let place = self.place().await;
            let (key, bytes) = small[looks % small.len()];
            let found = self.read(&place, key).await;
            if found.as_ref() != Some(bytes) {
                let now = self.place().await;
                assert_ne!(
                    now,
                    place,
                    "{name}: {key} is {:?} bytes there",
                    found.map(|f| f.len())
                );
            }
            looks += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        looks
    }
}

pub(super) struct Scene {
    name: String,
    app: TestApp,
    pub(super) ground: Arc<Ground>,
    pub(super) job: JobId,
    pub(super) content: Arc<Tree>,
    pub(super) source: StorageUri,
    target: StorageUri,
    grace_secs: &'static str,
    runs: usize,
    reader: JoinHandle<usize>,
    done: Arc<AtomicBool>,
}

impl Scene {
    pub(super) async fn open(name: &str, way: Way, grace_secs: &'static str) -> Self {
        let app = TestApp::open_with(&[("grace_secs", grace_secs)]).await;
        let bucket = match way {
            Way::InPlace => gcs::bucket().await,
            Way::ToBucket | Way::FromBucket => s3::bucket().await,
        };
        let services = app.services().clone();
        let disk = moving::location(&services, "disk", &app.make("disk")).await;
        let lake = NewLocation {
            name: "lake".parse().unwrap(),
            uri: format!("{}/data", bucket.uri).parse().unwrap(),
            storage_classes: CLASSES.map(|class| class.parse().unwrap()).into(),
            price_book: None,
            credential_ref: bucket.access.credential_ref.clone(),
            endpoint: bucket.access.endpoint.clone(),
            region: bucket.access.region.clone(),
            encryption_key_ref: None,
        };
        let lake: Location = services.catalog.create_location(lake).await.unwrap();
        let (from, to, path) = match way {
            Way::ToBucket => (disk, lake, "new/demo"),
            Way::FromBucket => (lake, disk, "new/demo"),
            Way::InPlace => (lake.clone(), lake, "sets/demo"),
        };
        let content = Arc::new(content());
        let source = from.uri.join("sets/demo").unwrap();
        for (key, bytes) in content.iter() {
            match source.local_path() {
                Some(path) => {
                    let file = Path::new(&path).join(key);
                    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                    std::fs::write(file, bytes).unwrap();
                }
                None => {
                    bucket
                        .raw
                        .put(&format!("{}/{key}", source.path()), bytes, &[])
                        .await
                }
            }
        }
        moving::dataset(&services, "demo", &source.to_string()).await;
        let target = to.uri.join(path).unwrap();
        let request = PlanRequest {
            dataset_id: DatasetKey::Name("demo".into()),
            target_location: target.to_string(),
            storage_class: (way == Way::InPlace).then(|| CLASSES[1].parse().unwrap()),
            dry_run: true,
            require_approval: false,
            options: MoveOptions::default(),
        };
        let plan = services.mover.plan(request).await.unwrap().plan;
        assert!(plan.applicable, "{:#?}", plan.checks);
        let job = services.mover.queue(plan, false).await.unwrap();
        let ground = Arc::new(Ground { bucket, services });
        let done = Arc::new(AtomicBool::new(false));
        let reader = ground
            .clone()
            .read_on(name.to_owned(), content.clone(), done.clone());
        Self {
            name: name.to_owned(),
            app,
            reader: tokio::spawn(reader),
            ground,
            job: job.id,
            content,
            source,
            target,
            grace_secs,
            runs: 0,
            done,
        }
    }

    pub(super) fn start(&mut self, inject: &[&str]) -> Server {
        self.runs += 1;
        Server::run(self.app.dir.path(), self.runs, self.grace_secs, inject)
    }

    pub(super) async fn until(&self, server: &Server, what: &str, wanted: impl Fn(&JobDetail) -> bool) {
        let started = Instant::now();
        loop {
            let job = self.ground.services.mover.get_job(self.job).await.unwrap();
            if wanted(&job) {
                return;
            }
            let late = started.elapsed() > PATIENCE || job.job.status == JobStatus::Failed;
            assert!(
                !late,
                "{}: never {what}: {:#?}\n{}",
                self.name,
                job.job,
                server.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until_told(&self, server: &Server, end: &str) {
        self.until(server, end, |j| {
            j.job.reason.as_deref().is_some_and(|r| r.ends_with(end))
        })
        .await;
    }

    /// It serves from `place`, whole; both sides hold what is said and nothing else.
    async fn ends(&self, place: &StorageUri, source: bool, target: bool) {
        assert_eq!(self.ground.place().await, *place, "{}", self.name);
        let empty = Tree::new();
        for (uri, there) in [(&self.source, source), (&self.target, target)] {
            let found = self.ground.tree(uri).await;
            let wanted = if there { &*self.content } else { &empty };
            assert!(found == *wanted, "{}: {uri} holds {:?}", self.name, found.keys());
        }
        let other = self.ground.tree(&self.target.parent().unwrap()).await;
        let wanted = if target { self.content.len() } else { 0 };
        assert_eq!(other.len(), wanted, "{}: {:?}", self.name, other.keys());
        let open = self.ground.bucket.seen.open_uploads();
        assert!(open.is_empty(), "{}: {open:?}", self.name);
        assert_consistent(&self.ground.services, self.job).await;
    }

    async fn ends_completed(&self, server: &Server) {
        self.until(server, "completed", |j| j.job.status == JobStatus::Completed)
            .await;
        self.ends(&self.target, true, true).await;
    }

    pub(super) async fn close(self) -> usize {
        self.done.store(true, Ordering::Release);
        self.reader.await.unwrap()
    }
}

/// Of a move alone; what is removed later has its points met at random.
pub(super) const POINTS: &[Point] = &[
    Point::Claimed,
    Point::StagingRecorded,
    Point::StagingMade,
    Point::SourceListed,
    Point::ManifestBatch,
    Point::ManifestWhole,
    Point::Copying,
    Point::ObjectCopied,
    Point::GroupSynced,
    Point::GroupRecorded,
    Point::CopyFinished,
    Point::Verifying,
    Point::ObjectVerified,
    Point::VerifyFinished,
    Point::SwitchBegun,
    Point::SwitchInTransaction,
    Point::Switched,
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_named_points_between_disk_and_bucket_it_ends_well() {
    let limit = Arc::new(Semaphore::new(AT_ONCE));
    let mut scenes = JoinSet::new();
    for way in [Way::ToBucket, Way::FromBucket] {
        for point in POINTS {
            let limit = limit.clone();
            scenes.spawn(async move {
                let _turn = limit.acquire().await.unwrap();
                let mut scene = Scene::open(&format!("{way:?} {}", point.as_str()), way, "3600").await;
                let kill = format!("kill-at={}", point.as_str());
                scene.start(&[SLOW, &kill]).dies().await;
                let mut server = scene.start(&[]);
                scene.ends_completed(&server).await;
                server.stop().await;
                scene.close().await
            });
        }
    }
    let mut looks = 0;
    while let Some(scene) = scenes.join_next().await {
        looks += scene.unwrap();
    }
    eprintln!(
        "{} kills at named points, {looks} looks at the dataset",
        2 * POINTS.len()
    );
}

/// The same throws for the same round.
pub(super) fn dice(round: u64) -> impl FnMut(u64) -> u64 {
    let mut dice = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x51ed;
    move |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    }
}

/// How many rounds of chance are asked for.
pub(super) fn rounds() -> u64 {
    std::env::var("DIM_CRASH_ROUNDS").map_or(3, |n| n.parse().unwrap())
}

async fn random_round(round: u64, way: Way, kills: &AtomicUsize) -> usize {
    let mut roll = dice(round);
    // A third of the jobs is retired at once, so that kills meet the removal as well; some of the others are undone or cancelled.
    let grace = if roll(3) == 0 { "0" } else { "3600" };
    let (cancel, undo) = (grace != "0" && roll(4) == 0, grace != "0" && roll(2) == 0);
    let mut scene = Scene::open(&format!("{way:?} round {round}"), way, grace).await;
    for _ in 0..=roll(3) {
        let mut server = scene.start(&[SLOW]);
        server.listens().await;
        tokio::time::sleep(Duration::from_millis(roll(3000))).await;
        server.kill().await;
        kills.fetch_add(1, Ordering::Relaxed);
    }
    let mover = scene.ground.services.mover.clone();
    let (job, source, target) = (scene.job, scene.source.clone(), scene.target.clone());
    if cancel && mover.cancel(job).await.is_ok() {
        let mut server = scene.start(&[]);
        scene
            .until(&server, "cancelled", |j| j.job.status == JobStatus::Cancelled)
            .await;
        scene.ends(&source, true, false).await;
        server.stop().await;
        return scene.close().await;
    }
    let mut server = scene.start(&[]);
    if grace == "0" {
        scene.until_told(&server, "the source is removed").await;
        scene.ends(&target, false, true).await;
    } else {
        scene.ends_completed(&server).await;
    }
    if undo {
        mover.undo(job).await.unwrap();
        tokio::time::sleep(Duration::from_millis(roll(60))).await;
        server.kill().await;
        kills.fetch_add(1, Ordering::Relaxed);
        server = scene.start(&[]);
        scene
            .until_told(&server, "the copy at the target is removed")
            .await;
        scene.ends(&source, true, false).await;
    }
    server.stop().await;
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_between_disk_and_bucket_it_ends_well() {
    let started = Instant::now();
    let rounds = rounds();
    let (limit, kills) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(AtomicUsize::new(0)));
    let mut scenes = JoinSet::new();
    for way in [Way::ToBucket, Way::FromBucket] {
        for round in 1..=rounds {
            let (limit, kills) = (limit.clone(), kills.clone());
            scenes.spawn(async move {
                let _turn = limit.acquire().await.unwrap();
                Box::pin(random_round(round, way, &kills)).await
            });
        }
    }
    let mut looks = 0;
    while let Some(scene) = scenes.join_next().await {
        looks += scene.unwrap();
    }
    eprintln!(
        "{} jobs, {} kills at random moments, {looks} looks at the dataset, {:?}",
        2 * rounds,
        kills.load(Ordering::Relaxed),
        started.elapsed()
    );
}
