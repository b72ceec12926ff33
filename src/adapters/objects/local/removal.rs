//! Removing objects by list, and the directories that become empty.
//!
//! Invariant: only what is listed is removed. A directory goes only when it is empty, so what nobody listed keeps its place.

use super::dir::{Dir, failure, segments, split_key};
use super::listing::{self, fingerprint};
use crate::domain::dataset::SkippedEntry;
use crate::ports::objects::{FoundObject, ObjectError, Prefix, Removed, Staging};
use rustix::io::Errno;
use std::collections::BTreeSet;

const KEPT_SHOWN: usize = 100;

fn keep(removed: &mut Removed, path: &str, reason: impl Into<String>) {
    if removed.kept.len() < KEPT_SHOWN {
        removed.kept.push(SkippedEntry {
            path: path.to_owned(),
            reason: reason.into(),
        });
    }
}

/// Removes the listed objects that still are what they were.
pub(super) fn remove(at: &Prefix, objects: &[FoundObject]) -> Result<Removed, ObjectError> {
    let mut removed = Removed::default();
    // A list with a key that leads elsewhere is not ours: none of it is begun.
    objects.iter().try_for_each(|o| split_key(&o.key).map(|_| ()))?;
    // A location that is away is no proof that its objects are gone.
    drop(Dir::root(at)?);
    match Dir::open(at) {
        Ok(_) => {}
        Err(ObjectError::NotFound(_)) => {
            removed.removed = i64::try_from(objects.len()).unwrap_or(i64::MAX);
            return Ok(removed);
        }
        Err(e) => return Err(e),
    }
    for object in objects {
        let (folder, name) = split_key(&object.key)?;
        let dir = match Dir::open(at)?.descend(folder) {
            Ok(dir) => dir,
            Err(ObjectError::NotFound(_)) => {
                removed.removed += 1;
                continue;
            }
            Err(e) => return Err(e),
        };
        match dir.stat(name) {
            Err(Errno::NOENT) => removed.removed += 1,
            Err(e) => return Err(failure(e, "look at", &dir.child_path(name))),
            Ok(stat) if fingerprint(&stat) == object.fingerprint => {
                dir.remove(name, false)
                    .map_err(|e| failure(e, "remove", &dir.child_path(name)))?;
                removed.removed += 1;
            }
            Ok(_) => keep(&mut removed, &object.key, "it was changed since it was listed"),
        }
    }
    prune(at, objects.iter().map(|o| o.key.as_str()))?;
    remove_empty(at)?;
    Ok(removed)
}

/// Removes the directories of these keys that are empty, deepest first.
fn prune<'a>(at: &Prefix, keys: impl Iterator<Item = &'a str>) -> Result<(), ObjectError> {
    let mut folders = BTreeSet::new();
    for key in keys {
        let names = segments(key)?;
        for depth in 1..names.len() {
            folders.insert((std::cmp::Reverse(depth), names[..depth].join("/")));
        }
    }
    for (_, folder) in folders {
        remove_empty(&Prefix {
            root: at.root.clone(),
            path: if at.path.is_empty() {
                folder
            } else {
                format!("{}/{folder}", at.path)
            },
            encryption: None,
        })?;
    }
    Ok(())
}

/// Removes one directory when it is empty; whether it is gone.
fn remove_empty(at: &Prefix) -> Result<bool, ObjectError> {
    let Some(up) = at.parent_path() else {
        return Ok(false);
    };
    let (_, name) = split_key(&at.path)?;
    let parent = match Dir::root(at)?.descend(up) {
        Ok(parent) => parent,
        Err(ObjectError::NotFound(_)) => return Ok(true),
        Err(e) => return Err(e),
    };
    match parent.remove(name, true) {
        Ok(()) => {
            parent.sync()?;
            Ok(true)
        }
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY | Errno::NOTDIR) => Ok(false),
        Err(e) => Err(failure(e, "remove the directory", &parent.child_path(name))),
    }
}

/// Removes what is in the partial directory, where its names are ours by construction; `gone_on_with` are kept.
pub(super) fn empty_partial(
    staging: &Staging,
    gone_on_with: impl Fn(&str) -> bool,
) -> Result<(), ObjectError> {
    let dir = match Dir::open(&staging.partial()) {
        Ok(dir) => dir,
        Err(ObjectError::NotFound(_)) => return Ok(()),
        Err(e) => return Err(e),
    };
    for name in dir.names()?.into_iter().flatten() {
        if !gone_on_with(&name) {
            dir.remove(&name, false)
                .map_err(|e| failure(e, "remove", &dir.child_path(&name)))?;
        }
    }
    dir.sync()
}

/// Removes a staging area.
pub(super) fn discard(
    staging: &Staging,
    keys: &[String],
    parents: &[String],
) -> Result<Removed, ObjectError> {
    let mut removed = Removed::default();
    keys.iter().try_for_each(|key| split_key(key).map(|_| ()))?;
    parents.iter().try_for_each(|path| segments(path).map(|_| ()))?;
    drop(Dir::root(&staging.target)?);
    empty_partial(staging, |_| false)?;
    let data = staging.data();
    if let Ok(dir) = Dir::open(&data) {
        drop(dir);
        for key in keys {
            let (folder, name) = split_key(key)?;
            match Dir::open(&data)?.descend(folder) {
                Ok(dir) => dir
                    .remove(name, false)
                    .map_err(|e| failure(e, "remove", &dir.child_path(name)))?,
                Err(ObjectError::NotFound(_)) => {}
                Err(e) => return Err(e),
            }
            removed.removed += 1;
        }
        prune(&data, keys.iter().map(String::as_str))?;
        if !remove_empty(&data)? {
            for object in listing::first(&Dir::open(&data)?, KEPT_SHOWN)? {
                keep(&mut removed, &object.key, "this job did not make it");
            }
        }
    }
    remove_empty(&staging.partial())?;
    remove_empty(&staging.home())?;
    for parent in parents.iter().rev() {
        remove_empty(&Prefix {
            root: staging.target.root.clone(),
            path: parent.clone(),
            encryption: None,
        })?;
    }
    Ok(removed)
}
