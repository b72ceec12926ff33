//! Stories of the live channel: the contract's shapes, what a client that was away hears, and what is refused.

use crate::app::TestApp;
use crate::heard::Events;
use crate::postgres;
use data_in_motion::adapters::sql::{Store, events};
use data_in_motion::domain::access::AccessOp;
use data_in_motion::domain::event::{AccessLogged, DomainEvent, JobStatusEvent};
use data_in_motion::domain::id::{DatasetId, JobId};
use data_in_motion::domain::migration::{JobStatus, Progress};
use data_in_motion::domain::unit::Bytes;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// No test waits longer than this for one message; a hang fails instead of stalling the suite.
const PATIENCE: Duration = Duration::from_secs(20);

fn access(bytes: u64) -> DomainEvent {
    DomainEvent::AccessEvent(AccessLogged {
        seq: 0,
        dataset_id: Some(DatasetId(1)),
        dataset_name: Some("demo".into()),
        op: AccessOp::Read,
        count: 1,
        size_bytes: Bytes(bytes),
        client_lat_us: Some(11_400),
        updated_at: 1_795_492_621,
    })
}

fn job(status: JobStatus) -> DomainEvent {
    DomainEvent::JobStatus(JobStatusEvent {
        seq: 0,
        job_id: JobId(7),
        dataset_id: DatasetId(1),
        dataset_name: "demo".into(),
        status,
        progress: Progress::default(),
        reason: None,
        updated_at: 1_795_492_621,
    })
}

/// A second handle on the server's database, as another process would have.
async fn log_of(app: &TestApp) -> Store {
    app.store().await
}

async fn append(app: &TestApp, log: &Store, set: Vec<DomainEvent>) -> Vec<i64> {
    let mut tx = log.write().await.unwrap();
    let seqs = events::append(&mut tx, set).await.unwrap();
    tx.commit().await.unwrap();
    app.services().live.nudge();
    seqs
}

