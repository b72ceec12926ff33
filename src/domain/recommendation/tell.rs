//! Writes an answer down: the decision with its figures, each alternative with what stands against it, and the reasons.
//!
//! Invariant: every total is the sum of its parts, exactly ([`sheets_add_up`]); nothing is decided here.

use super::forecast::SURE_AFTER_DAYS;
use super::problem::Problem;
use super::quote::{Terms, monthly};
use super::solve::{Entry, unlikely};
use super::{Action, Alternative, Forecast, PriceBasis, Reason, Recommendation, Review, WhyNot};
use crate::domain::id::RecommendationId;
use crate::domain::price::cost::early_days;
use crate::domain::price::line::{CostSheet, Grade};
use crate::domain::price::transfer::Priced;
use crate::domain::unit::{NanoUsd, Timestamp};

/// Days without a read that are worth a sentence.
const IDLE_WORTH_TELLING: u32 = 30;

/// What the answer is about.
pub(super) struct Known<'a> {
    pub(super) problem: &'a Problem<'a>,
    pub(super) terms: &'a Terms<'a>,
    /// Where it stands.
    pub(super) here: Priced<'a>,
    /// What staying costs over the horizon.
    pub(super) stay: &'a CostSheet,
    pub(super) limit_ms: i64,
}

impl Known<'_> {
    /// Writes the decision, its figures, the alternatives and the reasons.
    pub(super) fn tell(&self, answer: &mut Recommendation, entries: &[Entry<'_>], chosen: Option<usize>) {
        let (p, stay) = (self.problem, self.stay);
        let least = answer.threshold_nanousd;
        let best_total = chosen
            .and_then(|i| entries[i].open_quote())
            .map_or(stay.total_nanousd, |q| q.horizon_nanousd);
        let mut grade = stay.grade();
        if let Some((entry, quote)) = chosen.and_then(|i| Some((&entries[i], entries[i].open_quote()?))) {
            answer.action = Action::Move;
            answer.proposed = Some(entry.candidate.placement.clone());
            answer.one_time_nanousd = quote.one_time.total_nanousd;
            answer.horizon_saving_nanousd = stay.total_nanousd - quote.horizon_nanousd;
            answer.monthly_saving_nanousd =
                monthly(stay.total_nanousd, p.horizon_days) - quote.monthly_nanousd;
            answer.break_even_days = quote.break_even_days;
            answer.break_even_at = quote
                .break_even_days
                .and_then(|days| days.checked_mul(Timestamp::DAY))
                .map(|micros| p.now.plus_micros(micros));
            answer.confidence = p.guidance.and_then(|g| g.confidence.clone());
            grade = grade.max(quote.running.grade()).max(quote.one_time.grade());
        }
        let waits = p.guidance.is_some();
        let too_unlikely = |entry: &Entry<'_>, horizon: NanoUsd| {
            let wins = horizon < stay.total_nanousd;
            unlikely(p, entry).filter(|_| wins)
        };
        for (i, entry) in entries.iter().enumerate() {
            let why_not = match (&entry.excluded, entry.open_quote()) {
                _ if Some(i) == chosen => None,
                (Some(why), _) => Some(why.clone()),
                (None, None) => Some(WhyNot::NoPrice),
                (None, Some(quote)) => Some(match too_unlikely(entry, quote.horizon_nanousd) {
                    Some(chance_percent) => WhyNot::Unlikely { chance_percent },
                    None => why_not_cheaper(
                        quote.horizon_nanousd,
                        best_total,
                        stay.total_nanousd,
                        least,
                        waits,
                    ),
                }),
            };
            answer.alternatives.push(alternative(entry, why_not));
            answer.basis.extend(entry.candidate.at.map(basis));
        }
        answer.basis.sort_by(|a, b| a.price_book.cmp(&b.price_book));
        answer.basis.dedup();

        self.give_reasons(answer);
        if grade == Grade::C {
            answer.reasons.push(Reason::UnsurePrice);
        }
    }

    /// Reasons, most telling first.
    fn give_reasons(&self, answer: &mut Recommendation) {
        let (p, terms, here, limit_ms) = (self.problem, self.terms, self.here, self.limit_ms);
        let mut reasons = Vec::new();
        if let Some(reason) = &p.dataset.pinned_reason {
            reasons.push(Reason::Pinned {
                reason: reason.clone(),
            });
        } else if answer.action == Action::Move {
            reasons.push(Reason::Cheaper {
                amount_nanousd: answer.horizon_saving_nanousd,
                horizon_days: answer.horizon_days,
            });
        } else {
            reasons.push(why_stay(answer));
        }
        if let Some(f) = terms.forecast {
            if f.idle_days >= IDLE_WORTH_TELLING {
                reasons.push(Reason::Idle {
                    days: i64::from(f.idle_days),
                });
            }
            reasons.push(Reason::ReadRate {
                reads_per_month: f.reads_per_month,
            });
        }
        let first_byte_ms = here.class.first_byte_ms.value;
        if first_byte_ms > limit_ms {
            reasons.push(Reason::TooSlowHere {
                first_byte_ms,
                limit_ms,
            });
        }
        let left = early_days(here.class, p.days_held);
        if left > 0.0 {
            let a_day = here.rates(terms.held).holding_per_day(0);
            reasons.push(Reason::MinimumNotServed {
                days_left: left as i64,
                amount_nanousd: NanoUsd::from_usd(a_day.times(left).usd),
            });
        }
        let slow = |a: &&Alternative| matches!(a.why_not, Some(WhyNot::TooSlow { .. }));
        let removed = i64::try_from(answer.alternatives.iter().filter(slow).count()).unwrap_or(i64::MAX);
        if removed > 0 {
            reasons.push(match p.dataset.latency_limit_ms {
                Some(limit_ms) => Reason::LatencyLimit { limit_ms, removed },
                None => Reason::LatencyAssumed { limit_ms, removed },
            });
        }
        let history = terms.forecast.map_or(0, Forecast::history_days);
        if history < SURE_AFTER_DAYS {
            reasons.push(Reason::ShortHistory { days: history });
        }
        answer.reasons.extend(reasons);
    }
}

