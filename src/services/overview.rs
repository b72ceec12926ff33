//! The first page: sums over the catalog, and what needs a person.
//!
//! Invariant: every number is the sum of a list that a person can open, and every line of attention links to what it is about.

use super::memo::Memo;
use super::{Deps, ServiceResult};
use crate::adapters::sql::overview::{self as sums, Needs, Waiting};
use crate::adapters::sql::{Conn, jobs_list, locations};
use crate::domain::location::LocationCheck;
use crate::domain::overview::{Attention, Overview, PlacementShare};
use crate::domain::price::book::PriceBook;
use crate::domain::unit::{NanoUsd, Timestamp};
use std::collections::BTreeSet;

/// A location with less free space than this share of its size is worth a look.
const NEARLY_FULL_PERCENT: u128 = 5;

/// Vendors change prices about once a year; figures older than this are worth a look.
const PRICES_OLD_DAYS: i64 = 365;

/// Lines of one kind that are listed; the count by status tells how many more there are.
const LINES_OF_A_KIND: i64 = 5;
/// A mover that is silent for this long after its lease is gone, and nothing has taken its job over.
const STUCK_AFTER_SECS: i64 = 60;

/// The first page. Cheap to clone.
#[derive(Clone)]
pub struct OverviewService {
    deps: Deps,
    shares: Memo<Vec<PlacementShare>>,
}

impl OverviewService {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self {
            deps: deps.clone(),
            shares: Memo::default(),
        }
    }

    /// The sums as they stand.
    ///
    /// # Errors
    /// Database faults.
    pub async fn overview(&self) -> ServiceResult<Overview> {
        let commits = self.deps.store.commit_count();
        let mut conn = self.deps.store.reader().await?;
        let placements = self.shares.get(commits, "", sums::shares(&mut conn)).await?;
        let found = sums::found(&mut conn, self.deps.clock.now()).await?;
        let mut attention = self.of_jobs(&mut conn).await?;
        let mut books = BTreeSet::new();
        for row in locations::list(&mut conn).await? {
            let name = row.location.name.as_str();
            attention.extend(row.check.and_then(|check| of_location(name, &check)));
            books.insert(row.location.price_book);
        }
        let now = self.deps.clock.now();
        let used = books.iter().filter_map(|name| self.deps.prices.find(name));
        attention.extend(used.filter_map(|book| of_prices(book, now)));
        let monthly = placements.iter().filter_map(|p| p.monthly_cost_nanousd);
        Ok(Overview {
            dataset_count: placements.iter().map(|p| p.dataset_count).sum(),
            size_bytes: placements.iter().map(|p| p.size_bytes).sum(),
            access_event_count: sums::event_count(&mut conn).await?,
            monthly_cost_nanousd: NanoUsd(monthly.map(|m| m.0).sum()),
            found_saving_nanousd: found.saving,
            move_recommendation_count: found.moves,
            missed_saving_nanousd: found.missed_saving,
            missed_count: found.missed,
            realised_saving_nanousd: jobs_list::realised_saving(&mut conn).await?,
            jobs_by_status: jobs_list::counts_by_status(&mut conn).await?,
            attention,
            placements,
            demo_note: self.deps.options.demo.clone(),
        })
    }

    /// Where the data stands, the largest placement first.
    ///
    /// # Errors
    /// Database faults.
    pub async fn placements(&self) -> ServiceResult<Vec<PlacementShare>> {
        let commits = self.deps.store.commit_count();
        let mut conn = self.deps.store.reader().await?;
        Ok(self.shares.get(commits, "", sums::shares(&mut conn)).await?)
    }

    async fn of_jobs(&self, conn: &mut Conn) -> ServiceResult<Vec<Attention>> {
        let silent_since = self
            .deps
            .clock
            .now()
            .plus_micros(-STUCK_AFTER_SECS * Timestamp::SECOND);
        let mut lines = Vec::new();
        for needs in [Needs::Retry, Needs::Mover { silent_since }, Needs::Approval] {
            let found = sums::waiting(conn, needs, LINES_OF_A_KIND).await?;
            lines.extend(found.iter().map(|job| of_job(needs, job)));
        }
        Ok(lines)
    }
}

/// What a person should know of a job.
fn of_job(needs: Needs, job: &Waiting) -> Attention {
    let (id, name) = (job.id, &job.dataset_name);
    let (kind, text) = match needs {
        Needs::Retry => {
            let why = job.reason.as_deref().unwrap_or("no reason was kept");
            ("failed_job", format!("Job {id} of {name} failed: {why}"))
        }
        Needs::Approval => (
            "awaiting_approval",
            format!("Job {id} of {name} waits for an approval; nothing moves until then."),
        ),
        Needs::Mover { .. } => (
            "stuck_job",
            format!(
                "Job {id} of {name}: its mover is silent and no other has taken over; the source serves on."
            ),
        ),
    };
    Attention {
        kind: kind.into(),
        text,
        href: format!("/jobs/{id}"),
    }
}

/// What a person should know of the last look at a location.
fn of_location(name: &str, check: &LocationCheck) -> Option<Attention> {
    let line = |kind: &str, text: String| Attention {
        kind: kind.into(),
        text,
        href: "/locations".into(),
    };
    if !check.reachable {
        let problem = check
            .problem
            .as_deref()
            .unwrap_or("it cannot be read and written");
        return Some(line(
            "location_away",
            format!(
                "The location {name} is away: {problem}. Nothing is moved to or from it until it is back."
            ),
        ));
    }
    let (free, total) = (check.free_bytes?, check.total_bytes?);
    let nearly_full = u128::from(free.0) * 100 < u128::from(total.0) * NEARLY_FULL_PERCENT;
    nearly_full.then(|| {
        line(
            "location_full",
            format!("The location {name} is nearly full: {free} free of {total}."),
        )
    })
}

/// What a person should know of a price book that a location uses.
fn of_prices(book: &PriceBook, now: Timestamp) -> Option<Attention> {
    let since = Timestamp::parse_rfc3339(&format!("{}T00:00:00Z", book.date)).ok()?;
    (now.since(since) > PRICES_OLD_DAYS * Timestamp::DAY).then(|| Attention {
        kind: "price_book_old".into(),
        text: format!(
            "The prices {} are of {}, more than a year old; every recommendation for their locations rests on them.",
            book.name, book.date
        ),
        href: format!("/prices?book={}", book.name.replace('/', "%2F")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::{Bytes, Timestamp};

    fn check(reachable: bool, free: u64) -> LocationCheck {
        LocationCheck {
            reachable,
            free_bytes: Some(Bytes(free)),
            total_bytes: Some(Bytes(1000)),
            latency_us: 10,
            problem: (!reachable).then(|| "the share is not mounted".into()),
            checked_at: Timestamp(0),
        }
    }

    #[test]
    fn a_location_that_is_away_or_nearly_full_is_told_and_a_good_one_is_not() {
        let away = of_location("nas", &check(false, 900)).unwrap();
        assert_eq!(away.kind, "location_away");
        assert!(
            away.text.contains("nas") && away.text.contains("not mounted"),
            "{}",
            away.text
        );
        assert_eq!(
            of_location("nas", &check(true, 49)).unwrap().kind,
            "location_full"
        );
        assert_eq!(of_location("nas", &check(true, 50)), None);
    }
}
