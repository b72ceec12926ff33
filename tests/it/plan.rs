//! Stories of a plan: what it lists and prices, everything that it refuses, and that it touches nothing.

use crate::app::TestApp;
use crate::tmpfs::Tmpfs;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::dataset::{Dataset, NewDataset};
use data_in_motion::domain::location::NewLocation;
use data_in_motion::domain::migration::{Plan, PlanCheck, PlanRequest, Planned};
use data_in_motion::domain::unit::Bytes;
use data_in_motion::services::{ServiceError, ServiceResult};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// A catalog with `nas` (the dataset `demo` of three objects on it) and `other`.
pub async fn catalog() -> (TestApp, Dataset) {
    let app = TestApp::open().await;
    for (name, book, classes) in [("nas", "local/nas", "hot"), ("other", "local/nvme", "warm,cold")] {
        let new = NewLocation {
            name: name.parse().unwrap(),
            uri: app.make(name).parse().unwrap(),
            storage_classes: classes.split(',').map(|c| c.parse().unwrap()).collect(),
            price_book: Some(book.into()),
            credential_ref: None,
            endpoint: None,
            region: None,
            encryption_key_ref: None,
        };
        app.services().catalog.create_location(new).await.unwrap();
    }
    app.make("nas/demo/deep");
    fs::write(files(&app, "nas/demo/a"), vec![1; 5000]).unwrap();
    fs::write(files(&app, "nas/demo/deep/b"), vec![2; 70_000]).unwrap();
    fs::write(files(&app, "nas/demo/deep/ü #1"), "3").unwrap();
    let demo = create(&app, "demo", "nas/demo").await;
    (app, demo)
}

pub async fn create(app: &TestApp, name: &str, path: &str) -> Dataset {
    let new = NewDataset {
        name: name.parse().unwrap(),
        path_uri: app.uri(path).parse().unwrap(),
        size_bytes: None,
        storage_class: None,
        latency_limit_ms: None,
    };
    app.services().catalog.create_dataset(new).await.unwrap()
}

pub fn files(app: &TestApp, path: &str) -> PathBuf {
    app.dir.path().join("files").join(path)
}

pub fn request(target: &str) -> PlanRequest {
    PlanRequest {
        dataset_id: DatasetKey::parse("demo"),
        target_location: target.into(),
        storage_class: None,
        dry_run: true,
        require_approval: false,
        options: data_in_motion::domain::migration::options::MoveOptions::default(),
    }
}

pub async fn dry(app: &TestApp, target: &str) -> ServiceResult<Planned> {
    app.services().mover.plan(request(target)).await
}

pub async fn plan_of(app: &TestApp, dataset: &str, target: &str) -> Plan {
    let request = PlanRequest {
        dataset_id: DatasetKey::parse(dataset),
        ..request(target)
    };
    app.services().mover.plan(request).await.unwrap().plan
}

pub async fn refusal(app: &TestApp, target: &str) -> ServiceError {
    match dry(app, target).await {
        Err(error) => error,
        Ok(planned) => panic!("{target} was planned: {:?}", planned.plan.checks),
    }
}

/// The checks of a plan that forbid it.
pub fn failed(plan: &Plan) -> Vec<&str> {
    assert_eq!(plan.applicable, plan.checks.iter().all(|c| c.ok));
    let failed = plan.checks.iter().filter(|c| !c.ok);
    failed.map(|c| c.name.as_str()).collect()
}

pub fn detail<'a>(plan: &'a Plan, name: &str) -> &'a PlanCheck {
    let found = plan.checks.iter().find(|c| c.name == name);
    found.unwrap_or_else(|| panic!("no check {name} in {:?}", plan.checks))
}

/// Every entry below a directory: kind, inode, size, times and content.
pub fn snapshot(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut seen = BTreeMap::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let content = if meta.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            if meta.is_dir() {
                todo.push(path.clone());
            }
            let (ino, mode, at) = (
                meta.ino(),
                meta.mode(),
                (meta.mtime(), meta.mtime_nsec(), meta.ctime()),
            );
            seen.insert(path, format!("{ino} {mode:o} {at:?} {content:?}"));
        }
    }
    seen
}

