//! Clauses on copying.

use super::Ground;
use data_in_motion::ports::objects::{Forgetful, Meter, ObjectError};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub async fn a_copy_is_no_link_and_keeps_mode_and_time(ground: Ground) {
    let content: Vec<u8> = (0..3_000_017_u32).map(|i| (i % 251) as u8).collect();
    ground.write("set/deep/a", &content);
    ground.write("set/empty", "");
    let path = ground.path("set/deep/a");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    fs::File::open(&path).unwrap().set_modified(long_ago).unwrap();
    let staging = ground.staging("copy");
    let expected = ground.copy_all(&staging).await;
    assert_eq!(
        ground.meter.bytes(),
        content.len() as u64,
        "each byte is counted once"
    );
    assert_eq!(
        expected[0].content_hash,
        Some(blake3::hash(&content).to_hex().to_string())
    );
    let copy = ground.path(&format!("{}/deep/a", staging.data().path));
    let (a, b) = (fs::metadata(&path).unwrap(), fs::metadata(&copy).unwrap());
    assert_ne!((a.dev(), a.ino()), (b.dev(), b.ino()));
    assert_eq!((a.nlink(), b.nlink()), (1, 1));
    assert_eq!((b.mode() & 0o777, b.modified().unwrap()), (0o640, long_ago));
    fs::write(&path, "other").unwrap();
    assert_eq!(fs::read(&copy).unwrap(), content, "the copy stands by itself");
}

pub async fn a_changed_source_is_not_copied(ground: Ground) {
    let staging = ground.staging("copy");
    ground.store.prepare(&staging).await.unwrap();
    let path = ground.path("set/a");
    let time = |path: &std::path::Path| fs::metadata(path).unwrap().modified().unwrap();
    let changes: [(&str, &dyn Fn()); 7] = [
        ("it grew", &|| fs::write(&path, "first and more").unwrap()),
        ("it shrank", &|| fs::write(&path, "f").unwrap()),
        ("same size and time", &|| {
            let before = time(&path);
            fs::write(&path, "FIRST").unwrap();
            fs::File::open(&path).unwrap().set_modified(before).unwrap();
        }),
        ("another inode with the same content and time", &|| {
            let before = time(&path);
            ground.write("set/new", "first");
            fs::File::open(ground.path("set/new"))
                .unwrap()
                .set_modified(before)
                .unwrap();
            fs::rename(ground.path("set/new"), &path).unwrap();
        }),
        ("it is gone", &|| fs::remove_file(&path).unwrap()),
        ("it became a link", &|| {
            fs::remove_file(&path).unwrap();
            symlink(ground.dir.path().join("outside/precious"), &path).unwrap();
        }),
        ("it became a directory", &|| {
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        }),
    ];
    for (what, change) in changes {
        ground.write("set/a", "first");
        let object = ground.object("a").await;
        change();
        let answer = ground
            .store
            .copy(&ground.source(), &staging, &object, &Forgetful, &ground.meter)
            .await;
        assert_eq!(answer, Err(ObjectError::Changed("a".into())), "{what}");
        for place in [staging.data(), staging.partial()] {
            let left = fs::read_dir(ground.path(&place.path)).unwrap().count();
            assert_eq!(left, 0, "{what}: something is left in {}", place.path);
        }
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir(&path).unwrap(),
            Ok(_) => fs::remove_file(&path).unwrap(),
            Err(_) => {}
        }
    }
}

