//! Copies that a store makes by itself: nothing is sent, what is claimed was computed, and what cannot be copied so goes the long way.

use super::memory::Memory;
use super::{Bucket, azure, gcs, s3, weed};
use data_in_motion::adapters::objects::Stores;
use data_in_motion::domain::migration::options::VerifyLevel;
use data_in_motion::domain::unit::Bytes;
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{
    Copied, Expected, Forgetful, FoundObject, Meter, ObjectError, Prefix, Staging,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const KEY: &str = "deep/c d é#1+";

struct Ground {
    bucket: Bucket,
    store: Stores,
}

impl Ground {
    fn new(bucket: Bucket) -> Self {
        Self {
            store: bucket.stores(),
            bucket,
        }
    }

    fn at(&self, path: &str) -> Prefix {
        Prefix {
            root: format!("{}/root", self.bucket.uri).parse().unwrap(),
            path: path.into(),
            encryption: None,
        }
    }

    fn staging(&self, verify: VerifyLevel) -> Staging {
        Staging {
            target: self.at("copy"),
            token: "token".into(),
            attempt: 1,
            class: None,
            verify,
            may_share: true,
        }
    }

    /// Puts one object with headers into the source.
    async fn put(&self, bytes: &[u8]) -> FoundObject {
        let meta = [("content-type", "text/plain"), ("owner", "ann")];
        self.bucket
            .raw
            .put(&format!("root/set/{KEY}"), bytes, &meta)
            .await;
        self.object().await
    }

    async fn object(&self) -> FoundObject {
        self.store.list(&self.at("set")).await.unwrap().objects.remove(0)
    }

    async fn copy(&self, verify: VerifyLevel, object: &FoundObject) -> (Result<Copied, ObjectError>, u64) {
        let meter = Arc::new(Meter::default());
        let (from, to) = (self.at("set"), self.staging(verify));
        let copied = self.store.copy(&from, &to, object, &Forgetful, &meter).await;
        (copied, meter.bytes())
    }

    /// Verifies a copy; how many bytes that took.
    async fn verify(&self, object: &FoundObject, copied: &Copied) -> (Result<(), ObjectError>, u64) {
        let meter = Arc::new(Meter::default());
        let expected = Expected {
            key: object.key.clone(),
            size_bytes: object.size_bytes,
            content_hash: copied.content_hash.clone(),
            metadata: Some(copied.metadata.clone()),
            checksum: copied.checksum.clone(),
            stored_hash: None,
        };
        let found = self.store.verify(&self.at("copy"), &expected, &meter).await;
        (found, meter.bytes())
    }

    /// Whether a copy at the target was made by the store itself; Azure's says so, those in this process count. SeaweedFS tells
    /// nobody: there only what becomes of a copy is looked at.
    async fn was_copied_inside(&self) -> bool {
        if self.bucket.is_seaweedfs() {
            return true;
        }
        if self.bucket.uri.starts_with("az:") {
            let found = self.bucket.raw.get(&format!("root/copy/{KEY}")).await.unwrap();
            return found
                .headers
                .get("x-ms-copy-status")
                .is_some_and(|s| s == "success");
        }
        self.bucket.seen.copies.load(Ordering::SeqCst) > 0
    }
}

fn content(size: u32) -> Vec<u8> {
    (0..size).map(|i| (i * 31 % 251) as u8).collect()
}

async fn nothing_is_sent_and_the_hash_is_of_what_was_read(ground: Ground) {
    let bytes = content(300_000);
    let object = ground.put(&bytes).await;
    let sent = ground.bucket.seen.bytes();
    let (copied, read) = ground.copy(VerifyLevel::Full, &object).await;
    let copied = copied.unwrap();
    assert!(ground.was_copied_inside().await);
    assert_eq!((ground.bucket.seen.bytes() - sent, read), (0, 300_000));
    assert_eq!(
        copied.content_hash,
        Some(blake3::hash(&bytes).to_hex().to_string())
    );
    let raw = &ground.bucket.raw;
    let found = raw.get(&format!("root/copy/{KEY}")).await.unwrap();
    assert!(found.bytes == bytes);
    assert_eq!(raw.meta_of(&found, "dimmove"), Some("token-1"));
    assert_eq!(raw.meta_of(&found, "owner"), Some("ann"));
    assert_eq!(found.headers["content-type"], "text/plain");
    let listed = ground.store.list(&ground.at("copy")).await.unwrap().objects;
    assert_eq!(listed[0].fingerprint, copied.fingerprint);
    assert_eq!(ground.verify(&object, &copied).await, (Ok(()), 300_000));
}

async fn without_a_read_no_hash_is_claimed(ground: Ground) {
    let object = ground.put(&content(5000)).await;
    let (copied, read) = ground.copy(VerifyLevel::Size, &object).await;
    let copied = copied.unwrap();
    assert!(ground.was_copied_inside().await);
    assert_eq!(
        (copied.content_hash.as_ref(), copied.checksum.as_ref(), read),
        (None, None, 0)
    );
    let (found, _) = ground.verify(&object, &copied).await;
    assert!(
        matches!(&found, Err(ObjectError::Mismatch(m)) if m.contains("no hash of it was computed")),
        "{found:?}"
    );
    // Somebody who needs one reads it.
    let meter = Arc::new(Meter::default());
    let hash = ground
        .store
        .hash(&ground.at("set"), &object, &meter)
        .await
        .unwrap();
    assert_eq!(hash, blake3::hash(&content(5000)).to_hex().to_string());
    ground.put(&content(5001)).await;
    let answer = ground.store.hash(&ground.at("set"), &object, &meter).await;
    assert!(matches!(answer, Err(ObjectError::Changed(_))), "{answer:?}");
}

/// Where the store keeps checksums of both sides, they are compared and nothing is read; where it does not, both sides are.
async fn the_stores_checksums_are_compared(ground: Ground) {
    let keeps = !ground.bucket.uri.starts_with("s3:");
    ground.put(&content(70_000)).await;
    if !keeps {
        // Written so that the store keeps one, as the product does.
        let dir = ground.bucket.dir.path().join("disk/x/deep");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("c d é#1+"), content(70_000)).unwrap();
        ground.bucket.raw.delete(&format!("root/set/{KEY}")).await;
        let from = Prefix {
            root: format!("file://{}", ground.bucket.dir.path().join("disk").display())
                .parse()
                .unwrap(),
            path: "x".into(),
            encryption: None,
        };
        let mut to = ground.staging(VerifyLevel::Checksum);
        to.target = ground.at("set");
        let object = ground.store.list(&from).await.unwrap().objects.remove(0);
        let meter = Arc::new(Meter::default());
        ground
            .store
            .copy(&from, &to, &object, &Forgetful, &meter)
            .await
            .unwrap();
    }
    let object = ground.object().await;
    let (copied, read) = ground.copy(VerifyLevel::Checksum, &object).await;
    let copied = copied.unwrap();
    assert_eq!((copied.content_hash.as_ref(), read), (None, 0), "{copied:?}");
    assert!(copied.checksum.is_some());
    assert_eq!(ground.verify(&object, &copied).await, (Ok(()), 0));
    // Other bytes of the same size at the target, with everything else as it was.
    let raw = &ground.bucket.raw;
    let found = raw.get(&format!("root/copy/{KEY}")).await.unwrap();
    let meta = found.carried();
    let mut rotten = content(70_000);
    rotten[69_999] ^= 1;
    raw.put(&format!("root/copy/{KEY}"), &rotten, &meta).await;
    let (found, _) = ground.verify(&object, &copied).await;
    assert!(matches!(found, Err(ObjectError::Mismatch(_))), "{found:?}");
}

