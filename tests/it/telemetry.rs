//! Stories of access events: what is taken, what is refused, what is counted once, and what waits.

use crate::app::TestApp;
use data_in_motion::adapters::sql::{Conn, Db, Store};
use data_in_motion::domain::access::{AccessBucket, AccessEvent, AccessOp, DatasetKey, IngestReport};
use data_in_motion::domain::dataset::NewDataset;
use data_in_motion::domain::event::{AccessLogged, DomainEvent, Stream};
use data_in_motion::domain::id::DatasetId;
use data_in_motion::domain::unit::{Bytes, Timestamp};
use data_in_motion::services::{ServiceError, Services};
use proptest::prelude::*;
use sqlx::Row;
use sqlx::pool::PoolConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server with `count` datasets `set-1`, `set-2`, …
pub async fn app_with(count: usize) -> TestApp {
    let app = TestApp::open().await;
    app.make("sets");
    for n in 1..=count {
        let new = NewDataset {
            name: format!("set-{n}").parse().unwrap(),
            path_uri: app.uri(&format!("sets/set-{n}")).parse().unwrap(),
            size_bytes: Some(Bytes(1_000_000)),
            storage_class: None,
            latency_limit_ms: None,
        };
        app.services().catalog.create_dataset(new).await.unwrap();
    }
    app
}

fn read(dataset: i64, size: u64) -> AccessEvent {
    AccessEvent {
        event_id: None,
        producer: None,
        sequence: None,
        dataset_id: DatasetKey::Id(DatasetId(dataset)),
        op: AccessOp::Read,
        size_bytes: Bytes(size),
        client_lat_ms: None,
        client_region: None,
        occurred_at: None,
    }
}

pub fn numbered(producer: &str, sequence: i64) -> AccessEvent {
    AccessEvent {
        producer: Some(producer.into()),
        sequence: Some(sequence),
        ..read(1, 10)
    }
}

pub fn named(id: &str) -> AccessEvent {
    AccessEvent {
        event_id: Some(id.into()),
        ..read(1, 10)
    }
}

pub async fn ingest(services: &Services, events: Vec<AccessEvent>) -> IngestReport {
    let lines = (1..).zip(events.into_iter().map(Ok)).collect();
    services.telemetry.ingest(lines).await.unwrap()
}

fn figures(report: &IngestReport) -> (i64, i64, i64, i64) {
    (
        report.received,
        report.accepted,
        report.duplicates,
        report.rejected,
    )
}

/// The database file, looked at from outside the server.
pub async fn database(data_dir: &Path) -> PoolConnection<Db> {
    let store = Store::open(&data_dir.join("dim.sqlite")).await.unwrap();
    store.reader().await.unwrap()
}

/// Reads, writes, their bytes, the latencies and how many there are.
pub type Sums = (i64, i64, i64, i64, i64, i64);

async fn sums(db: &mut Conn, sql: &'static str) -> BTreeMap<(i64, i64), Sums> {
    let rows = sqlx::query(sql).fetch_all(db).await.unwrap();
    rows.iter()
        .map(|row| {
            let n = |i: usize| row.get::<i64, _>(i);
            ((n(0), n(1)), (n(2), n(3), n(4), n(5), n(6), n(7)))
        })
        .collect()
}

/// Sums by dataset and hour as they are kept, and as the raw rows have them.
pub async fn kept_and_raw(db: &mut Conn) -> (BTreeMap<(i64, i64), Sums>, BTreeMap<(i64, i64), Sums>) {
    let kept = sums(
        db,
        "SELECT dataset_id, hour, reads, writes, read_bytes, write_bytes, latency_sum, latency_count FROM access_rollups",
    )
    .await;
    let raw = sums(
        db,
        "SELECT dataset_id, occurred_at / 3600000000 * 3600000000, CAST(SUM(1 - op) AS BIGINT), CAST(SUM(op) AS BIGINT), \
         CAST(SUM(CASE op WHEN 0 THEN size_bytes ELSE 0 END) AS BIGINT), \
         CAST(SUM(CASE op WHEN 1 THEN size_bytes ELSE 0 END) AS BIGINT), \
         CAST(COALESCE(SUM(latency_us), 0) AS BIGINT), COUNT(latency_us) FROM access_events GROUP BY 1, 2",
    )
    .await;
    (kept, raw)
}

