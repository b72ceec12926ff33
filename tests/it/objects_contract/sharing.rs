//! Copies on one file system: shared blocks where it can share them, the same bytes where it cannot, and never another name.

use super::{Ground, expect};
use data_in_motion::adapters::objects::LocalObjects;
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{Forgetful, Prefix, Staging};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn a_copy_is_a_file_of_its_own() {
    for may_share in [true, false] {
        let ground = Ground::new(Arc::new(LocalObjects::new()));
        for (name, size) in [("tiny", 7), ("some", 150_001), ("more", 3_000_000)] {
            ground.write(&format!("set/{name}"), content(size));
        }
        let staging = Staging {
            may_share,
            ..ground.staging("moved")
        };
        let expected = ground.copy_all(&staging).await;
        for one in &expected {
            let copy = Path::new("root").join(&staging.data().path).join(&one.key);
            let copy = ground.dir.path().join(copy);
            let source = ground.path(&format!("set/{}", one.key));
            let (there, here) = (fs::metadata(&copy).unwrap(), fs::metadata(&source).unwrap());
            assert!(there.ino() != here.ino() && there.nlink() == 1);
            // A later write to the source does not reach it.
            fs::write(&source, b"other").unwrap();
            ground
                .store
                .verify(&staging.data(), one, &ground.meter)
                .await
                .unwrap();
        }
    }
}

/// What `df` says is free.
fn free_bytes(dir: &Path) -> u64 {
    let out = std::process::Command::new("df")
        .args(["--output=avail", "-B1"])
        .arg(dir)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().nth(1).unwrap().trim().parse().unwrap()
}

/// Bytes and blocks are on the device.
fn flush() {
    assert!(std::process::Command::new("sync").status().unwrap().success());
}

/// On Btrfs, or XFS made with `reflink=1`: small and large objects take no space, unless they are to be second copies.
#[tokio::test]
#[ignore = "needs a directory on a file system that shares blocks, named by DIM_REFLINK_DIR"]
async fn where_blocks_can_be_shared_a_copy_takes_no_space() {
    let place = std::env::var("DIM_REFLINK_DIR").expect("DIM_REFLINK_DIR names a directory");
    let dir = tempfile::tempdir_in(place).unwrap();
    let root = dir.path().canonicalize().unwrap();
    fs::create_dir(root.join("set")).unwrap();
    for (name, size) in [("small", 20 << 20), ("large", 100 << 20)] {
        fs::write(root.join("set").join(name), content(size)).unwrap();
    }
    flush();
    let at = |path: &str| Prefix {
        root: format!("file://{}", root.display()).parse().unwrap(),
        path: path.into(),
        encryption: None,
    };
    let store = LocalObjects::new();
    let meter = Arc::default();
    for (may_share, target) in [(true, "a"), (false, "b")] {
        let staging = Staging {
            may_share,
            target: at(target),
            ..Ground::new(Arc::new(LocalObjects::new())).staging("unused")
        };
        store.prepare(&staging).await.unwrap();
        let before = free_bytes(&root);
        for object in store.list(&at("set")).await.unwrap().objects {
            let copied = store
                .copy(&at("set"), &staging, &object, &Forgetful, &meter)
                .await
                .unwrap();
            let bytes = fs::read(root.join("set").join(&object.key)).unwrap();
            let hash = blake3::hash(&bytes).to_hex().to_string();
            assert_eq!(copied.content_hash.as_ref(), Some(&hash));
            store.sync(&staging, vec![object.key.clone()]).await.unwrap();
            store
                .verify(&staging.data(), &expect(&object, copied), &meter)
                .await
                .unwrap();
        }
        flush();
        let taken = before.saturating_sub(free_bytes(&root));
        eprintln!("shared {may_share}: {taken} bytes taken");
        assert_eq!(taken < 20 << 20, may_share, "{taken} bytes");
    }
}
