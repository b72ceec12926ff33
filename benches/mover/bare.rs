//! A plain copy by one thread that promises the same: every file is read, written, made durable, and read back from the device, one
//! after the other, with no list of what is done. No floor: what does several files at once can be faster. It says what part of a
//! difference to the others is the promise.

use super::Failure;
use rustix::fs::Advice;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Bytes that are read and written at once.
const BLOCK: usize = 1 << 20;

pub fn run(source: &Path, target: &Path) -> Result<(), Failure> {
    let mut files = Vec::new();
    copy(source, target, &mut files)?;
    // The names as well.
    rustix::fs::syncfs(File::open(target)?)?;
    let (mut one, mut other) = (vec![0; BLOCK], vec![0; BLOCK]);
    for (from, to) in &files {
        let (mut from, mut to) = (File::open(from)?, File::open(to)?);
        rustix::fs::fadvise(&to, 0, None, Advice::DontNeed)?;
        loop {
            let read = to.read(&mut one)?;
            if read == 0 {
                break;
            }
            from.read_exact(&mut other[..read])?;
            if one[..read] != other[..read] {
                return Err("a copy differs".into());
            }
        }
    }
    Ok(())
}

fn copy(source: &Path, target: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), Failure> {
    std::fs::create_dir_all(target)?;
    let mut block = vec![0; BLOCK];
    for entry in std::fs::read_dir(source)? {
        let entry = entry?;
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to, files)?;
            continue;
        }
        let (mut read, mut written) = (File::open(&from)?, File::create(&to)?);
        loop {
            let length = read.read(&mut block)?;
            if length == 0 {
                break;
            }
            written.write_all(&block[..length])?;
        }
        if entry.metadata()?.len() >= BLOCK as u64 {
            rustix::fs::fsync(&written)?;
        }
        files.push((from, to));
    }
    Ok(())
}
