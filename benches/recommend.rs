//! How long a fleet's recommendations take: the first look at every dataset, a look at nothing new, a look after a few accesses, the
//! day after, and a page of the list, beside solving the same fleet in memory without any database.
//!
//! `scripts/bench.sh recommend` builds for release and runs it in one process over a fresh database. `--datasets N`, `--events N`.

use data_in_motion::adapters::inproc::clock::ManualClock;
use data_in_motion::config::Resolved;
use data_in_motion::domain::access::{AccessBucket, AccessEvent, AccessOp, DatasetKey};
use data_in_motion::domain::dataset::{Dataset, NewDataset};
use data_in_motion::domain::id::DatasetId;
use data_in_motion::domain::location::{NewLocation, Tier};
use data_in_motion::domain::price::transfer::Priced;
use data_in_motion::domain::recommendation::problem::{Candidate, Problem};
use data_in_motion::domain::recommendation::solve::solve;
use data_in_motion::domain::recommendation::{Action, PlacementRef, RecommendationFilter};
use data_in_motion::domain::unit::{Bytes, Timestamp};
use data_in_motion::domain::workload::Draw;
use data_in_motion::server::App;
use data_in_motion::services::Services;
use data_in_motion::services::catalog::KnownDataset;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Days that the history spans.
const DAYS: u64 = 730;
const NOW: Timestamp = Timestamp(1_790_000_000 * Timestamp::SECOND);
/// Directories and the prices that stand for them: six placements.
const PLACES: [(&str, &str, &[&str]); 3] = [
    (
        "lake",
        "aws/us-east-1",
        &["STANDARD", "STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING"],
    ),
    ("nvme", "local/nvme", &["hot"]),
    ("nas", "local/nas", &["warm"]),
];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let flag = |name: &str, default: u64| {
        let mut args = std::env::args().skip_while(|arg| arg != name);
        args.nth(1).map_or(Ok(default), |text| text.parse::<u64>())
    };
    let (datasets, events) = (flag("--datasets", 7_141)?, flag("--events", 78_358)?);
    let dir = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::at(NOW));
    let app = open(dir.path(), clock.clone()).await?;
    let services = &app.services;
    let ids = fill(services, dir.path(), datasets, events).await?;
    say(&format!(
        "{datasets} datasets, {events} events over {DAYS} days, 6 placements"
    ));

    let first = timed("first look at every dataset", services.recommender.refresh()).await?;
    say(&format!(
        "  {} looked at, {} stored",
        first.datasets, first.changed
    ));
    timed("nothing new", services.recommender.refresh()).await?;
    for id in ids.iter().take(10) {
        services
            .telemetry
            .ingest(vec![(1, Ok(read(*id, 1_000_000_000, NOW)))])
            .await?;
    }
    let few = timed("after accesses to ten", services.recommender.refresh()).await?;
    say(&format!("  {} looked at, {} stored", few.datasets, few.changed));
    clock.advance_micros(Timestamp::DAY);
    let next = timed("the day after", services.recommender.refresh()).await?;
    say(&format!("  {} looked at, {} stored", next.datasets, next.changed));

    let filter = RecommendationFilter {
        action: Some("move".into()),
        ..RecommendationFilter::default()
    };
    let mut cursor = None;
    for n in 1..=3 {
        let page = timed(
            &format!("page {n} of 50 by net saving"),
            services.recommender.list(&filter, cursor.as_deref(), 50),
        )
        .await?;
        cursor = page.next_cursor;
    }
    timed(
        "one recommendation",
        services.recommender.get(&DatasetKey::Id(ids[0])),
    )
    .await?;
    timed("sums of the first page", services.overview.overview()).await?;

    let set = services.catalog.find_dataset(&DatasetKey::Id(ids[0])).await?;
    let alone = in_memory(&set, datasets, events)?;
    say(&format!(
        "{:<36} {:>9.1} ms",
        "solving alone, in memory",
        millis(alone)
    ));
    say(&format!(
        "ratio of the first look to solving alone {:>5.1}",
        first.took.as_secs_f64() / alone.as_secs_f64()
    ));
    app.close().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

async fn timed<T, E>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let began = Instant::now();
    let done = work.await;
    say(&format!("{what:<36} {:>9.1} ms", millis(began.elapsed())));
    done
}

async fn open(dir: &Path, clock: Arc<ManualClock>) -> Result<App, Failure> {
    let flags: BTreeMap<&'static str, String> =
        [("data_dir", dir.join("data").to_string_lossy().into_owned())].into();
    let settings = Resolved::load(&flags, |_| None, &dir.join("none.toml"))?.settings()?;
    Ok(App::open(&settings, clock).await?)
}

