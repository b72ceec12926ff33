//! Stories of second copies, of locations that are to be empty, and of the way back after the grace period.

use crate::moving::{
    AtWork, assert_no_leftovers, assert_serves, dataset, fill, moving, moving_with, queue, tree,
};
use crate::receipts::plan_with;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::migration::evacuation::EvacuationRequest;
use data_in_motion::domain::migration::options::MoveOptions;
use data_in_motion::domain::replica::ReplicaRole;

fn roles(detail: &data_in_motion::domain::dataset::DatasetDetail) -> Vec<ReplicaRole> {
    detail.replicas.iter().map(|r| r.role).collect()
}

#[tokio::test]
async fn a_replicated_dataset_is_served_from_where_it_was_and_its_second_copy_can_be_given_up() {
    let (app, deep) = moving_with(20, &[("grace_secs", "0")]).await;
    let files = app.dir.path().join("files");
    let content = tree(&files.join("fast/demo"));
    let key = DatasetKey::Name("demo".into());
    let mut work = AtWork::start(&app);
    let replicate = MoveOptions {
        replicate: true,
        ..MoveOptions::default()
    };
    let planned = plan_with(&app, &deep, "demo", replicate, false).await.unwrap();
    assert!(
        planned.plan.deletes.starts_with("Nothing"),
        "{}",
        planned.plan.deletes
    );
    let job = planned.job.unwrap();
    let done = work.until_status(job.id, JobStatus::Completed).await;
    assert!(done.job.reason.unwrap().contains("second copy"));
    assert_serves(app.services(), "demo", &content).await;
    assert!(tree(&files.join("deep/demo")) == content);
    let detail = app.services().catalog.get_dataset(&key).await.unwrap();
    assert!(detail.summary.dataset.path_uri.to_string().ends_with("fast/demo"));
    let mut found = roles(&detail);
    found.sort_by_key(|r| r.as_str());
    assert_eq!(found, [ReplicaRole::Retained, ReplicaRole::Serving]);
    app.services().mover.get_receipt(job.id).await.unwrap();

    // Moved on from its first place, whose retirement is due at once: that concerns the second copy in nothing.
    let third = app.make("third");
    let third = crate::moving::location(app.services(), "third", &third).await;
    let moved = queue(&app, &third, "demo").await;
    work.until(moved.id, "retired", |j| {
        j.job
            .reason
            .as_deref()
            .is_some_and(|r| r.contains("the source is removed"))
    })
    .await;
    assert_serves(app.services(), "demo", &content).await;
    assert!(tree(&files.join("deep/demo")) == content);
    assert!(!files.join("fast/demo").exists());

    app.services().mover.undo(job.id).await.unwrap();
    work.until(job.id, "given up", |j| {
        j.job
            .reason
            .as_deref()
            .is_some_and(|r| r.contains("the copy at the target is removed"))
    })
    .await;
    assert_serves(app.services(), "demo", &content).await;
    assert!(tree(&files.join("deep")).is_empty());
    assert_no_leftovers(&files);
    work.stop().await;
}

#[tokio::test]
async fn a_source_that_is_kept_outlives_the_grace_period_and_can_always_be_switched_back_to() {
    let (app, deep) = moving_with(10, &[("grace_secs", "0")]).await;
    let files = app.dir.path().join("files");
    let content = tree(&files.join("fast/demo"));
    let mut work = AtWork::start(&app);
    let keep = MoveOptions {
        keep_source: true,
        ..MoveOptions::default()
    };
    let job = plan_with(&app, &deep, "demo", keep, false)
        .await
        .unwrap()
        .job
        .unwrap();
    let done = work.until_status(job.id, JobStatus::Completed).await;
    assert_eq!(done.job.undo_until, None);
    assert_serves(app.services(), "demo", &content).await;
    // A later job, which is retired, shows that retirements were looked at since.
    let uri = app.make("fast/other");
    fill(&files.join("fast/other"), 3);
    dataset(app.services(), "other", &uri).await;
    let other = crate::moving::plan(app.services(), "other", &deep, "other").await;
    let other = app.services().mover.queue(other, false).await.unwrap();
    work.until(other.id, "retired", |j| {
        j.job
            .reason
            .as_deref()
            .is_some_and(|r| r.contains("the source is removed"))
    })
    .await;
    assert!(tree(&files.join("fast/demo")) == content);
    app.services().mover.undo(job.id).await.unwrap();
    assert_serves(app.services(), "demo", &content).await;
    work.stop().await;
}

#[tokio::test]
async fn a_location_is_evacuated_and_what_cannot_move_is_named() {
    let (app, deep) = moving(5).await;
    let files = app.dir.path().join("files");
    for name in ["two", "empty"] {
        let uri = app.make(&format!("fast/{name}"));
        if name == "two" {
            fill(&files.join("fast/two"), 4);
        }
        dataset(app.services(), name, &uri).await;
    }
    let request = |dry_run| EvacuationRequest {
        target_location: deep.name.to_string(),
        storage_class: None,
        dry_run,
        require_approval: false,
        options: MoveOptions::default(),
    };
    let mover = &app.services().mover;
    assert_eq!(
        mover.evacuate("deep", &request(true)).await.unwrap_err().code(),
        "same_location"
    );
    assert_eq!(
        mover
            .evacuate("nowhere", &request(true))
            .await
            .unwrap_err()
            .code(),
        "not_found"
    );
    let dry = mover.evacuate("fast", &request(true)).await.unwrap();
    assert!(dry.datasets.iter().all(|d| d.job_id.is_none()), "{dry:#?}");
    let real = mover.evacuate("fast", &request(false)).await.unwrap();
    assert_eq!((real.datasets.len(), real.left_out), (3, 0));
    let empty = real.datasets.iter().find(|d| d.dataset_name == "empty").unwrap();
    assert!(
        empty.problem.as_deref().unwrap().contains("nothing to move"),
        "{empty:?}"
    );
    let jobs: Vec<_> = real.datasets.iter().filter_map(|d| d.job_id).collect();
    assert_eq!(jobs.len(), 2);
    let mut work = AtWork::start(&app);
    for id in jobs {
        work.until_status(id, JobStatus::Completed).await;
    }
    assert!(files.join("deep/two").is_dir() && files.join("deep/demo").is_dir());
    work.stop().await;
}

#[tokio::test]
async fn after_the_grace_period_the_way_back_is_a_move_with_a_price() {
    let (app, deep) = moving_with(8, &[("grace_secs", "0")]).await;
    let content = tree(&app.dir.path().join("files/fast/demo"));
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let mover = &app.services().mover;
    work.until(job.id, "retired", |j| {
        j.job
            .reason
            .as_deref()
            .is_some_and(|r| r.contains("the source is removed"))
    })
    .await;
    let dry = mover.plan_back(job.id, true).await.unwrap();
    assert!(dry.job.is_none() && dry.plan.applicable, "{:#?}", dry.plan.checks);
    assert_eq!(dry.plan.target_uri, job.source_uri);
    let back = mover.plan_back(job.id, false).await.unwrap().job.unwrap();
    work.until_status(back.id, JobStatus::Completed).await;
    assert_serves(app.services(), "demo", &content).await;
    work.stop().await;

    let (app, deep) = moving(3).await;
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    work.until_status(job.id, JobStatus::Completed).await;
    let instead = app.services().mover.plan_back(job.id, true).await.unwrap_err();
    assert_eq!(instead.code(), "undo_instead");
    work.stop().await;
}
