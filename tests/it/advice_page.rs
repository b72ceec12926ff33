//! The list of recommendations as the pages get it: what it draws, and no cost lines.

use crate::app::TestApp;
use data_in_motion::domain::access::{AccessEvent, AccessOp, DatasetKey};
use data_in_motion::domain::dataset::NewDataset;
use data_in_motion::domain::location::NewLocation;
use data_in_motion::domain::unit::{Bytes, Timestamp};

/// Largest page of the list, its words and what the browser takes over with both counted.
const PAGE_BYTES: usize = 150_000;
/// Largest list for the browser.
const LIST_BYTES: usize = 60_000;

#[tokio::test]
async fn fifty_rows_are_sent_without_their_cost_lines() {
    let app = TestApp::open().await;
    let new = NewLocation {
        name: "lake".parse().unwrap(),
        uri: app.make("lake").parse().unwrap(),
        storage_classes: ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"]
            .map(|c| c.parse().unwrap())
            .to_vec(),
        price_book: Some("aws/us-east-1".into()),
        credential_ref: None,
        endpoint: None,
        region: None,
        encryption_key_ref: None,
    };
    app.services().catalog.create_location(new).await.unwrap();
    for i in 0..55 {
        let name = format!("a-dataset-with-a-name-of-usual-length-{i}");
        let new = NewDataset {
            path_uri: app.make(&format!("lake/{name}")).parse().unwrap(),
            name: name.parse().unwrap(),
            size_bytes: Some(Bytes(1_000_000_000_000 + i)),
            storage_class: None,
            latency_limit_ms: None,
        };
        let set = app.services().catalog.create_dataset(new).await.unwrap();
        let event = AccessEvent {
            event_id: None,
            producer: None,
            sequence: None,
            dataset_id: DatasetKey::Id(set.id),
            op: AccessOp::Write,
            size_bytes: Bytes(1),
            client_lat_ms: None,
            client_region: None,
            occurred_at: Some(Timestamp::parse_rfc3339("2024-01-01T00:00:00Z").unwrap()),
        };
        app.services()
            .telemetry
            .ingest(vec![(1, Ok(event))])
            .await
            .unwrap();
    }
    app.services().recommender.refresh().await.unwrap();
    let url = app.listen().await;
    let get = async |path: &str| {
        reqwest::get(format!("{url}{path}"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let page = get("/recommendations").await;
    let rows = page.matches("data-testid=\"recommendation-row\"").count();
    assert_eq!(rows, 50, "{}", page.len());
    assert!(page.contains("a-dataset-with-a-name-of-usual-length-54") && page.contains("GLACIER_IR"));
    let list = get("/api/fn/recommendations").await;
    assert!(list.len() < LIST_BYTES, "the list has {} bytes", list.len());
    assert!(page.len() < PAGE_BYTES, "the page has {} bytes", page.len());
    assert!(!list.contains("alternatives"));
}
