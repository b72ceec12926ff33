//! A catalog with a dataset of real files and a place to move it to, a mover that runs, and the rules that hold whatever happens.

use crate::app::TestApp;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::dataset::{Dataset, NewDataset};
use data_in_motion::domain::event::Stream;
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::location::{Location, NewLocation};
use data_in_motion::domain::migration::{Job, JobDetail, JobStatus, Plan, PlanRequest};
use data_in_motion::domain::replica::ReplicaRole;
use data_in_motion::services::Services;
use data_in_motion::services::live::{Resume, Subscriber};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than any story takes; a job that hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A location with nothing but a name and an address.
pub fn new_location(name: &str, uri: &str) -> NewLocation {
    NewLocation {
        name: name.parse().unwrap(),
        uri: uri.parse().unwrap(),
        storage_classes: Vec::new(),
        price_book: None,
        credential_ref: None,
        endpoint: None,
        region: None,
        encryption_key_ref: None,
    }
}

/// Registers a directory as a location.
pub async fn location(services: &Services, name: &str, uri: &str) -> Location {
    services
        .catalog
        .create_location(new_location(name, uri))
        .await
        .unwrap()
}

/// Registers a directory as a dataset.
pub async fn dataset(services: &Services, name: &str, uri: &str) -> Dataset {
    let new = NewDataset {
        name: name.parse().unwrap(),
        path_uri: uri.parse().unwrap(),
        size_bytes: None,
        storage_class: None,
        latency_limit_ms: None,
    };
    services.catalog.create_dataset(new).await.unwrap()
}

/// Writes `count` files in several directories, of sizes from nothing to 40 kB.
pub fn fill(dir: &Path, count: usize) {
    for i in 0..count {
        let folder = dir.join(format!("part-{}/{}", i % 7, i % 3));
        std::fs::create_dir_all(&folder).unwrap();
        let bytes: Vec<u8> = (0..(i * 977) % 40_000)
            .map(|b| u8::try_from((b * 31 + i * 7) % 256).unwrap())
            .collect();
        std::fs::write(folder.join(format!("object {i:04}")), bytes).unwrap();
    }
}

/// A plan of a move, which nothing speaks against.
pub async fn plan(services: &Services, name: &str, target: &Location, path: &str) -> Plan {
    let request = PlanRequest {
        dataset_id: DatasetKey::Name(name.to_owned()),
        target_location: target.uri.join(path).unwrap().to_string(),
        storage_class: None,
        dry_run: true,
        require_approval: false,
        options: data_in_motion::domain::migration::options::MoveOptions::default(),
    };
    let mut plan = services.mover.plan(request).await.unwrap().plan;
    plan.monthly_saving_nanousd = Some(data_in_motion::domain::unit::NanoUsd(5));
    plan
}

/// A server with the locations `fast` and `deep`, and on `fast` the dataset `demo` of `count` files.
pub async fn moving(count: usize) -> (TestApp, Location) {
    moving_with(count, &[]).await
}

