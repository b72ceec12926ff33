//! What the port `Objects` promises of buckets; each clause runs against each vendor's server.

use super::memory::Memory;
use super::{Bucket, azure, gcs, s3, weed};
use crate::encrypted::TestKey;
use data_in_motion::adapters::objects::Stores;
use data_in_motion::domain::encryption::Encryption;
use data_in_motion::domain::migration::options::VerifyLevel;
use data_in_motion::domain::unit::Bytes;
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{
    Copied, Expected, Forgetful, FoundObject, Meter, ObjectError, Occupancy, OpenUpload, Prefix, Staging,
};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One vendor's server under test.
pub struct Ground {
    bucket: Bucket,
    store: Stores,
    meter: Arc<Meter>,
    /// Of the places of the bucket that are copied to.
    encryption: Option<Encryption>,
}

impl Ground {
    fn new(bucket: Bucket) -> Self {
        Self {
            store: bucket.stores(),
            bucket,
            meter: Arc::default(),
            encryption: None,
        }
    }

    /// The same where copies in the bucket are encrypted.
    fn encrypted(bucket: Bucket) -> Self {
        Self {
            encryption: Some(TestKey::new(1).encryption(bucket.dir.path(), "key")),
            ..Self::new(bucket)
        }
    }

    fn at(&self, path: &str) -> Prefix {
        Prefix {
            root: format!("{}/root", self.bucket.uri).parse().unwrap(),
            path: path.into(),
            encryption: self.encryption.clone().filter(|_| path.starts_with("copy")),
        }
    }

    fn disk(&self, path: &str) -> Prefix {
        let dir = self.bucket.dir.path().join("disk");
        std::fs::create_dir_all(&dir).unwrap();
        Prefix {
            root: format!("file://{}", dir.display()).parse().unwrap(),
            path: path.into(),
            encryption: None,
        }
    }

    fn file(&self, path: &str) -> std::path::PathBuf {
        self.bucket.dir.path().join("disk").join(path)
    }

    async fn objects(&self, at: &Prefix) -> Vec<FoundObject> {
        self.store.list(at).await.unwrap().objects
    }

    async fn copy(
        &self,
        from: &Prefix,
        staging: &Staging,
        object: &FoundObject,
    ) -> Result<Copied, ObjectError> {
        self.store
            .copy(from, staging, object, &Forgetful, &self.meter)
            .await
    }

    async fn copy_all(&self, from: &Prefix, staging: &Staging) -> Vec<Expected> {
        self.store.prepare(staging).await.unwrap();
        let mut all = Vec::new();
        for object in self.objects(from).await {
            let copied = self.copy(from, staging, &object).await.unwrap();
            let listed = self.objects(&staging.data()).await;
            let listed = listed.iter().find(|o| o.key == object.key).unwrap();
            assert_eq!(
                listed.fingerprint, copied.fingerprint,
                "a listing tells what the write told"
            );
            all.push(expect(&object, copied));
        }
        all
    }

    async fn verify_all(&self, at: &Prefix, all: &[Expected]) {
        for one in all {
            self.store.verify(at, one, &self.meter).await.unwrap();
        }
    }
}

fn staging(target: Prefix) -> Staging {
    Staging {
        target,
        token: "token".into(),
        attempt: 1,
        class: None,
        verify: VerifyLevel::Full,
        may_share: true,
    }
}

fn expect(object: &FoundObject, copied: Copied) -> Expected {
    Expected {
        key: object.key.clone(),
        size_bytes: object.size_bytes,
        content_hash: copied.content_hash,
        metadata: Some(copied.metadata),
        checksum: None,
        stored_hash: None,
    }
}

const NAMES: [&str; 7] = [
    "a b/c #1?.txt",
    "deep/er/x%2Fy",
    "deep/z",
    "empty",
    "plus+&<>'\"=;,:@",
    "~tilde*",
    "ünï/日本",
];

