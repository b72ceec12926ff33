//! Was it right? A real move, time that passes, reads that come or do not, and what the record says of it everywhere.

use crate::api::Api;
use crate::app::TestApp;
use crate::cli::dim;
use crate::moving::{AtWork, fill};
use crate::pages::{Plain, words};
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
                encryption_key_ref: None,
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
    let story = Box::pin(Story::moved()).await;
    let first = story.after(0).await;
    assert_eq!((first.verdict, first.closed), (Verdict::TooEarly, None));
    assert_eq!(
        (first.source.as_str(), first.target.as_str()),
        ("lake/STANDARD", "deep/GLACIER_IR")
    );
    let early = story.after(5).await;
    assert_eq!(early.verdict, Verdict::TooEarly);
    assert!(early.sentence().contains("5 of 14 days"), "{}", early.sentence());
    assert!(
        early.sentence().contains("it is judged from 5 Oct 2026 on"),
        "{}",
        early.sentence()
    );
    // Figures of a few days are told to nobody.
    let page = async || {
        let browser = Plain::of(&story.app).await;
        words(&browser.get(&format!("/jobs/{}", story.job)).await.text)
    };
    let shown = page().await;
    assert!(
        shown.contains("it is judged from") && !shown.contains("In all, the cost paid"),
        "{shown}"
    );
    let later = story.after(40).await;
    assert!(page().await.contains("In all, the cost paid"));
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
    let story = Box::pin(Story::moved()).await;
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
    let story = Box::pin(Story::moved()).await;
    assert_eq!(story.after(0).await.verdict, Verdict::TooEarly);
    story.app.services().mover.undo(story.job).await.unwrap();
    let outcome = story.after(0).await;
    assert_eq!(
        (outcome.verdict, outcome.closed),
        (Verdict::Undone, Some(Closed::Undone))
    );
    assert_eq!(story.after(30).await, outcome);
}

/// What `dim report NAME …` writes.
async fn report(url: &str, args: &[&str]) -> String {
    let ran = dim(url, &[&["report"], args].concat()).await;
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    ran.out
}

fn figure(report: &serde_json::Value, key: &str) -> serde_json::Value {
    let all = report["figures"].as_array().unwrap();
    all.iter().find(|f| f["key"] == key).unwrap()["value"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_show_the_same_measured_figures_on_the_page_in_the_api_and_on_the_command_line() {
    let story = Box::pin(Story::moved()).await;
    story.clock.set(NOW.plus_micros(25 * Timestamp::DAY));
    story.access(AccessOp::Read, 32 << 20, 20).await;
    let outcome = story.after(40).await;
    let realised = outcome.realised.clone().unwrap().monthly_saving_nanousd;
    let forecast = outcome.expected.clone().unwrap().monthly_saving_nanousd;
    let url = story.app.listen().await;
    let api = Api::new(&url);

    let savings = api.get("/api/v1/reports/savings").await.json();
    assert_eq!(figure(&savings, "realised"), realised.0);
    assert_eq!(figure(&savings, "forecast"), forecast.0);
    assert_eq!(
        api.get("/api/v1/reports/savings.json").await.json()["figures"],
        savings["figures"]
    );
    let typed: serde_json::Value =
        serde_json::from_str(&report(&url, &["savings", "-o", "json"]).await).unwrap();
    assert_eq!(typed["figures"], savings["figures"]);
    let shown = realised.to_string();
    for text in [
        report(&url, &["savings"]).await,
        api.get("/reports/savings").await.text,
        api.get("/api/v1/reports/savings.html").await.text,
    ] {
        assert!(
            text.contains(&shown.replace('<', "&lt;")) || text.contains(&shown),
            "{shown} in {text}"
        );
        assert!(
            text.contains("lake/STANDARD") && text.contains("deep/GLACIER_IR"),
            "{text}"
        );
    }
    let csv = report(&url, &["savings", "-o", "csv"]).await;
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = head.iter().position(|h| *h == "realised_nanousd").unwrap();
    assert_eq!(row[at], realised.0.to_string());
    assert_eq!(lines.next(), None);

    // A span that ended before the switch holds nothing of it.
    let later = api.get("/api/v1/reports/savings?days=7").await.json();
    assert_eq!(figure(&later, "realised"), 0);

    let moves = api.get("/api/v1/reports/moves").await.json();
    assert_eq!(
        (figure(&moves, "jobs"), figure(&moves, "completed")),
        (1.into(), 1.into())
    );
    let events = moves["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["key"] == "events")
        .unwrap();
    let mut stages: Vec<&str> = events["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r[4].as_str().unwrap())
        .collect();
    // What became of the old copy is told at the same stage.
    stages.dedup();
    let told = events["row_count"].as_i64().unwrap();
    assert_eq!(
        stages,
        ["Completed", "Switching", "Verifying", "Copying", "Queued"]
    );
    let one = api.get("/api/v1/reports/moves?limit=1").await.json();
    let events = one["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["key"] == "events")
        .unwrap();
    assert_eq!(
        (events["rows"].as_array().unwrap().len(), &events["row_count"]),
        (1, &told.into())
    );

    let placement = report(&url, &["inventory", "--table", "placements"]).await;
    assert!(
        placement.contains("deep") && placement.contains("GLACIER_IR"),
        "{placement}"
    );
    let copies = report(&url, &["placement", "--table", "copies", "-o", "csv"]).await;
    assert!(copies.contains("deep,GLACIER_IR,serving,1,"), "{copies}");
    let size = story
        .app
        .services()
        .catalog
        .find_dataset(&DatasetKey::Id(story.set.id))
        .await
        .unwrap()
        .size_bytes;
    assert_eq!(
        figure(&api.get("/api/v1/reports/placement").await.json(), "size"),
        size.0
    );

    let advice = api.get("/api/v1/reports/advice").await.json();
    let policies = advice["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["key"] == "policies")
        .unwrap();
    let rows = policies["rows"].as_array().unwrap();
    let ratio = |name: &str| rows.iter().find(|r| r[1] == name).map(|r| r[4].as_f64().unwrap());
    assert!(
        (ratio("Optimum in hindsight").unwrap() - 1.0).abs() < 1e-9,
        "{rows:?}"
    );
    assert!(ratio("Recommended").unwrap() > 0.0);

    let file = story.app.dir.path().join("savings.html");
    let ran = dim(&url, &["report", "savings", "--html", file.to_str().unwrap()]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let html = std::fs::read_to_string(file).unwrap();
    assert!(html.contains("<h1>Savings</h1>") && !html.contains("<script") && !html.contains("src="));

    assert_eq!(api.get("/reports/nothing").await.status, 404);
    let nothing = api.get("/api/v1/reports/nothing.csv").await;
    assert_eq!((nothing.status, nothing.code()), (404, "not_found".to_owned()));
    let table = api.get("/api/v1/reports/moves.csv?table=colours").await;
    assert_eq!((table.status, table.code()), (422, "bad_table".to_owned()));
}
