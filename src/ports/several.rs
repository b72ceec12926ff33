//! Several small objects in one call: for stores where a call costs more than its bytes.
//!
//! Invariant: the answers are of the first objects, in their order, at least one; what is not answered was not begun.

use super::objects::{
    Copied, Expected, Forgetful, FoundObject, Meter, ObjectError, Objects, Prefix, Staging,
};
use crate::domain::unit::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// What an object has at most that goes in one call with others.
pub const SMALL: Bytes = Bytes(128 * 1024 - 1);
/// Objects that are given in one call at most: enough that the call costs nothing beside them.
pub const MOST: usize = 64;
/// A call that lasts this long begins no further object, so that what is done is recorded soon and a wish to stop is heard.
pub const LASTS: Duration = Duration::from_millis(100);

/// What came of the first objects of a call.
pub type Answers<T> = Vec<Result<T, ObjectError>>;

/// Copies the first object: what a store does that gains nothing from having several.
pub async fn copy_first<O: Objects + ?Sized>(
    store: &O,
    source: &Prefix,
    staging: &Staging,
    objects: &[FoundObject],
    meter: &Arc<Meter>,
) -> Answers<Copied> {
    match objects.first() {
        Some(object) => vec![store.copy(source, staging, object, &Forgetful, meter).await],
        None => Vec::new(),
    }
}

/// Verifies the first object.
pub async fn verify_first<O: Objects + ?Sized>(
    store: &O,
    at: &Prefix,
    expected: &[Expected],
    meter: &Arc<Meter>,
) -> Answers<()> {
    match expected.first() {
        Some(expected) => vec![store.verify(at, expected, meter).await],
        None => Vec::new(),
    }
}
