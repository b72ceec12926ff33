//! The command line as a person or a script meets it: the real program against a server that listens.

use crate::app::TestApp;
use std::process::Output;
use tokio::process::Command;

/// What a command left behind.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program against a server.
pub async fn dim(server: &str, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dim"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DIM_")) {
        command.env_remove(name);
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .env("DIM_SERVER", server)
        .args(args)
        .output()
        .await
        .unwrap();
    Ran {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}{}", ran.out, ran.err))
}

#[tokio::test(flavor = "multi_thread")]
async fn health_prints_every_part_in_every_form() {
    let app = TestApp::open().await;
    let url = app.listen().await;
    let table = dim(&url, &["health"]).await;
    assert_eq!(table.code, 0, "{}", table.err);
    let lines: Vec<&str> = table.out.lines().collect();
    assert!(lines[0].starts_with("PART "), "{}", table.out);
    for part in ["database", "bus", "mover", "recommender", "disk"] {
        assert!(
            lines.iter().any(|l| l.starts_with(part)),
            "{part} is missing: {}",
            table.out
        );
    }
    assert!(!table.out.contains('\u{1b}'), "no colour without a terminal");
    assert!(table.err.contains(&url), "{}", table.err);

    for args in [["health", "--json"], ["health", "-ojson"]] {
        let ran = dim(&url, &args).await;
        assert_eq!(json(&ran)["parts"]["database"]["status"], "ok");
    }
    let yaml = dim(&url, &["-o", "yaml", "health"]).await;
    assert!(
        yaml.out.contains("\n  database:\n    status: \"ok\"\n"),
        "{}",
        yaml.out
    );
    let csv = dim(&url, &["-o", "csv", "health"]).await;
    assert!(
        csv.out.starts_with("part,status,detail\n") && csv.out.contains("\ndatabase,ok,"),
        "{}",
        csv.out
    );
}

#[tokio::test]
async fn where_no_server_answers_it_says_so_and_how_to_go_on() {
    // A port that was free a moment ago: bound, read, and closed again.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ran = dim(&format!("http://{free}"), &["datasets", "list"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains(&format!("no server answers at http://{free}")),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("dim serve"), "{}", ran.err);
}

#[tokio::test]
async fn what_makes_no_sense_ends_with_2_before_any_request() {
    for (server, args) in [
        ("https://example.org", &["health"][..]),
        ("localhost", &["health"]),
        ("http://127.0.0.1:1", &["datasets", "frobnicate"]),
        ("http://127.0.0.1:1", &["datasets", "create", "--name", "x"]),
        ("http://127.0.0.1:1", &["-o", "xml", "health"]),
    ] {
        let ran = dim(server, args).await;
        assert_eq!(ran.code, 2, "{server} {args:?}: {}", ran.err);
        assert!(ran.out.is_empty() && !ran.err.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_program_is_named_as_such() {
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", other.local_addr().unwrap());
    let router = axum::Router::new().fallback(|| async { "<html>hello</html>" });
    tokio::spawn(async move { axum::serve(other, router).await });
    let ran = dim(&url, &["datasets", "list"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("not as a dim server does"), "{}", ran.err);
}

/// A server that counts access events by (producer, sequence) and refuses the dataset `unknown`: the protocol without a database.
async fn counting_server() -> (String, std::sync::Arc<std::sync::Mutex<Vec<usize>>>) {
    use std::collections::HashSet;
    use std::sync::{Arc, Mutex};
    let batches = Arc::new(Mutex::new(Vec::new()));
    let (sizes, seen) = (batches.clone(), Arc::new(Mutex::new(HashSet::new())));
    let count = move |body: String| async move {
        let mut report =
            serde_json::json!({"received": 0, "accepted": 0, "duplicates": 0, "rejected": 0, "errors": []});
        let add = |report: &mut serde_json::Value, key: &str| {
            report[key] = (report[key].as_i64().unwrap() + 1).into()
        };
        sizes.lock().unwrap().push(body.lines().count());
        for (i, line) in body.lines().enumerate() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            add(&mut report, "received");
            let identity = format!("{} {}", event["producer"], event["sequence"]);
            if event["dataset_id"] == "unknown" {
                add(&mut report, "rejected");
                let error = serde_json::json!({"line": i + 1, "reason": "there is no dataset unknown"});
                report["errors"].as_array_mut().unwrap().push(error);
            } else if seen.lock().unwrap().insert(identity) {
                add(&mut report, "accepted");
            } else {
                add(&mut report, "duplicates");
            }
        }
        axum::Json(report)
    };
    let router = axum::Router::new().route("/api/v1/access-events", axum::routing::post(count));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, batches)
}

fn gzip(path: &std::path::Path, text: &str) {
    use std::io::Write;
    let file = std::fs::File::create(path).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_in_thousands_names_bad_lines_and_counts_nothing_twice() {
    let (url, batches) = counting_server().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("history.csv.gz");
    let mut text = String::from("unix_time,object_id,op,size_bytes\n");
    for i in 0..2_500 {
        text.push_str(&format!("{},set-{},GET,4096\n", 1_700_000_000 + i, i % 7));
    }
    text.push_str("1700000000,set-1,HEAD,1\n1700000000,unknown,GET,1\n");
    gzip(&file, &text);
    let file = file.to_str().unwrap();

    let first = dim(&url, &["access", "import", file, "-o", "json"]).await;
    assert_eq!(first.code, 0, "{}", first.err);
    let report = json(&first);
    let numbers = |r: &serde_json::Value| {
        ["received", "accepted", "duplicates", "rejected"].map(|k| r[k].as_i64().unwrap())
    };
    assert_eq!(numbers(&report), [2_502, 2_500, 0, 2]);
    assert_eq!(*batches.lock().unwrap(), [1_000, 1_000, 501]);
    assert!(first.err.contains("line 2502: op \"HEAD\""), "{}", first.err);
    assert!(
        first.err.contains("line 2503: there is no dataset unknown"),
        "{}",
        first.err
    );

    let again = dim(&url, &["access", "import", file, "-o", "json"]).await;
    assert_eq!(numbers(&json(&again)), [2_502, 0, 2_500, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_cannot_work_says_why() {
    let (url, batches) = counting_server().await;
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (file, code, words) in [
        (write("a.csv", "time,id\n1,2\n"), 2, "no column unix_time"),
        (write("a.log", "x"), 2, "--format"),
        (write("b.ndjson", "nonsense\n"), 1, "not one line was taken"),
        (format!("{}/none.csv", dir.path().display()), 1, "cannot read"),
    ] {
        let ran = dim(&url, &["access", "import", &file]).await;
        assert_eq!(ran.code, code, "{file}: {}", ran.err);
        assert!(ran.err.contains(words), "{file}: {}", ran.err);
    }
    assert!(batches.lock().unwrap().is_empty());
}
