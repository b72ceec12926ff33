//! A dataset's own history against every policy: the same replay as `dim backtest`, over the sums that the catalog keeps.
//!
//! Invariant: reads are by day in both, so the figures are those that a file with this dataset alone would give.

use super::Recommender;
use crate::adapters::sql::{Conn, datasets, locations, outcomes, rollups};
use crate::domain::access::{AccessBucket, DatasetKey};
use crate::domain::dataset::Dataset;
use crate::domain::name::StorageClass;
use crate::domain::placement::backtest::{BacktestReport, Weight};
use crate::domain::placement::history::{EventRecord, HistoryBuilder, ObjectRecord, Op};
use crate::domain::price::dense::ClassChoice;
use crate::domain::unit::Timestamp;
use crate::services::backtest::{BacktestRequest, CourseAsked, ReadHistory, run};
use crate::services::{ServiceError, ServiceResult};
use std::collections::HashMap;

/// Days that are replayed at most, the latest ones: ten years. A single event with a date of long ago would otherwise make a replay
/// of centuries.
pub(super) const DAYS_MOST: i64 = 3_660;

/// How to replay.
#[derive(Clone, Debug)]
pub struct BacktestAsked {
    /// `aws`, `gcs`, `azure` or a price book; that of the dataset's location when left out.
    pub prices: Option<String>,
    /// Classes to choose from.
    pub classes: ClassChoice,
    /// How the bill is shown: of one GB, or of the whole dataset.
    pub weight: Weight,
    /// Whether it is told how the costs add up day by day.
    pub course: bool,
    /// A replay that was made so many seconds ago at most will do, whatever was read since: a page that follows its dataset asks again
    /// with each access. 0: it has to be of the history as it is now.
    pub age_max_secs: i64,
}

/// Days of a course at most: as many as a chart can show.
const COURSE_POINTS: usize = 120;

/// Replays that are kept at most: those of the pages that somebody is looking at; a report has some 20 kB.
const KEPT_MOST: usize = 64;

/// The last replays, by the dataset as it stands, the question and the day, since prices are dated.
#[derive(Debug, Default)]
pub(super) struct Replays(HashMap<String, Kept>);

#[derive(Debug)]
struct Kept {
    /// Of the history that it rests on.
    history: blake3::Hash,
    at: Timestamp,
    report: BacktestReport,
}

impl Replays {
    fn find(
        &self,
        key: &str,
        history: blake3::Hash,
        now: Timestamp,
        age_max_secs: i64,
    ) -> Option<BacktestReport> {
        let kept = self.0.get(key)?;
        let young = now.since(kept.at) < age_max_secs * Timestamp::SECOND;
        (young || kept.history == history).then(|| kept.report.clone())
    }

    fn keep(&mut self, key: String, kept: Kept) {
        if self.0.len() >= KEPT_MOST {
            self.0.clear();
        }
        self.0.insert(key, kept);
    }
}

fn key_of(dataset: &Dataset, asked: &BacktestAsked, now: Timestamp) -> String {
    let BacktestAsked {
        prices,
        classes,
        weight,
        course,
        ..
    } = asked;
    format!(
        "{} {} {} {:?} {}",
        dataset.id,
        dataset.generation,
        dataset.size_bytes.0,
        (prices, classes, weight, course),
        now.day(),
    )
}

fn digest(days: &[AccessBucket]) -> blake3::Hash {
    let mut history = blake3::Hasher::new();
    for day in days {
        for number in [
            day.start.0,
            day.reads,
            day.read_bytes.to_i64(),
            day.writes,
            day.write_bytes.to_i64(),
        ] {
            history.update(&number.to_le_bytes());
        }
    }
    history.finalize()
}

