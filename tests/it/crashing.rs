//! The program as a process that is killed, and a dataset that somebody reads all the while.

use crate::app::TestApp;
use crate::moving::{assert_consistent, assert_no_leftovers, assert_serves, moving_with, queue, tree};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::migration::{JobDetail, JobStatus};
use data_in_motion::services::Services;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(60);
/// More than one batch of the manifest and of a removal.
const OBJECTS: usize = 240;

type Tree = BTreeMap<String, Vec<u8>>;

/// One run of the program.
pub struct Server {
    child: Child,
    data: PathBuf,
    log: PathBuf,
}

impl Server {
    /// The program's command line.
    pub fn command(data: &Path, grace_secs: &str, inject: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dim"));
        command
            .args([
                "serve",
                "--addr",
                "127.0.0.1:0",
                "--roles",
                "web,mover",
                "--log",
                "info",
            ])
            .args(["--grace-secs", grace_secs, "--data-dir"])
            .arg(data)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        if !inject.is_empty() {
            command.args(["--inject", inject]);
        }
        command
    }

    /// Starts it over a directory that holds `data`, with these faults; `run` numbers its log.
    pub fn run(dir: &Path, run: usize, grace_secs: &str, inject: &[&str]) -> Self {
        let data = dir.join("data");
        let log = dir.join(format!("log-{run}"));
        let file = File::create(&log).unwrap();
        let child = Self::command(&data, grace_secs, &inject.join(","))
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, data, log }
    }

    /// The end of what it has said.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Waits until it answers requests.
    pub async fn listens(&mut self) {
        let started = Instant::now();
        while !std::fs::read_to_string(&self.log)
            .unwrap()
            .contains("listening on")
        {
            assert!(started.elapsed() < PATIENCE, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it is held at a point; removing the file lets it go on.
    pub async fn held_at(&mut self, point: &str) -> PathBuf {
        let file = self.data.join(format!("paused-at-{point}"));
        let started = Instant::now();
        while !file.exists() {
            assert!(
                started.elapsed() < PATIENCE,
                "not held at {point}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        file
    }

    async fn ends(&mut self, how: &str) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "it does not end {how}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it was killed.
    pub async fn dies(&mut self) {
        let status = self.ends("by its failpoint").await;
        assert_eq!(status.signal(), Some(9), "{}", self.log());
    }

    /// Kills it.
    pub async fn kill(&mut self) {
        self.child.kill().unwrap();
        self.ends("by a kill").await;
    }

    /// Asks it to stop, once it is up: before that nothing hears the signal, which then kills it like any process.
    pub async fn stop(&mut self) {
        self.listens().await;
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.ends("when asked").await;
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A failed test leaves no process behind.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A queued move of a dataset of [`OBJECTS`] objects, and a reader that never stops.
pub struct Scene {
    name: String,
    app: TestApp,
    pub job: JobId,
    content: Tree,
    grace_secs: String,
    reader: JoinHandle<usize>,
    done: Arc<AtomicBool>,
    runs: usize,
}

impl Scene {
    pub async fn open(name: &str, grace_secs: &str) -> Self {
        let (app, deep) = moving_with(OBJECTS, &[("grace_secs", grace_secs)]).await;
        // Small, so that the time goes into the steps and not into the bytes.
        let source = app.dir.path().join("files/fast/demo");
        for (i, key) in tree(&source).keys().filter(|k| !k.ends_with('/')).enumerate() {
            let bytes: Vec<u8> = (0..4000 + i)
                .map(|b| u8::try_from((b * 7 + i) % 251).unwrap())
                .collect();
            std::fs::write(source.join(key), bytes).unwrap();
        }
        let content = tree(&source);
        let job = queue(&app, &deep, "new/demo").await;
        let done = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(read_on(
            name.to_owned(),
            app.services().clone(),
            content.clone(),
            done.clone(),
        ));
        Self {
            name: name.to_owned(),
            app,
            job: job.id,
            content,
            grace_secs: grace_secs.to_owned(),
            reader,
            done,
            runs: 0,
        }
    }

    pub fn services(&self) -> &Services {
        self.app.services()
    }

    fn files(&self, path: &str) -> PathBuf {
        self.app.dir.path().join("files").join(path)
    }

    /// Starts the program with these faults.
    pub fn start(&mut self, inject: &[&str]) -> Server {
        self.runs += 1;
        Server::run(self.app.dir.path(), self.runs, &self.grace_secs, inject)
    }

    /// Somebody writes to the source.
    pub fn add_late_object(&mut self) {
        std::fs::write(self.files("fast/demo/late"), "written during the move").unwrap();
        self.content
            .insert("late".into(), b"written during the move".to_vec());
    }

    /// Nobody can tell any more whether the last mover is alive.
    pub fn forget_proof_of_death(&self) {
        std::fs::remove_dir_all(self.app.dir.path().join("data/movers")).unwrap();
    }

    pub async fn let_lease_run_out(&self) {
        let store = self.app.store().await;
        let mut tx = store.write().await.unwrap();
        sqlx::query("UPDATE jobs SET lease_until = 0 WHERE id = $1")
            .bind(self.job.0)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        store.close().await;
    }

    /// Waits until the job is as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&JobDetail) -> bool) -> JobDetail {
        let started = Instant::now();
        loop {
            let job = self.services().mover.get_job(self.job).await.unwrap();
            assert!(
                job.job.status != JobStatus::Failed,
                "{}: {:?}; {:#?}",
                self.name,
                job.job.reason,
                job.events
            );
            if wanted(&job) {
                return job;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{}: never {what}: {:#?}\n{}",
                self.name,
                job.job,
                std::fs::read_to_string(self.app.dir.path().join(format!("log-{}", self.runs))).unwrap()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn until_status(&self, status: JobStatus) -> JobDetail {
        self.until(status.as_str(), |j| j.job.status == status).await
    }

    /// The job is completed: the copy serves, the source is kept, nothing else is there.
    pub async fn ends_completed(&self) {
        self.until_status(JobStatus::Completed).await;
        self.serves_and_is_clean("deep/new/demo").await;
        assert!(
            tree(&self.files("fast/demo")) == self.content,
            "{}: the source is kept",
            self.name
        );
        assert_eq!(self.names("deep"), ["new/"], "{}", self.name);
    }

    /// The copy serves, the source is gone.
    pub async fn ends_retired(&self) {
        self.until("retired", |j| {
            j.job
                .reason
                .as_deref()
                .is_some_and(|r| r.ends_with("the source is removed"))
        })
        .await;
        self.serves_and_is_clean("deep/new/demo").await;
        assert!(
            self.names("fast").is_empty(),
            "{}: {:?}",
            self.name,
            self.names("fast")
        );
        assert_eq!(self.names("deep"), ["new/"], "{}", self.name);
    }

    /// The source serves, nothing is left at the target.
    pub async fn ends_undone(&self) {
        self.until("cleaned after the undo", |j| {
            j.job.status == JobStatus::Undone
                && j.job
                    .reason
                    .as_deref()
                    .is_some_and(|r| r.ends_with("the copy at the target is removed"))
        })
        .await;
        self.serves_and_is_clean("fast/demo").await;
        assert!(
            self.names("deep").is_empty(),
            "{}: {:?}",
            self.name,
            self.names("deep")
        );
    }

    /// The same after a cancel.
    pub async fn ends_cancelled(&self) {
        self.until_status(JobStatus::Cancelled).await;
        self.serves_and_is_clean("fast/demo").await;
        assert!(
            self.names("deep").is_empty(),
            "{}: {:?}",
            self.name,
            self.names("deep")
        );
    }

    fn names(&self, path: &str) -> Vec<String> {
        let top = |k: &String| k.find('/').is_none_or(|at| at == k.len() - 1);
        tree(&self.files(path)).into_keys().filter(top).collect()
    }

    async fn serves_and_is_clean(&self, path: &str) {
        let key = DatasetKey::Name("demo".into());
        let dataset = self.services().catalog.find_dataset(&key).await.unwrap();
        assert_eq!(dataset.path_uri.to_string(), self.app.uri(path), "{}", self.name);
        assert_serves(self.services(), "demo", &self.content).await;
        assert_consistent(self.services(), self.job).await;
        assert_no_leftovers(&self.app.dir.path().join("files"));
    }

    /// Ends the reader; how often it looked.
    pub async fn close(self) -> usize {
        self.done.store(true, Ordering::Release);
        self.reader.await.unwrap()
    }
}

/// Asks the catalog where the dataset is and reads some objects there, again and again. A place that fails is excused only when the
/// catalog has named another one meanwhile.
async fn read_on(name: String, services: Services, content: Tree, done: Arc<AtomicBool>) -> usize {
    let objects: Vec<_> = content.into_iter().filter(|(k, _)| !k.ends_with('/')).collect();
    let objects = Arc::new(objects);
    let mut looks = 0;
    while !done.load(Ordering::Acquire) {
        let place = place_of(&services).await;
        let (some, at) = (objects.clone(), place.clone());
        let read = tokio::task::spawn_blocking(move || {
            // A different twentieth of them each time.
            let mine = some.iter().skip(looks % 20).step_by(20);
            for (key, bytes) in mine {
                match std::fs::read(Path::new(&at).join(key)) {
                    Ok(found) if found == *bytes => {}
                    Ok(_) => return Err(format!("{at}/{key} has other bytes")),
                    Err(error) => return Err(format!("{at}/{key}: {error}")),
                }
            }
            Ok(())
        });
        if let Err(problem) = read.await.unwrap() {
            assert_ne!(place_of(&services).await, place, "{name}: {problem}");
        }
        looks += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    looks
}

async fn place_of(services: &Services) -> String {
    let key = DatasetKey::Name("demo".into());
    let dataset = services.catalog.find_dataset(&key).await.unwrap();
    dataset.path_uri.local_path().unwrap()
}