/// The same with settings.
pub async fn moving_with(count: usize, settings: &[(&'static str, &str)]) -> (TestApp, Location) {
    let app = TestApp::open_with(settings).await;
    let (fast, deep) = (app.make("fast"), app.make("deep"));
    let demo = app.make("fast/demo");
    fill(&app.dir.path().join("files/fast/demo"), count);
    location(app.services(), "fast", &fast).await;
    let deep = location(app.services(), "deep", &deep).await;
    dataset(app.services(), "demo", &demo).await;
    (app, deep)
}

/// Everything below a directory: path and content, directories with a trailing slash.
pub fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        let Ok(entries) = std::fs::read_dir(dir) else {
            return;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                walk(root, &path, found);
            } else {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}

/// A mover at work, and what it says of its jobs.
pub struct AtWork {
    services: Services,
    stop: oneshot::Sender<()>,
    mover: JoinHandle<()>,
    live: JoinHandle<()>,
    heard: Subscriber,
}

impl AtWork {
    /// Starts the mover and the live channel of a server.
    pub fn start(app: &TestApp) -> Self {
        Self::over(app.services())
    }

    /// The same over use cases of a test's own making.
    pub fn over(services: &Services) -> Self {
        let services = services.clone();
        let (stop, stopped) = oneshot::channel();
        let mut heard = services.live.subscriber(Resume::Snapshot);
        heard.subscribe(Stream::Jobs, None, None);
        let mover = tokio::spawn(services.mover.clone().run(async move { drop(stopped.await) }));
        let live = tokio::spawn(services.live.clone().run(std::future::pending()));
        Self {
            services,
            stop,
            mover,
            live,
            heard,
        }
    }

    /// Waits until a job is as wanted. It is looked at whenever something is said of jobs.
    pub async fn until(&mut self, id: JobId, what: &str, wanted: impl Fn(&JobDetail) -> bool) -> JobDetail {
        let waiting = async {
            loop {
                let job = self.services.mover.get_job(id).await.unwrap();
                if wanted(&job) {
                    return job;
                }
                drop(tokio::time::timeout(Duration::from_millis(100), self.heard.next()).await);
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(job) => job,
            Err(_) => panic!(
                "the job is never {what}: {:#?}",
                self.services.mover.get_job(id).await.unwrap().job
            ),
        }
    }

    /// Waits for a stage.
    pub async fn until_status(&mut self, id: JobId, status: JobStatus) -> JobDetail {
        self.until(id, status.as_str(), |job| {
            assert!(
                job.job.status == status || job.job.status != JobStatus::Failed,
                "{:?}",
                job.job.reason
            );
            job.job.status == status
        })
        .await
    }

    /// Ends the mover where it stands, as a crash would: nothing is given back.
    pub async fn die(self) {
        self.mover.abort();
        drop(self.mover.await);
        self.live.abort();
    }

    /// Lets the mover give its jobs back and end.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.mover.await.unwrap();
        self.live.abort();
    }
}

/// Waits until the server is held at a point, and gives the file whose removal lets it go on.
pub async fn held_at(app: &TestApp, point: &str) -> PathBuf {
    let file = app.dir.path().join("data").join(format!("paused-at-{point}"));
    let held = async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, held).await.expect(point);
    file
}

/// Nothing of a move's own is left anywhere below a directory.
pub fn assert_no_leftovers(dir: &Path) {
    let left: Vec<_> = tree(dir)
        .into_keys()
        .filter(|name| name.contains(".dim-move-"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}

/// The catalog serves exactly `content`, from the one serving copy, where it says.
pub async fn assert_serves(services: &Services, name: &str, content: &BTreeMap<String, Vec<u8>>) {
    let key = DatasetKey::Name(name.to_owned());
    let detail = services.catalog.get_dataset(&key).await.unwrap();
    let path = detail.summary.dataset.path_uri.local_path().unwrap();
    let found = tree(Path::new(&path));
    let keys = |t: &BTreeMap<String, Vec<u8>>| t.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&found), keys(content), "the objects at {path}");
    assert!(found == *content, "the bytes at {path}");
    let serving: Vec<_> = detail
        .replicas
        .iter()
        .filter(|r| r.role == ReplicaRole::Serving)
        .collect();
    assert_eq!(serving.len(), 1, "{:#?}", detail.replicas);
    assert_eq!(serving[0].location_id, detail.summary.dataset.location_id);
}

/// A job that ended well says so in every place: stages, manifest, log.
pub async fn assert_consistent(services: &Services, id: JobId) {
    let detail = services.mover.get_job(id).await.unwrap();
    assert_eq!(
        detail.events.last().unwrap().status,
        detail.job.status,
        "the last stage is the job's"
    );
    assert!(detail.events.windows(2).all(|w| w[0].seq < w[1].seq));
    let switches = detail
        .events
        .windows(2)
        .filter(|w| w[0].status == JobStatus::Switching && w[1].status == JobStatus::Completed)
        .count();
    let switched = matches!(detail.job.status, JobStatus::Completed | JobStatus::Undone);
    assert_eq!(
        switches,
        usize::from(switched),
        "one switch, announced once: {:#?}",
        detail.events
    );
    if switched {
        assert!(
            detail.objects.iter().all(|o| o.state == "verified"),
            "{:#?}",
            detail.objects
        );
        assert!(detail.verification.is_some());
    }
    if detail.job.status.is_end() {
        assert!(detail.job.owner.is_none(), "{:#?}", detail.job);
        assert!(detail.job.finished_at.is_some());
    }
}

/// Queues a move of `demo`.
pub async fn queue(app: &TestApp, deep: &Location, path: &str) -> Job {
    let plan = plan(app.services(), "demo", deep, path).await;
    app.services().mover.queue(plan, false).await.unwrap()
}
