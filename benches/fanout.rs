//! Events to many WebSocket clients: from commit to client, deliveries for each second of the server's CPU, memory for each connection;
//! beside a bare axum route that sends the same text from a broadcast channel, in the same run.
//!
//! `scripts/bench.sh fanout` builds for release. Each server is a process of its own, so that the clients' work is not counted; they take
//! turns. `--clients N`, `--events N` (a second), `--secs N`.

use axum::Router;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use data_in_motion::adapters::inproc::clock::SystemClock;
use data_in_motion::adapters::sql::{Store, events};
use data_in_motion::config::Resolved;
use data_in_motion::domain::access::AccessOp;
use data_in_motion::domain::event::{AccessLogged, DomainEvent};
use data_in_motion::domain::id::DatasetId;
use data_in_motion::domain::unit::Bytes;
use data_in_motion::server::{self, App};
use futures::{SinkExt, StreamExt};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn flag(name: &str, default: u64) -> Result<u64, std::num::ParseIntError> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1).map_or(Ok(default), |text| text.parse())
}

fn say(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match std::env::args().nth(1).as_deref() {
        Some("--server-ours") => ours().await,
        Some("--server-bare") => bare().await,
        _ => compare().await,
    }
}

/// One event as the log has it.
fn event(seq: i64) -> DomainEvent {
    DomainEvent::AccessEvent(AccessLogged {
        seq,
        dataset_id: Some(DatasetId(1)),
        dataset_name: Some("demo".into()),
        op: AccessOp::Read,
        count: 1,
        size_bytes: Bytes(8192),
        client_lat_us: Some(11_400),
        updated_at: 1_795_492_621,
    })
}

/// Waits for the word to begin, sends `events` a second for `secs` seconds by `send`, and says when each was committed.
async fn produce(mut send: impl AsyncFnMut(i64) -> Result<(), Failure>) -> Result<(), Failure> {
    let (events, secs) = (flag("--events", 50)?, flag("--secs", 20)?);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let mut tick = interval(Duration::from_micros(1_000_000 / events.max(1)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut committed = Vec::new();
    for seq in 1..=i64::try_from(events * secs)? {
        tick.tick().await;
        send(seq).await?;
        committed.push(now_micros());
    }
    for at in committed {
        say(&at.to_string())?;
    }
    say("end")?;
    line.clear();
    std::io::stdin().read_line(&mut line)?;
    Ok(())
}

async fn ours() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let flags = BTreeMap::from([
        ("data_dir", dir.path().join("data").to_string_lossy().into_owned()),
        ("roles", "web".to_owned()),
    ]);
    let settings = Resolved::load(&flags, |_| None, &dir.path().join("none.toml"))?.settings()?;
    let app = App::open(&settings, Arc::new(SystemClock)).await?;
    let store = Store::open(&dir.path().join("data/dim.sqlite")).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&listener.local_addr()?.to_string())?;
    let served = app.clone();
    tokio::spawn(async move {
        server::serve(&served, listener, std::future::pending(), Duration::from_secs(1)).await;
    });
    produce(async |seq| {
        let mut tx = store.write().await?;
        events::append(&mut tx, vec![event(seq)]).await?;
        tx.commit().await?;
        app.services.live.nudge();
        Ok(())
    })
    .await
}