async fn a_stranger_is_left_alone_and_ones_own_gives_way(ground: Ground) {
    let object = ground.put(b"ours").await;
    let raw = &ground.bucket.raw;
    let there = format!("root/copy/{KEY}");
    raw.put(&there, b"theirs", &[]).await;
    let (answer, _) = ground.copy(VerifyLevel::Full, &object).await;
    assert!(matches!(&answer, Err(ObjectError::Occupied(_))), "{answer:?}");
    assert_eq!(raw.get(&there).await.unwrap().bytes, b"theirs");
    // What an earlier attempt of this job left.
    raw.put(&there, b"torn", &[("dimmove", "token-7")]).await;
    ground.copy(VerifyLevel::Full, &object).await.0.unwrap();
    assert_eq!(raw.get(&there).await.unwrap().bytes, b"ours");
    assert!(ground.was_copied_inside().await);
}

async fn a_changed_source_is_not_copied(ground: Ground) {
    let object = ground.put(b"first").await;
    ground.put(b"second").await;
    for level in VerifyLevel::ALL {
        let (answer, _) = ground.copy(level, &object).await;
        assert!(
            matches!(&answer, Err(ObjectError::Changed(_))),
            "{level}: {answer:?}"
        );
    }
    assert!(ground.bucket.raw.get(&format!("root/copy/{KEY}")).await.is_none());
}

/// The plan tells who will copy.
async fn the_survey_says_that_it_is_one_store(ground: Ground) {
    ground.put(b"x").await;
    let listing = ground.store.list(&ground.at("set")).await.unwrap();
    let survey = |to: Prefix| {
        let (store, from, listing) = (&ground.store, ground.at("set"), &listing);
        async move { store.survey(&from, &to, listing).await.unwrap() }
    };
    assert!(survey(ground.at("copy")).await.one_store);
    let disk = Prefix {
        root: format!("file://{}", ground.bucket.dir.path().display())
            .parse()
            .unwrap(),
        path: "new".into(),
        encryption: None,
    };
    assert!(!survey(disk).await.one_store);
}

on_every_store! {
    nothing_is_sent_and_the_hash_is_of_what_was_read,
    without_a_read_no_hash_is_claimed,
    the_stores_checksums_are_compared,
    a_stranger_is_left_alone_and_ones_own_gives_way,
    a_changed_source_is_not_copied,
    the_survey_says_that_it_is_one_store,
}

