//! From a plan to a job: what is registered and queued then, and what is not before.

use crate::moving::{AtWork, moving, plan, queue};
use crate::plan::{catalog, create, detail, dry, failed, files, refusal, request, snapshot};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::migration::{JobStatus, PlanRequest};
use std::fs;

#[tokio::test]
async fn a_location_under_an_allowed_root_is_planned_for_but_not_registered() {
    let (app, _) = catalog().await;
    app.make("new disk");
    let plan = dry(&app, &app.uri("new disk/demo")).await.unwrap().plan;
    assert_eq!(failed(&plan), Vec::<&str>::new());
    assert_eq!(
        (plan.target_location_id.0, plan.target_location_name.as_str()),
        (0, "local-new-disk")
    );
    let said = &detail(&plan, "place_free").detail;
    assert!(
        said.contains("will be registered as the location local-new-disk"),
        "{said}"
    );
    let missing = refusal(&app, &app.uri("not made/demo")).await;
    assert_eq!(missing.code(), "directory_missing", "{missing}");
    // What a check forbids registers nothing either.
    app.make("new disk/demo/full");
    let refused = PlanRequest {
        dry_run: false,
        ..request(&app.uri("new disk/demo"))
    };
    let refused = app.services().mover.plan(refused).await.unwrap_err();
    assert_eq!(refused.code(), "plan_not_applicable");
    let locations = app.services().catalog.list_locations().await.unwrap();
    assert_eq!(locations.total, 2);
}

#[tokio::test]
async fn a_plan_that_nothing_forbids_becomes_a_job_and_its_location_is_registered_then() {
    let (app, demo) = catalog().await;
    create(&app, "later", "other/later").await;
    app.make("other/later");
    fs::write(files(&app, "other/later/x"), "1").unwrap();
    app.make("new");
    let source = snapshot(&files(&app, ""));
    let target = app.uri("new/demo");
    let real = |require_approval| PlanRequest {
        dry_run: false,
        require_approval,
        ..request(&target)
    };
    let planned = app.services().mover.plan(real(true)).await.unwrap();
    let job = planned.job.unwrap();
    assert_eq!(
        (job.dataset_id, job.status.as_str()),
        (demo.id, "awaiting_approval")
    );
    assert_eq!(
        (job.target_uri.to_string(), job.target_location_id.0),
        (target.clone(), 3)
    );
    assert_eq!(planned.plan.target_location_id.0, 3);
    let new = app.services().catalog.get_location("3").await.unwrap().location;
    assert_eq!(
        (new.name.as_str(), new.uri.to_string()),
        ("local-new", app.uri("new"))
    );
    let detail_of = app.services().mover.get_job(job.id).await.unwrap();
    assert_eq!(detail_of.plan, Some(planned.plan), "the job keeps its plan");
    assert_eq!(snapshot(&files(&app, "")), source, "planning moves no byte");

    // While it lives nobody plans another move of the dataset, nor one of another dataset to its place.
    let again = app.services().mover.plan(real(false)).await.unwrap_err();
    assert_eq!(again.code(), "job_exists", "{again}");
    let plan = dry(&app, "other").await.unwrap().plan;
    assert_eq!(failed(&plan), ["no_other_job"], "{:?}", plan.checks);
    let rival = PlanRequest {
        dataset_id: DatasetKey::parse("later"),
        ..real(false)
    };
    let rival = app.services().mover.plan(rival).await.unwrap_err();
    assert!(rival.to_string().contains("the target of the job 1"), "{rival}");
    app.services().mover.cancel(job.id).await.unwrap();
    let planned = app.services().mover.plan(real(false)).await.unwrap();
    assert_eq!(planned.job.unwrap().status.as_str(), "queued");
}

#[tokio::test]
async fn a_finished_job_tells_how_long_the_next_one_takes() {
    let (app, deep) = moving(50).await;
    let mut work = AtWork::start(&app);
    let job = queue(&app, &deep, "demo").await;
    let done = work.until_status(job.id, JobStatus::Completed).await;
    let fast = app.services().catalog.get_location("fast").await.unwrap();
    fs::remove_dir_all(files(&app, "fast/demo")).unwrap();
    let back = plan(app.services(), "demo", &fast.location, "back").await;
    let at = |status: JobStatus| done.events.iter().find(|e| e.status == status).unwrap().at;
    let took = at(JobStatus::Switching).since(at(JobStatus::Copying));
    let (fast, slow) = back.duration_secs.unwrap();
    assert!(
        fast * 1_000_000 <= took && took <= slow * 1_000_000,
        "{fast} to {slow} s, {took} us"
    );
    work.stop().await;
}
