//! Itemised costs: holding and reading a dataset for a while, and moving it once.
//!
//! Invariant: every line is rounded once and a sheet's total is the sum of its lines. All amounts come from [`super::rates`].
//! The recommendation, a move's plan, the reports and the what-if call these two functions and no others.
//! What a move charges before rounding is in [`super::transfer`].

use super::book::{ClassPrice, MONTH_DAYS, exact_usd};
use super::line::{CostKind, CostLine, CostSheet};
use super::rates::{Distance, Holding, Rates, Usd, egress};
use super::transfer::{Priced, charges};
use crate::domain::unit::{Bytes, NanoUsd, group_thousands};

/// What readers and writers do over the horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Length in days.
    pub days: f64,
    /// Bytes read.
    pub read_bytes: f64,
    /// Read requests.
    pub gets: f64,
    /// Write requests.
    pub puts: f64,
    /// Share of the read bytes that leaves for the internet or another provider, 0 to 1.
    pub outside_share: f64,
    /// Share of the read bytes that leaves for another region of the same provider, 0 to 1.
    pub other_region_share: f64,
    /// Chance of a read on a day: decides the tiers of a managed class.
    pub read_day_chance: f64,
    /// Days without a read when the horizon begins; 0 where the dataset would be new in its class.
    pub idle_days: u32,
}

/// Days of the horizon spent in each stage, when a read falls on a day with `chance` and any read leads back to the first.
#[must_use]
pub fn days_in_stages(starts: &[u32], usage: &Usage) -> Vec<f64> {
    let quiet = 1.0 - usage.read_day_chance.clamp(0.0, 1.0);
    // Days on which the dataset has been idle for at least `start` days, in expectation.
    let at_least = |start: u32| {
        if start == 0 {
            return usage.days;
        }
        let since_a_read = quiet.powi(i32::try_from(start).unwrap_or(i32::MAX));
        let idle_by_then = start.saturating_sub(usage.idle_days);
        let (mut days, mut silent) = (0.0, 1.0);
        for t in 0..=usage.days.floor() as u32 {
            let weight = (usage.days - f64::from(t)).min(1.0);
            days += weight
                * if t >= start {
                    since_a_read
                } else if t >= idle_by_then {
                    silent
                } else {
                    0.0
                };
            silent *= quiet;
        }
        days
    };
    let reached: Vec<f64> = starts.iter().map(|&start| at_least(start)).collect();
    (0..starts.len())
        .map(|i| reached[i] - reached.get(i + 1).copied().unwrap_or(0.0))
        .collect()
}

fn line(kind: CostKind, amount: Usd, text: String) -> CostLine {
    CostLine {
        kind,
        text,
        amount_nanousd: NanoUsd::from_usd(amount.usd),
        grade: amount.grade,
    }
}

fn days_text(days: f64) -> String {
    let shown = if days.fract() == 0.0 {
        format!("{days:.0}")
    } else {
        format!("{days:.1}")
    };
    format!("{shown} {}", if shown == "1" { "day" } else { "days" })
}

fn count_text(n: f64) -> String {
    group_thousands(n.round().max(0.0) as u64)
}

/// What holding and reading charges, not yet rounded. `days` has one entry for each stage.
struct Parts {
    days: Vec<f64>,
    storage: Vec<Usd>,
    minimum_size: Usd,
    monitoring: Usd,
    request: Usd,
    retrieval: Usd,
    leaving_bytes: f64,
    egress: Usd,
}

/// Days in each stage at the forecast's chance of a read.
fn expected_days(r: &Rates, usage: &Usage) -> Vec<f64> {
    if r.stages.len() == 1 {
        return vec![usage.days];
    }
    let starts: Vec<u32> = r.stages.iter().map(|s| s.from_idle_days).collect();
    days_in_stages(&starts, usage)
}

/// Days in each stage when it is known on which days (counted from 0) reads fell. A day with a read is one of the first stage.
fn known_days(r: &Rates, usage: &Usage, read_days: &[u32]) -> Vec<f64> {
    let mut days = vec![0.0; r.stages.len()];
    let (mut idle, mut next) = (usage.idle_days, 0);
    for day in 0..usage.days.max(0.0).ceil() as u32 {
        while read_days.get(next).is_some_and(|&read| read <= day) {
            idle = 0;
            next += 1;
        }
        let stage = r
            .stages
            .iter()
            .rposition(|s| s.from_idle_days <= idle)
            .unwrap_or(0);
        days[stage] += (usage.days - f64::from(day)).min(1.0);
        idle = idle.saturating_add(1);
    }
    days
}

