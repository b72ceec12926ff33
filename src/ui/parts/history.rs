//! The access history of a dataset: bytes and reads by day, as bars with a table beside them.
//!
//! Invariant: a bar is the sum of whole days, weeks or 30-day spans; the heading says which. Long histories are summed so that a bar
//! stays wide enough to see.

use crate::domain::access::AccessBucket;
use crate::domain::unit::{Bytes, Timestamp};
use crate::ui::format::{count, date};
use leptos::prelude::*;
use std::fmt::Write;

/// Most bars that can still be told apart at phone width.
const BARS_MAX: i64 = 130;

/// One bar.
#[derive(Clone, Copy, Default)]
struct Span {
    start: Timestamp,
    read_bytes: Bytes,
    write_bytes: Bytes,
    reads: i64,
    writes: i64,
}

/// Two charts and their table, from `first` to `last` (days since 1970, both included). `page` opens the part that is dragged over.
#[must_use]
pub fn history(days: &[AccessBucket], (first, last): (i64, i64), page: &str) -> AnyView {
    let (step, unit) = match last - first + 1 {
        ..=BARS_MAX => (1, "day"),
        n if n <= 7 * BARS_MAX => (7, "week"),
        _ => (30, "30 days"),
    };
    let spans = sum(days, first, last, step);
    let top_bytes = spans
        .iter()
        .map(|s| (s.read_bytes + s.write_bytes).0)
        .max()
        .unwrap_or(0);
    let top_reads = spans.iter().map(|s| s.reads).max().unwrap_or(0);
    let total: Bytes = spans.iter().map(|s| s.read_bytes).sum();
    let reads: i64 = spans.iter().map(|s| s.reads).sum();
    let width = spans.len() * 10;
    let zoom = |days: i64| Zoom {
        page: page.to_owned(),
        first,
        days,
    };
    let shown_days = step * i64::try_from(spans.len()).unwrap_or(1);
    let read_bars = bars(spans.iter().map(|s| (0, s.read_bytes.0)), top_bytes);
    let write_bars = bars(spans.iter().map(|s| (s.read_bytes.0, s.write_bytes.0)), top_bytes);
    let count_bars = bars(
        spans.iter().map(|s| (0, u64::try_from(s.reads).unwrap_or(0))),
        u64::try_from(top_reads).unwrap_or(0),
    );
    let from = spans.first().map(|s| date(s.start)).unwrap_or_default();
    let to = date(day(last));
    let summary = format!("{total} read in {} reads from {from} to {to}", count(reads));
    let rows = spans
        .iter()
        .rev()
        .filter(|s| s.reads + s.writes > 0)
        .copied()
        .collect::<Vec<_>>();
    view! {
        <figure class="stack-s">
            <p class="legend">
                <span><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="s1" width="10" height="10" rx="2"></rect></svg>{format!("bytes read by {unit}")}</span>
                <span><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="s2" width="10" height="10" rx="2"></rect></svg>{format!("bytes written by {unit}")}</span>
            </p>
            {plot(Plot { title: format!("Bytes by {unit}"), desc: summary.clone(), width, top: Bytes(top_bytes).to_string(), low: false, bars: vec![("s1", read_bars), ("s2", write_bars)], from: from.clone(), to: to.clone(), zoom: zoom(shown_days) })}
            <p class="legend">
                <span><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="s3" width="10" height="10" rx="2"></rect></svg>{format!("number of reads by {unit}")}</span>
            </p>
            {plot(Plot { title: format!("Reads by {unit}"), desc: format!("at most {} reads", count(top_reads)), width, top: count(top_reads), low: true, bars: vec![("s3", count_bars)], from, to, zoom: zoom(shown_days) })}
            <figcaption class="small muted">{summary}</figcaption>
        </figure>
        <details class="quiet">
            <summary>{format!("The same as a table ({} with accesses)", crate::ui::format::plural(i64::try_from(rows.len()).unwrap_or(0), "row"))}</summary>
            <div class="table-wrap">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{format!("From ({unit}, UTC)")}</th>
                            <th scope="col" class="num">"Reads"</th>
                            <th scope="col" class="num">"Bytes read"</th>
                            <th scope="col" class="num">"Writes"</th>
                            <th scope="col" class="num">"Bytes written"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows
                            .into_iter()
                            .map(|s| view! {
                                <tr>
                                    <td>{date(s.start)}</td>
                                    <td class="num">{count(s.reads)}</td>
                                    <td class="num">{s.read_bytes.to_string()}</td>
                                    <td class="num">{count(s.writes)}</td>
                                    <td class="num">{s.write_bytes.to_string()}</td>
                                </tr>
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </div>
        </details>
    }
    .into_any()
}

struct Plot {
    title: String,
    desc: String,
    width: usize,
    top: String,
    low: bool,
    bars: Vec<(&'static str, String)>,
    from: String,
    to: String,
    zoom: Zoom,
}

/// What the browser needs to know of a chart of whose days a part can be chosen.
struct Zoom {
    page: String,
    first: i64,
    days: i64,
}

fn plot(p: Plot) -> AnyView {
    let class = if p.low { "chart low" } else { "chart" };
    let width = p.width;
    let says = format!("{}: {}", p.title, p.desc);
    view! {
        <div class=class>
            <div class="y" aria-hidden="true"><span>{p.top}</span><span>"0"</span></div>
            <svg role="img" aria-label=says viewBox=format!("0 0 {width} 100") preserveAspectRatio="none" data-zoom=p.zoom.page data-first=p.zoom.first.to_string() data-days=p.zoom.days.to_string() data-width=width.to_string()>
                <title>{p.title}</title>
                <desc>{p.desc}</desc>
                <path class="grid-line" fill="none" d=format!("M0 0H{width}M0 50H{width}M0 100H{width}")></path>
                {p.bars.into_iter().map(|(class, d)| view! { <path class=class d=d></path> }).collect_view()}
            </svg>
            <div class="x" aria-hidden="true"><span>{p.from}</span><span>{p.to}</span></div>
        </div>
    }
    .into_any()
}

/// Bars as one path: ten units a step, two of them gap; values from a base up, scaled to 100.
fn bars(values: impl Iterator<Item = (u64, u64)>, top: u64) -> String {
    let mut d = String::new();
    if top == 0 {
        return d;
    }
    let scale = 100.0 / top as f64;
    for (i, (base, value)) in values.enumerate().filter(|(_, (_, v))| *v > 0) {
        let height = (value as f64 * scale).max(0.8);
        let y = 100.0 - base as f64 * scale - height;
        // Writing to a String cannot fail.
        let _ = write!(d, "M{} {y:.2}h8v{height:.2}h-8z", i * 10 + 1);
    }
    d
}

fn sum(days: &[AccessBucket], first: i64, last: i64, step: i64) -> Vec<Span> {
    let count = usize::try_from((last - first) / step + 1).unwrap_or(1);
    let mut spans: Vec<Span> = (0i64..)
        .take(count)
        .map(|i| Span {
            start: day(first + i * step),
            ..Span::default()
        })
        .collect();
    for bucket in days {
        let offset = bucket.start.day() - first;
        if offset < 0 || bucket.start.day() > last {
            continue;
        }
        let Some(span) = usize::try_from(offset / step).ok().and_then(|i| spans.get_mut(i)) else {
            continue;
        };
        span.read_bytes += bucket.read_bytes;
        span.write_bytes += bucket.write_bytes;
        span.reads += bucket.reads;
        span.writes += bucket.writes;
    }
    spans
}

fn day(number: i64) -> Timestamp {
    Timestamp(number.saturating_mul(Timestamp::DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_in_one_bar() {
        let days: Vec<_> = (100..1_000)
            .map(|d| AccessBucket {
                start: day(d),
                reads: 1,
                ..Default::default()
            })
            .collect();
        for step in [1, 7, 30] {
            let spans = sum(&days, 100, 999, step);
            assert_eq!(spans.iter().map(|s| s.reads).sum::<i64>(), 900, "{step}");
        }
        assert_eq!(sum(&days, 990, 2_000, 7).iter().map(|s| s.reads).sum::<i64>(), 10);
    }

    #[test]
    fn no_access_draws_no_bar() {
        assert_eq!(bars([(0, 0), (0, 0)].into_iter(), 0), "");
        assert_eq!(bars([(0, 5)].into_iter(), 5), "M1 0.00h8v100.00h-8z");
    }
}
