//! Thirty days of reads in the width of a table cell: a bar a day, the oldest on the left.

use crate::domain::unit::Bytes;
use leptos::prelude::*;
use std::fmt::Write;

const HEIGHT: f64 = 26.0;

/// Bars scaled to their own peak; the label says the peak and on how many days something was read.
#[must_use]
pub fn spark(days: &[Bytes]) -> AnyView {
    let peak = days.iter().copied().max().unwrap_or_default();
    let active = days.iter().filter(|b| b.0 > 0).count();
    let label = if active == 0 {
        format!("no reads in {} days", days.len())
    } else {
        format!("reads on {active} of {} days, at most {peak} a day", days.len())
    };
    let mut bars = String::new();
    for (i, bytes) in days.iter().enumerate().filter(|(_, b)| b.0 > 0) {
        // At least two units high: a small day is not the same as none.
        let height = (bytes.0 as f64 / peak.0 as f64 * HEIGHT).max(2.0);
        let (x, y) = (i * 4, HEIGHT - height);
        // Writing to a String cannot fail.
        let _ = write!(bars, "M{x} {y:.1}h3v{height:.1}h-3z");
    }
    let width = (days.len() * 4).max(4);
    let title = label.clone();
    let base = format!("M0 {HEIGHT}h{width}v1h-{width}z");
    view! {
        <svg
            class="spark"
            role="img"
            aria-label=label
            viewBox=format!("0 0 {width} {}", HEIGHT + 1.0)
            preserveAspectRatio="none"
        >
            <title>{title}</title>
            <path class="base" d=base></path>
            <path class="bar" d=bars></path>
        </svg>
    }
    .into_any()
}
