//! The cheapest placement for every dataset of a large fleet at once: the itemised costs as plain arithmetic, without a line made.
//!
//! Invariant: equal to [`super::cost::running`] and [`super::cost::moving`] but for the rounding of their lines; a test holds it to
//! that over every shipped book. Prices are read once, when the [`Scorer`] is made; scoring a dataset allocates nothing. Amounts
//! are USD.

use super::book::{ClassPrice, Figure, MONTH_DAYS, PriceBook, Step};
use super::rates::{Distance, distance};
use super::transfer::{Priced, is_transition};
use crate::domain::unit::NanoUsd;
use serde::Serialize;

/// A placement to choose from.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Class and prices.
    pub at: Priced<'a>,
    /// Equal for the classes of one location.
    pub location: i64,
    /// Whether the store moves objects to a colder class by itself.
    pub has_transitions: bool,
    /// Share of the read bytes that leaves for the internet or another provider, 0 to 1.
    pub outside_share: f64,
    /// Share of the read bytes that leaves for another region of the same provider, 0 to 1.
    pub other_region_share: f64,
}

/// A dataset as it is scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subject {
    /// Its bytes, more than 0.
    pub size_bytes: f64,
    /// Its objects, at least 1.
    pub objects: f64,
    /// Bytes read over the horizon.
    pub read_bytes: f64,
    /// Read requests over the horizon.
    pub gets: f64,
    /// Write requests over the horizon.
    pub puts: f64,
    /// Chance of a day without a read, 0 to 1: decides the tiers of a managed class.
    pub quiet: f64,
    /// Days without a read, as its present class counts them.
    pub idle_days: u32,
    /// Days in its present placement.
    pub days_held: u32,
    /// Index of its present placement.
    pub at: usize,
}

/// What a volume costs whose price changes at some volumes.
#[derive(Clone, Debug, Default, Serialize)]
struct Ramp {
    first: f64,
    /// (volume, how much dearer or cheaper each unit beyond it is than one before).
    bends: Vec<(f64, f64)>,
}

impl Ramp {
    fn of(steps: &[Step], factor: f64) -> Self {
        let mut ramp = Self::default();
        let (mut last, mut from) = (0.0, 0.0);
        for (i, step) in steps.iter().enumerate() {
            let price = step.price.value.as_usd() * factor;
            if i == 0 {
                ramp.first = price;
            } else {
                ramp.bends.push((from, price - last));
            }
            last = price;
            from = step.up_to_gb.map_or(f64::INFINITY, |bound| bound as f64);
        }
        ramp
    }

    #[inline]
    fn of_volume(&self, volume: f64) -> f64 {
        let mut sum = self.first * volume;
        for &(from, change) in &self.bends {
            sum += change * (volume - from).max(0.0);
        }
        sum
    }
}

/// A class's figures, per byte, object, request and day.
#[derive(Clone, Debug, Serialize)]
struct Prices {
    unit_bytes: f64,
    /// Per day, of a volume in billing gigabytes.
    storage: Ramp,
    /// Of a managed class: (idle days, per billing gigabyte and day).
    tiers: Vec<(u32, f64)>,
    tiers_from_bytes: f64,
    monitoring: f64,
    min_object_bytes: f64,
    overhead_bytes: f64,
    own_byte: f64,
    hot_overhead: f64,
    retrieval_byte: f64,
    get: f64,
    put: f64,
    transition_in: f64,
    min_days: f64,
    internet: Ramp,
    between_regions_byte: Option<f64>,
    free_times_stored: f64,
    outside_share: f64,
    other_region_share: f64,
}

fn usd(figure: Option<&Figure<NanoUsd>>) -> f64 {
    figure.map_or(0.0, |f| f.value.as_usd())
}

fn number(figure: Option<&Figure<i64>>) -> f64 {
    figure.map_or(0.0, |f| f.value as f64)
}

