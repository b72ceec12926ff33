//! Stories of recommendations over a real database: what is said without a history, what stays, what moves and for which money, what
//! people decide, and what is written again.

use crate::api::Api;
use crate::app::TestApp;
use crate::cli::dim;
use data_in_motion::adapters::inproc::clock::ManualClock;
use data_in_motion::domain::access::{AccessEvent, AccessOp, DatasetKey};
use data_in_motion::domain::dataset::{Dataset, DatasetFilter, NewDataset, OwnerRules};
use data_in_motion::domain::event::{DomainEvent, LiveMessage, Stream};
use data_in_motion::domain::location::NewLocation;
use data_in_motion::domain::migration::{JobFilter, PlanRequest};
use data_in_motion::domain::price::line::CostKind;
use data_in_motion::domain::recommendation::{
    Action, Reason, Recommendation, RecommendationFilter, ReviewRequest, ReviewStatus, WhyNot,
};
use data_in_motion::domain::unit::{Bytes, NanoUsd, Timestamp};
use data_in_motion::services::live::{Outgoing, Resume};
use data_in_motion::services::{ServiceError, Services};
use std::sync::Arc;

/// Some noon.
const NOW: Timestamp = Timestamp(1_790_000_000 * Timestamp::SECOND);
const TB: u64 = 1_000_000_000_000;

fn days_ago(days: i64) -> Timestamp {
    NOW.plus_micros(-days * Timestamp::DAY)
}

/// A server at noon with a directory that is priced as an object store.
async fn open() -> (TestApp, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let app = TestApp::open_at(clock.clone()).await;
    let lake = app.make("lake");
    let new = NewLocation {
        name: "lake".parse().unwrap(),
        uri: lake.parse().unwrap(),
        storage_classes: ["STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE"]
            .map(|c| c.parse().unwrap())
            .to_vec(),
        price_book: Some("aws/us-east-1".into()),
        credential_ref: None,
        endpoint: None,
        region: None,
        encryption_key_ref: None,
    };
    app.services().catalog.create_location(new).await.unwrap();
    (app, clock)
}

async fn create(app: &TestApp, name: &str, size: u64) -> Dataset {
    create_with(app, name, size, None).await
}

async fn create_with(app: &TestApp, name: &str, size: u64, latency_limit_ms: Option<i64>) -> Dataset {
    let new = NewDataset {
        name: name.parse().unwrap(),
        path_uri: app.make(&format!("lake/{name}")).parse().unwrap(),
        size_bytes: Some(Bytes(size)),
        storage_class: None,
        latency_limit_ms,
    };
    app.services().catalog.create_dataset(new).await.unwrap()
}

/// Counts events: (dataset, op, bytes, when).
async fn accesses(services: &Services, events: &[(&Dataset, AccessOp, u64, Timestamp)]) {
    for part in events.chunks(1000) {
        let batch = part
            .iter()
            .enumerate()
            .map(|(i, (set, op, bytes, at))| {
                let event = AccessEvent {
                    event_id: None,
                    producer: None,
                    sequence: None,
                    dataset_id: DatasetKey::Id(set.id),
                    op: *op,
                    size_bytes: Bytes(*bytes),
                    client_lat_ms: None,
                    client_region: None,
                    occurred_at: Some(*at),
                };
                (i64::try_from(i).unwrap() + 1, Ok(event))
            })
            .collect();
        let report = services.telemetry.ingest(batch).await.unwrap();
        assert_eq!(report.accepted, i64::try_from(part.len()).unwrap(), "{report:?}");
    }
}

async fn get(app: &TestApp, set: &Dataset) -> Recommendation {
    let key = DatasetKey::Id(set.id);
    app.services().recommender.get(&key).await.unwrap()
}

/// Written 400 days ago and never read: one terabyte.
async fn dead(app: &TestApp, name: &str) -> Dataset {
    let set = create(app, name, TB).await;
    accesses(app.services(), &[(&set, AccessOp::Write, TB, days_ago(400))]).await;
    set
}

