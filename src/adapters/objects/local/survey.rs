//! What source and target *are*: the same directory, inside each other, linked, occupied, writable, and how much fits.
//!
//! Invariant: decided on device and inode, never on the text of a path, so that bind mounts and links in a root are seen through.

use super::dir::{Dir, failure, is_dir, split_key};
use crate::domain::unit::Bytes;
use crate::ports::objects::{Listing, ObjectError, Occupancy, Prefix, Space, Survey};
use rustix::fs::{Access, AtFlags, Stat, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::path::Path;

/// Objects of an occupied target that are compared with those of the source.
const LINKED_LOOKED: usize = 10_000;

type Identity = (u64, u64);

fn identity(stat: &Stat) -> Identity {
    (stat.st_dev, stat.st_ino)
}

/// The deepest existing directory of a prefix, what was passed on the way, and the names that are missing below it.
fn reach(prefix: &Prefix) -> Result<(Dir, Vec<Identity>, Vec<String>), ObjectError> {
    let mut dir = Dir::root(prefix)?;
    let mut passed = vec![identity(&dir.stat_self()?)];
    let names = super::dir::segments(&prefix.path)?;
    for (i, name) in names.iter().enumerate() {
        match dir.child(name) {
            Ok(child) => dir = child,
            Err(ObjectError::NotFound(_)) => {
                return Ok((dir, passed, names[i..].iter().map(|n| (*n).to_owned()).collect()));
            }
            Err(e) => return Err(e),
        }
        passed.push(identity(&dir.stat_self()?));
    }
    Ok((dir, passed, Vec::new()))
}

/// Every directory above the root, as the system sees it.
fn above_root(prefix: &Prefix) -> Vec<Identity> {
    let Some(path) = prefix.root.local_path() else {
        return Vec::new();
    };
    let Ok(real) = std::fs::canonicalize(&path) else {
        return Vec::new();
    };
    real.ancestors()
        .skip(1)
        .filter_map(|p: &Path| rustix::fs::stat(p).ok())
        .map(|s| identity(&s))
        .collect()
}

/// Free and total space at the deepest existing directory of a prefix.
pub(super) fn space(at: &Prefix) -> Result<Space, ObjectError> {
    let (dir, ..) = reach(at)?;
    let stat = rustix::fs::fstatvfs(&dir).map_err(|e| failure(e, "look at the space of", dir.path()))?;
    // What a copy under way has taken and not filled yet is counted as used by the file system, and as still to come by its job.
    let reserved = super::disks::of(&dir).map_or(0, |disk| disk.reserved());
    Ok(Space {
        free_bytes: Bytes(
            stat.f_bavail
                .saturating_mul(stat.f_frsize)
                .saturating_add(reserved),
        ),
        total_bytes: Bytes(stat.f_blocks.saturating_mul(stat.f_frsize)),
    })
}

/// Directories above the target that do not exist yet, outermost first.
pub(super) fn missing_parents(target: &Prefix) -> Result<Vec<String>, ObjectError> {
    super::dir::segments(&target.path)?;
    let parent = Prefix {
        root: target.root.clone(),
        path: target.parent_path().unwrap_or("").to_owned(),
        encryption: None,
    };
    let (_, _, missing) = reach(&parent)?;
    let names = super::dir::segments(&parent.path)?;
    let there = names.len() - missing.len();
    Ok((there..names.len()).map(|i| names[..=i].join("/")).collect())
}

/// Looks at both places.
pub(super) fn survey(source: &Prefix, target: &Prefix, listing: &Listing) -> Result<Survey, ObjectError> {
    let source_dir = Dir::open(source)?;
    let source_id = identity(&source_dir.stat_self()?);
    let (_, source_chain, _) = reach(source)?;
    let (target_dir, target_chain, missing) = reach(target)?;
    let target_whole = missing.is_empty();
    let target_id = identity(&target_dir.stat_self()?);
    let overlap = if target_whole && target_id == source_id {
        Some("source and target are the same directory".to_owned())
    } else if target_chain.contains(&source_id) || above_root(target).contains(&source_id) {
        Some("the target lies inside the source".to_owned())
    } else if target_whole && (source_chain.contains(&target_id) || above_root(source).contains(&target_id)) {
        Some("the source lies inside the target".to_owned())
    } else {
        None
    };
    let occupancy = occupancy(&target_dir, &missing)?;
    let hard_linked = match &occupancy {
        Occupancy::Occupied(_) if target_whole && overlap.is_none() => linked(&target_dir, listing)?,
        _ => None,
    };
    Ok(Survey {
        overlap,
        hard_linked,
        not_readable: not_readable(source, listing)?,
        ..survey_target(target)?
    })
}

/// Looks at a target alone.
pub(super) fn survey_target(target: &Prefix) -> Result<Survey, ObjectError> {
    let (target_dir, _, missing) = reach(target)?;
    let occupancy = occupancy(&target_dir, &missing)?;
    let whole = missing.is_empty();
    let writable_at = if whole { parent_of(target)? } else { target_dir };
    let free = rustix::fs::fstatvfs(&writable_at)
        .ok()
        .map(|s| Bytes(s.f_bavail.saturating_mul(s.f_frsize)));
    Ok(Survey {
        overlap: None,
        hard_linked: None,
        occupancy,
        not_writable: mount_point(target, &writable_at, whole).or_else(|| not_writable(&writable_at)),
        not_readable: None,
        free_bytes: free,
        not_placeable: None,
        limits: Vec::new(),
        one_store: false,
    })
}

fn parent_of(prefix: &Prefix) -> Result<Dir, ObjectError> {
    Dir::root(prefix)?.descend(prefix.parent_path().unwrap_or(""))
}

fn occupancy(dir: &Dir, missing: &[String]) -> Result<Occupancy, ObjectError> {
    if let Some(name) = missing.first() {
        return Ok(match dir.stat(name) {
            Ok(stat) if !is_dir(&stat) => {
                Occupancy::Occupied(format!("{} is not a directory", dir.child_path(name)))
            }
            _ => Occupancy::Absent,
        });
    }
    let mut first: Option<String> = None;
    let mut count = 0_u64;
    for name in dir.entries()? {
        let (Ok(name) | Err(name)) = name?;
        count += 1;
        if first.as_ref().is_none_or(|first| name < *first) {
            first = Some(name);
        }
    }
    Ok(match first {
        None => Occupancy::Empty,
        Some(name) => Occupancy::Occupied(format!(
            "{} holds {count} entries, among them {name:?}",
            dir.path()
        )),
    })
}

/// The target is refused anyway; this says more of why, by its first objects.
fn linked(target: &Dir, source: &Listing) -> Result<Option<String>, ObjectError> {
    let inode =
        |fingerprint: &str| -> String { fingerprint.splitn(3, ':').take(2).collect::<Vec<_>>().join(":") };
    let inodes: HashSet<String> = source.objects.iter().map(|o| inode(&o.fingerprint)).collect();
    Ok(super::listing::first(target, LINKED_LOOKED)?
        .into_iter()
        .find(|o| inodes.contains(&inode(&o.fingerprint)))
        .map(|o| o.key))
}

/// A directory that a file system is mounted on cannot be replaced, and what is staged beside it would lie on other disks.
fn mount_point(target: &Prefix, parent: &Dir, exists: bool) -> Option<String> {
    let name = target
        .path
        .rsplit('/')
        .next()
        .filter(|n| exists && !n.is_empty())?;
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let found = rustix::fs::statx(parent, name, flags, StatxFlags::BASIC_STATS).ok()?;
    let asked = StatxAttributes::MOUNT_ROOT;
    (found.stx_attributes_mask & found.stx_attributes)
        .contains(asked)
        .then(|| {
            let path = parent.child_path(name);
            format!("{path} is where a file system is mounted; name a directory below it")
        })
}

fn not_writable(dir: &Dir) -> Option<String> {
    let access = Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::accessat(dir, ".", access, AtFlags::EACCESS)
        .err()
        .map(|e| failure(e, "write to", dir.path()).to_string())
}

pub(super) fn not_readable(source: &Prefix, listing: &Listing) -> Result<Option<String>, ObjectError> {
    let mut open: Option<(String, Dir)> = None;
    for object in &listing.objects {
        let (folder, name) = split_key(&object.key)?;
        if open.as_ref().is_none_or(|(at, _)| at != folder) {
            match Dir::open(source)?.descend(folder) {
                Ok(dir) => open = Some((folder.to_owned(), dir)),
                Err(ObjectError::NotFound(_)) => continue,
                Err(e) => return Ok(Some(e.to_string())),
            }
        }
        let Some((_, dir)) = &open else { continue };
        match rustix::fs::accessat(dir, name, Access::READ_OK, AtFlags::EACCESS) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Ok(Some(failure(e, "read", &dir.child_path(name)).to_string())),
        }
    }
    Ok(None)
}
