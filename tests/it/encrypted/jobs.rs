//! Stories of moves to and from encrypted places.

use super::{TestKey, noise};
use crate::app::TestApp;
use crate::cli::{Ran, dim};
use crate::moving::{
    self, AtWork, assert_consistent, assert_no_leftovers, assert_serves, fill, new_location, tree,
};
use crate::stores::s3;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::encryption::{Encryption, stored_bytes};
use data_in_motion::domain::id::JobId;
use data_in_motion::domain::location::{Location, NewLocation};
use data_in_motion::domain::migration::options::{MoveOptions, VerifyLevel};
use data_in_motion::domain::migration::{JobStatus, Plan, PlanRequest};
use data_in_motion::domain::replica::ReplicaRole;
use data_in_motion::domain::unit::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Tree = BTreeMap<String, Vec<u8>>;

/// A server with the dataset `demo` on `fast`, which is plain, `vault` and `safe`, which are encrypted with keys of their own, and
/// `open`, which is plain.
struct Scene {
    app: TestApp,
    content: Tree,
}

impl Scene {
    async fn open(count: usize, settings: &[(&'static str, &str)]) -> Self {
        let app = TestApp::open_with(settings).await;
        let demo = app.make("fast/demo");
        let dir = app.dir.path().join("files/fast/demo");
        fill(&dir, count);
        std::fs::write(dir.join("large"), noise(3 << 20, 9)).unwrap();
        std::fs::write(dir.join("empty"), "").unwrap();
        for (name, key) in [
            ("fast", None),
            ("vault", Some(1)),
            ("safe", Some(2)),
            ("open", None),
        ] {
            let uri = app.make(name);
            let new = NewLocation {
                encryption_key_ref: key
                    .map(|seed| TestKey::new(seed).file(app.dir.path(), &format!("key-{name}"))),
                ..new_location(name, &uri)
            };
            app.services().catalog.create_location(new).await.unwrap();
        }
        moving::dataset(app.services(), "demo", &demo).await;
        Self {
            content: tree(&dir),
            app,
        }
    }

    fn files(&self, path: &str) -> PathBuf {
        self.app.dir.path().join("files").join(path)
    }

    async fn location(&self, name: &str) -> Location {
        self.app
            .services()
            .catalog
            .get_location(name)
            .await
            .unwrap()
            .location
    }

    async fn plan(&self, to: &str, options: MoveOptions) -> Plan {
        let request = PlanRequest {
            dataset_id: DatasetKey::Name("demo".into()),
            target_location: to.into(),
            storage_class: None,
            dry_run: true,
            require_approval: false,
            options,
        };
        self.app.services().mover.plan(request).await.unwrap().plan
    }

    async fn queue(&self, to: &str) -> JobId {
        let plan = self.plan(to, MoveOptions::default()).await;
        assert!(plan.applicable, "{:#?}", plan.checks);
        self.app.services().mover.queue(plan, false).await.unwrap().id
    }

    async fn serving(&self) -> (PathBuf, Option<Encryption>) {
        let key = DatasetKey::Name("demo".into());
        let detail = self.app.services().catalog.get_dataset(&key).await.unwrap();
        let serving = detail
            .replicas
            .into_iter()
            .find(|r| r.role == ReplicaRole::Serving);
        let path = detail.summary.dataset.path_uri.local_path().unwrap();
        (path.into(), serving.unwrap().encryption)
    }

    /// What serves is encrypted with this key, and decrypted one by one by the program it is the content.
    async fn serves_encrypted(&self, at: &str, key: &TestKey, key_file: &str) {
        let (path, encryption) = self.serving().await;
        assert_eq!(path, self.files(at).canonicalize().unwrap());
        assert_eq!(encryption.unwrap().key_id, key.id());
        let found = tree(&path);
        assert!(found.keys().eq(self.content.keys()));
        let reference = format!("file:{}", self.app.dir.path().join(key_file).display());
        for (i, (name, bytes)) in self.content.iter().enumerate() {
            if name.ends_with('/') {
                continue;
            }
            let stored = stored_bytes(Bytes(bytes.len() as u64));
            assert_eq!(found[name].len() as u64, stored.0, "{name}");
            // A process each: some are enough.
            if i % 9 != 0 && name != "large" && name != "empty" {
                continue;
            }
            let out = self.app.dir.path().join(format!("out-{i}"));
            let file = path.join(name);
            let ran = dim(
                "http://127.0.0.1:1",
                &[
                    "decrypt",
                    file.to_str().unwrap(),
                    "--key-ref",
                    &reference,
                    "--name",
                    name,
                    "--out",
                    out.to_str().unwrap(),
                ],
            )
            .await;
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert!(std::fs::read(&out).unwrap() == *bytes, "{name}");
            std::fs::remove_file(&out).unwrap();
        }
    }
}

/// What the program says of one encrypted file, with no server at hand.
async fn decrypted(file: &Path, key_ref: &str, out: &Path) -> Ran {
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let args = ["decrypt", file, "--key-ref", key_ref, "--out", out];
    dim("http://127.0.0.1:1", &args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_is_encrypted_encrypted_otherwise_and_open_again() {
    let scene = Scene::open(40, &[]).await;
    let mut work = AtWork::start(&scene.app);
    let plan = scene.plan("vault", MoveOptions::default()).await;
    let said = plan.checks.iter().find(|c| c.name == "encryption").unwrap();
    assert!(
        said.detail.contains(TestKey::new(1).id().as_str()) && said.detail.contains("key-vault"),
        "{said:?}"
    );
    let objects = scene.content.iter().filter(|(name, _)| !name.ends_with('/'));
    let written: u64 = objects.map(|(_, b)| stored_bytes(Bytes(b.len() as u64)).0).sum();
    assert_eq!(plan.written_bytes, Some(Bytes(written)));
    assert!(
        plan.checks
            .iter()
            .any(|c| c.detail.contains("none copies by itself"))
    );

    let job = scene.queue("vault").await;
    work.until_status(job, JobStatus::Completed).await;
    assert_consistent(scene.app.services(), job).await;
    scene
        .serves_encrypted("vault/demo", &TestKey::new(1), "key-vault")
        .await;
    // A scan tells sizes as they are to readers.
    let key = DatasetKey::Name("demo".into());
    let scanned = scene.app.services().catalog.scan_dataset(&key).await.unwrap();
    let plain: u64 = scene.content.values().map(|b| b.len() as u64).sum();
    assert_eq!(scanned.listed_bytes, Bytes(plain));

    let job = scene.queue("safe").await;
    work.until_status(job, JobStatus::Completed).await;
    scene
        .serves_encrypted("safe/demo", &TestKey::new(2), "key-safe")
        .await;

    let plan = scene.plan("open", MoveOptions::default()).await;
    let said = plan.checks.iter().find(|c| c.name == "encryption").unwrap();
    assert!(said.detail.contains("will not be encrypted"), "{said:?}");
    let job = scene.queue("open").await;
    work.until_status(job, JobStatus::Completed).await;
    assert_serves(scene.app.services(), "demo", &scene.content).await;
    assert_eq!(scene.serving().await.1, None);
    // Back inside the grace period: a switch, to the copy as it is encrypted.
    scene.app.services().mover.undo(job).await.unwrap();
    work.until(job, "removed", |_| !scene.files("open/demo").exists())
        .await;
    scene
        .serves_encrypted("safe/demo", &TestKey::new(2), "key-safe")
        .await;
    work.stop().await;
    assert_no_leftovers(&scene.files(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_copy_is_its_own_whatever_becomes_of_the_locations() {
    let scene = Scene::open(10, &[]).await;
    let services = scene.app.services();
    let mut work = AtWork::start(&scene.app);
    let job = scene.queue("vault").await;
    work.until_status(job, JobStatus::Completed).await;
    let changed = services
        .catalog
        .set_encryption("vault", None, None)
        .await
        .unwrap();
    assert_eq!(changed.encryption, None);
    scene
        .serves_encrypted("vault/demo", &TestKey::new(1), "key-vault")
        .await;
    // And what was planned before is not queued.
    let stale = scene.plan("safe", MoveOptions::default()).await;
    let other = TestKey::new(5).file(scene.app.dir.path(), "key-other");
    services
        .catalog
        .set_encryption("safe", Some(other), None)
        .await
        .unwrap();
    let refused = services.mover.queue(stale, false).await.unwrap_err();
    assert!(refused.to_string().contains("plan again"), "{refused}");
    let job = scene.queue("safe").await;
    work.until_status(job, JobStatus::Completed).await;
    scene
        .serves_encrypted("safe/demo", &TestKey::new(5), "key-other")
        .await;
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_is_retired_after_the_encrypted_copy_was_opened_again() {
    let scene = Scene::open(12, &[("grace_secs", "1")]).await;
    let mut work = AtWork::start(&scene.app);
    let job = scene.queue("vault").await;
    work.until(job, "removed", |_| !scene.files("fast/demo").exists())
        .await;
    scene
        .serves_encrypted("vault/demo", &TestKey::new(1), "key-vault")
        .await;
    let job = scene.queue("open").await;
    work.until(job, "removed", |_| !scene.files("vault/demo").exists())
        .await;
    assert_serves(scene.app.services(), "demo", &scene.content).await;
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_a_job_fails_names_it_and_the_source_serves_on() {
    let scene = Scene::open(12, &[]).await;
    let job = scene.queue("vault").await;
    let file = scene.app.dir.path().join("key-vault");
    let text = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    // A process that never saw the key.
    let Scene { app, content } = scene;
    let scene = Scene {
        app: app.restart().await,
        content,
    };
    let mut work = AtWork::start(&scene.app);
    let failed = work
        .until(job, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    assert_eq!(failed.job.error_code.as_deref(), Some("encryption_key"));
    let reason = failed.job.reason.unwrap();
    for word in ["key-vault", "files/vault", "the source serves on"] {
        assert!(reason.contains(word), "{word}: {reason}");
    }
    assert_serves(scene.app.services(), "demo", &scene.content).await;
    std::fs::write(&file, &text).unwrap();
    scene.app.services().mover.retry(job).await.unwrap();
    work.until_status(job, JobStatus::Completed).await;
    scene
        .serves_encrypted("vault/demo", &TestKey::new(1), "key-vault")
        .await;
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_is_refused_when_it_is_set() {
    let app = TestApp::open_with(&[("roles", "web")]).await;
    let url = app.listen().await;
    let uri = app.make("vault");
    let file = app.dir.path().join("key");
    let reference = format!("file:{}", file.display());
    let add = [
        "locations",
        "add",
        "vault",
        uri.as_str(),
        "--encryption-key-ref",
        reference.as_str(),
    ];
    for text in ["", "hunter2", &"ab".repeat(31)] {
        std::fs::write(&file, text).unwrap();
        let refused = dim(&url, &add).await;
        assert_eq!(refused.code, 2, "{text}: {}", refused.err);
        assert!(refused.err.contains(&reference), "{}", refused.err);
        assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    }
    let inline = TestKey::new(1).base64();
    let refused = dim(
        &url,
        &["locations", "add", "vault", &uri, "--encryption-key-ref", &inline],
    )
    .await;
    assert_eq!(refused.code, 2);
    assert!(!refused.err.contains(&inline), "{}", refused.err);
    let key = TestKey::new(1);
    key.file(app.dir.path(), "key");
    let added = dim(&url, &add).await;
    assert_eq!(added.code, 0, "{}", added.err);
    let shown = dim(&url, &["locations", "show", "vault"]).await;
    assert!(
        shown.out.contains(&reference) && shown.out.contains(key.id().as_str()),
        "{}",
        shown.out
    );
    let json = dim(&url, &["locations", "get", "vault", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["encryption"]["key_id"], key.id().as_str());
    assert_eq!(json["encryption"]["key_ref"], reference);
    let page = reqwest::get(format!("{url}/locations"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains(key.id().as_str()), "the page shows which key it is");
    assert!(!key.is_in(page.as_bytes()));
    TestKey::new(2).file(app.dir.path(), "key2");
    let other = format!("file:{}", app.dir.path().join("key2").display());
    let edited = dim(
        &url,
        &["locations", "edit", "vault", "--encryption-key-ref", &other],
    )
    .await;
    assert_eq!(edited.code, 0, "{}", edited.err);
    assert!(
        edited.err.contains(TestKey::new(2).id().as_str()),
        "{}",
        edited.err
    );
    let none = dim(
        &url,
        &["locations", "edit", "vault", "--no-encryption", "-o", "json"],
    )
    .await;
    let json: serde_json::Value = serde_json::from_str(&none.out).unwrap();
    assert_eq!((none.code, &json["encryption"]), (0, &serde_json::Value::Null));
    assert_eq!(json["generation"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_spoils_an_encrypted_copy_is_found_with_the_objects_name() {
    for fault in ["truncate", "corrupt", "zero-fill"] {
        let scene = Scene::open(3, &[("inject", fault)]).await;
        let mut work = AtWork::start(&scene.app);
        let job = scene.queue("vault").await;
        let failed = work
            .until(job, "failed", |j| j.job.status == JobStatus::Failed)
            .await;
        assert_eq!(
            failed.job.error_code.as_deref(),
            Some("verify_mismatch"),
            "{fault}"
        );
        assert!(failed.job.reason.unwrap().contains("nothing was switched"));
        assert_serves(scene.app.services(), "demo", &scene.content).await;
        scene.app.services().mover.retry(job).await.unwrap();
        work.until_status(job, JobStatus::Completed).await;
        scene
            .serves_encrypted("vault/demo", &TestKey::new(1), "key-vault")
            .await;
        work.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_an_encrypted_copy_is_checked_with_and_without_the_key() {
    let scene = Scene::open(9, &[]).await;
    let url = scene.app.listen().await;
    let mut work = AtWork::start(&scene.app);
    let job = scene.queue("vault").await;
    work.until_status(job, JobStatus::Completed).await;
    work.stop().await;
    let file = scene.app.dir.path().join("receipt.json");
    let file = file.to_str().unwrap();
    let saved = dim(&url, &["jobs", "receipt", &job.to_string(), "--save", file]).await;
    assert_eq!(saved.code, 0, "{}", saved.err);
    let nobody = "http://127.0.0.1:1";
    let reference = format!("file:{}", scene.app.dir.path().join("key-vault").display());
    let wrong = format!("file:{}", scene.app.dir.path().join("key-safe").display());
    let closed = dim(nobody, &["verify", file]).await;
    assert_eq!(closed.code, 0, "{}{}", closed.out, closed.err);
    assert!(closed.err.contains("is not proven"), "{}", closed.err);
    let opened = dim(nobody, &["verify", file, "--key-ref", &reference]).await;
    assert_eq!(opened.code, 0, "{}{}", opened.out, opened.err);
    assert!(opened.err.contains("authenticated"), "{}", opened.err);
    let other = dim(nobody, &["verify", file, "--key-ref", &wrong]).await;
    assert_eq!(other.code, 1, "{}", other.out);
    let large = scene.files("vault/demo/large");
    let mut bytes = std::fs::read(&large).unwrap();
    bytes[2 << 20] ^= 1;
    std::fs::write(&large, bytes).unwrap();
    for args in [
        vec!["verify", file],
        vec!["verify", file, "--key-ref", &reference],
    ] {
        let bad = dim(nobody, &args).await;
        assert_eq!(bad.code, 1, "{}", bad.out);
        assert!(bad.out.contains("differs: \"large\""), "{}", bad.out);
    }
    // And the file alone: nothing is left of what does not authenticate.
    let out = scene.app.dir.path().join("opened");
    let ran = decrypted(&large, &reference, &out).await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("does not authenticate"), "{}", ran.err);
    assert!(!out.exists());
    let left: Vec<_> = std::fs::read_dir(scene.app.dir.path())
        .unwrap()
        .filter(|e| {
            e.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("dim-decrypt")
        })
        .collect();
    assert!(left.is_empty(), "{left:?}");
    std::fs::write(&out, "precious").unwrap();
    let whole = scene.files("vault/demo/empty");
    let ran = decrypted(&whole, &reference, &out).await;
    assert_eq!(ran.code, 1);
    assert_eq!(std::fs::read(&out).unwrap(), b"precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_encrypted_alike_at_every_level_of_verification() {
    let bucket = s3::bucket().await;
    for (level, first) in [
        (VerifyLevel::Full, "one"),
        (VerifyLevel::Checksum, "two"),
        (VerifyLevel::Size, "three"),
    ] {
        let scene = Scene::open(8, &[]).await;
        let services = scene.app.services();
        std::fs::write(scene.files("fast/demo/larger"), noise(9 << 20, 3)).unwrap();
        let content = tree(&scene.files("fast/demo"));
        let lake = NewLocation {
            credential_ref: bucket.access.credential_ref.clone(),
            endpoint: bucket.access.endpoint.clone(),
            region: bucket.access.region.clone(),
            encryption_key_ref: Some(TestKey::new(3).file(scene.app.dir.path(), "key-lake")),
            ..new_location("lake", &format!("{}/{first}", bucket.uri))
        };
        services.catalog.create_location(lake).await.unwrap();
        let mut work = AtWork::start(&scene.app);
        let options = MoveOptions {
            verify: level,
            ..MoveOptions::default()
        };
        let plan = scene.plan("lake", options).await;
        assert!(plan.applicable, "{:#?}", plan.checks);
        let job = services.mover.queue(plan, false).await.unwrap().id;
        work.until_status(job, JobStatus::Completed).await;
        for (key, bytes) in content.iter().filter(|(key, _)| !key.ends_with('/')) {
            let found = bucket.raw.get(&format!("{first}/demo/{key}")).await.unwrap();
            let stored = stored_bytes(Bytes(bytes.len() as u64));
            assert_eq!(found.bytes.len() as u64, stored.0, "{key}");
            assert!(found.bytes.starts_with(b"dimseal1"), "{key}");
        }
        assert_eq!(
            scene.location("lake").await.encryption.unwrap().key_id,
            TestKey::new(3).id()
        );
        let job = scene.queue("open").await;
        work.until_status(job, JobStatus::Completed).await;
        assert_serves(services, "demo", &content).await;
        work.stop().await;
    }
}
