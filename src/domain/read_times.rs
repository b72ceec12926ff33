//! How fast reads at a location were: counted in a few buckets, so that a million of them take no more room than ten.
//!
//! Invariant: every figure comes from reads that were measured. A time is told as the upper edge of its bucket and a rate as the lower one,
//! so that nothing is told as faster than it was.

use crate::domain::unit::{Bytes, Timestamp, group_thousands};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Values counted before the old ones begin to fade: enough for a steady 95th percentile, few enough that a store that became slower
/// shows within a day's moves.
const MOST: u64 = 10_000;
/// Buckets of an octave: an edge is at most a quarter away from the value.
const PER_OCTAVE_LOG2: u32 = 2;

/// Reads of at least so many bytes tell a rate; smaller ones are over before it shows.
pub const LARGE_BYTES: u64 = 1 << 20;

/// Values in buckets of a quarter of an octave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram {
    counts: BTreeMap<u32, u64>,
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        *self.counts.entry(bucket(value)).or_default() += 1;
        self.fade();
    }

    /// Counts what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
        self.fade();
    }

    /// How many values the figures rest on.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// No value in so many of a hundred is above the upper edge of this bucket; its edges.
    fn quantile(&self, percent: u64) -> Option<(u64, u64)> {
        let wanted = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.counts.iter().find_map(|(bucket, count)| {
            seen += count;
            (seen >= wanted).then(|| edges(*bucket))
        })
    }

    /// So many of a hundred are at most this.
    #[must_use]
    pub fn at_most(&self, percent: u64) -> Option<u64> {
        self.quantile(percent).map(|(_, upper)| upper)
    }

    /// So many of a hundred are at least this.
    #[must_use]
    pub fn at_least(&self, percent: u64) -> Option<u64> {
        // Counted from above: of two values one hundred percent begin at the lower, fifty at the higher.
        let wanted = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.counts.iter().rev().find_map(|(bucket, count)| {
            seen += count;
            (seen >= wanted).then(|| edges(*bucket).0)
        })
    }

    fn fade(&mut self) {
        while self.count() > MOST {
            self.counts.retain(|_, count| {
                *count /= 2;
                *count > 0
            });
        }
    }
}

/// The bucket of a value: small values have one each.
fn bucket(value: u64) -> u32 {
    let octave = value.max(1).ilog2();
    if octave < PER_OCTAVE_LOG2 {
        return u32::try_from(value).unwrap_or(u32::MAX);
    }
    let step = value >> (octave - PER_OCTAVE_LOG2);
    // `step` is between 4 and 7: the leading bit and the two after it.
    ((octave - PER_OCTAVE_LOG2) << PER_OCTAVE_LOG2) + u32::try_from(step).unwrap_or(u32::MAX)
}

/// The least and the greatest value of a bucket.
fn edges(bucket: u32) -> (u64, u64) {
    let steps = 1 << PER_OCTAVE_LOG2;
    if bucket < steps {
        return (u64::from(bucket), u64::from(bucket));
    }
    let shift = (bucket >> PER_OCTAVE_LOG2) - 1;
    let step = u64::from((bucket & (steps - 1)) + steps);
    let shifted = |step: u64| step.checked_shl(shift).filter(|v| v >> shift == step);
    let lower = shifted(step).unwrap_or(u64::MAX);
    (lower, shifted(step + 1).map_or(u64::MAX, |next| next - 1))
}

/// What was measured at one location.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadTimes {
    /// Microseconds from asking to the first bytes.
    pub first_byte_us: Histogram,
    /// Bytes a second of reads of at least [`LARGE_BYTES`] that nothing here held back.
    pub bytes_per_sec: Histogram,
}

impl ReadTimes {
    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first_byte_us.count() == 0 && self.bytes_per_sec.count() == 0
    }

    /// Takes over what was measured elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.first_byte_us.merge(&other.first_byte_us);
        self.bytes_per_sec.merge(&other.bytes_per_sec);
    }

    /// Its figures, the last of them measured at this time.
    #[must_use]
    pub fn figures(&self, measured_at: Timestamp) -> ReadFigures {
        ReadFigures {
            read_count: self.first_byte_us.count(),
            first_byte_p50_us: self.first_byte_us.at_most(50),
            first_byte_p95_us: self.first_byte_us.at_most(95),
            large_read_count: self.bytes_per_sec.count(),
            bytes_per_sec_p50: self.bytes_per_sec.at_least(50),
            bytes_per_sec_p95: self.bytes_per_sec.at_least(95),
            measured_at,
        }
    }
}

/// How fast reads at a location were, as people see it. Older reads fade once 10,000 were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFigures {
    /// Reads whose first byte was timed.
    pub read_count: u64,
    /// Half of them had their first bytes within so many microseconds of asking.
    pub first_byte_p50_us: Option<u64>,
    /// 95 % of them had.
    pub first_byte_p95_us: Option<u64>,
    /// Single reads of at least 1 MiB that nothing here held back (no limit, no slower writer).
    pub large_read_count: u64,
    /// Half of them went at least so fast, in bytes a second.
    pub bytes_per_sec_p50: Option<u64>,
    /// 95 % of them did.
    pub bytes_per_sec_p95: Option<u64>,
    /// When the last of them was stored.
    pub measured_at: Timestamp,
}

