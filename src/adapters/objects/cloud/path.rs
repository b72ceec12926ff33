//! Keys of a bucket, and their places below a location's prefix.
//!
//! Invariant: a key that could not be told from another one, or that could lead elsewhere on another store, is refused.

use crate::domain::unit::Bytes;
use crate::ports::objects::{FoundObject, ObjectError, Prefix};
use object_store::ObjectMeta;
use object_store::path::Path;

/// The longest key that every vendor takes, in bytes.
const KEY_MAX: usize = 1024;

/// A prefix in its bucket; `None` is the whole bucket.
pub(super) fn base(prefix: &Prefix) -> Result<Option<Path>, ObjectError> {
    let whole = match (prefix.root.path(), prefix.path.as_str()) {
        ("", "") => return Ok(None),
        ("", path) | (path, "") => path.to_owned(),
        (root, path) => format!("{root}/{path}"),
    };
    parse(&whole).map(Some)
}

/// An object in its bucket.
pub(super) fn of_key(prefix: &Prefix, key: &str) -> Result<Path, ObjectError> {
    if key.is_empty() || key.starts_with('/') || key.ends_with('/') {
        return Err(ObjectError::Unsafe(format!(
            "the key {key:?} is refused: it is empty, or begins or ends with a slash"
        )));
    }
    match base(prefix)? {
        Some(base) => parse(&format!("{base}/{key}")),
        None => parse(key),
    }
}

fn parse(text: &str) -> Result<Path, ObjectError> {
    if text.len() > KEY_MAX {
        return Err(ObjectError::Unsafe(format!(
            "the key {text:?} has {} bytes; stores take at most {KEY_MAX}",
            text.len()
        )));
    }
    match Path::parse(text) {
        // What is parsed must be what was written: a doubled or trailing slash names another object.
        Ok(path) if path.as_ref() == text => Ok(path),
        _ => Err(ObjectError::Unsafe(format!(
            "the key {text:?} is refused: it has an empty part, \"..\" or a control character"
        ))),
    }
}

/// The key of an object below a prefix; `None` when it lies elsewhere.
pub(super) fn key_below(base: Option<&Path>, location: &Path) -> Option<String> {
    match base {
        None => Some(location.to_string()),
        Some(base) => location
            .as_ref()
            .strip_prefix(base.as_ref())
            .and_then(|rest| rest.strip_prefix('/'))
            .map(str::to_owned),
    }
}

/// An ETag without its quotes; a weak one stays marked as such.
pub(super) fn bare(tag: &str) -> &str {
    tag.trim_matches('"')
}

/// ETag and size: stores change the ETag with the content, and some list no version.
pub(super) fn fingerprint(tag: Option<&str>, size: u64) -> Result<String, String> {
    match tag.map(bare).filter(|tag| !tag.is_empty()) {
        Some(tag) => Ok(format!("{tag}:{size}")),
        None => Err("the store tells no ETag, without which a change cannot be seen".into()),
    }
}

/// The fingerprint of what a store says of an object.
pub(super) fn fingerprint_of(meta: &ObjectMeta) -> Result<String, String> {
    fingerprint(meta.e_tag.as_deref(), meta.size)
}

/// The ETag in a fingerprint, as a condition wants it.
pub(super) fn condition(object: &FoundObject) -> Option<String> {
    let (tag, _) = object.fingerprint.rsplit_once(':')?;
    Some(format!("\"{tag}\""))
}

/// An object as a listing has it.
pub(super) fn found(key: String, meta: &ObjectMeta) -> Result<FoundObject, String> {
    Ok(FoundObject {
        key,
        size_bytes: Bytes(meta.size),
        fingerprint: fingerprint_of(meta)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(root: &str, path: &str) -> Prefix {
        Prefix {
            root: root.parse().unwrap(),
            path: path.into(),
            encryption: None,
        }
    }

    #[test]
    fn keys_stand_below_their_prefix_and_come_back() {
        for (root, path, whole) in [
            ("s3://b", "", "k/ü #?%2F*~.txt"),
            ("s3://b", "set", "set/k/ü #?%2F*~.txt"),
            ("s3://b/root", "", "root/k/ü #?%2F*~.txt"),
            ("s3://b/root", "set/x", "root/set/x/k/ü #?%2F*~.txt"),
        ] {
            let at = prefix(root, path);
            let key = "k/ü #?%2F*~.txt";
            let found = of_key(&at, key).unwrap();
            assert_eq!(found.as_ref(), whole);
            let base = base(&at).unwrap();
            assert_eq!(key_below(base.as_ref(), &found).as_deref(), Some(key));
        }
        let other = Path::parse("settings/x").unwrap();
        assert_eq!(key_below(Some(&Path::parse("set").unwrap()), &other), None);
    }

    #[test]
    fn keys_that_mislead_are_refused() {
        let at = prefix("s3://b", "set");
        let long = "x".repeat(1025);
        for key in [
            "",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/../b",
            "a/./b",
            "a\0b",
            "a\nb",
            long.as_str(),
        ] {
            assert!(matches!(of_key(&at, key), Err(ObjectError::Unsafe(_))), "{key:?}");
        }
    }
}
