//! What the port `Objects` promises of encrypted places; each clause runs on a disk and against each vendor's server.

use super::{TestKey, noise};
use crate::stores::memory::Memory;
use crate::stores::{Bucket, azure, gcs, s3};
use data_in_motion::adapters::inproc::accesses::OneAccess;
use data_in_motion::adapters::objects::{CloudObjects, LocalObjects, Stores};
use data_in_motion::domain::encryption::{Encryption, stored_bytes};
use data_in_motion::domain::location::StoreAccess;
use data_in_motion::domain::migration::options::VerifyLevel;
use data_in_motion::domain::unit::Bytes;
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{
    Copied, Expected, Forgetful, FoundObject, Listing, Meter, ObjectError, Parts, Prefix, Staging,
};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A place that can be encrypted, on a disk or in a bucket, and a disk beside it.
struct Ground {
    bucket: Option<Bucket>,
    dir: TempDir,
    store: Stores,
    meter: Arc<Meter>,
}

impl Ground {
    fn of(bucket: Option<Bucket>) -> Self {
        Self {
            store: stores(bucket.as_ref()),
            bucket,
            dir: tempfile::tempdir().unwrap(),
            meter: Arc::default(),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        let path = self.dir.path().join("disk").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn disk(&self, path: &str) -> Prefix {
        Prefix {
            root: format!("file://{}", self.path("x").parent().unwrap().display())
                .parse()
                .unwrap(),
            path: path.into(),
            encryption: None,
        }
    }

    /// A prefix of the place.
    fn there(&self, path: &str, encryption: Option<&Encryption>) -> Prefix {
        let root = match &self.bucket {
            Some(bucket) => format!("{}/root", bucket.uri).parse().unwrap(),
            None => self.disk("").root,
        };
        Prefix {
            root,
            path: path.into(),
            encryption: encryption.cloned(),
        }
    }

    fn key(&self, seed: u8) -> Encryption {
        TestKey::new(seed).encryption(self.dir.path(), &format!("key-{seed}"))
    }

    /// What really stands at a place.
    async fn raw(&self, at: &Prefix, key: &str) -> Vec<u8> {
        match &self.bucket {
            Some(bucket) => {
                bucket
                    .raw
                    .get(&format!("root/{}/{key}", at.path))
                    .await
                    .unwrap()
                    .bytes
            }
            None => std::fs::read(self.path(&format!("{}/{key}", at.path))).unwrap(),
        }
    }

    /// Puts other bytes there, as rot would.
    async fn rot(&self, at: &Prefix, key: &str, bytes: &[u8]) {
        match &self.bucket {
            Some(bucket) => {
                let name = format!("root/{}/{key}", at.path);
                let found = bucket.raw.get(&name).await.unwrap();
                bucket.raw.put(&name, bytes, &found.carried()).await;
            }
            None => {
                let path = self.path(&format!("{}/{key}", at.path));
                let time = std::fs::metadata(&path).unwrap().modified().unwrap();
                std::fs::write(&path, bytes).unwrap();
                std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
            }
        }
    }

    async fn objects(&self, at: &Prefix) -> Vec<FoundObject> {
        self.store.list(at).await.unwrap().objects
    }

    async fn copy(
        &self,
        from: &Prefix,
        to: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
    ) -> Result<Copied, ObjectError> {
        self.store.copy(from, to, object, parts, &self.meter).await
    }

    async fn copy_all(&self, from: &Prefix, to: &Staging) -> Vec<Expected> {
        self.store.prepare(to).await.unwrap();
        let mut all = Vec::new();
        for object in self.objects(from).await {
            let copied = self.copy(from, to, &object, &Forgetful).await.unwrap();
            let listed = self.objects(&to.data()).await;
            let listed = listed.iter().find(|o| o.key == object.key).unwrap();
            assert_eq!(
                listed.fingerprint, copied.fingerprint,
                "a listing tells what the write told"
            );
            assert_eq!(
                listed.size_bytes, object.size_bytes,
                "sizes are those of the object itself"
            );
            all.push(expect(&object, copied));
        }
        let keys = all.iter().map(|one| one.key.clone()).collect();
        self.store.sync(to, keys).await.unwrap();
        all
    }

    async fn verify(&self, at: &Prefix, one: &Expected) -> Result<(), ObjectError> {
        self.store.verify(at, one, &self.meter).await
    }

    fn fill(&self, path: &str, sizes: &[(&str, usize)]) -> Prefix {
        for (i, (name, size)) in sizes.iter().enumerate() {
            std::fs::write(self.path(&format!("{path}/{name}")), noise(*size, i as u8)).unwrap();
        }
        self.disk(path)
    }
}

fn stores(bucket: Option<&Bucket>) -> Stores {
    let access = bucket.map_or_else(StoreAccess::default, |bucket| bucket.access.clone());
    let cloud = CloudObjects::new(Arc::new(OneAccess(access)), None);
    Stores::new(LocalObjects::new(), cloud)
}

fn staging(target: Prefix, attempt: i64) -> Staging {
    Staging {
        target,
        token: "token".into(),
        attempt,
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
        checksum: copied.checksum,
        stored_hash: copied.stored.map(|stored| stored.hash),
    }
}

/// As somebody sees a place who has not its key.
fn without_key(at: &Prefix) -> Prefix {
    let encryption = at.encryption.clone().map(|encryption| Encryption {
        key_ref: None,
        ..encryption
    });
    at.clone().encrypted(encryption)
}

const MIB: usize = 1 << 20;
const SIZES: [(&str, usize); 6] = [
    ("a b/ü", 1),
    ("chunk", 65_536),
    ("empty", 0),
    ("large", 17 * MIB + 77),
    ("segment", MIB),
    ("two", MIB + 1),
];

async fn objects_go_there_to_another_key_and_back(ground: Ground) {
    let source = ground.fill("set", &SIZES);
    let (one, two) = (ground.key(1), ground.key(2));
    let mut from = source.clone();
    for (name, encryption) in [("one", Some(&one)), ("two", Some(&two)), ("plain", None)] {
        let to = staging(ground.there(name, encryption), 1);
        let all = ground.copy_all(&from, &to).await;
        assert_eq!(all.len(), SIZES.len());
        for (expected, (key, size)) in all.iter().zip(SIZES) {
            let content = std::fs::read(ground.path(&format!("set/{key}"))).unwrap();
            assert_eq!(
                expected.content_hash,
                Some(blake3::hash(&content).to_hex().to_string()),
                "{name}/{key}"
            );
            assert_eq!(ground.verify(&to.data(), expected).await, Ok(()), "{name}/{key}");
            let raw = ground.raw(&to.data(), key).await;
            if encryption.is_none() {
                assert!(raw == content, "{key} came back as it was");
                assert_eq!(expected.stored_hash, None);
                continue;
            }
            assert_eq!(Bytes(raw.len() as u64), stored_bytes(Bytes(size as u64)));
            let shown = content.len() > 40 && raw.windows(40).any(|w| w == &content[..40]);
            assert!(!shown, "{name}/{key} lies open");
            // Who has not the key compares what is stored.
            let closed = without_key(&to.data());
            assert_eq!(ground.verify(&closed, expected).await, Ok(()), "{name}/{key}");
            let object = ground.objects(&closed).await;
            let object = object.iter().find(|o| o.key == key).unwrap();
            let hash = ground.store.hash(&to.data(), object, &ground.meter).await;
            assert_eq!(hash.ok(), expected.content_hash, "{name}/{key}");
        }
        from = to.data();
    }
}

async fn what_is_done_to_a_copy_is_found(ground: Ground) {
    let source = ground.fill("set", &[("a", 2 * MIB + 9), ("b", 2 * MIB + 9)]);
    let encryption = ground.key(1);
    let to = staging(ground.there("copy", Some(&encryption)), 1);
    let all = ground.copy_all(&source, &to).await;
    let at = to.data();
    let (a, b) = (ground.raw(&at, "a").await, ground.raw(&at, "b").await);
    let other = staging(ground.there("again", Some(&encryption)), 2);
    ground.copy_all(&source, &other).await;
    let again = ground.raw(&other.data(), "a").await;
    assert!(again != a, "the same object is never encrypted alike");
    let segment = 96 + MIB + 16 * 16;
    let flip = |place: usize, bit: u8| {
        let mut bytes = a.clone();
        bytes[place] ^= 1 << bit;
        bytes
    };
    let swapped = [&a[segment..2 * segment], &a[..segment], &a[2 * segment..]].concat();
    let mixed = [&a[..segment], &again[segment..2 * segment], &a[2 * segment..]].concat();
    let mut damages: Vec<(String, Vec<u8>)> = vec![
        ("two segments swapped".into(), swapped),
        ("a segment of another write of the same object".into(), mixed),
        ("cut between two segments".into(), a[..2 * segment].to_vec()),
        ("one byte short".into(), a[..a.len() - 1].to_vec()),
        ("one byte more".into(), [a.as_slice(), &[0]].concat()),
        ("another object of its size".into(), b.clone()),
        ("the object itself, open".into(), noise(2 * MIB + 9, 0)),
        ("zeros".into(), vec![0; a.len()]),
        ("nothing".into(), Vec::new()),
    ];
    for place in [
        0,
        9,
        20,
        40,
        50,
        60,
        70,
        96,
        segment - 1,
        segment + 57,
        a.len() - 1,
    ] {
        damages.push((format!("a bit of byte {place}"), flip(place, (place % 8) as u8)));
    }
    for (what, bytes) in damages {
        assert_eq!(ground.verify(&at, &all[0]).await, Ok(()), "before: {what}");
        ground.rot(&at, "a", &bytes).await;
        let answer = ground.verify(&at, &all[0]).await;
        assert!(
            matches!(&answer, Err(ObjectError::Mismatch(m)) if m.contains("\"a\"")),
            "{what}: {answer:?}"
        );
        let closed = ground.verify(&without_key(&at), &all[0]).await;
        assert!(
            matches!(closed, Err(ObjectError::Mismatch(_))),
            "{what}, without the key: {closed:?}"
        );
        // A later move reads no wrong byte of it, even if the catalog had not noticed.
        let found = ground.objects(&at).await.remove(0);
        let away = staging(ground.disk("away"), 1);
        ground.store.prepare(&away).await.unwrap();
        let moved = ground.copy(&at, &away, &found, &Forgetful).await;
        assert!(moved.is_err(), "{what}: {moved:?}");
        ground.rot(&at, "a", &a).await;
    }
    assert_eq!(ground.verify(&at, &all[0]).await, Ok(()));
}

async fn a_large_object_goes_on_where_it_was(ground: Ground) {
    let size = 33 * MIB + 5;
    let source = ground.fill("set", &[("large", size)]);
    let content = noise(size, 0);
    let encryption = ground.key(1);
    let to = staging(ground.there("copy", Some(&encryption)), 1);
    ground.store.prepare(&to).await.unwrap();
    let object = ground.objects(&source).await.remove(0);
    let memory = Memory::ending_after(2, ObjectError::Stopped);
    let answer = ground.copy(&source, &to, &object, &memory).await;
    assert_eq!(answer, Err(ObjectError::Stopped));
    let told = memory.told.lock().unwrap().clone();
    assert_eq!(told.len(), 2);
    memory.go_on();
    // A process of its own: nothing but the memory goes on.
    let read = Arc::new(Meter::default());
    let store = stores(ground.bucket.as_ref());
    let copied = store.copy(&source, &to, &object, &memory, &read).await.unwrap();
    let expected = expect(&object, copied);
    assert_eq!(
        expected.content_hash,
        Some(blake3::hash(&content).to_hex().to_string())
    );
    let parts = memory.told.lock().unwrap().clone();
    let mut once = parts.clone();
    once.sort_unstable();
    assert_eq!(once, [0, 1, 2, 3, 4], "each part was sent once: {parts:?}");
    if ground.bucket.is_some() {
        let left = (size - 2 * 8 * MIB) as u64;
        assert!(read.bytes() <= left + 8 * MIB as u64, "{}", read.bytes());
    }
    store.sync(&to, vec!["large".into()]).await.unwrap();
    assert_eq!(ground.verify(&to.data(), &expected).await, Ok(()));
    assert_eq!(ground.verify(&without_key(&to.data()), &expected).await, Ok(()));
    // And from there, in parts again.
    let back = staging(ground.disk("back"), 1);
    ground.store.prepare(&back).await.unwrap();
    let object = ground.objects(&to.data()).await.remove(0);
    let memory = Memory::ending_after(3, ObjectError::Stopped);
    let answer = ground.copy(&to.data(), &back, &object, &memory).await;
    assert_eq!(answer, Err(ObjectError::Stopped));
    memory.go_on();
    ground.copy(&to.data(), &back, &object, &memory).await.unwrap();
    let came = std::fs::read(ground.path(&format!("{}/large", back.data().path))).unwrap();
    assert!(came == content);
}

async fn a_part_that_rotted_before_the_end_is_sent_again(ground: Ground) {
    if ground.bucket.is_some() {
        return;
    }
    let size = 20 * MIB;
    let source = ground.fill("set", &[("large", size)]);
    let to = staging(ground.there("copy", Some(&ground.key(1))), 1);
    ground.store.prepare(&to).await.unwrap();
    let object = ground.objects(&source).await.remove(0);
    let memory = Memory::ending_after(2, ObjectError::Stopped);
    drop(ground.copy(&source, &to, &object, &memory).await);
    memory.go_on();
    let partial = ground.path(&to.partial().path);
    let file = std::fs::read_dir(partial)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[9 * MIB] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let copied = ground.copy(&source, &to, &object, &memory).await.unwrap();
    assert_eq!(*memory.told.lock().unwrap(), [0, 1, 1, 2]);
    ground.store.sync(&to, vec!["large".into()]).await.unwrap();
    assert_eq!(ground.verify(&to.data(), &expect(&object, copied)).await, Ok(()));
}

async fn without_the_right_key_nothing_is_read_or_written(ground: Ground) {
    let source = ground.fill("set", &[("a", 1000), ("b", 70_000)]);
    let encryption = ground.key(1);
    let to = staging(ground.there("copy", Some(&encryption)), 1);
    let all = ground.copy_all(&source, &to).await;
    let file = ground.dir.path().join("key-1");
    let object = ground.objects(&to.data()).await.remove(1);
    for (what, text) in [
        ("another key", Some(TestKey::new(7).hex)),
        ("no key", None),
        ("no such text", Some("hunter2".to_owned())),
    ] {
        match &text {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        // Another process, which has not read the key while it was there.
        let store = stores(ground.bucket.as_ref());
        let away = staging(ground.disk("away"), 1);
        store.prepare(&away).await.unwrap();
        let meter = Arc::new(Meter::default());
        let answers = [
            store.verify(&to.data(), &all[1], &meter).await.err(),
            store
                .copy(&to.data(), &away, &object, &Forgetful, &meter)
                .await
                .err(),
            store
                .copy(
                    &source,
                    &to,
                    &ground.objects(&source).await[0],
                    &Forgetful,
                    &meter,
                )
                .await
                .err(),
            store.hash(&to.data(), &object, &meter).await.err(),
        ];
        for answer in answers {
            let Some(ObjectError::Key(message)) = &answer else {
                panic!("{what}: {answer:?}");
            };
            assert!(
                message.contains("key-1") && message.contains(&to.data().root.to_string()),
                "{what}: {message}"
            );
            assert!(!message.contains("hunter2"), "{message}");
        }
        let listing = Listing {
            objects: vec![object.clone()],
            ..Listing::default()
        };
        let survey = store.survey(&to.data(), &away.target, &listing).await.unwrap();
        assert!(
            survey.not_readable.is_some_and(|why| why.contains("key-1")),
            "{what}"
        );
        let survey = store
            .survey(
                &source,
                &ground.there("new", Some(&encryption)),
                &Listing::default(),
            )
            .await
            .unwrap();
        assert!(
            survey.not_writable.is_some_and(|why| why.contains("key-1")),
            "{what}"
        );
        // What is stored can still be compared.
        let closed = store.verify(&without_key(&to.data()), &all[1], &meter).await;
        assert_eq!(closed, Ok(()), "{what}");
    }
}

async fn the_stores_own_checksum_is_of_what_it_holds(ground: Ground) {
    let Some(bucket) = &ground.bucket else { return };
    let source = ground.fill("set", &[("large", 9 * MIB), ("small", 5000)]);
    let encryption = ground.key(1);
    let to = Staging {
        verify: VerifyLevel::Checksum,
        ..staging(ground.there("copy", Some(&encryption)), 1)
    };
    let all = ground.copy_all(&source, &to).await;
    let read = Arc::new(Meter::default());
    for one in &all {
        // Azure, and the S3 server of these tests, keep none of what came in parts, which is read back.
        let kept = bucket.uri.starts_with("gs:") || one.key != "large";
        let before = read.bytes();
        ground.store.verify(&to.data(), one, &read).await.unwrap();
        assert_eq!(read.bytes() == before, kept, "{}", one.key);
    }
    let mut raw = ground.raw(&to.data(), "small").await;
    raw[200] ^= 1;
    ground.rot(&to.data(), "small", &raw).await;
    let answer = ground.verify(&to.data(), &all[1]).await;
    assert!(matches!(answer, Err(ObjectError::Mismatch(_))), "{answer:?}");
}

macro_rules! on_every_place {
    ($($clause:ident),+ $(,)?) => {
        on_every_place!(@place on_disk, None, $($clause),+);
        on_every_place!(@place on_s3, Some(s3::bucket().await), $($clause),+);
        on_every_place!(@place on_gcs, Some(gcs::bucket().await), $($clause),+);
        on_every_place!(@place on_azure, Some(azure::bucket().await), $($clause),+);
    };
    (@place $place:ident, $make:expr, $($clause:ident),+) => {
        mod $place {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                super::$clause(Ground::of($make)).await;
            })+
        }
    };
}

on_every_place!(
    objects_go_there_to_another_key_and_back,
    what_is_done_to_a_copy_is_found,
    a_large_object_goes_on_where_it_was,
    a_part_that_rotted_before_the_end_is_sent_again,
    without_the_right_key_nothing_is_read_or_written,
    the_stores_own_checksum_is_of_what_it_holds,
);
