//! Was it right? A real move, time that passes, reads that come or do not, and what the record says of it everywhere.

use crate::api::Api;
use crate::app::TestApp;
use crate::cli::dim;
use crate::moving::{AtWork, fill};
use data_in_motion::adapters::inproc::clock::ManualClock;
use data_in_motion::domain::access::{AccessEvent, AccessOp, DatasetKey};
use data_in_motion::domain::dataset::{Dataset, NewDataset};
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::location::NewLocation;
use data_in_motion::domain::migration::{JobStatus, PlanRequest};
use data_in_motion::domain::recommendation::outcome::{Closed, Outcome, Verdict};
use data_in_motion::domain::unit::{Bytes, NanoUsd, Timestamp};
use std::sync::Arc;

/// Some noon.
const NOW: Timestamp = Timestamp(1_790_000_000 * Timestamp::SECOND);

struct Story {
    app: TestApp,
    clock: Arc<ManualClock>,
    set: Dataset,
    job: JobId,
}

impl Story {
    /// A dataset of real files that nobody has read for a year, moved from an object store's hot class to its coldest instant one.
    async fn moved() -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let app = TestApp::open_at(clock.clone()).await;
        for name in ["lake", "deep"] {
            let new = NewLocation {
                name: name.parse().unwrap(),
                uri: app.make(name).parse().unwrap(),
                storage_classes: ["STANDARD", "GLACIER_IR"].map(|c| c.parse().unwrap()).to_vec(),
                price_book: Some("aws/us-east-1".into()),
                credential_ref: None,
                endpoint: None,
                region: None,
            };
            app.services().catalog.create_location(new).await.unwrap();
        }
        let new = NewDataset {
            name: "runs".parse().unwrap(),
            path_uri: app.make("lake/runs").parse().unwrap(),
            size_bytes: None,
            storage_class: None,
            latency_limit_ms: None,
        };
        fill(&app.dir.path().join("files/lake/runs"), 4);
        // One file of 64 MB without contents: money that a cent's fraction shows.
        let big = std::fs::File::create(app.dir.path().join("files/lake/runs/big")).unwrap();
        big.set_len(64 << 20).unwrap();
        let set = app.services().catalog.create_dataset(new).await.unwrap();
        let key = DatasetKey::Id(set.id);
        app.services().catalog.scan_dataset(&key).await.unwrap();
        let mut story = Self {
            app,
            clock,
            set,
            job: JobId(0),
        };
        story.access(AccessOp::Write, 1, -400).await;
        let request = PlanRequest {
            dataset_id: key,
            target_location: "deep".into(),
            storage_class: Some("GLACIER_IR".parse().unwrap()),
            dry_run: false,
            require_approval: false,
            options: data_in_motion::domain::migration::options::MoveOptions::default(),
        };
        let planned = story.app.services().mover.plan(request).await.unwrap();
        let expected = planned.plan.expectation.expect("both sides have a price");
        assert!(expected.monthly_saving_nanousd > NanoUsd::ZERO);
        assert_eq!(
            Some(expected.monthly_saving_nanousd),
            planned.plan.monthly_saving_nanousd
        );
        assert_eq!(expected.one_time_nanousd, planned.plan.one_time_nanousd);
        story.job = planned.job.unwrap().id;
        let mut at_work = AtWork::start(&story.app);
        at_work.until_status(story.job, JobStatus::Completed).await;
        at_work.stop().await;
        story
    }

    async fn access(&self, op: AccessOp, bytes: u64, days_from_now: i64) {
        let event = AccessEvent {
            event_id: None,
            producer: None,
            sequence: None,
            dataset_id: DatasetKey::Id(self.set.id),
            op,
            size_bytes: Bytes(bytes),
            client_lat_ms: None,
            client_region: None,
            occurred_at: Some(NOW.plus_micros(days_from_now * Timestamp::DAY)),
        };
        let report = self
            .app
            .services()
            .telemetry
            .ingest(vec![(1, Ok(event))])
            .await
            .unwrap();
        assert_eq!(report.accepted, 1, "{report:?}");
    }

    /// Days later, after a pass of the recommender.
    async fn after(&self, days: i64) -> Outcome {
        self.clock.set(NOW.plus_micros(days * Timestamp::DAY));
        self.app.services().recommender.refresh().await.unwrap();
        let detail = self.app.services().mover.get_job(self.job).await.unwrap();
        detail.outcome.expect("a completed move has a record")
    }
}