/// The database as it is on disk: file and write-ahead log.
fn database(app: &TestApp) -> Vec<Vec<u8>> {
    let dir = app.dir.path().join("data");
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| !p.to_string_lossy().ends_with("-shm"))
        .collect();
    names.sort();
    assert!(app.database_is_elsewhere() || !names.is_empty());
    names.iter().map(|p| fs::read(p).unwrap()).collect()
}

#[tokio::test]
async fn a_dry_run_tells_everything_and_writes_nothing() {
    let (app, demo) = catalog().await;
    symlink("a", files(&app, "nas/demo/link")).unwrap();
    let before = (database(&app), snapshot(&files(&app, "")));
    let planned = dry(&app, "other").await.unwrap();
    assert_eq!(
        (database(&app), snapshot(&files(&app, ""))),
        before,
        "a plan only looks"
    );

    assert_eq!(planned.job, None);
    let plan = planned.plan;
    assert_eq!(failed(&plan), Vec::<&str>::new());
    assert_eq!(
        (plan.dataset_id, plan.dataset_generation),
        (demo.id, demo.generation)
    );
    assert_eq!(plan.target_uri.to_string(), app.uri("other/demo"));
    assert_eq!(
        (plan.target_location_name.as_str(), plan.target_class.as_str()),
        ("other", "warm")
    );
    assert_eq!((plan.object_count, plan.size_bytes), (3, Bytes(75_001)));
    assert_eq!(plan.skipped[0].path, "link");
    assert!(
        detail(&plan, "left_out").detail.contains("link"),
        "{:?}",
        plan.checks
    );
    assert!(plan.target_free_bytes.unwrap() > plan.size_bytes);
    assert!(detail(&plan, "free_space").detail.contains("reserve"));
    assert_eq!(
        plan.duration_secs, None,
        "no job has ended yet, so no rate is known"
    );
    for part in [
        "7 days",
        "undo",
        "3 objects",
        "unchanged",
        "The 1 entries that are left out stay",
    ] {
        assert!(plan.deletes.contains(part), "{}", plan.deletes);
    }
}

#[tokio::test]
async fn the_guides_words_work_on_a_plain_location() {
    let app = TestApp::open().await;
    app.make("shared_storage/demo-dataset");
    fs::write(files(&app, "shared_storage/demo-dataset/x"), vec![0; 1_048_576]).unwrap();
    create(&app, "demo-dataset", "shared_storage/demo-dataset").await;
    for class in ["hot", "HOT"] {
        let planned = app
            .services()
            .mover
            .plan(PlanRequest {
                dataset_id: DatasetKey::parse("1"),
                target_location: app.uri("shared_storage/migrated/demo-dataset"),
                storage_class: Some(class.parse().unwrap()),
                dry_run: true,
                require_approval: false,
                options: data_in_motion::domain::migration::options::MoveOptions::default(),
            })
            .await
            .unwrap();
        assert_eq!(failed(&planned.plan), Vec::<&str>::new());
        assert_eq!(planned.plan.target_class.as_str(), "hot");
        assert_eq!(planned.plan.target_location_id, planned.plan.source_location_id);
    }
    assert!(!files(&app, "shared_storage/migrated").exists());
}

#[tokio::test]
async fn a_target_is_a_name_an_id_a_root_or_an_address_and_anything_else_is_refused_with_what_to_do() {
    let (app, _) = catalog().await;
    for target in ["other", "2", &app.uri("other"), &app.uri("other/demo/")] {
        let plan = dry(&app, target).await.unwrap().plan;
        assert_eq!(plan.target_uri.to_string(), app.uri("other/demo"), "{target}");
        assert_eq!(plan.target_location_id.0, 2);
    }
    let elsewhere = app.dir.path().canonicalize().unwrap().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let outside = refusal(&app, &format!("file://{}/demo", elsewhere.display())).await;
    assert_eq!(outside.code(), "not_allowed");
    for command in ["dim locations add --name NAME --uri", "--allow-root DIR"] {
        assert!(outside.to_string().contains(command), "{outside}");
    }
    for (target, code) in [
        ("nowhere", "not_found"),
        ("99", "not_found"),
        ("/mnt/disk/demo", "bad_target"),
        ("file:///a/../b", "bad_address"),
        ("file://host/b", "bad_address"),
        ("s3://bucket/demo", "unknown_location"),
    ] {
        let error = refusal(&app, target).await;
        assert_eq!(error.code(), code, "{target}: {error}");
    }
    let unknown = PlanRequest {
        dataset_id: DatasetKey::parse("nobody"),
        ..request("other")
    };
    let unknown = app.services().mover.plan(unknown).await.unwrap_err();
    assert_eq!(unknown.code(), "not_found");
    let glacier = PlanRequest {
        storage_class: Some("GLACIER".parse().unwrap()),
        ..request("other")
    };
    let glacier = app.services().mover.plan(glacier).await.unwrap_err();
    assert_eq!(glacier.code(), "storage_class_unknown");
    assert!(glacier.to_string().contains("it has warm, cold"), "{glacier}");
}