fn of_class<'a>(
    r: &'a Recommendation,
    class: &str,
) -> &'a data_in_motion::domain::recommendation::Alternative {
    let found = r
        .alternatives
        .iter()
        .find(|a| a.placement.storage_class.as_str() == class);
    found.unwrap_or_else(|| panic!("{class} is missing"))
}

#[tokio::test]
async fn a_dataset_without_history_says_so_and_shows_what_holding_it_costs() {
    let (app, _) = open().await;
    let set = create(&app, "new", TB).await;
    let r = get(&app, &set).await;
    assert_eq!(
        (r.action, &r.reasons[..]),
        (Action::NoHistory, &[Reason::NoHistory][..])
    );
    assert!(r.forecast.is_none() && r.proposed.is_none() && r.confidence.is_none());
    let list = app
        .services()
        .catalog
        .list_datasets(&DatasetFilter::default(), None, 10)
        .await
        .unwrap();
    let row = &list.items[0];
    assert_eq!(row.recommendation.as_ref().unwrap().action, "no_history");
    assert_eq!(row.monthly_cost_nanousd, r.stay_monthly_nanousd);
    assert!(row.monthly_cost_nanousd.is_some());
    let missing = app
        .services()
        .recommender
        .get(&DatasetKey::Id(data_in_motion::domain::id::DatasetId(9)))
        .await;
    assert!(
        matches!(missing, Err(ServiceError::NotFound { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_dead_dataset_moves_to_the_cheap_class_for_money_that_list_page_and_overview_share() {
    let (app, _) = open().await;
    let set = dead(&app, "dead").await;
    let r = get(&app, &set).await;
    assert_eq!(
        r.proposed.as_ref().unwrap().to_string(),
        "lake/GLACIER_IR",
        "{r:#?}"
    );
    // 10^12 bytes are 931.322574615 billing GB; a month of Standard is $0.023 each, of Glacier Instant $0.004.
    let (stay, there) = (NanoUsd(64_261_257_648), NanoUsd(11_175_870_895));
    assert_eq!(r.stay.as_ref().unwrap().total_nanousd, stay);
    let best = r.proposed_alternative().unwrap();
    assert_eq!(best.running.as_ref().unwrap().total_nanousd, there);
    // One object (not scanned yet) is written and read once, and the source is kept for seven days of Standard.
    let way = best.one_time.as_ref().unwrap();
    assert_eq!(way.sum_of(CostKind::Transition), NanoUsd(20_000));
    assert_eq!(way.sum_of(CostKind::Request), NanoUsd(400));
    assert_eq!(way.sum_of(CostKind::DoubleStorage), NanoUsd(4_998_097_817));
    assert_eq!(way.total_nanousd, NanoUsd(4_998_118_217));
    assert_eq!(r.horizon_saving_nanousd, stay - there - way.total_nanousd);
    assert_eq!(
        r.monthly_saving_nanousd,
        NanoUsd(21_420_419_216) - NanoUsd(3_725_290_298)
    );
    assert_eq!(r.break_even_days, Some(9));
    assert!(matches!(
        of_class(&r, "DEEP_ARCHIVE").why_not,
        Some(WhyNot::TooSlow { .. })
    ));
    assert!(matches!(
        of_class(&r, "STANDARD_IA").why_not,
        Some(WhyNot::DearerBy { .. })
    ));

    let list = app
        .services()
        .catalog
        .list_datasets(&DatasetFilter::default(), None, 10)
        .await
        .unwrap();
    let brief = list.items[0].recommendation.clone().unwrap();
    assert_eq!(brief.proposed.as_deref(), Some("lake/GLACIER_IR"));
    assert_eq!(brief.monthly_saving_nanousd, r.monthly_saving_nanousd);
    assert_eq!(list.items[0].monthly_cost_nanousd, r.stay_monthly_nanousd);
    let sums = app.services().overview.overview().await.unwrap();
    assert_eq!(
        (sums.move_recommendation_count, sums.found_saving_nanousd),
        (1, r.monthly_saving_nanousd)
    );
}

#[tokio::test]
async fn a_hot_dataset_stays_and_says_at_which_rate_it_would_not() {
    let (app, _) = open().await;
    let set = create(&app, "hot", TB).await;
    let reads: Vec<_> = (0..100)
        .map(|d| (&set, AccessOp::Read, TB / 2, days_ago(d)))
        .collect();
    accesses(app.services(), &reads).await;
    let r = get(&app, &set).await;
    assert_eq!(r.action, Action::Stay);
    assert_eq!(
        (r.monthly_saving_nanousd, r.horizon_saving_nanousd),
        (NanoUsd::ZERO, NanoUsd::ZERO)
    );
    let f = r.forecast.unwrap();
    assert!((f.reads_per_month - 15.0).abs() < 1e-3, "{f:?}");
    let flip = f.flips_at_reads_per_month.unwrap();
    assert!((0.1..1.05).contains(&flip), "{flip}");
    assert!(matches!(r.reasons[0], Reason::NothingCheaper));
}

#[tokio::test]
async fn readers_elsewhere_pay_egress_by_the_share_that_their_events_state() {
    let (app, _) = open().await;
    let set = create(&app, "read", TB).await;
    accesses(app.services(), &[(&set, AccessOp::Write, TB, days_ago(400))]).await;
    let egress = |r: &Recommendation| {
        let lines = &r.stay.as_ref().unwrap().lines;
        let paid = lines.iter().filter(|l| l.kind == CostKind::Egress);
        paid.map(|l| l.amount_nanousd).sum::<NanoUsd>()
    };
    let read_from = async |region: Option<&str>, day: i64| {
        let event = AccessEvent {
            event_id: None,
            producer: None,
            sequence: None,
            dataset_id: DatasetKey::Id(set.id),
            op: AccessOp::Read,
            size_bytes: Bytes(TB / 2),
            client_lat_ms: None,
            client_region: region.map(Into::into),
            occurred_at: Some(days_ago(day)),
        };
        let report = app
            .services()
            .telemetry
            .ingest(vec![(1, Ok(event))])
            .await
            .unwrap();
        assert_eq!(report.accepted, 1);
    };
    read_from(None, 20).await;
    read_from(Some("us-east-1"), 19).await;
    assert_eq!(
        egress(&get(&app, &set).await),
        NanoUsd::ZERO,
        "all of them are near"
    );
    read_from(Some("office"), 18).await;
    read_from(Some("aws/eu-central-1"), 17).await;
    let some = egress(&get(&app, &set).await);
    assert!(some > NanoUsd::ZERO);
    for day in 0..4 {
        read_from(Some("office"), day).await;
    }
    assert!(egress(&get(&app, &set).await) > some, "more of them are far");
    let gone = app
        .services()
        .catalog
        .delete_dataset(&DatasetKey::Id(set.id), None)
        .await;
    gone.unwrap();
    let mut conn = app.store().await.reader().await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM access_readers")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_latency_limit_removes_and_allows_classes() {
    let (app, _) = open().await;
    let patient = create_with(&app, "patient", TB, Some(86_400_000)).await;
    let strict = create_with(&app, "strict", TB, Some(25)).await;
    for set in [&patient, &strict] {
        accesses(app.services(), &[(set, AccessOp::Write, 1, days_ago(400))]).await;
    }
    let r = get(&app, &patient).await;
    assert_eq!(r.proposed.unwrap().storage_class.as_str(), "DEEP_ARCHIVE");
    let r = get(&app, &strict).await;
    assert_eq!(r.proposed.as_ref().unwrap().storage_class.as_str(), "STANDARD_IA");
    assert!(
        r.reasons.contains(&Reason::LatencyLimit {
            limit_ms: 25,
            removed: 2
        }),
        "{:?}",
        r.reasons
    );
    assert_eq!(
        of_class(&r, "GLACIER_IR").why_not,
        Some(WhyNot::TooSlow {
            first_byte_ms: 30,
            limit_ms: 25
        })
    );
}

#[tokio::test]
async fn a_pinned_dataset_stays_with_its_owners_words() {
    let (app, _) = open().await;
    let set = dead(&app, "kept").await;
    let rules = OwnerRules {
        pinned_reason: Some("audit until May".into()),
        latency_limit_ms: None,
    };
    let catalog = &app.services().catalog;
    catalog
        .set_rules(&DatasetKey::Id(set.id), rules, None)
        .await
        .unwrap();
    assert_eq!(app.services().recommender.refresh().await.unwrap().changed, 1);
    let r = get(&app, &set).await;
    assert_eq!(r.action, Action::Stay);
    let reason = "audit until May".to_owned();
    assert_eq!(
        r.reasons[0],
        Reason::Pinned {
            reason: reason.clone()
        }
    );
    assert!(r.alternatives.iter().all(|a| a.why_not
        == Some(WhyNot::Pinned {
            reason: reason.clone()
        })));
}

#[tokio::test]
async fn only_what_changed_is_written_again() {
    let (app, clock) = open().await;
    let recommender = &app.services().recommender;
    let mut sets = Vec::new();
    for i in 0..30 {
        sets.push(dead(&app, &format!("set-{i:02}")).await);
    }
    let first = recommender.refresh().await.unwrap();
    assert_eq!((first.datasets, first.changed), (30, 30));
    let again = recommender.refresh().await.unwrap();
    assert_eq!((again.datasets, again.changed), (0, 0), "nothing has changed");
    let before = get(&app, &sets[3]).await;

    // A read of today and one that comes late, older than the last access: both are looked at, and nothing else is.
    clock.advance_micros(60 * Timestamp::SECOND);
    accesses(
        app.services(),
        &[
            (&sets[3], AccessOp::Read, 20 * TB, NOW),
            (&sets[4], AccessOp::Read, 20 * TB, days_ago(401)),
        ],
    )
    .await;
    let third = recommender.refresh().await.unwrap();
    assert_eq!(third.datasets, 2);
    let after = get(&app, &sets[3]).await;
    assert!(after.updated_at > before.updated_at);
    assert_eq!(
        (after.id, after.created_at),
        (before.id, before.created_at),
        "one recommendation in two versions"
    );
    assert!(!after.changed_because.is_empty() && after.changed_because != before.changed_because);

    // A day passes: every dataset is looked at, and what is dead is as dead as it was.
    clock.advance_micros(Timestamp::DAY);
    let other = get(&app, &sets[9]).await;
    assert_eq!(other.updated_at, NOW, "still the first version");
    let next_day = recommender.refresh().await.unwrap();
    assert_eq!(next_day.datasets, 30);
    assert!(next_day.changed <= 2, "{next_day:?}");

    // Another place to choose from concerns everyone.
    let nas = app.make("nas");
    let new = NewLocation {
        name: "nas".parse().unwrap(),
        uri: nas.parse().unwrap(),
        storage_classes: vec!["cold".parse().unwrap()],
        price_book: Some("local/nas".into()),
        credential_ref: None,
        endpoint: None,
        region: None,
        encryption_key_ref: None,
    };
    app.services().catalog.create_location(new).await.unwrap();
    let all = recommender.refresh().await.unwrap();
    assert_eq!((all.datasets, all.changed), (30, 30));
    let r = get(&app, &sets[9]).await;
    let there = r
        .alternatives
        .iter()
        .find(|a| a.placement.location_name.as_str() == "nas")
        .unwrap();
    // Readers and data are at the object store: leaving it costs $0.09 a GB once.
    assert!(there.one_time.as_ref().unwrap().sum_of(CostKind::Egress) > NanoUsd::from_usd(83.0));
}

#[tokio::test]
async fn the_list_is_in_the_order_of_net_savings_pages_to_its_end_and_is_filtered() {
    let (app, clock) = open().await;
    let mut sets = Vec::new();
    for i in 0..40_u64 {
        let set = create(&app, &format!("set-{i:02}"), (i / 4 + 1) * TB).await;
        // Every fourth has no history.
        if i % 4 != 0 {
            accesses(app.services(), &[(&set, AccessOp::Write, 1, days_ago(400))]).await;
        }
        sets.push(set);
    }
    let recommender = &app.services().recommender;
    recommender.refresh().await.unwrap();
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = recommender
            .list(&RecommendationFilter::default(), cursor.as_deref(), 7)
            .await
            .unwrap();
        assert_eq!(page.total, 40);
        seen.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut ids: Vec<_> = seen.iter().map(|r| r.dataset_id).collect();
    assert!(
        seen.windows(2)
            .all(|w| w[0].horizon_saving_nanousd >= w[1].horizon_saving_nanousd)
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 40, "each once");

    let count =
        async |filter: RecommendationFilter| recommender.list(&filter, None, 200).await.unwrap().total;
    let by = |action: &str| RecommendationFilter {
        action: Some(action.into()),
        ..RecommendationFilter::default()
    };
    assert_eq!(
        (
            count(by("move")).await,
            count(by("no_history")).await,
            count(by("stay")).await
        ),
        (30, 10, 0)
    );
    let name = RecommendationFilter {
        dataset: Some("set-05".into()),
        ..RecommendationFilter::default()
    };
    assert_eq!(count(name).await, 1);
    let place = |l: &str| RecommendationFilter {
        location: Some(l.into()),
        ..RecommendationFilter::default()
    };
    assert_eq!(
        (count(place("lake")).await, count(place("nowhere")).await),
        (40, 0)
    );

    // A snooze leaves the open ones and comes back when it is over.
    let open = || RecommendationFilter {
        review: Some("open".into()),
        ..RecommendationFilter::default()
    };
    let snooze = ReviewRequest {
        status: ReviewStatus::Snoozed,
        reason: None,
        until: Some(NOW.plus_micros(Timestamp::DAY)),
    };
    recommender
        .review(&DatasetKey::Id(sets[5].id), snooze)
        .await
        .unwrap();
    assert_eq!(count(open()).await, 29);
    let sums = app.services().overview.overview().await.unwrap();
    assert_eq!((sums.move_recommendation_count, sums.missed_count), (29, 1));
    assert!(sums.missed_saving_nanousd > NanoUsd::ZERO);
    clock.advance_micros(Timestamp::DAY + 1);
    assert_eq!(count(open()).await, 30);
    for bad in [
        by("fly"),
        RecommendationFilter {
            review: Some("maybe".into()),
            ..RecommendationFilter::default()
        },
    ] {
        assert!(matches!(
            recommender.list(&bad, None, 10).await,
            Err(ServiceError::Invalid { .. })
        ));
    }
    assert!(matches!(
        recommender.list(&open(), Some("s1.2"), 10).await,
        Err(ServiceError::Invalid { .. })
    ));
}

#[tokio::test]
async fn a_decision_holds_while_the_answer_is_the_same_and_not_longer() {
    let (app, clock) = open().await;
    let set = dead(&app, "dead").await;
    let key = DatasetKey::Id(set.id);
    let recommender = &app.services().recommender;
    let no_reason = ReviewRequest {
        status: ReviewStatus::Rejected,
        reason: Some("  ".into()),
        until: None,
    };
    assert_eq!(
        recommender.review(&key, no_reason).await.unwrap_err().code(),
        "reason_missing"
    );
    let past = ReviewRequest {
        status: ReviewStatus::Snoozed,
        reason: None,
        until: Some(NOW),
    };
    assert_eq!(
        recommender.review(&key, past).await.unwrap_err().code(),
        "until_is_past"
    );

    let reject = ReviewRequest {
        status: ReviewStatus::Rejected,
        reason: Some("legal hold".into()),
        until: None,
    };
    let reviewed = recommender.review(&key, reject).await.unwrap();
    assert!(reviewed.job.is_none());
    // New accesses and another day: another version, the same answer, the same decision.
    clock.advance_micros(40 * Timestamp::DAY);
    accesses(app.services(), &[(&set, AccessOp::Read, TB / 5, NOW)]).await;
    let r = get(&app, &set).await;
    assert!(r.updated_at > NOW, "a new version: {}", r.changed_because);
    assert_eq!(r.proposed.as_ref().unwrap().to_string(), "lake/GLACIER_IR");
    assert_eq!(
        (r.review.status, r.review.reason.as_deref()),
        (ReviewStatus::Rejected, Some("legal hold"))
    );
    // It is read all day long now: another answer, and nobody has decided about that one.
    let reads: Vec<_> = (0..40)
        .map(|d| (&set, AccessOp::Read, TB, NOW.plus_micros(d * Timestamp::DAY)))
        .collect();
    accesses(app.services(), &reads).await;
    let r = get(&app, &set).await;
    assert_eq!((r.action, r.review.status), (Action::Stay, ReviewStatus::Open));
    let nothing = ReviewRequest {
        status: ReviewStatus::Accepted,
        reason: None,
        until: None,
    };
    assert_eq!(
        recommender.review(&key, nothing).await.unwrap_err().code(),
        "nothing_proposed"
    );
}

#[tokio::test]
async fn accepting_queues_the_move_whose_plan_shows_the_same_money() {
    let (app, _) = open().await;
    let set = dead(&app, "dead").await;
    let file = app.dir.path().join("files/lake/dead/part-0");
    std::fs::write(&file, vec![7; 1000]).unwrap();
    let key = DatasetKey::Id(set.id);
    app.services().catalog.scan_dataset(&key).await.unwrap();
    let accept = ReviewRequest {
        status: ReviewStatus::Accepted,
        reason: None,
        until: None,
    };
    let tiny = app
        .services()
        .recommender
        .review(&key, accept.clone())
        .await
        .unwrap_err();
    assert_eq!(
        tiny.code(),
        "nothing_proposed",
        "a scan found a thousand bytes: not worth a move"
    );

    // A larger one, whose file only stands for it.
    let large = big_stand_in(&app).await;
    let key = DatasetKey::Id(large.id);
    let r = get(&app, &large).await;
    let dry = PlanRequest {
        dataset_id: key.clone(),
        target_location: app.uri("lake/GLACIER_IR/large"),
        storage_class: Some("GLACIER_IR".parse().unwrap()),
        dry_run: true,
        require_approval: false,
        options: data_in_motion::domain::migration::options::MoveOptions::default(),
    };
    let plan = app.services().mover.plan(dry).await.unwrap().plan;
    assert_eq!(Some(r.monthly_saving_nanousd), plan.monthly_saving_nanousd);
    assert_eq!(r.one_time_nanousd, plan.one_time_nanousd);

    let reviewed = app
        .services()
        .recommender
        .review(&key, accept.clone())
        .await
        .unwrap();
    let job = reviewed.job.unwrap();
    assert_eq!(job.target_class.as_str(), "GLACIER_IR");
    // It stands at the location's own name for it, so the other class has a directory of its own.
    assert_eq!(job.target_uri.to_string(), app.uri("lake/GLACIER_IR/large"));
    assert_eq!(job.forecast_saving_nanousd, Some(r.monthly_saving_nanousd));
    assert_eq!(reviewed.recommendation.review.status, ReviewStatus::Accepted);
    let r = get(&app, &large).await;
    assert_eq!(
        (r.action, r.review.status),
        (Action::Move, ReviewStatus::Accepted)
    );
    assert_eq!(r.reasons[0], Reason::JobRunning);
    let sums = app.services().overview.overview().await.unwrap();
    assert_eq!(
        sums.move_recommendation_count, 0,
        "it asks for no decision any more"
    );
    assert_eq!(
        app.services()
            .recommender
            .review(&key, accept)
            .await
            .unwrap_err()
            .code(),
        "job_exists"
    );
    let jobs = app
        .services()
        .mover
        .list_jobs(&JobFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(jobs.total, 1);
}

/// Ten terabytes at the location's own name for it, held by one small file.
async fn big_stand_in(app: &TestApp) -> Dataset {
    let uri = app.make("lake/large");
    std::fs::write(app.dir.path().join("files/lake/large/part-0"), vec![1; 5000]).unwrap();
    let known = data_in_motion::services::catalog::KnownDataset {
        new: NewDataset {
            name: "large".parse().unwrap(),
            path_uri: uri.parse().unwrap(),
            size_bytes: Some(Bytes(10 * TB)),
            storage_class: None,
            latency_limit_ms: None,
        },
        object_count: 5_000,
        created_at: days_ago(500),
        stand_in: true,
    };
    let catalog = &app.services().catalog;
    let id = catalog.create_datasets(vec![known]).await.unwrap()[0];
    let set = catalog.find_dataset(&DatasetKey::Id(id)).await.unwrap();
    accesses(app.services(), &[(&set, AccessOp::Write, TB, days_ago(400))]).await;
    set
}

#[tokio::test]
async fn a_new_answer_is_news_on_the_live_channel_and_the_same_answer_is_none() {
    let (app, _) = open().await;
    let set = dead(&app, "dead").await;
    create(&app, "unknown", TB).await;
    app.services().recommender.refresh().await.unwrap();
    app.services().recommender.refresh().await.unwrap();
    get(&app, &set).await;
    let mut subscriber = app.services().live.subscriber(Resume::Snapshot);
    subscriber.subscribe(Stream::Recommendations, None, None);
    let Outgoing::Snapshot(LiveMessage::Snapshot { items, .. }) = subscriber.next().await.unwrap() else {
        panic!("a snapshot comes first")
    };
    let [DomainEvent::Recommendation(news)] = &items[..] else {
        panic!("{items:?}")
    };
    assert_eq!((news.dataset_id, news.action.as_str()), (set.id, "move"));
    assert_eq!(news.proposed.as_deref(), Some("lake/GLACIER_IR"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_and_the_command_line_tell_the_same() {
    let (app, _) = open().await;
    let set = dead(&app, "dead").await;
    create(&app, "unknown", TB).await;
    app.services().recommender.refresh().await.unwrap();
    let url = app.listen().await;
    let api = Api::new(&url);
    let mut one = api.get("/api/v1/recommendations/dead").await.json();
    assert_eq!(
        one.as_object_mut().unwrap().remove("outcomes"),
        Some(serde_json::json!([]))
    );
    assert_eq!(one["proposed"]["storage_class"], "GLACIER_IR");
    let list = api
        .get("/api/v1/recommendations?action=move&limit=1")
        .await
        .json();
    for (key, value) in list["items"][0].as_object().unwrap() {
        assert_eq!(&one[key], value, "{key}");
    }
    assert_eq!(
        (&list["total"], &list["next_cursor"]),
        (&1.into(), &serde_json::Value::Null)
    );
    assert_eq!(
        api.get("/api/v1/recommendations?action=fly").await.code(),
        "bad_filter"
    );
    assert_eq!(
        api.get("/api/v1/recommendations/nobody").await.code(),
        "not_found"
    );

    let id = set.id.to_string();
    let ran = dim(&url, &["recommendations", "--dataset-id", &id]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    for told in [
        "Move to lake/GLACIER_IR: saves $17.70 a month, costs $5.00 once, pays for itself in 9 days",
        "lake/STANDARD beside lake/GLACIER_IR",
        "Source kept for undo",
        "$0.004 per GiB-month × 90 days",
        "first byte after 12 h, the limit is 1 min",
        "% that it pays (not calibrated yet: drawn futures, ",
    ] {
        assert!(ran.out.contains(told), "{told:?} is missing in\n{}", ran.out);
    }
    let ran = dim(&url, &["recommendations"]).await;
    let rows: Vec<&str> = ran.out.lines().collect();
    assert!(
        rows[1].contains("dead") && rows[2].contains("no history"),
        "{}",
        ran.out
    );
    let ran = dim(&url, &["recommendations", "-o", "csv"]).await;
    assert!(
        ran.out.starts_with("dataset_id,dataset,action,current,proposed,"),
        "{}",
        ran.out
    );

    let ran = dim(
        &url,
        &["recommendations", "reject", "dead", "--reason", "legal hold"],
    )
    .await;
    assert!(
        ran.out.contains("dead: rejected (legal hold)"),
        "{}{}",
        ran.out,
        ran.err
    );
    let ran = dim(
        &url,
        &["recommendations", "snooze", "--dataset-id", &id, "--days", "5"],
    )
    .await;
    assert!(ran.out.contains("snoozed until 2026-"), "{}{}", ran.out, ran.err);
    let ran = dim(&url, &["recommendations", "--review", "snoozed", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(listed["items"][0]["dataset_name"], "dead");
    let ran = dim(&url, &["recommendations", "reopen", "dead"]).await;
    assert!(ran.out.contains("dead: open"), "{}{}", ran.out, ran.err);
    let ran = dim(&url, &["recommendations", "accept", "dead"]).await;
    assert_eq!(ran.code, 5, "no files are there: {}{}", ran.out, ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datasets_backtest_gives_the_figures_of_the_command_on_its_own_history() {
    let (app, _) = open().await;
    let set = create(&app, "read", TB).await;
    let mut events = vec![(&set, AccessOp::Write, TB, days_ago(95))];
    for d in [90, 89, 50, 3] {
        for part in [TB / 3, TB / 7] {
            events.push((&set, AccessOp::Read, part, days_ago(d)));
        }
    }
    accesses(app.services(), &events).await;
    let url = app.listen().await;
    let api = Api::new(&url);
    let told = api.get("/api/v1/datasets/read/backtest").await.json();

    let history = app.dir.path().join("events.csv");
    let mut text = String::from("unix_time,object_id,op,size_bytes\n");
    for (_, op, bytes, at) in &events {
        let op = if *op == AccessOp::Read { "GET" } else { "PUT" };
        text.push_str(&format!("{},read,{op},{bytes}\n", at.unix_secs()));
    }
    std::fs::write(&history, text).unwrap();
    let objects = app.dir.path().join("objects.csv");
    std::fs::write(
        &objects,
        format!(
            "object_id,size_bytes,n_files,created_unix\nread,{TB},1,{}\n",
            NOW.unix_secs()
        ),
    )
    .unwrap();
    let ran = dim(
        &url,
        &[
            "backtest",
            "--events",
            history.to_str().unwrap(),
            "--objects",
            objects.to_str().unwrap(),
            "--prices",
            "aws",
            "--json",
        ],
    )
    .await;
    let by_command: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told, by_command);
    let mut drawn = api.get("/api/v1/datasets/read/backtest?course=true").await.json();
    let course = drawn.as_object_mut().unwrap().remove("course").unwrap();
    assert_eq!(drawn, by_command, "the same figures, and how they add up");
    for name in [
        "actual",
        "recommended",
        "managed:INTELLIGENT_TIERING",
        "best-fixed-hindsight",
        "optimum",
    ] {
        let find = |list: &serde_json::Value| {
            list.as_array()
                .unwrap()
                .iter()
                .find(|c| c["name"] == name)
                .cloned()
        };
        let curve = find(&course["curves"]).unwrap_or_else(|| panic!("{name}: {course}"));
        let end = curve["usd"].as_array().unwrap().last().unwrap().as_f64().unwrap();
        // It was never moved, so that what was done is what the class it stands in costs.
        let policy = find(&by_command["policies"]).or_else(|| {
            let all = by_command["policies"].as_array().unwrap();
            all.iter().find(|p| p["name"] == "always-hot").cloned()
        });
        let usd = policy.unwrap()["usd"].as_f64().unwrap();
        assert!((end - usd).abs() < 1e-9 * usd, "{name}: {end} is not {usd}");
    }
    // The page asks for it when it is wanted, for the whole dataset.
    let page = reqwest::get(format!("{url}/datasets/read"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("?backtest=1#backtest"));
    let whole = api.get("/api/fn/backtest?dataset=read").await.json();
    assert_eq!(
        (&whole["weight"], &whole["course"]["days"]),
        (&"dollar".into(), &course["days"])
    );

    // One more access: a program hears of it at once, a page that follows the dataset is not replayed for each.
    accesses(app.services(), &[(&set, AccessOp::Read, TB, days_ago(2))]).await;
    let after = api.get("/api/v1/datasets/read/backtest").await.json();
    assert_ne!(after, told);
    assert_eq!(api.get("/api/fn/backtest?dataset=read").await.json(), whole);
    assert_eq!(api.get("/api/v1/datasets/read/backtest").await.json(), after);

    let unknown = api.get("/api/v1/datasets/read/backtest?prices=mars").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "not_found"));
    create(&app, "unread", TB).await;
    assert_eq!(
        api.get("/api/v1/datasets/unread/backtest").await.code(),
        "no_history"
    );
}