impl Prices {
    fn of(place: &Place<'_>) -> Self {
        let Priced { book, class } = place.at;
        let unit = book.unit.bytes();
        let first = |c: &ClassPrice| c.storage.first().map_or(0.0, |s| s.price.value.as_usd());
        let hot = book.classes.first().map_or(0.0, first);
        let per_1k = |figure| usd(figure) / 1000.0;
        let into = class
            .transition_in_per_1k
            .as_ref()
            .or(class.class_a_per_1k.as_ref());
        let managed = class.managed.iter();
        Self {
            unit_bytes: unit,
            storage: Ramp::of(&class.storage, 1.0 / MONTH_DAYS),
            tiers: managed
                .map(|t| (t.from_idle_days, t.price.value.as_usd() / MONTH_DAYS))
                .collect(),
            tiers_from_bytes: number(class.managed_min_object_bytes.as_ref()),
            monitoring: per_1k(class.monitoring_per_1k_objects.as_ref()) / MONTH_DAYS,
            min_object_bytes: number(class.min_object_bytes.as_ref()),
            overhead_bytes: number(class.overhead_bytes.as_ref()),
            own_byte: first(class) / unit / MONTH_DAYS,
            hot_overhead: number(class.overhead_hot_bytes.as_ref()) * hot / unit / MONTH_DAYS,
            retrieval_byte: usd(class.retrieval_per_gb.as_ref()) / unit,
            get: per_1k(class.class_b_per_1k.as_ref()) + per_1k(class.restore_per_1k.as_ref()),
            put: per_1k(class.class_a_per_1k.as_ref()),
            transition_in: per_1k(into),
            min_days: class.min_days() as f64,
            internet: Ramp::of(&book.egress.internet, 1.0),
            between_regions_byte: book
                .egress
                .between_regions_per_gb
                .as_ref()
                .map(|f| f.value.as_usd() / unit),
            free_times_stored: number(book.egress.free_times_stored.as_ref()),
            outside_share: place.outside_share.clamp(0.0, 1.0),
            other_region_share: place.other_region_share.clamp(0.0, 1.0),
        }
    }

    /// Per day: bytes billed beyond the real ones.
    #[inline]
    fn minimum_size(&self, s: &Subject) -> f64 {
        let short = (self.min_object_bytes * s.objects - s.size_bytes).max(0.0);
        (short + self.overhead_bytes * s.objects) * self.own_byte + self.hot_overhead * s.objects
    }

    #[inline]
    fn is_managed(&self, s: &Subject) -> bool {
        !self.tiers.is_empty() && s.size_bytes >= self.tiers_from_bytes * s.objects
    }

    /// Per day, in the first tier.
    #[inline]
    fn holding(&self, s: &Subject) -> f64 {
        let fee = if self.is_managed(s) {
            self.monitoring * s.objects
        } else {
            0.0
        };
        self.storage.of_volume(s.size_bytes / self.unit_bytes) + self.minimum_size(s) + fee
    }

    #[inline]
    fn egress(&self, to: Distance, bytes: f64, stored: f64, months: f64) -> f64 {
        match (to, self.between_regions_byte) {
            (Distance::Same, _) => 0.0,
            (Distance::OtherRegion, Some(price)) => price * bytes,
            _ => {
                let volume = bytes / self.unit_bytes;
                let free = self.free_times_stored * stored / self.unit_bytes * months;
                let months = months.max(1.0);
                self.internet.of_volume((volume - free).max(0.0) / months) * months
            }
        }
    }

    /// Holding and reading for `days`.
    #[inline]
    fn running(&self, s: &Subject, days: f64, idle_days: u32) -> f64 {
        let mut sum = self.holding(s) * days;
        if self.is_managed(s) {
            let gb = s.size_bytes / self.unit_bytes;
            let mut warmer = self.storage.of_volume(gb);
            for &(from, price) in &self.tiers {
                let price = price * gb;
                sum += (price - warmer) * days_idle(from, s.quiet, idle_days, days);
                warmer = price;
            }
        }
        sum += s.gets * self.get + s.puts * self.put + s.read_bytes * self.retrieval_byte;
        if self.outside_share > 0.0 || self.other_region_share > 0.0 {
            let months = days / MONTH_DAYS;
            let share = |to, share: f64| self.egress(to, s.read_bytes * share, s.size_bytes, months);
            sum += share(Distance::Internet, self.outside_share)
                + share(Distance::OtherRegion, self.other_region_share);
        }
        sum
    }
}