fn read(id: DatasetId, bytes: u64, at: Timestamp) -> AccessEvent {
    AccessEvent {
        event_id: None,
        producer: None,
        sequence: None,
        dataset_id: DatasetKey::Id(id),
        op: AccessOp::Read,
        size_bytes: Bytes(bytes),
        client_lat_ms: None,
        client_region: None,
        occurred_at: Some(at),
    }
}

fn some_day(draw: &mut Draw) -> Timestamp {
    let days = i64::try_from(draw.below(DAYS)).unwrap_or(0);
    NOW.plus_micros(-days * Timestamp::DAY)
}

async fn fill(
    services: &Services,
    dir: &Path,
    datasets: u64,
    events: u64,
) -> Result<Vec<DatasetId>, Failure> {
    for (name, book, classes) in PLACES {
        let root = dir.canonicalize()?.join(name);
        std::fs::create_dir(&root)?;
        let new = NewLocation {
            name: name.parse()?,
            uri: format!("file://{}", root.display()).parse()?,
            storage_classes: classes.iter().map(|c| c.parse()).collect::<Result<_, _>>()?,
            price_book: Some(book.into()),
            credential_ref: None,
            endpoint: None,
            region: None,
            encryption_key_ref: None,
        };
        services.catalog.create_location(new).await?;
    }
    let mut draw = Draw::new(1, 1);
    let lake = dir.canonicalize()?.join("lake");
    let set = |i: u64, draw: &mut Draw| -> Result<KnownDataset, Failure> {
        Ok(KnownDataset {
            new: NewDataset {
                name: format!("set-{i}").parse()?,
                path_uri: format!("file://{}/landed/set-{i}", lake.display()).parse()?,
                size_bytes: Some(Bytes(draw.log_between(1, 10_000) * 1_000_000_000)),
                storage_class: None,
                latency_limit_ms: None,
            },
            object_count: i64::try_from(draw.between(1, 5_000)).unwrap_or(1),
            created_at: some_day(draw),
            stand_in: true,
        })
    };
    let sets = (0..datasets)
        .map(|i| set(i, &mut draw))
        .collect::<Result<_, _>>()?;
    let ids = services.catalog.create_datasets(sets).await?;
    let of = |draw: &mut Draw| ids[usize::try_from(draw.below(datasets)).unwrap_or(0)];
    let past: Vec<_> = (0..events)
        .map(|_| {
            read(
                of(&mut draw),
                draw.log_between(1, 10_000) * 100_000_000,
                some_day(&mut draw),
            )
        })
        .collect();
    services.telemetry.load(past).await?;
    Ok(ids)
}

/// The same number of datasets, candidates and days of reads, solved one after the other.
fn in_memory(set: &Dataset, datasets: u64, events: u64) -> Result<Duration, Failure> {
    let books = data_in_motion::adapters::prices::load(None)?;
    let mut candidates = Vec::new();
    for (i, (name, book, classes)) in (1..).zip(PLACES) {
        let book = books.find(book).ok_or("a built-in book")?;
        for class in classes {
            candidates.push(Candidate {
                placement: PlacementRef {
                    location_id: data_in_motion::domain::id::LocationId(i),
                    location_name: name.parse()?,
                    storage_class: class.parse()?,
                    tier: Tier::Hot,
                    managed: false,
                },
                at: Priced::find(book, class),
                price_book: &book.name,
                has_transitions: false,
                forbidden: None,
            });
        }
    }
    let mut draw = Draw::new(2, 2);
    let each = usize::try_from((events / datasets.max(1)).max(1))?;
    let days: Vec<Vec<AccessBucket>> = (0..datasets)
        .map(|_| {
            let bucket = |draw: &mut Draw| AccessBucket {
                start: some_day(draw),
                reads: 1,
                read_bytes: Bytes(draw.log_between(1, 10_000) * 100_000_000),
                ..AccessBucket::default()
            };
            (0..each).map(|_| bucket(&mut draw)).collect()
        })
        .collect();
    let began = Instant::now();
    let mut moves = 0;
    for days in &days {
        let r = solve(&Problem {
            dataset: set,
            current: candidates[0].clone(),
            days_held: 400,
            days,
            readers: &[],
            candidates: &candidates,
            guidance: None,
            is_moving: false,
            now: NOW,
            horizon_days: 90,
            grace_days: 7.0,
        });
        moves += u64::from(r.action == Action::Move);
    }
    let took = began.elapsed();
    say(&format!("  {moves} moves are proposed in memory"));
    Ok(took)
}
