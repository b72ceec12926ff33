//! Placement inventory: where every dataset stands, how large it is and what it costs; and which copies are kept beside.
//!
//! Invariant: sums are over the whole catalog; only the list of datasets is cut at a limit, and says so.

use super::{Cell, Column, Figure, Pair, Report, ReportName, Table, Unit};
use crate::domain::overview::PlacementShare;
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};

/// A dataset of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its location's name.
    pub location: String,
    /// Its class.
    pub class: String,
    /// Its address.
    pub path_uri: String,
    /// Its objects.
    pub objects: i64,
    /// Its bytes.
    pub size: Bytes,
    /// Its last access.
    pub last_access: Option<Timestamp>,
    /// What it costs in 30 days.
    pub monthly: Option<NanoUsd>,
    /// `move`, `stay`, `no_history`, or nothing yet.
    pub advice: Option<String>,
    /// Why it must not be moved.
    pub pinned: Option<String>,
}

/// Copies of one role at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copies {
    /// The location's name.
    pub location: String,
    /// The class.
    pub class: String,
    /// `serving`, `retained`, `deleting`.
    pub role: String,
    /// How many.
    pub count: i64,
    /// Their bytes.
    pub size: Bytes,
    /// How many of them a move has verified.
    pub verified: i64,
    /// When the next one may be removed.
    pub next_removal: Option<Timestamp>,
}

/// What the report is made from.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The present time.
    pub now: Timestamp,
    /// Sums by placement over the whole catalog, the largest first.
    pub shares: &'a [PlacementShare],
    /// Copies by place and role.
    pub copies: &'a [Copies],
    /// Datasets, the largest first; as many as a table may have.
    pub datasets: &'a [Held],
}

/// The report.
#[must_use]
pub fn placement(from: &Sources<'_>) -> Report {
    let mut report = Report::new(ReportName::Placement, None, from.now, "datasets");
    let size: Bytes = from.shares.iter().map(|s| s.size_bytes).sum();
    let cost: NanoUsd = from.shares.iter().filter_map(|s| s.monthly_cost_nanousd).sum();
    let count: i64 = from.shares.iter().map(|s| s.dataset_count).sum();
    let retained = from.copies.iter().filter(|c| c.role == "retained");
    let (kept, kept_size) = retained.fold((0, Bytes::ZERO), |(n, b), c| (n + c.count, b + c.size));
    let mut locations: Vec<&str> = from.shares.iter().map(|s| s.location_name.as_str()).collect();
    locations.sort_unstable();
    locations.dedup();
    report.figures = vec![
        Figure::new("datasets", "Datasets", Unit::Count, count, "in the catalog").behind("/datasets"),
        Figure::new("size", "Size", Unit::Bytes, size, "as they are served").behind("/datasets?sort=size"),
        Figure::new(
            "cost",
            "Cost a month",
            Unit::Nanousd,
            cost,
            "at the rate of reads of the last 30 days",
        )
        .behind("/datasets?sort=cost"),
        Figure::new(
            "locations",
            "Locations in use",
            Unit::Count,
            locations.len() as i64,
            "that datasets are served from",
        )
        .behind("/locations"),
        Figure::new(
            "retained",
            "Kept for undo",
            Unit::Bytes,
            kept_size,
            format!("{kept} sources of finished moves, in their grace period"),
        ),
    ];
    report.tables = vec![
        places(from.shares, count, size, cost),
        copies(from.copies),
        datasets(from.datasets, count),
    ];
    report.notes = vec![
        "Cost a month is holding and reading for 30 days at present prices; a placement without a known price counts as nothing \
         and is shown as a dash."
            .into(),
        "Size is that of the serving copy. Copies that are kept for undo, or for good, stand in the table of copies.".into(),
    ];
    report
}

