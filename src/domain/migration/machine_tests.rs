//! The machine's rules, by example and over random paths.

use crate::domain::migration::JobStatus;
use crate::domain::migration::machine::*;
use proptest::prelude::*;

fn walk(triggers: &[Trigger]) -> Vec<(JobState, Trigger, Step)> {
    let mut state = JobState::new(true);
    let mut taken = Vec::new();
    for trigger in triggers {
        if let Ok(step) = next(state, *trigger) {
            taken.push((state, *trigger, step.clone()));
            state = step.state;
        }
    }
    taken
}

#[test]
fn the_whole_life() {
    use Trigger as T;
    let path = [
        T::Approve,
        T::Claim,
        T::CopyFinished,
        T::SourceChanged,
        T::CopyFinished,
        T::VerifyFinished,
        T::Switched,
        T::Undo,
    ];
    let taken = walk(&path);
    assert_eq!(taken.len(), path.len());
    assert_eq!(taken[7].2.state.status, JobStatus::Undone);
    assert_eq!(
        taken[7].2.effects,
        vec![Effect::RestoreSource, Effect::CleanTarget]
    );
}

#[test]
fn a_source_that_keeps_changing_fails() {
    use Trigger as T;
    let mut state = JobState::new(false);
    state = next(state, T::Claim).unwrap().state;
    for _ in 0..MAX_SOURCE_ROUNDS {
        state = next(state, T::CopyFinished).unwrap().state;
        state = next(state, T::SourceChanged).unwrap().state;
        assert_eq!(state.status, JobStatus::Copying);
    }
    state = next(state, T::SourceChanged).unwrap().state;
    assert_eq!(state.status, JobStatus::Failed);
}

#[test]
fn refusals_say_what_to_do() {
    let completed = JobState {
        status: JobStatus::Completed,
        undo_open: true,
        ..JobState::new(false)
    };
    let late = next(completed, Trigger::Cancel).unwrap_err().to_string();
    assert!(late.contains("undo it instead"), "{late}");
    let retired = next(completed, Trigger::RetireBegun).unwrap().state;
    let gone = next(retired, Trigger::Undo).unwrap_err().to_string();
    assert!(gone.contains("grace period is over"), "{gone}");
    let queued = next(JobState::new(false), Trigger::Retry).unwrap_err();
    assert_eq!(queued.to_string(), "cannot retry a job that is queued");
}

#[test]
fn the_buttons_are_what_the_machine_allows() {
    assert_eq!(JobState::new(true).actions(), ["approve", "cancel"]);
    assert_eq!(JobState::new(false).actions(), ["pause", "cancel"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_path_breaks_a_rule(triggers in prop::collection::vec(0..Trigger::ALL.len(), 1..60)) {
        let triggers: Vec<Trigger> = triggers.into_iter().map(|i| Trigger::ALL[i]).collect();
        let mut cancelled = false;
        let mut wish = false;
        for (from, trigger, step) in walk(&triggers) {
            prop_assert_eq!(check(&step.state), Ok(()));
            // An end is left only by retry and undo.
            if from.status.is_end() && step.state.status != from.status {
                prop_assert!(matches!(
                    (from.status, trigger),
                    (JobStatus::Failed, Trigger::Retry) | (JobStatus::Completed, Trigger::Undo)
                ));
            }
            // A cancelled job, or one with an accepted cancel, never switches.
            if trigger == Trigger::Switched {
                prop_assert!(!cancelled && !wish);
            }
            wish |= trigger == Trigger::Cancel;
            cancelled |= step.state.status == JobStatus::Cancelled;
            // Only the switch makes a job completed, and only from switching.
            if step.state.status == JobStatus::Completed && from.status != JobStatus::Completed {
                prop_assert_eq!((from.status, trigger), (JobStatus::Switching, Trigger::Switched));
            }
            // Whoever takes a job takes a new fence.
            prop_assert_eq!(trigger == Trigger::Claim, step.effects.contains(&Effect::RaiseFence));
            // The same trigger twice never counts twice, except a claim and a changed source.
            if !matches!(trigger, Trigger::Claim | Trigger::SourceChanged) {
                prop_assert!(next(step.state, trigger).is_err());
            }
        }
    }
}
