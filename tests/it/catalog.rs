//! Stories of the catalog: locations and datasets, what is refused and what survives a restart.

use crate::app::TestApp;
use crate::moving::new_location as location;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::dataset::{DatasetFilter, DatasetSort, NewDataset, OwnerRules};
use data_in_motion::domain::location::NewLocation;
use data_in_motion::services::ServiceError;

fn dataset(name: &str, uri: &str, size: u64) -> NewDataset {
    NewDataset {
        name: name.parse().unwrap(),
        path_uri: uri.parse().unwrap(),
        size_bytes: Some(data_in_motion::domain::unit::Bytes(size)),
        storage_class: None,
        latency_limit_ms: None,
    }
}

#[tokio::test]
async fn a_dataset_belongs_to_the_location_that_holds_it_and_survives_a_restart() {
    let app = TestApp::open().await;
    let nas = app.make("nas");
    let made = app
        .services()
        .catalog
        .create_location(location("nas", &nas))
        .await
        .unwrap();
    let path = app.make("nas/demo");
    let set = app
        .services()
        .catalog
        .create_dataset(dataset("demo", &path, 1_048_576))
        .await
        .unwrap();
    assert_eq!(
        (set.id.0, set.location_id, set.size_bytes.0),
        (1, made.id, 1_048_576)
    );
    let app = app.restart().await;
    for key in [DatasetKey::Id(set.id), DatasetKey::Name("demo".into())] {
        let detail = app.services().catalog.get_dataset(&key).await.unwrap();
        assert_eq!(detail.summary.dataset, set);
        assert_eq!(
            detail.replicas.len(),
            1,
            "a registered dataset has its serving replica"
        );
    }
    let check = app.services().catalog.check_location("nas").await.unwrap();
    assert!(check.reachable, "{:?}", check.problem);
}

#[tokio::test]
async fn an_address_outside_every_location_registers_its_parent_only_under_an_allowed_root() {
    let app = TestApp::open().await;
    let inside = app.make("team/demo");
    let set = app
        .services()
        .catalog
        .create_dataset(dataset("demo", &inside, 1))
        .await
        .unwrap();
    let locations = app.services().catalog.list_locations().await.unwrap().items;
    assert_eq!(locations.len(), 1);
    assert_eq!(locations[0].location.uri.to_string(), app.uri("team"));
    assert_eq!(set.location_id, locations[0].location.id);

    let outside = app.dir.path().canonicalize().unwrap().join("elsewhere/demo");
    std::fs::create_dir_all(&outside).unwrap();
    let outside = format!("file://{}", outside.display());
    let error = app
        .services()
        .catalog
        .create_dataset(dataset("other", &outside, 1))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("elsewhere"), "{error}");
    assert_eq!(
        app.services().catalog.list_locations().await.unwrap().items.len(),
        1
    );
}