/// A store that knows no such copies is asked once; the bytes then go the long way, and the plan says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_copy_is_not_asked_again() {
    for bucket in [s3::bucket().await, gcs::bucket().await] {
        let ground = Ground::new(bucket);
        let seen = &ground.bucket.seen;
        seen.refuses_copies.store(true, Ordering::SeqCst);
        let bytes = content(1000);
        let object = ground.put(&bytes).await;
        let sent = seen.bytes();
        let (copied, read) = ground.copy(VerifyLevel::Size, &object).await;
        let hash = Some(blake3::hash(&bytes).to_hex().to_string());
        assert_eq!((copied.unwrap().content_hash, read), (hash, 1000));
        assert_eq!(seen.bytes() - sent, 1000);
        seen.refuses_copies.store(false, Ordering::SeqCst);
        ground.copy(VerifyLevel::Size, &object).await.0.unwrap();
        assert_eq!(seen.copies.load(Ordering::SeqCst), 0, "it is not asked again");
        let listing = ground.store.list(&ground.at("set")).await.unwrap();
        let survey = ground
            .store
            .survey(&ground.at("set"), &ground.at("new"), &listing)
            .await;
        assert!(!survey.unwrap().one_store);
    }
}

/// Objects without a checksum of the store's own are read at both sides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_checksum_is_read() {
    let ground = Ground::new(s3::bucket().await);
    let object = ground.put(&content(4000)).await;
    let (copied, read) = ground.copy(VerifyLevel::Checksum, &object).await;
    let copied = copied.unwrap();
    assert!(ground.was_copied_inside().await);
    assert_eq!(read, 4000);
    assert!(copied.content_hash.is_some() && copied.checksum.is_some());
    assert_eq!(ground.verify(&object, &copied).await, (Ok(()), 4000));
}

/// Beyond 32 MiB S3 copies in parts, and a copy that was killed asks for the missing ones only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_is_copied_in_parts_and_gone_on_with() {
    let ground = Ground::new(s3::bucket().await);
    let bytes = content(33 << 20);
    let object = ground.put(&bytes).await;
    let seen = &ground.bucket.seen;
    let sent = seen.bytes();
    for level in [VerifyLevel::Full, VerifyLevel::Size] {
        let before = seen.copies.load(Ordering::SeqCst);
        let memory = Memory::ending_after(1, ObjectError::Io("killed here".into()));
        let meter = Arc::new(Meter::default());
        let (from, to) = (ground.at("set"), ground.staging(level));
        let killed = ground.store.copy(&from, &to, &object, &memory, &meter).await;
        assert!(matches!(killed, Err(ObjectError::Io(_))), "{killed:?}");
        assert!(ground.bucket.raw.get(&format!("root/copy/{KEY}")).await.is_none());
        let asked = seen.copies.load(Ordering::SeqCst) - before;
        let upload = memory.upload.lock().unwrap().clone().unwrap();
        assert_eq!((upload.part_bytes, upload.parts.len()), (Bytes(32 << 20), 1));

        memory.go_on();
        let copied = ground
            .store
            .copy(&from, &to, &object, &memory, &meter)
            .await
            .unwrap();
        let again = seen.copies.load(Ordering::SeqCst) - before - asked;
        assert_eq!(again, 1, "of two parts one was remembered");
        assert_eq!(seen.bytes(), sent, "nothing is sent");
        let hash = (level == VerifyLevel::Full).then(|| blake3::hash(&bytes).to_hex().to_string());
        assert_eq!(copied.content_hash, hash);
        assert!(seen.open_uploads().is_empty());
        let found = ground.bucket.raw.get(&format!("root/copy/{KEY}")).await.unwrap();
        assert!(found.bytes == bytes);
        assert_eq!(ground.bucket.raw.meta_of(&found, "dimmove"), Some("token-1"));
        ground.bucket.raw.delete(&format!("root/copy/{KEY}")).await;
    }
}

/// Parts that were copied unread are of no use when the bytes have to pass through here after all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stops_copying_in_the_middle_gets_the_bytes() {
    let ground = Ground::new(s3::bucket().await);
    let bytes = content(33 << 20);
    let object = ground.put(&bytes).await;
    let seen = &ground.bucket.seen;
    let memory = Memory::ending_after(1, ObjectError::Io("killed here".into()));
    let meter = Arc::new(Meter::default());
    let (from, to) = (ground.at("set"), ground.staging(VerifyLevel::Size));
    let killed = ground.store.copy(&from, &to, &object, &memory, &meter).await;
    assert!(killed.is_err(), "{killed:?}");
    memory.go_on();
    seen.refuses_copies.store(true, Ordering::SeqCst);
    let copied = ground
        .store
        .copy(&from, &to, &object, &memory, &meter)
        .await
        .unwrap();
    assert_eq!(
        copied.content_hash,
        Some(blake3::hash(&bytes).to_hex().to_string())
    );
    assert!(seen.open_uploads().is_empty(), "{:?}", seen.open_uploads());
    let found = ground.bucket.raw.get(&format!("root/copy/{KEY}")).await.unwrap();
    assert!(found.bytes == bytes);
}
