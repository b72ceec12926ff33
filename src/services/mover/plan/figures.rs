//! What a move costs once, what it saves a month, and how long it takes by what was measured.
//!
//! Invariant: every amount comes from `domain::price`; what is not known is absent and said, never a constant.

use crate::adapters::sql::{datasets, jobs_rates, rollups};
use crate::domain::access::AccessBucket;
use crate::domain::dataset::Dataset;
use crate::domain::location::{Location, Provider};
use crate::domain::migration::estimate;
use crate::domain::migration::{PlanCheck, PlanCostLine};
use crate::domain::price::book::MONTH_DAYS;
use crate::domain::price::cost::{MoveTerms, Usage, moving, running};
use crate::domain::price::line::{CostSheet, Grade};
use crate::domain::price::rates::Holding;
use crate::domain::price::transfer::Priced;
use crate::domain::replica::ReplicaRole;
use crate::domain::unit::{NanoUsd, Timestamp};
use crate::ports::objects::Listing;
use crate::services::ServiceResult;
use crate::services::catalog::Target;
use crate::services::mover::Mover;

/// Days that the target is taken to hold the data: a longer minimum of its class is charged for the rest.
const HORIZON_DAYS: f64 = 90.0;
/// Finished jobs that are looked at for the duration; older ones were on other disks or loads.
const JOBS_ASKED: i64 = 50;

/// The amounts of a plan.
pub(super) struct Figures {
    /// One-time cost lines.
    pub(super) lines: Vec<PlanCostLine>,
    /// Their sum.
    pub(super) one_time: NanoUsd,
    /// Running cost saved in 30 days.
    pub(super) monthly_saving: Option<NanoUsd>,
    /// Fast and slow.
    pub(super) duration_secs: Option<(i64, i64)>,
    /// Said when there are no prices.
    pub(super) note: Option<PlanCheck>,
}

impl Mover {
    pub(super) async fn figures(
        &self,
        dataset: &Dataset,
        source: &Location,
        target: &Target,
        listing: &Listing,
    ) -> ServiceResult<Figures> {
        let mut conn = self.deps.store.reader().await?;
        let finished = jobs_rates::finished(&mut conn, JOBS_ASKED).await?;
        let found = i64::try_from(listing.objects.len()).unwrap_or(i64::MAX);
        let duration_secs = estimate::duration_secs(&finished, found, listing.size_bytes());
        let priced = |location: &Location, class: &str| {
            let book = self.deps.prices.find(&location.price_book)?;
            Priced::find(book, class)
        };
        let from = priced(source, dataset.storage_class.as_str());
        let to = priced(&target.location, target.class.as_str());
        let (Some(from), Some(to)) = (from, to) else {
            let unknown = if from.is_none() {
                format!("{}/{}", source.price_book, dataset.storage_class)
            } else {
                format!("{}/{}", target.location.price_book, target.class)
            };
            return Ok(Figures {
                lines: Vec::new(),
                one_time: NanoUsd::ZERO,
                monthly_saving: None,
                duration_secs,
                note: Some(PlanCheck {
                    name: "prices".into(),
                    ok: true,
                    detail: format!(
                        "no price is known for {unknown}, so neither cost nor saving can be told"
                    ),
                }),
            });
        };
        let now = self.deps.clock.now();
        let placed_at = datasets::replicas(&mut conn, dataset.id)
            .await?
            .into_iter()
            .find(|copy| copy.role == ReplicaRole::Serving)
            .map_or(dataset.created_at, |copy| copy.created_at);
        let since = now.plus_micros(-(MONTH_DAYS as i64) * Timestamp::DAY);
        let month = rollups::history(&mut conn, dataset.id, since, true).await?;
        let last_access = datasets::last_access(&mut conn, dataset.id).await?;

        let (count, size) = dataset.counted(found, listing.size_bytes());
        let held = Holding::new(size, count);
        let terms = MoveTerms {
            // Local disks have no transition of their own: every move copies and leaves a source.
            same_location: dataset.location_id == target.location.id
                && target.location.provider != Provider::Local,
            days_held: now.since(placed_at) / Timestamp::DAY,
            grace_days: self.deps.options.grace_secs as f64 / 86_400.0,
            horizon_days: HORIZON_DAYS,
        };
        let sheet = moving(from, to, held, &terms);
        let idle = now.since(last_access.unwrap_or(placed_at)) / Timestamp::DAY;
        let stay = usage(&month, u32::try_from(idle).unwrap_or(0));
        let there = Usage { idle_days: 0, ..stay };
        let saving = running(from, held, &stay).total_nanousd - running(to, held, &there).total_nanousd;
        Ok(Figures {
            one_time: sheet.total_nanousd,
            lines: lines(sheet),
            monthly_saving: Some(saving),
            duration_secs,
            note: None,
        })
    }
}

/// The last 30 days as they were, taken as the next 30.
fn usage(days: &[AccessBucket], idle_days: u32) -> Usage {
    let sum = |of: fn(&AccessBucket) -> f64| days.iter().map(of).sum();
    let read_days = days.iter().filter(|day| day.reads > 0).count();
    Usage {
        days: MONTH_DAYS,
        read_bytes: sum(|day| day.read_bytes.0 as f64),
        gets: sum(|day| day.reads as f64),
        puts: sum(|day| day.writes as f64),
        outside_share: 0.0,
        other_region_share: 0.0,
        read_day_chance: read_days as f64 / MONTH_DAYS,
        idle_days,
    }
}

fn lines(sheet: CostSheet) -> Vec<PlanCostLine> {
    sheet
        .lines
        .into_iter()
        .map(|line| PlanCostLine {
            kind: line.kind.as_str().to_owned(),
            // An unsure price is marked wherever it is shown.
            text: match line.grade {
                Grade::C => format!("{} (price grade C: {})", line.text, line.grade.meaning()),
                Grade::A | Grade::B => line.text,
            },
            amount_nanousd: line.amount_nanousd,
        })
        .collect()
}
