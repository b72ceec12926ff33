//! The bytes of objects that are in memory on their way to buckets, over all jobs.

use crate::domain::unit::Bytes;
use crate::ports::objects::ObjectError;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Two parts under way. With what the program itself takes this stays below 64 MiB; a fast line far away wants more.
pub const MEMORY: Bytes = Bytes(16 << 20);
/// A unit of the semaphore, in bytes.
const UNIT: u64 = 1024;

/// Bounds the bytes in memory.
#[derive(Clone)]
pub(in crate::adapters::objects) struct Budget {
    units: Arc<Semaphore>,
    total: u64,
}

impl Budget {
    pub(super) fn new(total: Bytes) -> Self {
        // What a semaphore cannot count is more than any machine has.
        let units = usize::try_from(total.0 / UNIT).unwrap_or(usize::MAX);
        let units = units.clamp(1, u32::MAX as usize);
        Self {
            units: Arc::new(Semaphore::new(units)),
            total: units as u64 * UNIT,
        }
    }

    /// Waits until so many bytes may be held. A part that is larger than the whole budget takes all of it.
    pub(in crate::adapters::objects) async fn take(
        &self,
        bytes: u64,
    ) -> Result<OwnedSemaphorePermit, ObjectError> {
        let units = bytes.min(self.total).div_ceil(UNIT).max(1);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.units
            .clone()
            .acquire_many_owned(units)
            .await
            .map_err(|_| ObjectError::Stopped)
    }
}
