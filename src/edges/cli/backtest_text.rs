//! A backtest as people and spreadsheets read it: the totals, every dataset when asked for, and what the two ratios mean.
//!
//! Invariant: figures are those of the report; nothing is computed here.

use crate::domain::placement::backtest::{BacktestReport, DatasetPolicy, DatasetTotal, PolicyTotal, Weight};
use crate::domain::placement::calibration::Reliability;
use crate::domain::unit::group_thousands;
use crate::edges::cli::style::Style;
use crate::edges::cli::table::{self, Column, Tint, render};
use std::fmt::Write as _;

/// One policy on one dataset, with what the dataset's row says.
type Pair = (DatasetTotal, DatasetPolicy);

/// The report as tables, with a footer that says what the ratios are to.
pub fn tables(r: &BacktestReport, style: Style) -> String {
    let mut out = String::new();
    let basis = match r.weight {
        Weight::Equal => "each dataset counted as 1 GB",
        Weight::Dollar => "each dataset counted with its size",
    };
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "{} datasets, {} events, {} days; prices {} of {}; {basis}\nclasses: {}\n",
        group_thousands(r.datasets),
        group_thousands(r.events),
        r.span_days,
        r.prices.name,
        r.prices.date,
        r.classes.join(", "),
    );
    out += &render(&policies(), &r.policies, style);
    if !r.by_dataset.is_empty() {
        out.push('\n');
        out += &render(&datasets(), &r.by_dataset, style);
    }
    if let Some(table) = &r.calibration {
        out.push('\n');
        out += &reliability(table);
    }
    out.push('\n');
    out += &footer(r);
    out
}

/// Stated chances beside the shares that came true.
fn reliability(table: &Reliability) -> String {
    let mut out = format!(
        "CONFIDENCE: {} moves judged after 90 days, Brier score {:.3} (0.25 is what always saying one half gets)\n\
         STATED       MOVES  MEAN  CAME TRUE\n",
        group_thousands(table.decisions),
        table.brier
    );
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    for line in &table.lines {
        let range = format!("{:.0} to {}", line.from * 100.0, percent(line.to));
        let _ = writeln!(
            out,
            "{range:<11} {:>6}  {:>4}  {:>9}",
            group_thousands(line.decisions),
            percent(line.stated),
            percent(line.observed)
        );
    }
    if let Some(early) = &table.before_calibration {
        let _ = writeln!(
            out,
            "not counted: {} moves stated before 50 outcomes were known, mean {}, {} came true",
            group_thousands(early.decisions),
            percent(early.stated),
            percent(early.observed)
        );
    }
    out
}

/// Says what each ratio is divided by.
fn footer(r: &BacktestReport) -> String {
    let plain = format!(
        "RATIO: to the exact optimum in hindsight over plain classes, ${:.4}. WORST: the highest of a single dataset.\n",
        r.optimum_usd
    );
    let managed = format!(
        "TO MANAGED: to the optimum over all of these classes, ${:.4}, which no policy can beat. A ratio below 1 means that a class\n\
         which the vendor manages was cheaper than any course of plain ones.\n",
        r.optimum_with_managed_usd
    );
    let same = "TO MANAGED: the same, since no managed class is among these classes.\n".to_owned();
    let has_managed = r.policies.iter().any(|p| p.name.starts_with("managed:"));
    plain + if has_managed { &managed } else { &same }
}

/// The report as CSV: a row a policy, or a row a dataset and policy where each dataset was asked for.
///
/// # Errors
/// When a row cannot be written, which memory never refuses.
pub fn lines(r: &BacktestReport) -> Result<String, csv::Error> {
    if r.by_dataset.is_empty() {
        return table::csv(&policies(), &r.policies);
    }
    let pairs: Vec<Pair> = r
        .by_dataset
        .iter()
        .flat_map(|d| {
            let row = DatasetTotal {
                policies: Vec::new(),
                ..d.clone()
            };
            d.policies.iter().map(move |p| (row.clone(), p.clone()))
        })
        .collect();
    table::csv(&pair_columns(), &pairs)
}

fn number<T: 'static>(
    title: &'static str,
    key: &'static str,
    decimals: usize,
    of: fn(&T) -> f64,
) -> Column<T> {
    Column::number(
        title,
        key,
        move |row: &T| format!("{:.decimals$}", of(row)),
        move |row: &T| of(row).to_string(),
    )
}

