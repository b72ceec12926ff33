//! The temporary directory: `data` for the database, and one directory for each location.
//!
//! Invariant: it is removed with everything in it when the stage goes, however the program ends short of being killed. Files are
//! written here and nowhere else.

use super::scene::{Place, Scene};
use super::{DemoError, io};
use crate::domain::location::StorageUri;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Bytes that are drawn and written at once; a multiple of eight, which a stream of draws wants.
const CHUNK: usize = 1 << 16;
/// A mover that was told to stop may still be closing a file while its directory is removed.
const REMOVALS: u32 = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Stage {
    dir: TempDir,
    /// The directory's address without a link on the way, as the catalog wants it.
    root: PathBuf,
    cancelled: AtomicBool,
}

impl Stage {
    pub(super) fn new() -> Result<Self, DemoError> {
        let parent = std::env::temp_dir();
        let what = || {
            format!(
                "make a directory in {} (TMPDIR names another place)",
                parent.display()
            )
        };
        let dir = tempfile::Builder::new()
            .prefix("dim-demo-")
            .tempdir_in(&parent)
            .map_err(io(what()))?;
        let root = dir.path().canonicalize().map_err(io(what()))?;
        let stage = Self {
            dir,
            root,
            cancelled: AtomicBool::new(false),
        };
        for place in Place::ALL {
            let home = stage.root.join(place.name()).join(place.home());
            fs::create_dir_all(&home).map_err(io(format!("make {}", home.display())))?;
            stage.uri(place)?;
        }
        Ok(stage)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The address of a location.
    pub(super) fn uri(&self, place: Place) -> Result<StorageUri, DemoError> {
        let path = self.root.join(place.name());
        let odd = |why: String| {
            DemoError::Unfit(format!(
                "the temporary directory {} has no address ({why}); set TMPDIR to one with a plain name",
                path.display()
            ))
        };
        let text = path.to_str().ok_or_else(|| odd("it is no text".into()))?;
        format!("file://{text}").parse().map_err(|e| odd(format!("{e}")))
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    pub(super) fn check(&self) -> Result<(), DemoError> {
        if self.cancelled.load(Ordering::Acquire) {
            return Err(DemoError::Stopped);
        }
        Ok(())
    }

    /// Writes every file of the scene. Not made durable: a demo does not outlive its machine.
    pub(super) fn write(&self, scene: &Scene) -> Result<(), DemoError> {
        let mut buffer = vec![0; CHUNK];
        for (index, set) in scene.sets.iter().enumerate() {
            let dir = self
                .root
                .join(set.place.name())
                .join(set.place.home())
                .join(set.name.as_str());
            let mut folder = PathBuf::new();
            for file in scene.files(index) {
                self.check()?;
                let path = dir.join(&file.key);
                let failed = |path: &Path| {
                    let advice = "TMPDIR names another place for the demo";
                    io(format!("write {} ({advice})", path.display()))
                };
                if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
                    fs::create_dir_all(parent).map_err(failed(parent))?;
                    folder = parent.to_owned();
                }
                let mut out = fs::File::create_new(&path).map_err(failed(&path))?;
                let mut content = file.content;
                let mut left = file.size.0;
                while left > 0 {
                    let n = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
                    content.fill(&mut buffer[..n]);
                    out.write_all(&buffer[..n]).map_err(failed(&path))?;
                    left -= n as u64;
                }
            }
        }
        Ok(())
    }

    pub(super) fn remove(&self) -> Result<(), DemoError> {
        self.cancel();
        for attempt in 1.. {
            match fs::remove_dir_all(self.dir.path()) {
                Ok(()) => break,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => break,
                Err(_) if attempt < REMOVALS => std::thread::sleep(REMOVAL_PAUSE),
                Err(e) => return Err(io(format!("remove {}", self.root.display()))(e)),
            }
        }
        Ok(())
    }
}
