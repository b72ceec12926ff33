//! Addresses on this machine's disks: canonical paths, and the free space under them.
//!
//! Invariant: only looks. A path that cannot be resolved is reported as it was given, with the reason.

use crate::domain::location::{Provider, StorageUri, StoreAccess};
use crate::domain::unit::Bytes;
use crate::ports::places::{Places, Sighting, Standing};
use async_trait::async_trait;
use std::path::{Path, PathBuf};

/// The file systems of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalPlaces;

#[async_trait]
impl Places for LocalPlaces {
    async fn look(&self, uri: &StorageUri, _access: &StoreAccess) -> Sighting {
        let given = uri.clone();
        // A network share that hangs must not hold one of the few threads that answer requests.
        match tokio::task::spawn_blocking(move || look(&given)).await {
            Ok(sighting) => sighting,
            Err(error) => failed(uri, format!("the look at {uri} broke off: {error}")),
        }
    }
}

fn failed(uri: &StorageUri, problem: String) -> Sighting {
    Sighting {
        real: uri.clone(),
        standing: Standing::Absent,
        problem: Some(problem),
        free_bytes: None,
        total_bytes: None,
    }
}

fn look(uri: &StorageUri) -> Sighting {
    let Some(path) = uri.local_path().map(PathBuf::from) else {
        let scheme = Provider::scheme(uri.provider());
        return failed(uri, format!("{scheme}:// is no directory of this machine"));
    };
    let (real_path, existing) = match resolve(&path) {
        Ok(found) => found,
        Err(problem) => return failed(uri, problem),
    };
    let real = match real_path.to_str().map(|p| format!("file://{p}").parse()) {
        Some(Ok(real)) => real,
        _ => return failed(uri, format!("{} leads to a path that is no text", path.display())),
    };
    let standing = match std::fs::metadata(&path) {
        Ok(meta) if meta.is_dir() => Standing::Directory,
        Ok(meta) if meta.is_file() => Standing::Other("a file".into()),
        Ok(_) => Standing::Other("a pipe, socket or device".into()),
        Err(_) => Standing::Absent,
    };
    let problem = match &standing {
        Standing::Absent => Some(format!("{} does not exist", path.display())),
        Standing::Other(what) => Some(format!("{} is {what}, not a directory", path.display())),
        Standing::Directory => access_problem(&path),
    };
    let space = rustix::fs::statvfs(&existing).ok();
    let bytes = |blocks: u64, size: u64| Bytes(blocks.saturating_mul(size));
    Sighting {
        real,
        standing,
        problem,
        free_bytes: space.as_ref().map(|s| bytes(s.f_bavail, s.f_frsize)),
        total_bytes: space.as_ref().map(|s| bytes(s.f_blocks, s.f_frsize)),
    }
}

/// The path with links resolved, and the nearest ancestor that exists.
fn resolve(path: &Path) -> Result<(PathBuf, PathBuf), String> {
    let mut rest = Vec::new();
    let mut here = path;
    loop {
        match here.canonicalize() {
            Ok(existing) => {
                let mut real = existing.clone();
                real.extend(rest.iter().rev());
                return Ok((real, existing));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // A link that leads nowhere could lead anywhere tomorrow.
                if here.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
                    return Err(format!("{} is a link that leads nowhere", here.display()));
                }
                match (here.parent(), here.file_name()) {
                    (Some(up), Some(name)) => {
                        rest.push(name.to_owned());
                        here = up;
                    }
                    _ => return Err(format!("{} cannot be resolved", path.display())),
                }
            }
            Err(error) => return Err(format!("{} cannot be resolved: {error}", here.display())),
        }
    }
}

fn access_problem(path: &Path) -> Option<String> {
    use rustix::fs::Access;
    for (access, what) in [
        (Access::READ_OK | Access::EXEC_OK, "read"),
        (Access::WRITE_OK, "written"),
    ] {
        if let Err(error) = rustix::fs::access(path, access) {
            return Some(format!("{} cannot be {what}: {error}", path.display()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(path: &Path) -> StorageUri {
        format!("file://{}", path.display()).parse().unwrap()
    }

    #[test]
    fn links_are_resolved_even_above_what_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
        let seen = look(&uri(&root.join("link/new/set")));
        assert_eq!(seen.real, uri(&root.join("real/new/set")));
        assert_eq!(seen.standing, Standing::Absent);
        assert!(seen.free_bytes.is_some());
    }

    #[test]
    fn a_link_to_nowhere_is_not_taken_for_an_absent_place() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/nowhere-at-all", dir.path().join("link")).unwrap();
        let seen = look(&uri(&dir.path().join("link")));
        assert!(seen.problem.unwrap().contains("leads nowhere"));
    }

    #[test]
    fn a_file_is_no_place() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), "x").unwrap();
        assert_eq!(
            look(&uri(&dir.path().join("f"))).standing,
            Standing::Other("a file".into())
        );
    }
}
