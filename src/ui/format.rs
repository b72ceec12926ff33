//! Numbers and times as pages write them. Units are always shown; times are UTC.
//!
//! Invariant: pure, so that server and browser write the same text.

use crate::domain::unit::{Bytes, NanoUsd, Timestamp, group_thousands};

/// `1,234`.
#[must_use]
pub fn count(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", group_thousands(value.unsigned_abs()))
}

/// `1 object`, `1,234 objects`.
#[must_use]
pub fn plural(value: i64, noun: &str) -> String {
    let s = if value == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(value))
}

/// `1 entry`, `3 entries`: a length with the noun that fits it.
#[must_use]
pub fn counted(length: usize, one: &str, many: &str) -> String {
    let noun = if length == 1 { one } else { many };
    format!("{} {noun}", group_thousands(length as u64))
}

/// `24 Nov 2026, 03:57 UTC`.
#[must_use]
pub fn utc(at: Timestamp) -> String {
    at.to_utc().map_or_else(
        || at.to_string(),
        |t| t.format("%-d %b %Y, %H:%M UTC").to_string(),
    )
}

/// `03:57:01 UTC`, for lines of one day's work.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    at.to_utc()
        .map_or_else(|| at.to_string(), |t| t.format("%-d %b %H:%M:%S UTC").to_string())
}

/// `24 Nov 2026`.
#[must_use]
pub fn date(at: Timestamp) -> String {
    at.to_utc()
        .map_or_else(|| at.to_string(), |t| t.format("%-d %b %Y").to_string())
}

/// `12.3 MB/s`; nothing measured is a dash.
#[must_use]
pub fn rate(bytes_per_sec: i64) -> String {
    match u64::try_from(bytes_per_sec) {
        Ok(value) if value > 0 => format!("{}/s", Bytes(value)),
        _ => "–".to_owned(),
    }
}

/// `8 s`, `2 min 5 s`, `3 h 12 min`, `4 d 6 h`.
#[must_use]
pub fn duration(secs: i64) -> String {
    let secs = secs.max(0);
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 if secs % 60 == 0 => format!("{} min", secs / 60),
        60..600 => format!("{} min {} s", secs / 60, secs % 60),
        600..3_600 => format!("{} min", secs / 60),
        3_600..86_400 => format!("{} h {} min", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{} d {} h", secs / 86_400, secs % 86_400 / 3_600),
    }
}

/// `20 ms`, `12 h`: a latency in the unit it is thought of.
#[must_use]
pub fn milliseconds(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{} s", ms / 1_000),
        120_000..3_600_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

/// `now`, `8 s ago`, `in 3 h`: coarse, since it stands beside the full time.
#[must_use]
pub fn relative(now_secs: i64, at: Timestamp) -> String {
    let passed = now_secs.saturating_sub(at.unix_secs());
    let ahead = passed < 0;
    let size = passed.saturating_abs();
    let text = match size {
        0..3 => return "now".to_owned(),
        3..60 => format!("{size} s"),
        60..3_600 => format!("{} min", size / 60),
        3_600..172_800 => format!("{} h", size / 3_600),
        172_800..63_072_000 => format!("{} days", size / 86_400),
        _ => format!("{} years", size / 31_536_000),
    };
    if ahead {
        format!("in {text}")
    } else {
        format!("{text} ago")
    }
}

/// Whole percent, rounded down, so that 100 % means done.
#[must_use]
pub fn percent(done: u64, total: u64) -> u64 {
    if total == 0 {
        return 0;
    }
    let share = u128::from(done.min(total)) * 100 / u128::from(total);
    u64::try_from(share).unwrap_or(100)
}

/// Reads a month as a share of the dataset's size: `0.25 ×`, `12 ×`.
#[must_use]
pub fn times_of_size(permille: i64) -> String {
    match permille {
        i64::MIN..=0 => "0 ×".to_owned(),
        1..10 => "<0.01 ×".to_owned(),
        10..10_000 => format!("{}.{:02} ×", permille / 1000, permille % 1000 / 10),
        _ => format!("{} ×", count(permille / 1000)),
    }
}

/// `$1.20 / month`, or that the price is not known.
#[must_use]
pub fn monthly(cost: Option<NanoUsd>) -> String {
    cost.map_or_else(|| "no price".to_owned(), |c| format!("{c}"))
}

/// `1 day`, `90 days`.
#[must_use]
pub fn days(n: i64) -> String {
    plural(n, "day")
}

/// A word of the code as people read it: `awaiting_approval` as `awaiting approval`.
#[must_use]
pub fn words(code: &str) -> String {
    code.replace('_', " ")
}

/// The same with a capital, as a label stands by itself: `Awaiting approval`.
#[must_use]
pub fn title(code: &str) -> String {
    let words = words(code);
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |c| {
        c.to_uppercase().collect::<String>() + chars.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_percent_means_done() {
        assert_eq!(percent(999_999, 1_000_000), 99);
        assert_eq!(percent(5, 5), 100);
        assert_eq!(percent(7, 0), 0);
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
    }

    #[test]
    fn durations_keep_two_units_at_most() {
        for (secs, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (120, "2 min"),
            (125, "2 min 5 s"),
            (3_599, "59 min"),
            (11_520, "3 h 12 min"),
            (367_200, "4 d 6 h"),
        ] {
            assert_eq!(duration(secs), text);
        }
    }

    #[test]
    fn times_read_both_ways() {
        let at = Timestamp::from_unix_secs(1_000_000);
        assert_eq!(relative(1_000_008, at), "8 s ago");
        assert_eq!(relative(1_000_000 - 7_200, at), "in 2 h");
        assert_eq!(utc(at), "12 Jan 1970, 13:46 UTC");
    }

    #[test]
    fn a_small_share_does_not_read_as_zero() {
        assert_eq!(times_of_size(0), "0 ×");
        assert_eq!(times_of_size(3), "<0.01 ×");
        assert_eq!(times_of_size(1_250), "1.25 ×");
        assert_eq!(times_of_size(1_234_000), "1,234 ×");
    }
}
