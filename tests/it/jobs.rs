//! Stories of jobs that no mover has taken yet: queued once, steered, listed, and in nobody's way.

use crate::moving::{dataset, fill, moving, plan};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::dataset::DatasetFilter;
use data_in_motion::domain::event::{DomainEvent, Stream};
use data_in_motion::domain::migration::{JobFilter, JobStatus};
use data_in_motion::services::ServiceError;

fn conflict(error: &ServiceError, code: &str) -> bool {
    matches!(error, ServiceError::Conflict { code: c, .. } if *c == code)
}

#[tokio::test]
async fn a_dataset_has_one_live_job_and_nobody_pulls_it_away_under_it() {
    let (app, deep) = moving(3).await;
    let (mover, catalog) = (&app.services().mover, &app.services().catalog);
    let first = plan(app.services(), "demo", &deep, "demo").await;
    let job = mover.queue(first.clone(), true).await.unwrap();
    assert_eq!(job.status, JobStatus::AwaitingApproval);
    assert_eq!(job.actions, ["approve", "cancel"]);

    let second = mover.queue(first.clone(), false).await.unwrap_err();
    assert!(conflict(&second, "job_exists"), "{second}");
    assert!(
        second.to_string().contains(&format!("job {}", job.id)),
        "{second}"
    );
    let demo = DatasetKey::Name("demo".into());
    let deleted = catalog.delete_dataset(&demo, None).await.unwrap_err();
    assert!(conflict(&deleted, "dataset_in_use"), "{deleted}");
    let removed = catalog.remove_location("deep").await.unwrap_err();
    assert!(conflict(&removed, "location_in_use"), "{removed}");
    let list = catalog
        .list_datasets(&DatasetFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(list.items[0].active_job.as_ref().unwrap().job_id, job.id);

    assert_eq!(mover.approve(job.id).await.unwrap().status, JobStatus::Queued);
    assert_eq!(mover.pause(job.id).await.unwrap().status, JobStatus::Paused);
    assert_eq!(mover.resume(job.id).await.unwrap().status, JobStatus::Queued);
    let retried = mover.retry(job.id).await.unwrap_err();
    assert!(conflict(&retried, "job_state"), "{retried}");
    let app = app.restart().await;
    let (mover, catalog) = (&app.services().mover, &app.services().catalog);
    let ended = mover.cancel(job.id).await.unwrap();
    assert_eq!(ended.status, JobStatus::Cancelled);
    assert!(ended.finished_at.is_some() && ended.actions.is_empty());

    let detail = mover.get_job(job.id).await.unwrap();
    let stages: Vec<_> = detail.events.iter().map(|e| e.status).collect();
    assert_eq!(
        stages,
        [
            JobStatus::AwaitingApproval,
            JobStatus::Queued,
            JobStatus::Paused,
            JobStatus::Queued,
            JobStatus::Cancelled
        ]
    );
    let (_, log) = app.services().live.page(0, Stream::Jobs, 100).await.unwrap();
    let logged: Vec<_> = log
        .iter()
        .map(|e| match e {
            DomainEvent::JobStatus(e) => (e.seq, e.status),
            other => panic!("{other:?}"),
        })
        .collect();
    let told: Vec<_> = detail.events.iter().map(|e| (e.seq, e.status)).collect();
    assert_eq!(logged, told, "the log and the job's stages say the same");
    assert_eq!(detail.plan.unwrap(), first);

    mover.queue(first, false).await.unwrap();
    let active = JobFilter {
        status: Some("active".into()),
        dataset: Some("demo".into()),
    };
    assert_eq!(mover.list_jobs(&active, None, 10).await.unwrap().total, 1);
    mover
        .cancel(mover.list_jobs(&active, None, 10).await.unwrap().items[0].id)
        .await
        .unwrap();
    catalog.delete_dataset(&demo, None).await.unwrap();
}

#[tokio::test]
async fn a_stale_or_forbidden_plan_and_a_taken_place_are_refused() {
    let (app, deep) = moving(3).await;
    let mover = &app.services().mover;
    let good = plan(app.services(), "demo", &deep, "here").await;

    let mut stale = good.clone();
    stale.dataset_generation += 1;
    assert!(conflict(
        &mover.queue(stale, false).await.unwrap_err(),
        "plan_stale"
    ));
    let mut unfit = good.clone();
    unfit.checks[0].ok = false;
    let refused = mover.queue(unfit, false).await.unwrap_err();
    assert!(conflict(&refused, "plan_not_applicable"), "{refused}");
    let mut outside = good.clone();
    outside.target_uri = app.uri("elsewhere").parse().unwrap();
    assert!(mover.queue(outside, false).await.is_err());

    mover.queue(good, false).await.unwrap();
    let other = app.make("fast/other");
    fill(&app.dir.path().join("files/fast/other"), 1);
    dataset(app.services(), "other", &other).await;
    // As if both had been planned before either was queued.
    let mut below = plan(app.services(), "other", &deep, "free").await;
    below.target_uri = deep.uri.join("here/below").unwrap();
    let taken = mover.queue(below, false).await.unwrap_err();
    assert!(conflict(&taken, "target_taken"), "{taken}");
    let over = app.make("deep/mine");
    dataset(app.services(), "mine", &over).await;
    let mut over = plan(app.services(), "other", &deep, "free").await;
    over.target_uri = deep.uri.join("mine").unwrap();
    let taken = mover.queue(over, false).await.unwrap_err();
    assert!(taken.to_string().contains("mine"), "{taken}");
    assert_eq!(
        mover
            .list_jobs(&JobFilter::default(), None, 10)
            .await
            .unwrap()
            .total,
        1
    );
}

#[tokio::test]
async fn the_job_list_pages_through_every_job_once_newest_first() {
    let (app, deep) = moving(1).await;
    let mover = &app.services().mover;
    for _ in 0..7 {
        let plan = plan(app.services(), "demo", &deep, "demo").await;
        let job = mover.queue(plan, false).await.unwrap();
        mover.cancel(job.id).await.unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..4 {
        let page = mover
            .list_jobs(&JobFilter::default(), cursor.as_deref(), 3)
            .await
            .unwrap();
        assert_eq!(page.total, 7);
        seen.extend(page.items.iter().map(|j| j.id.0));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=7).rev().collect::<Vec<_>>());
    for bad in ["x1", "j"] {
        let refused = mover
            .list_jobs(&JobFilter::default(), Some(bad), 3)
            .await
            .unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid { .. }), "{refused}");
    }
    let unknown = JobFilter {
        status: Some("flying".into()),
        dataset: None,
    };
    assert!(mover.list_jobs(&unknown, None, 3).await.is_err());
}