fn places(shares: &[PlacementShare], count: i64, size: Bytes, cost: NanoUsd) -> Table {
    let columns = vec![
        Column::new("location", "Location", Unit::Text),
        Column::new("storage_class", "Class", Unit::Text),
        Column::new("datasets", "Datasets", Unit::Count),
        Column::new("size", "Size", Unit::Bytes),
        Column::new("cost", "Cost a month", Unit::Nanousd),
        Column::new("size_share", "Of the size", Unit::Share),
        Column::new("cost_share", "Of the cost", Unit::Share),
    ];
    let mut table = Table::new("placements", "By location and class", columns, "No dataset yet.");
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    for s in shares {
        table.push(vec![
            s.location_name.as_str().into(),
            s.storage_class.as_str().into(),
            s.dataset_count.into(),
            s.size_bytes.into(),
            s.monthly_cost_nanousd.into(),
            share(s.size_bytes.0 as f64, size.0 as f64).into(),
            share(s.monthly_cost_nanousd.map_or(0.0, NanoUsd::as_usd), cost.as_usd()).into(),
        ]);
    }
    table.total = Some(vec![
        "All".into(),
        Cell::Empty,
        count.into(),
        size.into(),
        cost.into(),
        Cell::Empty,
        Cell::Empty,
    ]);
    table.pair = Some(Pair { first: 5, second: 6 });
    table
}

fn copies(copies: &[Copies]) -> Table {
    let columns = vec![
        Column::new("location", "Location", Unit::Text),
        Column::new("storage_class", "Class", Unit::Text),
        Column::new("role", "Role", Unit::Text),
        Column::new("copies", "Copies", Unit::Count),
        Column::new("size", "Size", Unit::Bytes),
        Column::new("verified", "Verified by a move", Unit::Count),
        Column::new("next_removal", "Next may go", Unit::Time),
    ];
    let mut table = Table::new("copies", "Copies", columns, "No copy is known.");
    table.lead = Some(
        "The serving copy answers readers; a retained one is the source of a finished move, or a second copy.".into(),
    );
    for c in copies {
        table.push(vec![
            c.location.as_str().into(),
            c.class.as_str().into(),
            c.role.as_str().into(),
            c.count.into(),
            c.size.into(),
            c.verified.into(),
            c.next_removal.into(),
        ]);
    }
    table
}

fn datasets(held: &[Held], count: i64) -> Table {
    let columns = vec![
        Column::new("id", "Id", Unit::Count).hidden(),
        Column::new("dataset", "Dataset", Unit::Text).linked("/datasets/", 0),
        Column::new("location", "Location", Unit::Text),
        Column::new("storage_class", "Class", Unit::Text),
        Column::new("path_uri", "Address", Unit::Code).hidden(),
        Column::new("objects", "Objects", Unit::Count),
        Column::new("size", "Size", Unit::Bytes),
        Column::new("last_access_at", "Last access", Unit::Time),
        Column::new("cost", "Cost a month", Unit::Nanousd),
        Column::new("advice", "Advice", Unit::Text),
        Column::new("pinned", "Pinned, because", Unit::Text),
    ];
    let mut table = Table::new("datasets", "Datasets", columns, "No dataset yet.");
    table.lead = Some("The largest first.".into());
    for d in held {
        table.push(vec![
            d.id.into(),
            d.name.as_str().into(),
            d.location.as_str().into(),
            d.class.as_str().into(),
            d.path_uri.as_str().into(),
            d.objects.into(),
            d.size.into(),
            d.last_access.into(),
            d.monthly.into(),
            d.advice.as_ref().map(|a| a.replace('_', " ")).into(),
            d.pinned.as_deref().into(),
        ]);
    }
    table.row_count = count.max(table.row_count);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_over_all_and_shares_add_up() {
        let share = |name: &str, size, cost| PlacementShare {
            location_name: name.into(),
            storage_class: "hot".into(),
            dataset_count: 3,
            size_bytes: Bytes(size),
            monthly_cost_nanousd: cost,
        };
        let shares = [share("a", 300, Some(NanoUsd(10))), share("b", 100, None)];
        let report = placement(&Sources {
            now: Timestamp(0),
            shares: &shares,
            copies: &[],
            datasets: &[],
        });
        let table = report.table(Some("placements")).unwrap();
        let total = table.total.as_ref().unwrap();
        assert_eq!(
            (&total[2], &total[3], &total[4]),
            (&Cell::Int(6), &Cell::Int(400), &Cell::Int(10))
        );
        let of_size: f64 = table.rows.iter().map(|r| r[5].amount()).sum();
        assert!((of_size - 1.0).abs() < 1e-12);
        let listed = report.table(None).unwrap();
        assert_eq!(
            (listed.row_count, listed.left_out()),
            (6, 6),
            "the list says what it leaves out"
        );
    }
}
