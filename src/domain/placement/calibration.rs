//! Whether stated chances come true: every proposed move is followed for a quarter, and what came of the earlier ones corrects
//! what is said of the next.
//!
//! Invariant: walk-forward. A chance is stated from outcomes that were known by then, it is judged later by the days that
//! followed, and the table of what was stated against what came ([`Calibration::table`]) holds only such pairs.

use super::ledger::{Holding, Ledger};
use super::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days after which a proposed move is judged: the horizon of the stated chance.
pub const JUDGED_AFTER_DAYS: u32 = super::expert::QUARTER;
/// Bins of a tenth each.
const BINS: usize = 10;
/// Outcomes for which the drawn chance counts in its bin.
const PRIOR_OUTCOMES: f64 = 20.0;
/// A move that is proposed again and again is one proposal, for so long.
const SAME_PROPOSAL_DAYS: u32 = 28;
/// Outcomes that must be known before a stated chance counts as calibrated.
pub const CALIBRATED_FROM: u64 = 50;
/// Proposals of one dataset that are followed at a time. A further one is not judged.
const MOST_FOLLOWED: usize = 8;

/// The stated chance that a proposed move pays. What people are told of it, in words, is the recommendation's `Confidence`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalibratedChance {
    /// Chance, 0 to 1, that the move costs less than staying within ninety days.
    pub chance: f64,
    /// Outcomes of earlier proposals that it has been corrected by.
    pub outcomes: u64,
}

impl CalibratedChance {
    /// Whether enough outcomes were known to correct the chance.
    #[must_use]
    pub fn is_calibrated(&self) -> bool {
        self.outcomes >= CALIBRATED_FROM
    }
}

/// Outcomes of the chances in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bin {
    /// Proposals judged.
    pub decisions: u64,
    /// Sum of the chances stated.
    pub stated: f64,
    /// Proposals that did cost less than staying.
    pub came_true: u64,
}

impl Bin {
    fn add(&mut self, chance: f64, came_true: bool) {
        self.decisions += 1;
        self.stated += chance;
        self.came_true += u64::from(came_true);
    }

    fn line(&self, from: f64, to: f64) -> Option<ReliabilityLine> {
        let n = self.decisions as f64;
        (self.decisions > 0).then(|| ReliabilityLine {
            from,
            to,
            decisions: self.decisions,
            stated: self.stated / n,
            observed: self.came_true as f64 / n,
        })
    }
}

/// A line of the reliability table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReliabilityLine {
    /// Lower edge of the stated chance, 0 to 1.
    pub from: f64,
    /// Upper edge.
    pub to: f64,
    /// Proposals judged.
    pub decisions: u64,
    /// Mean of the chances stated.
    pub stated: f64,
    /// Share of the moves that did cost less than staying.
    pub observed: f64,
}

/// Stated chances against outcomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reliability {
    /// Proposals judged.
    pub decisions: u64,
    /// Mean squared difference of stated chance and outcome (Brier score; 0.25 is what always saying one half gets).
    pub brier: f64,
    /// By stated chance; bins without a proposal are left out.
    pub lines: Vec<ReliabilityLine>,
    /// Proposals whose chance was stated while fewer than fifty outcomes were known. They are not in the figures above.
    pub before_calibration: Option<ReliabilityLine>,
}

/// What is remembered of the outcomes of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// By the chance as drawn: what corrects it.
    drawn: [Bin; BINS],
    /// By the chance as stated: what is reported.
    stated: [Bin; BINS],
    /// Stated before enough was known to correct anything.
    early: Bin,
    squares: f64,
}

fn bin(chance: f64) -> usize {
    ((chance * BINS as f64) as usize).min(BINS - 1)
}

