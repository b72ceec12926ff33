//! An exhaustive model of copy, verify, switch, grace and delete with two movers, as a test of the protocol that the machine and
//! the mover follow.
//!
//! Faults: a kill at every step, a lease that expires at any moment, source writes through the catalog or behind its back, one
//! rotten destination object, cancel, undo, a relay that publishes twice. Invariant: with all guards on there is no violation, and
//! each guard that is taken away gives a counter-example, so each is needed.

use std::collections::{HashMap, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// A change of the job's row is conditional on the fence.
    FenceState,
    /// So is the switch.
    FenceSwitch,
    /// The switch is conditional on the dataset's generation.
    CasVersion,
    /// The source is looked at again before the switch.
    RecheckSource,
    /// The destination is read back.
    VerifyTarget,
    /// An attempt writes below a prefix of its own.
    AttemptPrefix,
    /// The source is compared before it is deleted.
    RetireRecheck,
    /// An event's effect is counted once by its id.
    IdempotentEvent,
    /// The switch is conditional on the job's state.
    JobStateInSwitch,
    /// The event is part of the switch's transaction.
    EventInTransaction,
    /// A prefix is used again only when its writer is known to be dead.
    ProofOfDeath,
}

const GUARDS: [Guard; 11] = [
    Guard::FenceState,
    Guard::FenceSwitch,
    Guard::CasVersion,
    Guard::RecheckSource,
    Guard::VerifyTarget,
    Guard::AttemptPrefix,
    Guard::RetireRecheck,
    Guard::IdempotentEvent,
    Guard::JobStateInSwitch,
    Guard::EventInTransaction,
    Guard::ProofOfDeath,
];

const MAX_FENCE: i8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Job {
    Queued,
    Copying,
    Verifying,
    Done,
    Cancelled,
    Undone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    Kept,
    Grace,
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pc {
    Idle,
    Read,
    Write,
    Journal,
    Copied,
    Verify,
    Switch,
}

/// A mover: its place in the program, the fence and attempt it holds, the content it read, the generation it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Mover {
    pc: Pc,
    fence: i8,
    attempt: usize,
    read: i8,
    seen: i8,
}

const IDLE: Mover = Mover {
    pc: Pc::Idle,
    fence: 0,
    attempt: 0,
    read: 0,
    seen: 0,
};

/// `location` 0 is the source, 1 and 2 the staged attempts; a content of -1 is rotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct World {
    job: Job,
    fence: i8,
    attempt: usize,
    generation: i8,
    location: usize,
    source_state: Source,
    outbox: i8,
    switches: i8,
    effects: i8,
    source: i8,
    staged: [i8; 3],
    journal: [i8; 3],
    movers: [Mover; 2],
    writes: i8,
    rots: i8,
    late_write: bool,
    late_rot: bool,
    cancelled: bool,
}

const START: World = World {
    job: Job::Queued,
    fence: 0,
    attempt: 0,
    generation: 0,
    location: 0,
    source_state: Source::Kept,
    outbox: 0,
    switches: 0,
    effects: 0,
    source: 1,
    staged: [0; 3],
    journal: [0; 3],
    movers: [IDLE; 2],
    writes: 0,
    rots: 0,
    late_write: false,
    late_rot: false,
    cancelled: false,
};

fn with(world: World, i: usize, mover: Mover) -> World {
    let mut next = world;
    next.movers[i] = mover;
    next
}

fn outside(w: World, out: &mut Vec<World>) {
    let past_verify = w.movers.iter().any(|m| m.pc == Pc::Switch) || w.location != 0;
    if w.writes < 1 && w.location == 0 && w.source_state == Source::Kept {
        out.push(World {
            source: w.source + 1,
            generation: w.generation + 1,
            writes: 1,
            ..w
        });
    }
    if w.writes < 1 && w.source_state != Source::Deleted {
        out.push(World {
            source: w.source + 1,
            writes: 1,
            late_write: past_verify,
            ..w
        });
    }
    if w.rots < 1 && w.source_state != Source::Deleted {
        for a in 1..3 {
            if w.staged[a] > 0 {
                let mut next = World {
                    rots: 1,
                    late_rot: past_verify,
                    ..w
                };
                next.staged[a] = -1;
                out.push(next);
            }
        }
    }
    if matches!(w.job, Job::Queued | Job::Copying | Job::Verifying) {
        out.push(World {
            job: Job::Cancelled,
            cancelled: true,
            ..w
        });
    }
}