/// A write while the copy reads: either the copy is refused, or it ended before and is the old content.
pub async fn a_source_that_changes_under_the_copy_is_found(ground: Ground) {
    const SIZE: usize = 16_000_000;
    let staging = ground.staging("copy");
    ground.store.prepare(&staging).await.unwrap();
    let mut found = 0;
    for round in 0..5_u8 {
        ground.write("set/a", vec![round; SIZE]);
        let object = ground.object("a").await;
        let meter = Arc::new(Meter::default());
        let (store, source, staged) = (ground.store.clone(), ground.source(), staging.clone());
        let copy = tokio::spawn({
            let meter = meter.clone();
            async move { store.copy(&source, &staged, &object, &Forgetful, &meter).await }
        });
        while meter.bytes() == 0 && !copy.is_finished() {
            tokio::task::yield_now().await;
        }
        let path = ground.path("set/a");
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"!", SIZE as u64 - 1).unwrap();
        match copy.await.unwrap() {
            Err(ObjectError::Changed(key)) => {
                assert_eq!(key, "a");
                found += 1;
            }
            Ok(copied) => {
                let old = blake3::hash(&vec![round; SIZE]).to_hex().to_string();
                assert_eq!(copied.content_hash, Some(old), "a torn copy was accepted");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(found > 0, "no write fell into a copy");
}

/// The best of a few tries is within 100 ms; none takes seconds, however loaded the machine is.
pub async fn a_stop_is_heard_soon(ground: Ground) {
    ground.write("set/a", "");
    // A hole reads as zeros without taking space.
    let file = fs::OpenOptions::new()
        .write(true)
        .open(ground.path("set/a"))
        .unwrap();
    file.set_len(400_000_000).unwrap();
    let staging = ground.staging("copy");
    ground.store.prepare(&staging).await.unwrap();
    let object = ground.object("a").await;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let meter = Arc::new(Meter::default());
        let (store, source, staged, object) = (
            ground.store.clone(),
            ground.source(),
            staging.clone(),
            object.clone(),
        );
        let copy = tokio::spawn({
            let meter = meter.clone();
            async move { store.copy(&source, &staged, &object, &Forgetful, &meter).await }
        });
        while meter.bytes() == 0 && !copy.is_finished() {
            tokio::task::yield_now().await;
        }
        let told = Instant::now();
        meter.stop();
        assert_eq!(copy.await.unwrap(), Err(ObjectError::Stopped));
        best = best.min(told.elapsed());
        assert!(told.elapsed() < Duration::from_secs(2));
        let bytes = meter.bytes();
        assert!(
            bytes < object_size(&ground),
            "it went on to the end: {bytes} bytes"
        );
        for place in [staging.data(), staging.partial()] {
            assert_eq!(fs::read_dir(ground.path(&place.path)).unwrap().count(), 0);
        }
    }
    assert!(best < Duration::from_millis(100), "{best:?}");
}

fn object_size(ground: &Ground) -> u64 {
    fs::metadata(ground.path("set/a")).unwrap().len()
}

pub async fn copying_twice_replaces(ground: Ground) {
    ground.write("set/a", "first");
    let staging = ground.staging("copy");
    ground.copy_all(&staging).await;
    ground.write("set/a", "second");
    let expected = ground.copy_all(&staging).await;
    let copy = ground.path(&format!("{}/a", staging.data().path));
    assert_eq!(fs::read(copy).unwrap(), b"second");
    ground
        .store
        .verify(&staging.data(), &expected[0], &ground.meter)
        .await
        .unwrap();
}

/// A directory that only some may enter is not opened to all by a move.
pub async fn directories_stay_as_closed_as_they_were(ground: Ground) {
    ground.write("set/private/deep/a", "1");
    ground.write("set/b", "2");
    let mode = |path: &str| fs::metadata(ground.path(path)).unwrap().mode() & 0o7777;
    let close = |path: &str, mode: u32| {
        fs::set_permissions(ground.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    close("set/private/deep", 0o555);
    close("set/private", 0o700);
    close("set", 0o2750);
    let staging = ground.staging("copy");
    ground.store.prepare(&staging).await.unwrap();
    assert_eq!(
        mode(&staging.home().path),
        0o700,
        "nobody looks into the staging area"
    );
    ground.copy_all(&staging).await;
    ground
        .store
        .rename(&staging.data(), &staging.target)
        .await
        .unwrap();
    assert_eq!((mode("copy"), mode("copy/private")), (0o2750, 0o700));
    assert_eq!(
        mode("copy/private/deep"),
        0o755,
        "its owner must write while objects come"
    );
    close("set/private/deep", 0o755);
}