impl Parts {
    fn of(at: Priced<'_>, r: &Rates, held: Holding, usage: &Usage, days: Vec<f64>) -> Self {
        let full_reads = usage.read_bytes / (held.size_bytes.0.max(1)) as f64;
        let out = |to: Distance, bytes: f64| {
            let months = usage.days / MONTH_DAYS;
            egress(&at.book.egress, at.book.unit, to, bytes, held.size_bytes, months)
        };
        let outside = usage.read_bytes * usage.outside_share.clamp(0.0, 1.0);
        let near = usage.read_bytes * usage.other_region_share.clamp(0.0, 1.0);
        Self {
            storage: r
                .stages
                .iter()
                .zip(&days)
                .map(|(stage, &days)| stage.storage.times(days))
                .collect(),
            days,
            minimum_size: r.minimum_size.times(usage.days),
            monitoring: r.monitoring.times(usage.days),
            request: r.get.times(usage.gets).plus(r.put.times(usage.puts)),
            retrieval: r.retrieval.times(full_reads),
            leaving_bytes: outside + near,
            egress: out(Distance::Internet, outside).plus(out(Distance::OtherRegion, near)),
        }
    }
}

/// The total of [`running`] in USD before its lines are rounded, from rates that are known already: for searching over many rates
/// of reads, where no line is shown.
#[must_use]
pub fn running_usd(at: Priced<'_>, r: &Rates, held: Holding, usage: &Usage) -> f64 {
    let parts = Parts::of(at, r, held, usage, expected_days(r, usage));
    let storage: f64 = parts.storage.iter().map(|s| s.usd).sum();
    storage
        + parts.minimum_size.usd
        + parts.monitoring.usd
        + parts.request.usd
        + parts.retrieval.usd
        + parts.egress.usd
}

/// Holding and reading for the horizon of `usage`.
#[must_use]
pub fn running(at: Priced<'_>, held: Holding, usage: &Usage) -> CostSheet {
    let r = at.rates(held);
    let parts = Parts::of(at, &r, held, usage, expected_days(&r, usage));
    sheet(at, &r, held, usage, &parts)
}

/// The same for a span that is over, where it is known on which of its days (counted from 0, ascending) reads fell: what holding
/// and reading have cost, or would have cost elsewhere. `usage.read_day_chance` is not looked at.
#[must_use]
pub fn incurred(at: Priced<'_>, held: Holding, usage: &Usage, read_days: &[u32]) -> CostSheet {
    let r = at.rates(held);
    let parts = Parts::of(at, &r, held, usage, known_days(&r, usage, read_days));
    sheet(at, &r, held, usage, &parts)
}

fn sheet(at: Priced<'_>, r: &Rates, held: Holding, usage: &Usage, parts: &Parts) -> CostSheet {
    let unit = at.book.unit.as_str();
    let mut lines = Vec::new();
    for (i, (stage, days)) in r.stages.iter().zip(&parts.days).enumerate() {
        let price = if i == 0 {
            at.class.storage.first().map(|s| s.price.value)
        } else {
            at.class.managed.get(i - 1).map(|m| m.price.value)
        };
        let idle = if stage.from_idle_days == 0 {
            String::new()
        } else {
            format!(" (idle for {} days)", stage.from_idle_days)
        };
        let volume = if i == 0 && at.class.storage.len() > 1 {
            "from "
        } else {
            ""
        };
        let text = format!(
            "{} × {volume}{} per {unit}-month × {}{idle}",
            held.size_bytes,
            exact_usd(price.unwrap_or_default()),
            days_text(*days)
        );
        lines.push(line(CostKind::Storage, parts.storage[i], text));
    }
    let objects = held.object_count.unsigned_abs();
    let mean = Bytes(held.mean_object_bytes() as u64);
    lines.push(line(
        CostKind::MinimumSize,
        parts.minimum_size,
        format!(
            "{} objects of {mean} on average are billed larger, {}",
            group_thousands(objects),
            days_text(usage.days)
        ),
    ));
    lines.push(line(
        CostKind::Monitoring,
        parts.monitoring,
        format!(
            "{} objects managed for {}",
            group_thousands(objects),
            days_text(usage.days)
        ),
    ));
    lines.push(line(
        CostKind::Request,
        parts.request,
        format!(
            "{} read and {} write requests",
            count_text(usage.gets),
            count_text(usage.puts)
        ),
    ));
    let read = Bytes(usage.read_bytes.max(0.0) as u64);
    if let Some(price) = &at.class.retrieval_per_gb {
        lines.push(line(
            CostKind::Retrieval,
            parts.retrieval,
            format!("{read} × {} per {unit}", exact_usd(price.value)),
        ));
    }
    lines.push(line(
        CostKind::Egress,
        parts.egress,
        format!(
            "{} to readers outside",
            Bytes(parts.leaving_bytes.max(0.0) as u64)
        ),
    ));
    CostSheet::of(lines)
}

