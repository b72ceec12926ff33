//! Problem in, recommendation out.
//!
//! Invariant: the answer follows from the problem alone; constraints come before money; and after the proposed move the answer is
//! to stay, because a place from which the dataset would be moved on at once is never proposed. "Stay" is a full answer.

use super::forecast::forecast;
use super::problem::{Candidate, Problem};
use super::quote::{Quote, Terms, monthly};
use super::tell::{self, basis, blank, sheets_add_up};
use super::{Action, Forecast, PlacementRef, Reason, Recommendation, WhyNot, flip};
use crate::domain::id::LocationId;
use crate::domain::name::StorageClass;
use crate::domain::price::line::CostSheet;
use crate::domain::price::transfer::Priced;
use crate::domain::unit::{Bytes, NanoUsd};

/// Hysteresis: a move must save this share of what staying costs over the horizon. At a twentieth, a forecast has to be wrong by
/// more than prices usually differ between neighbouring classes before the dataset would be sent back.
const THRESHOLD_PERCENT: i64 = 5;
/// And it must save at least this over the horizon: below a cent nobody's time is worth it.
const THRESHOLD_LEAST: NanoUsd = NanoUsd(10_000_000);
/// Where nobody stated a latency limit, classes that answer later than this are left out: readers that are used to an answer at once
/// would meet a restore of hours. Spun-down disks still pass.
pub const UNSTATED_LIMIT_MS: i64 = 60_000;

/// What a move must save at least over the horizon, beside staying for `stay`.
#[must_use]
pub fn threshold(stay: NanoUsd) -> NanoUsd {
    NanoUsd(stay.0.max(0) / 100 * THRESHOLD_PERCENT).max(THRESHOLD_LEAST)
}

/// A candidate with its price and what excludes it.
pub(super) struct Entry<'p> {
    pub(super) candidate: &'p Candidate<'p>,
    pub(super) excluded: Option<WhyNot>,
    pub(super) quote: Option<Quote>,
}

/// The order of alternatives: the field order is the policy, ties end with the place.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'p> {
    excluded: bool,
    unpriced: bool,
    horizon: NanoUsd,
    one_time: NanoUsd,
    location: LocationId,
    class: &'p StorageClass,
}

impl Entry<'_> {
    fn rank(&self) -> Rank<'_> {
        let quote = self.quote.as_ref();
        Rank {
            excluded: self.excluded.is_some(),
            unpriced: quote.is_none(),
            horizon: quote.map_or(NanoUsd::ZERO, |q| q.horizon_nanousd),
            one_time: quote.map_or(NanoUsd::ZERO, |q| q.one_time.total_nanousd),
            location: self.candidate.placement.location_id,
            class: &self.candidate.placement.storage_class,
        }
    }

    pub(super) fn open_quote(&self) -> Option<&Quote> {
        self.quote.as_ref().filter(|_| self.excluded.is_none())
    }
}

fn is_same(a: &PlacementRef, b: &PlacementRef) -> bool {
    a.location_id == b.location_id && a.storage_class.matches(b.storage_class.as_str())
}

/// The recommendation for a dataset, as one without a past of its own: the caller gives it its id, its review and its dates.
#[must_use]
pub fn solve(p: &Problem<'_>) -> Recommendation {
    let today = p.now.day();
    let seen = p
        .days
        .iter()
        .any(|d| d.reads + d.writes > 0 && d.start.day() <= today);
    solve_for(p, seen, forecast(p.days, p.held(), today))
}

/// The same for a forecast that is given, whatever the days of the problem say. `seen` is whether there was any event.
#[must_use]
pub fn solve_for(p: &Problem<'_>, seen: bool, forecast: Option<Forecast>) -> Recommendation {
    let mut answer = blank(p);
    let held = p.held();
    if !seen {
        answer.action = Action::NoHistory;
        answer.reasons.push(Reason::NoHistory);
    }
    if held.size_bytes == Bytes::ZERO {
        answer.reasons.push(Reason::NoSize);
        return finished(answer, p);
    }
    answer.forecast.clone_from(&forecast);
    let Some(here) = p.current.at else {
        answer.reasons.push(Reason::NoPriceHere {
            price_book: p.current.price_book.to_owned(),
        });
        return finished(answer, p);
    };
    let terms = Terms {
        held,
        forecast: forecast.as_ref(),
        readers: p.readers,
        horizon_days: p.horizon_days,
        grace_days: p.grace_days,
    };
    let stay = terms.running(here, idle_here(p, terms.forecast));
    answer.stay_monthly_nanousd = Some(monthly(stay.total_nanousd, p.horizon_days));
    answer.threshold_nanousd = threshold(stay.total_nanousd);
    answer.basis.push(basis(here));
    if terms.forecast.is_some() {
        compare(&mut answer, p, &terms, here, &stay);
    }
    answer.stay = Some(stay);
    finished(answer, p)
}

