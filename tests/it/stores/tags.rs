//! Tags of objects: carried between the stores that have them, compared when a copy is checked, and left behind with a word.

use super::world::{Kind, World};
use super::{Bucket, azure, gcs, weed};
use crate::moving::{AtWork, assert_consistent};
use data_in_motion::adapters::objects::{CloudObjects, LocalObjects, Stores};
use data_in_motion::domain::location::{StorageUri, StoreAccess};
use data_in_motion::domain::migration::JobStatus;
use data_in_motion::domain::migration::options::{MoveOptions, VerifyLevel};
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{Expected, Forgetful, Meter, ObjectError, Prefix, Staging};
use data_in_motion::ports::places::Accesses;
use std::sync::Arc;

const TAGS: [(&str, &str); 2] = [("team", "blue green"), ("cost:centre", "a/b+c=1")];

/// Two buckets of one product.
struct Two(Vec<(String, StoreAccess)>);

#[async_trait::async_trait]
impl Accesses for Two {
    async fn access(&self, root: &StorageUri) -> Result<StoreAccess, String> {
        let root = root.to_string();
        let found = self.0.iter().find(|(uri, _)| root.starts_with(uri));
        found.map(|(_, access)| access.clone()).ok_or(root)
    }
}

struct Ground {
    from: Bucket,
    to: Bucket,
    store: Stores,
}

impl Ground {
    fn new(from: Bucket, to: Bucket) -> Self {
        let accesses = [&from, &to].map(|b| (format!("{}/", b.uri), b.access.clone()));
        let cloud = CloudObjects::new(Arc::new(Two(accesses.into())), None);
        Self {
            store: Stores::new(LocalObjects::new(), cloud),
            from,
            to,
        }
    }

    fn source(&self) -> Prefix {
        below(&self.from, "set")
    }

    fn staging(&self, verify: VerifyLevel) -> Staging {
        Staging {
            target: below(&self.to, "copy"),
            token: "token".into(),
            attempt: 1,
            class: None,
            verify,
            may_share: true,
        }
    }

    /// Copies everything; what must be there then.
    async fn copied(&self, verify: VerifyLevel) -> Result<Vec<Expected>, ObjectError> {
        let staging = self.staging(verify);
        self.store.prepare(&staging).await?;
        let mut all = Vec::new();
        for object in self.store.list(&self.source()).await?.objects {
            let meter = Arc::default();
            let copied = self
                .store
                .copy(&self.source(), &staging, &object, &Forgetful, &meter)
                .await?;
            all.push(Expected {
                key: object.key,
                size_bytes: object.size_bytes,
                content_hash: copied.content_hash,
                metadata: Some(copied.metadata),
                checksum: copied.checksum,
                stored_hash: None,
            });
        }
        Ok(all)
    }

    async fn verify(&self, expected: &Expected) -> Result<(), ObjectError> {
        let at = self.staging(VerifyLevel::Full).data();
        self.store.verify(&at, expected, &Arc::<Meter>::default()).await
    }
}

fn below(bucket: &Bucket, path: &str) -> Prefix {
    Prefix {
        root: format!("{}/root", bucket.uri).parse().unwrap(),
        path: path.into(),
        encryption: None,
    }
}

fn owned(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all: Vec<_> = tags
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    all.sort();
    all
}

/// A small object, one in parts to every store, and one without tags.
async fn put_tagged(bucket: &Bucket, large: usize) {
    let raw = &bucket.raw;
    for (key, size) in [("small", 10), ("deep/large é", large), ("bare", 5)] {
        let path = format!("root/set/{key}");
        raw.put(&path, &vec![7; size], &[("owner", "ann")]).await;
        if key != "bare" {
            raw.put_tags(&path, &TAGS).await;
        }
    }
}

