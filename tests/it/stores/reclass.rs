//! Another storage class where the data stands: by the stores themselves, nothing else of an object changes, and nobody's write is lost.

use super::world::{Kind, World, content};
use super::{Bucket, azure, gcs, weed};
use crate::moving::{self, AtWork, assert_consistent};
use data_in_motion::adapters::objects::Stores;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::location::Provider;
use data_in_motion::domain::migration::options::{MoveOptions, VerifyLevel};
use data_in_motion::domain::migration::{JobStatus, Plan, PlanRequest};
use data_in_motion::domain::name::StorageClass;
use data_in_motion::domain::replica::ReplicaRole;
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{Copied, Expected, FoundObject, Meter, ObjectError, Prefix};
use data_in_motion::services::ServiceError;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const KEY: &str = "deep/c d é#1+";
const TAGS: [(&str, &str); 1] = [("team", "blue green")];

struct Ground {
    bucket: Bucket,
    store: Stores,
}

impl Ground {
    fn new(bucket: Bucket) -> Self {
        Self {
            store: bucket.stores(),
            bucket,
        }
    }

    fn at(&self) -> Prefix {
        Prefix {
            root: format!("{}/root", self.bucket.uri).parse().unwrap(),
            path: "set".into(),
            encryption: None,
        }
    }

    fn path() -> String {
        format!("root/set/{KEY}")
    }

    fn provider(&self) -> Provider {
        self.at().root.provider()
    }

    /// The usual class, and another one.
    fn classes(&self) -> [StorageClass; 2] {
        match self.provider() {
            Provider::Azure => ["Hot", "Cool"],
            Provider::Gcs => ["STANDARD", "NEARLINE"],
            _ => ["STANDARD", "STANDARD_IA"],
        }
        .map(|name| name.parse().unwrap())
    }

    async fn class(&self) -> String {
        self.bucket.raw.class(&Self::path()).await
    }

    async fn put(&self, bytes: &[u8]) -> FoundObject {
        let meta = [("content-type", "text/plain"), ("owner", "ann")];
        self.bucket.raw.put(&Self::path(), bytes, &meta).await;
        if self.provider() != Provider::Gcs {
            self.bucket.raw.put_tags(&Self::path(), &TAGS).await;
        }
        self.object().await
    }

    async fn object(&self) -> FoundObject {
        self.store.list(&self.at()).await.unwrap().objects.remove(0)
    }

    async fn reclass(
        &self,
        object: &FoundObject,
        class: &StorageClass,
        verify: VerifyLevel,
    ) -> Result<Copied, ObjectError> {
        let meter = Arc::<Meter>::default();
        self.store
            .reclass(&self.at(), object, class, verify, &meter)
            .await
    }

    async fn verify(&self, object: &FoundObject, done: &Copied) -> Result<(), ObjectError> {
        let expected = Expected {
            key: object.key.clone(),
            size_bytes: object.size_bytes,
            content_hash: done.content_hash.clone(),
            metadata: Some(done.metadata.clone()),
            checksum: done.checksum.clone(),
            stored_hash: None,
        };
        let meter = Arc::<Meter>::default();
        self.store.verify(&self.at(), &expected, &meter).await
    }
}

async fn the_class_changes_and_nothing_else(ground: Ground) {
    let bytes = vec![7; 300_000];
    let mut object = ground.put(&bytes).await;
    let [usual, other] = ground.classes();
    for (class, verify) in [
        (&other, VerifyLevel::Full),
        (&usual, VerifyLevel::Checksum),
        (&other, VerifyLevel::Size),
        // Once more: it is only looked at.
        (&other, VerifyLevel::Full),
    ] {
        let sent = ground.bucket.seen.bytes();
        let done = ground.reclass(&object, class, verify).await.unwrap();
        assert_eq!(ground.bucket.seen.bytes(), sent, "bytes were sent");
        assert!(
            class.matches(&ground.class().await),
            "{class}: {}",
            ground.class().await
        );
        let raw = &ground.bucket.raw;
        let found = raw.get(&Ground::path()).await.unwrap();
        assert!(found.bytes == bytes);
        assert_eq!(raw.meta_of(&found, "owner"), Some("ann"));
        assert_eq!(raw.meta_of(&found, "dimmove"), None);
        assert_eq!(found.headers["content-type"], "text/plain");
        if ground.provider() != Provider::Gcs {
            let tags: Vec<_> = TAGS.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
            assert_eq!(raw.tags(&Ground::path()).await, tags);
        }
        object = ground.object().await;
        assert_eq!(object.fingerprint, done.fingerprint);
        match verify {
            VerifyLevel::Full => {
                let hash = blake3::hash(&bytes).to_hex().to_string();
                assert_eq!(done.content_hash, Some(hash));
            }
            VerifyLevel::Checksum => assert!(done.content_hash.is_some() || done.checksum.is_some()),
            VerifyLevel::Size => assert_eq!((&done.content_hash, &done.checksum), (&None, &None)),
        }
        if verify != VerifyLevel::Size {
            ground.verify(&object, &done).await.unwrap();
        }
    }
}