#[tokio::test]
async fn names_are_unique_and_locations_do_not_overlap() {
    let app = TestApp::open().await;
    let (a, b, below) = (app.make("a"), app.make("b"), app.make("a/below"));
    let catalog = &app.services().catalog;
    catalog.create_location(location("a", &a)).await.unwrap();
    let same_name = catalog.create_location(location("a", &b)).await.unwrap_err();
    assert!(matches!(same_name, ServiceError::Conflict { .. }), "{same_name}");
    let overlap = catalog.create_location(location("b", &below)).await.unwrap_err();
    assert!(overlap.to_string().contains('a'), "{overlap}");
    let bucket = NewLocation {
        credential_ref: Some("env:DIM_TEST_IS_NOT_SET".parse().unwrap()),
        ..location("c", "s3://bucket/x")
    };
    let bucket = catalog.create_location(bucket).await.unwrap_err();
    assert_eq!(bucket.code(), "bucket_unreachable");
    assert!(bucket.to_string().contains("env:DIM_TEST_IS_NOT_SET"), "{bucket}");
    let directory = NewLocation {
        endpoint: Some("https://minio.example".parse().unwrap()),
        ..location("c", &b)
    };
    let directory = catalog.create_location(directory).await.unwrap_err();
    assert_eq!(directory.code(), "not_for_directories");
    assert_eq!(catalog.list_locations().await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_link_that_leaves_the_location_is_refused() {
    let app = TestApp::open().await;
    let nas = app.make("nas");
    let secret = app.dir.path().join("secret");
    std::fs::create_dir(&secret).unwrap();
    std::os::unix::fs::symlink(&secret, app.dir.path().join("files/nas/link")).unwrap();
    let catalog = &app.services().catalog;
    catalog.create_location(location("nas", &nas)).await.unwrap();
    let error = catalog
        .create_dataset(dataset("leak", &app.uri("nas/link"), 1))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ServiceError::Invalid { .. } | ServiceError::NotAllowed { .. }
        ),
        "{error}"
    );
    assert!(
        catalog
            .find_dataset(&DatasetKey::Name("leak".into()))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn lists_page_through_every_dataset_once_in_every_order() {
    let app = TestApp::open().await;
    let nas = app.make("nas");
    let catalog = &app.services().catalog;
    catalog.create_location(location("nas", &nas)).await.unwrap();
    for i in 0..25_u64 {
        // Equal sizes in groups, so that a cursor that only remembers the size would skip or repeat.
        let new = dataset(
            &format!("set-{i:02}"),
            &format!("{nas}/set-{i:02}"),
            (i / 5) * 1000,
        );
        catalog.create_dataset(new).await.unwrap();
    }
    for sort in [
        DatasetSort::Id,
        DatasetSort::Name,
        DatasetSort::Size,
        DatasetSort::LastAccess,
        DatasetSort::Cost,
        DatasetSort::Saving,
    ] {
        for descending in [false, true] {
            let filter = DatasetFilter {
                sort,
                descending,
                ..DatasetFilter::default()
            };
            let (mut seen, mut cursor) = (Vec::new(), None::<String>);
            for _ in 0..10 {
                let page = catalog
                    .list_datasets(&filter, cursor.as_deref(), 4)
                    .await
                    .unwrap();
                assert_eq!(page.total, 25);
                seen.extend(page.items.iter().map(|s| s.dataset.id.0));
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            let mut once = seen.clone();
            once.sort_unstable();
            assert_eq!(
                once,
                (1..=25).collect::<Vec<_>>(),
                "{sort:?} descending {descending}: {seen:?}"
            );
        }
    }
    let narrow = DatasetFilter {
        search: Some("SET-1".into()),
        ..DatasetFilter::default()
    };
    assert_eq!(catalog.list_datasets(&narrow, None, 100).await.unwrap().total, 10);
}

#[tokio::test]
async fn deleting_forgets_the_row_touches_no_file_and_refuses_a_stale_generation() {
    let app = TestApp::open().await;
    let path = app.make("team/demo");
    let file = app.dir.path().join("files/team/demo/x");
    std::fs::write(&file, b"kept").unwrap();
    let catalog = &app.services().catalog;
    let set = catalog.create_dataset(dataset("demo", &path, 4)).await.unwrap();
    let key = DatasetKey::Id(set.id);
    let stale = catalog
        .delete_dataset(&key, Some(set.generation + 1))
        .await
        .unwrap_err();
    assert!(matches!(stale, ServiceError::StaleGeneration { .. }), "{stale}");
    assert!(catalog.find_dataset(&key).await.is_ok());
    let team = catalog
        .list_locations()
        .await
        .unwrap()
        .items
        .remove(0)
        .location
        .id
        .to_string();
    let held = catalog.remove_location(&team).await.unwrap_err();
    assert!(
        matches!(held, ServiceError::Conflict { .. }),
        "a location with datasets stays: {held}"
    );
    catalog.delete_dataset(&key, Some(set.generation)).await.unwrap();
    assert!(matches!(
        catalog.find_dataset(&key).await,
        Err(ServiceError::NotFound { .. })
    ));
    assert_eq!(std::fs::read(&file).unwrap(), b"kept");
}

#[tokio::test]
async fn an_owner_pins_a_dataset_and_limits_its_latency_only_for_the_generation_that_was_seen() {
    let app = TestApp::open().await;
    let catalog = &app.services().catalog;
    let path = app.make("nas/demo");
    let set = catalog.create_dataset(dataset("demo", &path, 1)).await.unwrap();
    let key = DatasetKey::Id(set.id);
    let rules = |reason: &str, limit| OwnerRules {
        pinned_reason: Some(reason.into()),
        latency_limit_ms: limit,
    };
    let pinned = catalog
        .set_rules(
            &key,
            rules(" read at the end of the month ", Some(200)),
            Some(set.generation),
        )
        .await
        .unwrap();
    assert_eq!(
        (pinned.pinned_reason.as_deref(), pinned.latency_limit_ms),
        (Some("read at the end of the month"), Some(200))
    );
    assert_eq!(pinned.generation, set.generation + 1);
    let stale = catalog
        .set_rules(&key, OwnerRules::default(), Some(set.generation))
        .await
        .unwrap_err();
    assert!(matches!(stale, ServiceError::StaleGeneration { .. }), "{stale}");
    for (bad, code) in [
        (rules("  ", None), "bad_reason"),
        (rules("x", Some(0)), "bad_latency_limit"),
    ] {
        let refused = catalog.set_rules(&key, bad, None).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    assert_eq!(
        catalog.find_dataset(&key).await.unwrap(),
        pinned,
        "refusals change nothing"
    );
    let free = catalog
        .set_rules(&key, OwnerRules::default(), None)
        .await
        .unwrap();
    assert_eq!((free.pinned_reason, free.latency_limit_ms), (None, None));
}
