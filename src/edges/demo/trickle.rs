//! The live reads: now and then somebody reads a part of a file, and reports it as any client would.
//!
//! Invariant: every reported access was a real read of a real file of the demo at the place where the catalog has it, and its
//! latency was measured: from before the file was opened until its first byte was there. Reported bytes are the read ones times
//! the scene's factor (see `scene.rs`). Nothing outside the demo's directory is read, whatever the catalog says.

use super::load::Loaded;
use super::scene::{LiveSet, Scene};
use super::stage::Stage;
use crate::domain::access::{AccessEvent, AccessOp, DatasetKey};
use crate::domain::unit::Bytes;
use crate::domain::workload::{Draw, PlannedFile};
use crate::services::{ServiceResult, Services};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Reads come one to so many milliseconds apart, evenly drawn: about two a second.
const PAUSE_MS: (u64, u64) = (100, 900);
/// Reads of a day at that pace.
const READS_A_DAY: f64 = 86_400_000.0 / 500.0;
/// The stream of draws that the live reads have for themselves.
const STREAM: u64 = u64::MAX;
/// Under which name they are counted.
const PRODUCER: &str = "demo:live-reads";
/// One read is a slice, not a whole file of any size.
const SLICE_MOST: u64 = 1 << 20;

/// A slice of a file.
struct Slice {
    path: PathBuf,
    offset: u64,
    bytes: u64,
}

/// What a read came to.
struct Seen {
    bytes: u64,
    first_byte: Duration,
}

