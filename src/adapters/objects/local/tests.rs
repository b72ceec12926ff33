//! Local disks: hostile trees, links, changes under the copy, and removal by list.

use super::*;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Forgetful, Occupancy};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

fn prefix(dir: &Path, path: &str) -> Prefix {
    Prefix {
        root: format!("file://{}", dir.display()).parse().unwrap(),
        path: path.into(),
        encryption: None,
    }
}

fn staging(dir: &Path, path: &str) -> Staging {
    Staging {
        target: prefix(dir, path),
        token: "t".into(),
        attempt: 1,
        class: None,
        verify: VerifyLevel::Full,
        may_share: true,
    }
}

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("set/a/b")).unwrap();
    for (name, bytes) in [
        ("set/one", &b"first"[..]),
        ("set/a/two words\n", b"second"),
        ("set/a/b/--rf", b""),
        ("set/ünï#7", &[7; 3_000_000]),
    ] {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

#[tokio::test]
async fn a_listing_names_what_is_no_object() {
    let dir = tree();
    let set = dir.path().join("set");
    symlink("/etc/passwd", set.join("link")).unwrap();
    symlink("/etc", set.join("linked-dir")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        set.join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    fs::write(set.join(std::ffi::OsStr::from_bytes(b"bad\xff")), "x").unwrap();
    let listing = LocalObjects::new()
        .list(&prefix(dir.path(), "set"))
        .await
        .unwrap();
    let keys: Vec<&str> = listing.objects.iter().map(|o| o.key.as_str()).collect();
    assert_eq!(keys, ["a/b/--rf", "a/two words\n", "one", "ünï#7"]);
    assert_eq!(listing.skipped_count, 4);
    assert_eq!(listing.unnameable.len(), 1);
    let reasons: Vec<&str> = listing.skipped.iter().map(|s| s.reason.as_str()).collect();
    assert!(reasons.contains(&"named pipe"), "{reasons:?}");
}

#[tokio::test]
async fn a_copy_is_whole_verified_and_no_link() {
    let dir = tree();
    fs::set_permissions(dir.path().join("set/one"), fs::Permissions::from_mode(0o640)).unwrap();
    let (source, staged) = (prefix(dir.path(), "set"), staging(dir.path(), "new/set"));
    let store = LocalObjects::new();
    let meter = Arc::new(Meter::default());
    assert_eq!(store.missing_parents(&staged.target).await.unwrap(), ["new"]);
    store.prepare(&staged).await.unwrap();
    let listing = store.list(&source).await.unwrap();
    let mut expected = Vec::new();
    for object in &listing.objects {
        let copied = store
            .copy(&source, &staged, object, &Forgetful, &meter)
            .await
            .unwrap();
        expected.push(Expected {
            key: object.key.clone(),
            size_bytes: object.size_bytes,
            content_hash: copied.content_hash,
            metadata: Some(copied.metadata),
            checksum: None,
            stored_hash: None,
        });
    }
    let keys: Vec<String> = expected.iter().map(|e| e.key.clone()).collect();
    store.sync(&staged, keys).await.unwrap();
    assert_eq!(meter.bytes(), listing.size_bytes().0);
    for e in &expected {
        store.verify(&staged.data(), e, &meter).await.unwrap();
    }
    let identity = store.identity(&staged.data()).await.unwrap();
    store.rename(&staged.data(), &staged.target).await.unwrap();
    assert_eq!(store.identity(&staged.target).await.unwrap(), identity);
    let (a, b) = (
        fs::metadata(dir.path().join("set/one")).unwrap(),
        fs::metadata(dir.path().join("new/set/one")).unwrap(),
    );
    assert_ne!(a.ino(), b.ino());
    assert_eq!((a.mode(), a.mtime_nsec()), (b.mode(), b.mtime_nsec()));
    // One flipped bit is found.
    let path = dir.path().join("new/set/ünï#7");
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[1_500_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::File::open(&path).unwrap().set_modified(times).unwrap();
    let found = store
        .verify(&staged.target, expected.last().unwrap(), &meter)
        .await;
    assert!(matches!(found, Err(ObjectError::Mismatch(m)) if m.contains("ünï#7")));
}

#[tokio::test]
async fn a_source_that_changed_is_not_copied() {
    let dir = tree();
    let (source, staged) = (prefix(dir.path(), "set"), staging(dir.path(), "out"));
    let store = LocalObjects::new();
    let meter = Arc::new(Meter::default());
    store.prepare(&staged).await.unwrap();
    let listing = store.list(&source).await.unwrap();
    let one = listing.objects.iter().find(|o| o.key == "one").unwrap();
    let path = dir.path().join("set/one");
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    // The same size and modification time: only the change time tells.
    fs::write(&path, "FIRST").unwrap();
    fs::File::open(&path).unwrap().set_modified(times).unwrap();
    let changed = store.copy(&source, &staged, one, &Forgetful, &meter).await;
    assert_eq!(changed, Err(ObjectError::Changed("one".into())));
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    let linked = store.copy(&source, &staged, one, &Forgetful, &meter).await;
    assert_eq!(linked, Err(ObjectError::Changed("one".into())));
    assert_eq!(
        fs::read_dir(dir.path().join(staged.partial().path))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn keys_and_links_do_not_lead_out() {
    let dir = tree();
    symlink("/", dir.path().join("set/out")).unwrap();
    let store = LocalObjects::new();
    let meter = Arc::new(Meter::default());
    for key in [
        "../one",
        "a/../../one",
        "/etc/passwd",
        "",
        "a//b",
        "out/etc/passwd",
    ] {
        let expected = Expected {
            key: key.into(),
            size_bytes: Bytes(0),
            content_hash: Some(String::new()),
            metadata: None,
            checksum: None,
            stored_hash: None,
        };
        let refused = store.verify(&prefix(dir.path(), "set"), &expected, &meter).await;
        assert!(
            matches!(refused, Err(ObjectError::Unsafe(_))),
            "{key:?}: {refused:?}"
        );
    }
    let refused = store.list(&prefix(dir.path(), "set/out")).await;
    assert!(matches!(refused, Err(ObjectError::Unsafe(_))), "{refused:?}");
}

#[tokio::test]
async fn places_are_compared_by_what_they_are() {
    let dir = tree();
    let store = LocalObjects::new();
    let source = prefix(dir.path(), "set");
    let listing = store.list(&source).await.unwrap();
    let alias = dir.path().join("alias");
    symlink(dir.path(), &alias).unwrap();
    let survey = async |target: Prefix| store.survey(&source, &target, &listing).await.unwrap();

    assert!(
        survey(prefix(&alias, "set"))
            .await
            .overlap
            .unwrap()
            .contains("same")
    );
    let inside = survey(prefix(&alias, "set/a/new")).await.overlap.unwrap();
    assert!(inside.contains("target lies inside"), "{inside}");
    let around = survey(prefix(&alias, "")).await.overlap.unwrap();
    assert!(around.contains("source lies inside"), "{around}");

    let free = survey(prefix(dir.path(), "new/place")).await;
    assert_eq!((free.overlap, free.occupancy), (None, Occupancy::Absent));
    assert!(free.free_bytes.unwrap().0 > 0 && free.not_writable.is_none() && free.not_readable.is_none());

    fs::create_dir(dir.path().join("linked")).unwrap();
    assert_eq!(
        survey(prefix(dir.path(), "linked")).await.occupancy,
        Occupancy::Empty
    );
    fs::hard_link(dir.path().join("set/one"), dir.path().join("linked/uno")).unwrap();
    let listing = store.list(&source).await.unwrap();
    let linked = store
        .survey(&source, &prefix(dir.path(), "linked"), &listing)
        .await
        .unwrap();
    assert_eq!(linked.hard_linked.as_deref(), Some("uno"));
    assert!(matches!(linked.occupancy, Occupancy::Occupied(_)));
}

#[tokio::test]
async fn only_what_is_listed_and_unchanged_is_removed() {
    let dir = tree();
    let store = LocalObjects::new();
    let source = prefix(dir.path(), "set");
    let listing = store.list(&source).await.unwrap();
    fs::write(dir.path().join("set/a/later"), "new").unwrap();
    fs::write(dir.path().join("set/one"), "other").unwrap();
    let removed = store.remove(&source, listing.objects.clone()).await.unwrap();
    assert_eq!(removed.removed, 3);
    assert_eq!(removed.kept[0].path, "one");
    assert!(dir.path().join("set/a/later").exists() && !dir.path().join("set/a/b").exists());
    fs::remove_file(dir.path().join("set/a/later")).unwrap();
    fs::remove_file(dir.path().join("set/one")).unwrap();
    let again = store.remove(&source, listing.objects).await.unwrap();
    assert_eq!((again.removed, again.kept.len()), (4, 0));
    assert!(!dir.path().join("set").exists());
}

#[tokio::test]
async fn a_discarded_staging_area_leaves_nothing_but_what_it_did_not_make() {
    let dir = tree();
    let store = LocalObjects::new();
    let (source, staged) = (prefix(dir.path(), "set"), staging(dir.path(), "x/y/set"));
    let parents = store.missing_parents(&staged.target).await.unwrap();
    store.prepare(&staged).await.unwrap();
    let listing = store.list(&source).await.unwrap();
    let meter = Arc::new(Meter::default());
    for object in &listing.objects {
        store
            .copy(&source, &staged, object, &Forgetful, &meter)
            .await
            .unwrap();
    }
    fs::write(dir.path().join(staged.partial().path).join("torn"), "half").unwrap();
    let keys: Vec<String> = listing.objects.iter().map(|o| o.key.clone()).collect();
    fs::write(dir.path().join(staged.data().path).join("foreign"), "").unwrap();
    let kept = store
        .discard(&staged, keys.clone(), parents.clone())
        .await
        .unwrap()
        .kept;
    assert_eq!(kept[0].path, "foreign");
    fs::remove_file(dir.path().join(staged.data().path).join("foreign")).unwrap();
    for _ in 0..2 {
        let removed = store
            .discard(&staged, keys.clone(), parents.clone())
            .await
            .unwrap();
        assert!(removed.kept.is_empty());
    }
    assert!(!dir.path().join("x").exists() && dir.path().join("set/one").exists());
}

#[tokio::test]
async fn a_copy_stops_within_a_chunk() {
    let dir = tree();
    let store = LocalObjects::with_throttle(100_000);
    let (source, staged) = (prefix(dir.path(), "set"), staging(dir.path(), "out"));
    store.prepare(&staged).await.unwrap();
    let listing = store.list(&source).await.unwrap();
    let meter = Arc::new(Meter::default());
    let stop = meter.clone();
    let start = std::time::Instant::now();
    let stopper = tokio::spawn(async move {
        while stop.bytes() == 0 {
            tokio::task::yield_now().await;
        }
        stop.stop();
    });
    let big = listing.objects.iter().find(|o| o.key == "ünï#7").unwrap();
    assert_eq!(
        store.copy(&source, &staged, big, &Forgetful, &meter).await,
        Err(ObjectError::Stopped)
    );
    stopper.await.unwrap();
    assert!(start.elapsed().as_secs() < 2);
}