pub async fn total(db: &mut Conn) -> i64 {
    sqlx::query_scalar("SELECT events FROM access_totals")
        .fetch_one(db)
        .await
        .unwrap()
}

async fn logged(services: &Services) -> Vec<AccessLogged> {
    let (_, events) = services.live.latest(Stream::Access, 1000).await.unwrap();
    let access = |event| match event {
        DomainEvent::AccessEvent(event) => event,
        other => panic!("{other:?}"),
    };
    events.into_iter().map(access).collect()
}

#[tokio::test]
async fn an_event_is_in_the_history_the_list_and_the_log_when_it_is_acknowledged() {
    let app = app_with(2).await;
    let at = Timestamp::parse_rfc3339("2026-02-03T04:59:59.5Z").unwrap();
    let events = vec![
        AccessEvent {
            client_lat_ms: Some(11.4),
            occurred_at: Some(at),
            ..read(1, 8192)
        },
        AccessEvent {
            client_lat_ms: Some(8.6),
            occurred_at: Some(at.plus_micros(Timestamp::SECOND)),
            ..read(1, 1000)
        },
        AccessEvent {
            op: AccessOp::Write,
            dataset_id: DatasetKey::Name("set-2".into()),
            occurred_at: Some(at),
            ..read(0, 77)
        },
    ];
    assert_eq!(figures(&ingest(app.services(), events).await), (3, 3, 0, 0));

    let telemetry = &app.services().telemetry;
    let since = Some(at.plus_micros(-Timestamp::DAY));
    let hours = telemetry.history(DatasetId(1), since, false).await.unwrap();
    let starts: Vec<String> = hours.iter().map(|h| h.start.to_string()).collect();
    assert_eq!(starts, ["2026-02-03T04:00:00Z", "2026-02-03T05:00:00Z"]);
    let days = telemetry.history(DatasetId(1), since, true).await.unwrap();
    let day = AccessBucket {
        start: Timestamp::parse_rfc3339("2026-02-03T00:00:00Z").unwrap(),
        reads: 2,
        writes: 0,
        read_bytes: Bytes(9192),
        write_bytes: Bytes(0),
        latency_sum_us: 20_000,
        latency_count: 2,
    };
    assert_eq!(days, [day]);

    let detail = app
        .services()
        .catalog
        .get_dataset(&DatasetKey::Id(DatasetId(1)))
        .await
        .unwrap();
    assert_eq!(
        detail.summary.last_access_at,
        Some(at.plus_micros(Timestamp::SECOND))
    );
    let second = app
        .services()
        .catalog
        .find_dataset(&DatasetKey::Id(DatasetId(2)))
        .await
        .unwrap();
    assert_eq!(
        (second.size_bytes, second.generation),
        (Bytes(1_000_000), 1),
        "a write changes no size"
    );

    let log = logged(app.services()).await;
    let shown: Vec<_> = log
        .iter()
        .map(|e| {
            (
                e.dataset_name.as_deref(),
                e.op,
                e.count,
                e.size_bytes.0,
                e.client_lat_us,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (Some("set-1"), AccessOp::Read, 2, 9192, Some(10_000)),
            (Some("set-2"), AccessOp::Write, 1, 77, None),
        ]
    );
    assert_eq!(log[0].updated_at, at.unix_secs() + 1);
}

#[tokio::test]
async fn many_datasets_at_once_are_one_line_of_the_log() {
    let app = app_with(25).await;
    let events = (1..=25).flat_map(|n| {
        let write = AccessEvent {
            op: AccessOp::Write,
            ..read(n, 7)
        };
        [read(n, 10), read(n, 5), write]
    });
    ingest(app.services(), events.collect()).await;
    let shown: Vec<_> = logged(app.services())
        .await
        .iter()
        .map(|e| {
            (
                e.dataset_id,
                e.dataset_name.clone(),
                e.op,
                e.count,
                e.size_bytes.0,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (None, None, AccessOp::Read, 50, 375),
            (None, None, AccessOp::Write, 25, 175)
        ]
    );
}

#[tokio::test]
async fn a_history_of_few_datasets_is_a_line_a_transaction_and_may_be_loaded_again() {
    let app = app_with(2).await;
    let history = || {
        (0..12_000).map(|n| AccessEvent {
            dataset_id: DatasetKey::Id(DatasetId(1 + n % 3)),
            occurred_at: Some(Timestamp(1_700_000_000_000_000 + n * Timestamp::SECOND * 60)),
            ..numbered("past", n)
        })
    };
    let report = app.services().telemetry.load(history()).await.unwrap();
    assert_eq!(
        figures(&report),
        (12_000, 8_000, 0, 4_000),
        "the third dataset does not exist"
    );
    let lines: Vec<i64> = report.errors.iter().map(|e| e.line).collect();
    assert_eq!((lines.len(), lines[0], lines[99]), (100, 3, 300));
    let log: Vec<_> = logged(app.services())
        .await
        .iter()
        .map(|e| (e.dataset_id, e.count))
        .collect();
    assert_eq!(log, [(None, 6667), (None, 1333)]);
    let again = app.services().telemetry.load(history()).await.unwrap();
    assert_eq!(figures(&again), (12_000, 0, 8_000, 4_000));
    let mut db = app.store().await.reader().await.unwrap();
    let (kept, raw) = kept_and_raw(&mut db).await;
    assert_eq!(kept, raw);
}

#[tokio::test]
async fn an_identity_is_counted_once_in_a_batch_between_batches_and_over_restarts() {
    let mut app = app_with(1).await;
    let first = vec![
        numbered("p", 1),
        numbered("p", 2),
        numbered("p", 1),
        named("a"),
        named("a"),
        numbered("q", 1),
    ];
    assert_eq!(figures(&ingest(app.services(), first).await), (6, 4, 2, 0));
    for restart in [false, true] {
        if restart {
            app = app.restart().await;
        }
        let again = vec![numbered("p", 1), numbered("p", 2), named("a"), numbered("q", 1)];
        assert_eq!(figures(&ingest(app.services(), again).await), (4, 0, 4, 0));
    }
    // Either identity suffices, and both are remembered.
    let both = |id: &str, sequence| AccessEvent {
        event_id: Some(id.into()),
        ..numbered("p", sequence)
    };
    let mixed = vec![
        both("b", 2),
        both("a", 3),
        both("c", 4),
        named("c"),
        numbered("p", 4),
    ];
    assert_eq!(figures(&ingest(app.services(), mixed).await), (5, 1, 4, 0));
    // Without an identity every event is its own.
    assert_eq!(
        figures(&ingest(app.services(), vec![read(1, 1), read(1, 1)]).await),
        (2, 2, 0, 0)
    );
    let mut db = app.store().await.reader().await.unwrap();
    assert_eq!(total(&mut db).await, 7);
}

#[tokio::test]
async fn a_producer_that_counts_in_order_takes_one_row() {
    let app = app_with(1).await;
    for from in [0, 2000, 1000] {
        let batch = (from..from + 1000).map(|n| numbered("p", n)).collect();
        assert_eq!(ingest(app.services(), batch).await.accepted, 1000);
    }
    // Far apart, in no order, up to the largest.
    let far = vec![
        numbered("p", i64::MAX - 1),
        numbered("p", 5_000_000),
        numbered("p", 5_000_000),
    ];
    assert_eq!(ingest(app.services(), far.clone()).await.accepted, 2);
    assert_eq!(ingest(app.services(), far).await.accepted, 0);
    let mut db = app.store().await.reader().await.unwrap();
    let runs = sqlx::query("SELECT first_sequence, last_sequence FROM access_runs ORDER BY 1")
        .fetch_all(&mut *db)
        .await
        .unwrap();
    let runs: Vec<(i64, i64)> = runs.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        runs,
        [(0, 2999), (5_000_000, 5_000_000), (i64::MAX - 1, i64::MAX - 1)]
    );
}

#[tokio::test]
async fn bad_lines_are_named_and_the_good_ones_count() {
    let app = app_with(1).await;
    let future = Timestamp(i64::MAX / 2);
    let unknown = |key| AccessEvent {
        dataset_id: key,
        ..numbered("p", 9)
    };
    let lines = vec![
        (1, Ok(read(1, 5))),
        (3, Err("no JSON at all".to_owned())),
        (4, Ok(unknown(DatasetKey::Id(DatasetId(99))))),
        (
            5,
            Ok(AccessEvent {
                occurred_at: Some(future),
                ..read(1, 5)
            }),
        ),
        (6, Ok(unknown(DatasetKey::Name("nobody".into())))),
        (
            7,
            Ok(AccessEvent {
                dataset_id: DatasetKey::Name(" 1 ".into()),
                ..read(1, 6)
            }),
        ),
        (
            8,
            Ok(AccessEvent {
                size_bytes: Bytes(u64::MAX),
                ..read(1, 0)
            }),
        ),
    ];
    let report = app.services().telemetry.ingest(lines).await.unwrap();
    assert_eq!(figures(&report), (7, 2, 0, 5));
    let errors: Vec<_> = report
        .errors
        .iter()
        .map(|e| (e.line, e.code.as_str(), e.reason.as_str()))
        .collect();
    assert_eq!(errors[0], (3, "unreadable", "no JSON at all"));
    assert_eq!(errors[1], (4, "unknown_dataset", "there is no dataset \"99\""));
    assert!(errors[2].0 == 5 && errors[2].2.contains("future"), "{errors:?}");
    assert_eq!(
        errors[3],
        (6, "unknown_dataset", "there is no dataset \"nobody\"")
    );
    assert_eq!((errors[4].0, errors[4].1), (8, "invalid_event"));
    // What was refused was not counted: once it is right, it is new.
    assert_eq!(ingest(app.services(), vec![numbered("p", 9)]).await.accepted, 1);
    // No more than a hundred are listed.
    let many = (1..=150).map(|n| (n, Err("x".into()))).collect();
    let report = app.services().telemetry.ingest(many).await.unwrap();
    assert_eq!((report.rejected, report.errors.len()), (150, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_producers_share_transactions_and_lose_nothing() {
    let app = app_with(3).await;
    let store = app.store().await;
    let mut db = store.reader().await.unwrap();
    // While somebody else writes, all of them queue up.
    let held = store.write().await.unwrap();
    let mut posts = tokio::task::JoinSet::new();
    let begun = Arc::new(AtomicUsize::new(0));
    for producer in 0..40 {
        for sequence in 0..5 {
            let services = app.services().clone();
            // Every event is sent twice at the same time, as an impatient client does.
            for _ in 0..2 {
                let (services, begun) = (services.clone(), begun.clone());
                let event = AccessEvent {
                    dataset_id: DatasetKey::Id(DatasetId(1 + producer % 3)),
                    ..numbered(&format!("p{producer}"), sequence)
                };
                posts.spawn(async move {
                    begun.fetch_add(1, Ordering::Relaxed);
                    ingest(&services, vec![event]).await
                });
            }
        }
    }
    while begun.load(Ordering::Relaxed) < 400 {
        tokio::task::yield_now().await;
    }
    held.rollback().await.unwrap();
    let reports = posts.join_all().await;
    let accepted: i64 = reports.iter().map(|r| r.accepted).sum();
    let duplicates: i64 = reports.iter().map(|r| r.duplicates).sum();
    assert_eq!((accepted, duplicates), (200, 200));
    assert_eq!(total(&mut db).await, 200);
    let log = logged(app.services()).await;
    assert_eq!(log.iter().map(|e| e.count).sum::<i64>(), 200);
    assert!(
        log.len() < 100,
        "{} lines of log: the posts did not share transactions",
        log.len()
    );
    let (kept, raw) = kept_and_raw(&mut db).await;
    assert_eq!(kept, raw);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_may_wait_is_refused_and_what_waits_is_counted() {
    let app = app_with(1).await;
    let store = app.store().await;
    let mut db = store.reader().await.unwrap();
    let held = store.write().await.unwrap();
    let batch = |producer: &str| -> Vec<_> { (1..=50_000).map(|n| (n, Ok(numbered(producer, n)))).collect() };
    let mut posts = tokio::task::JoinSet::new();
    // One is being written and two wait at most: nobody else can end before the database is free.
    for producer in ["a", "b", "c", "d"] {
        let (services, lines) = (app.services().clone(), batch(producer));
        posts.spawn(async move { services.telemetry.ingest(lines).await });
    }
    let refused = posts.join_next().await.unwrap().unwrap().unwrap_err();
    assert!(matches!(refused, ServiceError::Unavailable { .. }), "{refused:?}");
    assert!(
        refused.to_string().contains("nothing of this batch was counted"),
        "{refused}"
    );
    held.rollback().await.unwrap();
    let counted: Vec<_> = posts.join_all().await.into_iter().flatten().collect();
    assert!((2..=3).contains(&counted.len()), "{counted:?}");
    assert!(counted.iter().all(|report| report.accepted == 50_000));
    assert_eq!(
        total(&mut db).await,
        50_000 * i64::try_from(counted.len()).unwrap()
    );
    let too_many = (1..=50_001).map(|n| (n, Ok(numbered("d", n)))).collect();
    let refused = app.services().telemetry.ingest(too_many).await.unwrap_err();
    assert_eq!(refused.code(), "too_many_events");
}

#[tokio::test]
async fn a_history_of_more_spans_than_anybody_reads_is_refused() {
    let app = app_with(1).await;
    let telemetry = &app.services().telemetry;
    let error = telemetry
        .history(DatasetId(1), Some(Timestamp(0)), false)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "span_too_long");
    assert!(
        telemetry
            .history(DatasetId(1), None, false)
            .await
            .unwrap()
            .is_empty()
    );
}

#[derive(Clone, Debug)]
struct Drawn {
    dataset: i64,
    write: bool,
    size: u64,
    latency: Option<f64>,
    hour: i64,
    identity: u8,
    number: i64,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (
        1_i64..5,
        any::<bool>(),
        0_u64..1000,
        prop::option::of(0.0..50.0_f64),
        0_i64..30,
        0_u8..4,
        0_i64..25,
    )
        .prop_map(|(dataset, write, size, latency, hour, identity, number)| Drawn {
            dataset,
            write,
            size,
            latency,
            hour,
            identity,
            number,
        })
}

impl Drawn {
    fn event(&self) -> AccessEvent {
        let base = match self.identity {
            0 => read(1, 1),
            1 => named(&format!("id-{}", self.number)),
            _ => numbered(["p", "q"][usize::from(self.identity % 2)], self.number),
        };
        AccessEvent {
            dataset_id: DatasetKey::Id(DatasetId(self.dataset)),
            op: if self.write {
                AccessOp::Write
            } else {
                AccessOp::Read
            },
            size_bytes: Bytes(self.size),
            client_lat_ms: self.latency,
            occurred_at: Some(Timestamp(1_700_000_000_000_000 + self.hour * Timestamp::HOUR / 2)),
            ..base
        }
    }

    fn identity(&self) -> Option<(u8, i64)> {
        (self.identity > 0).then_some((self.identity, self.number))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn sums_by_hour_are_the_sums_of_the_raw_events(
        batches in prop::collection::vec(prop::collection::vec(drawn(), 0..60), 1..6)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let app = app_with(3).await;
            let batches_sent = batches.iter().map(|batch| {
                let events: Vec<_> = batch.iter().map(Drawn::event).collect();
                ingest(app.services(), events)
            });
            let reports = futures::future::join_all(batches_sent).await;
            // The fourth dataset does not exist.
            let known = || batches.iter().flatten().filter(|d| d.dataset <= 3);
            let distinct: BTreeSet<_> = known().filter_map(Drawn::identity).collect();
            let nameless = known().filter(|d| d.identity == 0).count();
            let expected = i64::try_from(distinct.len() + nameless).unwrap();
            let sum = |f: fn(&IngestReport) -> i64| reports.iter().map(f).sum::<i64>();
            let mut db = app.store().await.reader().await.unwrap();
            assert_eq!((sum(|r| r.accepted), total(&mut db).await), (expected, expected));
            let all = batches.iter().map(Vec::len).sum::<usize>();
            assert_eq!(sum(|r| r.accepted + r.duplicates + r.rejected), i64::try_from(all).unwrap());
            let (kept, raw) = kept_and_raw(&mut db).await;
            assert_eq!(kept, raw);
            let latest: BTreeMap<i64, Option<i64>> = sqlx::query("SELECT id, last_access_at FROM datasets")
                .fetch_all(&mut *db).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
            let newest: BTreeMap<i64, Option<i64>> = sqlx::query(
                "SELECT d.id, MAX(e.occurred_at) FROM datasets d LEFT JOIN access_events e ON e.dataset_id = d.id GROUP BY 1",
            ).fetch_all(&mut *db).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
            assert_eq!(latest, newest);
        });
    }
}
