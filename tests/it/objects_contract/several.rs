//! Clauses on several small objects in one call.

use super::{Ground, expect};
use data_in_motion::ports::objects::{Copied, Expected, FoundObject, ObjectError, Staging};
use std::collections::BTreeMap;
use std::fs;

/// Asks until all are answered.
async fn copied(
    ground: &Ground,
    staging: &Staging,
    objects: &[FoundObject],
) -> BTreeMap<String, Result<Copied, ObjectError>> {
    let mut answers = BTreeMap::new();
    while answers.len() < objects.len() {
        let left = &objects[answers.len()..];
        let some = ground
            .store
            .copy_several(&ground.source(), staging, left, &ground.meter)
            .await;
        assert!(!some.is_empty() && some.len() <= left.len(), "{}", some.len());
        answers.extend(left.iter().map(|object| object.key.clone()).zip(some));
    }
    answers
}

pub async fn several_are_copied_as_one_is(ground: Ground) {
    for i in 0..50 {
        let key = format!("set/folder-{}/deep/object {i}", i % 3);
        ground.write(&key, format!("content {i}").repeat(i));
    }
    ground.write("set/top", "top");
    let objects = ground.objects().await;
    let (one, several) = (ground.staging("one"), ground.staging("several"));
    let wanted = ground.copy_all(&one).await;
    ground.store.prepare(&several).await.unwrap();
    // What a killed mover left at a name is no reason to stop, and nothing of it stays.
    ground.write(
        &format!("{}/top", several.data().path),
        "a longer half of something",
    );
    let before = ground.meter.bytes();
    let answers = copied(&ground, &several, &objects).await;
    assert_eq!(ground.meter.bytes() - before, before, "each byte is counted once");
    let found: Vec<Expected> = objects
        .iter()
        .map(|object| expect(object, answers[&object.key].clone().unwrap()))
        .collect();
    assert_eq!(found, wanted);
    let keys = objects.iter().map(|object| object.key.clone()).collect();
    ground.store.sync(&several, keys).await.unwrap();
    let listed = ground.store.list(&several.data()).await.unwrap().objects;
    for object in listed {
        let told = answers[&object.key].as_ref().unwrap();
        assert_eq!(told.fingerprint, object.fingerprint, "{}", object.key);
    }
    let partial = fs::read_dir(ground.path(&several.partial().path)).unwrap();
    assert_eq!(partial.count(), 0);
}

pub async fn of_several_only_those_that_changed_fail(ground: Ground) {
    for i in 0..9 {
        ground.write(&format!("set/{}/object-{i}", i % 2), format!("content {i}"));
    }
    let objects = ground.objects().await;
    ground.write("set/0/object-4", "content X");
    fs::remove_file(ground.path("set/1/object-7")).unwrap();
    let staging = ground.staging("copy");
    ground.store.prepare(&staging).await.unwrap();
    let answers = copied(&ground, &staging, &objects).await;
    for (key, answer) in &answers {
        let changed = ["0/object-4", "1/object-7"].contains(&key.as_str());
        match answer {
            Err(ObjectError::Changed(named)) if changed => assert_eq!(named, key),
            Ok(_) if !changed => {}
            other => panic!("{key}: {other:?}"),
        }
    }
    let staged = ground.store.list(&staging.data()).await.unwrap().objects;
    assert_eq!(staged.len(), 7, "a copy that fails leaves nothing: {staged:?}");
}

pub async fn of_several_the_damaged_one_is_named(ground: Ground) {
    for i in 0..9 {
        ground.write(&format!("set/{}/object-{i}", i % 2), format!("content {i}"));
    }
    let staging = ground.staging("copy");
    let expected = ground.copy_all(&staging).await;
    let data = staging.data();
    let at = ground.path(&format!("{}/1/object-5", data.path));
    let time = fs::metadata(&at).unwrap().modified().unwrap();
    fs::write(&at, "content 6").unwrap();
    fs::File::open(&at).unwrap().set_modified(time).unwrap();
    fs::remove_file(ground.path(&format!("{}/0/object-2", data.path))).unwrap();
    let mut answers = Vec::new();
    while answers.len() < expected.len() {
        let left = &expected[answers.len()..];
        let some = ground.store.verify_several(&data, left, &ground.meter).await;
        assert!(!some.is_empty() && some.len() <= left.len());
        answers.extend(some);
    }
    for (object, answer) in expected.iter().zip(answers) {
        match (object.key.as_str(), answer) {
            ("1/object-5", Err(ObjectError::Mismatch(reason))) => {
                assert!(reason.contains("1/object-5"), "{reason}");
            }
            ("0/object-2", Err(ObjectError::NotFound(_))) => {}
            (_, Ok(())) => {}
            (key, other) => panic!("{key}: {other:?}"),
        }
    }
}

pub async fn a_stop_leaves_several_undone(ground: Ground) {
    for i in 0..5 {
        ground.write(&format!("set/object-{i}"), "content");
    }
    let objects = ground.objects().await;
    let staging = ground.staging("copy");
    ground.store.prepare(&staging).await.unwrap();
    ground.meter.stop();
    for answer in copied(&ground, &staging, &objects).await.into_values() {
        assert_eq!(answer.unwrap_err(), ObjectError::Stopped);
    }
    assert!(
        ground
            .store
            .list(&staging.data())
            .await
            .unwrap()
            .objects
            .is_empty()
    );
}
