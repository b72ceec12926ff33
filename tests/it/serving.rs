//! The real program: it starts, answers, tells what does not run, and stops when told.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_health_and_the_page_and_stops_on_sigterm() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_dim"))
        .args(["serve", "--addr", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path())
        .env("NO_COLOR", "1")
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = said
        .find_map(|line| {
            line.unwrap()
                .split_once("listening on ")
                .map(|(_, a)| a.trim().to_owned())
        })
        .expect("it says where it listens");
    let rest = std::thread::spawn(move || said.count());

    let health: serde_json::Value = reqwest::get(format!("{address}/health"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    for name in ["database", "bus", "mover", "recommender", "disk"] {
        assert!(health["parts"][name]["detail"].is_string(), "{health}");
    }
    assert_eq!(health["parts"]["database"]["status"], "ok");
    let mover = &health["parts"]["mover"];
    assert_eq!(mover["status"], "ok", "{health}");
    assert!(
        mover["detail"]
            .as_str()
            .unwrap()
            .contains("0 of at most 2 jobs running"),
        "{health}"
    );

    let page = reqwest::get(&address).await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.contains("nonce-"), "{policy}");

    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        for _ in 0..200 {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        child.kill().unwrap();
        None
    })
    .await
    .unwrap();
    assert_eq!(ended.and_then(|s| s.code()), Some(0));
    rest.join().unwrap();
}