fn mover_steps(w: World, i: usize, on: impl Fn(Guard) -> bool, out: &mut Vec<World>) {
    let m = w.movers[i];
    if m.pc == Pc::Idle {
        if !matches!(w.job, Job::Queued | Job::Copying | Job::Verifying) || w.fence >= MAX_FENCE {
            return;
        }
        let claimed = World {
            job: Job::Copying,
            fence: w.fence + 1,
            ..w
        };
        let attempt = if on(Guard::AttemptPrefix) {
            w.attempt + 1
        } else {
            1
        };
        if attempt <= 2 {
            let fresh = Mover {
                pc: Pc::Read,
                fence: w.fence + 1,
                attempt,
                read: 0,
                seen: w.generation,
            };
            out.push(with(World { attempt, ..claimed }, i, fresh));
        }
        if w.attempt > 0 && (w.movers[1 - i].pc == Pc::Idle || !on(Guard::ProofOfDeath)) {
            let done = w.journal[w.attempt];
            let pc = if done != 0 { Pc::Copied } else { Pc::Read };
            let resumed = Mover {
                pc,
                fence: w.fence + 1,
                attempt: w.attempt,
                read: done,
                seen: w.generation,
            };
            out.push(with(claimed, i, resumed));
        }
        return;
    }
    out.push(with(w, i, IDLE));
    let current = m.fence == w.fence;
    if current && m.attempt == 2 && w.staged[1] != 0 && w.location != 1 {
        let mut next = w;
        next.staged[1] = 0;
        out.push(next);
    }
    let may_write_row = current || !on(Guard::FenceState);
    match m.pc {
        Pc::Read => out.push(with(
            w,
            i,
            Mover {
                pc: Pc::Write,
                read: w.source,
                ..m
            },
        )),
        Pc::Write => {
            let mut next = with(w, i, Mover { pc: Pc::Journal, ..m });
            next.staged[m.attempt] = m.read;
            out.push(next);
        }
        Pc::Journal if may_write_row => {
            let mut next = with(w, i, Mover { pc: Pc::Copied, ..m });
            next.journal[m.attempt] = m.read;
            out.push(next);
        }
        Pc::Copied if may_write_row && w.job == Job::Copying => {
            out.push(with(
                World {
                    job: Job::Verifying,
                    ..w
                },
                i,
                Mover { pc: Pc::Verify, ..m },
            ));
        }
        Pc::Verify => {
            let staged = w.staged[m.attempt];
            let same = if on(Guard::VerifyTarget) {
                staged == m.read
            } else {
                staged != 0
            };
            if same && (!on(Guard::RecheckSource) || w.source == m.read) {
                out.push(with(w, i, Mover { pc: Pc::Switch, ..m }));
            } else if current && matches!(w.job, Job::Copying | Job::Verifying) {
                let again = Mover {
                    pc: Pc::Read,
                    seen: w.generation,
                    ..m
                };
                out.push(with(
                    World {
                        job: Job::Copying,
                        ..w
                    },
                    i,
                    again,
                ));
            } else {
                out.push(with(w, i, IDLE));
            }
        }
        Pc::Switch => {
            let allowed = w.location == 0
                && (current || !on(Guard::FenceSwitch))
                && (m.seen == w.generation || !on(Guard::CasVersion))
                && (w.job == Job::Verifying || !on(Guard::JobStateInSwitch));
            if !allowed {
                out.push(with(w, i, IDLE));
                return;
            }
            let switched = World {
                job: Job::Done,
                location: m.attempt,
                generation: w.generation + 1,
                source_state: Source::Grace,
                switches: w.switches + 1,
                outbox: w.outbox + 1,
                ..with(w, i, IDLE)
            };
            out.push(switched);
            if !on(Guard::EventInTransaction) {
                out.push(World {
                    outbox: w.outbox,
                    ..switched
                });
            }
        }
        Pc::Idle | Pc::Journal | Pc::Copied => {}
    }
}

