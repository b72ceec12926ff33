//! Keys that would lead elsewhere: hundreds of them, against every operation that takes one.

use super::Ground;
use data_in_motion::domain::unit::Bytes;
use data_in_motion::ports::objects::{Expected, Forgetful, FoundObject, ObjectError, Prefix, Staging};
use std::collections::BTreeSet;

/// Segments that make a key hostile, wherever they stand.
const HOSTILE: [&str; 7] = ["..", ".", "", "\0", "a\0b", "\0..", "..\0"];
/// What stands around them.
const AROUND: [&str; 8] = [
    "a",
    "a/b",
    "set",
    "outside",
    "...",
    "precious",
    "ü #1",
    ".dim-move-x",
];

fn hostile_keys() -> BTreeSet<String> {
    let mut keys: BTreeSet<String> = HOSTILE.iter().map(|s| (*s).to_owned()).collect();
    for bad in HOSTILE {
        for a in AROUND {
            keys.extend([format!("{bad}/{a}"), format!("{a}/{bad}")]);
            for b in AROUND {
                keys.insert(format!("{a}/{bad}/{b}"));
            }
        }
    }
    for depth in 1..30 {
        let up = vec![".."; depth].join("/");
        keys.insert(format!("{up}/outside/precious"));
        keys.insert(format!("set/{up}/outside/precious"));
        keys.insert(format!("{}outside/precious", "/".repeat(depth)));
    }
    keys.extend(["/etc/passwd", "//", "a//", "/", "a/", "./a", "a/.", "../"].map(str::to_owned));
    keys
}

fn refused<T: std::fmt::Debug>(answer: Result<T, ObjectError>, what: &str, key: &str) {
    assert!(
        matches!(answer, Err(ObjectError::Unsafe(_))),
        "{what} took {key:?}: {answer:?}"
    );
}

pub async fn hostile_keys_are_refused_everywhere(ground: Ground) {
    ground.write("set/a/b", "1");
    let staging = ground.staging("copy");
    ground.store.prepare(&staging).await.unwrap();
    let (store, source, meter) = (&ground.store, ground.source(), &ground.meter);
    let before = super::tree(ground.dir.path());
    let keys = hostile_keys();
    assert!(keys.len() >= 300, "{}", keys.len());
    for key in &keys {
        let object = FoundObject {
            key: key.clone(),
            size_bytes: Bytes(8),
            fingerprint: String::new(),
        };
        let expected = Expected {
            key: key.clone(),
            size_bytes: Bytes(8),
            content_hash: Some(blake3::hash(b"precious").to_hex().to_string()),
            metadata: None,
            checksum: None,
            stored_hash: None,
        };
        refused(
            store.copy(&source, &staging, &object, &Forgetful, meter).await,
            "copy",
            key,
        );
        refused(store.verify(&source, &expected, meter).await, "verify", key);
        refused(store.sync(&staging, vec![key.clone()]).await, "sync", key);
        let discard = store.discard(&staging, vec![key.clone()], Vec::new());
        refused(discard.await, "discard", key);
        refused(store.remove(&source, vec![object]).await, "remove", key);
        // As a path of a prefix; the empty one is the root itself, which is a place.
        if !key.is_empty() {
            let at = Prefix {
                root: source.root.clone(),
                path: key.clone(),
                encryption: None,
            };
            refused(store.list(&at).await, "list", key);
            refused(store.identity(&at).await, "identity", key);
            refused(store.space(&at).await, "space", key);
            refused(store.rename(&at, &ground.prefix("new")).await, "rename from", key);
            refused(store.rename(&source, &at).await, "rename to", key);
            refused(
                store.missing_parents(&at).await.map(|_| ()),
                "missing_parents",
                key,
            );
            let area = Staging {
                target: at,
                ..staging.clone()
            };
            refused(store.prepare(&area).await, "prepare", key);
        }
    }
    assert_eq!(super::tree(ground.dir.path()), before);
}
