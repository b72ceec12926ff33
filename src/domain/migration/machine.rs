//! The state machine of a job: one pure function from a state and a trigger to the next state and what must be done.
//!
//! Invariant: everything that is not listed in [`next`] is refused by its one catch-all. A caller saves the new state only where
//! the old one (and its fence) still stands, so that two callers can never both succeed. Next: `services::mover` does the effects.

use crate::domain::migration::JobStatus;
use std::fmt;

/// How often a source that changes under the copy is followed before the job gives up.
pub const MAX_SOURCE_ROUNDS: i64 = 3;

/// What a person asked of a job that a mover holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Stop and remove what was copied.
    Cancel,
    /// Stop and keep what was copied.
    Pause,
}

impl Wanted {
    /// The word in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Cancel, Self::Pause]
            .into_iter()
            .find(|w| w.as_str() == text)
    }
}

/// The part of a job that decides which change is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobState {
    /// The stage.
    pub status: JobStatus,
    /// What was asked of the mover that holds it.
    pub wanted: Option<Wanted>,
    /// How often the source changed under the copy.
    pub rounds: i64,
    /// Whether the retained source still stands whole, so that an undo moves no bytes.
    pub undo_open: bool,
}

impl JobState {
    /// A new job.
    #[must_use]
    pub fn new(needs_approval: bool) -> Self {
        Self {
            status: if needs_approval {
                JobStatus::AwaitingApproval
            } else {
                JobStatus::Queued
            },
            wanted: None,
            rounds: 0,
            undo_open: false,
        }
    }

    /// Whether a mover holds it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(
            self.status,
            JobStatus::Copying | JobStatus::Verifying | JobStatus::Switching
        )
    }

    /// What a person can do with it now, in the order of the buttons.
    #[must_use]
    pub fn actions(&self) -> Vec<&'static str> {
        [
            Trigger::Approve,
            Trigger::Pause,
            Trigger::Resume,
            Trigger::Retry,
            Trigger::Undo,
            Trigger::Cancel,
        ]
        .into_iter()
        .filter(|t| next(*self, *t).is_ok())
        .map(Trigger::as_str)
        .collect()
    }
}

/// What happened to a job, or is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A person approves it.
    Approve,
    /// A mover takes it, also after the death of the one that held it.
    Claim,
    /// Every object of the manifest is durable at the target.
    CopyFinished,
    /// The source is not what the manifest says any more.
    SourceChanged,
    /// Every object was read back and is what was read from the source; the source still is what the manifest says.
    VerifyFinished,
    /// The catalog points at the target, in the same transaction.
    Switched,
    /// It cannot go on.
    Fail,
    /// A person cancels it.
    Cancel,
    /// A person pauses it.
    Pause,
    /// The mover has stopped, as was wanted.
    Yielded,
    /// A person resumes it.
    Resume,
    /// A person tries it again.
    Retry,
    /// A person switches back.
    Undo,
    /// The retained source begins to be deleted.
    RetireBegun,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Self; 14] = [
        Self::Approve,
        Self::Claim,
        Self::CopyFinished,
        Self::SourceChanged,
        Self::VerifyFinished,
        Self::Switched,
        Self::Fail,
        Self::Cancel,
        Self::Pause,
        Self::Yielded,
        Self::Resume,
        Self::Retry,
        Self::Undo,
        Self::RetireBegun,
    ];

    /// The word in messages; for a person's triggers also the name of the action.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Claim => "claim",
            Self::CopyFinished => "finish copying",
            Self::SourceChanged => "copy again",
            Self::VerifyFinished => "finish verifying",
            Self::Switched => "switch",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Yielded => "yield",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Undo => "undo",
            Self::RetireBegun => "retire",
        }
    }
}

/// What the caller must do along with the new state. In the same transaction where it is a row, after it where it is a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Take the next fence and a lease: from here on every older holder is refused.
    RaiseFence,
    /// Tell the movers that there is work.
    WakeMovers,
    /// Tell the holder to stop.
    StopHolder,
    /// Give the lease back.
    ReleaseLease,
    /// Remove what this job staged at the target.
    CleanStaging,
    /// Objects that failed are pending again.
    ResetFailedObjects,
    /// The target replica serves, the source is kept for the grace period.
    RetainSource,
    /// The source replica serves again.
    RestoreSource,
    /// Remove what this job brought to the target, from the manifest.
    CleanTarget,
    /// Remove the source's objects, from the manifest.
    DeleteSource,
}

/// The answer of [`next`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The new state.
    pub state: JobState,
    /// What must be done.
    pub effects: Vec<Effect>,
}