fn aftermath(w: World, on: impl Fn(Guard) -> bool, out: &mut Vec<World>) {
    if w.outbox > 0 {
        out.push(World {
            outbox: w.outbox - 1,
            effects: w.effects + 1,
            ..w
        });
        // The relay dies after publishing and before marking: the event goes out twice.
        out.push(if on(Guard::IdempotentEvent) {
            World {
                outbox: w.outbox - 1,
                effects: (w.effects + 1).min(w.switches),
                ..w
            }
        } else {
            World {
                effects: w.effects + 1,
                ..w
            }
        });
    }
    if w.source_state == Source::Grace && w.location != 0 {
        if w.staged[w.location] == w.source || !on(Guard::RetireRecheck) {
            out.push(World {
                source_state: Source::Deleted,
                ..w
            });
        }
        out.push(World {
            job: Job::Undone,
            location: 0,
            generation: w.generation + 1,
            source_state: Source::Kept,
            fence: w.fence + 1,
            switches: w.switches + 1,
            outbox: w.outbox + 1,
            ..w
        });
    }
}

fn broken(w: &World) -> Option<&'static str> {
    if w.location != 0 {
        let content = w.staged[w.location];
        if content == 0 {
            return Some("the catalog points at missing data");
        }
        if content > 0 && content != w.source && !w.late_write && w.source_state == Source::Grace {
            return Some("the catalog points at stale content");
        }
        if w.source_state == Source::Deleted && content != w.source {
            return Some("the last good copy was deleted");
        }
        if content == -1 && !w.late_rot {
            return Some("the catalog points at corrupt data");
        }
        if w.cancelled {
            return Some("a cancelled job switched");
        }
    }
    if w.effects > w.switches {
        return Some("one switch had two effects");
    }
    if w.outbox == 0 && w.effects < w.switches {
        return Some("a switch that nobody is told of");
    }
    let owner_copies = |m: &Mover| matches!(m.pc, Pc::Read | Pc::Write | Pc::Journal) && m.fence == w.fence;
    if w.job == Job::Verifying && w.movers.iter().any(owner_copies) {
        return Some("the job says verifying while its owner copies");
    }
    None
}

/// Visits every reachable world; the number of them, and the first broken rule with the length of its story.
fn explore(off: Option<Guard>) -> (usize, Option<(&'static str, usize)>) {
    let on = |g: Guard| off != Some(g);
    let mut depth = HashMap::from([(START, 0usize)]);
    let mut queue = VecDeque::from([START]);
    let mut successors = Vec::new();
    while let Some(world) = queue.pop_front() {
        let steps = depth[&world];
        if let Some(rule) = broken(&world) {
            return (depth.len(), Some((rule, steps)));
        }
        outside(world, &mut successors);
        mover_steps(world, 0, on, &mut successors);
        mover_steps(world, 1, on, &mut successors);
        aftermath(world, on, &mut successors);
        for next in successors.drain(..) {
            depth.entry(next).or_insert_with(|| {
                queue.push_back(next);
                steps + 1
            });
        }
    }
    (depth.len(), None)
}

#[test]
fn with_all_guards_nothing_breaks() {
    let (worlds, violation) = explore(None);
    assert_eq!(violation, None);
    assert_eq!(
        worlds, 88_691,
        "the Python original of this model reaches as many"
    );
}

#[test]
fn every_guard_is_needed() {
    for guard in GUARDS {
        let (_, violation) = explore(Some(guard));
        assert!(violation.is_some(), "{guard:?} is not needed");
    }
}
