//! Which days of an access history are shown: a number of latest days, or from one day to another, both in the address.
//!
//! Invariant: pure but for the form; what cannot be read, and a span that is none, is the whole history. The browser's half is
//! `ui/browser/zoom.rs`, which opens the same addresses.

use crate::domain::unit::Timestamp;
use leptos::prelude::*;

/// Longest span that an address can ask for, in days: a century, so that a typing error draws no million bars.
const DAYS_MAX: i64 = 36_500;
/// A span of one day would be one wide bar.
const ROOM: i64 = 6;

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// So many of the latest days.
    pub days: Option<String>,
    /// From this day, `2026-11-24` …
    pub from: Option<String>,
    /// … to this one.
    pub to: Option<String>,
}

impl Asked {
    /// Whether it asks for a part by its ends.
    #[must_use]
    pub fn is_zoomed(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// First and last day (since 1970) of what it asks for, of a history between `oldest` and `newest`.
    #[must_use]
    pub fn span(&self, oldest: i64, newest: i64) -> (i64, i64) {
        if self.is_zoomed() {
            let day = |text: &Option<String>| text.as_deref().and_then(read);
            let (from, to) = (day(&self.from).unwrap_or(oldest), day(&self.to).unwrap_or(newest));
            let (first, last) = (from.min(to), from.max(to));
            if last - first < DAYS_MAX {
                return (first, last);
            }
        }
        let latest = self.days.as_deref().and_then(|text| text.parse::<i64>().ok());
        match latest.filter(|n| (1..=DAYS_MAX).contains(n)) {
            Some(n) => (newest - n + 1, newest),
            None => (oldest.min(newest - ROOM), newest),
        }
    }
}

/// A day as the address has it.
#[must_use]
pub fn written(day: i64) -> String {
    let at = Timestamp(day.saturating_mul(Timestamp::DAY));
    at.to_utc()
        .map_or_else(String::new, |t| t.format("%Y-%m-%d").to_string())
}

fn read(text: &str) -> Option<i64> {
    let at = Timestamp::parse_rfc3339(&format!("{}T00:00:00Z", text.trim())).ok()?;
    Some(at.day())
}

/// Two days and the way back: a form that needs no script and no pointer.
#[must_use]
pub fn form(page: &str, asked: &Asked, (first, last): (i64, i64)) -> AnyView {
    let back = asked
        .is_zoomed()
        .then(|| view! { <a class="button" href=page.to_owned() data-noscroll data-testid="whole-history">"Whole history"</a> });
    view! {
        <form method="get" action=page.to_owned() class="zoom" aria-label="Part of the history" data-noscroll>
            <div class="field"><label for="history-from">"From"</label><input id="history-from" type="date" name="from" value=written(first)/></div>
            <div class="field"><label for="history-to">"To"</label><input id="history-to" type="date" name="to" value=written(last)/></div>
            <button type="submit" data-testid="zoom">"Show this part"</button>
            {back}
            <span class="small muted js-only">"or drag over the bars"</span>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(days: &str, from: &str, to: &str) -> Asked {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Asked {
            days: given(days),
            from: given(from),
            to: given(to),
        }
    }

    #[test]
    fn an_address_asks_for_days() {
        // 2026-11-20 is day 20,777.
        let (oldest, newest) = (20_000, 20_777);
        for (days, from, to, span) in [
            ("", "", "", (20_000, 20_777)),
            ("30", "", "", (20_748, 20_777)),
            ("nonsense", "", "", (20_000, 20_777)),
            ("30", "2026-11-01", "2026-11-20", (20_758, 20_777)),
            ("", "2026-11-20", "2026-11-01", (20_758, 20_777)),
            ("", "2026-11-01", "", (20_758, 20_777)),
            ("", "", "2026-11-01", (20_000, 20_758)),
            ("", "1026-11-01", "2026-11-20", (20_000, 20_777)),
            ("30", "no day", "", (20_000, 20_777)),
        ] {
            assert_eq!(
                asked(days, from, to).span(oldest, newest),
                span,
                "{days} {from} {to}"
            );
        }
        assert_eq!(asked("", "", "").span(20_777, 20_777), (20_771, 20_777));
    }

    #[test]
    fn a_day_is_written_as_it_is_read() {
        for day in [0, 20_777, 10_957] {
            assert_eq!(read(&written(day)), Some(day));
        }
        assert_eq!(read("2026-13-01"), None);
    }
}
