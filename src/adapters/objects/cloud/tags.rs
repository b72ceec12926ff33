//! The tags of an object: names with values that a store keeps beside it, for its rules and bills.
//!
//! S3 and Azure have them and say with every answer how many there are, to whoever may read them; only then are they asked for.
//! Google Cloud Storage has none. Changing tags changes nothing else of an object, so that a change during a move is found by the
//! check of the copy and not before.

use super::azure::{Azure, Unanswered};
use super::client::Bucket;
use super::raw::{S3, encoded_path};
use super::told;
use crate::domain::location::Provider;
use crate::ports::objects::ObjectError;
use hyper::{HeaderMap, Method};
use object_store::client::HttpResponse;
use object_store::path::Path;
use object_store::{GetResult, TagSet};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a store may think about an object's tags.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer that is read: ten tags of at most 384 characters are a small part of it.
const ANSWER_MAX: usize = 256 << 10;

/// Names and values.
pub(super) type Tags = BTreeMap<String, String>;

/// Both vendors' answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    tag_set: Set,
}

#[derive(Deserialize)]
struct Set {
    #[serde(default, rename = "Tag")]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

fn parsed(text: &str) -> Result<Tags, String> {
    // Azure's answers may begin with a mark of the byte order.
    let text = text.trim_start_matches('\u{feff}');
    let answer: Answer =
        quick_xml::de::from_str(text).map_err(|e| format!("the list of tags cannot be read: {e}"))?;
    Ok(answer
        .tag_set
        .tags
        .into_iter()
        .map(|tag| (tag.key, tag.value))
        .collect())
}

/// How many tags the store says an object has.
pub(super) fn count(found: &GetResult) -> u64 {
    found
        .extensions
        .get::<told::Told>()
        .map_or(0, told::Told::tag_count)
}

/// The tags of an object, of which the store has said that there are so many.
pub(super) async fn of(bucket: &Bucket, path: &Path, count: u64) -> Result<Tags, ObjectError> {
    if count == 0 {
        return Ok(Tags::new());
    }
    let at = format!("{}/{path}", bucket.shown);
    let failed = |why: String| format!("read the tags of {at}: {why}");
    let asked = async {
        match (&bucket.raw, &bucket.azure) {
            (Some(s3), _) => s3.tags(path).await,
            (_, Some(azure)) => azure.tags(path).await,
            // Otherwise the copy would lack them without a word.
            (None, None) => Err(ObjectError::NotSupported(
                "tags of objects that are reached without credentials of a location".into(),
            )),
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asked)
        .await
        .map_err(|_| ObjectError::Busy(failed(format!("no answer within {} s", PATIENCE.as_secs()))))?;
    answer.map_err(|e| match e {
        ObjectError::Busy(why) => ObjectError::Busy(failed(why)),
        ObjectError::Denied(why) => ObjectError::Denied(failed(why)),
        ObjectError::Io(why) => ObjectError::Io(failed(why)),
        ObjectError::NotSupported(why) => ObjectError::NotSupported(format!("{why}: {at}")),
        other => other,
    })
}

impl S3 {
    async fn tags(&self, path: &Path) -> Result<Tags, ObjectError> {
        let rest = format!("/{}?tagging=", encoded_path(path));
        let answer = self.ask(Method::GET, &rest, |_| {}).await;
        read(answer.map_err(ObjectError::Busy)?).await
    }
}

impl Azure {
    async fn tags(&self, path: &Path) -> Result<Tags, ObjectError> {
        let url = format!("{}?comp=tags", self.url(path));
        match self.ask(Method::GET, &url, HeaderMap::new(), Vec::new()).await {
            Ok(answer) => read(answer).await,
            Err(Unanswered::Busy(why)) => Err(ObjectError::Busy(why)),
            Err(Unanswered::Denied(why)) => Err(ObjectError::Denied(why)),
            Err(Unanswered::Other(why)) => Err(ObjectError::Io(why)),
        }
    }
}

async fn read(answer: HttpResponse) -> Result<Tags, ObjectError> {
    let status = answer.status();
    let mut body = Vec::new();
    let mut pieces = answer.into_body().bytes_stream();
    while let Some(piece) = futures::StreamExt::next(&mut pieces).await {
        body.extend_from_slice(&piece.map_err(|e| ObjectError::Busy(e.to_string()))?);
        if body.len() > ANSWER_MAX {
            return Err(ObjectError::Io("the answer is too long".into()));
        }
    }
    let said = format!("the store answered {status}");
    match status.as_u16() {
        200..=299 => {}
        401 | 403 => return Err(ObjectError::Denied(said)),
        408 | 429 | 500..=599 => return Err(ObjectError::Busy(said)),
        _ => return Err(ObjectError::Io(said)),
    }
    let text = String::from_utf8(body).map_err(|_| ObjectError::Io("the answer is no text".into()))?;
    parsed(&text).map_err(ObjectError::Io)
}

/// Tags as a write sends them.
pub(super) fn to_write(tags: &Tags) -> TagSet {
    let mut set = TagSet::default();
    for (name, value) in tags {
        set.push(name, value);
    }
    set
}

/// The tags that a vendor can keep, of these: none on Google Cloud Storage, all or an error elsewhere.
pub(super) fn kept_by(provider: Provider, key: &str, tags: Tags) -> Result<Tags, ObjectError> {
    if matches!(provider, Provider::Gcs | Provider::Local) {
        return Ok(Tags::new());
    }
    if provider == Provider::Azure {
        // https://learn.microsoft.com/rest/api/storageservices/set-blob-tags: letters, digits, space and + - . / : = _
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b" +-./:=_".contains(&b))
        };
        if let Some((name, value)) = tags.iter().find(|(name, value)| !plain(name) || !plain(value)) {
            return Err(ObjectError::NotSupported(format!(
                "the tag {name:?} = {value:?} of the object {key:?} on Azure, whose tags have only letters, digits, space and \
                 + - . / : = _; change it at the source and retry"
            )));
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_vendors_answers_are_read() {
        let s3 = "<?xml version=\"1.0\"?><Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>\
                  <Tag><Key>team</Key><Value>a &amp; b</Value></Tag><Tag><Key>empty</Key><Value></Value></Tag></TagSet></Tagging>";
        let tags = parsed(s3).unwrap();
        assert_eq!(tags["team"], "a & b");
        assert_eq!(tags["empty"], "");
        let azure = "\u{feff}<Tags><TagSet><Tag><Key>team</Key><Value>x</Value></Tag></TagSet></Tags>";
        assert_eq!(parsed(azure).unwrap()["team"], "x");
        assert!(parsed("<Tags><TagSet/></Tags>").unwrap().is_empty());
        assert!(parsed("no list").is_err());
    }

    #[test]
    fn what_a_vendor_cannot_keep_is_said() {
        let tags = || Tags::from([("team".to_owned(), "x@y".to_owned())]);
        assert_eq!(kept_by(Provider::S3, "k", tags()), Ok(tags()));
        assert_eq!(kept_by(Provider::Gcs, "k", tags()), Ok(Tags::new()));
        let refused = kept_by(Provider::Azure, "k", tags()).unwrap_err().to_string();
        assert!(refused.contains("\"k\"") && refused.contains("x@y"), "{refused}");
        let set = to_write(&Tags::from([("a b".to_owned(), "c/d=é".to_owned())]));
        assert_eq!(set.encoded(), "a+b=c%2Fd%3D%C3%A9");
    }
}
