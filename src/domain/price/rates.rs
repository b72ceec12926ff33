//! What a storage class costs for one dataset: a book's figures times the dataset's bytes and objects, before any rounding.
//!
//! Invariant: this is the only place that reads a price into money. The itemised sheets of [`super::cost`] and the dense problem
//! of [`super::dense`] both come from here, so the recommendation, the plan, the what-if and the backtest cannot disagree.
//!
//! Amounts are USD as `f64` until a line is made; inputs are integers.

use super::book::{BillingUnit, ClassPrice, Egress, Figure, MONTH_DAYS, PriceBook, Step};
use super::line::Grade;
use crate::domain::unit::{Bytes, NanoUsd};
use serde::Serialize;

/// What is held: the dataset as a class bills it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holding {
    /// Its bytes.
    pub size_bytes: Bytes,
    /// Its objects, at least 1.
    pub object_count: i64,
}

impl Holding {
    /// From the catalog, where an unscanned dataset has 0 objects: it is priced as one.
    #[must_use]
    pub fn new(size_bytes: Bytes, object_count: i64) -> Self {
        Self {
            size_bytes,
            object_count: object_count.max(1),
        }
    }

    /// Mean bytes of an object.
    #[must_use]
    pub fn mean_object_bytes(&self) -> f64 {
        self.size_bytes.0 as f64 / self.object_count as f64
    }
}

/// An amount in USD with the weakest grade of the figures in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usd {
    /// US dollars, not rounded.
    pub usd: f64,
    /// The weakest grade.
    pub grade: Grade,
}

impl Usd {
    /// Nothing, and sure of it.
    pub const ZERO: Self = Self {
        usd: 0.0,
        grade: Grade::A,
    };

    fn of(usd: f64, grade: Grade) -> Self {
        // A charge of nothing casts no doubt on a sum.
        if usd == 0.0 {
            Self::ZERO
        } else {
            Self { usd, grade }
        }
    }

    /// The sum, as unsure as the less sure of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            usd: self.usd + other.usd,
            grade: self.grade.max(other.grade),
        }
    }

    /// A multiple.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self::of(self.usd * factor, self.grade)
    }
}

/// Storage per day while the dataset has been idle for at least `from_idle_days`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageRate {
    /// Days without a read.
    pub from_idle_days: u32,
    /// USD per day for the real bytes.
    pub storage: Usd,
}

/// A class's rates for one dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    /// One stage for a plain class, more for a managed one.
    pub stages: Vec<StageRate>,
    /// USD per day for bytes billed beyond the real ones.
    pub minimum_size: Usd,
    /// USD per day for managing it.
    pub monitoring: Usd,
    /// USD for reading every byte once: retrieval only.
    pub retrieval: Usd,
    /// USD for one read request.
    pub get: Usd,
    /// USD for one write request.
    pub put: Usd,
    /// USD for moving every object in by the vendor's own rules.
    pub transition_in: Usd,
    /// Days charged at least.
    pub min_days: u32,
}

/// Reads a price step list at a volume: the marginal cost of `volume_gb` more after `before_gb`.
#[must_use]
pub fn stepped(steps: &[Step], before_gb: f64, volume_gb: f64) -> Usd {
    let end = before_gb + volume_gb;
    let mut low = 0.0;
    let mut sum = Usd::ZERO;
    for step in steps {
        let high = step.up_to_gb.map_or(f64::INFINITY, |b| b as f64);
        let within = (end.min(high) - before_gb.max(low)).max(0.0);
        if within > 0.0 {
            sum = sum.plus(money(Some(&step.price), within));
        }
        low = high;
    }
    sum
}

/// A figure times an amount; an absent figure is free.
fn money(figure: Option<&Figure<NanoUsd>>, amount: f64) -> Usd {
    figure.map_or(Usd::ZERO, |f| Usd::of(f.value.as_usd() * amount, f.grade))
}

fn count(figure: Option<&Figure<i64>>) -> f64 {
    figure.map_or(0.0, |f| f.value as f64)
}