fn why_not_cheaper(own: NanoUsd, best: NanoUsd, stay: NanoUsd, least: NanoUsd, guided: bool) -> WhyNot {
    let saving = stay - own;
    if own >= best && !(guided && saving >= least) {
        return WhyNot::DearerBy {
            amount_nanousd: own - best,
        };
    }
    if saving >= least {
        WhyNot::PolicyWaits
    } else {
        WhyNot::SavingTooSmall {
            amount_nanousd: saving,
            threshold_nanousd: least,
        }
    }
}

fn alternative(entry: &Entry<'_>, why_not: Option<WhyNot>) -> Alternative {
    let quote = entry.quote.clone();
    Alternative {
        placement: entry.candidate.placement.clone(),
        monthly_nanousd: quote.as_ref().map(|q| q.monthly_nanousd),
        horizon_nanousd: quote.as_ref().map(|q| q.horizon_nanousd),
        break_even_days: quote.as_ref().and_then(|q| q.break_even_days),
        one_time: quote.as_ref().map(|q| q.one_time.clone()),
        running: quote.map(|q| q.running),
        why_not,
    }
}

/// Why a dataset stays where nothing but money speaks.
fn why_stay(answer: &Recommendation) -> Reason {
    let unlikely = answer.alternatives.iter().find_map(|a| match a.why_not {
        Some(WhyNot::Unlikely { chance_percent }) => Some(Reason::Unlikely { chance_percent }),
        _ => None,
    });
    let too_small = answer.alternatives.iter().find_map(|a| match a.why_not {
        Some(WhyNot::PolicyWaits) => Some(Reason::PolicyWaits),
        Some(WhyNot::SavingTooSmall {
            amount_nanousd,
            threshold_nanousd,
        }) => Some(Reason::BelowThreshold {
            amount_nanousd,
            threshold_nanousd,
        }),
        _ => None,
    });
    unlikely.or(too_small).unwrap_or(Reason::NothingCheaper)
}

pub(super) fn basis(at: Priced<'_>) -> PriceBasis {
    PriceBasis {
        price_book: at.book.name.clone(),
        date: at.book.date.clone(),
        version: at.book.version,
    }
}

pub(super) fn blank(p: &Problem<'_>) -> Recommendation {
    Recommendation {
        id: RecommendationId(0),
        dataset_id: p.dataset.id,
        dataset_name: p.dataset.name.clone(),
        action: Action::Stay,
        current: p.current.placement.clone(),
        proposed: None,
        horizon_days: p.horizon_days,
        stay: None,
        stay_monthly_nanousd: None,
        threshold_nanousd: NanoUsd::ZERO,
        alternatives: Vec::new(),
        monthly_saving_nanousd: NanoUsd::ZERO,
        one_time_nanousd: NanoUsd::ZERO,
        horizon_saving_nanousd: NanoUsd::ZERO,
        break_even_days: None,
        break_even_at: None,
        forecast: None,
        reasons: Vec::new(),
        confidence: None,
        basis: Vec::new(),
        review: Review::default(),
        changed_because: String::new(),
        created_at: p.now,
        updated_at: p.now,
    }
}

/// Whether every total in it is the sum of its parts, exactly.
#[must_use]
pub(super) fn sheets_add_up(r: &Recommendation) -> bool {
    let sums = |s: &CostSheet| s.lines.iter().map(|l| l.amount_nanousd).sum::<NanoUsd>() == s.total_nanousd;
    let alternatives = r.alternatives.iter().all(|a| match (&a.running, &a.one_time) {
        (Some(running), Some(way)) => {
            sums(running) && sums(way) && a.horizon_nanousd == Some(running.total_nanousd + way.total_nanousd)
        }
        _ => a.horizon_nanousd.is_none(),
    });
    let net = match (&r.stay, r.proposed_alternative()) {
        (Some(stay), Some(to)) if r.action == Action::Move => {
            to.horizon_nanousd.map(|h| stay.total_nanousd - h) == Some(r.horizon_saving_nanousd)
        }
        _ => r.horizon_saving_nanousd == NanoUsd::ZERO,
    };
    alternatives && net && r.stay.as_ref().is_none_or(sums)
}
