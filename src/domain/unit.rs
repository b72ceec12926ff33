//! Quantities: bytes, money and instants. No bare number crosses a module boundary when one of these fits.
//!
//! Invariant: arithmetic saturates or is checked, it never wraps. Display rounds; nothing else does.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};

/// A size in bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// No bytes at all.
    pub const ZERO: Self = Self(0);

    /// The size in decimal gigabytes, as vendors bill it unless a price book says GiB.
    #[must_use]
    pub fn as_gb(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The value for a database column. Sizes past `i64::MAX` (9.2 EB) are held at that bound.
    #[must_use]
    pub fn to_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// From a database column. Negative values, which the schema forbids, read as zero.
    #[must_use]
    pub fn from_i64(value: i64) -> Self {
        Self(u64::try_from(value).unwrap_or(0))
    }

    /// Saturating difference.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Reads `1048576`, `50MB`, `1.5GiB`.
    ///
    /// # Errors
    /// What cannot be read, and the units there are.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            other => {
                return Err(format!(
                    "{other:?} is no unit; B, kB, MB, GB, TB, KiB, MiB, GiB and TiB are"
                ));
            }
        };
        if let Ok(whole) = number.parse::<u64>() {
            return whole
                .checked_mul(unit)
                .map(Self)
                .ok_or_else(|| format!("{text} is too large"));
        }
        let number: f64 = number
            .parse()
            .map_err(|_| format!("{text:?} is no number of bytes"))?;
        Ok(Self((number * unit as f64) as u64))
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// Decimal units with three significant figures: `1.05 MB`, `33.1 TB`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 999.5 && unit < UNITS.len() - 1 {
            value /= 1000.0;
            unit += 1;
        }
        if unit == 0 {
            return write!(f, "{} B", self.0);
        }
        let decimals = if value < 9.995 {
            2
        } else if value < 99.95 {
            1
        } else {
            0
        };
        write!(f, "{value:.decimals$} {}", UNITS[unit])
    }
}

/// An amount of money in nano-US-dollars (10⁻⁹ USD). Signed: a saving that is negative is a loss.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The one place where a computed real amount becomes money: half away from zero.
    #[must_use]
    pub fn from_usd(usd: f64) -> Self {
        Self((usd * 1e9).round() as i64)
    }

    /// Dollars, for display and for ratios only.
    #[must_use]
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add for NanoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for NanoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for NanoUsd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl std::iter::Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// `$1,234.56`; below a cent four decimals, so that a small true cost does not read as zero.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nano = self.0.unsigned_abs();
        if nano == 0 {
            return write!(f, "$0.00");
        }
        if nano < 50_000 {
            return write!(f, "{sign}<$0.0001");
        }
        if nano < 10_000_000 {
            return write!(f, "{sign}${:.4}", nano as f64 / 1e9);
        }
        let cents = (nano + 5_000_000) / 10_000_000;
        let (whole, part) = (cents / 100, cents % 100);
        write!(f, "{sign}${}.{part:02}", group_thousands(whole))
    }
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn group_thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// An instant in microseconds since 1970-01-01T00:00:00Z. In JSON it is an RFC 3339 text in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Microseconds in a second.
    pub const SECOND: i64 = 1_000_000;
    /// Microseconds in an hour.
    pub const HOUR: i64 = 3_600 * Self::SECOND;
    /// Microseconds in a day.
    pub const DAY: i64 = 24 * Self::HOUR;

    /// From whole seconds since the epoch.
    #[must_use]
    pub fn from_unix_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(Self::SECOND))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn unix_secs(self) -> i64 {
        self.0.div_euclid(Self::SECOND)
    }

    /// The start of this instant's UTC hour.
    #[must_use]
    pub fn hour_start(self) -> Self {
        Self(self.0.div_euclid(Self::HOUR) * Self::HOUR)
    }

    /// Days since the epoch, rounded down.
    #[must_use]
    pub fn day(self) -> i64 {
        self.0.div_euclid(Self::DAY)
    }

    /// This instant moved by a number of microseconds.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this instant; negative when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As a calendar date and time, where the calendar can express it.
    #[must_use]
    pub fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }

    /// Parses RFC 3339 text.
    ///
    /// # Errors
    /// The calendar's own message when the text is not RFC 3339.
    pub fn parse_rfc3339(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text).map(|t| Self(t.timestamp_micros()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(t) => f.write_str(&t.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} µs since 1970", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time, or seconds since 1970")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse_rfc3339(text).map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, secs: i64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_unix_secs(secs))
            }
            fn visit_u64<E: serde::de::Error>(self, secs: u64) -> Result<Timestamp, E> {
                i64::try_from(secs)
                    .map(Timestamp::from_unix_secs)
                    .map_err(E::custom)
            }
            fn visit_f64<E: serde::de::Error>(self, secs: f64) -> Result<Timestamp, E> {
                if secs.is_finite() && secs.abs() < 9.0e12 {
                    Ok(Timestamp((secs * 1e6).round() as i64))
                } else {
                    Err(E::custom("seconds since 1970 out of range"))
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time", "description": "UTC, RFC 3339" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_three_figures() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_048_576, "1.05 MB"),
            (33_100_000_000_000, "33.1 TB"),
            (999_600, "1.00 MB"),
            (10_200_000_000_000_000, "10.2 PB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn money_never_reads_as_zero_unless_it_is() {
        for (nano, text) in [
            (0, "$0.00"),
            (1, "<$0.0001"),
            (-1, "-<$0.0001"),
            (9_000_000, "$0.0090"),
            (1_234_567_890_000, "$1,234.57"),
            (-2_500_000_000, "-$2.50"),
        ] {
            assert_eq!(NanoUsd(nano).to_string(), text);
        }
    }

    #[test]
    fn instants_read_and_print_utc() {
        let t: Timestamp = serde_json::from_str("\"2026-11-24T03:57:01.5Z\"").unwrap();
        assert_eq!(t.to_string(), "2026-11-24T03:57:01.500Z");
        let same: Timestamp = serde_json::from_str("1795492621.5").unwrap();
        assert_eq!(t, same);
        assert_eq!(Timestamp(-1).unix_secs(), -1);
    }
}
