//! The demo's generated workload: which datasets there are and when they were read. Nothing in it was observed.
//!
//! Invariant: the same seed, end and length give the same workload on every machine, whatever else is drawn: each dataset and each
//! day of it has its own numbered stream of draws. The shapes are described in [`Shape`]; the list of datasets is in `cast`.

mod cast;
mod draw;
mod files;

use crate::domain::access::AccessOp;
use crate::domain::unit::{Bytes, Timestamp};
pub use draw::Draw;
pub use files::{PlannedFile, SCALE, bytes_on_disk, planned_files};

/// How a dataset is used over its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Old and large; now and then somebody reads a thin slice (0.02 % to 1.5 %) over a few days, then weeks of silence.
    ArchiveSlices,
    /// Written, read whole several times a week for three to nine weeks, then silence; one late reader in three.
    Campaign,
    /// Read nearly whole on the first three days of every month, a glance in between once in a while.
    MonthlyReport,
    /// Read all day, every day, less at weekends: 8 % to 40 % of its bytes a day.
    SteadyHot,
    /// Written, checked once in its first week, never opened again.
    DeadOnArrival,
}

impl Shape {
    /// Every shape, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::ArchiveSlices,
        Self::Campaign,
        Self::MonthlyReport,
        Self::SteadyHot,
        Self::DeadOnArrival,
    ];

    /// How often the live trickle picks a dataset of this shape, relative to the others.
    #[must_use]
    pub fn live_weight(self) -> u32 {
        match self {
            Self::SteadyHot => 40,
            Self::MonthlyReport => 3,
            Self::ArchiveSlices => 2,
            Self::Campaign => 1,
            Self::DeadOnArrival => 0,
        }
    }
}

/// Where a dataset stands when the demo begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Home {
    /// The fast local disk.
    Nvme,
    /// The object store's default class.
    Lake,
    /// The object store's infrequent-access class.
    LakeInfrequent,
    /// The network share.
    Nas,
}

/// One generated dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadDataset {
    /// Its name in the catalog.
    pub name: &'static str,
    /// How it is used.
    pub shape: Shape,
    /// Where it stands at first.
    pub home: Home,
    /// Its size in the catalog: a whole multiple of [`SCALE`].
    pub size: Bytes,
    /// Objects written for it.
    pub objects: u32,
    /// When its first byte was written.
    pub created_at: Timestamp,
    /// The first-byte latency that its readers accept, in milliseconds, where they said so.
    pub latency_limit_ms: Option<i64>,
}

/// One generated access. It carries no latency: none was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkloadAccess {
    /// Index into [`Workload::datasets`].
    pub dataset: usize,
    /// When.
    pub at: Timestamp,
    /// Read or write.
    pub op: AccessOp,
    /// Bytes read or written.
    pub size: Bytes,
}

/// A whole generated history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The seed it came from.
    pub seed: u64,
    /// Its last instant.
    pub end: Timestamp,
    /// Its length in days.
    pub days: u32,
    /// The datasets.
    pub datasets: Vec<WorkloadDataset>,
    /// The accesses in order of time.
    pub accesses: Vec<WorkloadAccess>,
}

/// Generates the workload that ends at `end` and looks `days` back (at least 60, so that every shape can show itself).
#[must_use]
pub fn generate(seed: u64, end: Timestamp, days: u32) -> Workload {
    let days = days.max(60);
    let mut datasets = Vec::with_capacity(cast::CAST.len());
    let mut accesses = Vec::new();
    for (index, role) in cast::CAST.iter().enumerate() {
        let (dataset, age_days) = describe(seed, index, role, end, days);
        Writer {
            seed,
            index,
            dataset: &dataset,
            end,
            out: &mut accesses,
        }
        .write(age_days);
        datasets.push(dataset);
    }
    accesses.sort_by_key(|a| (a.at, a.dataset));
    Workload {
        seed,
        end,
        days,
        datasets,
        accesses,
    }
}

/// Size, age and readers' patience of one member of the cast.
fn describe(seed: u64, index: usize, role: &cast::Role, end: Timestamp, days: u32) -> (WorkloadDataset, u32) {
    let mut draw = Draw::new(seed, stream(index, 0));
    let size = draw.log_between(role.min_gb, role.max_gb) * 1_000_000_000 + draw.below(1_000_000_000);
    let size = Bytes(size - size % SCALE);
    let age_days = match role.shape {
        // A campaign must be able to end well before today, a dead one to have been dead for a while.
        Shape::Campaign => draw.between(u64::from(days) / 4, u64::from(days) * 19 / 20),
        Shape::DeadOnArrival => draw.between(u64::from(days) / 8, u64::from(days) * 9 / 10),
        _ => draw.between(u64::from(days) * 3 / 4, u64::from(days)),
    };
    let age_days = u32::try_from(age_days).unwrap_or(days);
    let created_at = Timestamp(end.day() * Timestamp::DAY)
        .plus_micros(-i64::from(age_days) * Timestamp::DAY)
        .plus_micros(i64::try_from(draw.below(20)).unwrap_or(0) * Timestamp::HOUR);
    let objects = u32::try_from(draw.between(12, 36)).unwrap_or(12);
    let dataset = WorkloadDataset {
        name: role.name,
        shape: role.shape,
        home: role.home,
        size,
        objects,
        created_at,
        latency_limit_ms: role.latency_limit_ms,
    };
    (dataset, age_days)
}

