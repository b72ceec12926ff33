//! Several small objects at once: one thread, and each directory opened once.
//!
//! Invariant: they are written at their own names in the staging area at once, since a name there counts for nothing before its row
//! says so; a copy that fails leaves none. All else is as for one object.

use super::copy::{self, FromTo};
use super::dir::{Dir, split_key};
use super::reread;
use crate::adapters::objects::Throttle;
use crate::ports::objects::{Copied, Expected, FoundObject, Meter, ObjectError, Prefix, Staging};
use crate::ports::several::{Answers, LASTS};
use std::time::Instant;

/// Copies the first of these objects into the staging area.
pub(super) fn copy(
    source: &Prefix,
    staging: &Staging,
    objects: &[FoundObject],
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Answers<Copied> {
    let begun = Instant::now();
    let mut open: Option<(&str, FromTo)> = None;
    let mut done = Vec::with_capacity(objects.len());
    for object in objects {
        if !done.is_empty() && begun.elapsed() >= LASTS {
            break;
        }
        done.push(one(source, staging, object, &mut open, throttle, meter));
    }
    done
}

fn one<'a>(
    source: &Prefix,
    staging: &Staging,
    object: &'a FoundObject,
    open: &mut Option<(&'a str, FromTo)>,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<Copied, ObjectError> {
    let (folder, name) = split_key(&object.key)?;
    let at = match open {
        Some((of, at)) if *of == folder => at,
        _ => {
            &open
                .insert((folder, FromTo::open(source, staging, folder, &object.key)?))
                .1
        }
    };
    copy::at_its_name(at, name, object, throttle, meter)
}

/// Reads the first of these objects from the device and compares them. Where the kernel reads ahead, it is asked to for all of them
/// before the first is read.
pub(super) fn verify(
    at: &Prefix,
    expected: &[Expected],
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Answers<()> {
    let begun = Instant::now();
    let mut open: Option<(&str, Dir)> = None;
    let files: Vec<_> = expected
        .iter()
        .map(|object| {
            let (folder, name) = split_key(&object.key)?;
            let dir = match &open {
                Some((of, dir)) if *of == folder => dir,
                _ => &open.insert((folder, Dir::open(at)?.descend(folder)?)).1,
            };
            let file = reread::looks_right(dir, name, object)?;
            file.begin(&object.key);
            Ok(file)
        })
        .collect();
    let mut done = Vec::with_capacity(expected.len());
    for (object, file) in expected.iter().zip(files) {
        if !done.is_empty() && begun.elapsed() >= LASTS {
            break;
        }
        done.push(file.and_then(|file| reread::reads_right(file, object, throttle, meter)));
    }
    done
}
