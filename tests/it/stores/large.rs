//! Large objects: in parts, of which only the missing ones are copied after an end in the middle.

use super::memory::Memory;
use super::{Bucket, azure, gcs, s3};
use data_in_motion::adapters::objects::Stores;
use data_in_motion::domain::migration::options::VerifyLevel;
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{Expected, Meter, ObjectError, OpenUpload, Prefix, Staging};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

const PART: usize = 64 << 20;

fn open(memory: &Memory) -> OpenUpload {
    OpenUpload {
        key: "deep/large".into(),
        id: memory.upload.lock().unwrap().as_ref().unwrap().id.clone(),
    }
}

fn bytes() -> Vec<u8> {
    (0..2 * PART + 5).map(|i| (i * 7 % 251) as u8).collect()
}

async fn only_missing_parts_are_copied(stores: Stores, source: Prefix, disk: &Path, change: bool) {
    let at = |path: &str| Prefix {
        root: format!("file://{}", disk.display()).parse().unwrap(),
        path: path.into(),
        encryption: None,
    };
    let staging = Staging {
        target: at("copy"),
        token: "token".into(),
        attempt: 1,
        class: None,
        verify: VerifyLevel::Full,
        may_share: true,
    };
    let meter = Arc::new(Meter::default());
    stores.prepare(&staging).await.unwrap();
    let object = stores.list(&source).await.unwrap().objects.remove(0);
    let first = Memory::ending_after(2, ObjectError::Stopped);
    let ended = stores.copy(&source, &staging, &object, &first, &meter).await;
    assert!(matches!(ended, Err(ObjectError::Stopped)), "{ended:?}");
    assert_eq!(*first.told.lock().unwrap(), [0, 1]);

    // The next mover begins: what is remembered stays, what is not goes.
    let partial = disk.join(&staging.partial().path);
    std::fs::write(partial.join("4711-0"), "of a writer that is dead").unwrap();
    std::fs::write(partial.join("parts-of-nobody"), "whose row is gone").unwrap();
    stores.prepare(&staging).await.unwrap();
    let gone = stores
        .abandon_uploads(&staging, &[], &[open(&first)])
        .await
        .unwrap();
    assert_eq!(gone, 1);
    let left: Vec<_> = std::fs::read_dir(&partial).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let file = left[0].as_ref().unwrap().path();
    if change {
        // What is in the file is believed only when it still is what was told.
        let file = std::fs::File::options().write(true).open(&file).unwrap();
        file.write_all_at(b"rot", PART as u64 + 7).unwrap();
    }
    let second = Memory::of(first.upload.lock().unwrap().clone());
    let copied = stores
        .copy(&source, &staging, &object, &second, &meter)
        .await
        .unwrap();
    let expected: &[u32] = if change { &[1, 2] } else { &[2] };
    assert_eq!(*second.told.lock().unwrap(), expected);
    assert_eq!(
        copied.content_hash,
        Some(blake3::hash(&bytes()).to_hex().to_string())
    );
    let whole = std::fs::read(disk.join(&staging.data().path).join("deep/large")).unwrap();
    assert!(whole == bytes(), "{} bytes", whole.len());
    assert!(!file.exists(), "it has its name now");
}

fn fill(disk: &Path) {
    std::fs::create_dir_all(disk.join("set/deep")).unwrap();
    std::fs::write(disk.join("set/deep/large"), bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_disk_to_disk_only_missing_parts_are_copied() {
    for change in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path());
        let bucket = s3::bucket().await;
        let source = Prefix {
            root: format!("file://{}", dir.path().display()).parse().unwrap(),
            path: "set".into(),
            encryption: None,
        };
        only_missing_parts_are_copied(bucket.stores(), source, dir.path(), change).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_bucket_to_disk_only_missing_parts_are_copied() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = s3::bucket().await;
    bucket.raw.put("set/deep/large", &bytes(), &[]).await;
    let source = Prefix {
        root: bucket.uri.parse().unwrap(),
        path: "set".into(),
        encryption: None,
    };
    only_missing_parts_are_copied(bucket.stores(), source, dir.path(), false).await;
}

/// A source that changes in the middle leaves no half file of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_changes_between_parts_is_found() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let at = |path: &str| Prefix {
        root: format!("file://{}", dir.path().display()).parse().unwrap(),
        path: path.into(),
        encryption: None,
    };
    let stores = s3::bucket().await.stores();
    let staging = Staging {
        target: at("copy"),
        token: "token".into(),
        attempt: 1,
        class: None,
        verify: VerifyLevel::Full,
        may_share: true,
    };
    let meter = Arc::new(Meter::default());
    stores.prepare(&staging).await.unwrap();
    let object = stores.list(&at("set")).await.unwrap().objects.remove(0);
    let first = Memory::ending_after(1, ObjectError::Stopped);
    drop(stores.copy(&at("set"), &staging, &object, &first, &meter).await);
    std::fs::write(dir.path().join("set/deep/large"), vec![1; 2 * PART + 5]).unwrap();
    let second = Memory::of(first.upload.lock().unwrap().clone());
    let ended = stores.copy(&at("set"), &staging, &object, &second, &meter).await;
    assert!(matches!(ended, Err(ObjectError::Changed(_))), "{ended:?}");
    let left = std::fs::read_dir(dir.path().join(&staging.partial().path)).unwrap();
    assert_eq!(left.count(), 0);
}