/// A change that the machine does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct IllegalTransition {
    /// The state it was asked in.
    pub state: JobState,
    /// What was asked.
    pub trigger: Trigger,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, trigger } = self;
        match (trigger, state.status) {
            (Trigger::Undo, JobStatus::Completed) => f.write_str(
                "the grace period is over: the source is being deleted or gone; plan a move back instead",
            ),
            (Trigger::Cancel, JobStatus::Completed) => {
                f.write_str("the job has switched: a cancel comes too late; undo it instead")
            }
            (Trigger::Resume, _) if state.wanted == Some(Wanted::Pause) => {
                f.write_str("the job is still pausing; resume it once it is paused")
            }
            _ => {
                write!(
                    f,
                    "cannot {} a job that is {}",
                    trigger.as_str(),
                    state.status.as_str()
                )?;
                match state.wanted {
                    Some(wanted) => write!(f, " with a {} on its way", wanted.as_str()),
                    None => Ok(()),
                }
            }
        }
    }
}

/// What a trigger does to a job.
///
/// # Errors
/// [`IllegalTransition`] for every pair that is not listed.
pub fn next(state: JobState, trigger: Trigger) -> Result<Step, IllegalTransition> {
    use Effect as E;
    use JobStatus as S;
    use Trigger as T;
    let to = |status: S| JobState { status, ..state };
    let end = |status: S| JobState {
        status,
        wanted: None,
        ..state
    };
    let wants = |wanted: Wanted| JobState {
        wanted: Some(wanted),
        ..state
    };
    let (state, effects) = match (state.status, trigger, state.wanted) {
        (S::AwaitingApproval, T::Approve, _) => (to(S::Queued), vec![E::WakeMovers]),

        (S::Queued, T::Claim, None) => (to(S::Copying), vec![E::RaiseFence]),
        // The holder died: the job goes on where it stood. A wish that it had not heard is heard by the next holder.
        (S::Copying | S::Verifying | S::Switching, T::Claim, _) => (state, vec![E::RaiseFence]),

        (S::Copying, T::CopyFinished, None) => (to(S::Verifying), vec![]),
        (S::Verifying, T::VerifyFinished, None) => (to(S::Switching), vec![]),
        // A pause is too late here; a cancel is not, until this commits.
        (S::Switching, T::Switched, None | Some(Wanted::Pause)) => (
            JobState {
                undo_open: true,
                ..end(S::Completed)
            },
            vec![E::RetainSource, E::ReleaseLease],
        ),

        (S::Copying | S::Verifying | S::Switching, T::SourceChanged, None) => {
            let rounds = state.rounds + 1;
            if rounds > MAX_SOURCE_ROUNDS {
                (end(S::Failed), vec![E::ReleaseLease])
            } else {
                (
                    JobState {
                        rounds,
                        ..to(S::Copying)
                    },
                    vec![],
                )
            }
        }
        (S::Copying | S::Verifying | S::Switching, T::Fail, None | Some(Wanted::Pause)) => {
            (end(S::Failed), vec![E::ReleaseLease])
        }

        (S::Copying | S::Verifying | S::Switching, T::Cancel, None | Some(Wanted::Pause)) => {
            (wants(Wanted::Cancel), vec![E::StopHolder])
        }
        (S::Copying | S::Verifying, T::Pause, None) => (wants(Wanted::Pause), vec![E::StopHolder]),
        (S::Copying | S::Verifying | S::Switching, T::Yielded, Some(Wanted::Cancel)) => {
            (end(S::Cancelled), vec![E::CleanStaging, E::ReleaseLease])
        }
        (S::Copying | S::Verifying | S::Switching, T::Yielded, Some(Wanted::Pause)) => {
            (end(S::Paused), vec![E::ReleaseLease])
        }

        (S::AwaitingApproval | S::Queued | S::Paused, T::Cancel, _) => {
            (end(S::Cancelled), vec![E::CleanStaging])
        }
        (S::Queued, T::Pause, _) => (to(S::Paused), vec![]),
        (S::Paused, T::Resume, _) => (to(S::Queued), vec![E::WakeMovers]),
        (S::Failed, T::Retry, _) => (
            JobState {
                rounds: 0,
                ..to(S::Queued)
            },
            vec![E::ResetFailedObjects, E::WakeMovers],
        ),

        (S::Completed, T::Undo, _) if state.undo_open => (
            JobState {
                undo_open: false,
                ..to(S::Undone)
            },
            vec![E::RestoreSource, E::CleanTarget],
        ),
        (S::Completed, T::RetireBegun, _) if state.undo_open => (
            JobState {
                undo_open: false,
                ..state
            },
            vec![E::DeleteSource],
        ),

        _ => return Err(IllegalTransition { state, trigger }),
    };
    Ok(Step { state, effects })
}

/// Whether a state may exist at all; the word of the broken rule otherwise.
///
/// # Errors
/// The rule that the state breaks.
pub fn check(state: &JobState) -> Result<(), &'static str> {
    if state.wanted.is_some() && !state.is_running() {
        return Err("only a running job can have a wish on its way");
    }
    if state.undo_open && state.status != JobStatus::Completed {
        return Err("only a completed job can be undone");
    }
    if state.rounds > MAX_SOURCE_ROUNDS {
        return Err("a source that keeps changing ends the job");
    }
    Ok(())
}