/// Expected days of the next `days` (a whole number) on which a dataset has been idle for at least `from` days.
#[inline]
fn days_idle(from: u32, quiet: f64, idle_days: u32, days: f64) -> f64 {
    let start = f64::from(from);
    let after_a_read = quiet.powi(from as i32) * (days - start).max(0.0);
    // Until `from` days have passed, only silence from before the first day can have lasted that long.
    let begin = from.saturating_sub(idle_days);
    let end = from.min(days as u32);
    if begin >= end {
        return after_a_read;
    }
    let loud = 1.0 - quiet;
    let still_silent = if loud < 1e-12 {
        f64::from(end - begin)
    } else {
        (quiet.powi(begin as i32) - quiet.powi(end as i32)) / loud
    };
    after_a_read + still_silent
}

/// How a move from one placement to another is charged.
#[derive(Clone, Copy, Debug, Serialize)]
struct Way {
    /// Per object, into the target.
    write: f64,
    /// Whether the source is read out and kept for a while.
    copied: bool,
    /// How far its bytes go.
    egress: Distance,
}

/// Prices of a set of placements, read once. Serialised, it is what another program needs to do the same arithmetic.
#[derive(Clone, Debug, Serialize)]
pub struct Scorer {
    places: Vec<Prices>,
    /// Row-major: from, to.
    ways: Vec<Way>,
    horizon_days: f64,
    grace_days: f64,
}

impl Scorer {
    /// Over these placements, for costs over a whole number of days; the source of a copy is kept for `grace_days`.
    #[must_use]
    pub fn new(places: &[Place<'_>], horizon_days: u32, grace_days: f64) -> Self {
        let prices: Vec<Prices> = places.iter().map(Prices::of).collect();
        let mut ways = Vec::with_capacity(places.len() * places.len());
        for from in places {
            for (to, target) in places.iter().zip(&prices) {
                let same = from.location == to.location && from.has_transitions;
                let copied = !is_transition(from.at, to.at, same);
                let far = |a: &PriceBook, b: &PriceBook| if same { Distance::Same } else { distance(a, b) };
                ways.push(Way {
                    write: if copied { target.put } else { target.transition_in },
                    copied,
                    egress: far(from.at.book, to.at.book),
                });
            }
        }
        Self {
            places: prices,
            ways,
            horizon_days: f64::from(horizon_days),
            grace_days,
        }
    }

    /// How many placements there are.
    #[must_use]
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// Running cost over the horizon at `to`, and the way there: USD. Staying has no way.
    #[must_use]
    #[inline]
    pub fn cost(&self, s: &Subject, to: usize) -> f64 {
        let target = &self.places[to];
        if to == s.at {
            return target.running(s, self.horizon_days, s.idle_days);
        }
        target.running(s, self.horizon_days, 0) + self.way(s, to)
    }

    #[inline]
    fn way(&self, s: &Subject, to: usize) -> f64 {
        let (source, target) = (&self.places[s.at], &self.places[to]);
        let way = self.ways[s.at * self.places.len() + to];
        let early = (source.min_days - f64::from(s.days_held)).max(0.0);
        let mut kept_days = early;
        let mut sum = way.write * s.objects;
        if way.copied {
            kept_days += (self.grace_days - early).max(0.0);
            sum += source.get * s.objects
                + source.retrieval_byte * s.size_bytes
                + source.egress(way.egress, s.size_bytes, s.size_bytes, 1.0);
        }
        if kept_days > 0.0 {
            sum += source.holding(s) * kept_days;
        }
        let tail = target.min_days - self.horizon_days;
        if tail > 0.0 {
            sum += target.holding(s) * tail;
        }
        sum
    }

    /// The cheapest placement, its own first among equals, and what it costs over the horizon.
    #[must_use]
    #[inline]
    pub fn best(&self, s: &Subject) -> (usize, f64) {
        let mut best = (s.at, self.cost(s, s.at));
        for to in 0..self.places.len() {
            if to == s.at {
                continue;
            }
            let cost = self.cost(s, to);
            if cost < best.1 {
                best = (to, cost);
            }
        }
        best
    }
}