async fn socket(base: &str) -> Socket {
    connect_async(format!("{}/ws", base.replace("http", "ws")))
        .await
        .unwrap()
        .0
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    loop {
        let message = timeout(PATIENCE, socket.next())
            .await
            .expect("a message in time")
            .unwrap()
            .unwrap();
        if let Message::Text(text) = message {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_gets_a_snapshot_then_changes_in_the_contracts_shapes() {
    let app = TestApp::open().await;
    let base = app.listen().await;
    let log = log_of(&app).await;
    append(&app, &log, vec![job(JobStatus::Copying)]).await;
    let mut socket = socket(&base).await;
    say(&mut socket, json!({"type": "ping"})).await;
    assert_eq!(hear(&mut socket).await, json!({"type": "pong"}));
    say(&mut socket, json!({"type": "subscribe", "stream": "jobs"})).await;
    let snapshot = hear(&mut socket).await;
    assert_eq!(
        (&snapshot["type"], &snapshot["stream"], &snapshot["seq"]),
        (&json!("snapshot"), &json!("jobs"), &json!(1))
    );
    assert_eq!(snapshot["items"][0]["status"], "copying");
    append(&app, &log, vec![access(5), job(JobStatus::Verifying)]).await;
    let change = hear(&mut socket).await;
    assert_eq!(change["type"], "job_status");
    assert_eq!(change["seq"], 3, "the access is another stream's: {change}");
    assert_eq!(change["job_id"], "7");
    assert_eq!(change["updated_at"], 1_795_492_621);
    for key in [
        "objects_done",
        "objects_total",
        "bytes_done",
        "bytes_total",
        "bytes_per_sec",
        "eta_secs",
    ] {
        assert!(change["progress"].get(key).is_some(), "{key}: {change}");
    }
    say(&mut socket, json!({"type": "nonsense"})).await;
    assert_eq!(hear(&mut socket).await["code"], "bad_message");
    say(&mut socket, json!({"type": "cancel", "job_id": "7"})).await;
    assert_eq!(hear(&mut socket).await["type"], "error");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_that_is_gone_is_said_and_a_snapshot_follows() {
    let app = TestApp::open().await;
    let base = app.listen().await;
    let log = log_of(&app).await;
    append(&app, &log, (0..20).map(access).collect()).await;
    app.services().live.trim(5).await.unwrap();
    let mut ws = socket(&base).await;
    say(&mut ws, json!({"type": "subscribe", "stream": "all", "since": 3})).await;
    assert_eq!(hear(&mut ws).await["type"], "resync");
    let snapshot = hear(&mut ws).await;
    assert_eq!(
        (&snapshot["type"], &snapshot["seq"]),
        (&json!("snapshot"), &json!(20))
    );
    let mut body = reqwest::get(format!("{base}/events?since=3")).await.unwrap();
    let chunk = timeout(PATIENCE, body.chunk()).await.unwrap().unwrap().unwrap();
    assert!(
        String::from_utf8_lossy(&chunk).contains("event: resync"),
        "{chunk:?}"
    );
    let mut ahead = socket(&base).await;
    say(
        &mut ahead,
        json!({"type": "subscribe", "stream": "all", "since": 999}),
    )
    .await;
    assert_eq!(
        hear(&mut ahead).await["type"],
        "resync",
        "a number that was never given out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_gets_no_socket_and_changes_nothing() {
    let app = TestApp::open().await;
    let base = app.listen().await;
    let mut request = format!("{}/ws", base.replace("http", "ws"))
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("origin", "http://evil.example".parse().unwrap());
    match connect_async(request).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("{other:?}"),
    }
    let mut request = format!("{}/ws", base.replace("http", "ws"))
        .into_client_request()
        .unwrap();
    request.headers_mut().insert("origin", base.parse().unwrap());
    assert!(connect_async(request).await.is_ok(), "the own origin is let in");
    let answer = reqwest::Client::new()
        .post(format!("{base}/anything"))
        .header("sec-fetch-site", "cross-site")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "cross_origin");
}

/// A small generator, so that the cuts are at other places each time but the same for one seed.
fn draw(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % below
}

/// Appends events in small groups while clients come and go.
async fn write_on(app: &TestApp, log: &Store, stop: &tokio::sync::watch::Receiver<bool>) {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    while !*stop.borrow() {
        let count = 1 + draw(&mut state, 4);
        append(app, log, (0..count).map(access).collect()).await;
        tokio::time::sleep(Duration::from_millis(draw(&mut state, 4))).await;
    }
}

fn expect_next(last: &mut i64, seq: i64, cut: usize) {
    assert_eq!(seq, *last + 1, "cut {cut}: a gap or a duplicate after {last}");
    *last = seq;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_cuts_of_a_socket_lose_and_double_nothing() {
    let app = TestApp::open().await;
    let base = app.listen().await;
    let log = log_of(&app).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let reader = async {
        let (mut last, mut state) = (0_i64, 42_u64);
        for cut in 0..500 {
            let mut socket = socket(&base).await;
            say(
                &mut socket,
                json!({"type": "subscribe", "stream": "all", "since": last}),
            )
            .await;
            for _ in 0..draw(&mut state, 12) {
                let message = hear(&mut socket).await;
                assert_eq!(message["type"], "access_event", "{message}");
                expect_next(&mut last, message["seq"].as_i64().unwrap(), cut);
            }
            drop(socket);
        }
        stop.send_replace(true);
        last
    };
    let (last, ()) = tokio::join!(reader, write_on(&app, &log, &stopped));
    assert!(last > 1000, "events flowed: {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_cuts_between_two_nodes_lose_and_double_nothing() {
    let database = tokio::task::spawn_blocking(postgres::shared)
        .await
        .unwrap()
        .database()
        .await;
    let web = [("roles", "web")];
    let (a, b) = (
        TestApp::open_on(&database, &web).await,
        TestApp::open_on(&database, &web).await,
    );
    let bases = [a.listen().await, b.listen().await];
    let log = log_of(&a).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let reader = async {
        let (mut last, mut state) = (0_i64, 23_u64);
        for cut in 0..500 {
            // Now a socket, now a stream of events; mostly at the other node than before.
            let base = &bases[usize::try_from(draw(&mut state, 3) + cut as u64).unwrap() % 2];
            let wanted = draw(&mut state, 6);
            if cut % 4 == 3 {
                let mut events = Events::open(base, "", Some(&last.to_string())).await;
                for _ in 0..wanted {
                    let block = loop {
                        let block = events.next().await;
                        if block.id.is_some() {
                            break block;
                        }
                    };
                    assert_eq!(block.event.as_deref(), Some("access_event"), "{block:?}");
                    expect_next(&mut last, block.id.unwrap().parse().unwrap(), cut);
                }
                continue;
            }
            let mut socket = socket(base).await;
            say(
                &mut socket,
                json!({"type": "subscribe", "stream": "all", "since": last}),
            )
            .await;
            for _ in 0..wanted {
                let message = hear(&mut socket).await;
                assert_eq!(message["type"], "access_event", "{message}");
                expect_next(&mut last, message["seq"].as_i64().unwrap(), cut);
            }
        }
        stop.send_replace(true);
        last
    };
    let (last, ()) = tokio::join!(reader, write_on(&a, &log, &stopped));
    assert!(last > 500, "events flowed: {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_cuts_of_an_event_stream_lose_and_double_nothing() {
    let app = TestApp::open().await;
    let base = app.listen().await;
    let log = log_of(&app).await;
    append(&app, &log, vec![access(1)]).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let client = reqwest::Client::new();
    let reader = async {
        let (mut last, mut state) = (0_i64, 7_u64);
        for cut in 0..500 {
            let request = client
                .get(format!("{base}/events?since=0"))
                .header("Last-Event-ID", last.to_string());
            let mut body = request.send().await.unwrap();
            let wanted = draw(&mut state, 12);
            let (mut text, mut seen) = (String::new(), 0);
            while seen < wanted {
                let chunk = timeout(PATIENCE, body.chunk())
                    .await
                    .expect("a chunk in time")
                    .unwrap()
                    .unwrap();
                text.push_str(std::str::from_utf8(&chunk).unwrap());
                // Only whole events count: one that was cut in the middle is sent again.
                while let Some((event, rest)) = text.split_once("\n\n") {
                    if seen < wanted && event.contains("event: access_event") {
                        let id = event.lines().find_map(|l| l.strip_prefix("id: ")).unwrap();
                        expect_next(&mut last, id.parse().unwrap(), cut);
                        seen += 1;
                    }
                    text = rest.to_owned();
                }
            }
        }
        stop.send_replace(true);
        last
    };
    let (last, ()) = tokio::join!(reader, write_on(&app, &log, &stopped));
    assert!(last > 1000, "events flowed: {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_gapless_under_concurrent_writers_and_rollbacks() {
    let app = TestApp::open().await;
    let log = log_of(&app).await;
    let writer = |id: u64| {
        let log = log.clone();
        async move {
            for i in 0..40 {
                let mut tx = log.write().await.unwrap();
                events::append(&mut tx, vec![access(id), access(id)])
                    .await
                    .unwrap();
                if i % 3 == 0 {
                    drop(tx); // a change that failed: its numbers go back
                } else {
                    tx.commit().await.unwrap();
                }
            }
        }
    };
    tokio::join!(writer(1), writer(2), writer(3));
    let (bounds, page) = app
        .services()
        .live
        .page(0, data_in_motion::domain::event::Stream::All, 1000)
        .await
        .unwrap();
    let seqs: Vec<i64> = page.iter().map(DomainEvent::seq).collect();
    assert_eq!(seqs, (1..=3 * 26 * 2).collect::<Vec<_>>());
    assert_eq!(bounds.last, 156);
}
