//! Reports: reads what each is made from and asks the domain to put it together.
//!
//! Invariant: page, print, API and command line call this one use case, so they show the same numbers. Rows are limited, sums are
//! not; the replay behind the advice report is kept until the known past changes.

use super::recommender::Recommender;
use super::recommender::regret::FleetReplay;
use super::{Deps, ServiceError, ServiceResult};
use crate::adapters::sql::{outcomes, overview, recommendation_inputs, reports as rows};
use crate::domain::placement::stream::Stream;
use crate::domain::recommendation::RecommendationFilter;
use crate::domain::recommendation::outcome::{Outcome, Verdict};
use crate::domain::report::{Report, ReportName, advice, moves, placement, savings};
use crate::domain::unit::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Rows of a table unless the request names a number.
pub const ROWS: u32 = 1_000;
/// Rows of a table on a page, which is printed: about ten sheets.
pub const ROWS_OF_PAGE: u32 = 200;
/// Rows of a table at most.
pub const ROWS_MAX: u32 = 20_000;
/// How long a page waits for the replay: well below the time in which a page is to be drawn.
pub const PATIENCE_OF_PAGE: Duration = Duration::from_secs(3);
/// How long a program waits for it: below the time that every answer has.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Records of completed moves that are read for sums.
const OUTCOMES_MAX: i64 = 10_000;
/// Open proposals that are listed.
const OPEN_MAX: u32 = 200;
/// A span longer than this is all there is.
const DAYS_MAX: i64 = 36_500;

/// Days of known past, and the day on which it was looked at: what tells one replay from another.
type Past = (i64, i64, i64);

/// The last replay, and what it was made from.
type Kept = Option<(Past, Arc<FleetReplay>)>;

/// Reports. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    deps: Deps,
    recommender: Recommender,
    replayed: Arc<Mutex<Kept>>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Which report.
    pub name: ReportName,
    /// Days back from now; `None` for all. Reports of the present state have none.
    pub days: Option<i64>,
    /// Rows of a table at most, held between 1 and 20,000.
    pub rows: u32,
    /// How long to wait for what takes long to compute.
    pub patience: Duration,
}