async fn what_was_written_since_is_left_alone(ground: Ground) {
    let object = ground.put(b"first").await;
    ground.put(b"other").await;
    let [_, class] = ground.classes();
    for verify in [VerifyLevel::Full, VerifyLevel::Checksum, VerifyLevel::Size] {
        let done = ground.reclass(&object, &class, verify).await;
        assert_eq!(done, Err(ObjectError::Changed(KEY.into())), "{verify}");
    }
    let found = ground.bucket.raw.get(&Ground::path()).await.unwrap();
    assert_eq!(found.bytes, b"other");
    assert!(!class.matches(&ground.class().await));
}

async fn a_class_that_the_vendor_does_not_have_is_refused(ground: Ground) {
    let object = ground.put(b"x").await;
    let class = "attic".parse().unwrap();
    let done = ground.reclass(&object, &class, VerifyLevel::Size).await;
    assert!(
        matches!(&done, Err(ObjectError::NotSupported(why)) if why.contains("attic")),
        "{done:?}"
    );
}

macro_rules! where_there_are_classes {
    ($($clause:ident),+ $(,)?) => {
        on_every_store!(@vendor on_seaweedfs, weed::bucket(), $($clause),+);
        on_every_store!(@vendor on_gcs, gcs::bucket(), $($clause),+);
        on_every_store!(@vendor on_azure, azure::bucket(), $($clause),+);
    };
}

where_there_are_classes!(
    the_class_changes_and_nothing_else,
    what_was_written_since_is_left_alone,
    a_class_that_the_vendor_does_not_have_is_refused,
);

/// A write that comes between the look and the change is not replaced by what was there before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_in_the_last_moment_wins() {
    let ground = Ground::new(gcs::bucket().await);
    let object = ground.put(b"first").await;
    *ground.bucket.seen.before_copy.lock().unwrap() = Some((Ground::path(), b"newer".to_vec()));
    let [_, class] = ground.classes();
    let done = ground.reclass(&object, &class, VerifyLevel::Size).await;
    assert_eq!(done, Err(ObjectError::Changed(KEY.into())));
    let found = ground.bucket.raw.get(&Ground::path()).await.unwrap();
    assert_eq!(found.bytes, b"newer");
    assert_eq!(ground.bucket.seen.copies.load(Ordering::SeqCst), 0);
}

