//! Every pair of stores, both ways, through every way a move can go: one table of pairs, one function a story.

use super::{Bucket, azure, gcs, s3, weed};
use crate::cli::dim;
use crate::meddler::{self, Meddler, Moment};
use crate::moving::{self, AtWork, assert_consistent};
use data_in_motion::adapters::inproc::clock::SystemClock;
use data_in_motion::adapters::objects::{CloudObjects, LocalObjects, Stores};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::location::{Location, NewLocation};
use data_in_motion::domain::migration::options::{MoveOptions, VerifyLevel};
use data_in_motion::domain::migration::receipt::SignedReceipt;
use data_in_motion::domain::migration::{Job, JobStatus, Plan, PlanRequest};
use data_in_motion::domain::unit::Timestamp;
use data_in_motion::ports::Clock;
use data_in_motion::services::{Options, Services};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::Semaphore;

type Tree = BTreeMap<String, Vec<u8>>;

/// Holds the mover at an operation until it is told to go on.
struct Gate {
    wanted: Mutex<Option<(Moment, usize)>>,
    reached: Semaphore,
    go: Semaphore,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            wanted: Mutex::default(),
            reached: Semaphore::new(0),
            go: Semaphore::new(0),
        })
    }

    /// From now on, at the `n`-th such moment.
    fn at(&self, after: bool, name: &'static str, n: usize) {
        let moment = Moment {
            after,
            name,
            key: String::new(),
        };
        *self.wanted.lock().unwrap() = Some((moment, n));
    }

    async fn held(&self) {
        let wait = tokio::time::timeout(std::time::Duration::from_secs(60), self.reached.acquire());
        wait.await.expect("the moment never comes").unwrap().forget();
    }

    fn open(&self) {
        self.go.add_permits(1);
    }

    async fn pass(&self, moment: Moment) {
        let hold = {
            let mut wanted = self.wanted.lock().unwrap();
            match wanted.as_mut() {
                Some((at, left)) if at.after == moment.after && at.name == moment.name => {
                    *left -= 1;
                    if *left == 0 {
                        *wanted = None;
                        true
                    } else {
                        false
                    }
                }
                _ => false,
            }
        };
        if hold {
            self.reached.add_permits(1);
            self.go.acquire().await.unwrap().forget();
        }
    }
}

/// The machine's time, and what a test puts on top, so that a lease need not be waited for.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Where something stands below its location, its bytes and what it carries.
type Staged = (String, Vec<u8>, Vec<(String, String)>);

/// A store of one kind.
enum Kind {
    Disk(PathBuf),
    Bucket(Box<Bucket>),
}

impl Kind {
    fn name(&self) -> &str {
        match self {
            Self::Disk(_) => "file",
            Self::Bucket(bucket) if bucket.is_seaweedfs() => "weed",
            Self::Bucket(bucket) => bucket.uri.split(':').next().unwrap(),
        }
    }

    fn new_location(&self) -> NewLocation {
        let (uri, access) = match self {
            Self::Disk(dir) => (format!("file://{}", dir.display()), None),
            Self::Bucket(bucket) => (format!("{}/data", bucket.uri), Some(&bucket.access)),
        };
        NewLocation {
            name: format!("at-{}", self.name()).parse().unwrap(),
            uri: uri.parse().unwrap(),
            storage_classes: Vec::new(),
            price_book: None,
            credential_ref: access.and_then(|a| a.credential_ref.clone()),
            endpoint: access.and_then(|a| a.endpoint.clone()),
            region: access.and_then(|a| a.region.clone()),
            encryption_key_ref: None,
        }
    }

