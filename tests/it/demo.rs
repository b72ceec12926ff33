//! Stories of `dim serve --demo`, told by the real program: what it shows, that its moves and reads are real, and that it leaves
//! nothing behind.

use futures::StreamExt;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for something that a demo does by itself; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// A demo that is running, and the temporary directory in which it may make its own.
struct Demo {
    child: Child,
    address: String,
    root: PathBuf,
    tmp: TempDir,
}

impl Demo {
    fn start(extra: &[&str]) -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let mut child = command(tmp.path(), extra)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut wanted = |mark: &str| {
            let mut before = Vec::new();
            for line in said.by_ref() {
                if let Some((_, found)) = line.split_once(mark) {
                    return found.split(' ').next().unwrap().to_owned();
                }
                before.push(line);
            }
            panic!("it did not say {mark:?} but {before:#?}");
        };
        let address = wanted("open ");
        let root = wanted("demo directory: ").into();
        std::thread::spawn(move || said.count());
        Self {
            child,
            address,
            root,
            tmp,
        }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}{path}", self.address)).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        answer.json().await.unwrap()
    }

    /// Follows the live channel from its beginning until `enough` of what it says.
    async fn follow(&self, mut enough: impl FnMut(&str, &Value) -> bool) {
        let url = format!("{}/events?since=0", self.address);
        let mut body = reqwest::get(url).await.unwrap().bytes_stream();
        let (mut text, mut name) = (String::new(), String::new());
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let chunk = tokio::time::timeout(left, body.next()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("not enough was said in {PATIENCE:?}"));
            text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
            while let Some((line, rest)) = text.split_once('\n') {
                if let Some(event) = line.strip_prefix("event: ") {
                    name = event.to_owned();
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let data = serde_json::from_str(data).unwrap_or(Value::Null);
                    if enough(&name, &data) {
                        return;
                    }
                }
                text = rest.to_owned();
            }
        }
    }

    /// Stops it with a signal; it ends well and nothing of it is left.
    fn stop(mut self, signal: rustix::process::Signal) {
        assert!(self.root.is_dir());
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert_eq!(left(self.tmp.path()), Vec::<PathBuf>::new());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Only where a test failed is it still running.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn command(tmp: &Path, extra: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dim"));
    command
        .args(["serve", "--demo", "--addr", "127.0.0.1:0", "--shutdown-secs", "3"])
        .args(extra)
        .env("NO_COLOR", "1")
        .env("TMPDIR", tmp)
        .current_dir(tmp);
    command
}

fn left(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}"))
}

