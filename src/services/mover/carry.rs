//! A job from its claim to its end, step by step.
//!
//! Invariant: each stage starts from what the data says, so it does not matter at which step the last holder ended. Every way out
//! either changes the job's state or gives the job back.

use super::failpoint::Point;
use super::held::{Halt, Held};
use super::{clean, copy, receipt, switch, verify};
use crate::adapters::sql::jobs_change::Also;
use crate::adapters::sql::jobs_lease;
use crate::domain::migration::machine::{self, MAX_SOURCE_ROUNDS, Trigger, Wanted};
use crate::domain::migration::{JobStatus, Progress};
use crate::domain::unit::Timestamp;

/// How long the copies of a failed job wait for a retry before their space is given back.
const KEEP_FAILED_MICROS: i64 = Timestamp::DAY;

/// What every failure before the switch ends with.
const UNTOUCHED: &str = "the source serves on; nothing was switched";
/// What becomes of the copies of a failed job.
const KEPT: &str = "what was copied waits a day for a retry";
/// The same where the objects are changed in place.
const SERVED_IN_PLACE: &str = "readers are served throughout";
const KEPT_IN_PLACE: &str = "objects that have the new class keep it, and a retry goes on with the others";

/// What stays as it is, and what becomes of what was done, when a job ends before its switch.
fn so_far(held: &Held) -> (&'static str, &'static str) {
    if held.row.job.is_in_place() {
        (SERVED_IN_PLACE, KEPT_IN_PLACE)
    } else {
        (UNTOUCHED, KEPT)
    }
}

/// Carries a job as far as it goes. An error is a database that could not be written: the job is found as it is at the next look.
pub(super) async fn carry(mut held: Held) -> Result<(), Halt> {
    held.pass(Point::Claimed).await;
    let mut looked = false;
    loop {
        let halt = match stage(&mut held, &mut looked).await {
            Ok(true) => continue,
            Ok(false) => return Ok(()),
            Err(halt) => halt,
        };
        looked = false;
        match settle(&mut held, halt).await {
            Ok(true) => {}
            Ok(false) | Err(Halt::Lost) => return Ok(()),
            Err(Halt::Wished) => {}
            Err(problem) => {
                give_back(&held).await;
                return Err(problem);
            }
        }
    }
}