/// The number of a dataset's stream of draws for a day; day 0 is its description.
fn stream(index: usize, day: u32) -> u64 {
    (u64::try_from(index).unwrap_or(u64::MAX) << 32) | u64::from(day)
}

/// Writes the accesses of one dataset.
struct Writer<'a> {
    seed: u64,
    index: usize,
    dataset: &'a WorkloadDataset,
    end: Timestamp,
    out: &'a mut Vec<WorkloadAccess>,
}

impl Writer<'_> {
    fn write(&mut self, age_days: u32) {
        self.push(self.dataset.created_at, AccessOp::Write, 1.0);
        let mut life = Draw::new(self.seed, stream(self.index, 0) | 1 << 31);
        // Drawn once a life, so that each dataset keeps its own habits.
        let habit = life.unit();
        let campaign_days = u32::try_from(life.between(21, 63)).unwrap_or(21);
        let echo_day =
            (life.below(3) == 0).then(|| campaign_days + 40 + u32::try_from(life.below(120)).unwrap_or(0));
        let mut busy_until = 0;
        for day in 1..=age_days {
            let mut draw = Draw::new(self.seed, stream(self.index, day));
            let start = Timestamp((self.end.day() - i64::from(age_days - day)) * Timestamp::DAY);
            let weekend = matches!(start.day().rem_euclid(7), 2 | 3);
            match self.dataset.shape {
                Shape::ArchiveSlices => {
                    if day >= busy_until + 20 && draw.unit() < 0.02 + 0.03 * habit {
                        busy_until = day + u32::try_from(draw.between(1, 5)).unwrap_or(1);
                    }
                    if day <= busy_until && busy_until > 0 {
                        self.reads(&mut draw, start, (1, 6), (0.0002, 0.015));
                    }
                }
                Shape::Campaign => {
                    let active = day <= campaign_days && !weekend && draw.unit() < 0.5 + 0.3 * habit;
                    if active {
                        self.reads(&mut draw, start, (2, 5), (0.15, 0.6));
                    } else if echo_day == Some(day) {
                        self.reads(&mut draw, start, (1, 2), (0.3, 0.9));
                    }
                }
                Shape::MonthlyReport => {
                    let of_month = start.to_utc().map_or(15, |t| chrono::Datelike::day(&t));
                    if of_month <= 3 {
                        self.reads(&mut draw, start, (2, 4), (0.1, 0.2));
                    } else if draw.unit() < 0.03 {
                        self.reads(&mut draw, start, (1, 1), (0.001, 0.01));
                    }
                }
                Shape::SteadyHot => {
                    let (most, weight) = if weekend { (3, 0.25) } else { (9, 1.0) };
                    let share = weight * (0.02 + 0.03 * habit);
                    self.reads(&mut draw, start, (2, most), (share / 2.0, share * 1.5));
                    if draw.below(3) == 0 {
                        let at = self.moment(&mut draw, start);
                        self.push(at, AccessOp::Write, 0.002);
                    }
                }
                Shape::DeadOnArrival => {
                    if day == 2 {
                        self.reads(&mut draw, start, (1, 1), (0.05, 1.0));
                    }
                }
            }
        }
    }

    /// Between `count.0` and `count.1` reads on a day, each of a share of the dataset between the two of `share`.
    fn reads(&mut self, draw: &mut Draw, start: Timestamp, count: (u64, u64), share: (f64, f64)) {
        for _ in 0..draw.between(count.0, count.1) {
            let at = self.moment(draw, start);
            let share = share.0 + (share.1 - share.0) * draw.unit();
            self.push(at, AccessOp::Read, share);
        }
    }

    /// An instant of a working day (06:00 to 20:00 UTC).
    fn moment(&self, draw: &mut Draw, start: Timestamp) -> Timestamp {
        let second = i64::try_from(draw.between(6 * 3600, 20 * 3600)).unwrap_or(0);
        start.plus_micros(second * Timestamp::SECOND)
    }

    /// Nothing is written past the end: the future has not happened.
    fn push(&mut self, at: Timestamp, op: AccessOp, share: f64) {
        if at <= self.end {
            self.out.push(WorkloadAccess {
                dataset: self.index,
                at,
                op,
                size: share_of(self.dataset.size, share),
            });
        }
    }
}

/// A share of a size, at least one byte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "generated sizes need no exactness past 2^53"
)]
fn share_of(size: Bytes, share: f64) -> Bytes {
    Bytes(((size.0 as f64 * share.clamp(0.0, 1.0)) as u64).max(1))
}

#[cfg(test)]
mod tests;
