//! Stories of a scan: the real objects are counted, what is no object is named, and nothing is stored that does not hold any more.

use crate::app::TestApp;
use crate::meddler::{Meddler, deps};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::dataset::{Dataset, NewDataset};
use data_in_motion::domain::location::NewLocation;
use data_in_motion::domain::unit::{Bytes, Timestamp};
use data_in_motion::services::ServiceError;
use data_in_motion::services::catalog::{Catalog, KnownDataset};
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::{Arc, OnceLock};

fn new(name: &str, uri: &str) -> NewDataset {
    NewDataset {
        name: name.parse().unwrap(),
        path_uri: uri.parse().unwrap(),
        size_bytes: None,
        storage_class: None,
        latency_limit_ms: None,
    }
}

async fn create(app: &TestApp, path: &str) -> (Dataset, DatasetKey) {
    fs::create_dir_all(app.dir.path().join("files/team")).unwrap();
    let catalog = &app.services().catalog;
    let set = catalog.create_dataset(new("demo", &app.uri(path))).await.unwrap();
    let key = DatasetKey::Id(set.id);
    (set, key)
}

#[tokio::test]
async fn it_counts_the_real_objects_and_names_what_is_none() {
    let app = TestApp::open().await;
    app.make("team/demo/deep/er");
    let dir = app.dir.path().join("files/team/demo");
    fs::write(dir.join("a"), vec![1; 1000]).unwrap();
    fs::write(dir.join("deep/er/ünï #1"), vec![2; 234]).unwrap();
    fs::write(dir.join("empty"), "").unwrap();
    symlink("/etc/passwd", dir.join("deep/link")).unwrap();
    let (set, key) = create(&app, "team/demo").await;
    assert_eq!((set.object_count, set.scanned_at), (0, None));

    let catalog = &app.services().catalog;
    let scan = catalog.scan_dataset(&key).await.unwrap();
    assert_eq!((scan.dataset.object_count, scan.dataset.size_bytes.0), (3, 1234));
    assert!(scan.dataset.scanned_at.is_some());
    assert_eq!(
        scan.dataset.generation,
        set.generation + 1,
        "what it is has changed"
    );
    assert_eq!((scan.skipped_count, scan.skipped.len()), (1, 1));
    assert_eq!(scan.skipped[0].path, "deep/link");
    assert!(scan.skipped[0].reason.contains("symbolic link"));
    assert!(scan.elapsed_ms >= 0);

    let again = catalog.scan_dataset(&key).await.unwrap();
    assert_eq!(
        again.dataset.generation, scan.dataset.generation,
        "the same find changes nothing"
    );
    let detail = catalog.get_dataset(&key).await.unwrap();
    assert_eq!(detail.summary.dataset, again.dataset);
    assert_eq!(
        (detail.replicas[0].object_count, detail.replicas[0].size_bytes.0),
        (3, 1234)
    );
}