/// Days without a read as the present class counts them: not from before the dataset came.
fn idle_here(p: &Problem<'_>, forecast: Option<&Forecast>) -> u32 {
    let held = u32::try_from(p.days_held.max(0)).unwrap_or(u32::MAX);
    forecast.map_or(held, |f| f.idle_days.min(held))
}

/// Prices every candidate, decides, and says why.
fn compare(
    answer: &mut Recommendation,
    p: &Problem<'_>,
    terms: &Terms<'_>,
    here: Priced<'_>,
    stay: &CostSheet,
) {
    let limit_ms = latency_limit(p, here);
    let mut entries: Vec<Entry<'_>> = p
        .candidates
        .iter()
        .filter(|c| !is_same(&c.placement, &p.current.placement))
        .map(|candidate| Entry {
            candidate,
            excluded: excluded(p, candidate, limit_ms),
            quote: candidate.at.map(|at| {
                let way = terms.one_time((&p.current, here), (candidate, at), p.days_held);
                terms.quote(stay.total_nanousd, terms.running(at, 0), way)
            }),
        })
        .collect();
    entries.sort_by(|a, b| a.rank().cmp(&b.rank()));
    leave_out_stepping_stones(p, terms, here, stay.total_nanousd, &mut entries);
    // What was just left out goes behind what may be chosen.
    entries.sort_by(|a, b| a.rank().cmp(&b.rank()));

    let chosen = choose(p, stay.total_nanousd, answer.threshold_nanousd, &entries);
    let open: Vec<flip::Way<'_>> = entries.iter().filter_map(flip_way).collect();
    let rate = flip::flip_rate(terms, (here, idle_here(p, terms.forecast)), &open);
    if let Some(forecast) = &mut answer.forecast {
        forecast.flips_at_reads_per_month = rate;
    }
    if let (Some(forecast), Some(guidance)) = (&mut answer.forecast, p.guidance) {
        forecast.cell.clone_from(&guidance.cell);
    }
    let known = tell::Known {
        problem: p,
        terms,
        here,
        stay,
        limit_ms,
    };
    known.tell(answer, &entries, chosen);
}

/// The present placement and those that nothing forbids; `None` for a dataset that is pinned, or whose place has no price.
#[must_use]
pub fn open_candidates<'p>(p: &'p Problem<'p>) -> Option<Vec<&'p Candidate<'p>>> {
    let here = p.current.at?;
    if p.dataset.pinned_reason.is_some() {
        return None;
    }
    let limit_ms = latency_limit(p, here);
    let others = p
        .candidates
        .iter()
        .filter(|c| !is_same(&c.placement, &p.current.placement));
    let open = others.filter(|c| excluded(p, c, limit_ms).is_none());
    Some(std::iter::once(&p.current).chain(open).collect())
}

fn flip_way<'a>(entry: &Entry<'a>) -> Option<flip::Way<'a>> {
    let quote = entry.open_quote()?;
    Some(flip::Way {
        at: entry.candidate.at?,
        one_time_usd: quote.one_time.total_nanousd.as_usd(),
    })
}

/// What a class may take to the first byte. Unstated, a place that it stands on already shows what is accepted.
fn latency_limit(p: &Problem<'_>, here: Priced<'_>) -> i64 {
    p.dataset
        .latency_limit_ms
        .unwrap_or_else(|| here.class.first_byte_ms.value.max(UNSTATED_LIMIT_MS))
}