#[tokio::test]
async fn the_same_place_is_refused_and_a_class_alone_is_not_supported_yet() {
    let (app, _) = catalog().await;
    for target in ["nas", &app.uri("nas/demo")] {
        let there = refusal(&app, target).await;
        assert_eq!(there.code(), "already_there", "{there}");
    }
    create(&app, "archive", "other/archive").await;
    fs::create_dir(files(&app, "other/archive")).unwrap();
    let cold = PlanRequest {
        dataset_id: DatasetKey::parse("archive"),
        storage_class: Some("cold".parse().unwrap()),
        ..request("other")
    };
    let cold = app.services().mover.plan(cold).await.unwrap_err();
    assert_eq!(cold.code(), "not_supported");
    for part in ["warm to cold", "no byte would have to move"] {
        assert!(cold.to_string().contains(part), "{cold}");
    }
}

/// Every refusal that a look at the places gives: the check, a word of its text, and the untouched source.
#[tokio::test]
async fn what_the_places_are_forbids_a_move_and_the_source_stays_untouched() {
    let (app, _) = catalog().await;
    create(&app, "rival", "other/rival").await;
    app.make("other/full/of/things");
    app.make("other/linked");
    fs::hard_link(files(&app, "nas/demo/a"), files(&app, "other/linked/same")).unwrap();
    app.make("other/away");
    symlink("away", files(&app, "other/by-link")).unwrap();
    let source = snapshot(&files(&app, "nas"));
    for (path, checks, word) in [
        ("nas/demo/deep/new", "overlap+place_free", "inside the source"),
        (
            "nas/demo/deep",
            "overlap+target_empty+place_free",
            "inside the source",
        ),
        ("other/full", "target_empty", "among them"),
        ("other/linked", "hard_links+target_empty", "same"),
        ("other/rival", "place_free", "the dataset rival"),
        ("other/rival/below", "place_free", "the dataset rival"),
        ("other/by-link/demo", "target_reachable", "symbolic link"),
    ] {
        let plan = dry(&app, &app.uri(path)).await.unwrap().plan;
        assert_eq!(failed(&plan).join("+"), checks, "{path}: {:?}", plan.checks);
        let first = detail(&plan, checks.split('+').next().unwrap());
        assert!(first.detail.contains(word), "{path}: {}", first.detail);
        // For real, too: nothing is queued, and the message says why.
        let real = PlanRequest {
            dry_run: false,
            ..request(&app.uri(path))
        };
        let refused = app.services().mover.plan(real).await.unwrap_err();
        assert_eq!(refused.code(), "plan_not_applicable", "{refused}");
        assert!(
            refused.to_string().contains(word) && refused.to_string().contains("nothing was changed"),
            "{refused}"
        );
    }
    // An address that cannot be a place of data is an error of the request.
    fs::write(files(&app, "other/file"), "").unwrap();
    let file = refusal(&app, &app.uri("other/file")).await;
    assert_eq!(file.code(), "not_a_directory", "{file}");
    symlink(app.dir.path(), files(&app, "other/out")).unwrap();
    let out = refusal(&app, &app.uri("other/out/demo")).await;
    assert_eq!(out.code(), "outside_location", "{out}");
    assert_eq!(snapshot(&files(&app, "nas")), source);
}

