//! The name that a person types before a source may be deleted: asked for on the pages, with and without a script; programs are not asked.

use crate::moving::{moving_with, plan};
use crate::pages::{Plain, words};
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::migration::{JobFilter, JobStatus};
use data_in_motion::services::Services;

async fn status(services: &Services, id: JobId) -> JobStatus {
    services.mover.get_job(id).await.unwrap().job.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_deletes_its_source_is_approved_on_its_page_by_name_alone() {
    let (app, deep) = moving_with(3, &[("roles", "web")]).await;
    let services = app.services();
    let browser = Plain::of(&app).await;
    let job = services
        .mover
        .queue(plan(services, "demo", &deep, "demo").await, true)
        .await
        .unwrap();
    assert!(job.deletes_source);
    let path = format!("/jobs/{}", job.id);
    let page = browser.get(&path).await;
    assert!(words(&page.text).contains("Type the dataset's name, demo , since its source is deleted later"));
    let list = browser.get("/jobs").await.text;
    assert!(
        list.contains("approve-there") && !list.contains("job-approve"),
        "the list leads to the page"
    );

    let form = format!("job_id={}&command=approve", job.id);
    for (typed, said) in [
        ("", "no name was typed"),
        ("&typed_name=Demo", "\"Demo\" was typed"),
        ("&typed_name=demo2", "\"demo2\" was typed"),
    ] {
        let refused = browser
            .send(&path, "job-command", &format!("{form}{typed}"))
            .await;
        let back = browser
            .get(refused.location.trim_start_matches(browser.base()))
            .await;
        let text = words(&back.text);
        assert!(
            text.contains(said) && text.contains("was not approved. Nothing was changed"),
            "{text}"
        );
        assert_eq!(status(services, job.id).await, JobStatus::AwaitingApproval);
    }
    let done = browser
        .send(&path, "job-command", &format!("{form}&typed_name=+demo+"))
        .await;
    assert_eq!(done.location, format!("{path}?done=job"));
    assert_eq!(status(services, job.id).await, JobStatus::Queued);
    let page = browser.get(&path).await;
    assert!(!page.text.contains("typed-name"), "asked once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_begins_from_its_plan_by_name_unless_it_deletes_nothing_or_waits() {
    let (app, _) = moving_with(3, &[("roles", "web")]).await;
    let services = app.services();
    let browser = Plain::of(&app).await;
    let (path, form) = (
        "/plan?dataset=demo&target=deep",
        "query[dataset]=demo&query[target]=deep",
    );
    let page = browser.get(path).await;
    assert!(page.text.contains("name=\"typed_name\""), "{}", words(&page.text));
    for typed in ["", "&typed_name=other"] {
        let refused = browser.send(path, "queue-move", &format!("{form}{typed}")).await;
        let back = browser
            .get(refused.location.trim_start_matches(browser.base()))
            .await;
        assert!(
            words(&back.text).contains("the move was not queued. Nothing was changed"),
            "{}",
            words(&back.text)
        );
    }
    let all = services
        .mover
        .list_jobs(&JobFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(all.total, 0);

    let keeps = browser.get(&format!("{path}&keep_source=yes")).await;
    assert!(!keeps.text.contains("name=\"typed_name\""), "nothing is deleted");
    let kept = browser
        .send(path, "queue-move", &format!("{form}&query[keep_source]=yes"))
        .await;
    assert!(kept.location.ends_with("/jobs/1"), "{}", kept.location);
    services.mover.cancel(JobId(1)).await.unwrap();
    let waits = browser
        .send(path, "queue-move", &format!("{form}&require_approval=yes"))
        .await;
    assert!(waits.location.ends_with("/jobs/2"), "{}", waits.location);
    services.mover.cancel(JobId(2)).await.unwrap();
    let typed = browser
        .send(path, "queue-move", &format!("{form}&typed_name=demo"))
        .await;
    assert!(typed.location.ends_with("/jobs/3"), "{}", typed.location);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_keeps_its_source_is_approved_in_the_list_and_programs_type_nothing() {
    let (app, deep) = moving_with(3, &[("roles", "web")]).await;
    let services = app.services();
    let browser = Plain::of(&app).await;
    let mut keeping = plan(services, "demo", &deep, "demo").await;
    keeping.options.keep_source = true;
    let job = services.mover.queue(keeping, true).await.unwrap();
    assert!(!job.deletes_source);
    let list = browser.get("/jobs").await.text;
    assert!(list.contains("job-approve") && !list.contains("approve-there"));
    let form = format!("job_id={}&command=approve", job.id);
    assert_eq!(
        browser.send("/jobs", "job-command", &form).await.location,
        "/jobs?done=job"
    );
    assert_eq!(status(services, job.id).await, JobStatus::Queued);
    services.mover.cancel(job.id).await.unwrap();

    let moved = services
        .mover
        .queue(plan(services, "demo", &deep, "demo").await, true)
        .await
        .unwrap();
    let url = format!("{}/api/v1/jobs/{}/approve", browser.base(), moved.id);
    let answer = reqwest::Client::new().post(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["status"], &body["deletes_source"]),
        (&"queued".into(), &true.into())
    );
}
