//! Durable calls, seen from outside: the system calls of a copy, in their order.

use super::Ground;
use data_in_motion::adapters::objects::LocalObjects;
use std::process::{Command, Stdio};
use std::sync::Arc;

async fn copy_and_rename(count: usize) {
    let ground = Ground::new(Arc::new(LocalObjects::new()));
    for i in 0..count {
        ground.write(&format!("set/deep/traced-object-{i:02}"), "content");
    }
    let staging = ground.staging("traced-target");
    ground.copy_all(&staging).await;
    ground
        .store
        .rename(&staging.data(), &staging.target)
        .await
        .unwrap();
}

/// Copies, syncs and renames one object. Run by a test below under strace.
#[tokio::test]
#[ignore = "is run under strace"]
async fn traced_one() {
    copy_and_rename(1).await;
}

/// The same with many.
#[tokio::test]
#[ignore = "is run under strace"]
async fn traced_many() {
    copy_and_rename(20).await;
}

/// The system calls of a test in a process of its own; `None`, said on stderr, where nothing may be traced.
fn trace(name: &str) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let done = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,fdatasync,syncfs,rename,renameat,renameat2,write,mkdirat",
            "-o",
        ])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("objects_contract::durable::{name}"),
            "--ignored",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let Ok(status) = done else {
        eprintln!("SKIPPED: there is no strace, so the order of the durable calls was not looked at");
        return None;
    };
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    if text.is_empty() {
        eprintln!("SKIPPED: nothing may be traced here");
        return None;
    }
    assert!(status.success(), "{text}");
    Some(text)
}

/// The number of the first line after `from` that is as wanted, and one more.
fn after(text: &str, from: usize, what: &str, is: &dyn Fn(&str) -> bool) -> usize {
    let found = text.lines().skip(from).position(is);
    from + found.unwrap_or_else(|| panic!("no {what} after line {from} of\n{text}")) + 1
}

#[test]
fn an_object_is_durable_with_its_name_before_it_is_put_in_place() {
    let Some(text) = trace("traced_one") else { return };
    let after = |from, what: &str, is: &dyn Fn(&str) -> bool| after(&text, from, what, is);
    let written = after(0, "write of the bytes", &|l| {
        l.contains("write(") && l.contains("\"content\"")
    });
    let named = after(written, "rename to its key", &|l| {
        l.contains("rename") && l.contains("\"traced-object-00\"")
    });
    let synced = after(named, "fsync of the object", &|l| {
        l.contains("fsync(") && l.contains("/data/deep/traced-object-00>")
    });
    let folder = after(synced, "fsync of its directory", &|l| {
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

#[test]
fn many_objects_are_made_durable_by_one_flush_after_the_last_of_them() {
    let Some(text) = trace("traced_many") else { return };
    let last = text
        .lines()
        .enumerate()
        .filter(|(_, l)| l.contains("rename") && l.contains("\"traced-object-"))
        .map(|(i, _)| i)
        .max()
        .unwrap();
    let flush = |l: &str| l.contains("syncfs(") || (l.contains("fsync(") && l.contains("/data/deep>"));
    let flushed = after(&text, last, "flush", &flush);
    after(&text, flushed, "rename to the target", &|l| {
        l.contains("rename") && l.contains("\"traced-target\"")
    });
}
