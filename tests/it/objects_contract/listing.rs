//! Clauses on listing.

use super::Ground;
use data_in_motion::ports::objects::ObjectError;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

/// Names that have broken tools before.
pub const EXOTIC: &[&str] = &[
    "plain",
    ".hidden",
    "...",
    "..x",
    " lead",
    "tail ",
    "two words",
    "#1",
    "part#1",
    "new\nline",
    "tab\tand\rreturn",
    "quote\"'`",
    "back\\slash",
    "-rf",
    "*?[a-z]",
    "%2e%2e%2f",
    "$HOME",
    "ünï",
    "u\u{308}nï",
    "日本語",
    "🦀",
    "\u{202e}txt",
    "a",
    "a.b",
    "a-b",
    "dir/inner",
    "dir/.hidden/deep/er/x",
    "dir.d/inner",
    "CON",
    "NUL:",
    "~",
];

pub async fn objects_come_in_key_order_with_any_name(ground: Ground) {
    let long = "l".repeat(255);
    let deep = format!("{}/end", ["d"; 100].join("/"));
    let mut names: Vec<&str> = EXOTIC.iter().copied().chain([long.as_str(), &deep]).collect();
    for (i, name) in names.iter().enumerate() {
        ground.write(&format!("set/{name}"), vec![b'x'; i]);
    }
    fs::create_dir(ground.path("set/empty directory")).unwrap();
    names.sort_unstable();
    let listing = ground.store.list(&ground.source()).await.unwrap();
    let keys: Vec<&str> = listing.objects.iter().map(|o| o.key.as_str()).collect();
    assert_eq!(keys, names);
    let sum = (0..names.len() as u64).sum::<u64>();
    assert_eq!(listing.size_bytes().0, sum);
    assert_eq!((listing.skipped_count, listing.unnameable.len()), (0, 0));

    // Every one of them can be copied, read back and put in place.
    let staging = ground.staging("copy");
    let expected = ground.copy_all(&staging).await;
    for one in &expected {
        ground
            .store
            .verify(&staging.data(), one, &ground.meter)
            .await
            .unwrap();
    }
    ground
        .store
        .rename(&staging.data(), &staging.target)
        .await
        .unwrap();
    let copied = ground.store.list(&staging.target).await.unwrap();
    let copied: Vec<_> = copied.objects.iter().map(|o| o.key.as_str()).collect();
    assert_eq!(copied, names);
}

pub async fn what_is_no_object_is_named_with_its_reason(ground: Ground) {
    ground.write("set/dir/real", "1");
    let at = |name: &str| ground.path(&format!("set/{name}"));
    symlink("dir/real", at("link")).unwrap();
    symlink("dir", at("dir link")).unwrap();
    symlink("/nowhere", at("dir/dangling")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), fifo, 0o600.into(), 0).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    fs::write(
        at("x").with_file_name(std::ffi::OsStr::from_bytes(b"\xff\xfe")),
        "",
    )
    .unwrap();
    let listing = ground.store.list(&ground.source()).await.unwrap();
    drop(socket);
    assert_eq!(listing.objects.len(), 1);
    let reason = |path: &str| {
        let found = listing.skipped.iter().find(|s| s.path == path);
        found.map_or("not named", |s| s.reason.as_str())
    };
    for path in ["link", "dir link", "dir/dangling"] {
        assert!(reason(path).contains("symbolic link"), "{path}: {}", reason(path));
    }
    assert_eq!((reason("pipe"), reason("socket")), ("named pipe", "socket"));
    assert_eq!((listing.skipped_count, listing.unnameable.len()), (6, 1));
    // Many are counted exactly and listed up to a bound.
    for i in 0..150 {
        symlink("x", at(&format!("many-{i}"))).unwrap();
    }
    let listing = ground.store.list(&ground.source()).await.unwrap();
    assert_eq!((listing.skipped_count, listing.skipped.len()), (156, 100));
}

pub async fn an_absent_prefix_is_not_found(ground: Ground) {
    for path in ["absent", "set/absent/deeper"] {
        let error = ground.store.list(&ground.prefix(path)).await.unwrap_err();
        assert!(matches!(error, ObjectError::NotFound(_)), "{path}: {error}");
    }
    ground.write("file", "");
    assert!(ground.store.list(&ground.prefix("file")).await.is_err());
}

pub async fn a_fingerprint_changes_with_the_object(ground: Ground) {
    ground.write("set/a", "first");
    let path = ground.path("set/a");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let first = ground.object("a").await.fingerprint;
    assert_eq!(
        ground.object("a").await.fingerprint,
        first,
        "a look changes nothing"
    );
    let mut seen = vec![first];
    let mut differs = async |what: &str| {
        let now = ground.object("a").await.fingerprint;
        assert!(!seen.contains(&now), "{what} does not show");
        seen.push(now);
    };
    let back_to = |path, time| fs::File::open(path).unwrap().set_modified(time).unwrap();
    fs::write(&path, "FIRST").unwrap();
    back_to(&path, time);
    differs("other content of the same size and modification time").await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    differs("another mode").await;
    ground.write("set/b", "FIRST");
    back_to(&ground.path("set/b"), time);
    fs::rename(ground.path("set/b"), &path).unwrap();
    differs("another file of the same content, size and time").await;
    fs::write(&path, "FIRSTS").unwrap();
    differs("another size").await;
}

pub async fn links_are_not_walked(ground: Ground) {
    let outside = ground.dir.path().join("outside");
    symlink(&outside, ground.path("link")).unwrap();
    for path in ["link", "link/deeper"] {
        let error = ground.store.list(&ground.prefix(path)).await.unwrap_err();
        assert!(matches!(error, ObjectError::Unsafe(_)), "{path}: {error}");
    }
}
