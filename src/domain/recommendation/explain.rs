//! The only place that turns a recommendation's reasons into sentences for people.
//!
//! Browser, CLI and reports call these; none of them words a reason by itself.

use super::{Action, Confidence, Reason, Recommendation, WhyNot};
use crate::domain::unit::{Bytes, group_thousands};

/// One sentence for a headline: what to do and what it brings.
#[must_use]
pub fn headline(r: &Recommendation) -> String {
    match (&r.action, &r.proposed) {
        (Action::Move, Some(to)) => format!(
            "Move to {to}: saves {} a month, costs {} once{}",
            r.monthly_saving_nanousd,
            r.one_time_nanousd,
            r.break_even_days
                .map_or(String::new(), |d| format!(", pays for itself in {}", days(d))),
        ),
        (Action::NoHistory, _) => "No history yet: post access events or import a log".into(),
        _ => format!("Stay on {}", r.current),
    }
}

/// Every reason as a sentence, in the recommendation's order.
#[must_use]
pub fn reasons(r: &Recommendation) -> Vec<String> {
    r.reasons.iter().map(reason).collect()
}

/// One reason as a sentence.
#[must_use]
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::NoHistory => "No access has been seen yet, so nothing is forecast.".into(),
        Reason::NoSize => "Its size is not known yet; scan it so that it can be priced.".into(),
        Reason::NoPriceHere { price_book } => {
            format!("No price is known where it stands: the price book has no {price_book:?} with its class.")
        }
        Reason::ReadRate { reads_per_month } => read_rate(*reads_per_month),
        Reason::Idle { days: n } => format!("Nobody has read it for {}.", days(*n)),
        Reason::Cheaper {
            amount_nanousd,
            horizon_days,
        } => format!(
            "Over {} the move saves {amount_nanousd} after paying for itself.",
            days(*horizon_days)
        ),
        Reason::NothingCheaper => "No allowed placement is cheaper over the horizon.".into(),
        Reason::BelowThreshold {
            amount_nanousd,
            threshold_nanousd,
        } => format!(
            "A cheaper place would save only {amount_nanousd} over the horizon; below {threshold_nanousd} it stays, so that it does not move to and fro."
        ),
        Reason::Pinned { reason } => format!("Its owner pinned it: {reason}"),
        Reason::LatencyLimit { limit_ms, removed } => format!(
            "{removed} {} too slow for its latency limit of {}.",
            if *removed == 1 { "class is" } else { "classes are" },
            millis(*limit_ms)
        ),
        Reason::LatencyAssumed { limit_ms, removed } => format!(
            "{removed} {} left out that answer{} later than {}; state a latency limit to allow {}.",
            if *removed == 1 { "class is" } else { "classes are" },
            if *removed == 1 { "s" } else { "" },
            millis(*limit_ms),
            if *removed == 1 { "it" } else { "them" },
        ),
        Reason::TooSlowHere {
            first_byte_ms,
            limit_ms,
        } => format!(
            "Where it stands the first byte comes after {}; its readers accept {}.",
            millis(*first_byte_ms),
            millis(*limit_ms)
        ),
        Reason::MinimumNotServed {
            days_left,
            amount_nanousd,
        } => format!(
            "Its present class asks for {} more; leaving now costs {amount_nanousd}.",
            days(*days_left)
        ),
        Reason::ShortHistory { days: n } => format!(
            "Only {} of history: the forecast is mixed with a cautious one.",
            days(*n)
        ),
        Reason::UnsurePrice => "Some price behind these figures is unsure (grade C).".into(),
        Reason::PolicyWaits => {
            "The policy waits: moves like this have not paid often enough on such histories.".into()
        }
        Reason::Unlikely { chance_percent } => format!(
            "It stays: the best move would pay with a chance of {chance_percent} % only, below even odds."
        ),
        Reason::RuleBroken { rule } => format!("A policy is not kept: {rule}."),
        Reason::JobRunning => "A move of this dataset is under way.".into(),
    }
}

/// Why a candidate is not proposed, as a phrase for a table cell.
#[must_use]
pub fn why_not(why: &WhyNot) -> String {
    match why {
        WhyNot::Pinned { reason } => format!("pinned: {reason}"),
        WhyNot::LocationNotAllowed { rule } => format!("not allowed: {rule}"),
        WhyNot::TooSlow {
            first_byte_ms,
            limit_ms,
        } => format!(
            "first byte after {}, the limit is {}",
            millis(*first_byte_ms),
            millis(*limit_ms)
        ),
        WhyNot::ObjectsTooSmall {
            mean_object_bytes,
            minimum_bytes,
        } => format!(
            "objects of {} are below the class's {}",
            size(*mean_object_bytes),
            size(*minimum_bytes)
        ),
        WhyNot::NoPrice => "no price is known".into(),
        WhyNot::DearerBy { amount_nanousd } => format!("costs {amount_nanousd} more"),
        WhyNot::SavingTooSmall {
            amount_nanousd,
            threshold_nanousd,
        } => format!("would save {amount_nanousd}, a move must save {threshold_nanousd}"),
        WhyNot::NotLasting { next } => format!("would be moved on to {next} at once"),
        WhyNot::PolicyWaits => "the policy waits for more evidence".into(),
        WhyNot::Unlikely { chance_percent } => format!("pays with a chance of {chance_percent} % only"),
    }
}

/// The confidence, or why there is none.
#[must_use]
pub fn confidence(confidence: Option<&Confidence>) -> String {
    match confidence {
        Some(c) => format!(
            "{:.0} % that it pays ({})",
            c.probability * 100.0,
            c.calibrated_on
        ),
        None => "no calibrated confidence yet".into(),
    }
}

fn read_rate(reads_per_month: f64) -> String {
    if reads_per_month <= 0.0 {
        return "No reads are expected.".into();
    }
    if reads_per_month < 0.000_05 {
        return "Less than 0.01 % of it is read in a month.".into();
    }
    if reads_per_month < 1.0 {
        let percent = reads_per_month * 100.0;
        let digits = if percent < 1.0 { 2 } else { 0 };
        return format!("About {percent:.digits$} % of it is read in a month.");
    }
    format!("It is read about {reads_per_month:.1} times over in a month.")
}

fn days(n: i64) -> String {
    let text = group_thousands(n.unsigned_abs());
    if n == 1 {
        format!("{text} day")
    } else {
        format!("{text} days")
    }
}

fn millis(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

fn size(bytes: i64) -> String {
    Bytes::from_i64(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::NanoUsd;

    #[test]
    fn sentences_carry_their_units() {
        assert_eq!(reason(&Reason::Idle { days: 1 }), "Nobody has read it for 1 day.");
        assert_eq!(read_rate(0.006), "About 0.60 % of it is read in a month.");
        assert_eq!(read_rate(2.5), "It is read about 2.5 times over in a month.");
        let slow = WhyNot::TooSlow {
            first_byte_ms: 43_200_000,
            limit_ms: 200,
        };
        assert_eq!(why_not(&slow), "first byte after 12 h, the limit is 200 ms");
        let dearer = WhyNot::DearerBy {
            amount_nanousd: NanoUsd(2_500_000_000),
        };
        assert_eq!(why_not(&dearer), "costs $2.50 more");
    }

    #[test]
    fn no_confidence_is_said_rather_than_invented() {
        assert_eq!(confidence(None), "no calibrated confidence yet");
    }
}
