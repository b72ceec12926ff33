//! A small file system in memory, where the machine lets a test mount one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Mounted until dropped.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Mounts one with these options (`size=1m`, `ro`) on a directory. `None`, said on stderr, where that is not allowed.
    pub fn on(dir: &Path, options: &str) -> Option<Self> {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if done.is_ok_and(|status| status.success()) {
            return Some(Self(dir.to_owned()));
        }
        eprintln!("SKIPPED: no tmpfs can be mounted here, so the part of this test on {options} did not run");
        None
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(&self.0).status();
        if !done.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.0.display());
        }
    }
}