    async fn put(&self, path: &str, bytes: &[u8]) {
        match self {
            Self::Disk(dir) => {
                let file = dir.join(path);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, bytes).unwrap();
            }
            Self::Bucket(bucket) => {
                let meta = [("content-type", "text/plain"), ("owner", "ann")];
                bucket.raw.put(&format!("data/{path}"), bytes, &meta).await;
            }
        }
    }

    /// Objects below a path; on a disk whatever lies there, also of a move's own.
    async fn tree(&self, path: &str) -> Tree {
        match self {
            Self::Disk(dir) => {
                let mut tree = moving::tree(&dir.join(path));
                tree.retain(|key, _| !key.ends_with('/'));
                tree
            }
            Self::Bucket(bucket) => {
                let prefix = format!("data/{path}/");
                let mut tree = Tree::new();
                for key in bucket.raw.keys().await {
                    if let Some(rest) = key.strip_prefix(&prefix) {
                        // What was removed since it was listed is not there.
                        if let Some(found) = bucket.raw.get(&key).await {
                            tree.insert(rest.to_owned(), found.bytes);
                        }
                    }
                }
                tree
            }
        }
    }

    /// Flips a bit of an object that was copied and not switched to, as rot would.
    async fn rot(&self, path: &str, key: &str) {
        match self {
            Self::Disk(dir) => {
                let up = dir.join(path).parent().unwrap().to_owned();
                let staged = std::fs::read_dir(up)
                    .unwrap()
                    .map(|entry| entry.unwrap().path().join("data").join(key))
                    .find(|file| file.exists())
                    .unwrap();
                let time = std::fs::metadata(&staged).unwrap().modified().unwrap();
                let mut bytes = std::fs::read(&staged).unwrap();
                bytes[0] ^= 1;
                std::fs::write(&staged, bytes).unwrap();
                let file = std::fs::File::options().write(true).open(&staged).unwrap();
                file.set_modified(time).unwrap();
            }
            Self::Bucket(bucket) => {
                let whole = format!("data/{path}/{key}");
                let mut found = bucket.raw.get(&whole).await.unwrap();
                found.bytes[0] ^= 1;
                let meta = found.carried();
                bucket.raw.put(&whole, &found.bytes, &meta).await;
            }
        }
    }

    /// Something that a move under way has finished, to be put there once more later.
    async fn staged(&self, path: &str) -> Staged {
        match self {
            Self::Disk(dir) => {
                let up = path.rsplit_once('/').unwrap().0;
                let tree = self.tree(up).await;
                let (key, bytes) = tree
                    .into_iter()
                    .find(|(key, _)| key.contains("/data/"))
                    .expect("nothing is staged");
                assert!(dir.join(up).join(&key).exists());
                (format!("{up}/{key}"), bytes, Vec::new())
            }
            Self::Bucket(bucket) => {
                for key in content().keys() {
                    let path = format!("{path}/{key}");
                    // Others are still being written.
                    if let Some(found) = bucket.raw.get(&format!("data/{path}")).await {
                        let meta = found.carried().into_iter();
                        let meta = meta.map(|(name, value)| (name.to_owned(), value.to_owned()));
                        return (path, found.bytes.clone(), meta.collect());
                    }
                }
                panic!("nothing is staged")
            }
        }
    }

    /// What a dead mover's request does when it is carried out after all.
    async fn write_late(&self, (path, bytes, meta): &Staged) {
        match self {
            Self::Disk(_) => self.put(path, bytes).await,
            Self::Bucket(bucket) => {
                let meta: Vec<_> = meta.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                bucket.raw.put(&format!("data/{path}"), bytes, &meta).await;
            }
        }
    }

    fn open_uploads(&self) -> Vec<String> {
        match self {
            Self::Disk(_) => Vec::new(),
            Self::Bucket(bucket) => bucket.seen.open_uploads(),
        }
    }
}

fn content() -> Tree {
    [
        ("a", 5_000),
        ("deep/b", 1),
        ("deep/c d", 70_000),
        ("deep/er/é #1", 300),
        ("empty", 0),
    ]
    .map(|(key, size)| {
        let bytes = (0..size).map(|i| (i * 7 % 251) as u8).collect();
        (key.to_owned(), bytes)
    })
    .into()
}

/// All kinds of store as locations of one catalog, and a mover.
struct World {
    _dir: TempDir,
    services: Services,
    gate: Arc<Gate>,
    clock: Arc<Ahead>,
    kinds: Vec<(Kind, Location)>,
}

impl World {
    /// Whoever holds a job now has been silent for too long.
    fn lease_runs_out(&self) {
        self.later(60);
    }

    fn later(&self, secs: i64) {
        self.clock.0.fetch_add(secs * Timestamp::SECOND, Ordering::SeqCst);
    }

