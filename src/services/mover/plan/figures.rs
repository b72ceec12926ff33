//! What a move costs once, what it saves a month, and how long it takes by what was measured.
//!
//! Invariant: every amount is the one that the recommendation shows; what is not known is absent and said, never a constant.

use super::census::Census;
use super::in_place;
use crate::adapters::sql::jobs_rates;
use crate::domain::dataset::Dataset;
use crate::domain::location::Location;
use crate::domain::migration::estimate;
use crate::domain::migration::{PlanCheck, PlanCostLine};
use crate::domain::price::line::{CostSheet, Grade};
use crate::domain::price::rates::Holding;
use crate::domain::price::transfer::Priced;
use crate::domain::recommendation::outcome::Expectation;
use crate::domain::unit::NanoUsd;
use crate::services::ServiceResult;
use crate::services::catalog::Target;
use crate::services::mover::Mover;
use crate::services::recommender::Recommender;

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
    /// What the move is held to later.
    pub(super) expectation: Option<Expectation>,
    /// Fast and slow.
    pub(super) duration_secs: Option<(i64, i64)>,
    /// Said when there are no prices or no history.
    pub(super) note: Option<PlanCheck>,
}

impl Mover {
    pub(super) async fn figures(
        &self,
        dataset: &Dataset,
        source: &Location,
        target: &Target,
        census: &Census,
    ) -> ServiceResult<Figures> {
        let mut conn = self.deps.store.reader().await?;
        let finished = jobs_rates::finished(&mut conn, in_place::is(dataset, target), JOBS_ASKED).await?;
        let duration_secs = estimate::duration_secs(&finished, census.count(), census.size);
        let (count, size) = dataset.counted(census.count(), census.size);
        let held = Holding::new(size, count);
        drop(conn);
        // What the recommendation and the list show: one function for all of them.
        let money = Recommender::new(&self.deps)
            .move_money(dataset, &target.location, &target.class, held)
            .await?;
        let Some(money) = money else {
            return Ok(Figures {
                lines: Vec::new(),
                one_time: NanoUsd::ZERO,
                monthly_saving: None,
                expectation: None,
                duration_secs,
                note: Some(self.no_price(dataset, source, target)),
            });
        };
        let note = money.reads_per_month.is_none().then(|| PlanCheck {
            name: "history".into(),
            ok: true,
            detail: "no access was seen yet, so the saving counts holding alone".into(),
        });
        Ok(Figures {
            one_time: money.one_time.total_nanousd,
            monthly_saving: Some(money.monthly_saving_nanousd()),
            expectation: Some(money.expectation()),
            lines: lines(money.one_time),
            duration_secs,
            note,
        })
    }

    fn no_price(&self, dataset: &Dataset, source: &Location, target: &Target) -> PlanCheck {
        let is_priced = |location: &Location, class: &str| {
            let book = self.deps.prices.find(&location.price_book);
            book.and_then(|book| Priced::find(book, class)).is_some()
        };
        let unknown = if is_priced(source, dataset.storage_class.as_str()) {
            format!("{}/{}", target.location.price_book, target.class)
        } else {
            format!("{}/{}", source.price_book, dataset.storage_class)
        };
        PlanCheck {
            name: "prices".into(),
            ok: true,
            detail: format!("no price is known for {unknown}, so neither cost nor saving can be told"),
        }
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
