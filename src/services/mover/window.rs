//! When a move may run: a cron expression on the clock of a time zone.
//!
//! Invariant: the window is open in exactly the minutes that the five fields match on that clock, changes to and from summer time
//! included; one that never opens is refused when the move is planned.

use crate::domain::migration::options::Window;
use crate::domain::unit::Timestamp;
use chrono::{DateTime, Timelike};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

fn read(window: &Window) -> Result<(Cron, Tz), String> {
    let zone: Tz = window.time_zone.trim().parse().map_err(|_| {
        format!(
            "{:?} is no time zone; write one such as Europe/Berlin or UTC",
            window.time_zone
        )
    })?;
    let cron = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .build()
        .parse(window.cron.trim())
        .map_err(|problem| {
            format!(
                "{:?} is no window: {problem}; write minute, hour, day, month and weekday, such as '* 22-23,0-5 * * *' for the night",
                window.cron
            )
        })?;
    Ok((cron, zone))
}

fn minute(now: Timestamp, zone: Tz) -> Option<DateTime<Tz>> {
    now.to_utc()?
        .with_timezone(&zone)
        .with_second(0)?
        .with_nanosecond(0)
}

/// Looks for a window that cannot be read or never opens.
///
/// # Errors
/// What is wrong and what would be right.
pub(super) fn check(window: &Window, now: Timestamp) -> Result<(), String> {
    let (cron, zone) = read(window)?;
    let from = minute(now, zone).ok_or("the time of this machine is out of range")?;
    cron.find_next_occurrence(&from, true)
        .map(drop)
        .map_err(|_| format!("the window {:?} never opens", window.cron))
}

/// `None` while it is open, else when it opens next. One that cannot be read any more does not hold a move back.
pub(super) fn opens_at(window: &Window, now: Timestamp) -> Option<Timestamp> {
    let (cron, zone) = read(window).ok()?;
    let from = minute(now, zone)?;
    let next = cron.find_next_occurrence(&from, true).ok()?;
    (next > from).then(|| Timestamp(next.timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(cron: &str, time_zone: &str) -> Window {
        Window {
            cron: cron.into(),
            time_zone: time_zone.into(),
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn it_is_open_in_the_minutes_that_match_on_its_own_clock() {
        let night = window("* 22-23,0-5 * * *", "Europe/Berlin");
        for (now, opens) in [
            ("2026-11-25T20:59:59.9Z", Some("2026-11-25T21:00:00Z")),
            ("2026-11-25T21:00:00Z", None),
            ("2026-11-26T04:59:59Z", None),
            ("2026-11-26T05:00:00Z", Some("2026-11-26T21:00:00Z")),
            // In summer that clock is another hour ahead.
            ("2026-07-01T19:59:00Z", Some("2026-07-01T20:00:00Z")),
            ("2026-07-02T03:59:30Z", None),
        ] {
            assert_eq!(opens_at(&night, at(now)), opens.map(at), "{now}");
        }
        let weekend = window("* * * * 6,0", "UTC");
        assert_eq!(
            opens_at(&weekend, at("2026-11-25T12:00:00Z")),
            Some(at("2026-11-28T00:00:00Z"))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        let now = at("2026-11-25T12:00:00Z");
        for (cron, zone, word) in [
            ("* * * *", "UTC", "is no window"),
            ("0 * * * * *", "UTC", "is no window"),
            ("61 * * * *", "UTC", "is no window"),
            ("* * * * *", "Mars/Olympus", "no time zone"),
            ("* * 30 2 *", "UTC", "never opens"),
        ] {
            let refused = check(&window(cron, zone), now).unwrap_err();
            assert!(refused.contains(word), "{cron} {zone}: {refused}");
        }
        assert_eq!(check(&window("*/5 * * * *", "America/New_York"), now), Ok(()));
    }
}
