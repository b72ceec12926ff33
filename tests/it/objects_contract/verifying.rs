//! Clauses on reading back.

use super::Ground;
use data_in_motion::ports::objects::{Expected, Meter, ObjectError};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// Changes a file as rot would: the modification time stays.
fn rot(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

pub async fn a_damaged_object_is_found(ground: Ground) {
    let content = |seed: u8| -> Vec<u8> { (0..2_500_000_u32).map(|i| (i as u8) ^ seed).collect() };
    ground.write("set/a", content(1));
    ground.write("set/b", content(2));
    let time = fs::metadata(ground.path("set/a")).unwrap().modified().unwrap();
    fs::File::open(ground.path("set/b"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    let staging = ground.staging("copy");
    let data = staging.data();
    let expected = ground.copy_all(&staging).await;
    let at = |key: &str| ground.path(&format!("{}/{key}", data.path));
    let verify = async |one: &Expected| ground.store.verify(&data, one, &ground.meter).await;
    let bit = |byte: usize, bit: u8| move |bytes: &mut Vec<u8>| bytes[byte] ^= 1 << bit;
    type Damage<'a> = (&'a str, Box<dyn Fn() + 'a>);
    let damages: Vec<Damage<'_>> = vec![
        ("one bit of the first byte", Box::new(|| rot(&at("a"), bit(0, 0)))),
        (
            "one bit of the last byte",
            Box::new(|| rot(&at("a"), bit(2_499_999, 7))),
        ),
        (
            "one bit in the middle",
            Box::new(|| rot(&at("a"), bit(1_300_000, 3))),
        ),
        ("cut short", Box::new(|| rot(&at("a"), |b| b.truncate(2_499_999)))),
        ("emptied", Box::new(|| rot(&at("a"), Vec::clear))),
        ("one byte more", Box::new(|| rot(&at("a"), |b| b.push(0)))),
        (
            "a block of zeros",
            Box::new(|| rot(&at("a"), |b| b[4096..8192].fill(0))),
        ),
        (
            "all zeros",
            Box::new(|| rot(&at("a"), |b| b.iter_mut().for_each(|x| *x = 0))),
        ),
        (
            "swapped with another of its size and time",
            Box::new(|| {
                fs::rename(at("a"), at("c")).unwrap();
                fs::rename(at("b"), at("a")).unwrap();
                fs::rename(at("c"), at("b")).unwrap();
            }),
        ),
    ];
    for (what, damage) in damages {
        assert_eq!(verify(&expected[0]).await, Ok(()), "before: {what}");
        let whole = (fs::read(at("a")).unwrap(), fs::read(at("b")).unwrap());
        damage();
        let answer = verify(&expected[0]).await;
        assert!(
            matches!(&answer, Err(ObjectError::Mismatch(m)) if m.contains("\"a\"")),
            "{what}: {answer:?}"
        );
        rot(&at("a"), |b| *b = whole.0);
        rot(&at("b"), |b| *b = whole.1);
    }
    fs::remove_file(at("a")).unwrap();
    let gone = verify(&expected[0]).await;
    assert!(matches!(gone, Err(ObjectError::NotFound(_))), "{gone:?}");
    std::os::unix::fs::symlink(ground.path("set/a"), at("a")).unwrap();
    let linked = verify(&expected[0]).await;
    assert!(matches!(linked, Err(ObjectError::Unsafe(_))), "{linked:?}");
    let stopped = Arc::new(Meter::default());
    stopped.stop();
    let answer = ground.store.verify(&data, &expected[1], &stopped).await;
    assert_eq!(answer, Err(ObjectError::Stopped));
}

pub async fn metadata_is_compared_when_asked(ground: Ground) {
    ground.write("set/a", "content");
    let staging = ground.staging("copy");
    let expected = ground.copy_all(&staging).await.remove(0);
    let content_only = Expected {
        metadata: None,
        ..expected.clone()
    };
    let path = ground.path(&format!("{}/a", staging.data().path));
    let meta = fs::metadata(&path).unwrap();
    let answers = async |what: &str| {
        let strict = ground
            .store
            .verify(&staging.data(), &expected, &ground.meter)
            .await;
        assert!(
            matches!(strict, Err(ObjectError::Mismatch(_))),
            "{what}: {strict:?}"
        );
        let loose = ground
            .store
            .verify(&staging.data(), &content_only, &ground.meter)
            .await;
        assert_eq!(loose, Ok(()), "{what}");
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    answers("another mode").await;
    fs::set_permissions(&path, meta.permissions()).unwrap();
    let later = meta.modified().unwrap() + std::time::Duration::from_nanos(1);
    fs::File::open(&path).unwrap().set_modified(later).unwrap();
    answers("a modification time one nanosecond later").await;
}