async fn a_listing_has_every_object_in_order(ground: Ground) {
    for (i, name) in NAMES.iter().enumerate() {
        let bytes = vec![7; if *name == "empty" { 0 } else { i * 10 + 1 }];
        ground
            .bucket
            .raw
            .put(&format!("root/set/{name}"), &bytes, &[])
            .await;
    }
    ground.bucket.raw.put("root/settings", b"elsewhere", &[]).await;
    ground.bucket.raw.put("root/set2/a", b"elsewhere", &[]).await;
    let listing = ground.store.list(&ground.at("set")).await.unwrap();
    let keys: Vec<_> = listing.objects.iter().map(|o| o.key.as_str()).collect();
    assert_eq!(keys, NAMES);
    assert_eq!(listing.objects[1].size_bytes, Bytes(11));
    let whole = ground.objects(&ground.at("")).await;
    assert_eq!(whole.len(), NAMES.len() + 2);
    let before = &listing.objects[1];
    ground
        .bucket
        .raw
        .put("root/set/deep/er/x%2Fy", &[8; 11], &[])
        .await;
    let after = ground.objects(&ground.at("set")).await;
    assert_ne!(before.fingerprint, after[1].fingerprint, "same size, other bytes");
    let absent = ground.store.list(&ground.at("se")).await;
    assert!(matches!(absent, Err(ObjectError::NotFound(_))), "{absent:?}");
}

async fn what_an_object_carries_is_copied_and_compared(ground: Ground) {
    let meta = [
        ("content-type", "text/csv"),
        ("owner", "ann"),
        ("colour", "blue green"),
    ];
    for name in NAMES {
        ground
            .bucket
            .raw
            .put(&format!("root/set/{name}"), name.as_bytes(), &meta)
            .await;
    }
    let staging = staging(ground.at("copy"));
    let all = ground.copy_all(&ground.at("set"), &staging).await;
    assert_eq!(all.len(), NAMES.len());
    for (one, name) in all.iter().zip(NAMES) {
        assert_eq!(
            one.content_hash,
            Some(blake3::hash(name.as_bytes()).to_hex().to_string())
        );
        let found = ground.bucket.raw.get(&format!("root/copy/{name}")).await.unwrap();
        assert_eq!(found.bytes, name.as_bytes());
        assert_eq!(found.headers["content-type"], "text/csv");
        assert_eq!(ground.bucket.raw.meta_of(&found, "owner"), Some("ann"));
        assert_eq!(ground.bucket.raw.meta_of(&found, "dimmove"), Some("token-1"));
    }
    ground.verify_all(&staging.data(), &all).await;
    for (what, meta) in [
        (
            "other metadata",
            vec![
                ("content-type", "text/csv"),
                ("owner", "bob"),
                ("colour", "blue green"),
            ],
        ),
        (
            "one name less",
            vec![("content-type", "text/csv"), ("owner", "ann")],
        ),
        (
            "another type",
            vec![
                ("content-type", "text/plain"),
                ("owner", "ann"),
                ("colour", "blue green"),
            ],
        ),
    ] {
        let raw = &ground.bucket.raw;
        raw.put("root/copy/deep/z", b"deep/z", &meta).await;
        let one = all.iter().find(|e| e.key == "deep/z").unwrap();
        let answer = ground.store.verify(&staging.data(), one, &ground.meter).await;
        assert!(
            matches!(answer, Err(ObjectError::Mismatch(_))),
            "{what}: {answer:?}"
        );
    }
}

