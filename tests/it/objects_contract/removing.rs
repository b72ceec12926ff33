//! Clauses on removing.

use super::{Ground, tree};
use data_in_motion::domain::unit::Bytes;
use data_in_motion::ports::objects::{FoundObject, ObjectError};
use std::fs;
use std::os::unix::fs::symlink;

pub async fn only_what_is_unchanged_goes(ground: Ground) {
    for key in [
        "gone",
        "stays/same",
        "stays/written",
        "touched",
        "replaced",
        "swept/x/y",
    ] {
        ground.write(&format!("set/{key}"), "1");
    }
    let listed = ground.objects().await;
    fs::remove_file(ground.path("set/gone")).unwrap();
    ground.write("set/stays/written", "2");
    ground.write("set/stays/later", "3");
    let file = fs::File::open(ground.path("set/touched")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    ground.write("set/new", "1");
    fs::rename(ground.path("set/new"), ground.path("set/replaced")).unwrap();
    let removed = ground
        .store
        .remove(&ground.source(), listed.clone())
        .await
        .unwrap();
    assert_eq!(removed.removed, 3, "what was gone counts");
    let kept: Vec<_> = removed.kept.iter().map(|k| k.path.as_str()).collect();
    assert_eq!(kept, ["replaced", "stays/written", "touched"]);
    assert_eq!(
        tree(&ground.path("set")),
        ["replaced", "stays/", "stays/later", "stays/written", "touched"]
    );
    // Nothing is left of it once everything that is listed is what was listed.
    let listed = ground.objects().await;
    for _ in 0..2 {
        let removed = ground
            .store
            .remove(&ground.source(), listed.clone())
            .await
            .unwrap();
        assert_eq!((removed.removed, removed.kept.len()), (4, 0));
        assert!(!ground.path("set").exists() && ground.path("").exists());
    }
}

pub async fn a_link_in_the_way_is_not_followed(ground: Ground) {
    ground.write("set/deep/precious", "1");
    let listed = ground.objects().await;
    // The directory is exchanged for a link to another one that holds an object of the same name, which even is the same file.
    let outside = ground.dir.path().join("outside");
    fs::remove_file(outside.join("precious")).unwrap();
    fs::rename(ground.path("set/deep/precious"), outside.join("precious")).unwrap();
    fs::remove_dir(ground.path("set/deep")).unwrap();
    symlink(&outside, ground.path("set/deep")).unwrap();
    let answer = ground.store.remove(&ground.source(), listed).await;
    assert!(matches!(answer, Err(ObjectError::Unsafe(_))), "{answer:?}");
    assert_eq!(tree(&outside), ["precious"]);
}

pub async fn a_list_with_a_hostile_key_removes_nothing(ground: Ground) {
    ground.write("set/a", "1");
    let mut listed = ground.objects().await;
    listed.push(FoundObject {
        key: "../../outside/precious".into(),
        size_bytes: Bytes(8),
        fingerprint: String::new(),
    });
    let refused = ground.store.remove(&ground.source(), listed).await;
    assert!(matches!(refused, Err(ObjectError::Unsafe(_))), "{refused:?}");
    assert!(
        ground.path("set/a").exists(),
        "a list that cannot be trusted is not begun"
    );

    let staging = ground.staging("copy");
    ground.copy_all(&staging).await;
    let keys = vec!["a".to_owned(), "../../../set/a".into()];
    let refused = ground
        .store
        .discard(&staging, keys, vec!["../outside".into()])
        .await;
    assert!(matches!(refused, Err(ObjectError::Unsafe(_))), "{refused:?}");
    assert!(ground.path(&format!("{}/a", staging.data().path)).exists());
}

/// A disk that is not mounted holds nothing, which does not mean that what it held is gone.
pub async fn a_location_that_is_away_is_not_taken_for_removed(ground: Ground) {
    ground.write("set/a", "1");
    let listed = ground.objects().await;
    let staging = ground.staging("copy");
    ground.copy_all(&staging).await;
    let away = ground.dir.path().join("away");
    fs::rename(ground.path(""), &away).unwrap();
    let removed = ground.store.remove(&ground.source(), listed.clone()).await;
    assert!(matches!(removed, Err(ObjectError::NotFound(_))), "{removed:?}");
    let discarded = ground.store.discard(&staging, vec!["a".into()], Vec::new()).await;
    assert!(
        matches!(discarded, Err(ObjectError::NotFound(_))),
        "{discarded:?}"
    );
    fs::rename(&away, ground.path("")).unwrap();
    let removed = ground.store.remove(&ground.source(), listed).await.unwrap();
    assert_eq!(removed.removed, 1);
}