    async fn new(grace_secs: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let gate = Gate::new();
        let mut deps = meddler::deps(dir.path(), Arc::new(LocalObjects::new())).await;
        let clock = Arc::new(Ahead::default());
        deps.clock = clock.clone();
        let cloud = CloudObjects::new(Arc::new(deps.store.clone()), None);
        let stores = Stores::new(LocalObjects::new(), cloud);
        deps.places = Arc::new(stores.clone());
        let passed = gate.clone();
        deps.objects = Meddler::around_store(Arc::new(stores), move |moment| {
            let gate = passed.clone();
            async move {
                gate.pass(moment).await;
                Ok(())
            }
        });
        deps.options = Arc::new(Options {
            grace_secs,
            ..(*deps.options).clone()
        });
        let services = Services::new(&deps);
        let disk = dir.path().canonicalize().unwrap().join("disk");
        std::fs::create_dir(&disk).unwrap();
        let mut kinds = Vec::new();
        for kind in [
            Kind::Disk(disk),
            Kind::Bucket(Box::new(s3::bucket().await)),
            Kind::Bucket(Box::new(gcs::bucket().await)),
            Kind::Bucket(Box::new(azure::bucket().await)),
            Kind::Bucket(Box::new(weed::bucket().await)),
        ] {
            let location = services
                .catalog
                .create_location(kind.new_location())
                .await
                .unwrap();
            kinds.push((kind, location));
        }
        Self {
            _dir: dir,
            services,
            gate,
            clock,
            kinds,
        }
    }

    /// One story for each of the sixteen pairs, one after the other, and for the other S3 server with disks, itself and the first.
    fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let kinds = &self.kinds;
        kinds
            .iter()
            .flat_map(move |from| kinds.iter().map(move |to| (from, to)))
            .filter(|(from, to)| {
                let names = [from.0.name(), to.0.name()];
                !names.contains(&"weed") || !names.iter().any(|name| ["gs", "az"].contains(name))
            })
            .map(move |(from, to)| Pair {
                world: self,
                from: &from.0,
                to: &to.0,
                source: from.1.clone(),
                target: to.1.clone(),
            })
    }
}

/// A source and a target.
struct Pair<'a> {
    world: &'a World,
    from: &'a Kind,
    to: &'a Kind,
    source: Location,
    target: Location,
}

impl Pair<'_> {
    fn name(&self) -> String {
        format!("{}-to-{}", self.from.name(), self.to.name())
    }

    fn source_path(&self) -> String {
        format!("sets/{}", self.name())
    }

    fn target_path(&self) -> String {
        format!("moved/{}/x", self.name())
    }

    /// Puts a dataset at the source and queues its move.
    async fn queue(&self) -> Job {
        let plan = self.plan(MoveOptions::default()).await;
        assert!(plan.applicable, "{}: {:#?}", self.name(), plan.checks);
        self.world.services.mover.queue(plan, false).await.unwrap()
    }

    /// Puts a dataset at the source and plans its move.
    async fn plan(&self, options: MoveOptions) -> Plan {
        for (key, bytes) in content() {
            self.from
                .put(&format!("{}/{key}", self.source_path()), &bytes)
                .await;
        }
        let uri = self.source.uri.join(&self.source_path()).unwrap().to_string();
        let services = &self.world.services;
        let name = self.name();
        moving::dataset(services, &name, &uri).await;
        let scanned = services
            .catalog
            .scan_dataset(&DatasetKey::Name(name.clone()))
            .await
            .unwrap();
        assert_eq!(scanned.listed_count, 5, "{name}");
        let request = PlanRequest {
            dataset_id: DatasetKey::Name(name),
            target_location: self.target.uri.join(&self.target_path()).unwrap().to_string(),
            storage_class: None,
            dry_run: true,
            require_approval: false,
            options,
        };
        services.mover.plan(request).await.unwrap().plan
    }

    async fn serves(&self, path: &str, at: &Kind) {
        let name = self.name();
        let found = at.tree(path).await;
        assert!(
            found == content(),
            "{name}: {:?} at {path} of {}",
            found.keys().collect::<Vec<_>>(),
            at.name()
        );
        let key = DatasetKey::Name(name.clone());
        let dataset = self.world.services.catalog.get_dataset(&key).await.unwrap();
        let uri = dataset.summary.dataset.path_uri.to_string();
        assert!(uri.ends_with(path), "{name} is served from {uri}");
    }

    async fn source_serves(&self) {
        self.serves(&self.source_path(), self.from).await;
    }

    async fn target_serves(&self) {
        self.serves(&self.target_path(), self.to).await;
        let left = self.to.tree(&format!("moved/{}", self.name())).await;
        assert_eq!(left.len(), content().len(), "{}: {:?}", self.name(), left.keys());
    }

    async fn nothing_at_target(&self) {
        let left = self.to.tree(&format!("moved/{}", self.name())).await;
        assert!(left.is_empty(), "{}: {:?}", self.name(), left.keys());
        assert!(self.to.open_uploads().is_empty(), "{}", self.name());
    }
}

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
            work.until_status(job.id, JobStatus::Cancelled).await;
            pair.nothing_at_target().await;
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
