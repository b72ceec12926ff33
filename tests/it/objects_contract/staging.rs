//! Clauses on the staging area, and on what stands where.

use super::{Ground, tree};
use data_in_motion::ports::objects::{Forgetful, ObjectError, Occupancy, STAGING_MARK};
use std::fs;
use std::os::unix::fs::symlink;

pub async fn a_copy_stays_in_its_staging_area(ground: Ground) {
    ground.write("set/a", "1");
    ground.write("set/deep/b", "2");
    ground.write("up/neighbour/x", "3");
    let before = tree(ground.dir.path());
    let staging = ground.staging("up/there/copy");
    assert_eq!(
        ground.store.missing_parents(&staging.target).await.unwrap(),
        ["up/there"]
    );
    assert_eq!(tree(ground.dir.path()), before, "looking makes nothing");
    ground.copy_all(&staging).await;
    ground.store.prepare(&staging).await.unwrap();
    let home = format!("root/{}/", staging.home().path);
    let new: Vec<String> = tree(ground.dir.path())
        .into_iter()
        .filter(|p| !before.contains(p))
        .collect();
    assert!(new.iter().any(|p| p.ends_with("data/deep/b")), "{new:?}");
    for path in &new {
        assert!(
            path.starts_with(&home) || path == "root/up/there/",
            "{path} is outside {home}"
        );
    }
    assert!(home.contains(STAGING_MARK));
    // Nobody takes staged bytes for objects.
    let above = ground.store.list(&ground.prefix("up")).await.unwrap();
    let keys: Vec<_> = above.objects.iter().map(|o| o.key.as_str()).collect();
    assert_eq!((keys, above.skipped_count), (vec!["neighbour/x"], 1));
}

pub async fn a_dead_writers_parts_are_removed(ground: Ground) {
    ground.write("set/a", "1");
    let staging = ground.staging("copy");
    ground.copy_all(&staging).await;
    let partial = staging.partial().path;
    ground.write(&format!("{partial}/4711-0"), "half an obj");
    ground.store.prepare(&staging).await.unwrap();
    assert_eq!(fs::read_dir(ground.path(&partial)).unwrap().count(), 0);
    assert!(
        ground.path(&format!("{}/a", staging.data().path)).exists(),
        "what is whole stays"
    );
}

pub async fn a_discarded_area_leaves_no_trace(ground: Ground) {
    ground.write("set/a", "1");
    ground.write("set/deep/b", "2");
    let before = tree(ground.dir.path());
    let staging = ground.staging("new/er/copy");
    let parents = ground.store.missing_parents(&staging.target).await.unwrap();
    let expected = ground.copy_all(&staging).await;
    let keys: Vec<String> = expected.into_iter().map(|e| e.key).collect();
    // What somebody else put there is not ours to remove, and is named.
    ground.write(&format!("{}/deep/foreign", staging.data().path), "mine");
    let removed = ground
        .store
        .discard(&staging, keys.clone(), parents.clone())
        .await
        .unwrap();
    assert_eq!(removed.kept[0].path, "deep/foreign");
    let foreign = ground.path(&format!("{}/deep/foreign", staging.data().path));
    assert_eq!(fs::read(&foreign).unwrap(), b"mine");
    fs::remove_file(foreign).unwrap();
    for _ in 0..2 {
        let removed = ground
            .store
            .discard(&staging, keys.clone(), parents.clone())
            .await
            .unwrap();
        assert_eq!(removed.kept.len(), 0);
        assert_eq!(tree(ground.dir.path()), before);
    }
    // A parent that got other content meanwhile stays.
    ground.copy_all(&staging).await;
    ground.write("new/other", "x");
    ground.store.discard(&staging, keys, parents).await.unwrap();
    assert!(ground.path("new/other").exists() && !ground.path("new/er").exists());
}

pub async fn a_staging_area_that_became_a_link_is_refused(ground: Ground) {
    ground.write("set/a", "1");
    let staging = ground.staging("copy");
    let outside = ground.dir.path().join("outside");
    symlink(&outside, ground.path(&staging.home().path)).unwrap();
    let (object, before) = (ground.object("a").await, tree(&outside));
    let refused = ground.store.prepare(&staging).await.unwrap_err();
    assert!(matches!(refused, ObjectError::Unsafe(_)), "{refused}");
    let copy = ground
        .store
        .copy(&ground.source(), &staging, &object, &Forgetful, &ground.meter)
        .await;
    assert!(matches!(copy, Err(ObjectError::Unsafe(_))), "{copy:?}");
    let keys = vec!["precious".to_owned()];
    assert!(ground.store.discard(&staging, keys, Vec::new()).await.is_err());
    assert_eq!(tree(&outside), before);
}

