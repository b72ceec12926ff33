//! Several programs on one Postgres: two web nodes and movers of their own, one killed and one frozen on the way.

use crate::api::Api;
use crate::heard::Events;
use crate::kafka;
use crate::moving::{fill, tree};
use crate::postgres::shared;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
const LEASE_SECS: &str = "3";

/// A program that listens.
pub struct Node {
    child: Child,
    pub api: Api,
}

impl Drop for Node {
    fn drop(&mut self) {
        // Also one that is frozen.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Node {
    fn start(dir: &Path, name: &str, args: &[&str]) -> Self {
        Self::start_with(dir, name, args, &[])
    }

    /// The same with variables in its environment.
    pub fn start_with(dir: &Path, name: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dim"))
            .args(args)
            .args(["--addr", "127.0.0.1:0", "--data-dir"])
            .arg(dir.join(name))
            .env("NO_COLOR", "1")
            .env_remove("KAFKA_BROKERS")
            .envs(env.iter().copied())
            .env("DIM_CONFIG", dir.join("none.toml"))
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut all = Vec::new();
        let address = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let found = line.split_once("listening on ").map(|(_, a)| a.trim().to_owned());
                all.push(line);
                found
            })
            .unwrap_or_else(|| panic!("{name} does not listen: {all:?}"));
        let (name, shown) = (name.to_owned(), std::env::var_os("DIM_TEST_SHOW").is_some());
        std::thread::spawn(move || {
            for line in said.map_while(Result::ok).filter(|_| shown) {
                eprintln!("{name}: {line}");
            }
        });
        Self {
            child,
            api: Api::new(&address),
        }
    }

    fn web(dir: &Path, name: &str, database: &str, broker: &[&str]) -> Self {
        let files = dir.join("files").to_string_lossy().into_owned();
        let own = [
            "serve",
            "--roles",
            "web",
            "--database-url",
            database,
            "--allow-root",
            &files,
        ];
        Self::start(dir, name, &[&own[..], broker].concat())
    }

    fn mover(dir: &Path, name: &str, database: &str, more: &[&str]) -> Self {
        let args = ["mover", "--database-url", database, "--lease-secs", LEASE_SECS];
        Self::start(dir, name, &[&args[..], more].concat())
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Jobs under way, by the process id in their owner's name.
async fn carried(api: &Api) -> BTreeMap<String, usize> {
    let jobs = api.get("/api/v1/jobs?status=active&limit=100").await.json();
    let mut by_owner = BTreeMap::new();
    for job in jobs["items"].as_array().unwrap() {
        if let Some(owner) = job["owner"].as_str() {
            *by_owner.entry(owner.to_owned()).or_default() += 1;
        }
    }
    by_owner
}

fn carries(carried: &BTreeMap<String, usize>, node: &Node) -> usize {
    let pid = format!("-{}-", node.child.id());
    carried
        .iter()
        .filter(|(owner, _)| owner.contains(&pid))
        .map(|(_, n)| n)
        .sum()
}

/// Listens at a node until so many jobs are completed in all; every number of the log once, in order.
async fn listen(node: &Node, since: &mut i64, seen: &mut Vec<Value>, completed: usize) {
    let last = since.to_string();
    let mut events = Events::open(&node.api.base, "", Some(&last)).await;
    while count(seen, "completed") < completed {
        let block = events.next().await;
        assert_ne!(block.event.as_deref(), Some("resync"), "{block:?}");
        let Some(id) = block.id else { continue };
        assert_eq!(id.parse::<i64>().unwrap(), *since + 1, "once and in order");
        *since += 1;
        seen.push(serde_json::from_str(&block.data.unwrap()).unwrap());
    }
}

fn count(seen: &[Value], status: &str) -> usize {
    seen.iter()
        .filter(|e| e["type"] == "job_status" && e["status"] == status)
        .count()
}

const JOBS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_jobs_survive_a_killed_and_a_frozen_mover_and_a_client_that_changes_nodes() {
    twenty_jobs(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_jobs_survive_the_same_with_a_broker_and_its_topics_tell_each_stage() {
    let (brokers, prefix) = (kafka::shared().await, kafka::fresh("nodes"));
    let broker = [
        "--kafka-brokers",
        brokers,
        "--kafka-topic-prefix",
        &prefix,
        "--kafka-group",
        &prefix,
    ];
    let logged = twenty_jobs(&broker).await;
    let stages: Vec<&Value> = logged.iter().filter(|e| e["type"] == "job_status").collect();
    let told = kafka::read(brokers, &format!("{prefix}migration_status"), stages.len()).await;
    // A relay whose process is killed tells its last messages again, with the same id; each first one is in order.
    let mut ids = BTreeSet::new();
    let first: Vec<_> = told
        .iter()
        .filter(|m| ids.insert(m.headers["ce_id"].clone()))
        .map(|m| serde_json::from_str::<Value>(&m.value).unwrap())
        .collect();
    for job in 1..=JOBS {
        let id = job.to_string();
        let of = |e: &&Value| e["job_id"] == id;
        let last = |all: &[&Value]| all.iter().position(|e| e["status"] == "completed").unwrap() + 1;
        let wanted: Vec<_> = stages.iter().copied().filter(of).collect();
        let heard: Vec<_> = first.iter().filter(of).collect();
        assert_eq!(heard[..last(&heard)], wanted[..last(&wanted)], "job {job}");
    }
    let jobs = kafka::read(brokers, &format!("{prefix}migration_jobs"), JOBS).await;
    let keys: BTreeSet<_> = jobs.into_iter().map(|m| m.key).collect();
    assert_eq!(keys.len(), JOBS);
}

/// The story; all events of the log until the last job was completed.
async fn twenty_jobs(broker: &[&str]) -> Vec<Value> {
    let database = tokio::task::spawn_blocking(shared)
        .await
        .unwrap()
        .database()
        .await;
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().canonicalize().unwrap();
    for place in ["files/from", "files/to"] {
        std::fs::create_dir_all(dir.join(place)).unwrap();
    }
    let (a, b) = (
        Node::web(&dir, "web-a", &database, broker),
        Node::web(&dir, "web-b", &database, broker),
    );
    if !broker.is_empty() {
        // What is logged before a broker is there is not told to it.
        until("the broker", async || {
            let figures = a.api.get("/metrics").await.text;
            (figures.contains("dim_broker_up 1") && figures.contains("dim_outbox_pending_events 0"))
                .then_some(())
        })
        .await;
    }
    for place in ["from", "to"] {
        let body = json!({"name": place, "uri": format!("file://{}/files/{place}", dir.display())});
        assert_eq!(a.api.post("/api/v1/locations", body).await.status, 201);
    }
    let mut trees = Vec::new();
    for n in 0..JOBS {
        let from = dir.join(format!("files/from/set-{n}"));
        fill(&from, 40);
        trees.push(tree(&from));
        let body = json!({"name": format!("set-{n}"), "path_uri": format!("file://{}", from.display())});
        assert_eq!(a.api.post("/api/v1/datasets", body).await.status, 201);
        let plan = json!({
            "dataset_id": format!("set-{n}"),
            "target_location": format!("file://{}/files/to/set-{n}", dir.display()),
        });
        let queued = a.api.post("/api/v1/plans", plan).await;
        assert_eq!(queued.status, 201, "{}", queued.text);
    }
    // Slow enough to be met at work.
    let slow = [&["--inject", "slow-copy=60000"], broker].concat();
    let killed = Node::mover(&dir, "mover-1", &database, &slow);
    let frozen = Node::mover(&dir, "mover-2", &database, &slow);
    until("work of both", async || {
        let now = carried(&b.api).await;
        (carries(&now, &killed) == 2 && carries(&now, &frozen) == 2).then_some(())
    })
    .await;
    frozen.signal(rustix::process::Signal::STOP);
    killed.signal(rustix::process::Signal::KILL);
    let (mut since, mut seen) = (0, Vec::new());
    let began = Instant::now();
    let rest = Node::mover(&dir, "mover-3", &database, broker);
    let changes_nodes = async {
        listen(&b, &mut since, &mut seen, JOBS / 2).await;
        listen(&a, &mut since, &mut seen, JOBS).await;
    };
    let (mut other_since, mut other_seen) = (0, Vec::new());
    let stays = listen(&b, &mut other_since, &mut other_seen, JOBS);
    tokio::join!(changes_nodes, stays);
    assert_eq!(seen, other_seen, "every client sees the same");
    eprintln!(
        "{JOBS} jobs, two movers lost: {:?} until the last was completed",
        began.elapsed()
    );
    // The one that wakes late may write nothing that counts.
    frozen.signal(rustix::process::Signal::CONT);
    until("rest", async || {
        let health = frozen.api.get("/health").await.json();
        let detail = health["parts"]["mover"]["detail"]
            .as_str()
            .unwrap_or("")
            .to_owned();
        detail
            .contains(": 0 of at most 2 jobs running, 0 queued")
            .then_some(())
    })
    .await;

    assert_eq!(count(&seen, "completed"), JOBS);
    assert_eq!(count(&seen, "failed") + count(&seen, "cancelled"), 0, "{seen:?}");
    assert_eq!(a.api.get("/readyz").await.status, 200);
    for (n, tree_before) in trees.iter().enumerate() {
        let dataset = b.api.get(&format!("/api/v1/datasets/set-{n}")).await.json();
        let at = format!("file://{}/files/to/set-{n}", dir.display());
        let place = dataset
            .pointer("/dataset/path_uri")
            .unwrap_or(&dataset["path_uri"]);
        assert_eq!(*place, json!(at), "{dataset}");
        assert_eq!(
            &tree(&dir.join(format!("files/to/set-{n}"))),
            tree_before,
            "set-{n}"
        );
    }
    // What the frozen one had begun is cleaned away in time, and nothing else lies at the target.
    until("clean-up", async || {
        let left: Vec<_> = std::fs::read_dir(dir.join("files/to"))
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with("set-"))
            .collect();
        left.is_empty().then_some(())
    })
    .await;

    // A mover tells what it sees, also to the command line.
    let jobs = rest.api.get("/jobs?limit=100").await.json();
    assert_eq!(jobs["items"].as_array().unwrap().len(), JOBS);
    assert_eq!(rest.api.get("/jobs/1").await.json()["status"], "completed");
    let figures = rest.api.get("/metrics").await.text;
    assert!(figures.contains("dim_jobs{status=\"completed\"} 20"), "{figures}");
    assert!(figures.contains("dim_job_stage_duration_seconds"), "{figures}");
    assert_eq!(rest.api.get("/api/v1/datasets").await.status, 404);
    let said = Command::new(env!("CARGO_BIN_EXE_dim"))
        .args([
            "jobs",
            "list",
            "--source",
            "go",
            "-o",
            "csv",
            "--server",
            &a.api.base,
        ])
        .env("DIM_MOVER", &rest.api.base)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&said.stdout).into_owned(),
        String::from_utf8_lossy(&said.stderr).into_owned(),
    );
    assert!(
        said.status.success() && out.lines().count() == JOBS + 1,
        "{out}{err}"
    );
    assert!(err.contains(&rest.api.base), "{err}");
    if !broker.is_empty() {
        // Whoever told the log may have been the one that was killed.
        until("an empty outbox", async || {
            let figures = a.api.get("/metrics").await.text;
            figures.contains("dim_outbox_pending_events 0").then_some(())
        })
        .await;
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mover_without_a_shared_database_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let said = Command::new(env!("CARGO_BIN_EXE_dim"))
        .args(["mover", "--addr", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path().join("data"))
        .current_dir(dir.path())
        .env_remove("DIM_DATABASE_URL")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && err.contains("--database-url"), "{err}");
    assert!(!dir.path().join("data").exists(), "nothing was made");
}
