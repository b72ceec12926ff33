//! What a plan says in money: lines that sum, a saving that is a difference, and nothing where no price is known.

use crate::app::TestApp;
use crate::plan::{catalog, detail, dry, files, plan_of};
use data_in_motion::domain::dataset::{Dataset, NewDataset};
use data_in_motion::domain::location::NewLocation;
use data_in_motion::domain::unit::{Bytes, NanoUsd, Timestamp};
use data_in_motion::services::catalog::KnownDataset;
use std::fs;

/// 40 reads of 1 MB in the last 30 days and one before them, straight into the rollups.
async fn accesses(app: &TestApp, dataset: &Dataset) {
    let store = app.store().await;
    let mut tx = store.write().await.unwrap();
    let now = dataset.created_at;
    for (days_ago, reads) in [(1, 10), (3, 30), (40, 500)] {
        let hour = now.plus_micros(-days_ago * Timestamp::DAY).hour_start();
        sqlx::query("INSERT INTO access_rollups VALUES ($1, $2, $3, 0, $4, 0, 0, 0)")
            .bind(dataset.id.0)
            .bind(hour.0)
            .bind(reads)
            .bind(reads * 1_000_000)
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn cost_lines_sum_to_the_cost_and_the_saving_is_the_difference_of_the_running_costs() {
    let (app, demo) = catalog().await;
    fs::write(files(&app, "nas/demo/big"), vec![0; 40_000_000]).unwrap();
    accesses(&app, &demo).await;
    let plan = dry(&app, "other").await.unwrap().plan;
    let sum: NanoUsd = plan.cost_lines.iter().map(|l| l.amount_nanousd).sum();
    assert_eq!(sum, plan.one_time_nanousd);
    // The only charge between own disks: the source kept for 7 days at $0.010 per GB-month.
    let gb = 0.040_075_001;
    let kept = NanoUsd::from_usd(gb * 0.010 / 30.0 * 7.0);
    assert_eq!(plan.one_time_nanousd, kept);
    assert_eq!(plan.cost_lines[0].kind, "double_storage");
    assert!(
        plan.cost_lines[0].text.contains("grade C"),
        "assumed prices are marked"
    );
    // local/nas hot at $0.010 against local/nvme warm at $0.008; reads cost nothing on own disks.
    let saving = NanoUsd::from_usd(gb * 0.010) - NanoUsd::from_usd(gb * 0.008);
    assert_eq!(plan.monthly_saving_nanousd, Some(saving));
}

#[tokio::test]
async fn without_prices_a_plan_says_so_and_shows_no_figure() {
    let (app, _) = catalog().await;
    let new = NewLocation {
        name: "unpriced".parse().unwrap(),
        uri: app.make("unpriced").parse().unwrap(),
        storage_classes: Vec::new(),
        price_book: Some("local/unheard-of".into()),
        credential_ref: None,
        endpoint: None,
        region: None,
        encryption_key_ref: None,
    };
    app.services().catalog.create_location(new).await.unwrap();
    let plan = dry(&app, "unpriced").await.unwrap().plan;
    assert!(plan.applicable, "a price is no condition of a move");
    assert_eq!((plan.monthly_saving_nanousd, plan.cost_lines.len()), (None, 0));
    assert!(detail(&plan, "prices").detail.contains("local/unheard-of/hot"));
}

#[tokio::test]
async fn files_that_stand_for_a_larger_dataset_move_as_they_are_and_are_priced_as_that() {
    let (app, _) = catalog().await;
    app.make("nas/small");
    fs::write(files(&app, "nas/small/a"), vec![1; 1000]).unwrap();
    let small = KnownDataset {
        new: NewDataset {
            name: "small".parse().unwrap(),
            path_uri: app.uri("nas/small").parse().unwrap(),
            size_bytes: Some(Bytes(5_000_000_000)),
            storage_class: None,
            latency_limit_ms: None,
        },
        object_count: 7,
        created_at: Timestamp(0),
        stand_in: true,
    };
    app.services().catalog.create_datasets(vec![small]).await.unwrap();
    let plan = plan_of(&app, "small", "other").await;
    assert_eq!((plan.object_count, plan.size_bytes), (1, Bytes(1000)));
    let kept = NanoUsd::from_usd(5.0 * 0.010 / 30.0 * 7.0);
    assert_eq!(plan.one_time_nanousd, kept);
    let told = &detail(&plan, "stand_in").detail;
    assert!(told.contains("7 objects of 5.00 GB"), "{told}");
}