/// The stores of a world that have classes, with a dataset in each.
async fn sets(world: &World) -> Vec<(&Kind, String, [&'static str; 2])> {
    let mut sets = Vec::new();
    for (kind, location) in &world.kinds {
        let classes = match kind.name() {
            "gs" => ["STANDARD", "NEARLINE"],
            "az" => ["Hot", "Cool"],
            "weed" => ["STANDARD", "STANDARD_IA"],
            _ => continue,
        };
        let name = format!("set-{}", kind.name());
        for (key, bytes) in content() {
            kind.put(&format!("sets/{name}/{key}"), &bytes).await;
        }
        let uri = location.uri.join(&format!("sets/{name}")).unwrap().to_string();
        moving::dataset(&world.services, &name, &uri).await;
        let key = DatasetKey::Name(name.clone());
        world.services.catalog.scan_dataset(&key).await.unwrap();
        sets.push((kind, name, classes));
    }
    assert_eq!(sets.len(), 3);
    sets
}

async fn plan(world: &World, name: &str, class: &str, options: MoveOptions) -> Result<Plan, ServiceError> {
    let key = DatasetKey::Name(name.to_owned());
    let dataset = world.services.catalog.find_dataset(&key).await.unwrap();
    let request = PlanRequest {
        dataset_id: key,
        target_location: dataset.location_id.to_string(),
        storage_class: Some(class.parse().unwrap()),
        dry_run: true,
        require_approval: false,
        options,
    };
    Ok(world.services.mover.plan(request).await?.plan)
}

impl Kind {
    async fn classes(&self, name: &str) -> Vec<String> {
        let Self::Bucket(bucket) = self else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for key in content().keys() {
            all.push(bucket.raw.class(&format!("data/sets/{name}/{key}")).await);
        }
        all
    }
}

async fn catalog_says(world: &World, name: &str) -> String {
    let key = DatasetKey::Name(name.to_owned());
    let dataset = world.services.catalog.find_dataset(&key).await.unwrap();
    dataset.storage_class.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dataset_changes_its_class_and_back_and_there_is_no_undo() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    let mover = &world.services.mover;
    let mut changed = 0;
    for (kind, name, [usual, other]) in sets(&world).await {
        for (class, verify) in [(other, VerifyLevel::Full), (usual, VerifyLevel::Checksum)] {
            let options = MoveOptions {
                verify,
                ..MoveOptions::default()
            };
            let planned = plan(&world, &name, class, options).await.unwrap();
            assert!(planned.applicable, "{name}: {:#?}", planned.checks);
            assert!(planned.deletes.starts_with("Nothing"), "{}", planned.deletes);
            assert!(planned.checks.iter().any(|c| c.name == "class_in_place"));
            // How long it takes is told by changes that were made, and by nothing else.
            assert_eq!(planned.duration_secs.is_some(), changed > 0, "{name}");
            changed += 1;
            let job = mover.queue(planned, false).await.unwrap();
            let done = work.until_status(job.id, JobStatus::Completed).await;
            assert_eq!(done.verification.as_deref(), Some(verify.proves()));
            assert_eq!(kind.classes(&name).await, [class; 5], "{name}");
            assert!(kind.tree(&format!("sets/{name}")).await == content(), "{name}");
            assert_eq!(catalog_says(&world, &name).await, class);
            assert_consistent(&world.services, job.id).await;
            assert!(
                !done.job.actions.iter().any(|a| a == "undo"),
                "{:?}",
                done.job.actions
            );
            let undone = mover.undo(job.id).await.unwrap_err().to_string();
            assert!(
                undone.contains("--storage-class") && undone.contains("Nothing was changed"),
                "{undone}"
            );
            assert!(done.has_receipt);
        }
        let moved = plan(&world, &name, usual, MoveOptions::default()).await.unwrap();
        assert!(!moved.is_in_place());
        assert_eq!(moved.duration_secs, None, "{name}: no move has ended yet");
        let key = DatasetKey::Name(name.clone());
        let detail = world.services.catalog.get_dataset(&key).await.unwrap();
        let roles: Vec<_> = detail
            .replicas
            .iter()
            .map(|r| r.role)
            .filter(|r| *r != ReplicaRole::Retired)
            .collect();
        assert_eq!(roles, [ReplicaRole::Serving], "{name}");
        // There is nothing to retire: the objects are the very ones.
        world.later(7200);
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        assert!(kind.tree(&format!("sets/{name}")).await == content(), "{name}");
    }
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_keeps_every_object_and_the_same_plan_ends_it() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    let mover = &world.services.mover;
    for (kind, name, [usual, other]) in sets(&world).await {
        let planned = plan(&world, &name, other, MoveOptions::default()).await.unwrap();
        world.gate.at(true, "reclass", 3);
        let job = mover.queue(planned, false).await.unwrap();
        world.gate.held().await;
        mover.cancel(job.id).await.unwrap();
        world.gate.open();
        let ended = work.until_status(job.id, JobStatus::Cancelled).await;
        let reason = ended.job.reason.unwrap();
        assert!(reason.contains("plan the same change again"), "{reason}");
        assert_eq!(catalog_says(&world, &name).await, usual);
        assert!(kind.tree(&format!("sets/{name}")).await == content(), "{name}");
        world.later(86_400 * 2);

        let again = plan(&world, &name, other, MoveOptions::default()).await.unwrap();
        let job = mover.queue(again, false).await.unwrap();
        work.until_status(job.id, JobStatus::Completed).await;
        assert_eq!(kind.classes(&name).await, [other; 5]);
        assert!(kind.tree(&format!("sets/{name}")).await == content(), "{name}");
    }
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_after_its_mover_died_and_follows_what_is_written_meanwhile() {
    let world = World::new(3600).await;
    for (kind, name, [_, other]) in sets(&world).await {
        let planned = plan(&world, &name, other, MoveOptions::default()).await.unwrap();
        let job = world.services.mover.queue(planned, false).await.unwrap();
        world.gate.at(true, "reclass", 3);
        let work = AtWork::over(&world.services);
        world.gate.held().await;
        work.die().await;
        world.lease_runs_out();
        let newer = vec![9; 5_000];
        kind.put(&format!("sets/{name}/a"), &newer).await;
        let mut work = AtWork::over(&world.services);
        work.until_status(job.id, JobStatus::Completed).await;
        assert_eq!(kind.classes(&name).await, [other; 5], "{name}");
        let mut wanted = content();
        wanted.insert("a".into(), newer);
        assert!(kind.tree(&format!("sets/{name}")).await == wanted, "{name}");
        assert_consistent(&world.services, job.id).await;
        work.stop().await;
    }
}

/// What is written after the change, before the switch, is found: it is changed as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_after_the_change_is_seen_and_changed_as_well() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    for (kind, name, [_, other]) in sets(&world).await {
        let planned = plan(&world, &name, other, MoveOptions::default()).await.unwrap();
        world.gate.at(false, "verify", 1);
        let job = world.services.mover.queue(planned, false).await.unwrap();
        world.gate.held().await;
        let newer = vec![9; 5_000];
        kind.put(&format!("sets/{name}/a"), &newer).await;
        world.gate.open();
        let ended = work.until(job.id, "ended", |j| j.job.status.is_end()).await;
        if ended.job.status == JobStatus::Failed {
            // The read-back met the new content before the listing did.
            let reason = ended.job.reason.clone().unwrap();
            assert!(
                reason.contains("\"a\"") && reason.contains("readers are served throughout"),
                "{reason}"
            );
            world.services.mover.retry(job.id).await.unwrap();
            work.until_status(job.id, JobStatus::Completed).await;
        }
        assert_eq!(kind.classes(&name).await, [other; 5], "{name}");
        let found = kind.tree(&format!("sets/{name}")).await;
        assert_eq!(found["a"], newer);
    }
    work.stop().await;
}

