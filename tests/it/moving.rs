//! A catalog with a dataset of real files and a place to move it to, and the rules that hold whatever happens to a move.

use crate::app::TestApp;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::dataset::{Dataset, NewDataset};
use data_in_motion::domain::location::{Location, NewLocation};
use data_in_motion::domain::migration::{Plan, PlanCheck};
use data_in_motion::domain::unit::{Bytes, NanoUsd};
use data_in_motion::services::Services;
use std::path::Path;

/// Registers a directory as a location.
pub async fn location(services: &Services, name: &str, uri: &str) -> Location {
    let new = NewLocation {
        name: name.parse().unwrap(),
        uri: uri.parse().unwrap(),
        storage_classes: Vec::new(),
        price_book: None,
        credential_ref: None,
    };
    services.catalog.create_location(new).await.unwrap()
}

/// Registers a directory as a dataset.
pub async fn dataset(services: &Services, name: &str, uri: &str) -> Dataset {
    let new = NewDataset {
        name: name.parse().unwrap(),
        path_uri: uri.parse().unwrap(),
        size_bytes: None,
        storage_class: None,
        latency_limit_ms: None,
    };
    services.catalog.create_dataset(new).await.unwrap()
}

/// Writes `count` files in several directories, of sizes from nothing to a few hundred kilobytes.
pub fn fill(dir: &Path, count: usize) {
    for i in 0..count {
        let folder = dir.join(format!("part-{}/{}", i % 7, i % 3));
        std::fs::create_dir_all(&folder).unwrap();
        let bytes: Vec<u8> = (0..(i * 977) % 40_000).map(|b| (b * 31 + i * 7) as u8).collect();
        std::fs::write(folder.join(format!("object {i:04}")), bytes).unwrap();
    }
}

/// A plan as it is made for a move that nothing speaks against.
pub async fn plan(services: &Services, name: &str, target: &Location, path: &str) -> Plan {
    let key = DatasetKey::Name(name.to_owned());
    let dataset = services.catalog.find_dataset(&key).await.unwrap();
    Plan {
        dataset_id: dataset.id,
        dataset_name: name.to_owned(),
        dataset_generation: dataset.generation,
        source_uri: dataset.path_uri,
        source_location_id: dataset.location_id,
        source_class: dataset.storage_class,
        target_uri: target.uri.join(path).unwrap(),
        target_location_id: target.id,
        target_location_name: target.name.to_string(),
        target_class: target.storage_classes[0].clone(),
        object_count: 0,
        size_bytes: Bytes::ZERO,
        skipped: Vec::new(),
        target_free_bytes: None,
        cost_lines: Vec::new(),
        one_time_nanousd: NanoUsd::ZERO,
        monthly_saving_nanousd: Some(NanoUsd(5)),
        duration_secs: None,
        deletes: "the source, after the grace period".into(),
        checks: vec![PlanCheck {
            name: "target_empty".into(),
            ok: true,
            detail: "nothing is there".into(),
        }],
        applicable: true,
    }
}

/// A server with the locations `fast` and `deep`, and on `fast` the dataset `demo` of `count` files.
pub async fn moving(count: usize) -> (TestApp, Location) {
    let app = TestApp::open().await;
    let (fast, deep) = (app.make("fast"), app.make("deep"));
    let demo = app.make("fast/demo");
    fill(&app.dir.path().join("files/fast/demo"), count);
    location(app.services(), "fast", &fast).await;
    let deep = location(app.services(), "deep", &deep).await;
    dataset(app.services(), "demo", &demo).await;
    (app, deep)
}