impl Calibration {
    /// The chance to state for a drawn one: the outcomes of its bin, made monotone over the bins, with the drawn chance itself
    /// counting as twenty outcomes.
    #[must_use]
    pub fn state(&self, drawn: f64) -> f64 {
        let drawn = drawn.clamp(0.0, 1.0);
        let position = (drawn * BINS as f64 - 0.5).clamp(0.0, (BINS - 1) as f64);
        let low = (position as usize).min(BINS - 2);
        let part = position - low as f64;
        let shifts = self.shifts();
        (drawn + shifts[low] * (1.0 - part) + shifts[low + 1] * part).clamp(0.01, 0.99)
    }

    /// By how much the outcomes of each bin are above what was drawn. Neighbours that contradict the order are pooled.
    fn shifts(&self) -> [f64; BINS] {
        let mut pools: Vec<(f64, f64, usize)> = Vec::new();
        for (i, b) in self.drawn.iter().enumerate() {
            let middle = (i as f64 + 0.5) / BINS as f64;
            let n = b.decisions as f64 + PRIOR_OUTCOMES;
            let mut pool = (b.came_true as f64 + PRIOR_OUTCOMES * middle, n, 1);
            while let Some(&(wins, weight, bins)) = pools.last() {
                if wins / weight <= pool.0 / pool.1 {
                    break;
                }
                pool = (pool.0 + wins, pool.1 + weight, pool.2 + bins);
                pools.pop();
            }
            pools.push(pool);
        }
        let mut shifts = [0.0; BINS];
        let mut i = 0;
        for (wins, weight, bins) in pools {
            for _ in 0..bins {
                let b = &self.drawn[i];
                let middle = (i as f64 + 0.5) / BINS as f64;
                let drawn = if b.decisions > 0 {
                    (b.stated + PRIOR_OUTCOMES * middle) / (b.decisions as f64 + PRIOR_OUTCOMES)
                } else {
                    middle
                };
                shifts[i] = wins / weight - drawn;
                i += 1;
            }
        }
        shifts
    }

    /// Outcomes known so far.
    #[must_use]
    pub fn outcomes(&self) -> u64 {
        self.drawn.iter().map(|b| b.decisions).sum()
    }

    fn learn(&mut self, proposal: &Proposal, came_true: bool) {
        self.drawn[bin(proposal.drawn)].add(proposal.drawn, came_true);
        if proposal.calibrated {
            self.stated[bin(proposal.stated)].add(proposal.stated, came_true);
            self.squares += (proposal.stated - f64::from(u8::from(came_true))).powi(2);
        } else {
            self.early.add(proposal.stated, came_true);
        }
    }

    /// What was stated against what came.
    #[must_use]
    pub fn table(&self) -> Reliability {
        let decisions: u64 = self.stated.iter().map(|b| b.decisions).sum();
        let edge = |i: usize| i as f64 / BINS as f64;
        let line = |(i, b): (usize, &Bin)| b.line(edge(i), edge(i + 1));
        Reliability {
            decisions,
            brier: self.squares / (decisions.max(1)) as f64,
            lines: self.stated.iter().enumerate().filter_map(line).collect(),
            before_calibration: self.early.line(0.0, 1.0),
        }
    }
}

/// A proposed move, lived both ways until it is judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Proposal {
    drawn: f64,
    stated: f64,
    /// Enough outcomes were known when the chance was stated.
    calibrated: bool,
    days: u32,
    staying: Holding,
    moving: Holding,
    /// USD per GB that moving has cost more than staying so far.
    dearer: f64,
}

/// The proposals of one dataset that are being followed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Followed {
    proposals: Vec<Proposal>,
}

impl Followed {
    /// Whether this move has been proposed lately from the same place.
    #[must_use]
    pub fn knows(&self, from: usize, to: usize) -> bool {
        let same = |p: &&Proposal| p.staying.at == from && p.moving.at == to && p.days < SAME_PROPOSAL_DAYS;
        self.proposals.len() >= MOST_FOLLOWED || self.proposals.iter().any(|p| same(&p))
    }