/// A location whose root is, over a link, the same disk: the text of the addresses differs, the directories do not.
#[tokio::test]
async fn the_same_directory_under_another_name_is_seen_through() {
    let (app, _) = catalog().await;
    let disk = files(&app, "bound");
    fs::create_dir(&disk).unwrap();
    let done = std::process::Command::new("mount")
        .args(["--bind"])
        .args([&files(&app, "nas"), &disk])
        .status();
    if !done.is_ok_and(|s| s.success()) {
        eprintln!("SKIPPED: no bind mount can be made here");
        return;
    }
    let same = dry(&app, &app.uri("bound/demo")).await;
    let inside = dry(&app, &app.uri("bound/demo/deep/x")).await;
    assert!(
        std::process::Command::new("umount")
            .arg(&disk)
            .status()
            .unwrap()
            .success()
    );
    let same = same.unwrap().plan;
    assert_eq!(failed(&same), ["overlap", "target_empty"], "{:?}", same.checks);
    assert!(detail(&same, "overlap").detail.contains("same directory"));
    let inside = inside.unwrap().plan;
    assert_eq!(failed(&inside), ["overlap"], "{:?}", inside.checks);
}

#[tokio::test]
async fn objects_that_cannot_be_moved_forbid_the_move() {
    let (app, demo) = catalog().await;
    let odd = std::ffi::OsStr::from_bytes(b"bad\xff");
    fs::write(files(&app, "nas/demo").join(odd), "x").unwrap();
    let plan = dry(&app, "other").await.unwrap().plan;
    assert_eq!(failed(&plan), ["object_names"]);
    assert!(detail(&plan, "object_names").detail.contains("rename"));
    fs::remove_file(files(&app, "nas/demo").join(odd)).unwrap();

    // A disk that is not mounted leaves an empty directory behind.
    let key = DatasetKey::Id(demo.id);
    app.services().catalog.scan_dataset(&key).await.unwrap();
    fs::rename(files(&app, "nas/demo"), files(&app, "kept")).unwrap();
    let gone = refusal(&app, "other").await;
    assert_eq!(gone.code(), "directory_missing", "{gone}");
    fs::create_dir(files(&app, "nas/demo")).unwrap();
    let plan = dry(&app, "other").await.unwrap().plan;
    assert_eq!(failed(&plan), ["objects"]);
    assert!(
        detail(&plan, "objects").detail.contains("is the disk mounted?"),
        "{:?}",
        plan.checks
    );
    // Fewer than were known is worth a word, not a refusal.
    fs::write(files(&app, "nas/demo/a"), "1").unwrap();
    let plan = dry(&app, "other").await.unwrap().plan;
    assert_eq!(failed(&plan), Vec::<&str>::new());
    assert!(detail(&plan, "objects").detail.contains("last scan found 3"));
    fs::rename(files(&app, "nas"), files(&app, "unmounted")).unwrap();
    let away = refusal(&app, "other").await;
    assert!(matches!(away, ServiceError::Unavailable { .. }), "{away}");
}

#[tokio::test]
async fn a_target_that_is_full_read_only_away_or_a_mount_point_is_refused() {
    let (app, _) = catalog().await;
    let mount = files(&app, "other/disk");
    fs::create_dir(&mount).unwrap();
    if let Some(_small) = Tmpfs::on(&mount, "size=60k") {
        let plan = dry(&app, &app.uri("other/disk/demo")).await.unwrap().plan;
        assert_eq!(failed(&plan), ["free_space"], "{:?}", plan.checks);
        assert!(detail(&plan, "free_space").detail.contains("free at least"));
        let plan = dry(&app, &app.uri("other/disk")).await.unwrap().plan;
        assert_eq!(failed(&plan), ["permissions"], "{:?}", plan.checks);
        assert!(
            detail(&plan, "permissions")
                .detail
                .contains("file system is mounted")
        );
    }
    if let Some(_fixed) = Tmpfs::on(&mount, "ro") {
        let plan = dry(&app, &app.uri("other/disk/demo")).await.unwrap().plan;
        assert_eq!(failed(&plan), ["permissions"], "{:?}", plan.checks);
    }
    fs::rename(files(&app, "other"), files(&app, "unmounted")).unwrap();
    let plan = dry(&app, "other").await.unwrap().plan;
    assert_eq!(failed(&plan), ["target_reachable"], "{:?}", plan.checks);
}
