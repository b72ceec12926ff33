//! From price books to the solvers' dense problem: rates per GB of one dataset, and the cost of every move.
//!
//! Invariant: a problem's numbers are [`super::rates`] and [`super::transfer`] divided by the dataset's decimal GB, and nothing
//! else; early deletion is left to the solvers, as [`crate::domain::placement::problem`] asks.

use super::book::{ClassPrice, PriceBook};
use super::rates::{Distance, Holding, Rates, egress};
use super::transfer::{Priced, charges};
use crate::domain::location::Tier;
use crate::domain::placement::problem::{Candidate, Problem, ProblemError, Stage};
use crate::domain::unit::Bytes;

/// A placement to choose from.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    /// Unique in the problem: a class name in a backtest, `location/CLASS` for a live dataset.
    pub name: String,
    /// Class and prices.
    pub at: Priced<'a>,
    /// Equal for the classes of one location.
    pub location: i64,
    /// Share of the read bytes that leaves the location, 0 to 1.
    pub outside_share: f64,
}

/// The dense problem for one dataset. `hot` is the position of the class in which data arrives; `grace_days` is how long a
/// copied source is kept. A dataset of no bytes is taken as one of 1 GB, so that rates stay finite.
///
/// # Errors
/// [`ProblemError`] when there is no choice or a price is negative.
pub fn problem(
    choices: &[Choice<'_>],
    held: Holding,
    hot: usize,
    grace_days: f64,
) -> Result<Problem, ProblemError> {
    let held = if held.size_bytes == Bytes::ZERO {
        Holding::new(Bytes(1_000_000_000), held.object_count)
    } else {
        held
    };
    let gb = held.size_bytes.as_gb();
    let rates: Vec<Rates> = choices.iter().map(|c| c.at.rates(held)).collect();
    let candidates = choices
        .iter()
        .zip(&rates)
        .map(|(choice, r)| candidate(choice, r, held, gb))
        .collect();
    let mut moves = Vec::with_capacity(choices.len() * choices.len());
    for (i, from) in choices.iter().enumerate() {
        for (j, to) in choices.iter().enumerate() {
            if i == j {
                moves.push(0.0);
                continue;
            }
            let paid = charges(
                (from.at, &rates[i]),
                (to.at, &rates[j]),
                held,
                from.location == to.location,
            );
            let kept = if paid.copied { grace_days } else { 0.0 };
            moves.push((paid.usd() + kept * rates[i].holding_per_day(0).usd) / gb);
        }
    }
    Problem::new(candidates, moves, hot)
}

fn candidate(choice: &Choice<'_>, r: &Rates, held: Holding, gb: f64) -> Candidate {
    let leaving = held.size_bytes.0 as f64 * choice.outside_share.clamp(0.0, 1.0);
    let book = choice.at.book;
    let out = egress(
        &book.egress,
        book.unit,
        Distance::Internet,
        leaving,
        held.size_bytes,
        1.0,
    );
    let read = r.retrieval.usd + r.get.usd * held.object_count as f64 + out.usd;
    Candidate {
        name: choice.name.clone(),
        stages: (0..r.stages.len())
            .map(|i| Stage {
                from_idle_days: r.stages[i].from_idle_days,
                storage_per_gb_day: r.holding_per_day(i).usd / gb,
                read_per_gb: read / gb,
            })
            .collect(),
        min_days: r.min_days,
        first_byte_ms: choice.at.class.first_byte_ms.value as f64,
    }
}

/// Which classes of a book a backtest may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassChoice {
    /// Classes that answer only after minutes or hours as well.
    pub archive: bool,
    /// Classes that the vendor manages as well.
    pub managed: bool,
}

impl ClassChoice {
    fn takes(self, class: &ClassPrice) -> bool {
        !class.single_zone
            && (self.archive || class.tier != Tier::Archive)
            && (self.managed || !class.is_managed())
    }
}

/// The problem of a backtest: one dataset on one book's classes, read from inside the location, nothing kept for undo.
///
/// # Errors
/// [`ProblemError::NoCandidate`] when no class is left.
pub fn book_problem(book: &PriceBook, held: Holding, classes: ClassChoice) -> Result<Problem, ProblemError> {
    let choices: Vec<Choice<'_>> = book
        .classes
        .iter()
        .filter(|c| classes.takes(c))
        .map(|class| Choice {
            name: class.name.to_string(),
            at: Priced { book, class },
            location: 0,
            outside_share: 0.0,
        })
        .collect();
    // Data arrives in the plain class that reads cheapest: the first one of every book.
    let hot = choices.iter().position(|c| !c.at.class.is_managed()).unwrap_or(0);
    problem(&choices, held, hot, 0.0)
}
