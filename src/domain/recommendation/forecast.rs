//! What the readers of a dataset will do, from its own daily sums by stated rules.
//!
//! Invariant: a steady history is forecast as it is, to the last digit that is kept; only days up to today are looked at; and
//! without a single event there is no forecast at all. Figures keep six digits, so that a stored forecast prices to the same cent.

use super::{Feature, Forecast};
use crate::domain::access::AccessBucket;
use crate::domain::price::book::MONTH_DAYS;
use crate::domain::price::cost::Usage;
use crate::domain::price::rates::Holding;

/// Decay times of the remembered rates, in days.
const MEMORIES: [f64; 3] = [30.0, 90.0, 365.0];
/// A day on which a dataset is read many times over says little more of the next quarter than one on which it is read twice.
const MOST_READS_A_DAY: f64 = 2.0;
/// Days of history after which it is believed alone. Half as many would let one quiet month of a new dataset send it away.
pub const SURE_AFTER_DAYS: i64 = 60;
/// Full reads a month that a dataset without a past is taken to have at least: between a month and a quarter of silence.
const CAUTIOUS_READS_PER_MONTH: f64 = 0.5;

/// Sums of one series, decayed by each of [`MEMORIES`], and the weight that a constant 1 would have had.
#[derive(Clone, Copy, Default)]
struct Decayed {
    sums: [f64; 3],
}

impl Decayed {
    fn add(&mut self, days_ago: i64, value: f64) {
        for (sum, memory) in self.sums.iter_mut().zip(MEMORIES) {
            *sum += value * (-(days_ago as f64) / memory).exp();
        }
    }

    /// Per day over memory `i`, for a history of `days` days.
    fn rate(&self, i: usize, days: i64) -> f64 {
        let keep = (-1.0 / MEMORIES[i]).exp();
        let weight = (1.0 - keep.powf(days as f64)) / (1.0 - keep);
        self.sums[i] / weight
    }

    /// The mean of the quarter's and the year's memory, per day.
    fn expected(&self, days: i64) -> f64 {
        f64::midpoint(self.rate(1, days), self.rate(2, days))
    }
}