/// One stage; whether there is another one.
async fn stage(held: &mut Held, looked: &mut bool) -> Result<bool, Halt> {
    // A pause that comes as late as the switch is not heard, a cancel is.
    let late = held.row.state.status == JobStatus::Switching && held.row.state.wanted == Some(Wanted::Pause);
    if held.meter.is_stopped() || (held.row.state.wanted.is_some() && !late) {
        return Err(Halt::Wished);
    }
    match held.row.state.status {
        JobStatus::Copying => {
            drop(receipt::signer(held)?);
            clean::older_staging(held, false).await;
            copy::copy(held).await?;
            held.change(Trigger::CopyFinished, &entering(held)).await?;
        }
        JobStatus::Verifying | JobStatus::Switching if !switch::copies_stand(held).await? => {
            return Err(Halt::Changed(
                "the copies of the last mover cannot be used".into(),
            ));
        }
        JobStatus::Verifying => {
            verify::verify(held).await?;
            *looked = true;
            let (_, progress) = held.gauge.look();
            let also = Also {
                progress: Some(progress),
                ..Also::default()
            };
            held.change(Trigger::VerifyFinished, &also).await?;
        }
        JobStatus::Switching => {
            clean::older_staging(held, true).await;
            switch::switch(held, *looked).await?;
            return Ok(false);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The next stage begins with nothing done.
fn entering(held: &Held) -> Also {
    let (_, progress) = held.gauge.look();
    Also {
        progress: Some(Progress {
            objects_total: progress.objects_total,
            bytes_total: progress.bytes_total,
            ..Progress::default()
        }),
        ..Also::default()
    }
}

/// Deals with the reason to stop; whether the job goes on.
async fn settle(held: &mut Held, halt: Halt) -> Result<bool, Halt> {
    match halt {
        Halt::Lost => Ok(false),
        Halt::Store(problem) => Err(Halt::Store(problem)),
        Halt::Changed(what) => copy_again(held, &what).await,
        Halt::Failed { code, reason } => fail(held, code, reason).await,
        Halt::Wished => yield_up(held).await,
        Halt::Hung(what) => hold(held, what).await,
    }
}

/// A store does not answer: the job waits for a person, and others go on. What was asked of the store may still happen, so whatever
/// comes later is written beside it, as after a mover that fell silent.
async fn hold(held: &mut Held, what: String) -> Result<bool, Halt> {
    held.reload().await?;
    if held.row.state.wanted.is_some() {
        return yield_up(held).await;
    }
    if machine::next(held.row.state, Trigger::Pause).is_err() {
        return fail(held, "store_hung".into(), what).await;
    }
    let mut tx = held.write().await?;
    jobs_lease::next_staging(&mut tx, held.row.job.id).await?;
    tx.commit().await?;
    let reason = if held.row.job.is_in_place() {
        format!("paused: {what}; {SERVED_IN_PLACE}. Resume it once the store answers")
    } else {
        format!(
            "paused: {what}; the source serves on. Resume it once the store answers: what was copied is copied again beside it, since \
             the store may still wake"
        )
    };
    let also = |release| Also {
        reason: Some(reason.clone()),
        error_code: Some("store_hung".into()),
        release,
        ..Also::default()
    };
    held.change(Trigger::Pause, &also(false)).await?;
    held.change(Trigger::Yielded, &also(true)).await?;
    Ok(false)
}

async fn copy_again(held: &mut Held, what: &str) -> Result<bool, Halt> {
    switch::unpublish(held).await?;
    held.pass(Point::SourceChanged).await;
    let Ok(step) = machine::next(held.row.state, Trigger::SourceChanged) else {
        return yield_up(held).await;
    };
    let mut also = entering(held);
    if step.state.status == JobStatus::Failed {
        also.error_code = Some("source_changed".into());
        let (untouched, kept) = so_far(held);
        also.reason = Some(format!(
            "the source keeps changing: {what} (after {MAX_SOURCE_ROUNDS} more rounds); {untouched}, {kept}"
        ));
        also.release = true;
        also.keep_until = Some(held.deps.clock.now().plus_micros(KEEP_FAILED_MICROS));
    } else {
        also.reason = Some(format!(
            "{what}; what differs is copied again (round {} of {MAX_SOURCE_ROUNDS})",
            step.state.rounds
        ));
    }
    held.change(Trigger::SourceChanged, &also).await?;
    Ok(step.state.status != JobStatus::Failed)
}

async fn fail(held: &mut Held, code: String, reason: String) -> Result<bool, Halt> {
    let (untouched, kept) = so_far(held);
    // On a full target the copies are in the way of whoever makes room.
    let (keep, becomes) = if code == "target_full" && !held.row.job.is_in_place() {
        (0, "what was copied is removed to make room")
    } else {
        (KEEP_FAILED_MICROS, kept)
    };
    let mut reason = format!("{reason}; {untouched}, {becomes}");
    if let Err(problem) = switch::unpublish(held).await {
        match problem {
            Halt::Failed { reason: more, .. } => reason = format!("{reason} (and: {more})"),
            other => return Err(other),
        }
    }
    let now = held.deps.clock.now();
    let also = Also {
        reason: Some(reason),
        error_code: Some(code),
        release: true,
        keep_until: Some(now.plus_micros(keep)),
        ..Also::default()
    };
    held.change(Trigger::Fail, &also).await?;
    Ok(false)
}

/// A person wants it to stop, or the process ends.
async fn yield_up(held: &mut Held) -> Result<bool, Halt> {
    held.reload().await?;
    let reason = match held.row.state.wanted {
        None => {
            give_back(held).await;
            return Ok(false);
        }
        Some(Wanted::Pause) => {
            switch::unpublish(held).await?;
            "paused; what was copied is kept".to_owned()
        }
        Some(Wanted::Cancel) if held.row.job.is_in_place() => format!(
            "cancelled; {SERVED_IN_PLACE}. Objects that have the class {} already keep it, the catalog goes on saying {}: plan the \
             same change again to end it",
            held.row.job.target_class, held.row.job.source_class
        ),
        Some(Wanted::Cancel) => {
            let kept = clean::staging(held).await;
            held.pass(Point::CancelCleaned).await;
            match kept {
                Ok(kept) if kept.is_empty() => {
                    format!("cancelled; {UNTOUCHED}, nothing is left at the target")
                }
                Ok(kept) => format!(
                    "cancelled; {UNTOUCHED}. What this job did not make stays at the target: {}",
                    kept.join(", ")
                ),
                Err(Halt::Failed { reason, .. }) => {
                    format!("cancelled; {UNTOUCHED}. What was copied is removed later, because {reason}")
                }
                Err(other) => return Err(other),
            }
        }
    };
    let also = Also {
        reason: Some(reason),
        release: true,
        ..Also::default()
    };
    held.change(Trigger::Yielded, &also).await?;
    Ok(false)
}

/// Lets go of the job as it is, so that the next mover need not wait for the lease to run out.
pub(super) async fn give_back(held: &Held) {
    let released = async {
        let mut tx = held.deps.store.write().await?;
        jobs_lease::release(&mut tx, held.row.job.id, held.row.job.fence).await?;
        tx.commit().await
    };
    match released.await {
        Ok(()) => held.announced(),
        Err(problem) => {
            tracing::warn!(%problem, job = %held.row.job.id, "the job is not given back; its lease runs out");
        }
    }
}
