//! Durable calls, seen from outside: the system calls of a copy, in their order.

use super::Ground;
use data_in_motion::adapters::objects::LocalObjects;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Copies, syncs and renames one object. Run by the test below under strace.
#[tokio::test]
#[ignore = "is run by the bytes_are_durable_before_their_name_is under strace"]
async fn traced() {
    let ground = Ground::new(Arc::new(LocalObjects::new()));
    ground.write("set/deep/traced-object", "content");
    let staging = ground.staging("traced-target");
    ground.copy_all(&staging).await;
    ground
        .store
        .rename(&staging.data(), &staging.target)
        .await
        .unwrap();
}

#[test]
fn bytes_are_durable_before_their_name_is() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let traced = "objects_contract::durable::traced";
    let done = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,fdatasync,rename,renameat,renameat2,write,mkdirat",
            "-o",
        ])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", traced, "--ignored"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let Ok(status) = done else {
        eprintln!("SKIPPED: there is no strace, so the order of the durable calls was not looked at");
        return;
    };
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    if text.is_empty() {
        eprintln!("SKIPPED: nothing may be traced here");
        return;
    }
    assert!(status.success(), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let after = |from: usize, what: &str, is: &dyn Fn(&str) -> bool| {
        let found = lines.iter().skip(from).position(|line| is(line));
        from + found.unwrap_or_else(|| panic!("no {what} after line {from} of\n{text}")) + 1
    };
    let written = after(0, "write of the bytes", &|l| {
        l.contains("write(") && l.contains("\"content\"")
    });
    let synced = after(written, "fsync of the object", &|l| {
        l.contains("fsync(") && l.contains("/partial/")
    });
    let named = after(synced, "rename to its key", &|l| {
        l.contains("rename") && l.contains("\"traced-object\"")
    });
    let folder = after(named, "fsync of its directory", &|l| {
        l.contains("fsync(") && l.contains("/data/deep>")
    });
    let placed = after(folder, "rename to the target", &|l| {
        l.contains("rename") && l.contains("\"traced-target\"")
    });
    after(placed, "fsync of the directory of the target", &|l| {
        l.contains("fsync(") && l.contains("/root>")
    });
    // Directories that were made are durable as well: each mkdir is followed by an fsync of the directory above.
    let made = after(0, "mkdir of the staging area", &|l| {
        l.contains("mkdirat(") && l.contains(".dim-move-token-1")
    });
    after(made, "fsync above the staging area", &|l| {
        l.contains("fsync(") && l.contains("/root>")
    });
}
