//! Ten thousand corruptions of copies, each found with the object's name; a thousand sources that change under the copy, none mixed.

use data_in_motion::adapters::objects::LocalObjects;
use data_in_motion::domain::migration::options::VerifyLevel;
use data_in_motion::domain::unit::Bytes;
use data_in_motion::ports::objects::{
    Expected, Forgetful, FoundObject, Meter, ObjectError, Objects, Prefix, Staging,
};
use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Ground {
    dir: tempfile::TempDir,
    store: LocalObjects,
    meter: Arc<Meter>,
}

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("root/set")).unwrap();
        Self {
            dir,
            store: LocalObjects::new(),
            meter: Arc::default(),
        }
    }

    fn prefix(&self, path: &str) -> Prefix {
        let root = self.dir.path().join("root").canonicalize().unwrap();
        Prefix {
            root: format!("file://{}", root.display()).parse().unwrap(),
            path: path.into(),
            encryption: None,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("root").join(path)
    }
}

/// The same numbers on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Writes bytes so that size, times and mode are what they were, as a rotting disk would.
fn rot(path: &Path, change: impl FnOnce(&File, u64)) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let before = file.metadata().unwrap();
    change(&file, before.len());
    file.set_modified(before.modified().unwrap()).unwrap();
}

#[tokio::test]
async fn ten_thousand_corruptions_are_found_with_the_name_of_the_object() {
    const OBJECTS: usize = 20;
    let ground = Ground::new();
    let mut draw = Draw(0x2545_F491_4F6C_DD1D);
    for i in 0..OBJECTS {
        // Pairs of one size and different content.
        let size = 200 + 700 * (i / 2);
        let bytes: Vec<u8> = (0..size).map(|_| 1 + draw.below(255) as u8).collect();
        std::fs::write(ground.path(&format!("set/object {i:02}")), bytes).unwrap();
    }
    let source = ground.prefix("set");
    let staging = Staging {
        target: ground.prefix("copy"),
        token: "token".into(),
        attempt: 1,
        class: None,
        verify: VerifyLevel::Full,
        may_share: true,
    };
    ground.store.prepare(&staging).await.unwrap();
    let at = staging.data();
    let mut copies = Vec::new();
    for object in ground.store.list(&source).await.unwrap().objects {
        let copied = ground
            .store
            .copy(&source, &staging, &object, &Forgetful, &ground.meter)
            .await
            .unwrap();
        copies.push(Expected {
            key: object.key,
            size_bytes: object.size_bytes,
            content_hash: copied.content_hash,
            metadata: Some(copied.metadata),
            checksum: None,
            stored_hash: None,
        });
    }
    let path = |i: usize| ground.path(&format!("{}/{}", at.path, copies[i].key));
    let whole: Vec<Vec<u8>> = (0..OBJECTS).map(|i| std::fs::read(path(i)).unwrap()).collect();
    let mut kinds = [0_u32; 6];
    for round in 0..10_000 {
        let i = draw.below(OBJECTS as u64) as usize;
        let kind = draw.below(6) as usize;
        kinds[kind] += 1;
        let mut touched = vec![i];
        match kind {
            // A bit.
            0 => rot(&path(i), |file, length| {
                let at = draw.below(length);
                let byte = whole[i][at as usize] ^ (1 << draw.below(8));
                file.write_all_at(&[byte], at).unwrap();
            }),
            // A shorter one.
            1 => rot(&path(i), |file, length| file.set_len(draw.below(length)).unwrap()),
            // Zeros from somewhere on, as after a lost write.
            2 => rot(&path(i), |file, length| {
                file.set_len(draw.below(length)).unwrap();
                file.set_len(length).unwrap();
            }),
            // Two objects of one size, swapped.
            3 => {
                let other = i ^ 1;
                rot(&path(i), |file, _| file.write_all_at(&whole[other], 0).unwrap());
                rot(&path(other), |file, _| file.write_all_at(&whole[i], 0).unwrap());
                touched.push(other);
            }
            // A longer one.
            4 => rot(&path(i), |file, length| {
                file.write_all_at(b"more", length).unwrap()
            }),
            // What is kept beside the bytes.
            _ => {
                let mode = std::fs::metadata(path(i)).unwrap().permissions().mode();
                std::fs::set_permissions(path(i), std::fs::Permissions::from_mode(mode ^ 0o040)).unwrap();
            }
        }
        for i in touched {
            let found = ground.store.verify(&at, &copies[i], &ground.meter).await;
            match found {
                Err(ObjectError::Mismatch(what)) => {
                    assert!(
                        what.contains(&copies[i].key),
                        "round {round}, kind {kind}: {what}"
                    );
                }
                other => panic!("round {round}, kind {kind}: {other:?}"),
            }
            if kind == 5 {
                let mode = std::fs::metadata(path(i)).unwrap().permissions().mode();
                std::fs::set_permissions(path(i), std::fs::Permissions::from_mode(mode ^ 0o040)).unwrap();
            } else {
                rot(&path(i), |file, _| {
                    file.write_all_at(&whole[i], 0).unwrap();
                    file.set_len(whole[i].len() as u64).unwrap();
                });
            }
        }
    }
    assert!(kinds.iter().all(|n| *n > 1000), "{kinds:?}");
    // And nothing is found where nothing is wrong.
    for copy in &copies {
        ground.store.verify(&at, copy, &ground.meter).await.unwrap();
    }
}