/// Six significant digits.
fn kept(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// The forecast for the days after `today` (days since 1970) from sums by UTC day in any order; `None` without any event up to
/// then, or where no size is known to measure reads against.
#[must_use]
pub fn forecast(days: &[AccessBucket], held: Holding, today: i64) -> Option<Forecast> {
    let past = || days.iter().filter(|d| d.start.day() <= today);
    let first = past()
        .filter(|d| d.reads + d.writes > 0)
        .map(|d| d.start.day())
        .min()?;
    let size = held.size_bytes.0 as f64;
    if size <= 0.0 {
        return None;
    }
    let history_days = today - first + 1;
    let (mut volume, mut requests, mut writes, mut read_days) = Default::default();
    let mut last_read = None;
    for day in past() {
        let ago = today - day.start.day();
        let add = |series: &mut Decayed, value: f64| series.add(ago, value);
        add(
            &mut volume,
            (day.read_bytes.0 as f64 / size).min(MOST_READS_A_DAY),
        );
        add(&mut requests, day.reads as f64);
        // What was written on the first day made the dataset; it is no habit.
        if day.start.day() > first {
            add(&mut writes, day.writes as f64);
        }
        if day.reads > 0 {
            add(&mut read_days, 1.0);
            last_read = last_read.max(Some(day.start.day()));
        }
    }
    let idle = today - last_read.unwrap_or(first);
    let seen = volume.expected(history_days) * MONTH_DAYS;
    let known = (history_days as f64 / SURE_AFTER_DAYS as f64).min(1.0);
    let reads = known * seen + (1.0 - known) * seen.max(CAUTIOUS_READS_PER_MONTH);
    // Reads that are only assumed come as whole reads of every object, about one read day each.
    let (gets, chance) = if seen > 0.0 {
        let factor = reads / seen;
        let quiet = 1.0 - read_days.expected(history_days).min(1.0);
        (
            requests.expected(history_days) * MONTH_DAYS * factor,
            1.0 - quiet.powf(factor),
        )
    } else {
        let gets = requests.expected(history_days) * MONTH_DAYS;
        (
            gets.max(reads * held.object_count as f64),
            1.0 - (-reads / MONTH_DAYS).exp(),
        )
    };
    let feature = |name: &str, value: f64| Feature {
        name: name.into(),
        value: kept(value),
    };
    let monthly = |series: &Decayed, i: usize| series.rate(i, history_days) * MONTH_DAYS;
    Some(Forecast {
        reads_per_month: kept(reads),
        requests_per_month: kept(gets),
        writes_per_month: kept(writes.expected(history_days) * MONTH_DAYS),
        read_day_chance: kept(chance),
        idle_days: u32::try_from(idle).unwrap_or(u32::MAX),
        rule: rule(history_days),
        features: vec![
            feature("history_days", history_days as f64),
            feature("idle_days", idle as f64),
            feature("reads_per_month_30d", monthly(&volume, 0)),
            feature("reads_per_month_90d", monthly(&volume, 1)),
            feature("reads_per_month_365d", monthly(&volume, 2)),
            feature(
                "read_days_per_month",
                read_days.expected(history_days) * MONTH_DAYS,
            ),
        ],
        cell: None,
        flips_at_reads_per_month: None,
    })
}

fn rule(history_days: i64) -> String {
    let base = "the reads go on at the mean of two memories, decayed over 90 and over 365 days; \
                a day counts for at most two full reads";
    if history_days >= SURE_AFTER_DAYS {
        return base.into();
    }
    format!(
        "{base}; mixed with at least {CAUTIOUS_READS_PER_MONTH} full reads a month, since only {history_days} of \
         {SURE_AFTER_DAYS} days are known"
    )
}

impl Forecast {
    /// Days of history behind it.
    #[must_use]
    pub fn history_days(&self) -> i64 {
        self.features
            .iter()
            .find(|f| f.name == "history_days")
            .map_or(0, |f| f.value as i64)
    }

    /// What the readers do in `days` days, for a dataset that a managed class sees as idle for `idle_days`.
    #[must_use]
    pub fn usage(&self, held: Holding, days: f64, idle_days: u32) -> Usage {
        let months = days / MONTH_DAYS;
        Usage {
            days,
            read_bytes: self.reads_per_month * months * held.size_bytes.0 as f64,
            gets: self.requests_per_month * months,
            puts: self.writes_per_month * months,
            outside_share: 0.0,
            other_region_share: 0.0,
            read_day_chance: self.read_day_chance,
            idle_days,
        }
    }

    /// The same readers, but as many that `reads_per_month` full reads come about: requests and read days change with them.
    #[must_use]
    pub fn scaled(&self, held: Holding, reads_per_month: f64) -> Self {
        let mut other = self.clone();
        other.reads_per_month = reads_per_month;
        if self.reads_per_month > 0.0 {
            let factor = reads_per_month / self.reads_per_month;
            other.requests_per_month = self.requests_per_month * factor;
            other.read_day_chance = 1.0 - (1.0 - self.read_day_chance.min(1.0)).powf(factor);
        } else {
            other.requests_per_month = reads_per_month * held.object_count as f64;
            other.read_day_chance = 1.0 - (-reads_per_month / MONTH_DAYS).exp();
        }
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::{Bytes, Timestamp};

    fn day(day: i64, reads: i64, read_bytes: u64) -> AccessBucket {
        AccessBucket {
            start: Timestamp(day * Timestamp::DAY),
            reads,
            read_bytes: Bytes(read_bytes),
            ..AccessBucket::default()
        }
    }

    fn held() -> Holding {
        Holding::new(Bytes(1000), 10)
    }

    #[test]
    fn a_steady_history_is_forecast_as_it_is() {
        let days: Vec<_> = (0..400).map(|d| day(d, 3, 100)).collect();
        let f = forecast(&days, held(), 399).unwrap();
        assert_eq!(
            (f.reads_per_month, f.requests_per_month, f.read_day_chance),
            (3.0, 90.0, 1.0)
        );
        assert_eq!((f.idle_days, f.history_days()), (0, 400));
        assert!(!f.rule.contains("only"));
    }

    #[test]
    fn without_an_event_there_is_no_forecast_and_the_future_is_not_looked_at() {
        assert_eq!(forecast(&[], held(), 10), None);
        assert_eq!(forecast(&[day(11, 1, 5)], held(), 10), None);
        let past = [day(3, 1, 500)];
        let both = [day(3, 1, 500), day(12, 9, 9000)];
        assert_eq!(forecast(&past, held(), 11), forecast(&both, held(), 11));
    }

    #[test]
    fn a_short_history_is_mixed_with_half_a_read_a_month() {
        // One write today: the prior speaks almost alone.
        let mut written = day(10, 0, 0);
        written.writes = 1;
        let f = forecast(&[written], held(), 10).unwrap();
        assert!((f.reads_per_month - 0.5 * 59.0 / 60.0).abs() < 1e-5, "{f:?}");
        assert!(f.rule.contains("only 1 of 60 days"));
        // The same silence after sixty days is believed.
        let f = forecast(&[written], held(), 69).unwrap();
        assert_eq!(
            (f.reads_per_month, f.read_day_chance, f.idle_days),
            (0.0, 0.0, 59)
        );
        // A young dataset that is read more than the prior says keeps its own rate.
        let busy: Vec<_> = (0..10).map(|d| day(d, 1, 1000)).collect();
        let f = forecast(&busy, held(), 9).unwrap();
        assert!((f.reads_per_month - 30.0).abs() < 1e-4, "{f:?}");
    }

    #[test]
    fn the_writes_that_made_a_dataset_are_no_habit() {
        let mut made = day(0, 0, 0);
        made.writes = 1_000_000;
        let mut kept_up = day(100, 0, 0);
        kept_up.writes = 10;
        assert_eq!(forecast(&[made], held(), 100).unwrap().writes_per_month, 0.0);
        let f = forecast(&[made, kept_up], held(), 100).unwrap();
        assert!((1.0..10.0).contains(&f.writes_per_month), "{f:?}");
    }

    #[test]
    fn silence_makes_the_rate_fall_and_a_huge_day_counts_for_two_reads() {
        let huge = forecast(&[day(0, 1, 50_000)], held(), 200).unwrap();
        let two = forecast(&[day(0, 1, 2_000)], held(), 200).unwrap();
        assert_eq!(huge.reads_per_month, two.reads_per_month);
        let later = forecast(&[day(0, 1, 2_000)], held(), 400).unwrap();
        assert!(later.reads_per_month < two.reads_per_month);
    }

    #[test]
    fn a_stored_forecast_is_read_back_to_the_bit() {
        for n in 1..60 {
            let days: Vec<_> = (0..n).map(|d| day(d * 7, 1 + d, 13 * d as u64 + 1)).collect();
            let f = forecast(&days, held(), 500).unwrap();
            let text = serde_json::to_string(&f).unwrap();
            assert_eq!(serde_json::from_str::<Forecast>(&text).unwrap(), f);
        }
    }
}
