//! Colour, widths and the words for times, shared by every rendering.
//!
//! Invariant: with `NO_COLOR`, `TERM=dumb` or an output that is no terminal not one escape code is written.

use crate::domain::unit::Timestamp;
use crate::edges::cli::table::Tint;
use std::io::IsTerminal;

/// Whether and how to paint.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// No colour.
    pub fn plain() -> Self {
        Self { colour: false }
    }

    /// What standard output can take.
    pub fn of_stdout() -> Self {
        Self {
            colour: std::io::stdout().is_terminal() && wanted(),
        }
    }

    /// What standard error can take.
    pub fn of_stderr() -> Self {
        Self {
            colour: std::io::stderr().is_terminal() && wanted(),
        }
    }

    /// Bold text.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Text with a meaningful colour.
    pub fn tint(self, tint: Tint, text: &str) -> String {
        match tint {
            Tint::None => text.to_owned(),
            Tint::Good => self.paint("32", text),
            Tint::Busy => self.paint("36", text),
            Tint::Warn => self.paint("33", text),
            Tint::Bad => self.paint("31", text),
            Tint::Faint => self.paint("2", text),
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour && !text.trim().is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

fn wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Columns that a text takes on a terminal: wide East Asian characters and emoji count twice.
pub fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x0300..=0x036f | 0x200b..=0x200f => 0,
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
            0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

/// The text without control characters: what a server or a file name says must not move the cursor.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// `3 min ago`, `in 2 days`; whole units, the largest that fits.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let secs = now.since(then) / Timestamp::SECOND;
    let text = span(secs.abs());
    match secs {
        0..=4 => "now".into(),
        secs if secs < 0 => format!("in {text}"),
        _ => format!("{text} ago"),
    }
}

/// A length of time in its two largest units at most: `45 s`, `3 min 20 s`, `2 h`, `12 days`.
pub fn span(secs: i64) -> String {
    match secs {
        ..60 => format!("{secs} s"),
        60..600 if secs % 60 != 0 => format!("{} min {} s", secs / 60, secs % 60),
        60..3_600 => format!("{} min", secs / 60),
        3_600..36_000 if secs % 3_600 >= 60 => format!("{} h {} min", secs / 3_600, secs % 3_600 / 60),
        3_600..172_800 => format!("{} h", secs / 3_600),
        _ => format!("{} days", secs / 86_400),
    }
}

/// `2026-11-24 05:03:11 UTC`.
pub fn stamp(at: Timestamp) -> String {
    match at.to_utc() {
        Some(t) => t.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => at.to_string(),
    }
}

/// The present instant by this machine's clock.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
}

/// A dash for what is not known.
pub fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "–".into(), |v| v.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (secs, text) in [
            (45, "45 s"),
            (200, "3 min 20 s"),
            (900, "15 min"),
            (7_260, "2 h 1 min"),
            (7_200, "2 h"),
            (1_036_800, "12 days"),
        ] {
            assert_eq!(span(secs), text);
        }
        let now = Timestamp::from_unix_secs(1_000_000);
        assert_eq!(ago(Timestamp::from_unix_secs(999_820), now), "3 min ago");
        assert_eq!(ago(Timestamp::from_unix_secs(1_007_200), now), "in 2 h");
        assert_eq!(ago(now, now), "now");
    }
}