/// Version 1 is all ones, and so on: a mixed copy holds two different bytes.
fn version(n: u8, length: usize) -> Vec<u8> {
    vec![n; length]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sources_that_change_under_the_copy_give_no_mixed_object() {
    const LENGTH: usize = 64 * 1024;
    let ground = Ground::new();
    let mut draw = Draw(0x9E37_79B9_7F4A_7C15);
    let source = ground.prefix("set");
    let staging = Staging {
        target: ground.prefix("copy"),
        token: "token".into(),
        attempt: 1,
        class: None,
        verify: VerifyLevel::Full,
        may_share: true,
    };
    ground.store.prepare(&staging).await.unwrap();
    let path = ground.path("set/object");
    let (mut whole, mut changed) = (0, 0);
    for round in 0..1000 {
        std::fs::write(&path, version(1, LENGTH)).unwrap();
        let object: FoundObject = ground.store.list(&source).await.unwrap().objects.remove(0);
        assert_eq!(object.size_bytes, Bytes(LENGTH as u64));
        let (how, pause) = (draw.below(4), draw.below(200));
        let victim = path.clone();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_micros(pause));
            match how {
                // In place, a piece at a time.
                0 => {
                    let file = File::options().write(true).open(&victim).unwrap();
                    for piece in 0..4 {
                        file.write_all_at(&version(2, LENGTH / 4), (piece * LENGTH / 4) as u64)
                            .unwrap();
                    }
                }
                // Another one under the same name.
                1 => {
                    let fresh = victim.with_extension("new");
                    std::fs::write(&fresh, version(3, LENGTH)).unwrap();
                    std::fs::rename(&fresh, &victim).unwrap();
                }
                // Emptied and written anew.
                2 => std::fs::write(&victim, version(4, LENGTH)).unwrap(),
                // One byte, with the time of before.
                _ => {
                    let file = File::options().write(true).open(&victim).unwrap();
                    let before = file.metadata().unwrap().modified().unwrap();
                    file.write_all_at(&[5], LENGTH as u64 / 2).unwrap();
                    file.set_modified(before).unwrap();
                }
            }
        });
        let copied = ground
            .store
            .copy(&source, &staging, &object, &Forgetful, &ground.meter)
            .await;
        writer.join().unwrap();
        match copied {
            Ok(copied) => {
                let bytes = std::fs::read(ground.path(&format!("{}/object", staging.data().path))).unwrap();
                assert!(bytes == version(1, LENGTH), "round {round}, writer {how}: mixed");
                assert_eq!(
                    copied.content_hash,
                    Some(blake3::hash(&bytes).to_hex().to_string())
                );
                whole += 1;
            }
            Err(ObjectError::Changed(key)) => {
                assert_eq!(key, "object");
                changed += 1;
            }
            Err(other) => panic!("round {round}, writer {how}: {other}"),
        }
    }
    eprintln!("{whole} copies were whole, {changed} were told to be copied again");
    assert_eq!(whole + changed, 1000);
}