impl Recommender {
    /// What every policy would have cost on a dataset's own history, without looking ahead.
    ///
    /// # Errors
    /// `NotFound` for the dataset or the price book, `Invalid` without a history.
    pub async fn backtest(
        &self,
        dataset: &DatasetKey,
        asked: BacktestAsked,
    ) -> ServiceResult<BacktestReport> {
        let mut conn = self.deps.store.reader().await?;
        let found = datasets::find(&mut conn, dataset)
            .await?
            .ok_or_else(|| ServiceError::not_found("dataset", dataset))?;
        let key = found.location_id.to_string();
        let home = locations::find(&mut conn, &key).await?;
        let since = self.deps.clock.now().plus_micros(-DAYS_MOST * Timestamp::DAY);
        let days = rollups::history(&mut conn, found.id, since, true).await?;
        let course = match &home {
            Some(row) if asked.course => Some(CourseAsked {
                points: COURSE_POINTS,
                actual: actual(&mut conn, &found, &row.location.price_book).await?,
            }),
            _ => None,
        };
        drop(conn);
        let now = self.deps.clock.now();
        let (key, of, age_max_secs) = (key_of(&found, &asked, now), digest(&days), asked.age_max_secs);
        let read = history(&found, &days);
        if read.history.datasets.is_empty() {
            return Err(ServiceError::invalid(
                "no_history",
                format!(
                    "{} has no history to replay: no access was seen yet, or its size is not known",
                    found.name
                ),
            ));
        }
        let request = BacktestRequest {
            prices: asked
                .prices
                .or_else(|| home.map(|row| row.location.price_book))
                .unwrap_or_default(),
            classes: asked.classes,
            weight: asked.weight,
            by_dataset: false,
            calibration: false,
            course,
        };
        let (books, shared) = (self.deps.prices.clone(), self.shared.clone());
        // To its end whether or not somebody still waits: who asks again finds it made.
        let replay = async move {
            // One at a time: each takes a core for a while, and the caller's own patience bounds the wait.
            let mut kept = shared.replays.lock().await;
            if let Some(report) = kept.find(&key, of, now, age_max_secs) {
                return Ok(report);
            }
            let report = tokio::task::spawn_blocking(move || run(&books, &read, &request))
                .await
                .map_err(ServiceError::internal)??;
            kept.keep(
                key,
                Kept {
                    history: of,
                    at: now,
                    report: report.clone(),
                },
            );
            Ok(report)
        };
        tokio::spawn(replay).await.map_err(ServiceError::internal)?
    }
}

/// Where a dataset really stood since when; empty where it stood on a location with other prices.
async fn actual(conn: &mut Conn, dataset: &Dataset, book: &str) -> ServiceResult<Vec<(i64, StorageClass)>> {
    let switched = outcomes::placements(conn, dataset.id).await?;
    let first = switched.first().map_or_else(
        || (dataset.location_id, dataset.storage_class.clone()),
        |(_, from, _)| from.clone(),
    );
    let mut all = vec![(0, first)];
    all.extend(switched.into_iter().map(|(at, _, to)| (at.day(), to)));
    let mut known = Vec::with_capacity(all.len());
    for (day, (location, class)) in all {
        let found = locations::find(conn, &location.to_string()).await?;
        if found.is_none_or(|row| row.location.price_book != book) {
            return Ok(Vec::new());
        }
        known.push((day, class));
    }
    Ok(known)
}

fn history(dataset: &Dataset, days: &[AccessBucket]) -> ReadHistory {
    let mut builder = HistoryBuilder::default();
    let events = add(&mut builder, dataset, days);
    whole(builder, events)
}

/// Adds a dataset with its days; how many events they stand for.
pub(super) fn add(builder: &mut HistoryBuilder, dataset: &Dataset, days: &[AccessBucket]) -> i64 {
    let name = dataset.name.to_string();
    builder.object(ObjectRecord {
        object_id: name.clone(),
        size_bytes: dataset.size_bytes.0,
        n_files: u64::try_from(dataset.object_count.max(1)).unwrap_or(1),
        created_unix: dataset.created_at.unix_secs(),
    });
    let mut events = 0;
    for day in days {
        let mut one = |op: Op, size_bytes: u64| {
            builder.event(&EventRecord {
                unix_time: day.start.unix_secs(),
                object_id: name.clone(),
                op,
                size_bytes,
            });
        };
        if day.reads > 0 {
            one(Op::Get, day.read_bytes.0);
        }
        // A write tells that the dataset was there; its size is the catalog's.
        if day.writes > 0 {
            one(Op::Put, 0);
        }
        events += day.reads + day.writes;
    }
    events
}

/// The history of all that were added.
pub(super) fn whole(builder: HistoryBuilder, events: i64) -> ReadHistory {
    let mut history = builder.finish();
    history.events = u64::try_from(events).unwrap_or(0);
    ReadHistory {
        history,
        skipped: 0,
        reasons: Vec::new(),
    }
}