/// The rates of `class` of `book` for `held`. Volume tiers begin at the dataset's own first byte, because an account's other
/// data is not known here: a large account pays slightly less.
#[must_use]
pub fn rates(book: &PriceBook, class: &ClassPrice, held: Holding) -> Rates {
    let unit = book.unit.bytes();
    let objects = held.object_count as f64;
    let gb = held.size_bytes.0 as f64 / unit;
    let thousands = objects / 1000.0;
    let mean = held.mean_object_bytes();

    let first = stepped(&class.storage, 0.0, gb).times(1.0 / MONTH_DAYS);
    let mut stages = vec![StageRate {
        from_idle_days: 0,
        storage: first,
    }];
    let managed_from = count(class.managed_min_object_bytes.as_ref());
    if mean >= managed_from {
        for tier in &class.managed {
            stages.push(StageRate {
                from_idle_days: tier.from_idle_days,
                storage: money(Some(&tier.price), gb).times(1.0 / MONTH_DAYS),
            });
        }
    }
    let managed = stages.len() > 1;

    // Objects are taken as equally large: the mean decides whether the minimum size bites.
    let short_of_minimum = (count(class.min_object_bytes.as_ref()) - mean).max(0.0);
    let own_extra = short_of_minimum + count(class.overhead_bytes.as_ref());
    let own_rate = class.storage.first().map(|s| &s.price);
    let hot_rate = book
        .classes
        .first()
        .and_then(|c| c.storage.first())
        .map(|s| &s.price);
    let hot_extra = count(class.overhead_hot_bytes.as_ref());
    let minimum_size = money(own_rate, own_extra * objects / unit)
        .plus(money(hot_rate, hot_extra * objects / unit))
        .times(1.0 / MONTH_DAYS);

    let monitoring = if managed {
        money(class.monitoring_per_1k_objects.as_ref(), thousands / MONTH_DAYS)
    } else {
        Usd::ZERO
    };
    let into = class
        .transition_in_per_1k
        .as_ref()
        .or(class.class_a_per_1k.as_ref());
    Rates {
        stages,
        minimum_size,
        monitoring,
        retrieval: money(class.retrieval_per_gb.as_ref(), gb),
        get: money(class.class_b_per_1k.as_ref(), 0.001).plus(money(class.restore_per_1k.as_ref(), 0.001)),
        put: money(class.class_a_per_1k.as_ref(), 0.001),
        transition_in: money(into, thousands),
        min_days: u32::try_from(class.min_days()).unwrap_or(0),
    }
}

impl Rates {
    /// USD per day that the class charges for holding the dataset while it is idle for `idle_days`: storage, extra bytes, fee.
    #[must_use]
    pub fn holding_per_day(&self, stage: usize) -> Usd {
        let storage = self.stages.get(stage).map_or(Usd::ZERO, |s| s.storage);
        storage.plus(self.minimum_size).plus(self.monitoring)
    }
}

/// Where bytes go that leave a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Distance {
    /// The same place: free.
    Same,
    /// Another region of the same provider.
    OtherRegion,
    /// The internet or another provider.
    Internet,
}

/// How far a target book is from a source book.
#[must_use]
pub fn distance(source: &PriceBook, target: &PriceBook) -> Distance {
    if source.provider != target.provider {
        Distance::Internet
    } else if source.region != target.region {
        Distance::OtherRegion
    } else {
        Distance::Same
    }
}

/// USD for `bytes` that leave over `months`, of a dataset of `stored` bytes.
#[must_use]
pub fn egress(
    prices: &Egress,
    unit: BillingUnit,
    to: Distance,
    bytes: f64,
    stored: Bytes,
    months: f64,
) -> Usd {
    let gb = bytes / unit.bytes();
    match to {
        Distance::Same => Usd::ZERO,
        Distance::OtherRegion if prices.between_regions_per_gb.is_some() => {
            money(prices.between_regions_per_gb.as_ref(), gb)
        }
        Distance::OtherRegion | Distance::Internet => {
            let free = count(prices.free_times_stored.as_ref()) * stored.0 as f64 / unit.bytes() * months;
            let months = months.max(1.0);
            // Steps are per month: price an even month and multiply.
            stepped(&prices.internet, 0.0, (gb - free).max(0.0) / months).times(months)
        }
    }
}
