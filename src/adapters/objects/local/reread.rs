//! Reading an object from the device and comparing it, here or where it was encrypted.
//!
//! Invariant: size and metadata were looked at before the first byte is handed on.

use super::copy::{metadata, stream, stream_into};
use super::device::Reader;
use super::dir::{Dir, split_key};
use crate::adapters::objects::Throttle;
use crate::ports::objects::{Expected, Meter, ObjectError, Prefix};
use std::fs::File;

/// Reads an object whose size and metadata are as expected, piece by piece.
pub(in crate::adapters::objects) fn reread(
    at: &Prefix,
    expected: &Expected,
    throttle: Option<&Throttle>,
    meter: &Meter,
    sink: impl FnMut(&[u8]) -> Result<(), ObjectError>,
) -> Result<(), ObjectError> {
    let mut file = opened(at, expected)?;
    let mut unwanted = blake3::Hasher::new();
    let (key, size) = (&expected.key, expected.size_bytes.0);
    stream_into(&mut unwanted, &mut file, sink, key, size, throttle, meter).map(drop)
}

fn opened(at: &Prefix, expected: &Expected) -> Result<Reader<File>, ObjectError> {
    let (folder, name) = split_key(&expected.key)?;
    let dir = Dir::open(at)?.descend(folder)?;
    looks_right(&dir, name, expected)
}

/// Reads an object from the device and compares it.
pub(super) fn verify(
    at: &Prefix,
    expected: &Expected,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<(), ObjectError> {
    reads_right(opened(at, expected)?, expected, throttle, meter)
}

/// Opens an object whose size, mode and time are what they must be.
pub(super) fn looks_right(dir: &Dir, name: &str, expected: &Expected) -> Result<Reader<File>, ObjectError> {
    let key = &expected.key;
    let (file, stat) = dir.file(name)?;
    if super::listing::size(&stat) != expected.size_bytes {
        return Err(ObjectError::Mismatch(format!(
            "the object {key:?} read back has {} bytes, not {}",
            stat.st_size, expected.size_bytes.0
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
    Ok(Reader::of_copy(file, expected.size_bytes.0))
}

/// Reads an object and compares its content.
pub(super) fn reads_right(
    mut file: Reader<File>,
    expected: &Expected,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<(), ObjectError> {
    let key = &expected.key;
    let Some(wanted) = &expected.content_hash else {
        return Err(ObjectError::Mismatch(format!(
            "the object {key:?} has no hash to compare with: none was computed when it was copied"
        )));
    };
    let (hash, length) = stream(&mut file, |_| Ok(()), key, expected.size_bytes.0, throttle, meter)?;
    if hash != *wanted || length != expected.size_bytes.0 {
        return Err(ObjectError::Mismatch(format!(
            "the object {key:?} read back differs from what was read at the source"
        )));
    }
    Ok(())
}
