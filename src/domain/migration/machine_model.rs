//! The machine against a small model of the world that its effects are done in, over many random lives of a job.
//!
//! The model is written from the promises, not from the table: who may hold a job, where the bytes are, where readers are sent.
//! It predicts for each trigger whether it is taken and what the job is then, and does the effects on its own few facts.

use crate::domain::migration::JobStatus;
use crate::domain::migration::machine::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Held(Stage),
    Resting,
    Ended(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Stage {
    Copy,
    Verify,
    Switch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    Failed,
    Cancelled,
    Undone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

/// What the world is like, from the promises.
#[derive(Clone, Debug)]
struct World {
    approved: bool,
    phase: Phase,
    cancel: bool,
    pause: bool,
    changes: i64,
    /// Where readers are sent.
    serving: Side,
    source_whole: bool,
    /// Bytes of this job at the target: staged before the switch, in place after it.
    target_bytes: bool,
    target_verified: bool,
    lease: bool,
    fence: u32,
    switches: u32,
}

impl World {
    fn new(needs_approval: bool) -> Self {
        Self {
            approved: !needs_approval,
            phase: Phase::Waiting,
            cancel: false,
            pause: false,
            changes: 0,
            serving: Side::Source,
            source_whole: true,
            target_bytes: false,
            target_verified: false,
            lease: false,
            fence: 0,
            switches: 0,
        }
    }

    fn status(&self) -> JobStatus {
        match self.phase {
            Phase::Waiting if !self.approved => JobStatus::AwaitingApproval,
            Phase::Waiting => JobStatus::Queued,
            Phase::Held(Stage::Copy) => JobStatus::Copying,
            Phase::Held(Stage::Verify) => JobStatus::Verifying,
            Phase::Held(Stage::Switch) => JobStatus::Switching,
            Phase::Resting => JobStatus::Paused,
            Phase::Ended(End::Done) => JobStatus::Completed,
            Phase::Ended(End::Failed) => JobStatus::Failed,
            Phase::Ended(End::Cancelled) => JobStatus::Cancelled,
            Phase::Ended(End::Undone) => JobStatus::Undone,
        }
    }

    fn held(&self) -> Option<Stage> {
        match self.phase {
            Phase::Held(stage) => Some(stage),
            _ => None,
        }
    }

    fn asked(&self) -> bool {
        self.cancel || self.pause
    }

    /// Whether the promises allow it.
    fn allows(&self, trigger: Trigger) -> bool {
        use Trigger as T;
        let ended_done = self.phase == Phase::Ended(End::Done);
        match trigger {
            T::Approve => self.phase == Phase::Waiting && !self.approved,
            // A queued job for the first mover, a held one after its holder's death.
            T::Claim => self.held().is_some() || (self.phase == Phase::Waiting && self.approved),
            T::CopyFinished => self.held() == Some(Stage::Copy) && !self.asked(),
            T::VerifyFinished => self.held() == Some(Stage::Verify) && !self.asked(),
            // From here on a pause comes too late, a cancel does not.
            T::Switched => self.held() == Some(Stage::Switch) && !self.cancel,
            T::SourceChanged => self.held().is_some() && !self.asked(),
            T::Fail => self.held().is_some() && !self.cancel,
            T::Cancel => !self.cancel && !matches!(self.phase, Phase::Ended(_)),
            T::Pause => match self.phase {
                Phase::Waiting => self.approved,
                Phase::Held(stage) => stage < Stage::Switch && !self.asked(),
                _ => false,
            },
            T::Yielded => self.held().is_some() && self.asked(),
            T::Resume => self.phase == Phase::Resting,
            T::Retry => self.phase == Phase::Ended(End::Failed),
            // Both until one of them has happened.
            T::Undo | T::RetireBegun => {
                ended_done && self.source_whole && self.target_bytes && self.serving == Side::Target
            }
        }
    }

    /// The job's own part of an allowed trigger. Bytes and readers change by effects only.
    fn follow(&mut self, trigger: Trigger) {
        use Trigger as T;
        match trigger {
            T::Approve => self.approved = true,
            T::Claim => {
                if self.held().is_none() {
                    self.phase = Phase::Held(Stage::Copy);
                    self.target_bytes = true;
                }
            }
            T::CopyFinished => self.phase = Phase::Held(Stage::Verify),
            T::VerifyFinished => {
                self.phase = Phase::Held(Stage::Switch);
                self.target_verified = true;
            }
            T::Switched => {
                self.phase = Phase::Ended(End::Done);
                self.pause = false;
                self.switches += 1;
            }
            T::SourceChanged => {
                self.changes += 1;
                self.target_verified = false;
                self.phase = if self.changes > MAX_SOURCE_ROUNDS {
                    Phase::Ended(End::Failed)
                } else {
                    Phase::Held(Stage::Copy)
                };
            }
            T::Fail => {
                self.phase = Phase::Ended(End::Failed);
                self.pause = false;
            }
            T::Cancel => match self.phase {
                Phase::Held(_) => {
                    self.cancel = true;
                    self.pause = false;
                }
                _ => self.phase = Phase::Ended(End::Cancelled),
            },
            T::Pause => match self.phase {
                Phase::Held(_) => self.pause = true,
                _ => self.phase = Phase::Resting,
            },
            T::Yielded => {
                self.phase = if self.cancel {
                    Phase::Ended(End::Cancelled)
                } else {
                    Phase::Resting
                };
                (self.cancel, self.pause) = (false, false);
            }
            T::Resume => self.phase = Phase::Waiting,
            T::Retry => {
                self.phase = Phase::Waiting;
                self.changes = 0;
                self.target_verified = false;
            }
            T::Undo => self.phase = Phase::Ended(End::Undone),
            T::RetireBegun => {}
        }
    }

    /// Does an effect; says which promise it would break.
    fn carry_out(&mut self, effect: Effect) -> Result<(), &'static str> {
        use Effect as E;
        match effect {
            E::RaiseFence => {
                self.fence += 1;
                self.lease = true;
            }
            E::ReleaseLease => {
                if !self.lease {
                    return Err("a lease was given back that nobody held");
                }
                self.lease = false;
            }
            E::RetainSource => {
                if !self.target_verified {
                    return Err("readers are sent to bytes that were not verified");
                }
                self.serving = Side::Target;
            }
            E::RestoreSource => {
                if !self.source_whole {
                    return Err("readers are sent back to a source that is gone");
                }
                self.serving = Side::Source;
            }
            E::CleanStaging | E::CleanTarget => {
                if self.serving == Side::Target {
                    return Err("the serving copy is deleted");
                }
                self.target_bytes = false;
                self.target_verified = false;
            }
            E::DeleteSource => {
                if self.serving == Side::Source {
                    return Err("the serving copy is deleted");
                }
                if !self.target_verified {
                    return Err("the last good copy is deleted");
                }
                self.source_whole = false;
            }
            E::WakeMovers | E::StopHolder | E::ResetFailedObjects => {}
        }
        Ok(())
    }

    /// Copies that are whole and known to be right: the source as its owner registered it, the target once it was verified.
    fn good_copies(&self) -> usize {
        usize::from(self.source_whole) + usize::from(self.target_bytes && self.target_verified)
    }

    /// What must hold between any two triggers.
    fn broken(&self) -> Option<&'static str> {
        let whole = match self.serving {
            Side::Source => self.source_whole,
            Side::Target => self.target_bytes && self.target_verified,
        };
        if self.good_copies() == 0 {
            return Some("no good copy is left");
        }
        if !whole {
            return Some("readers are sent to bytes that are not whole");
        }
        if self.held().is_some() != self.lease {
            return Some("a job is held exactly while it has a lease");
        }
        if self.asked() && self.held().is_none() {
            return Some("a wish outlives its holder");
        }
        if self.switches > 1 {
            return Some("one job switched twice");
        }
        match self.phase {
            Phase::Ended(End::Cancelled) if self.target_bytes || self.switches > 0 => {
                Some("a cancelled job left bytes or switched")
            }
            Phase::Ended(End::Undone) if self.target_bytes || self.serving != Side::Source => {
                Some("an undone job left bytes or readers at the target")
            }
            Phase::Ended(End::Failed) if self.serving != Side::Source => Some("a failed job switched"),
            _ => None,
        }
    }

    /// What leads on from here, so that random lives get far.
    fn onward(&self) -> Trigger {
        match self.phase {
            Phase::Waiting if !self.approved => Trigger::Approve,
            Phase::Waiting => Trigger::Claim,
            Phase::Held(_) if self.asked() => Trigger::Yielded,
            Phase::Held(Stage::Copy) => Trigger::CopyFinished,
            Phase::Held(Stage::Verify) => Trigger::VerifyFinished,
            Phase::Held(Stage::Switch) => Trigger::Switched,
            Phase::Resting => Trigger::Resume,
            Phase::Ended(End::Failed) => Trigger::Retry,
            Phase::Ended(_) => Trigger::RetireBegun,
        }
    }
}

