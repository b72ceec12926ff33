//! Reading an object from the device for somebody who compares it.
//!
//! Invariant: size and metadata were looked at before the first byte is handed on.

use super::copy::{metadata, stream_into};
use super::dir::{Dir, split_key};
use crate::adapters::objects::Throttle;
use crate::ports::objects::{Expected, Meter, ObjectError, Prefix};
use rustix::fs::Advice;

/// Reads an object whose size and metadata are as expected, piece by piece.
pub(in crate::adapters::objects) fn reread(
    at: &Prefix,
    expected: &Expected,
    throttle: Option<&Throttle>,
    meter: &Meter,
    sink: impl FnMut(&[u8]) -> Result<(), ObjectError>,
) -> Result<(), ObjectError> {
    let key = &expected.key;
    let (folder, name) = split_key(key)?;
    let (mut file, stat) = Dir::open(at)?.descend(folder)?.file(name)?;
    let size = expected.size_bytes.0;
    if super::listing::size(&stat) != expected.size_bytes {
        return Err(ObjectError::Mismatch(format!(
            "the object {key:?} read back has {} bytes, not {size}",
            stat.st_size
        )));
    }
    if let Some(wanted) = &expected.metadata
        && *wanted != metadata(&stat)
    {
        return Err(ObjectError::Mismatch(format!(
            "the object {key:?} read back has {}, not {wanted}",
            metadata(&stat)
        )));
    }
    // So that the bytes come from the device rather than from memory. Best effort: the kernel may refuse.
    if let Err(errno) = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed) {
        tracing::debug!(%errno, object = key, "the page cache is not dropped");
    }
    let mut unwanted = blake3::Hasher::new();
    stream_into(&mut unwanted, &mut file, sink, key, size, throttle, meter).map(drop)
}