/// To a bucket: an end in the middle, then the parts that are missing; and an end after the store made the object, unheard.
async fn only_missing_parts_are_sent(bucket: Bucket) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("set/deep")).unwrap();
    let bytes: Vec<u8> = (0..(4 << 23) + 5_usize).map(|i| (i * 7 % 251) as u8).collect();
    std::fs::write(dir.path().join("set/deep/large"), &bytes).unwrap();
    let source = Prefix {
        root: format!("file://{}", dir.path().display()).parse().unwrap(),
        path: "set".into(),
        encryption: None,
    };
    let target = Prefix {
        root: bucket.uri.parse().unwrap(),
        path: "copy".into(),
        encryption: None,
    };
    let staging = Staging {
        target: target.clone(),
        token: "token".into(),
        attempt: 1,
        class: None,
        verify: VerifyLevel::Full,
        may_share: true,
    };
    let (stores, meter) = (bucket.stores(), Arc::new(Meter::default()));
    let object = stores.list(&source).await.unwrap().objects.remove(0);
    let first = Memory::ending_after(2, ObjectError::Stopped);
    let ended = stores.copy(&source, &staging, &object, &first, &meter).await;
    assert!(matches!(ended, Err(ObjectError::Stopped)), "{ended:?}");
    let absent = stores.list(&target).await;
    assert!(matches!(absent, Err(ObjectError::NotFound(_))), "{absent:?}");

    let second = Memory::of(first.upload.lock().unwrap().clone());
    let copied = stores
        .copy(&source, &staging, &object, &second, &meter)
        .await
        .unwrap();
    let mut told = [
        first.told.lock().unwrap().clone(),
        second.told.lock().unwrap().clone(),
    ]
    .concat();
    assert_eq!(
        second.told.lock().unwrap().len(),
        3,
        "of five parts two were there"
    );
    told.sort_unstable();
    assert_eq!(told, [0, 1, 2, 3, 4]);
    assert_eq!(
        copied.content_hash,
        Some(blake3::hash(&bytes).to_hex().to_string())
    );

    let third = Memory::of(second.upload.lock().unwrap().clone());
    let adopted = stores
        .copy(&source, &staging, &object, &third, &meter)
        .await
        .unwrap();
    assert!(third.told.lock().unwrap().is_empty(), "nothing is sent again");
    assert_eq!(adopted, copied);
    let expected = Expected {
        key: object.key.clone(),
        size_bytes: object.size_bytes,
        content_hash: copied.content_hash.clone(),
        metadata: Some(copied.metadata.clone()),
        checksum: None,
        stored_hash: None,
    };
    stores.verify(&target, &expected, &meter).await.unwrap();
    let found = stores.list(&target).await.unwrap().objects;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].fingerprint, copied.fingerprint);
    // It carries the mark of its attempt, or it could not be removed.
    let removed = stores
        .discard(&staging, vec![object.key.clone()], Vec::new())
        .await
        .unwrap();
    assert_eq!((removed.removed, removed.kept), (1, Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_s3_only_missing_parts_are_sent() {
    only_missing_parts_are_sent(s3::bucket().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_google_only_missing_parts_are_sent() {
    only_missing_parts_are_sent(gcs::bucket().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_azure_only_missing_parts_are_sent() {
    only_missing_parts_are_sent(azure::bucket().await).await;
}

/// Somebody else's object at the place is neither replaced nor taken for ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_azure_a_large_object_replaces_nothing() {
    let bucket = azure::bucket().await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("set")).unwrap();
    std::fs::write(dir.path().join("set/large"), vec![7; 9 << 20]).unwrap();
    let source = Prefix {
        root: format!("file://{}", dir.path().display()).parse().unwrap(),
        path: "set".into(),
        encryption: None,
    };
    let staging = Staging {
        target: Prefix {
            root: bucket.uri.parse().unwrap(),
            path: "copy".into(),
            encryption: None,
        },
        token: "token".into(),
        attempt: 1,
        class: None,
        verify: VerifyLevel::Full,
        may_share: true,
    };
    let stores = bucket.stores();
    let object = stores.list(&source).await.unwrap().objects.remove(0);
    bucket.raw.put("copy/large", b"theirs", &[]).await;
    let meter = Arc::new(Meter::default());
    let ended = stores
        .copy(&source, &staging, &object, &Memory::default(), &meter)
        .await;
    assert!(matches!(ended, Err(ObjectError::Occupied(_))), "{ended:?}");
    assert_eq!(bucket.raw.get("copy/large").await.unwrap().bytes, b"theirs");
}
