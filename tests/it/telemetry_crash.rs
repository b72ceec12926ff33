//! The program is killed while events come in: what was acknowledged is there, and what is sent again is counted once.

use crate::crashing::Server;
use crate::telemetry::{app_with, database, kept_and_raw, total};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

/// The program, listening.
struct Running {
    child: Child,
    authority: String,
}

impl Running {
    fn start(data: &Path) -> Self {
        let mut child = Server::command(data, "60", "")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let authority = said
            .find_map(|line| {
                Some(
                    line.unwrap()
                        .split_once("listening on http://")?
                        .1
                        .trim()
                        .to_owned(),
                )
            })
            .expect("it says where it listens");
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || said.count());
        Self { child, authority }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a batch and does not wait for the answer.
    fn send_and_forget(&self, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.authority).unwrap();
        write!(
            stream,
            "POST /api/v1/access-events HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{body}",
            self.authority,
            body.len()
        )
        .unwrap();
        stream
    }

    /// Sends a batch; the report, unless no answer came.
    async fn send(&self, body: &str) -> Option<Value> {
        let url = format!("http://{}/api/v1/access-events", self.authority);
        let request = reqwest::Client::new()
            .post(url)
            .header("content-type", "application/x-ndjson")
            .body(body.to_owned());
        let answer = request.send().await.ok()?;
        assert_eq!(answer.status(), 200);
        answer.json().await.ok()
    }
}

/// A hundred events: most are numbered, some have an id.
fn batch(producer: &str, from: i64) -> String {
    (from..from + 100)
        .map(|n| {
            let mut event = json!({"dataset_id": 1 + n % 3, "op": "read", "size_bytes": n, "occurred_at": 1_700_000_000 + n * 60});
            if n % 10 == 0 {
                event["event_id"] = json!(format!("{producer}-{n}"));
            } else {
                event["producer"] = json!(producer);
                event["sequence"] = json!(n);
            }
            format!("{event}\n")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_commit_and_answer_it_counts_what_is_sent_again_once() {
    let app = app_with(3).await;
    let data = app.dir.path().join("data");
    app.app.close().await;
    for round in 0..3 {
        let body = batch("p", round * 100);
        let server = Running::start(&data);
        let unread = server.send_and_forget(&body);
        let mut db = database(&data).await;
        while total(&mut db).await < (round + 1) * 100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Committed, and the client has no answer.
        server.kill();
        drop(unread);
        let server = Running::start(&data);
        let report = server.send(&body).await.unwrap();
        assert_eq!(
            (&report["accepted"], &report["duplicates"]),
            (&json!(0), &json!(100)),
            "{report}"
        );
        server.kill();
        assert_eq!(total(&mut db).await, (round + 1) * 100);
    }
    let mut db = database(&data).await;
    let (kept, raw) = kept_and_raw(&mut db).await;
    assert_eq!(kept, raw);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_keeps_what_it_acknowledged_and_counts_nothing_twice() {
    let app = app_with(3).await;
    let data = app.dir.path().join("data");
    app.app.close().await;
    let mut acknowledged = 0;
    let mut sent = 0;
    // Three clients send, each its own batches one after another, and each goes on with the first that was not acknowledged.
    let mut next = [0_i64; 3];
    for round in 0..6_u64 {
        let server = Running::start(&data);
        // Moments from before the first commit to well after it; the numbers are arbitrary.
        let moment = Duration::from_millis(3 + round * 13);
        let work = async {
            loop {
                for (client, next) in next.iter_mut().enumerate() {
                    let body = batch(&format!("c{client}"), *next * 100);
                    sent += 1;
                    let Some(report) = server.send(&body).await else {
                        return;
                    };
                    assert_eq!(report["rejected"], json!(0), "{report}");
                    *next += 1;
                    acknowledged += 100;
                }
            }
        };
        drop(tokio::time::timeout(moment, work).await);
        server.kill();
        let mut db = database(&data).await;
        let counted = total(&mut db).await;
        assert!(
            counted >= acknowledged,
            "{counted} of {acknowledged} acknowledged"
        );
    }
    let server = Running::start(&data);
    for (client, next) in next.iter().enumerate() {
        server
            .send(&batch(&format!("c{client}"), *next * 100))
            .await
            .unwrap();
    }
    server.kill();
    let mut db = database(&data).await;
    let expected: i64 = next.iter().map(|n| (n + 1) * 100).sum();
    assert_eq!(total(&mut db).await, expected, "after {sent} posts");
    let (kept, raw) = kept_and_raw(&mut db).await;
    assert_eq!(kept, raw);
}