impl Reports {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps, recommender: &Recommender) -> Self {
        Self {
            deps: deps.clone(),
            recommender: recommender.clone(),
            replayed: Arc::default(),
        }
    }

    /// One report as things stand now.
    ///
    /// # Errors
    /// `Invalid` for a span that cannot be; database faults.
    pub async fn report(&self, asked: Asked) -> ServiceResult<Report> {
        if let Some(days) = asked.days.filter(|d| !(1..=DAYS_MAX).contains(d)) {
            return Err(ServiceError::invalid(
                "bad_span",
                format!("a report over {days} days cannot be made; 1 to {DAYS_MAX} can"),
            ));
        }
        let days = asked.days.filter(|_| asked.name.has_span());
        let limit = i64::from(asked.rows.clamp(1, ROWS_MAX));
        match asked.name {
            ReportName::Savings => self.savings(days, limit).await,
            ReportName::Placement => self.placement(limit).await,
            ReportName::Moves => self.moves(days, limit).await,
            ReportName::Advice => self.advice(asked.patience).await,
        }
    }

    fn since(&self, days: Option<i64>) -> Timestamp {
        days.map_or(Timestamp(0), |d| {
            self.deps.clock.now().plus_micros(-d * Timestamp::DAY)
        })
    }

    async fn outcomes(&self, since: Timestamp) -> ServiceResult<(Vec<Outcome>, i64)> {
        let mut conn = self.deps.store.reader().await?;
        let mut found = rows::outcomes(&mut conn, OUTCOMES_MAX).await?;
        let read = i64::try_from(found.len()).unwrap_or(OUTCOMES_MAX);
        let unread = outcomes::total(&mut conn, None).await? - read;
        let whole = found.last().is_none_or(|last| last.switched_at >= since);
        found.retain(|o| o.switched_at >= since);
        // Records that were not read are older than every one that was: of no report whose span ends before.
        Ok((found, if whole { unread.max(0) } else { 0 }))
    }

    async fn savings(&self, days: Option<i64>, limit: i64) -> ServiceResult<Report> {
        let now = self.deps.clock.now();
        let (outcomes, unread) = self.outcomes(self.since(days)).await?;
        let open = RecommendationFilter {
            action: Some("move".into()),
            review: Some("open".into()),
            ..RecommendationFilter::default()
        };
        let open = self.recommender.list(&open, None, OPEN_MAX).await?;
        let mut conn = self.deps.store.reader().await?;
        let reviewed = rows::reviewed(&mut conn, now).await?;
        Ok(savings::savings(&savings::Sources {
            now,
            days,
            outcomes: &outcomes,
            unread,
            open: &open.items,
            reviewed: &reviewed,
            rows: usize::try_from(limit).unwrap_or(1),
        }))
    }

    async fn placement(&self, limit: i64) -> ServiceResult<Report> {
        let mut conn = self.deps.store.snapshot().await?;
        let shares = overview::shares(&mut conn).await?;
        let copies = rows::copies(&mut conn).await?;
        let datasets = rows::held(&mut conn, limit).await?;
        Ok(placement::placement(&placement::Sources {
            now: self.deps.clock.now(),
            shares: &shares,
            copies: &copies,
            datasets: &datasets,
        }))
    }

    async fn moves(&self, days: Option<i64>, limit: i64) -> ServiceResult<Report> {
        let since = self.since(days);
        let mut conn = self.deps.store.snapshot().await?;
        let stages = rows::in_stages(&mut conn, since).await?;
        let jobs = rows::audited(&mut conn, since, limit).await?;
        let (events, event_count) = rows::stages(&mut conn, since, limit).await?;
        Ok(moves::moves(&moves::Sources {
            now: self.deps.clock.now(),
            days,
            stages: &stages,
            jobs: &jobs,
            events: &events,
            event_count,
        }))
    }

    async fn advice(&self, patience: Duration) -> ServiceResult<Report> {
        let now = self.deps.clock.now();
        let (outcomes, _) = self.outcomes(Timestamp(0)).await?;
        let replay = self.replay(patience).await?;
        let mut conn = self.deps.store.reader().await?;
        let reviewed = rows::reviewed(&mut conn, now).await?;
        // What an older version kept is made again by the recommender; until then it is not known.
        let calibration: Vec<_> = rows::fleets(&mut conn)
            .await?
            .iter()
            .filter_map(|body| serde_json::from_str::<Stream>(body).ok())
            .map(|stream| stream.fleet().reliability())
            .collect();
        let mut verdicts: Vec<(Verdict, i64)> = Vec::new();
        for o in &outcomes {
            match verdicts.iter_mut().find(|(v, _)| *v == o.verdict) {
                Some((_, n)) => *n += 1,
                None => verdicts.push((o.verdict, 1)),
            }
        }
        verdicts.sort_by_key(|(_, n)| -n);
        Ok(advice::advice(&advice::Sources {
            now,
            calibration: &calibration,
            verdicts: &verdicts,
            reviewed: &reviewed,
            replays: replay.as_ref().map_or(&[], |r| &r.reports),
            replayed: replay.as_ref().map_or((0, 0), |r| (r.played, r.all)),
            replay_note: match &replay {
                None => Some(
                    "The replay is being made just now and is not in this report; ask again in a moment."
                        .into(),
                ),
                Some(r) if !r.refused.is_empty() => Some(format!("Not replayed: {}.", r.refused.join("; "))),
                Some(_) => None,
            },
        }))
    }

    /// The replay of the fleet; made again when more of the past is known or a day has passed. `None` when it takes longer than
    /// whoever asked can wait: it goes on, and the next to ask finds it.
    async fn replay(&self, patience: Duration) -> ServiceResult<Option<Arc<FleetReplay>>> {
        let this = self.clone();
        let made = tokio::spawn(async move { this.replay_or_kept().await });
        match tokio::time::timeout(patience, made).await {
            Ok(Ok(replay)) => replay.map(Some),
            Ok(Err(died)) => Err(ServiceError::internal(died)),
            Err(_) => Ok(None),
        }
    }

    async fn replay_or_kept(&self) -> ServiceResult<Arc<FleetReplay>> {
        let mut kept = self.replayed.lock().await;
        let today = self.deps.clock.now().day();
        let (datasets, past) = {
            let mut conn = self.deps.store.reader().await?;
            recommendation_inputs::known_past(&mut conn, Timestamp(today * Timestamp::DAY)).await?
        };
        let key = (today, datasets, past);
        if let Some((of, replay)) = &*kept
            && *of == key
        {
            return Ok(replay.clone());
        }
        let replay = Arc::new(self.recommender.replay_fleet().await?);
        *kept = Some((key, replay.clone()));
        Ok(replay)
    }
}
