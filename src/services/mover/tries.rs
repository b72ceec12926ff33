//! One object of a pass, or several small ones in one call: at the pace that is allowed, and again while the store is busy.
//!
//! Invariant: an object is tried a bounded number of times, and all of a pass draw on one budget of further tries.

use super::crowd::{self, Crowd};
use super::held::Held;
use super::pass::{Ended, Pass};
use crate::adapters::sql::jobs_objects::ManifestRow;
use crate::ports::objects::ObjectError;
use std::time::Duration;
use tokio::time::Instant;

/// Tries of one object while the store says that it is busy.
const TRIES: u32 = 6;
/// The wait before the second try; doubled before each further one.
const BACKOFF: Duration = Duration::from_millis(100);
/// The longest sleep between two looks at the wish to stop.
const SLICE: Duration = Duration::from_millis(50);

/// Does a batch, and again by itself whatever the store was too busy for. With what was not begun.
pub(super) async fn several<P: Pass>(
    pass: &P,
    held: &Held,
    crowd: &Crowd,
    mut batch: Vec<ManifestRow>,
) -> (Vec<Ended<P::Done>>, Vec<ManifestRow>) {
    if let [object] = &batch[..] {
        let done = tried(pass, held, crowd, object, None).await;
        return (batch.into_iter().zip([done]).collect(), Vec::new());
    }
    let answers = pass.several(held, &batch).await;
    let rest = batch.split_off(answers.len().min(batch.len()));
    let mut ended = Vec::with_capacity(batch.len());
    for (object, answer) in batch.into_iter().zip(answers) {
        let done = match answer {
            busy @ Err(ObjectError::Busy(_)) => tried(pass, held, crowd, &object, Some(busy)).await,
            other => other,
        };
        ended.push((object, done));
    }
    (ended, rest)
}

/// Does one object, and tries again while the store says that it is busy. `first` is what came of the first try, if there was one.
async fn tried<P: Pass>(
    pass: &P,
    held: &Held,
    crowd: &Crowd,
    object: &ManifestRow,
    mut first: Option<Result<P::Done, ObjectError>>,
) -> Result<P::Done, ObjectError> {
    let mut tries = 1;
    loop {
        let given = first.take();
        if given.is_none() {
            at_their_pace(held).await?;
        }
        let begun = std::time::Instant::now();
        let done = match given {
            Some(done) => done,
            None => pass.one(held, object).await,
        };
        match done {
            Err(ObjectError::Busy(why)) => {
                if cut(held, crowd) {
                    tracing::info!(job = %held.row.job.id, width = crowd.width(), "the store asks for less: fewer objects at once");
                }
                if tries >= TRIES || !crowd.may_try_again() {
                    return Err(ObjectError::Busy(format!("{why} (after {tries} tries)")));
                }
                // Spread, so that those that were refused together do not come back together.
                let pause = BACKOFF * 2_u32.pow(tries - 1);
                let pause = pause.mul_f64(0.5 + rand::random::<f64>());
                tries += 1;
                wait(held, Instant::now() + pause).await?;
            }
            Ok(done) => {
                let small = object.found.size_bytes.0 < crowd::SMALL;
                if small && begun.elapsed() > crowd::SLOW {
                    if cut(held, crowd) {
                        tracing::debug!(job = %held.row.job.id, width = crowd.width(), "small objects take long: fewer at once");
                    }
                } else {
                    crowd.went_well();
                    held.deps
                        .meter
                        .objects_at_once(held.row.job.target_location_id, crowd.width());
                }
                return Ok(done);
            }
            other => return other,
        }
    }
}

/// Waits where requests are counted.
async fn at_their_pace(held: &Held) -> Result<(), ObjectError> {
    for pace in &held.request_paces {
        if let Some(may) = pace.request() {
            wait(held, may.into()).await?;
        }
    }
    Ok(())
}

/// Whether fewer are allowed now.
fn cut(held: &Held, crowd: &Crowd) -> bool {
    let fewer = crowd.too_many(std::time::Instant::now());
    if fewer {
        held.deps
            .meter
            .objects_at_once(held.row.job.target_location_id, crowd.width());
        held.deps.meter.crowd_cut();
    }
    fewer
}

async fn wait(held: &Held, until: Instant) -> Result<(), ObjectError> {
    loop {
        if held.meter.is_stopped() {
            return Err(ObjectError::Stopped);
        }
        let now = Instant::now();
        if now >= until {
            return Ok(());
        }
        tokio::time::sleep((until - now).min(SLICE)).await;
    }
}