pub async fn a_rename_replaces_nothing_but_emptiness(ground: Ground) {
    ground.write("from/a", "new");
    ground.write("full/old", "old");
    ground.write("file", "old");
    fs::create_dir(ground.path("nothing")).unwrap();
    symlink("nothing", ground.path("link")).unwrap();
    let (from, before) = (ground.prefix("from"), tree(&ground.path("")));
    for to in ["full", "file", "link", "link/below", "full/old/x"] {
        let refused = ground.store.rename(&from, &ground.prefix(to)).await.unwrap_err();
        assert!(
            matches!(refused, ObjectError::Occupied(_) | ObjectError::Unsafe(_)) || to == "full/old/x",
            "{to}: {refused:?}"
        );
        assert_eq!(tree(&ground.path("")), before, "{to}");
    }
    for (from, to) in [("from", "nothing"), ("nothing", "fresh")] {
        ground
            .store
            .rename(&ground.prefix(from), &ground.prefix(to))
            .await
            .unwrap();
        assert_eq!(fs::read(ground.path(&format!("{to}/a"))).unwrap(), b"new");
        assert!(!ground.path(from).exists());
    }
    let again = ground.store.rename(&from, &ground.prefix("fresh")).await;
    assert!(again.is_err(), "what is gone cannot be put in place again");
    assert_eq!(fs::read(ground.path("fresh/a")).unwrap(), b"new");
}

pub async fn an_identity_survives_a_rename(ground: Ground) {
    ground.write("set/a", "1");
    fs::create_dir(ground.path("other")).unwrap();
    let identity = async |path: &str| ground.store.identity(&ground.prefix(path)).await.unwrap();
    let set = identity("set").await;
    assert!(set.is_some() && set != identity("other").await);
    ground
        .store
        .rename(&ground.source(), &ground.prefix("other"))
        .await
        .unwrap();
    assert_eq!((identity("set").await, identity("other").await), (None, set));
}

pub async fn both_places_are_surveyed(ground: Ground) {
    ground.write("set/a", "1");
    ground.write("set/deep/b", "2");
    ground.write("full/x", "3");
    fs::create_dir(ground.path("linked")).unwrap();
    fs::hard_link(ground.path("set/a"), ground.path("linked/other name")).unwrap();
    let listing = ground.store.list(&ground.source()).await.unwrap();
    let before = tree(ground.dir.path());
    let survey = async |target: &str| {
        let target = ground.prefix(target);
        ground
            .store
            .survey(&ground.source(), &target, &listing)
            .await
            .unwrap()
    };
    for (target, overlap) in [
        ("set", "same"),
        ("set/deep", "inside the source"),
        ("set/new", "inside the source"),
    ] {
        let found = survey(target).await.overlap.unwrap_or_default();
        assert!(found.contains(overlap), "{target}: {found}");
    }
    assert!(
        survey("")
            .await
            .overlap
            .unwrap()
            .contains("source lies inside the target")
    );
    let free = survey("a/new/place").await;
    assert_eq!((free.overlap, free.hard_linked), (None, None));
    assert_eq!(
        (free.occupancy, free.not_readable, free.not_writable),
        (Occupancy::Absent, None, None)
    );
    assert!(free.free_bytes.unwrap().0 > 0);
    assert!(matches!(survey("full").await.occupancy, Occupancy::Occupied(what) if what.contains('x')));
    assert_eq!(survey("linked").await.hard_linked.as_deref(), Some("other name"));
    let space = ground.store.space(&ground.prefix("a/new/place")).await.unwrap();
    assert!(space.free_bytes <= space.total_bytes && space.free_bytes.0 > 0);
    assert_eq!(tree(ground.dir.path()), before, "a survey only looks");
}

/// File systems give the number of a removed directory to the next one at once.
pub async fn an_identity_is_never_given_twice(ground: Ground) {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        fs::create_dir(ground.path("again")).unwrap();
        let identity = ground.store.identity(&ground.prefix("again")).await.unwrap();
        assert!(seen.insert(identity.clone()), "{identity:?} is a new directory's");
        fs::remove_dir(ground.path("again")).unwrap();
        // The clock of the file system ticks every few milliseconds.
        tokio::time::sleep(std::time::Duration::from_millis(12)).await;
    }
}