/// Copies and checks between two buckets; whatever is done to a copy's tags is found.
async fn tags_go_along(from: Bucket, to: Bucket, large: usize) {
    let ground = Ground::new(from, to);
    put_tagged(&ground.from, large).await;
    for level in [VerifyLevel::Full, VerifyLevel::Checksum] {
        let all = ground.copied(level).await.unwrap();
        assert_eq!(all.len(), 3);
        let raw = &ground.to.raw;
        for one in &all {
            ground.verify(one).await.unwrap();
            let path = format!("root/copy/{}", one.key);
            let wanted = if one.key == "bare" {
                Vec::new()
            } else {
                owned(&TAGS)
            };
            assert_eq!(raw.tags(&path).await, wanted, "{level}: {}", one.key);
            let spoilt: [(&[(&str, &str)], &str); 4] = [
                (&[], "cost:centre"),
                (&TAGS[..1], "cost:centre"),
                (&[("team", "blue"), TAGS[1]], "team"),
                (&[TAGS[0], TAGS[1], ("new", "x")], "new"),
            ];
            for (tags, named) in spoilt {
                if owned(tags) == wanted {
                    continue;
                }
                raw.put_tags(&path, tags).await;
                let found = ground.verify(one).await;
                assert!(
                    matches!(&found, Err(ObjectError::Mismatch(why)) if why.contains(&one.key) && (why.contains(named) || one.key == "bare")),
                    "{level}: {} with {tags:?}: {found:?}",
                    one.key
                );
            }
            raw.delete(&path).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_go_along_inside_seaweedfs() {
    let bucket = weed::bucket().await;
    let same = bucket.again();
    tags_go_along(bucket, same, 33 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_go_along_inside_azure() {
    let bucket = azure::bucket().await;
    let same = bucket.again();
    tags_go_along(bucket, same, 9 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_go_along_from_seaweedfs_to_azure() {
    tags_go_along(weed::bucket().await, azure::bucket().await, 9 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_go_along_from_azure_to_seaweedfs() {
    tags_go_along(azure::bucket().await, weed::bucket().await, 9 << 20).await;
}

/// Where a store has no tags, the plan says so and the copy is right without them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_keeps_none_and_the_plan_says_so() {
    let ground = Ground::new(weed::bucket().await, gcs::bucket().await);
    put_tagged(&ground.from, 100).await;
    for one in ground.copied(VerifyLevel::Full).await.unwrap() {
        ground.verify(&one).await.unwrap();
    }
    let listing = ground.store.list(&ground.source()).await.unwrap();
    let target = ground.staging(VerifyLevel::Full).target;
    let survey = ground
        .store
        .survey(&ground.source(), &target, &listing)
        .await
        .unwrap();
    let said = survey
        .limits
        .iter()
        .any(|limit| limit.contains("tags of objects are not kept"));
    assert!(said, "{:?}", survey.limits);
}

/// Letters that a vendor does not take are not changed behind the owner's back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_azure_cannot_keep_is_named() {
    let ground = Ground::new(weed::bucket().await, azure::bucket().await);
    let raw = &ground.from.raw;
    raw.put("root/set/odd", b"x", &[]).await;
    raw.put_tags("root/set/odd", &[("mail", "ann@example.org")]).await;
    let refused = ground.copied(VerifyLevel::Full).await.unwrap_err();
    assert!(
        matches!(&refused, ObjectError::NotSupported(why) if why.contains("odd") && why.contains("ann@example.org")),
        "{refused:?}"
    );
    assert!(ground.to.raw.keys().await.is_empty());
}

/// A whole job: a tag that is lost behind its back fails it with the object's name, and a retry mends that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_copy_loses_a_tag_fails_and_is_mended() {
    let world = World::new(3600).await;
    let mut work = AtWork::over(&world.services);
    for pair in world.all_pairs() {
        let (Kind::Bucket(from), Kind::Bucket(to)) = (pair.from, pair.to) else {
            continue;
        };
        let tagging = |bucket: &Bucket| bucket.is_seaweedfs() || bucket.uri.starts_with("az:");
        if !tagging(from) || !tagging(to) {
            continue;
        }
        let name = pair.name();
        pair.put_content().await;
        let source = format!("data/{}/deep/c d", pair.source_path());
        from.raw.put_tags(&source, &TAGS).await;
        let plan = pair.plan_of_what_is_there(MoveOptions::default()).await;
        assert!(plan.applicable, "{name}: {:#?}", plan.checks);
        // When all are copied and none was looked at.
        world.gate.at(true, "copy", 5);
        let job = world.services.mover.queue(plan, false).await.unwrap();
        world.gate.held().await;
        let copy = format!("data/{}/deep/c d", pair.target_path());
        assert_eq!(to.raw.tags(&copy).await, owned(&TAGS), "{name}");
        to.raw.put_tags(&copy, &TAGS[..1]).await;
        world.gate.open();
        let failed = work
            .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
            .await;
        let reason = failed.job.reason.unwrap();
        assert!(
            reason.contains("deep/c d") && reason.contains("tag.cost:centre"),
            "{name}: {reason}"
        );
        pair.source_serves().await;
        world.services.mover.retry(job.id).await.unwrap();
        work.until_status(job.id, JobStatus::Completed).await;
        pair.target_serves().await;
        assert_eq!(to.raw.tags(&copy).await, owned(&TAGS), "{name}");
        assert_consistent(&world.services, job.id).await;
    }
    work.stop().await;
}