fn count<T: 'static>(title: &'static str, key: &'static str, of: fn(&T) -> u64) -> Column<T> {
    Column::number(
        title,
        key,
        move |row: &T| group_thousands(of(row)),
        move |row: &T| of(row).to_string(),
    )
}

fn policies() -> Vec<Column<PolicyTotal>> {
    vec![
        Column::text("POLICY", "policy", |p: &PolicyTotal| p.name.clone()),
        number("RATIO", "ratio", 3, |p: &PolicyTotal| p.ratio).tinted(below_one),
        number(
            "TO MANAGED",
            "ratio_to_optimum_with_managed",
            3,
            |p: &PolicyTotal| p.ratio_to_optimum_with_managed,
        ),
        number("USD", "usd", 4, |p: &PolicyTotal| p.usd),
        count("MOVES", "moves", |p: &PolicyTotal| p.moves),
        number("STORAGE", "storage_usd", 4, |p: &PolicyTotal| p.storage_usd),
        number("READ", "read_usd", 4, |p: &PolicyTotal| p.read_usd),
        number("MOVE", "move_usd", 4, |p: &PolicyTotal| p.move_usd),
        number("EARLY DEL.", "early_deletion_usd", 4, |p: &PolicyTotal| {
            p.early_deletion_usd
        }),
        number("WORST", "worst_ratio", 2, |p: &PolicyTotal| p.worst_ratio),
        Column::text("ON", "worst_dataset", |p: &PolicyTotal| p.worst_dataset.clone())
            .tinted(|_| Tint::Faint),
    ]
}

fn below_one(p: &PolicyTotal) -> Tint {
    if p.ratio < 1.0 { Tint::Good } else { Tint::None }
}

/// A row a dataset: the recommended policy, which is the first of the list.
fn datasets() -> Vec<Column<DatasetTotal>> {
    let own = |d: &DatasetTotal, of: fn(&DatasetPolicy) -> f64| d.policies.first().map_or(f64::NAN, of);
    let ratio = move |title, key, of: fn(&DatasetPolicy) -> f64| {
        Column::number(
            title,
            key,
            move |d: &DatasetTotal| format!("{:.3}", own(d, of)),
            move |d: &DatasetTotal| own(d, of).to_string(),
        )
    };
    vec![
        Column::text("DATASET", "object_id", |d: &DatasetTotal| d.object_id.clone()),
        count("BYTES", "size_bytes", |d: &DatasetTotal| d.size_bytes.0),
        number("OPTIMUM USD", "optimum_usd", 4, |d: &DatasetTotal| d.optimum_usd),
        number(
            "WITH MANAGED",
            "optimum_with_managed_usd",
            4,
            |d: &DatasetTotal| d.optimum_with_managed_usd,
        ),
        ratio("RECOMMENDED", "ratio", |p| p.ratio),
        ratio("TO MANAGED", "ratio_to_optimum_with_managed", |p| {
            p.ratio_to_optimum_with_managed
        }),
        count("MOVES", "moves", |d: &DatasetTotal| {
            d.policies.first().map_or(0, |p| u64::from(p.moves))
        }),
    ]
}

fn pair_columns() -> Vec<Column<Pair>> {
    fn bare(key: &'static str, of: fn(&Pair) -> String) -> Column<Pair> {
        Column::text(key, key, of)
    }
    vec![
        bare("object_id", |(d, _)| d.object_id.clone()),
        bare("size_bytes", |(d, _)| d.size_bytes.0.to_string()),
        bare("optimum_usd", |(d, _)| d.optimum_usd.to_string()),
        bare("optimum_with_managed_usd", |(d, _)| {
            d.optimum_with_managed_usd.to_string()
        }),
        bare("policy", |(_, p)| p.name.clone()),
        bare("usd", |(_, p)| p.usd.to_string()),
        bare("ratio", |(_, p)| p.ratio.to_string()),
        bare("ratio_to_optimum_with_managed", |(_, p)| {
            p.ratio_to_optimum_with_managed.to_string()
        }),
        bare("moves", |(_, p)| p.moves.to_string()),
    ]
}