/// Name to what does not change while the demo runs: size, objects, readers' patience, and a hash of the first file.
async fn catalog(demo: &Demo) -> BTreeMap<String, (i64, i64, Option<i64>, String)> {
    let page = demo.get("/api/v1/datasets?limit=200").await;
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|d| {
            let dir = text(d, "path_uri").strip_prefix("file://").unwrap();
            assert!(Path::new(dir).starts_with(&demo.root), "{dir}");
            let first = walk(Path::new(dir)).into_iter().min().unwrap();
            let hash = blake3::hash(&std::fs::read(first).unwrap()).to_string();
            let facts = (
                d["size_bytes"].as_i64().unwrap(),
                d["object_count"].as_i64().unwrap(),
                d["latency_limit_ms"].as_i64(),
                hash,
            );
            (text(d, "name").to_owned(), facts)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_is_alive_everything_on_it_is_real_and_nothing_is_left_behind() {
    let demo = Demo::start(&["--seed", "11"]);
    let overview = demo.get("/api/v1/overview").await;
    assert_eq!(overview["dataset_count"], 40);
    assert!(
        overview["access_event_count"].as_i64() > Some(5_000),
        "{overview}"
    );
    assert!(
        overview["size_bytes"].as_i64() > Some(50_000_000_000_000),
        "{overview}"
    );
    assert!(
        overview["move_recommendation_count"].as_i64() > Some(5),
        "{overview}"
    );
    let note = &overview["demo_note"];
    assert!(text(note, "source").contains("generated from seed 11"), "{note}");
    assert!(
        text(note, "scale").contains("One byte on disk stands for 2,000,000"),
        "{note}"
    );
    assert!(text(note, "scale").contains("no cloud"), "{note}");

    // Jobs come to every state that is worth a look, and readers are at work.
    let wanted: BTreeSet<&str> = [
        "awaiting_approval",
        "failed",
        "completed",
        "copying",
        "measured read",
    ]
    .into();
    let mut seen = BTreeSet::new();
    demo.follow(|name, data| {
        if name == "job_status" {
            seen.insert(text(data, "status").to_owned());
        } else if name == "access_event" && data["client_lat_us"].as_i64() >= Some(1) {
            seen.insert("measured read".to_owned());
        }
        wanted.iter().all(|w| seen.contains(*w))
    })
    .await;

    let jobs = demo.get("/api/v1/jobs").await;
    let job = |status: &str| {
        let jobs = jobs["items"].as_array().unwrap();
        jobs.iter()
            .find(|j| j["status"] == status)
            .unwrap_or_else(|| panic!("{status}: {jobs:#?}"))
    };
    let failed = job("failed");
    assert!(text(failed, "reason").contains("(injected)"), "{failed}");
    assert!(
        failed["actions"].as_array().unwrap().contains(&"retry".into()),
        "{failed}"
    );
    assert!(
        job("awaiting_approval")["actions"]
            .as_array()
            .unwrap()
            .contains(&"approve".into())
    );

    // A move carries the files as they are, and the catalog keeps the size that they stand for.
    let moved = job("completed");
    let dataset = demo
        .get(&format!("/api/v1/datasets/{}", moved["dataset_id"]))
        .await;
    assert_eq!(dataset["path_uri"], moved["target_uri"]);
    let carried = moved["progress"]["bytes_total"].as_i64().unwrap();
    assert_eq!(dataset["size_bytes"].as_i64(), Some(carried * 2_000_000));
    let dir = text(&dataset, "path_uri")
        .strip_prefix("file://")
        .unwrap()
        .to_owned();
    let on_disk: u64 = walk(Path::new(&dir))
        .iter()
        .map(|f| f.metadata().unwrap().len())
        .sum();
    assert_eq!(i64::try_from(on_disk).ok(), Some(carried));

    let once = catalog(&demo).await;
    let hashes: BTreeSet<_> = once.values().map(|facts| &facts.3).collect();
    assert_eq!(hashes.len(), 40, "no two files are alike");
    let again = Demo::start(&["--seed", "11"]);
    assert_eq!(
        catalog(&again).await,
        once,
        "the same seed gives the same catalog"
    );
    again.stop(rustix::process::Signal::INT);
    demo.stop(rustix::process::Signal::TERM);
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let (dirs, mut files): (Vec<_>, Vec<_>) = left(dir).into_iter().partition(|p| p.is_dir());
    files.extend(dirs.iter().flat_map(|d| walk(d)));
    files
}

/// Ten weeks of three datasets: one read every day, one only in the first week, one whose size no one states.
fn history(dir: &Path) -> (String, String) {
    let mut events = "unix_time,object_id,op,size_bytes\n".to_owned();
    let mut add = |day: i64, id: &str, op: &str, bytes: i64| {
        events.push_str(&format!("{},{id},{op},{bytes}\n", 1_600_000_000 + day * 86_400));
    };
    add(0, "daily", "PUT", 4_000_000_000_000);
    add(0, "early/one", "PUT", 900_000_000_000);
    add(0, "unstated", "PUT", 70_000_000_000);
    for day in 1..70 {
        add(day, "daily", "GET", 3_000_000_000_000);
        if day < 7 {
            add(day, "early/one", "GET", 5_000_000);
        }
    }
    let objects = "object_id,size_bytes,n_files,created_unix\n\
                   daily,4000000000000,300,1600000000\nearly/one,900000000000,2,1600000000\n";
    let paths = [("trace.csv", events.as_str()), ("trace_objects.csv", objects)].map(|(name, text)| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    });
    paths.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_ones_own_is_shown_with_its_own_sizes_up_to_now() {
    let dir = tempfile::tempdir().unwrap();
    let (events, objects) = history(dir.path());
    let demo = Demo::start(&["--history", &events, "--objects", &objects]);
    let overview = demo.get("/api/v1/overview").await;
    assert_eq!(overview["dataset_count"], 3, "{overview}");
    assert_eq!(
        overview["size_bytes"].as_i64(),
        Some(4_970_000_000_000),
        "{overview}"
    );
    let note = &overview["demo_note"];
    for part in ["trace.csv", "3 datasets and 78 accesses", "shifted forward"] {
        assert!(text(note, "source").contains(part), "{note}");
    }
    let daily = demo.get("/api/v1/datasets/daily").await;
    assert_eq!(daily["object_count"], 300, "the history's own count");
    assert_eq!(text(&daily, "location_name"), "lake");
    assert_eq!(text(&daily, "storage_class"), "STANDARD");
    let days = daily["read_bytes_by_day"].as_array().unwrap();
    assert_eq!(days.len(), 30);
    let read = days
        .iter()
        .filter(|b| b.as_i64() >= Some(3_000_000_000_000))
        .count();
    assert!(read >= 29, "read every day up to now: {days:?}");
    // The name that is none is shown as the closest one.
    let early = demo.get("/api/v1/datasets/early_one").await;
    assert_eq!(early["size_bytes"].as_i64(), Some(900_000_000_000));
    // The live reads go on with what was read lately, and with nothing else.
    demo.follow(|name, data| {
        if name != "access_event" || data["client_lat_us"].is_null() {
            return false;
        }
        assert_eq!(text(data, "dataset_name"), "daily");
        true
    })
    .await;
    demo.stop(rustix::process::Signal::TERM);
}

#[test]
fn a_demo_that_cannot_start_says_why_and_leaves_nothing() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (events, objects) = history(dir.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let cases: [(&[&str], &str); 4] = [
        (&["--history", &events], "--history needs --objects"),
        (
            &["--history", &objects, "--objects", &objects],
            "no column unix_time",
        ),
        (
            &["--history", "/nowhere.csv", "--objects", &objects],
            "cannot read /nowhere.csv",
        ),
        (&["--addr", &port], "listen on"),
    ];
    for (extra, reason) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dim"));
        let out = command
            .args(["serve", "--demo"])
            .args(extra)
            .env("TMPDIR", tmp.path())
            .current_dir(tmp.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains(reason), "{said}");
        assert_eq!(left(tmp.path()), Vec::<PathBuf>::new(), "{reason}");
    }
}