/// One trigger on both; what disagrees, or which promise breaks.
fn both(state: &mut JobState, world: &mut World, trigger: Trigger) -> Result<(), String> {
    let before = *state;
    let at = || format!("{trigger:?} on {before:?}");
    match next(*state, trigger) {
        Err(_) if !world.allows(trigger) => return Ok(()),
        Err(refusal) => {
            return Err(format!(
                "{}: refused ({refusal}), though nothing stands against it",
                at()
            ));
        }
        Ok(_) if !world.allows(trigger) => return Err(format!("{}: taken, though it must not be", at())),
        Ok(step) => {
            world.follow(trigger);
            for effect in step.effects {
                world
                    .carry_out(effect)
                    .map_err(|rule| format!("{}: {effect:?}: {rule}", at()))?;
            }
            *state = step.state;
        }
    }
    if state.status != world.status() {
        return Err(format!(
            "{}: it is {:?}, not {:?}",
            at(),
            state.status,
            world.status()
        ));
    }
    let wish = (
        state.wanted == Some(Wanted::Cancel),
        state.wanted == Some(Wanted::Pause),
    );
    if wish != (world.cancel, world.pause) {
        return Err(format!("{}: the wish is {:?}", at(), state.wanted));
    }
    let undo = world.allows(Trigger::Undo);
    if state.undo_open != undo {
        return Err(format!("{}: undo is open: {}, not {undo}", at(), state.undo_open));
    }
    check(state).map_err(|rule| format!("{}: {rule}", at()))?;
    match world.broken() {
        Some(rule) => Err(format!("{}: {rule}", at())),
        None => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    /// `None` is what leads on; anything else may come at any time, from people, movers and crashes.
    #[test]
    fn the_machine_is_what_the_promises_say(
        needs_approval: bool,
        life in prop::collection::vec(prop::option::of(0..Trigger::ALL.len()), 1..80),
    ) {
        let (mut state, mut world) = (JobState::new(needs_approval), World::new(needs_approval));
        for step in life {
            let trigger = step.map_or_else(|| world.onward(), |i| Trigger::ALL[i]);
            both(&mut state, &mut world, trigger).map_err(TestCaseError::fail)?;
        }
    }
}

/// A fixed seed: the same lives on every machine.
#[test]
fn a_hundred_thousand_lives_always_keep_a_good_copy() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let (mut switched, mut retired) = (0, 0);
    for life in 0..100_000 {
        let needs_approval = below(2) == 0;
        let (mut state, mut world) = (JobState::new(needs_approval), World::new(needs_approval));
        for _ in 0..30 {
            let trigger = match below(3) {
                0 => Trigger::ALL[below(Trigger::ALL.len())],
                _ => world.onward(),
            };
            if let Err(problem) = both(&mut state, &mut world, trigger) {
                panic!("life {life}: {problem}");
            }
            assert!(world.good_copies() > 0, "life {life}: {trigger:?}");
        }
        switched += world.switches;
        retired += u32::from(!world.source_whole);
    }
    assert!(
        switched > 10_000 && retired > 1_000,
        "{switched} switched, {retired} retired"
    );
}

/// Every state that can be reached, by every path, not only the random ones.
#[test]
fn every_reachable_state_answers_every_trigger_as_promised() {
    use std::collections::{HashSet, VecDeque};
    let start = |approval| (JobState::new(approval), World::new(approval));
    let mut queue = VecDeque::from([start(true), start(false)]);
    let mut seen: HashSet<(JobState, String)> = HashSet::new();
    while let Some((state, world)) = queue.pop_front() {
        // The fence only counts; without it the states are few.
        let facts = format!(
            "{:?}",
            World {
                fence: 0,
                ..world.clone()
            }
        );
        if !seen.insert((state, facts)) {
            continue;
        }
        for trigger in Trigger::ALL {
            let (mut state, mut world) = (state, world.clone());
            if let Err(problem) = both(&mut state, &mut world, trigger) {
                panic!("{problem}");
            }
            queue.push_back((state, world));
        }
    }
    let statuses: HashSet<JobStatus> = seen.iter().map(|(state, _)| state.status).collect();
    assert_eq!(statuses.len(), JobStatus::ALL.len(), "every status is reached");
    assert!(seen.len() > 50, "{}", seen.len());
}
