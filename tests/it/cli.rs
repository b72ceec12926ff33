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