    /// Begins to follow a proposed move whose chance was `drawn`.
    pub fn follow(
        &mut self,
        problem: &Problem,
        holding: &Holding,
        to: usize,
        drawn: f64,
        calibration: &Calibration,
    ) {
        self.proposals.push(Proposal {
            drawn,
            stated: calibration.state(drawn),
            calibrated: calibration.outcomes() >= CALIBRATED_FROM,
            days: 0,
            staying: *holding,
            moving: Holding::new(to),
            dearer: holding.exit_cost(problem, to),
        });
    }

    /// Lives through a day in which `read` times the dataset was read; what is old enough is judged.
    pub fn pass_day(&mut self, problem: &Problem, read: f64, calibration: &mut Calibration) {
        self.proposals.retain_mut(|p| {
            let (mut staying, mut moving) = (Ledger::default(), Ledger::default());
            p.staying.pass_day(problem, read, &mut staying);
            p.moving.pass_day(problem, read, &mut moving);
            p.dearer += moving.total() - staying.total();
            p.days += 1;
            let judged = p.days >= JUDGED_AFTER_DAYS;
            if judged {
                calibration.learn(p, p.dearer < 0.0);
            }
            !judged
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::placement::problem::Candidate;
    use crate::domain::placement::universe::Draws;

    fn two() -> Problem {
        let classes = vec![
            Candidate::plain("hot", 0.023 / 30.0, 0.0, 0, 10.0),
            Candidate::plain("cold", 0.004 / 30.0, 0.03, 0, 10.0),
        ];
        Problem::new(classes, vec![0.0, 0.0001, 0.03, 0.0], 0).expect("a good problem")
    }

    #[test]
    fn nothing_known_leaves_the_drawn_chance() {
        let c = Calibration::default();
        for chance in [0.05, 0.3, 0.5, 0.77, 0.95] {
            assert!((c.state(chance) - chance).abs() < 1e-9);
        }
        assert_eq!(c.table().decisions, 0);
    }

    #[test]
    fn what_is_drawn_too_high_is_stated_lower_and_the_order_stays() {
        let mut c = Calibration::default();
        let mut draws = Draws(3);
        let p = two();
        for _ in 0..3_000 {
            let drawn = draws.unit();
            let mut followed = Followed::default();
            followed.follow(&p, &Holding::new(0), 1, drawn, &c);
            // The truth is the square of what is drawn.
            let read = if draws.unit() < drawn * drawn { 0.0 } else { 1.0 };
            for _ in 0..JUDGED_AFTER_DAYS {
                followed.pass_day(&p, read, &mut c);
            }
            assert!(followed.proposals.is_empty());
        }
        for chance in [0.2, 0.5, 0.8] {
            assert!(
                (c.state(chance) - chance * chance).abs() < 0.08,
                "{}",
                c.state(chance)
            );
        }
        let stated: Vec<f64> = (0..=100).map(|i| c.state(f64::from(i) / 100.0)).collect();
        assert!(stated.windows(2).all(|w| w[1] >= w[0] - 0.02), "{stated:?}");
        let table = c.table();
        assert_eq!(table.decisions, 3_000 - CALIBRATED_FROM);
        assert_eq!(
            table.before_calibration.map(|l| l.decisions),
            Some(CALIBRATED_FROM)
        );
        for line in table.lines.iter().filter(|l| l.decisions > 150) {
            assert!((line.stated - line.observed).abs() < 0.12, "{line:?}");
        }
    }

    #[test]
    fn a_proposal_is_judged_by_what_both_ways_cost() {
        let p = two();
        let mut c = Calibration::default();
        // Ninety days in the cold save 0.057 a GB; a full read there costs 0.03.
        for full_reads in [0, 1, 3] {
            let mut followed = Followed::default();
            followed.follow(&p, &Holding::new(0), 1, 0.7, &c);
            assert!(followed.knows(0, 1) && !followed.knows(1, 0));
            for day in 0..JUDGED_AFTER_DAYS {
                followed.pass_day(&p, f64::from(u8::from(day < full_reads)), &mut c);
            }
        }
        let early = c.table().before_calibration.expect("three outcomes");
        assert_eq!(early.decisions, 3);
        assert!((early.observed - 2.0 / 3.0).abs() < 1e-9);
    }
}