/// Reads until `stop` turns true.
pub(super) async fn run(
    scene: &Scene,
    stage: &Stage,
    loaded: &Loaded,
    services: &Services,
    mut stop: watch::Receiver<bool>,
) {
    let live = scene.live(READS_A_DAY);
    let weights: u64 = live.iter().map(|l| l.weight).sum();
    if weights == 0 {
        tracing::info!("no dataset of the history was read lately, so there are no live reads");
        return;
    }
    let mut draw = Draw::new(scene.seed, STREAM);
    let mut sequence = 0;
    loop {
        let pause = Duration::from_millis(draw.between(PAUSE_MS.0, PAUSE_MS.1));
        tokio::select! {
            // An error means that the server is gone, which is a reason to stop as well.
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let chosen = pick(&live, draw.below(weights));
        sequence += 1;
        if let Err(error) = read(scene, stage, loaded, services, (chosen, sequence), &mut draw).await {
            // A dataset that was deleted or is just being switched is no reason to stop reading the others.
            tracing::debug!(%error, "a live read was left out");
        }
    }
}

/// The dataset in whose share of the weights `point` falls.
fn pick(live: &[LiveSet], point: u64) -> LiveSet {
    let mut upto = 0;
    let found = live.iter().find(|l| {
        upto += l.weight;
        point < upto
    });
    // `point` lies below the sum, so one is found; the last one otherwise costs nothing.
    found.or(live.last()).copied().unwrap_or(LiveSet {
        set: 0,
        weight: 0,
        bytes: 0.0,
    })
}

async fn read(
    scene: &Scene,
    stage: &Stage,
    loaded: &Loaded,
    services: &Services,
    (live, sequence): (LiveSet, i64),
    draw: &mut Draw,
) -> ServiceResult<()> {
    let Some(id) = loaded.ids.get(live.set as usize) else {
        return Ok(());
    };
    let dataset = services.catalog.find_dataset(&DatasetKey::Id(*id)).await?;
    let Some(dir) = dataset.path_uri.local_path().map(PathBuf::from) else {
        return Ok(());
    };
    let files = scene.files(live.set as usize);
    let slice = slice(&dir, &files, live.bytes / scene.scale as f64, draw);
    let root = stage.root().to_owned();
    let seen = tokio::task::spawn_blocking(move || read_slice(&slice, &root)).await;
    let seen = match seen {
        Ok(Ok(seen)) => seen,
        Ok(Err(error)) => {
            tracing::debug!(%error, dataset = %dataset.name, "a live read failed");
            return Ok(());
        }
        Err(_) => return Ok(()),
    };
    let event = AccessEvent {
        event_id: None,
        producer: Some(PRODUCER.to_owned()),
        sequence: Some(sequence),
        dataset_id: DatasetKey::Id(*id),
        op: AccessOp::Read,
        size_bytes: Bytes(seen.bytes.saturating_mul(scene.scale)),
        client_lat_ms: Some(seen.first_byte.as_secs_f64() * 1e3),
        client_region: None,
        occurred_at: None,
    };
    services.telemetry.ingest(vec![(1, Ok(event))]).await.map(drop)
}

/// A part of one of the files: half to one and a half times `mean` bytes, at least one.
fn slice(dir: &Path, files: &[PlannedFile], mean: f64, draw: &mut Draw) -> Slice {
    let number = usize::try_from(draw.below(files.len() as u64)).unwrap_or(0);
    let file = &files[number];
    let wanted = mean * (0.5 + draw.unit());
    // Rounded up as often as its fraction says, so that small reads are right on average.
    let whole = wanted.max(0.0).min(SLICE_MOST as f64);
    let bytes = whole as u64 + u64::from(draw.unit() < whole.fract());
    let bytes = bytes.clamp(1, file.size.0.max(1));
    Slice {
        path: dir.join(&file.key),
        offset: draw.below(file.size.0.saturating_sub(bytes) + 1),
        bytes,
    }
}

fn read_slice(slice: &Slice, root: &Path) -> std::io::Result<Seen> {
    // Where the path really leads: a link out of the demo's directory is not read.
    if !slice.path.canonicalize()?.starts_with(root) {
        return Err(std::io::Error::other("it lies outside the demo's directory"));
    }
    let started = Instant::now();
    let mut file = File::open(&slice.path)?;
    file.seek(SeekFrom::Start(slice.offset))?;
    let mut first = [0];
    file.read_exact(&mut first)?;
    let first_byte = started.elapsed();
    let rest = std::io::copy(&mut file.take(slice.bytes - 1), &mut std::io::sink())?;
    Ok(Seen {
        bytes: rest + 1,
        first_byte,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workload::planned_files;

    #[test]
    fn a_slice_is_read_for_real_and_one_outside_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::write(root.join("a"), vec![7; 1000]).unwrap();
        let slice = |path: PathBuf, bytes| Slice {
            path,
            offset: 900,
            bytes,
        };
        let seen = read_slice(&slice(root.join("a"), 50), &root).unwrap();
        assert_eq!(seen.bytes, 50);
        assert!(seen.first_byte > Duration::ZERO);
        assert_eq!(read_slice(&slice(root.join("a"), 500), &root).unwrap().bytes, 100);
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("b"), vec![7; 1000]).unwrap();
        std::os::unix::fs::symlink(other.path().join("b"), root.join("link")).unwrap();
        assert!(read_slice(&slice(root.join("link"), 5), &root).is_err());
    }

    #[test]
    fn slices_are_as_large_as_asked_for_on_average_and_inside_their_file() {
        let files = planned_files(7, 0, Bytes(100_000), 5);
        let mut draw = Draw::new(1, 2);
        for mean in [1.5, 20.0, 4000.0] {
            let mut sum = 0;
            for _ in 0..4000 {
                let slice = slice(Path::new("/x"), &files, mean, &mut draw);
                let file = files.iter().find(|f| slice.path.ends_with(&f.key)).unwrap();
                assert!(slice.offset + slice.bytes <= file.size.0);
                sum += slice.bytes;
            }
            let ratio = sum as f64 / 4000.0 / mean;
            assert!((0.95..1.05).contains(&ratio), "{mean}: {ratio}");
        }
    }

    #[test]
    fn weights_decide_who_is_read() {
        let set = |set, weight| LiveSet {
            set,
            weight,
            bytes: 1.0,
        };
        let live = [set(4, 3), set(9, 1)];
        let picked: Vec<_> = (0..4).map(|point| pick(&live, point).set).collect();
        assert_eq!(picked, [4, 4, 4, 9]);
    }
}
