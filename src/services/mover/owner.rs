//! Who this mover is, and how another one is known to be dead.
//!
//! Invariant: a lock on a file named after the owner is held exactly as long as the owner may write; the system releases it when the
//! process ends, however it ends. Whoever gets that lock has proof of death. No file is no proof: the owner may run elsewhere.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

const DIR: &str = "movers";

/// A mover's name and the lock that says it is alive.
#[derive(Debug)]
pub(super) struct Owner {
    name: String,
    dir: PathBuf,
    path: PathBuf,
    _lock: File,
}

impl Owner {
    /// Takes a new name below the data directory, and forgets those of dead movers that `in_use` does not name.
    pub(super) fn new(data_dir: &Path, in_use: &[String]) -> std::io::Result<Self> {
        let dir = data_dir.join(DIR);
        std::fs::create_dir_all(&dir)?;
        sweep(&dir, in_use);
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = host.trim();
        let host = if host.is_empty() { "mover" } else { host };
        let name = format!("{host}-{}-{:08x}", std::process::id(), rand::random::<u32>());
        // Locked before it has its name, so that nobody finds it unlocked.
        let fresh = dir.join(format!("{name}.new"));
        let lock = OpenOptions::new().write(true).create_new(true).open(&fresh)?;
        lock.lock()?;
        let path = dir.join(&name);
        std::fs::rename(&fresh, &path)?;
        Ok(Self {
            name,
            dir,
            path,
            _lock: lock,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the mover of this name is known to be dead.
    pub(super) fn is_dead(&self, name: &str) -> bool {
        name != self.name && !name.contains('/') && is_unlocked(&self.dir.join(name))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the mover's lock file stays");
        }
    }
}

fn is_unlocked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, path = %path.display(), "cannot tell whether a mover is alive; its lease decides");
            false
        }
    }
}

fn sweep(dir: &Path, in_use: &[String]) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // A new one is not locked yet.
        let fresh = name.ends_with(".new");
        if !fresh
            && !in_use.contains(&name)
            && is_unlocked(&entry.path())
            && std::fs::remove_file(entry.path()).is_err()
        {
            tracing::debug!(name, "a dead mover's lock file stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mover_is_dead_when_its_lock_is_free_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (
            Owner::new(dir.path(), &[]).unwrap(),
            Owner::new(dir.path(), &[]).unwrap(),
        );
        assert!(!a.is_dead(b.name()) && !b.is_dead(a.name()) && !a.is_dead(a.name()));
        assert!(!a.is_dead("never-seen"), "no file is no proof");
        // A process that was killed leaves an unlocked file.
        std::fs::write(dir.path().join(DIR).join("killed"), "").unwrap();
        assert!(a.is_dead("killed"));
        let name = b.name().to_owned();
        drop(b);
        assert!(!a.is_dead(&name), "it gave its jobs back and its name up");
        let kept = Owner::new(dir.path(), &["killed".into()]).unwrap();
        assert!(kept.is_dead("killed"));
        drop(Owner::new(dir.path(), &[]).unwrap());
        assert!(!kept.is_dead("killed"), "swept");
    }
}