#[tokio::test]
async fn files_that_stand_for_a_larger_dataset_are_listed_but_leave_its_size() {
    let app = TestApp::open().await;
    app.make("team/small");
    create(&app, "team/other").await;
    fs::write(app.dir.path().join("files/team/small/a"), vec![1; 1000]).unwrap();
    let catalog = &app.services().catalog;
    let known = |stand_in: bool, path: &str| KnownDataset {
        new: NewDataset {
            size_bytes: Some(Bytes(5_000_000_000)),
            ..new(path, &app.uri(&format!("team/{path}")))
        },
        object_count: 7,
        created_at: Timestamp(0),
        stand_in,
    };
    app.make("team/plain");
    let ids = catalog
        .create_datasets(vec![known(true, "small"), known(false, "plain")])
        .await
        .unwrap();
    let scan = catalog.scan_dataset(&DatasetKey::Id(ids[0])).await.unwrap();
    assert_eq!((scan.listed_count, scan.listed_bytes), (1, Bytes(1000)));
    let kept = scan.dataset;
    assert_eq!(
        (kept.object_count, kept.size_bytes, kept.generation),
        (7, Bytes(5_000_000_000), 1)
    );
    let plain = catalog.scan_dataset(&DatasetKey::Id(ids[1])).await.unwrap();
    assert_eq!(
        (plain.dataset.object_count, plain.dataset.size_bytes),
        (0, Bytes::ZERO)
    );
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_told_from_a_location_that_is_away() {
    let app = TestApp::open().await;
    let (set, key) = create(&app, "team/demo").await;
    let catalog = &app.services().catalog;
    let missing = catalog.scan_dataset(&key).await.unwrap_err();
    assert_eq!(missing.code(), "directory_missing", "{missing}");
    for part in ["demo", "nothing was changed", "Make it"] {
        assert!(missing.to_string().contains(part), "{missing}");
    }
    fs::remove_dir(app.dir.path().join("files/team")).unwrap();
    let away = catalog.scan_dataset(&key).await.unwrap_err();
    assert!(matches!(away, ServiceError::Unavailable { .. }), "{away}");
    assert!(away.to_string().contains("Mount it"), "{away}");
    assert_eq!(
        catalog.find_dataset(&key).await.unwrap(),
        set,
        "a failed listing stores nothing"
    );
    let unknown = catalog.scan_dataset(&DatasetKey::parse("nobody")).await;
    assert!(matches!(unknown, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn a_path_that_became_a_link_is_not_followed() {
    let app = TestApp::open().await;
    app.make("team/real");
    let (_, key) = create(&app, "team/demo").await;
    symlink("real", app.dir.path().join("files/team/demo")).unwrap();
    let refused = app.services().catalog.scan_dataset(&key).await.unwrap_err();
    assert_eq!(refused.code(), "unsafe_path", "{refused}");
    assert!(refused.to_string().contains("symbolic link"), "{refused}");
}

/// Two scans at once: while the first lists, the second one finds more and stores it.
#[tokio::test]
async fn a_scan_of_a_dataset_that_changed_meanwhile_stores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("nas/demo")).unwrap();
    fs::write(root.join("nas/demo/a"), "1").unwrap();
    let rival = Arc::new(OnceLock::<Catalog>::new());
    let meddler = Meddler::new({
        let (rival, file) = (rival.clone(), root.join("nas/demo/b"));
        move |moment| {
            let (rival, file) = (rival.clone(), file.clone());
            async move {
                if moment.is_after("walk")
                    && let Some(rival) = rival.get()
                {
                    fs::write(file, "22").unwrap();
                    let key = DatasetKey::parse("demo");
                    assert_eq!(rival.scan_dataset(&key).await.unwrap().dataset.object_count, 2);
                }
                Ok(())
            }
        }
    });
    let mut parts = deps(dir.path(), meddler).await;
    let catalog = Catalog::new(&parts);
    let location = NewLocation {
        name: "nas".parse().unwrap(),
        uri: format!("file://{}/nas", root.display()).parse().unwrap(),
        storage_classes: Vec::new(),
        price_book: None,
        credential_ref: None,
        endpoint: None,
        region: None,
        encryption_key_ref: None,
    };
    catalog.create_location(location).await.unwrap();
    let uri = format!("file://{}/nas/demo", root.display());
    catalog.create_dataset(new("demo", &uri)).await.unwrap();
    parts.objects = Arc::new(data_in_motion::adapters::objects::LocalObjects::new());
    assert!(rival.set(Catalog::new(&parts)).is_ok());

    let late = catalog
        .scan_dataset(&DatasetKey::parse("demo"))
        .await
        .unwrap_err();
    assert_eq!(late.code(), "dataset_changed", "{late}");
    let kept = catalog.find_dataset(&DatasetKey::parse("demo")).await.unwrap();
    assert_eq!((kept.object_count, kept.size_bytes.0), (2, 3));
}
