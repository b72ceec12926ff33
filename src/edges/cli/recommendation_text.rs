//! One recommendation in full for people: figures, reasons, cost lines side by side, alternatives with why not.
//!
//! Invariant: every sentence comes from `domain::recommendation::explain` and every number from the server's answer.

use super::recommendations::review_text;
use super::style::{self, Style, or_dash};
use super::table::{Column, Tint, facts, render};
use crate::domain::price::line::{CostKind, CostLine, CostSheet};
use crate::domain::recommendation::{Action, Alternative, Recommendation, explain};
use crate::domain::unit::NanoUsd;

/// Everything about one recommendation.
pub(super) fn text(r: &Recommendation, style: Style) -> String {
    let mut out = format!(
        "{}\n{}\n",
        style.bold(&style::clean(r.dataset_name.as_str())),
        style::clean(&explain::headline(r))
    );
    for reason in explain::reasons(r) {
        out.push_str(&format!("  - {}\n", style::clean(&reason)));
    }
    out.push('\n');
    out.push_str(&facts(&figures(r), style));
    if let Some(stay) = &r.stay {
        out.push('\n');
        out.push_str(&costs(r, stay, style));
    }
    if !r.alternatives.is_empty() {
        out.push('\n');
        out.push_str(&render(&alternatives(r.horizon_days), &r.alternatives, style));
    }
    out
}

fn figures(r: &Recommendation) -> Vec<(&'static str, String)> {
    let is_move = r.action == Action::Move;
    let mut rows = vec![
        ("stands on", r.current.to_string()),
        (
            "costs now",
            format!("{} a month", or_dash(r.stay_monthly_nanousd)),
        ),
    ];
    if is_move {
        rows.extend([
            ("saves", format!("{} a month", r.monthly_saving_nanousd)),
            ("once", r.one_time_nanousd.to_string()),
            (
                "net",
                format!("{} over {} days", r.horizon_saving_nanousd, r.horizon_days),
            ),
        ]);
    }
    if let (true, Some(days)) = (is_move, r.break_even_days) {
        let on = r.break_even_at.map(|at| format!(", on {}", style::stamp(at)));
        rows.push((
            "paid back",
            format!("after {days} days{}", on.unwrap_or_default()),
        ));
    }
    if r.threshold_nanousd > NanoUsd::ZERO {
        rows.push((
            "a move must save",
            format!("{} over {} days", r.threshold_nanousd, r.horizon_days),
        ));
    }
    if let Some(forecast) = &r.forecast {
        rows.push((
            "forecast",
            format!(
                "{} full reads, {} read requests a month",
                rate(forecast.reads_per_month),
                rate(forecast.requests_per_month)
            ),
        ));
        rows.push(("by the rule", forecast.rule.clone()));
        let seen = forecast
            .features
            .iter()
            .map(|f| format!("{} {}", f.name, rate(f.value)))
            .collect::<Vec<_>>();
        rows.push(("made from", seen.join(", ")));
        rows.push((
            "would change",
            match forecast.flips_at_reads_per_month {
                Some(flip) => format!("at {} full reads a month", rate(flip)),
                None => "at no rate of reads in sight".into(),
            },
        ));
        rows.extend(forecast.cell.clone().map(|cell| ("cell", cell)));
        rows.push(("confidence", explain::confidence(r.confidence.as_ref())));
    }
    let prices: Vec<String> = r
        .basis
        .iter()
        .map(|b| format!("{} of {}", b.price_book, b.date))
        .collect();
    rows.push((
        "prices",
        or_dash(Some(prices.join(", ")).filter(|p| !p.is_empty())),
    ));
    if is_move {
        rows.push(("review", review_text(&r.review)));
    }
    rows.push((
        "this version",
        format!("{}: {}", style::stamp(r.updated_at), r.changed_because),
    ));
    rows
}

