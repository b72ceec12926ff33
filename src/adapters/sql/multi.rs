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

/// `($a, $b), ($c, $d), …`: parameters of `rows` rows of `columns` columns, from number `first`.
pub(super) fn tuples(first: usize, columns: usize, rows: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 7);
    let mut number = first;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                text.push_str(", ");
            }
            text.push('$');
            text.push_str(&number.to_string());
            number += 1;
        }
        text.push(')');
    }
    text
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
    fn parameters_are_numbered_through() {
        assert_eq!(tuples(2, 2, 2), "($2, $3), ($4, $5)");
        assert_eq!(tuples(1, 1, 3), "($1), ($2), ($3)");
    }
}
