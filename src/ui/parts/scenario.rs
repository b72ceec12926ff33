//! What a scenario says beside the present state: the server writes it first, and the browser again while a slider moves
//! (`browser/what_if.rs`).
//!
//! Invariant: pure text, so that both write the same; every name in it is escaped.

use crate::domain::recommendation::what_if::{GROWTH, HORIZON, RETRIEVAL, Scenario};
use crate::domain::recommendation::{PlacementRef, Recommendation, explain};
use crate::domain::unit::NanoUsd;
use crate::ui::format::{days, monthly};
use std::fmt::Write;

/// What changes on the page with the scenario: text, and the rows of its two tables.
pub struct Answer {
    /// The advice in a sentence.
    pub headline: String,
    /// Whether it is another one.
    pub word: &'static str,
    /// Over how long costs are compared.
    pub over: String,
    /// Rows of figures, the present state beside the scenario.
    pub beside: String,
    /// Rows of placements.
    pub places: String,
}

/// The answer to a scenario beside that to none.
#[must_use]
pub fn answer(base: &Recommendation, then: &Recommendation, scenario: &Scenario) -> Answer {
    Answer {
        headline: explain::headline(then),
        word: if then.proposed == base.proposed {
            "The answer stays the same."
        } else {
            "The answer changes."
        },
        over: format!("over {}", days(scenario.horizon())),
        beside: beside(base, then),
        places: places(base, then),
    }
}

/// A slider of the scenario.
pub struct Slider {
    /// Its name in the address.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Least and most.
    pub range: (i64, i64),
    /// Where it stands in a scenario.
    pub read: fn(&Scenario) -> i64,
    /// What it says there.
    pub show: fn(i64) -> String,
}

fn percent(n: i64) -> String {
    if n > 0 {
        format!("+{n} %")
    } else {
        format!("{n} %")
    }
}

/// All sliders.
pub const SLIDERS: [Slider; 3] = [
    Slider {
        name: "growth",
        label: "Reads",
        range: GROWTH,
        read: |s| s.growth_percent,
        show: percent,
    },
    Slider {
        name: "retrieval",
        label: "Retrieval price",
        range: RETRIEVAL,
        read: |s| s.retrieval_percent,
        show: percent,
    },
    Slider {
        name: "horizon",
        label: "Days that costs are compared over",
        range: HORIZON,
        read: Scenario::horizon,
        show: days,
    },
];

fn beside(b: &Recommendation, s: &Recommendation) -> String {
    let mut rows = String::new();
    let spot = |r: &Recommendation| spot(r.proposed.as_ref().unwrap_or(&r.current));
    text(&mut rows, "Best placement", &spot(b), &spot(s));
    for (label, of) in MONEY {
        let (before, then) = (of(b), of(s));
        let change = before.zip(then).map(|(x, y)| y - x);
        let says = change.map_or_else(|| "–".to_owned(), difference);
        let nano = change.map_or_else(String::new, |c| c.0.to_string());
        let (before, then) = (monthly(before), monthly(then));
        // Writing to a string cannot fail.
        let _ = write!(
            rows,
            r#"<tr><th scope="row">{label}</th><td class="num">{before}</td><td class="num">{then}</td><td class="num" data-difference="{nano}">{says}</td></tr>"#
        );
    }
    let even = |r: &Recommendation| r.break_even_days.map_or_else(|| "–".to_owned(), days);
    let reads = |r: &Recommendation| {
        r.forecast
            .as_ref()
            .map_or_else(|| "–".to_owned(), |f| format!("{:.2}", f.reads_per_month))
    };
    text(&mut rows, "Pays for itself in", &even(b), &even(s));
    text(&mut rows, "Full reads a month", &reads(b), &reads(s));
    rows
}

type Figure = fn(&Recommendation) -> Option<NanoUsd>;

const MONEY: [(&str, Figure); 4] = [
    ("Staying, a month", |r| r.stay_monthly_nanousd),
    ("Saving, a month", |r| Some(r.monthly_saving_nanousd)),
    ("Move, once", |r| Some(r.one_time_nanousd)),
    ("Saved over the days compared", |r| Some(r.horizon_saving_nanousd)),
];

fn text(rows: &mut String, label: &str, before: &str, then: &str) {
    // Writing to a string cannot fail.
    let _ = write!(
        rows,
        r#"<tr><th scope="row">{label}</th><td class="num">{before}</td><td class="num">{then}</td><td></td></tr>"#
    );
}

fn difference(of: NanoUsd) -> String {
    if of.0 > 0 {
        format!("+{of}")
    } else {
        of.to_string()
    }
}

fn places(b: &Recommendation, s: &Recommendation) -> String {
    let mut rows = String::new();
    for a in &s.alternatives {
        let before = b.alternatives.iter().find(|x| x.placement == a.placement);
        let why = a
            .why_not
            .as_ref()
            .map_or_else(|| "proposed".to_owned(), explain::why_not);
        let (was, is) = (
            monthly(before.and_then(|x| x.monthly_nanousd)),
            monthly(a.monthly_nanousd),
        );
        // Writing to a string cannot fail.
        let _ = write!(
            rows,
            r#"<tr><td class="title">{}</td><td class="num" data-label="As it is">{was}</td><td class="num" data-label="In this scenario">{is}</td><td data-label="Why not"><span class="soft">{}</span></td></tr>"#,
            spot(&a.placement),
            escaped(&why)
        );
    }
    rows
}

/// As `place.rs` draws it.
fn spot(at: &PlacementRef) -> String {
    format!(
        r#"<span class="place"><span>{}</span><span class="class">{}</span></span>"#,
        escaped(at.location_name.as_str()),
        escaped(at.storage_class.as_str())
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_says_is_text_and_no_markup() {
        assert_eq!(escaped("a<b> & c"), "a&lt;b&gt; &amp; c");
    }
}