/// At most four digits, none of them idle.
pub(super) fn rate(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A line of both sides' costs.
struct CostRow {
    what: &'static str,
    stay: Option<NanoUsd>,
    there: Option<NanoUsd>,
    how: String,
}

/// Staying and the proposal (or the cheapest other place) side by side: each kind of charge, then what the move costs once.
fn costs(r: &Recommendation, stay: &CostSheet, style: Style) -> String {
    let none = CostSheet::default();
    let other = r
        .proposed_alternative()
        .or_else(|| r.alternatives.iter().find(|a| a.running.is_some()));
    let running = other.and_then(|a| a.running.as_ref());
    let way = other.and_then(|a| a.one_time.as_ref()).unwrap_or(&none);
    let mut rows = Vec::new();
    for kind in CostKind::ALL {
        let of = |sheet: &CostSheet| {
            sheet
                .lines
                .iter()
                .filter(|l| l.kind == kind)
                .cloned()
                .collect::<Vec<_>>()
        };
        let (left, right) = (of(stay), running.map(of).unwrap_or_default());
        if left.is_empty() && right.is_empty() {
            continue;
        }
        rows.push(CostRow {
            what: kind.title(),
            stay: Some(stay.sum_of(kind)),
            there: running.map(|sheet| sheet.sum_of(kind)),
            how: how(&left, &right),
        });
    }
    rows.push(CostRow {
        what: "Running",
        stay: Some(stay.total_nanousd),
        there: running.map(|s| s.total_nanousd),
        how: String::new(),
    });
    rows.extend(way.lines.iter().map(|line| CostRow {
        what: line.kind.title(),
        stay: None,
        there: Some(line.amount_nanousd),
        how: format!("once: {}", line.text),
    }));
    rows.push(CostRow {
        what: "All",
        stay: Some(stay.total_nanousd),
        there: running.map(|s| s.total_nanousd + way.total_nanousd),
        how: format!("over {} days", r.horizon_days),
    });
    let title = other.map_or_else(String::new, |a| format!("{} beside {}\n", r.current, a.placement));
    style.tint(Tint::Faint, &style::clean(&title)) + &render(&cost_columns(), &rows, style)
}

fn how(stay: &[CostLine], there: &[CostLine]) -> String {
    let texts = |lines: &[CostLine]| {
        lines
            .iter()
            .map(|l| l.text.clone())
            .collect::<Vec<_>>()
            .join(" + ")
    };
    match (stay.is_empty(), there.is_empty()) {
        (false, false) => format!("{} | {}", texts(stay), texts(there)),
        (false, true) => texts(stay),
        _ => format!("| {}", texts(there)),
    }
}

fn cost_columns() -> Vec<Column<CostRow>> {
    let amount = |title, key, of: fn(&CostRow) -> Option<NanoUsd>| {
        Column::number(
            title,
            key,
            move |r: &CostRow| of(r).map(|m| m.to_string()).unwrap_or_default(),
            move |r: &CostRow| of(r).map(|m| m.0.to_string()).unwrap_or_default(),
        )
    };
    vec![
        Column::text("COST", "what", |r: &CostRow| r.what.to_owned()),
        amount("STAY", "stay", |r| r.stay),
        amount("THERE", "there", |r| r.there),
        Column::text("FOR", "how", |r: &CostRow| r.how.clone()).tinted(|_| Tint::Faint),
    ]
}

fn alternatives(horizon_days: i64) -> Vec<Column<Alternative>> {
    let optional = |title, key, of: fn(&Alternative) -> Option<NanoUsd>| {
        Column::number(
            title,
            key,
            move |a: &Alternative| or_dash(of(a)),
            move |a: &Alternative| of(a).map(|m| m.0.to_string()).unwrap_or_default(),
        )
    };
    // The heading names the horizon, which is the same for all of them.
    let whole: &'static str = if horizon_days == 90 { "90 DAYS" } else { "HORIZON" };
    vec![
        Column::text("PLACE", "placement", |a: &Alternative| a.placement.to_string()),
        optional("A MONTH", "monthly_nanousd", |a| a.monthly_nanousd),
        optional("ONCE", "one_time_nanousd", |a| {
            a.one_time.as_ref().map(|s| s.total_nanousd)
        }),
        optional(whole, "horizon_nanousd", |a| a.horizon_nanousd),
        Column::number(
            "PAID BACK",
            "break_even_days",
            |a: &Alternative| or_dash(a.break_even_days.map(|d| format!("{d} d"))),
            |a: &Alternative| a.break_even_days.map(|d| d.to_string()).unwrap_or_default(),
        ),
        Column::text("WHY NOT", "why_not", |a: &Alternative| {
            a.why_not
                .as_ref()
                .map_or_else(|| "proposed".into(), explain::why_not)
        })
        .tinted(|a| match a.why_not {
            None => Tint::Good,
            Some(_) => Tint::None,
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates_show_at_most_four_digits_that_say_something() {
        for (value, text) in [
            (0.0, "0"),
            (1.4, "1.4"),
            (0.000_123_456, "0.0001235"),
            (12_345.6, "12346"),
            (364.0, "364"),
            (0.5, "0.5"),
        ] {
            assert_eq!(rate(value), text);
        }
    }
}
