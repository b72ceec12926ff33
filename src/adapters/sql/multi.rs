//! Statements over many rows at once: a few fixed sizes, so that each is prepared once and found again.

/// Rows of one statement, largest first. 512 rows of 8 columns are 4,096 parameters of the 32,766 that SQLite takes.
const SIZES: [usize; 4] = [512, 64, 8, 1];

/// Cuts rows into pieces of the fixed sizes.
pub(super) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|&size| size <= rows.len())?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// `(?, ?), (?, ?), …`: the parameters of `rows` rows of `columns` columns, in the order in which they are bound. A statement that
/// has them may have no others.
///
/// The one place where parameters have no numbers. SQLite takes `$1` for a *name*, and each bind of the driver looks for its name
/// among all of them: with a few thousand parameters that is nearly all the time a statement takes. An engine that wants numbers
/// gets them here.
pub(super) fn tuples(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_known_sizes_and_lose_nothing() {
        let rows: Vec<usize> = (0..1100).collect();
        let sizes: Vec<usize> = pieces(&rows).map(<[usize]>::len).collect();
        assert_eq!(sizes, [512, 512, 64, 8, 1, 1, 1, 1]);
        assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(pieces::<usize>(&[]).count(), 0);
    }

    #[test]
    fn every_column_of_every_row_has_a_parameter() {
        assert_eq!(tuples(2, 2), "(?, ?), (?, ?)");
        assert_eq!(tuples(3, 1), "(?, ?, ?)");
    }
}
