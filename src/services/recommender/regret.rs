//! How far every policy is from the optimum on the fleet's own history: the replay of `dim backtest` over many datasets.
//!
//! Invariant: only the costliest datasets are replayed, and the answer says how many there are; one replay runs at a time.

use super::Recommender;
use super::backtest::{DAYS_MOST, add, whole};
use crate::adapters::sql::{datasets, reports, rollups};
use crate::domain::access::DatasetKey;
use crate::domain::placement::backtest::{BacktestReport, Weight};
use crate::domain::placement::history::HistoryBuilder;
use crate::domain::price::dense::ClassChoice;
use crate::domain::unit::Timestamp;
use crate::services::backtest::{BacktestRequest, ReadHistory, run};
use crate::services::{ServiceError, ServiceResult};
use std::collections::BTreeMap;

/// Datasets that are replayed: a replay of ten years of so many takes seconds, and they hold most of the bill.
const DATASETS_MOST: i64 = 200;

/// The replay of a fleet.
#[derive(Clone, Debug)]
pub struct FleetReplay {
    /// Every policy, by price book.
    pub reports: Vec<BacktestReport>,
    /// Datasets replayed.
    pub played: i64,
    /// Datasets with a history.
    pub all: i64,
    /// Price books whose datasets could not be replayed, with the reason.
    pub refused: Vec<String>,
}

impl Recommender {
    /// What every policy would have cost on the datasets that cost most, each among the classes of its own location's prices.
    ///
    /// # Errors
    /// Database faults.
    pub async fn replay_fleet(&self) -> ServiceResult<FleetReplay> {
        let since = self.deps.clock.now().plus_micros(-DAYS_MOST * Timestamp::DAY);
        let mut conn = self.deps.store.reader().await?;
        let (chosen, all) = reports::replayable(&mut conn, DATASETS_MOST).await?;
        let mut books: BTreeMap<String, (HistoryBuilder, i64, i64)> = BTreeMap::new();
        for (id, book) in chosen {
            let Some(dataset) = datasets::find(&mut conn, &DatasetKey::Id(id)).await? else {
                continue;
            };
            let days = rollups::history(&mut conn, id, since, true).await?;
            let (builder, events, count) = books.entry(book).or_default();
            *events += add(builder, &dataset, &days);
            *count += 1;
        }
        drop(conn);
        let mut found = FleetReplay {
            reports: Vec::new(),
            played: 0,
            all,
            refused: Vec::new(),
        };
        for (book, (builder, events, count)) in books {
            let read = whole(builder, events);
            if read.history.datasets.is_empty() {
                continue;
            }
            match self.replay(book.clone(), read).await {
                Ok(report) => {
                    found.reports.push(report);
                    found.played += count;
                }
                Err(ServiceError::Invalid { message, .. }) => found.refused.push(message),
                Err(ServiceError::NotFound { .. }) => {
                    found.refused.push(format!("price book {book} is gone"))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn replay(&self, prices: String, read: ReadHistory) -> ServiceResult<BacktestReport> {
        let request = BacktestRequest {
            prices,
            classes: ClassChoice {
                archive: false,
                managed: true,
            },
            weight: Weight::Dollar,
            by_dataset: false,
            calibration: false,
            course: None,
        };
        let books = self.deps.prices.clone();
        let _turn = self.shared.replay.lock().await;
        tokio::task::spawn_blocking(move || run(&books, &read, &request))
            .await
            .map_err(ServiceError::internal)?
    }
}
