//! What a store says is the checksum of an object.
//!
//! Invariant: a store that says nothing has said nothing: no sum is guessed, and the caller reads the object back.

use super::client::Bucket;
use super::failure::failure;
use crate::adapters::objects::sums::{Kind, Sum};
use crate::domain::location::Provider;
use crate::ports::objects::ObjectError;
use hyper::HeaderMap;
use object_store::path::Path;
use object_store::{GetOptions, GetResult};

/// The sums in an answer's head, the object's class, and how many tags it has; the connections put it where the client library hands
/// it on.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    sums: Vec<Sum>,
    tags: u64,
    class: Option<String>,
}

impl Told {
    /// Of an answer; `None` where there are none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut sums = Vec::new();
        // A composite one is of the parts' sums and not of the bytes.
        if text("x-amz-checksum-type").is_none_or(|kind| kind == "FULL_OBJECT") {
            sums.extend(text("x-amz-checksum-crc64nvme").and_then(|sum| Sum::told(Kind::Crc64Nvme, sum)));
        }
        let google = headers
            .get_all("x-goog-hash")
            .iter()
            .filter_map(|value| value.to_str().ok());
        for part in google.flat_map(|value| value.split(',')) {
            if let Some(sum) = part.trim().strip_prefix("crc32c=") {
                sums.extend(Sum::told(Kind::Crc32c, sum));
            }
        }
        sums.extend(text("content-md5").and_then(|sum| Sum::told(Kind::Md5, sum)));
        let tags = text("x-amz-tagging-count").or_else(|| text("x-ms-tag-count"));
        let tags = tags.and_then(|count| count.parse().ok()).unwrap_or(0);
        let class = ["x-amz-storage-class", "x-goog-storage-class", "x-ms-access-tier"]
            .into_iter()
            .find_map(text)
            .map(str::to_owned);
        (!sums.is_empty() || tags > 0 || class.is_some()).then_some(Self { sums, tags, class })
    }

    fn kind(&self, kind: Kind) -> Option<Sum> {
        self.sums.iter().find(|sum| sum.kind() == kind).cloned()
    }

    /// How many tags the store says the object has.
    pub(super) fn tag_count(&self) -> u64 {
        self.tags
    }
}

/// The storage class that an answer tells. S3 tells none of the standard class.
pub(super) fn class(found: &GetResult) -> Option<&str> {
    found
        .extensions
        .get::<Told>()
        .and_then(|told| told.class.as_deref())
}

/// What the store says of an object, and the checksum that it keeps.
pub(super) async fn look(bucket: &Bucket, path: &Path) -> Result<(GetResult, Option<Sum>), ObjectError> {
    let options = GetOptions {
        head: true,
        ..GetOptions::default()
    };
    let found = bucket.store.get_opts(path, options).await;
    let found = found.map_err(|e| failure(&e, "look at", bucket, path))?;
    let Some(kind) = Kind::of(bucket.provider) else {
        return Ok((found, None));
    };
    let told = found.extensions.get::<Told>().and_then(|told| told.kind(kind));
    if told.is_some() || bucket.provider != Provider::S3 {
        return Ok((found, told));
    }
    // S3 tells only who asks, and the client library does not.
    let Some(raw) = &bucket.raw else {
        return Ok((found, None));
    };
    let asked = raw
        .head(path)
        .await
        .map_err(|problem| ObjectError::Busy(format!("look at {}/{path}: {problem}", bucket.shown)))?;
    let same = asked.get("etag").and_then(|tag| tag.to_str().ok()) == found.meta.e_tag.as_deref();
    let told = Told::of(&asked).and_then(|told| told.kind(kind));
    Ok((found, told.filter(|_| same)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sums_of_the_whole_are_taken() {
        let told = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            Told::of(&headers)
        };
        let crc = ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=");
        assert!(told(&[crc]).unwrap().kind(Kind::Crc64Nvme).is_some());
        assert!(told(&[crc, ("x-amz-checksum-type", "COMPOSITE")]).is_none());
        assert!(told(&[("x-amz-checksum-crc64nvme", "rosUhgp5mIg=-3")]).is_none());
        let both = told(&[
            ("x-goog-hash", "crc32c=4waSgw=="),
            ("x-goog-hash", "md5=JfnnlDI7RTiF9RgfG2JNCw=="),
        ]);
        assert!(both.unwrap().kind(Kind::Crc32c).is_some());
        let one = told(&[("x-goog-hash", "md5=JfnnlDI7RTiF9RgfG2JNCw==, crc32c=4waSgw==")]);
        assert!(one.unwrap().kind(Kind::Crc32c).is_some());
        assert!(
            told(&[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")])
                .unwrap()
                .kind(Kind::Md5)
                .is_some()
        );
    }
}
