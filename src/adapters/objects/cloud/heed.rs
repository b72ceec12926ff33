//! Waiting for a store with an ear for the word to stop.

use crate::ports::objects::{Meter, ObjectError};
use std::future::Future;
use std::time::Duration;

/// How long a stop may go unheard while a request is under way.
const EAR: Duration = Duration::from_millis(50);

/// The work's answer, or [`ObjectError::Stopped`] soon after the meter says so; the request is dropped then.
pub(in crate::adapters::objects) async fn heed<T>(
    meter: &Meter,
    work: impl Future<Output = Result<T, ObjectError>>,
) -> Result<T, ObjectError> {
    let mut work = std::pin::pin!(work);
    loop {
        if meter.is_stopped() {
            return Err(ObjectError::Stopped);
        }
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(EAR) => {}
        }
    }
}