async fn files_come_back_as_they_were(ground: Ground) {
    let from = ground.disk("set");
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    let large: Vec<u8> = (0..9_000_001_u32).map(|i| (i * 31 % 251) as u8).collect();
    for (name, bytes) in [("a b/one", &b"first"[..]), ("empty", b""), ("large", &large)] {
        let path = ground.file(&format!("set/{name}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    }
    let there = staging(ground.at("copy"));
    let all = ground.copy_all(&from, &there).await;
    ground.verify_all(&there.data(), &all).await;
    assert_eq!(
        all[2].content_hash,
        Some(blake3::hash(&large).to_hex().to_string())
    );
    let back = staging(ground.disk("back"));
    let all = ground.copy_all(&ground.at("copy"), &back).await;
    ground.verify_all(&back.data(), &all).await;
    for name in ["a b/one", "empty", "large"] {
        let path = ground.file(&format!("{}/{name}", back.data().path));
        let meta = std::fs::metadata(&path).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o640, "{name}");
        assert_eq!(meta.modified().unwrap(), time, "{name}");
        assert_eq!(
            std::fs::read(&path).unwrap(),
            std::fs::read(ground.file(&format!("set/{name}"))).unwrap()
        );
    }
}

async fn a_changed_source_is_not_copied(ground: Ground) {
    let raw = &ground.bucket.raw;
    raw.put("root/set/a", b"first", &[]).await;
    let object = ground.objects(&ground.at("set")).await.remove(0);
    for target in [staging(ground.at("copy")), staging(ground.disk("copy"))] {
        ground.store.prepare(&target).await.unwrap();
        raw.put("root/set/a", b"FIRST", &[]).await;
        let answer = ground.copy(&ground.at("set"), &target, &object).await;
        assert_eq!(
            answer,
            Err(ObjectError::Changed("a".into())),
            "same size, other bytes"
        );
        raw.delete("root/set/a").await;
        let answer = ground.copy(&ground.at("set"), &target, &object).await;
        assert_eq!(answer, Err(ObjectError::Changed("a".into())), "gone");
        let left = ground.store.list(&target.data()).await.unwrap_or_default();
        assert!(left.objects.is_empty(), "{left:?}");
    }
}

async fn what_somebody_else_put_there_is_left_alone(ground: Ground) {
    let raw = &ground.bucket.raw;
    raw.put("root/set/a", b"ours", &[]).await;
    raw.put("root/copy/a", b"theirs", &[]).await;
    let target = staging(ground.at("copy"));
    let object = ground.objects(&ground.at("set")).await.remove(0);
    let answer = ground.copy(&ground.at("set"), &target, &object).await;
    assert!(
        matches!(&answer, Err(ObjectError::Occupied(m)) if m.contains("root/copy/a")),
        "{answer:?}"
    );
    assert_eq!(raw.get("root/copy/a").await.unwrap().bytes, b"theirs");
    let survey = ground
        .store
        .survey(
            &ground.at("set"),
            &target.target,
            &ground.store.list(&ground.at("set")).await.unwrap(),
        )
        .await
        .unwrap();
    assert!(matches!(survey.occupancy, Occupancy::Occupied(_)), "{survey:?}");
    assert!(
        survey.limits.iter().any(|l| l.contains("no rename")),
        "{survey:?}"
    );
    // What this job's earlier attempt left gives way.
    raw.delete("root/copy/a").await;
    ground.copy(&ground.at("set"), &target, &object).await.unwrap();
    let second = Staging { attempt: 2, ..target };
    ground.copy(&ground.at("set"), &second, &object).await.unwrap();
    let found = raw.get("root/copy/a").await.unwrap();
    assert_eq!(raw.meta_of(&found, "dimmove"), Some("token-2"));
}

async fn damage_is_found(ground: Ground) {
    let raw = &ground.bucket.raw;
    raw.put("root/set/a", &[1; 300_000], &[]).await;
    let target = staging(ground.at("copy"));
    let all = ground.copy_all(&ground.at("set"), &target).await;
    let flipped = {
        let mut bytes = vec![1; 300_000];
        bytes[299_999] ^= 1;
        bytes
    };
    for (what, bytes) in [
        ("one bit", flipped),
        ("zeros", vec![0; 300_000]),
        ("cut short", vec![1; 299_999]),
        ("nothing", Vec::new()),
    ] {
        raw.put("root/copy/a", &bytes, &[]).await;
        let answer = ground.store.verify(&target.data(), &all[0], &ground.meter).await;
        assert!(
            matches!(&answer, Err(ObjectError::Mismatch(m)) if m.contains("\"a\"")),
            "{what}: {answer:?}"
        );
    }
    raw.delete("root/copy/a").await;
    let answer = ground.store.verify(&target.data(), &all[0], &ground.meter).await;
    assert!(matches!(answer, Err(ObjectError::NotFound(_))), "{answer:?}");
}

async fn a_large_object_goes_in_parts_and_only_the_missing_are_sent_again(ground: Ground) {
    let large: Vec<u8> = (0..20_000_003_u32).map(|i| (i * 31 % 251) as u8).collect();
    std::fs::create_dir_all(ground.file("set")).unwrap();
    std::fs::write(ground.file("set/large"), &large).unwrap();
    ground.disk("");
    let from = ground.disk("set");
    let target = staging(ground.at("copy"));
    let object = ground.objects(&from).await.remove(0);
    let memory = Memory::default();
    let copy = || ground.store.copy(&from, &target, &object, &memory, &ground.meter);
    let first = copy().await.unwrap();
    assert_eq!(
        first.content_hash,
        Some(blake3::hash(&large).to_hex().to_string())
    );
    let upload = memory.upload.lock().unwrap().clone();
    let upload = upload.expect("every vendor's parts are remembered");
    {
        assert_eq!((upload.parts.len(), upload.part_bytes), (3, Bytes(8 << 20)));
        // The answer to the completion was lost: what stands there is taken for what it is, and nothing is sent.
        let sent = ground.bucket.seen.bytes();
        let again = copy().await.unwrap();
        assert_eq!(again, first);
        assert_eq!(ground.bucket.seen.bytes(), sent, "nothing is sent again");
        // Another upload of the same object, of which one part is remembered.
        *memory.upload.lock().unwrap() = None;
        copy().await.unwrap();
        assert!(ground.bucket.seen.open_uploads().is_empty());
    }
    ground
        .store
        .verify(&target.data(), &expect(&object, first), &ground.meter)
        .await
        .unwrap();
    // From bucket to bucket and back to a disk, in parts as well.
    let large_there = ground.objects(&ground.at("copy")).await.remove(0);
    let second = staging(ground.at("copy2"));
    let copied = ground
        .copy(&ground.at("copy"), &second, &large_there)
        .await
        .unwrap();
    assert_eq!(
        copied.content_hash,
        Some(blake3::hash(&large).to_hex().to_string())
    );
}

async fn only_what_the_attempt_made_is_discarded(ground: Ground) {
    let raw = &ground.bucket.raw;
    for key in ["a", "b", "c/d"] {
        raw.put(&format!("root/set/{key}"), key.as_bytes(), &[]).await;
    }
    let target = staging(ground.at("copy"));
    ground.copy_all(&ground.at("set"), &target).await;
    raw.put("root/copy/b", b"somebody else's", &[]).await;
    raw.put("root/copy/new", b"not in the manifest", &[]).await;
    let keys: Vec<String> = ["a", "b", "c/d"].map(str::to_owned).to_vec();
    let other = Staging {
        attempt: 2,
        ..target.clone()
    };
    let removed = ground
        .store
        .discard(&other, keys.clone(), Vec::new())
        .await
        .unwrap();
    assert_eq!(removed.removed, 0, "another attempt's are kept");
    let removed = ground
        .store
        .discard(&target, keys.clone(), Vec::new())
        .await
        .unwrap();
    let mut kept: Vec<_> = removed.kept.iter().map(|k| k.path.as_str()).collect();
    kept.sort_unstable();
    assert_eq!(kept, ["b", "new"]);
    assert_eq!(removed.removed, 2);
    let left: Vec<_> = raw
        .keys()
        .await
        .into_iter()
        .filter(|k| k.starts_with("root/copy"))
        .collect();
    assert_eq!(left, ["root/copy/b", "root/copy/new"]);
    // After the switch there is no list any more, and nothing of the data goes.
    let nothing = ground
        .store
        .discard(&target, Vec::new(), Vec::new())
        .await
        .unwrap();
    assert_eq!((nothing.removed, nothing.kept.len()), (0, 0));
}

async fn only_what_is_unchanged_is_removed(ground: Ground) {
    let raw = &ground.bucket.raw;
    for key in ["gone", "same", "touched"] {
        raw.put(&format!("root/set/{key}"), b"1", &[]).await;
    }
    let listed = ground.objects(&ground.at("set")).await;
    raw.delete("root/set/gone").await;
    raw.put("root/set/touched", b"2", &[]).await;
    raw.put("root/set/later", b"3", &[]).await;
    let removed = ground
        .store
        .remove(&ground.at("set"), listed.clone())
        .await
        .unwrap();
    assert_eq!(removed.removed, 2, "what was gone counts");
    assert_eq!(removed.kept[0].path, "touched");
    assert_eq!(raw.keys().await, ["root/set/later", "root/set/touched"]);
    let mut hostile = ground.objects(&ground.at("set")).await;
    hostile.push(FoundObject {
        key: "../../root/elsewhere".into(),
        size_bytes: Bytes(1),
        fingerprint: String::new(),
    });
    let refused = ground.store.remove(&ground.at("set"), hostile).await;
    assert!(matches!(refused, Err(ObjectError::Unsafe(_))), "{refused:?}");
    assert_eq!(
        raw.keys().await.len(),
        2,
        "a list that cannot be trusted is not begun"
    );
}

async fn a_missing_bucket_is_named(ground: Ground) {
    let nowhere = Prefix {
        root: format!("{}-nowhere/x", ground.bucket.uri).parse().unwrap(),
        path: "set".into(),
        encryption: None,
    };
    let error = ground.store.list(&nowhere).await.unwrap_err().to_string();
    assert!(error.contains("-nowhere/x/set"), "{error}");
    let away = FoundObject {
        key: "a".into(),
        size_bytes: Bytes(1),
        fingerprint: "x:1".into(),
    };
    assert!(
        ground.store.remove(&nowhere, vec![away]).await.is_err(),
        "a bucket that is away is no proof"
    );
    let seen = data_in_motion::ports::Places::look(&ground.store, &nowhere.root, &ground.bucket.access).await;
    assert!(seen.problem.is_some(), "{seen:?}");
}

/// What is compared is what the store says; where it says nothing, the object is read back.
async fn a_checksum_of_the_stores_own_is_enough_where_it_keeps_one(ground: Ground) {
    let keeps_of_large = ground.bucket.uri.starts_with("gs:") || ground.bucket.is_seaweedfs();
    let large: Vec<u8> = (0..17_000_000_u32).map(|i| (i * 7 % 251) as u8).collect();
    let small = b"some bytes".to_vec();
    for (key, bytes) in [("small", &small), ("large", &large)] {
        std::fs::create_dir_all(ground.file("set")).unwrap();
        std::fs::write(ground.file("set").join(key), bytes).unwrap();
    }
    let from = ground.disk("set");
    let to = Staging {
        verify: VerifyLevel::Checksum,
        ..staging(ground.at("copy"))
    };
    for object in ground.objects(&from).await {
        let bytes = if object.key == "small" { &small } else { &large };
        let copied = ground
            .store
            .copy(&from, &to, &object, &Memory::default(), &ground.meter)
            .await
            .unwrap();
        let told = copied.checksum.clone();
        let good = Expected {
            checksum: told.clone(),
            ..expect(&object, copied)
        };
        let meter = Arc::new(Meter::default());
        ground.store.verify(&to.data(), &good, &meter).await.unwrap();
        let read = if object.key == "small" || keeps_of_large {
            0
        } else {
            bytes.len() as u64
        };
        assert_eq!(meter.bytes(), read, "{:?}", object.key);
        if read == 0 {
            let (kind, _) = told.as_deref().unwrap().split_once('=').unwrap();
            let other = Expected {
                checksum: Some(match kind {
                    "crc64nvme" => "crc64nvme=rosUhgp5mIg=".into(),
                    "crc32c" => "crc32c=4waSgw==".into(),
                    _ => "md5=JfnnlDI7RTiF9RgfG2JNCw==".into(),
                }),
                ..good.clone()
            };
            let found = ground.store.verify(&to.data(), &other, &meter).await;
            let Err(ObjectError::Mismatch(reason)) = found else {
                panic!("{kind}: {found:?}");
            };
            assert!(
                reason.contains("has the checksum") && reason.contains(&object.key),
                "{reason}"
            );
        }
        // Other bytes of the same size, with the same metadata.
        let path = format!("root/copy/{}", object.key);
        let found = ground.bucket.raw.get(&path).await.unwrap();
        let meta = found.user_meta();
        let mut rotten = bytes.clone();
        rotten[3] ^= 1;
        ground.bucket.raw.put(&path, &rotten, &meta).await;
        let found = ground.store.verify(&to.data(), &good, &meter).await;
        assert!(matches!(found, Err(ObjectError::Mismatch(_))), "{found:?}");
    }
}

on_every_store! {
    a_listing_has_every_object_in_order,
    what_an_object_carries_is_copied_and_compared,
    files_come_back_as_they_were,
    a_changed_source_is_not_copied,
    what_somebody_else_put_there_is_left_alone,
    damage_is_found,
    a_large_object_goes_in_parts_and_only_the_missing_are_sent_again,
    a_checksum_of_the_stores_own_is_enough_where_it_keeps_one,
    only_what_the_attempt_made_is_discarded,
    only_what_is_unchanged_is_removed,
    a_missing_bucket_is_named,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_nobody_will_complete_are_given_up() {
    let ground = Ground::new(s3::bucket().await);
    let raw = &ground.bucket.raw;
    let target = staging(ground.at("copy"));
    let url = |key: &str| {
        format!(
            "{}/bkt/{key}?uploads=",
            ground.bucket.access.endpoint.as_ref().unwrap().as_str()
        )
    };
    for key in ["root/copy/a", "root/copy/b", "root/copy2/c"] {
        let (status, _) = raw.send("POST", &url(key), &[], b"").await;
        assert_eq!(status, 200);
    }
    let uploads = ground.bucket.seen.uploads.lock().unwrap().clone();
    let kept = uploads.iter().find(|(_, key)| *key == "root/copy/b").unwrap();
    let keep = OpenUpload {
        key: "b".into(),
        id: kept.0.clone(),
    };
    let count = ground
        .store
        .abandon_uploads(&target, &[], std::slice::from_ref(&keep))
        .await
        .unwrap();
    assert_eq!(count, 1);
    let mut left = ground.bucket.seen.open_uploads();
    left.sort();
    assert_eq!(
        left,
        ["root/copy/b", "root/copy2/c"],
        "what lies elsewhere is not ours"
    );
    assert_eq!(
        ground.store.abandon_uploads(&target, &[keep], &[]).await.unwrap(),
        1
    );
    assert_eq!(ground.bucket.seen.open_uploads(), ["root/copy2/c"]);
}

/// The clauses that do not look at the bytes in a bucket, where those are encrypted.
macro_rules! encrypted {
    ($($clause:ident),+ $(,)?) => {
        mod on_encrypted_s3 {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                super::$clause(Ground::encrypted(s3::bucket().await)).await;
            })+
        }
    };
}

encrypted! {
    files_come_back_as_they_were,
    a_changed_source_is_not_copied,
    what_somebody_else_put_there_is_left_alone,
    damage_is_found,
    a_large_object_goes_in_parts_and_only_the_missing_are_sent_again,
    only_what_the_attempt_made_is_discarded,
    only_what_is_unchanged_is_removed,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_told_and_not_repeated() {
    let bucket = s3::bucket().await;
    std::fs::write(bucket.dir.path().join("credential"), "test-key:hunter2").unwrap();
    let ground = Ground::new(bucket);
    let error = ground.store.list(&ground.at("set")).await.unwrap_err();
    assert!(matches!(error, ObjectError::Denied(_)), "{error:?}");
    assert!(
        error.to_string().contains("s3://bkt/root/set") && !error.to_string().contains("hunter2"),
        "{error}"
    );
}
