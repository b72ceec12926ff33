//! On pure noise there is nothing to foretell, and the policy must know it.

use super::problem::{Candidate, Problem};
use super::stream::{Member, Stream};
use super::universe::Draws;

/// Lives in the first, may go to a cheaper one whose reads cost.
fn two() -> Problem {
    let classes = vec![
        Candidate::plain("hot", 0.023 / 30.0, 0.0, 0, 10.0),
        Candidate::plain("warm", 0.0125 / 30.0, 0.01, 30, 10.0),
    ];
    Problem::new(classes, vec![0.0, 1e-5, 0.01, 0.0], 0).expect("a good problem")
}

/// Read as a whole on days that are drawn, each with the same chance, whatever came before.
fn noise(seed: u64, chance_a_day: f64, until: i64) -> Member {
    let mut draws = Draws(seed);
    let days = (0..until).filter(|_| draws.unit() < chance_a_day);
    Member {
        problem: two(),
        first_day: 0,
        reads: days.map(|d| (d, 1.0)).collect(),
        days_held: 1_000,
        state: None,
    }
}

/// At this many reads a month both cost the same; what a move costs then decides against every move.
const EVEN: f64 = (0.023 - 0.0125) / 0.01;

#[test]
fn where_both_cost_the_same_and_reads_are_drawn_nearly_all_stay_and_nobody_is_sure() {
    let today = 240;
    let mut members: Vec<Member> = (0..30).map(|i| noise(i, EVEN / 30.0, today)).collect();
    let mut stream = Stream::begin(&two(), 0);
    stream.advance(&two(), &mut members, today);
    let chances: Vec<f64> = members
        .iter()
        .filter_map(|m| stream.advice(m)?.confidence.map(|c| c.chance))
        .collect();
    let likely = chances.iter().filter(|c| **c >= 0.5).count();
    assert!(likely <= members.len() / 10, "{likely} moves likely: {chances:?}");
    assert!(
        chances.iter().all(|c| *c < 0.75),
        "nobody can be sure here: {chances:?}"
    );
}
