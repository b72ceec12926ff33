//! What is known of the disks that files lie on.

use rustix::fs::{fstat, fstatfs, major, minor};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Disks that are remembered; a machine with more of them asks again for some.
const REMEMBERED: usize = 64;
/// ext2 to ext4, XFS, F2FS: on disks of this machine, written in place, without sums that a page must agree with meanwhile. On
/// shares and where blocks are never written twice, the kernel's memory does better.
const IN_PLACE: [i64; 3] = [0xEF53, 0x5846_5342, 0xF2F5_2010];

/// A disk, as its file system shows it.
#[derive(Debug)]
pub(super) struct Disk {
    device: u64,
    direct: bool,
    /// Bytes that files have their place for and that are still to be written.
    reserved: AtomicU64,
}

static DISKS: Mutex<Vec<Arc<Disk>>> = Mutex::new(Vec::new());

impl Disk {
    /// Whether it is read and written past memory.
    pub(super) fn takes_direct(&self) -> bool {
        self.direct
    }

    /// Bytes that copies of this process have taken and not filled: the file system counts them as used.
    pub(super) fn reserved(&self) -> u64 {
        self.reserved.load(Ordering::Relaxed)
    }

    pub(super) fn reserve(&self, bytes: u64) {
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn release(&self, bytes: u64) {
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The disk of a file or directory; `None` when the kernel does not tell.
pub(super) fn of(file: impl AsFd) -> Option<Arc<Disk>> {
    let device = fstat(&file).ok()?.st_dev;
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = disks.iter().find(|disk| disk.device == device) {
        return Some(known.clone());
    }
    let kind = fstatfs(&file).ok()?.f_type;
    let disk = Arc::new(Disk {
        device,
        direct: IN_PLACE.contains(&kind) && !turns(device),
        reserved: AtomicU64::new(0),
    });
    if disks.len() >= REMEMBERED {
        disks.remove(0);
    }
    disks.push(disk.clone());
    Some(disk)
}

/// Whether it has heads that must move: there the kernel's memory brings the writes of many files in order. A virtual disk says yes
/// whatever it stands on, so that its answer counts for nothing.
fn turns(device: u64) -> bool {
    let Ok(place) = std::fs::canonicalize(format!("/sys/dev/block/{}:{}", major(device), minor(device)))
    else {
        return false;
    };
    if place.to_string_lossy().contains("/virtio") {
        return false;
    }
    // A partition has its queue one level up.
    [place.join("queue/rotational"), place.join("../queue/rotational")]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .is_some_and(|answer| answer.trim() == "1")
}
