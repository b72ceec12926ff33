//! When a newly computed recommendation is a new version of the stored one, and why.
//!
//! Invariant: the same answer with the same figures is not a new version, and neither is one whose figures moved by less than a
//! person would notice; what is shown is always the stored version, so that list, page and plan agree.

use super::{Action, Alternative, Reason, Recommendation, WhyNot};
use crate::domain::unit::NanoUsd;
use std::mem::{Discriminant, discriminant};

/// Money that moved by less than this share is the same: a forecast decays by about one percent on a day without reads, and a
/// version for each such day would rewrite every dataset daily.
const MONEY_PERCENT: i64 = 2;
/// Money below this is the same whatever its share: a hundredth of a cent.
const MONEY_LEAST: NanoUsd = NanoUsd(100_000);
/// A confidence that moved by less than this is the same: drawn futures do not tell smaller differences.
const CHANCE: f64 = 0.05;
/// Counts of days that a sentence names may be off by a tenth.
const DAYS_PERCENT: i64 = 10;

/// What makes `new` another version than `old`, in words; `None` when it is the same.
#[must_use]
pub fn change(old: Option<&Recommendation>, new: &Recommendation) -> Option<String> {
    let Some(old) = old else {
        return Some("first recommendation for it".into());
    };
    if old.current != new.current {
        return Some(format!(
            "it stands on {} now, no longer on {}",
            new.current, old.current
        ));
    }
    if !is_same_answer(old, new) {
        return Some(match (new.action, &new.proposed, &old.proposed) {
            (Action::Move, Some(to), Some(before)) => format!("{to} is best now, no longer {before}"),
            (Action::Move, Some(to), None) => format!("a move to {to} pays now"),
            (Action::Stay, _, Some(before)) => format!("a move to {before} does not pay any more"),
            _ if old.action == Action::NoHistory => "its first accesses were seen".into(),
            _ => "the answer is another one".into(),
        });
    }
    if old.basis != new.basis {
        return Some("prices or places to choose from changed".into());
    }
    if old.horizon_days != new.horizon_days || old.dataset_name != new.dataset_name {
        return Some("what it is asked for changed".into());
    }
    for (what, before, now) in [
        ("staying", old.stay_monthly_nanousd, new.stay_monthly_nanousd),
        (
            "the saving",
            Some(old.monthly_saving_nanousd),
            Some(new.monthly_saving_nanousd),
        ),
    ] {
        if !is_same_money(before, now) {
            let text = |m: Option<NanoUsd>| m.map_or("unknown".into(), |m| m.to_string());
            return Some(format!(
                "{what} is {} a month now, was {}",
                text(now),
                text(before)
            ));
        }
    }
    if !is_same_money(Some(old.one_time_nanousd), Some(new.one_time_nanousd))
        || !is_same_money(Some(old.horizon_saving_nanousd), Some(new.horizon_saving_nanousd))
    {
        return Some(format!(
            "the move costs {} once now, was {}",
            new.one_time_nanousd, old.one_time_nanousd
        ));
    }
    if !alternatives_match(&old.alternatives, &new.alternatives) {
        return Some("the other placements are valued otherwise".into());
    }
    if !reasons_match(&old.reasons, &new.reasons) {
        return Some("its reasons changed".into());
    }
    let chance = |r: &Recommendation| r.confidence.as_ref().map(|c| c.probability);
    let same = match (chance(old), chance(new)) {
        (Some(before), Some(now)) => (before - now).abs() < CHANCE,
        (before, now) => before == now,
    };
    (!same).then(|| "the policy is surer or less sure now".into())
}

/// Whether both say the same thing to do: what a person decided about one holds for the other.
#[must_use]
pub fn is_same_answer(old: &Recommendation, new: &Recommendation) -> bool {
    (old.action, &old.current, &old.proposed) == (new.action, &new.current, &new.proposed)
}

/// Whether the live channels should hear of the new version: another answer, or another saving. The first word that a dataset
/// stays is no news.
#[must_use]
pub fn is_news(old: Option<&Recommendation>, new: &Recommendation) -> bool {
    match old {
        None => new.action == Action::Move,
        Some(old) => {
            old.action != new.action
                || old.proposed != new.proposed
                || !is_same_money(Some(old.monthly_saving_nanousd), Some(new.monthly_saving_nanousd))
        }
    }
}

fn is_same_money(old: Option<NanoUsd>, new: Option<NanoUsd>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => is_near(old.0, new.0, MONEY_PERCENT, MONEY_LEAST.0),
        (old, new) => old == new,
    }
}

fn is_near(old: i64, new: i64, percent: i64, least: i64) -> bool {
    let apart = u128::from(old.abs_diff(new));
    let size = u128::from(old.unsigned_abs().max(new.unsigned_abs()));
    apart <= u128::from(least.unsigned_abs()) || apart * 100 <= size * u128::from(percent.unsigned_abs())
}

fn alternatives_match(old: &[Alternative], new: &[Alternative]) -> bool {
    let key = |a: &Alternative| {
        let why: Option<Discriminant<WhyNot>> = a.why_not.as_ref().map(discriminant);
        (
            a.placement.location_id,
            a.placement.storage_class.as_str().to_owned(),
            why,
        )
    };
    old.len() == new.len()
        && old.iter().all(|a| {
            let same = new.iter().find(|b| key(a) == key(b));
            same.is_some_and(|b| is_same_money(a.horizon_nanousd, b.horizon_nanousd))
        })
}

fn reasons_match(old: &[Reason], new: &[Reason]) -> bool {
    old.len() == new.len()
        && old.iter().zip(new).all(|(a, b)| {
            let near = |a: &i64, b: &i64| is_near(*a, *b, DAYS_PERCENT, 0);
            match (a, b) {
                (Reason::Idle { days: a }, Reason::Idle { days: b })
                | (Reason::ShortHistory { days: a }, Reason::ShortHistory { days: b })
                | (
                    Reason::MinimumNotServed { days_left: a, .. },
                    Reason::MinimumNotServed { days_left: b, .. },
                ) => near(a, b),
                _ => discriminant(a) == discriminant(b),
            }
        })
}