#[tokio::test]
async fn it_is_too_early_at_first_then_counted_and_closed_when_the_forecast_is_over() {
    let story = Story::moved().await;
    let first = story.after(0).await;
    assert_eq!((first.verdict, first.closed), (Verdict::TooEarly, None));
    assert_eq!(
        (first.source.as_str(), first.target.as_str()),
        ("lake/STANDARD", "deep/GLACIER_IR")
    );
    let early = story.after(5).await;
    assert_eq!(early.verdict, Verdict::TooEarly);
    assert!(early.sentence().contains("5 of 14 days"), "{}", early.sentence());
    let later = story.after(40).await;
    let (expected, came) = (later.expected.clone().unwrap(), later.realised.clone().unwrap());
    assert!((came.days - 40.0).abs() < 0.01, "{}", came.days);
    // Nobody read it, as was expected: the saving is what was told, to the rounding of lines.
    let off = came.monthly_saving_nanousd.0 - expected.monthly_saving_nanousd.0;
    assert!(
        off.abs() <= expected.monthly_saving_nanousd.0 / 100,
        "{came:?} against {expected:?}"
    );
    assert_ne!(later.verdict, Verdict::TooEarly);
    let last = story.after(95).await;
    assert_eq!(last.closed, Some(Closed::Horizon));
    assert!((last.realised.as_ref().unwrap().days - 90.0).abs() < 1e-9);
    // What comes after the end changes nothing any more.
    story.access(AccessOp::Read, 1 << 40, 94).await;
    assert_eq!(story.after(120).await, last);
}

#[tokio::test]
async fn reads_that_were_not_foreseen_make_it_wrong_and_every_interface_says_the_same() {
    let story = Story::moved().await;
    story.clock.set(NOW.plus_micros(10 * Timestamp::DAY));
    for day in [3, 4, 9] {
        story.access(AccessOp::Read, 64 << 20, day).await;
    }
    let outcome = story.after(20).await;
    assert_eq!(outcome.verdict, Verdict::Wrong, "{}", outcome.sentence());
    let address = story.app.listen().await;
    let api = Api::new(&address);
    let listed = api.get("/api/v1/outcomes?dataset=runs").await.json();
    assert_eq!(listed["total"], 1);
    assert_eq!(listed["items"][0]["verdict"], "wrong");
    let advice = api.get("/api/v1/recommendations/runs").await.json();
    assert_eq!(advice["outcomes"][0], listed["items"][0]);
    let job = api.get(&format!("/api/v1/jobs/{}", story.job)).await.json();
    assert_eq!(job["outcome"], listed["items"][0]);
    for command in [
        vec!["jobs", "get", "--job-id", &story.job.to_string()],
        vec!["recommendations", "--dataset-id", "runs"],
    ] {
        let ran = dim(&address, &command).await;
        assert!(ran.out.contains("Wrong: after 20 days"), "{}{}", ran.out, ran.err);
    }
    let table = dim(&address, &["recommendations", "outcomes"]).await.out;
    assert!(
        table.contains("deep/GLACIER_IR") && table.contains("wrong"),
        "{table}"
    );
}

#[tokio::test]
async fn an_undone_move_is_not_judged() {
    let story = Story::moved().await;
    assert_eq!(story.after(0).await.verdict, Verdict::TooEarly);
    story.app.services().mover.undo(story.job).await.unwrap();
    let outcome = story.after(0).await;
    assert_eq!(
        (outcome.verdict, outcome.closed),
        (Verdict::Undone, Some(Closed::Undone))
    );
    assert_eq!(story.after(30).await, outcome);
}
