//! All kinds of store as locations of one catalog, a mover that can be held at any operation, and pairs of them.

use super::{Bucket, azure, gcs, s3, weed};
use crate::meddler::{self, Meddler, Moment};
use crate::moving::{self};
use data_in_motion::adapters::inproc::clock::SystemClock;
use data_in_motion::adapters::objects::{CloudObjects, LocalObjects, Stores};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::location::{Location, NewLocation};
use data_in_motion::domain::migration::options::MoveOptions;
use data_in_motion::domain::migration::{Job, Plan, PlanRequest};
use data_in_motion::domain::unit::Timestamp;
use data_in_motion::ports::Clock;
use data_in_motion::services::{Options, Services};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::Semaphore;

pub(super) type Tree = BTreeMap<String, Vec<u8>>;

/// Holds the mover at an operation until it is told to go on.
pub(super) struct Gate {
    wanted: Mutex<Option<(Moment, usize)>>,
    reached: Semaphore,
    go: Semaphore,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            wanted: Mutex::default(),
            reached: Semaphore::new(0),
            go: Semaphore::new(0),
        })
    }

    /// From now on, at the `n`-th such moment.
    pub(super) fn at(&self, after: bool, name: &'static str, n: usize) {
        let moment = Moment {
            after,
            name,
            key: String::new(),
        };
        *self.wanted.lock().unwrap() = Some((moment, n));
    }

    pub(super) async fn held(&self) {
        let wait = tokio::time::timeout(std::time::Duration::from_secs(60), self.reached.acquire());
        wait.await.expect("the moment never comes").unwrap().forget();
    }

    pub(super) fn open(&self) {
        self.go.add_permits(1);
    }

    pub(super) async fn pass(&self, moment: Moment) {
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
pub(super) struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Where something stands below its location, its bytes and what it carries.
pub(super) type Staged = (String, Vec<u8>, Vec<(String, String)>);

/// A store of one kind.
pub(super) enum Kind {
    Disk(PathBuf),
    Bucket(Box<Bucket>),
}

impl Kind {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Disk(_) => "file",
            Self::Bucket(bucket) if bucket.is_seaweedfs() => "weed",
            Self::Bucket(bucket) => bucket.uri.split(':').next().unwrap(),
        }
    }

    pub(super) fn new_location(&self) -> NewLocation {
        let (uri, access) = match self {
            Self::Disk(dir) => (format!("file://{}", dir.display()), None),
            Self::Bucket(bucket) => (format!("{}/data", bucket.uri), Some(&bucket.access)),
        };
        let classes: &[&str] = match self.name() {
            "weed" => &["STANDARD", "STANDARD_IA"],
            "gs" => &["STANDARD", "NEARLINE"],
            "az" => &["Hot", "Cool", "Archive"],
            _ => &[],
        };
        NewLocation {
            name: format!("at-{}", self.name()).parse().unwrap(),
            uri: uri.parse().unwrap(),
            storage_classes: classes.iter().map(|class| class.parse().unwrap()).collect(),
            price_book: None,
            credential_ref: access.and_then(|a| a.credential_ref.clone()),
            endpoint: access.and_then(|a| a.endpoint.clone()),
            region: access.and_then(|a| a.region.clone()),
            encryption_key_ref: None,
        }
    }

    pub(super) async fn put(&self, path: &str, bytes: &[u8]) {
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
    pub(super) async fn tree(&self, path: &str) -> Tree {
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
    pub(super) async fn rot(&self, path: &str, key: &str) {
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
    pub(super) async fn staged(&self, path: &str) -> Staged {
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
    pub(super) async fn write_late(&self, (path, bytes, meta): &Staged) {
        match self {
            Self::Disk(_) => self.put(path, bytes).await,
            Self::Bucket(bucket) => {
                let meta: Vec<_> = meta.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                bucket.raw.put(&format!("data/{path}"), bytes, &meta).await;
            }
        }
    }

    pub(super) fn open_uploads(&self) -> Vec<String> {
        match self {
            Self::Disk(_) => Vec::new(),
            Self::Bucket(bucket) => bucket.seen.open_uploads(),
        }
    }
}

pub(super) fn content() -> Tree {
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
pub(super) struct World {
    pub(super) _dir: TempDir,
    pub(super) services: Services,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Arc<Ahead>,
    pub(super) kinds: Vec<(Kind, Location)>,
}

impl World {
    /// Whoever holds a job now has been silent for too long.
    pub(super) fn lease_runs_out(&self) {
        self.later(60);
    }

    pub(super) fn later(&self, secs: i64) {
        self.clock.0.fetch_add(secs * Timestamp::SECOND, Ordering::SeqCst);
    }

    pub(super) async fn new(grace_secs: i64) -> Self {
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
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        self.all_pairs().filter(|pair| {
            let names = [pair.from.name(), pair.to.name()];
            !names.contains(&"weed") || !names.iter().any(|name| ["gs", "az"].contains(name))
        })
    }

    pub(super) fn all_pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let kinds = &self.kinds;
        kinds
            .iter()
            .flat_map(move |from| kinds.iter().map(move |to| (from, to)))
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
pub(super) struct Pair<'a> {
    pub(super) world: &'a World,
    pub(super) from: &'a Kind,
    pub(super) to: &'a Kind,
    pub(super) source: Location,
    pub(super) target: Location,
}

impl Pair<'_> {
    pub(super) fn name(&self) -> String {
        format!("{}-to-{}", self.from.name(), self.to.name())
    }

    pub(super) fn source_path(&self) -> String {
        format!("sets/{}", self.name())
    }

    pub(super) fn target_path(&self) -> String {
        format!("moved/{}/x", self.name())
    }

    /// Puts a dataset at the source and queues its move.
    pub(super) async fn queue(&self) -> Job {
        let plan = self.plan(MoveOptions::default()).await;
        assert!(plan.applicable, "{}: {:#?}", self.name(), plan.checks);
        self.world.services.mover.queue(plan, false).await.unwrap()
    }

    /// Puts a dataset at the source and plans its move.
    pub(super) async fn plan(&self, options: MoveOptions) -> Plan {
        self.put_content().await;
        self.plan_of_what_is_there(options).await
    }

    pub(super) async fn put_content(&self) {
        for (key, bytes) in content() {
            self.from
                .put(&format!("{}/{key}", self.source_path()), &bytes)
                .await;
        }
    }

    pub(super) async fn plan_of_what_is_there(&self, options: MoveOptions) -> Plan {
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

    pub(super) async fn serves(&self, path: &str, at: &Kind) {
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

    pub(super) async fn source_serves(&self) {
        self.serves(&self.source_path(), self.from).await;
    }

    pub(super) async fn target_serves(&self) {
        self.serves(&self.target_path(), self.to).await;
        let left = self.to.tree(&format!("moved/{}", self.name())).await;
        assert_eq!(left.len(), content().len(), "{}: {:?}", self.name(), left.keys());
    }

    pub(super) async fn nothing_at_target(&self) {
        let left = self.to.tree(&format!("moved/{}", self.name())).await;
        assert!(left.is_empty(), "{}: {:?}", self.name(), left.keys());
        assert!(self.to.open_uploads().is_empty(), "{}", self.name());
    }
}
