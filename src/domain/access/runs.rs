//! The numbers of a producer that were counted, as runs without gaps.
//!
//! A producer counts upwards, so that nearly all of its numbers lie in one run, which is one row however many they are. Numbers in
//! any other order are remembered just as exactly; they only take more rows.
//!
//! Invariant: runs are disjoint, in order, and no two touch.

/// All numbers from `first` to `last`, both counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The smallest.
    pub first: i64,
    /// The largest.
    pub last: i64,
}

/// What becomes of the runs when numbers are added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunsChange {
    /// Runs that are new or end elsewhere now; one with a known `first` takes its place.
    pub put: Vec<Run>,
    /// The `first` of runs that were taken up by others.
    pub remove: Vec<i64>,
}

/// Whether a run of `runs` holds `number`.
#[must_use]
pub fn runs_hold(runs: &[Run], number: i64) -> bool {
    let after = runs.partition_point(|run| run.first <= number);
    after
        .checked_sub(1)
        .and_then(|i| runs.get(i))
        .is_some_and(|run| number <= run.last)
}

/// Adds numbers (in order, none of them known or twice) to the runs that hold, touch or lie between them.
#[must_use]
pub fn add_to_runs(known: &[Run], numbers: &[i64]) -> RunsChange {
    let mut all: Vec<Run> = Vec::with_capacity(known.len() + 1);
    let mut old = known.iter().copied().peekable();
    let mut new = numbers.iter().map(|&n| Run { first: n, last: n }).peekable();
    loop {
        let next = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) if a.first < b.first => old.next(),
            (Some(_), None) => old.next(),
            _ => new.next(),
        };
        let Some(next) = next else { break };
        match all.last_mut() {
            Some(run) if next.first <= run.last.saturating_add(1) => run.last = run.last.max(next.last),
            _ => all.push(next),
        }
    }
    let is_in = |runs: &[Run], run: &Run| runs.binary_search_by_key(&run.first, |r| r.first).ok();
    RunsChange {
        put: all
            .iter()
            .filter(|run| is_in(known, run).is_none_or(|i| known[i] != **run))
            .copied()
            .collect(),
        remove: known
            .iter()
            .filter(|run| is_in(&all, run).is_none())
            .map(|run| run.first)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn run(first: i64, last: i64) -> Run {
        Run { first, last }
    }

    #[test]
    fn the_usual_batch_lengthens_one_run() {
        let change = add_to_runs(&[run(0, 999)], &(1000..2000).collect::<Vec<_>>());
        assert_eq!((change.put, change.remove), (vec![run(0, 1999)], vec![]));
    }

    #[test]
    fn a_late_batch_closes_the_gap() {
        let change = add_to_runs(&[run(0, 4), run(8, 9)], &[5, 6, 7]);
        assert_eq!((change.put, change.remove), (vec![run(0, 9)], vec![8]));
    }

    proptest! {
        #[test]
        fn runs_hold_exactly_what_was_added(batches in prop::collection::vec(prop::collection::vec(0_i64..60, 0..12), 0..12)) {
            let mut rows: BTreeMap<i64, Run> = BTreeMap::new();
            let mut model: BTreeSet<i64> = BTreeSet::new();
            for batch in batches {
                let known: Vec<Run> = rows.values().copied().collect();
                let new: BTreeSet<i64> = batch.into_iter().filter(|&n| !runs_hold(&known, n)).collect();
                prop_assert!(new.is_disjoint(&model));
                let change = add_to_runs(&known, &new.iter().copied().collect::<Vec<_>>());
                model.extend(new);
                for first in change.remove {
                    prop_assert!(rows.remove(&first).is_some());
                }
                for run in change.put {
                    rows.insert(run.first, run);
                }
                let held: BTreeSet<i64> = rows.values().flat_map(|r| r.first..=r.last).collect();
                prop_assert_eq!(&held, &model);
                let ordered: Vec<Run> = rows.values().copied().collect();
                prop_assert!(ordered.windows(2).all(|w| w[0].last + 1 < w[1].first));
            }
        }
    }
}