/// A move to a bucket cannot be undone once the class was changed there: its copy is another one now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_move_is_undone_no_more_and_its_source_is_retired() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    let mover = &world.services.mover;
    let pair = world
        .all_pairs()
        .find(|pair| pair.name() == "file-to-gs")
        .unwrap();
    let moved = pair.queue().await;
    let done = work.until_status(moved.id, JobStatus::Completed).await;
    assert!(done.job.actions.iter().any(|a| a == "undo"));
    let planned = plan(&world, &pair.name(), "NEARLINE", MoveOptions::default())
        .await
        .unwrap();
    assert!(planned.is_in_place() && !planned.deletes_source());
    let job = mover.queue(planned, false).await.unwrap();
    assert!(!job.deletes_source);
    work.until_status(job.id, JobStatus::Completed).await;
    let before = mover.get_job(moved.id).await.unwrap().job;
    assert!(
        !before.actions.iter().any(|a| a == "undo"),
        "{:?}",
        before.actions
    );
    mover.undo(moved.id).await.unwrap_err();
    world.later(7200);
    work.until(moved.id, "retired", |j| {
        j.job
            .reason
            .as_deref()
            .is_some_and(|r| r.ends_with("the source is removed"))
    })
    .await;
    pair.target_serves().await;
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_in_place_is_said_beforehand() {
    let world = World::new(3600).await;
    let (_, name, [usual, _]) = sets(&world).await.remove(0);
    // Its class and its location's name ask for a move inside the location; its own address for nothing.
    let moved = plan(&world, &name, usual, MoveOptions::default()).await.unwrap();
    assert!(!moved.is_in_place());
    let request = PlanRequest {
        dataset_id: DatasetKey::Name(name.clone()),
        target_location: moved.source_uri.to_string(),
        storage_class: Some(usual.parse().unwrap()),
        dry_run: true,
        require_approval: false,
        options: MoveOptions::default(),
    };
    let there = world.services.mover.plan(request).await.unwrap_err();
    assert!(there.to_string().contains("already there"), "{there}");
    let keep = MoveOptions {
        keep_source: true,
        ..MoveOptions::default()
    };
    let second = plan(&world, &name, "NEARLINE", keep).await.unwrap_err();
    assert!(second.to_string().contains("no second copy"), "{second}");
    let archive = plan(&world, "set-az", "Archive", MoveOptions::default())
        .await
        .unwrap();
    let check = archive.checks.iter().find(|c| c.name == "readable_back").unwrap();
    assert!(!archive.applicable && !check.ok, "{check:?}");
}
