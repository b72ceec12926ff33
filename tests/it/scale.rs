//! Datasets of many objects: nothing that a move holds grows with their number.
//!
//! What is held cannot be seen from outside, so the order of things is looked at: a further page of a listing is taken only after what
//! came before it was dealt with.

use crate::meddler::{Meddler, Moment, deps};
use crate::moving::{AtWork, dataset, location, plan};
use data_in_motion::adapters::objects::LocalObjects;
use data_in_motion::adapters::sql::{Store, jobs_objects};
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::Prefix;
use data_in_motion::ports::walk::PAGE;
use data_in_motion::services::Services;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Four pages and a bit.
const OBJECTS: usize = 4 * PAGE + 17;

fn many(dir: &Path) {
    for folder in 0..10 {
        std::fs::create_dir_all(dir.join(format!("f{folder}"))).unwrap();
    }
    for n in 0..OBJECTS {
        // Not in the order of their keys.
        let n = n * 7919 % OBJECTS;
        std::fs::write(dir.join(format!("f{}/o{n:05}", n % 10)), [b'x'; 3]).unwrap();
    }
}

#[tokio::test]
async fn a_listing_comes_in_small_pages_in_key_order() {
    let dir = tempfile::tempdir().unwrap();
    many(&dir.path().join("set"));
    let at = Prefix {
        root: format!("file://{}", dir.path().canonicalize().unwrap().display())
            .parse()
            .unwrap(),
        path: "set".into(),
        encryption: None,
    };
    let mut walk = LocalObjects::new().walk(&at).await.unwrap();
    let (mut last, mut count) = (String::new(), 0);
    while let Some(page) = walk.next().await.unwrap() {
        assert!(page.objects.len() <= PAGE);
        for object in page.objects {
            assert!(object.key > last, "{} after {last}", object.key);
            last = object.key;
            count += 1;
        }
    }
    assert_eq!(count, OBJECTS);
    assert_eq!(walk.tally().look().0, OBJECTS as u64);
}

/// What a test sees of a mover's listings.
#[derive(Default)]
struct Seen {
    store: OnceLock<Store>,
    job: AtomicI64,
    pages: AtomicU64,
    inspected: AtomicU64,
    /// Pages taken, and what was dealt with by then: of the plan, and of the manifest.
    planned: Mutex<Vec<(u64, u64)>>,
    journaled: Mutex<Vec<(u64, i64)>>,
}

impl Seen {
    async fn look(self: Arc<Self>, moment: Moment) {
        if moment.is_after("inspect") {
            self.inspected.fetch_add(1, Ordering::SeqCst);
        }
        if !moment.is_before("page") || moment.key != "set" {
            return;
        }
        let page = self.pages.fetch_add(1, Ordering::SeqCst);
        match self.job.load(Ordering::SeqCst) {
            0 => {
                let inspected = self.inspected.load(Ordering::SeqCst);
                self.planned.lock().unwrap().push((page, inspected));
            }
            job => {
                let mut conn = self.store.get().unwrap().reader().await.unwrap();
                let rows = jobs_objects::count(&mut conn, JobId(job)).await.unwrap();
                self.journaled.lock().unwrap().push((page, rows));
            }
        }
    }
}

#[tokio::test]
async fn pages_are_planned_and_journaled_before_further_ones_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    many(&root.join("fast/set"));
    std::fs::create_dir(root.join("deep")).unwrap();
    let seen = Arc::new(Seen::default());
    let watch = seen.clone();
    let meddler = Meddler::new(move |moment: Moment| {
        let seen = watch.clone();
        async move {
            seen.look(moment).await;
            Ok(())
        }
    });
    let deps = deps(&root, meddler.with_pages()).await;
    drop(seen.store.set(deps.store.clone()));
    let services = Services::new(&deps);
    location(&services, "fast", &format!("file://{}/fast", root.display())).await;
    let deep = location(&services, "deep", &format!("file://{}/deep", root.display())).await;
    dataset(&services, "set", &format!("file://{}/fast/set", root.display())).await;
    let planned = plan(&services, "set", &deep, "set").await;
    assert_eq!(planned.object_count, OBJECTS as i64);
    let pages = seen.planned.lock().unwrap().clone();
    // Six times: five pages, and the end. The first page is looked at with the places.
    assert_eq!(pages.len(), 6, "{pages:?}");
    for (page, inspected) in pages {
        assert!(
            inspected + 1 >= page,
            "page {page} was taken after {inspected} were dealt with"
        );
    }
    let job = services.mover.queue(planned, false).await.unwrap();
    seen.pages.store(0, Ordering::SeqCst);
    seen.job.store(job.id.0, Ordering::SeqCst);
    let mut work = AtWork::over(&services);
    let done = work.until_status(job.id, JobStatus::Completed).await;
    assert_eq!(done.job.progress.objects_done, OBJECTS as i64);
    work.stop().await;
    let pages = seen.journaled.lock().unwrap().clone();
    assert!(pages.len() >= 6, "{pages:?}");
    for (page, rows) in pages.iter().take(6) {
        // One is written while the next one is listed.
        let before = i64::try_from(page.saturating_sub(2)).unwrap() * PAGE as i64;
        assert!(
            *rows >= before.min(OBJECTS as i64),
            "page {page} was taken with {rows} rows"
        );
    }
}