async fn bare() -> Result<(), Failure> {
    let channel = broadcast::Sender::<axum::extract::ws::Utf8Bytes>::new(1024);
    let state = channel.clone();
    let router = Router::new().route(
        "/ws",
        get(move |upgrade: WebSocketUpgrade| {
            let channel = state.clone();
            async move { upgrade.on_upgrade(move |socket| relay(socket, channel)) }
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&listener.local_addr()?.to_string())?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    produce(async |seq| {
        let text = serde_json::to_string(&event(seq))?;
        // An error says that nobody listens.
        let _ = channel.send(text.into());
        Ok(())
    })
    .await
}

async fn relay(mut socket: WebSocket, channel: broadcast::Sender<axum::extract::ws::Utf8Bytes>) {
    let mut events = channel.subscribe();
    loop {
        let sent = tokio::select! {
            event = events.recv() => match event {
                Ok(text) => socket.send(Frame::Text(text)).await.is_ok(),
                Err(_) => false,
            },
            heard = socket.recv() => matches!(heard, Some(Ok(_))),
        };
        if !sent {
            return;
        }
    }
}

/// A server in a process of its own.
struct Server {
    child: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(kind: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(kind)
            .args(std::env::args().skip(1))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut hear = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut address = String::new();
        hear.read_line(&mut address)?;
        Ok(Self {
            say: child.stdin.take().ok_or("no input")?,
            hear,
            address: address.trim().to_owned(),
            child,
        })
    }

    /// Processor time so far, in seconds.
    fn cpu_secs(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, rest) = stat.rsplit_once(')').ok_or("no name")?;
        let ticks: Vec<u64> = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
    }

    fn resident_kib(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .ok_or("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Figures {
    deliveries: u64,
    p50_ms: f64,
    p99_ms: f64,
    per_cpu_sec: f64,
    kib: f64,
}

async fn measure(kind: &str, subscribe: bool) -> Result<Figures, Failure> {
    let clients = flag("--clients", 1000)?;
    let wanted = usize::try_from(flag("--events", 50)? * flag("--secs", 20)?)?;
    let mut server = Server::start(kind)?;
    // The first connection brings what all share.
    let url = format!("ws://{}/ws", server.address);
    let (first, _) = connect_async(&url).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before_kib = server.resident_kib()?;
    let mut sockets = Vec::new();
    for _ in 0..clients {
        let (mut socket, _) = connect_async(&url).await?;
        if subscribe {
            let text = r#"{"type":"subscribe","stream":"access","since":0}"#;
            socket.send(Message::text(text)).await?;
        }
        sockets.push(socket);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let kib = (server.resident_kib()? as f64 - before_kib as f64) / clients as f64;
    let before_cpu = server.cpu_secs()?;
    let listening: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| {
            tokio::spawn(async move {
                let mut arrived = Vec::with_capacity(wanted);
                while arrived.len() < wanted {
                    match socket.next().await {
                        Some(Ok(Message::Text(text))) if text.contains("access_event") => {
                            arrived.push(now_micros())
                        }
                        Some(Ok(_)) => {}
                        _ => break,
                    }
                }
                (arrived, socket)
            })
        })
        .collect();
    server.say.write_all(b"go\n")?;
    let mut server = tokio::task::spawn_blocking(move || {
        let mut committed = Vec::new();
        loop {
            let mut line = String::new();
            server.hear.read_line(&mut line)?;
            match line.trim() {
                "end" | "" => return Ok::<_, Failure>((server, committed)),
                at => committed.push(at.parse::<i64>()?),
            }
        }
    })
    .await??;
    let mut latencies = Vec::new();
    let mut open = Vec::new();
    for client in listening {
        let (arrived, socket) = client.await?;
        open.push(socket);
        if arrived.len() != wanted {
            return Err(format!("a client has {} of {wanted} events", arrived.len()).into());
        }
        latencies.extend(
            arrived
                .iter()
                .zip(&server.1)
                .map(|(at, committed)| (at - committed).max(0)),
        );
    }
    let cpu = server.0.cpu_secs()? - before_cpu;
    server.0.say.write_all(b"bye\n")?;
    drop((open, first));
    latencies.sort_unstable();
    let at = |share: f64| {
        let place = ((latencies.len() - 1) as f64 * share) as usize;
        latencies.get(place).copied().unwrap_or(0) as f64 / 1000.0
    };
    Ok(Figures {
        deliveries: latencies.len() as u64,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        per_cpu_sec: latencies.len() as f64 / cpu,
        kib,
    })
}

async fn compare() -> Result<(), Failure> {
    let mut all = Vec::new();
    // Each twice, in turn, so that a busy moment of the machine does not decide; the better counts.
    for _ in 0..2 {
        for (kind, subscribe) in [("--server-bare", false), ("--server-ours", true)] {
            let figures = measure(kind, subscribe).await?;
            say(&format!(
                "{:<14} {} deliveries, commit to client p50 {:.2} ms, p99 {:.2} ms, {:.0} deliveries a CPU-second, {:.1} KiB a connection",
                &kind[9..],
                figures.deliveries,
                figures.p50_ms,
                figures.p99_ms,
                figures.per_cpu_sec,
                figures.kib
            ))?;
            all.push((subscribe, figures));
        }
    }
    let best = |ours: bool| {
        all.iter()
            .filter(|(o, _)| *o == ours)
            .map(|(_, f)| f)
            .max_by(|a, b| a.per_cpu_sec.total_cmp(&b.per_cpu_sec))
            .ok_or("nothing was measured")
    };
    let (ours, bare) = (best(true)?, best(false)?);
    say(&format!(
        "ours / bare: {:.2} of the deliveries a CPU-second, {:.2} of the memory a connection",
        ours.per_cpu_sec / bare.per_cpu_sec,
        ours.kib / bare.kib
    ))?;
    Ok(())
}
