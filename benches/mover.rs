//! How fast a dataset moves from one directory to another, read back and compared, beside what people use today for the same.
//!
//! `make bench-mover` builds for release and runs it. Every round runs each program once, in turn and in a new order, on the same
//! files and the same disk, as a whole process: from its start to its end. Ours starts a server over an empty database, registers
//! both locations and the dataset, moves it (manifest, BLAKE3, bytes and names durable, everything read back, switched, a receipt)
//! and stops. The others copy and then compare, and make nothing durable: `cp -r` + `diff -rq`, `rsync -a` + `rsync -anc`,
//! `rclone copy` + `rclone check`, each with its own defaults. A program that is not installed is left out, and that is said.
//! `--rounds N`, `--large N` files of 512 MiB, `--small N` files of 16 KiB, `--dir PATH` on the disk to measure, `--program PATH`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Ours, then what it is compared with.
const TOOLS: [&str; 4] = ["dim", "cp + diff", "rsync + rsync -c", "rclone copy + check"];

/// One run of one program.
#[derive(Clone, Copy)]
struct Run {
    seconds: f64,
    /// Most memory that was seen in use by the process, in KiB.
    peak_kib: u64,
}

fn main() -> Result<(), Failure> {
    let text = |name: &str| std::env::args().skip_while(|arg| arg != name).nth(1);
    let number = |name: &str, default: u64| text(name).map_or(Ok(default), |text| text.parse::<u64>());
    let rounds = number("--rounds", 3)?;
    let program = text("--program").unwrap_or_else(|| env!("CARGO_BIN_EXE_dim").to_owned());
    let home = text("--dir").map_or_else(tempfile::tempdir, tempfile::tempdir_in)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for (count, size, what) in [
        (number("--large", 4)?, 512 << 20, "512 MiB"),
        (number("--small", 20_000)?, 16 << 10, "16 KiB"),
    ] {
        if count == 0 {
            continue;
        }
        say(&format!("{count} files of {what}, {rounds} rounds"));
        let source = home.path().join("fast/set");
        fill(&source, count, size)?;
        let mut runs: Vec<Vec<Run>> = vec![Vec::new(); TOOLS.len()];
        for round in 0..rounds {
            for turn in 0..TOOLS.len() {
                let tool = (turn + usize::try_from(round)?) % TOOLS.len();
                settle(home.path())?;
                let run = if tool == 0 {
                    Some(runtime.block_on(ours(&program, home.path(), count))?)
                } else {
                    theirs(tool, home.path())?
                };
                runs[tool].extend(run);
            }
        }
        tell(&runs, count * size);
        std::fs::remove_dir_all(home.path().join("fast"))?;
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

/// Removes what the last run made, and lets the disk come to rest.
fn settle(home: &Path) -> Result<(), Failure> {
    for made in ["deep", "data"] {
        match std::fs::remove_dir_all(home.join(made)) {
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

async fn ours(program: &str, home: &Path, count: u64) -> Result<Run, Failure> {
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
    for name in ["fast", "deep"] {
        post("locations", serde_json::json!({"name": name, "uri": uri(name)})).await?;
    }
    post(
        "datasets",
        serde_json::json!({"name": "set", "path_uri": uri("fast/set")}),
    )
    .await?;
    let planned = post(
        "plans",
        serde_json::json!({"dataset_id": "set", "target_location": "deep"}),
    )
    .await?;
    let job = planned["job"]["id"]
        .as_str()
        .ok_or("no job was queued")?
        .to_owned();
    loop {
        let answer = http.get(format!("{address}/api/v1/jobs/{job}")).send().await?;
        let detail: serde_json::Value = answer.json().await?;
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
        peak_kib: watch.end(),
    })
}

/// A copy and then a comparison; `None` where the program is not installed.
fn theirs(tool: usize, home: &Path) -> Result<Option<Run>, Failure> {
    let (source, target) = (home.join("fast/set"), home.join("deep/set"));
    let slash = |path: &Path| PathBuf::from(format!("{}/", path.display()));
    let (program, copy, compare): (&str, Vec<PathBuf>, Vec<PathBuf>) = match tool {
        1 => ("cp", vec!["-r".into(), source.clone(), target.clone()], vec![]),
        2 => (
            "rsync",
            vec!["-a".into(), slash(&source), slash(&target)],
            vec!["-anci".into(), slash(&source), slash(&target)],
        ),
        _ => (
            "rclone",
            vec!["copy".into(), source.clone(), target.clone()],
            vec!["check".into(), source.clone(), target.clone()],
        ),
    };
    let began = Instant::now();
    let Some(copied) = step(program, &copy)? else {
        return Ok(None);
    };
    let compared = if tool == 1 {
        step("diff", &["-rq".into(), source, target])?
    } else {
        step(program, &compare)?
    };
    let compared = compared.ok_or("there is no diff")?;
    Ok(Some(Run {
        seconds: began.elapsed().as_secs_f64(),
        peak_kib: copied.max(compared),
    }))
}

fn step(program: &str, args: &[PathBuf]) -> Result<Option<u64>, Failure> {
    let child = Command::new(program)
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
    let quiet = done.stdout.is_empty() || program == "rclone";
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
fn tell(runs: &[Vec<Run>], bytes: u64) {
    for (tool, name) in TOOLS.iter().enumerate() {
        if runs[tool].is_empty() {
            say(&format!("  {name:<22} not installed"));
            continue;
        }
        let seconds = median(runs[tool].iter().map(|run| run.seconds).collect());
        let peak = runs[tool].iter().map(|run| run.peak_kib).max().unwrap_or(0);
        let mut line = format!(
            "  {name:<22} {seconds:>8.2} s {:>8.0} MB/s {:>6} MiB at most",
            bytes as f64 / 1e6 / seconds,
            peak.div_ceil(1024)
        );
        if tool > 0 {
            // Of one round each, so that a slow minute of the machine counts on both sides.
            let ratios = runs[tool]
                .iter()
                .zip(&runs[0])
                .map(|(them, us)| them.seconds / us.seconds);
            // Writing to a text cannot fail.
            let _written = write!(line, "   dim is {:.2} times as fast", median(ratios.collect()));
        }
        say(&line);
    }
}