/// A move from one placement to another.
#[derive(Clone, Copy, Debug)]
pub struct MoveTerms {
    /// Whether source and target are one location: then the vendor's own transition can go down.
    pub same_location: bool,
    /// Days the data has spent in its present class.
    pub days_held: i64,
    /// Days for which the source is kept for undo.
    pub grace_days: f64,
    /// Days the target will be held as far as is planned; a longer minimum is charged for the rest.
    pub horizon_days: f64,
}

/// The one-time cost of a move: reading out, egress, putting in, leaving early, keeping the source, and the part of the target's
/// minimum duration that the horizon does not reach.
#[must_use]
pub fn moving(from: Priced<'_>, to: Priced<'_>, held: Holding, terms: &MoveTerms) -> CostSheet {
    let (source, target) = (from.rates(held), to.rates(held));
    let shown = group_thousands(held.object_count.unsigned_abs());
    let charges = charges((from, &source), (to, &target), held, terms.same_location);
    let mut lines = vec![
        line(
            CostKind::Transition,
            charges.write,
            format!("{shown} objects into {}", to.class.title),
        ),
        line(
            CostKind::Request,
            charges.read,
            format!("{shown} objects read from {}", from.class.title),
        ),
        line(
            CostKind::Retrieval,
            charges.retrieval,
            format!("{} read from {}", held.size_bytes, from.class.title),
        ),
        line(
            CostKind::Egress,
            charges.egress,
            format!("{} leave {}", held.size_bytes, from.book.title),
        ),
    ];
    let early = early_days(from.class, terms.days_held);
    lines.push(line(
        CostKind::EarlyDeletion,
        source.holding_per_day(0).times(early),
        format!("{} of {}'s minimum left", days_text(early), from.class.title),
    ));
    // A transition leaves nothing behind; a copy keeps its source until the grace period ends.
    if charges.copied {
        // Keeping the source serves its minimum at the same time, so those days are not charged twice.
        let beyond = (terms.grace_days - early).max(0.0);
        lines.push(line(
            CostKind::DoubleStorage,
            source.holding_per_day(0).times(beyond),
            format!("source kept for undo, {}", days_text(beyond)),
        ));
    }
    let tail = (f64::from(target.min_days) - terms.horizon_days).max(0.0);
    lines.push(line(
        CostKind::EarlyDeletion,
        target.holding_per_day(0).times(tail),
        format!(
            "{} of {}'s minimum beyond the horizon",
            days_text(tail),
            to.class.title
        ),
    ));
    CostSheet::of(lines)
}

/// Days of a class's minimum that are not served after `days_held`.
#[must_use]
pub fn early_days(class: &ClassPrice, days_held: i64) -> f64 {
    (class.min_days() - days_held.max(0)).max(0) as f64
}

/// Whole days until a one-time cost is earned back by a saving per `horizon_days`; `None` when it never is.
#[must_use]
pub fn break_even_days(one_time: NanoUsd, saving_over_horizon: NanoUsd, horizon_days: i64) -> Option<i64> {
    if saving_over_horizon.0 <= 0 {
        return None;
    }
    let cost = i128::from(one_time.0.max(0)) * i128::from(horizon_days);
    let saving = i128::from(saving_over_horizon.0);
    i64::try_from((cost + saving - 1) / saving).ok()
}