fn excluded(p: &Problem<'_>, candidate: &Candidate<'_>, limit_ms: i64) -> Option<WhyNot> {
    if let Some(reason) = &p.dataset.pinned_reason {
        return Some(WhyNot::Pinned {
            reason: reason.clone(),
        });
    }
    if let Some(rule) = &candidate.forbidden {
        return Some(WhyNot::LocationNotAllowed { rule: rule.clone() });
    }
    let Some(at) = candidate.at else {
        return Some(WhyNot::NoPrice);
    };
    let first_byte_ms = at.class.first_byte_ms.value;
    if first_byte_ms > limit_ms {
        return Some(WhyNot::TooSlow {
            first_byte_ms,
            limit_ms,
        });
    }
    let minimum_bytes = at.class.min_object_bytes.as_ref().map_or(0, |f| f.value);
    let mean_object_bytes = p.held().mean_object_bytes() as i64;
    if p.dataset.object_count > 0 && mean_object_bytes < minimum_bytes {
        return Some(WhyNot::ObjectsTooSmall {
            mean_object_bytes,
            minimum_bytes,
        });
    }
    None
}

/// Marks candidates from which the dataset would be moved on at once, as far as one of them could be chosen: so that the answer
/// after the move is to stay.
fn leave_out_stepping_stones(
    p: &Problem<'_>,
    terms: &Terms<'_>,
    here: Priced<'_>,
    stay: NanoUsd,
    entries: &mut [Entry<'_>],
) {
    let home = terms.running(here, 0).total_nanousd;
    for i in 0..entries.len() {
        let (Some(quote), Some(at)) = (entries[i].open_quote(), entries[i].candidate.at) else {
            continue;
        };
        if stay - quote.horizon_nanousd < threshold(stay) {
            return;
        }
        let there = quote.running.total_nanousd;
        let from = (entries[i].candidate, at);
        let saves = |to: (&Candidate<'_>, Priced<'_>), running: NanoUsd| {
            // Only what is cheaper to be in can be worth the way.
            running < there && there - running - terms.one_time(from, to, 0).total_nanousd >= threshold(there)
        };
        let back = saves((&p.current, here), home).then_some(&p.current.placement);
        let next = back.or_else(|| {
            entries.iter().find_map(|e| {
                let (q, to) = (e.open_quote()?, e.candidate.at?);
                let other = !is_same(&e.candidate.placement, &from.0.placement);
                (other && saves((e.candidate, to), q.running.total_nanousd)).then_some(&e.candidate.placement)
            })
        });
        let Some(next) = next.map(ToString::to_string) else {
            return;
        };
        entries[i].excluded = Some(WhyNot::NotLasting { next });
    }
}

/// The entry to propose: the cheapest that passes the threshold, or what a policy says where its saving is real and likely.
fn choose(p: &Problem<'_>, stay: NanoUsd, least: NanoUsd, entries: &[Entry<'_>]) -> Option<usize> {
    let saving = |i: &usize| entries[*i].open_quote().map(|q| stay - q.horizon_nanousd);
    if let Some(guidance) = p.guidance {
        let found = entries
            .iter()
            .position(|e| guidance.is_for(&e.candidate.placement));
        return found
            .filter(|i| saving(i).is_some_and(|s| s > NanoUsd::ZERO))
            .filter(|i| unlikely(p, &entries[*i]).is_none());
    }
    Some(0).filter(|i| *i < entries.len() && saving(i).is_some_and(|s| s >= least))
}

/// The chance in percent that speaks against the move that a policy wants: less than even, and reading is dearer there.
///
/// Where reading is not dearer a small chance speaks against nothing: bringing data back before many reads loses a little more often
/// than not, and wins a lot when it wins (`placement/README.md` has what refusing that would cost).
pub(super) fn unlikely(p: &Problem<'_>, entry: &Entry<'_>) -> Option<i64> {
    let chance = p
        .guidance
        .filter(|g| g.is_for(&entry.candidate.placement))?
        .unlikely_percent()?;
    let held = p.held();
    let whole_read = |at: Priced<'_>| {
        let rates = at.rates(held);
        rates.retrieval.usd + rates.get.usd * held.object_count as f64
    };
    let (here, there) = (p.current.at?, entry.candidate.at?);
    // Elsewhere readers may pay egress.
    let elsewhere = entry.candidate.placement.location_id != p.current.placement.location_id;
    (elsewhere || whole_read(there) > whole_read(here)).then_some(chance)
}

fn finished(mut answer: Recommendation, p: &Problem<'_>) -> Recommendation {
    if p.is_moving {
        answer.reasons.insert(0, Reason::JobRunning);
    }
    debug_assert!(
        sheets_add_up(&answer),
        "a sheet's total is not the sum of its lines"
    );
    answer
}
