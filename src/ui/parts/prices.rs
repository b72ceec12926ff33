//! A price book as a sheet: classes side by side, every figure with its grade and the number of its source below.

use crate::domain::price::book::{FigureRow, PriceBook};
use crate::domain::price::line::Grade;
use crate::domain::unit::{Bytes, group_thousands};
use crate::ui::format::{days, milliseconds};
use leptos::prelude::*;

/// Names of figures in the book and what people read; what follows the name (a volume, idle days) is kept.
const LABELS: [(&str, &str); 17] = [
    ("storage_per_gb_month", "Storage, per GB and month"),
    ("retrieval_per_gb", "Retrieval, per GB"),
    ("class_a_per_1k", "Writes, per 1,000 requests"),
    ("class_b_per_1k", "Reads, per 1,000 requests"),
    ("restore_per_1k", "Restores, per 1,000 requests"),
    ("transition_in_per_1k", "Transition into it, per 1,000 objects"),
    (
        "monitoring_per_1k_objects_month",
        "Management, per 1,000 objects and month",
    ),
    ("min_days", "Minimum duration"),
    ("min_object_bytes", "Minimum billed object"),
    ("overhead_bytes", "Overhead per object"),
    (
        "overhead_hot_bytes",
        "Overhead per object, at the first class's rate",
    ),
    ("managed_min_object_bytes", "Managed from an object size of"),
    ("first_byte_ms", "First byte, typically"),
    ("egress_internet_per_gb", "To the internet, per GB"),
    ("egress_between_regions_per_gb", "To another region, per GB"),
    ("egress_free_gb_per_month", "Free each month, GB"),
    (
        "egress_free_times_stored",
        "Free each month, times the stored bytes",
    ),
];

/// The sheet and its sources.
#[must_use]
pub fn sheet(book: &PriceBook) -> AnyView {
    let rows = book.figures();
    let mut sources: Vec<(String, String)> = Vec::new();
    for row in &rows {
        let of = (row.date.clone(), row.source.clone());
        if !sources.contains(&of) {
            sources.push(of);
        }
    }
    let cite = |row: &FigureRow| {
        sources
            .iter()
            .position(|(date, source)| *date == row.date && *source == row.source)
            .map_or(0, |i| i + 1)
    };
    let classes: Vec<String> = book.classes.iter().map(|c| c.name.to_string()).collect();
    let mut names: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|r| r.class.is_some()) {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    // Rows in the order of the labels, whatever class came first.
    names.sort_by_key(|name| {
        let of = LABELS.iter().position(|(start, _)| name.starts_with(start));
        (of, of.is_some_and(|i| *name != LABELS[i].0))
    });
    let body = names
        .iter()
        .map(|name| {
            let cells = classes
                .iter()
                .map(|class| {
                    let row = rows
                        .iter()
                        .find(|r| r.name == *name && r.class.as_deref() == Some(class.as_str()));
                    cell(row.map(|r| (r, cite(r))))
                })
                .collect_view();
            view! { <tr><th scope="row">{label(name)}</th>{cells}</tr> }
        })
        .collect_view();
    let place = rows
        .iter()
        .filter(|r| r.class.is_none())
        .map(|r| view! { <tr><th scope="row">{label(&r.name)}</th>{cell(Some((r, cite(r))))}</tr> })
        .collect_view();
    let head = book
        .classes
        .iter()
        .map(|c| view! { <th scope="col" class="num">{c.title.clone()}<span class="sub mono">{c.name.to_string()}</span></th> })
        .collect_view();
    let sources = sources
        .into_iter()
        .enumerate()
        .map(|(i, (date, source))| view! { <li><span>{format!("{}", i + 1)}</span><span>{format!("{date}. {source}")}</span></li> })
        .collect_view();
    view! {
        <div class="table-wrap" role="region" aria-label="Prices by class" tabindex="0">
            <table class="prices">
                <thead><tr><th scope="col">"Figure"</th>{head}</tr></thead>
                <tbody>{body}</tbody>
            </table>
        </div>
        <div class="card-head sub-head"><h3>"Bytes that leave"</h3></div>
        <div class="table-wrap"><table class="prices narrow"><tbody>{place}</tbody></table></div>
        <div class="card-head sub-head"><h3>"Sources"</h3><span class="small muted">"the letter is the grade, the number the source"</span></div>
        <div class="card-body"><ol class="sources">{sources}</ol></div>
    }
    .into_any()
}

fn cell(row: Option<(&FigureRow, usize)>) -> AnyView {
    let Some((row, source)) = row else {
        return view! { <td class="none">"–"</td> }.into_any();
    };
    let class = if row.grade == Grade::C { "c" } else { "" };
    let mut says = format!("Grade {}: {}", row.grade.as_str(), row.grade.meaning());
    if let Some(note) = &row.note {
        says = format!("{says}. {note}");
    }
    let mark = format!("{}{source}", row.grade.as_str());
    view! { <td>{value(row)}<sup class=class title=says>{mark}</sup></td> }.into_any()
}

fn label(name: &str) -> String {
    LABELS
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map_or_else(
            || name.replace('_', " "),
            |(start, text)| format!("{text}{}", &name[start.len()..]),
        )
}

/// The value in the unit that its name ends with.
fn value(row: &FigureRow) -> String {
    match row.number {
        Some(n) if row.name.ends_with("_bytes") => Bytes::from_i64(n).to_string(),
        Some(n) if row.name.ends_with("_days") => days(n),
        Some(n) if row.name.ends_with("_ms") => milliseconds(n),
        Some(n) => group_thousands(n.unsigned_abs()),
        None => row.value_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn figures_have_names_for_people() {
        assert_eq!(
            label("storage_per_gb_month up to 51200 GB"),
            "Storage, per GB and month up to 51200 GB"
        );
        assert_eq!(label("min_days"), "Minimum duration");
        assert_eq!(label("new_kind"), "new kind");
    }
}
