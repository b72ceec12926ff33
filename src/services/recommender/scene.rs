//! What a recommendation rests on, to be taken along: the scene of the what-if page.
//!
//! Invariant: it is loaded as a look loads it, so that its baseline is what the forecast alone would recommend now.

use super::Recommender;
use crate::adapters::sql::recommendation_inputs as inputs;
use crate::adapters::sql::{datasets, jobs};
use crate::domain::access::DatasetKey;
use crate::domain::price::rates::Holding;
use crate::domain::recommendation::forecast::forecast;
use crate::domain::recommendation::problem::Candidate;
use crate::domain::recommendation::what_if::{Scene, Spot};
use crate::domain::unit::Timestamp;
use crate::services::{ServiceError, ServiceResult};

impl Recommender {
    /// The scene of a dataset.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn scene(&self, key: &DatasetKey) -> ServiceResult<Scene> {
        let now = self.deps.clock.now();
        let choice = self.choice().await?;
        let mut snapshot = self.deps.store.snapshot().await?;
        let missing = || ServiceError::not_found("dataset", key);
        let dataset = datasets::find(&mut snapshot, key).await?.ok_or_else(missing)?;
        let ids = [dataset.id];
        let since = now.plus_micros(-super::look::HISTORY_DAYS * Timestamp::DAY);
        let days = inputs::days(&mut snapshot, &ids, since)
            .await?
            .remove(&dataset.id)
            .unwrap_or_default();
        let stay = inputs::stays(&mut snapshot, &ids, now).await?.remove(&dataset.id);
        let is_moving = jobs::live_of(&mut snapshot, &ids)
            .await?
            .contains_key(&dataset.id);
        drop(snapshot);
        let verdict = choice.verdict(&dataset);
        let dataset = verdict.applied_to(&dataset);
        let current = choice.current(&dataset).ok_or_else(missing)?;
        let candidates = choice.candidates(&dataset, &verdict);
        let mut names: Vec<&str> = candidates
            .iter()
            .chain([&current])
            .map(|c| c.price_book)
            .collect();
        names.sort_unstable();
        names.dedup();
        let held = Holding::new(dataset.size_bytes, dataset.object_count);
        let (placed_at, home, read_from) = stay
            .map_or((dataset.created_at, dataset.location_id, None), |s| {
                (s.placed_at, s.home, s.readers)
            });
        Ok(Scene {
            days_held: now.since(placed_at).max(0) / Timestamp::DAY,
            seen: days
                .iter()
                .any(|d| d.reads + d.writes > 0 && d.start.day() <= now.day()),
            forecast: forecast(&days, held, now.day()),
            readers: choice.readers(home, read_from.as_ref()),
            books: names
                .into_iter()
                .filter_map(|n| self.deps.prices.find(n).cloned())
                .collect(),
            current: spot(&current),
            spots: candidates.iter().map(spot).collect(),
            is_moving,
            now,
            grace_days: self.deps.options.grace_secs as f64 / 86_400.0,
            dataset,
        })
    }
}

fn spot(c: &Candidate<'_>) -> Spot {
    Spot {
        placement: c.placement.clone(),
        price_book: c.price_book.to_owned(),
        has_transitions: c.has_transitions,
        forbidden: c.forbidden.clone(),
    }
}
