//! How fast access events come in over HTTP, beside how fast the database takes the same rows without any of it.
//!
//! `scripts/bench.sh ingest` builds for release and runs it. One process serves (`dim serve`), this one sends: NDJSON in batches,
//! each batch acknowledged after its commit, some of them under way at the same time. The baselines are the bare rows over the same
//! driver with the same settings: multi-row VALUES, once with a commit for each batch, once in a single transaction. Nothing is
//! looked up, compared, summed or announced there. `--events N`, `--batch N`, and `--program PATH` for another build of the server.

use data_in_motion::domain::workload::Draw;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Datasets that the events are spread over, the first ones read far more often than the last.
const DATASETS: u64 = 200;
/// Days that the events span, in order of time, as a collector would send them.
const DAYS: i64 = 7;
/// Rows of one INSERT of the baseline.
const ROWS: usize = 500;
/// Batches that are under way at the same time.
const CONNECTIONS: usize = 8;
/// The aim: at least this share of the bare rate.
const AIM: f64 = 0.3;

struct Row {
    dataset: i64,
    op: i64,
    size: i64,
    latency_us: i64,
    occurred_at: i64,
}

struct Figure {
    what: &'static str,
    seconds: f64,
}

fn main() -> Result<(), Failure> {
    let flag = |name: &str, default: usize| {
        let mut args = std::env::args().skip_while(|arg| arg != name);
        args.nth(1).map_or(Ok(default), |text| text.parse::<usize>())
    };
    let (events, batch) = (flag("--events", 1_000_000)?, flag("--batch", 1_000)?);
    let program = std::env::args().skip_while(|arg| arg != "--program").nth(1);
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_dim").to_owned());
    let rows = rows(events);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let dir = tempfile::tempdir()?;
    let figures = [
        runtime.block_on(over_http(&program, &dir.path().join("server"), &rows, batch))?,
        runtime.block_on(bare(
            &dir.path().join("committed"),
            &rows,
            batch,
            "bare rows, a commit for each batch",
        ))?,
        runtime.block_on(bare(
            &dir.path().join("whole"),
            &rows,
            events,
            "bare rows, one transaction",
        ))?,
    ];
    say(&format!(
        "{events} events of {DATASETS} datasets in batches of {batch}, {CONNECTIONS} under way at once, {} cores",
        std::thread::available_parallelism()?
    ));
    let rate = |figure: &Figure| per_second(events, figure.seconds);
    for figure in &figures {
        say(&format!(
            "{:<36} {:>10.0} rows/s {:>8.2} s",
            figure.what,
            rate(figure),
            figure.seconds
        ));
    }
    let ratio = |baseline: &Figure| rate(&figures[0]) / rate(baseline);
    say(&format!(
        "ratio to a commit for each batch     {:>10.2}",
        ratio(&figures[1])
    ));
    say(&format!(
        "ratio to one transaction             {:>10.2}   (aim: {AIM})",
        ratio(&figures[2])
    ));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(events: usize, seconds: f64) -> f64 {
    events as f64 / seconds
}

/// The same rows in every run: seeded, in order of time.
fn rows(events: usize) -> Vec<Row> {
    let mut draw = Draw::new(1, 1);
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let step = DAYS * 86_400_000_000 / number(events as u64).max(1);
    (0..number(events as u64))
        .map(|n| Row {
            // The smaller of two draws: small ids come more often.
            dataset: 1 + number(draw.below(DATASETS).min(draw.below(DATASETS))),
            op: i64::from(draw.below(20) == 0),
            size: number(draw.log_between(1_000, 1_000_000_000)),
            latency_us: number(draw.between(500, 80_000)),
            occurred_at: 1_760_000_000_000_000 + n * step,
        })
        .collect()
}

/// Bodies as a collector writes them: numbered by producer, times in RFC 3339.
fn bodies(rows: &[Row], batch: usize) -> Vec<String> {
    let line = |text: &mut String, number: usize, row: &Row| {
        let at = data_in_motion::domain::unit::Timestamp(row.occurred_at);
        let op = if row.op == 0 { "read" } else { "write" };
        let (ms, us) = (row.latency_us / 1000, row.latency_us % 1000);
        writeln!(
            text,
            r#"{{"producer":"bench","sequence":{number},"dataset_id":{},"op":"{op}","size_bytes":{},"client_lat_ms":{ms}.{us:03},"occurred_at":"{at}"}}"#,
            row.dataset, row.size
        )
    };
    let mut number = 0;
    rows.chunks(batch)
        .map(|part| {
            let mut text = String::with_capacity(part.len() * 160);
            for row in part {
                // Writing to a text cannot fail.
                let _written = line(&mut text, number, row);
                number += 1;
            }
            text
        })
        .collect()
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing that is wanted any more.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn over_http(program: &str, dir: &Path, rows: &[Row], batch: usize) -> Result<Figure, Failure> {
    let files = dir.join("files");
    std::fs::create_dir_all(&files)?;
    let mut child = Command::new(program)
        .args(["serve", "--addr", "127.0.0.1:0", "--allow-root"])
        .arg(&files)
        .arg("--data-dir")
        .arg(dir.join("data"))
        .env("NO_COLOR", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take().ok_or("the server has no stderr")?;
    let _server = Server(child);
    let mut said = BufReader::new(stderr).lines();
    let address = said
        .find_map(|line| Some(line.ok()?.split_once("listening on ")?.1.trim().to_owned()))
        .ok_or("the server did not start")?;
    std::thread::spawn(move || said.count());
    let http = reqwest::Client::new();
    for n in 1..=DATASETS {
        let new = serde_json::json!({
            "name": format!("set-{n}"),
            "path_uri": format!("file://{}/set-{n}", files.canonicalize()?.display()),
            "size_bytes": 1_000_000_000,
        });
        let made = http
            .post(format!("{address}/api/v1/datasets"))
            .json(&new)
            .send()
            .await?;
        made.error_for_status()?;
    }
    let bodies = Arc::new(bodies(rows, batch));
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (http, bodies, next) = (http.clone(), bodies.clone(), next.clone());
        let url = format!("{address}/api/v1/access-events");
        senders.spawn(async move {
            let mut accepted = 0;
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                accepted += send(&http, &url, body).await?;
            }
            Ok::<_, Failure>(accepted)
        });
    }
    let mut accepted = 0;
    while let Some(sender) = senders.join_next().await {
        accepted += sender??;
    }
    let seconds = began.elapsed().as_secs_f64();
    if accepted != rows.len() {
        return Err(format!("{accepted} of {} events were taken", rows.len()).into());
    }
    Ok(Figure {
        what: "over HTTP, acknowledged",
        seconds,
    })
}

/// Sends a batch until it is taken; a full queue says when to come again.
async fn send(http: &reqwest::Client, url: &str, body: &str) -> Result<usize, Failure> {
    loop {
        let request = http
            .post(url)
            .header("content-type", "application/x-ndjson")
            .body(body.to_owned());
        let answer = request.send().await?;
        if answer.status() == 503 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let report: serde_json::Value = answer.error_for_status()?.json().await?;
        let accepted = report["accepted"].as_u64().ok_or("an answer without a figure")?;
        return Ok(usize::try_from(accepted)?);
    }
}

/// The rows alone, `commit_every` of them in a transaction.
async fn bare(file: &Path, rows: &[Row], commit_every: usize, what: &'static str) -> Result<Figure, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-16000");
    let mut db = SqliteConnection::connect_with(&options).await?;
    sqlx::query(
        "CREATE TABLE rows (id INTEGER PRIMARY KEY, dataset_id BIGINT NOT NULL, op BIGINT NOT NULL, size_bytes BIGINT NOT NULL, \
         latency_us BIGINT, client_region TEXT, occurred_at BIGINT NOT NULL, received_at BIGINT NOT NULL)",
    )
    .execute(&mut db)
    .await?;
    let began = Instant::now();
    for part in rows.chunks(commit_every.max(1)) {
        let mut tx = db.begin().await?;
        for piece in part.chunks(ROWS) {
            let sql = format!(
                "INSERT INTO rows (dataset_id, op, size_bytes, latency_us, client_region, occurred_at, received_at) VALUES {}",
                vec!["(?, ?, ?, ?, ?, ?, ?)"; piece.len()].join(", ")
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for row in piece {
                query = query
                    .bind(row.dataset)
                    .bind(row.op)
                    .bind(row.size)
                    .bind(row.latency_us)
                    .bind(None::<String>)
                    .bind(row.occurred_at)
                    .bind(row.occurred_at);
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    let seconds = began.elapsed().as_secs_f64();
    db.close().await?;
    Ok(Figure { what, seconds })
}