impl ReadFigures {
    /// How soon the first bytes come, in a line.
    #[must_use]
    pub fn first_byte(&self) -> Option<String> {
        let (half, most) = (self.first_byte_p50_us?, self.first_byte_p95_us?);
        Some(format!(
            "{} at most in half of {} reads, {} in 95 %",
            milliseconds(half),
            group_thousands(self.read_count),
            milliseconds(most)
        ))
    }

    /// How fast large reads go, in a line.
    #[must_use]
    pub fn throughput(&self) -> Option<String> {
        let (half, most) = (self.bytes_per_sec_p50?, self.bytes_per_sec_p95?);
        Some(format!(
            "{}/s at least in half of {} reads of 1 MiB and more, {}/s in 95 %",
            Bytes(half),
            group_thousands(self.large_read_count),
            Bytes(most)
        ))
    }
}

/// `0.25 ms`, `12 ms`, `1.4 s`: two digits that count.
fn milliseconds(micros: u64) -> String {
    match micros {
        0..1_000 => format!("0.{:02} ms", micros.div_ceil(10).min(99)),
        1_000..10_000 => {
            let tenths = micros.div_ceil(100);
            format!("{}.{} ms", tenths / 10, tenths % 10)
        }
        10_000..1_000_000 => format!("{} ms", micros.div_ceil(1_000)),
        _ => {
            let tenths = micros.div_ceil(100_000);
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_values_and_is_narrow() {
        let mut last = 0;
        for value in (0..5_000).chain([u64::from(u32::MAX), 1 << 40, u64::MAX]) {
            let at = bucket(value);
            let (lower, upper) = edges(at);
            assert!(lower <= value && value <= upper, "{value}: {lower} to {upper}");
            assert!(at >= last, "{value}");
            assert!(upper - lower <= lower / 4, "{value}: {lower} to {upper}");
            last = at;
        }
    }

    #[test]
    fn quantiles_never_flatter() {
        let mut times = Histogram::default();
        assert_eq!((times.at_most(50), times.at_least(50)), (None, None));
        for value in 1..=1_000 {
            times.add(value);
        }
        let (half, most) = (times.at_most(50).unwrap(), times.at_most(95).unwrap());
        assert!((500..=625).contains(&half), "{half}");
        assert!((950..=1_187).contains(&most), "{most}");
        let (half, most) = (times.at_least(50).unwrap(), times.at_least(95).unwrap());
        assert!((400..=501).contains(&half), "{half}");
        assert!((38..=51).contains(&most), "{most}");
    }

    #[test]
    fn old_values_fade_and_the_room_stays_bounded() {
        let mut times = Histogram::default();
        for _ in 0..50_000 {
            times.add(1_000);
        }
        for _ in 0..40_000 {
            times.add(1_000_000);
        }
        assert!(times.count() <= MOST);
        assert!(times.at_most(50).unwrap() >= 1_000_000, "what is slow now shows");
        let mut all = Histogram::default();
        for shift in 0..64 {
            for step in 0..8_u64 {
                all.add((1_u64 << shift).saturating_add(step << (shift.max(3) - 3)));
            }
        }
        assert!(all.counts.len() <= 256, "{}", all.counts.len());
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), all);
    }

    #[test]
    fn a_line_says_what_was_measured_and_nothing_else() {
        for (micros, text) in [
            (0, "0.00 ms"),
            (251, "0.26 ms"),
            (999, "0.99 ms"),
            (1_240, "1.3 ms"),
            (12_001, "13 ms"),
            (1_400_000, "1.4 s"),
        ] {
            assert_eq!(milliseconds(micros), text);
        }
        let mut times = ReadTimes::default();
        assert_eq!(times.figures(Timestamp(0)).first_byte(), None);
        times.first_byte_us.add(250);
        let figures = times.figures(Timestamp(0));
        assert_eq!(
            figures.first_byte().as_deref(),
            Some("0.26 ms at most in half of 1 reads, 0.26 ms in 95 %")
        );
        assert_eq!(figures.throughput(), None);
        times.bytes_per_sec.add(200_000_000);
        let text = times.figures(Timestamp(0)).throughput().unwrap();
        assert!(text.starts_with("168 MB/s at least in half of 1 reads"), "{text}");
    }

    #[test]
    fn merging_is_counting_together() {
        let (mut one, mut other, mut both) =
            (ReadTimes::default(), ReadTimes::default(), ReadTimes::default());
        for value in 1..100 {
            let to = if value % 2 == 0 { &mut one } else { &mut other };
            to.first_byte_us.add(value);
            both.first_byte_us.add(value);
        }
        assert!(!one.is_empty() && ReadTimes::default().is_empty());
        one.merge(&other);
        assert_eq!(one, both);
        assert_eq!(one.figures(Timestamp(7)).large_read_count, 0);
        assert_eq!(one.figures(Timestamp(7)).bytes_per_sec_p50, None);
    }
}
