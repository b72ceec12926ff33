//! What an object carries besides its bytes: headers, user metadata, and what a local file was.
//!
//! Invariant: what is carried over is compared when the copy is read back. Three names of user metadata are ours: `dimmove` marks the
//! attempt that wrote an object, `dimmtime` and `dimmode` keep a local file's modification time and mode, so that the way back
//! restores them. They have no separator, since vendors differ in which they take.

use super::tags::{self, Tags};
use crate::adapters::objects::local::FileMeta;
use crate::domain::location::Provider;
use crate::domain::name::StorageClass;
use crate::ports::objects::ObjectError;
use object_store::{Attribute, Attributes, TagSet};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const MARK: &str = "dimmove";
const MTIME: &str = "dimmtime";
const MODE: &str = "dimmode";

/// What an object carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::adapters::objects) struct Carried {
    /// Headers by their names.
    headers: BTreeMap<&'static str, String>,
    /// User metadata, without ours.
    user: BTreeMap<String, String>,
    /// Tags, which are asked for only where they are needed.
    tags: Tags,
    mtime: Option<String>,
    mode: Option<String>,
}

const HEADERS: [(&str, Attribute); 5] = [
    ("cache-control", Attribute::CacheControl),
    ("content-disposition", Attribute::ContentDisposition),
    ("content-encoding", Attribute::ContentEncoding),
    ("content-language", Attribute::ContentLanguage),
    ("content-type", Attribute::ContentType),
];

/// What is sent with an object's bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    pub(super) attributes: Attributes,
    pub(super) tags: TagSet,
}

impl Carried {
    /// What a store says of an object, without its tags.
    pub(super) fn of(attributes: &Attributes, provider: Provider) -> Self {
        let mut carried = Self::default();
        for (name, attribute) in &HEADERS {
            if let Some(value) = attributes.get(attribute) {
                carried.headers.insert(name, value.to_string());
            }
        }
        for (attribute, value) in attributes {
            let Attribute::Metadata(name) = attribute else {
                continue;
            };
            match name.as_ref() {
                MARK => {}
                MTIME => carried.mtime = Some(value.to_string()),
                MODE => carried.mode = Some(value.to_string()),
                other => {
                    let name = if provider == Provider::Azure {
                        from_identifier(other)
                    } else {
                        other.to_owned()
                    };
                    carried.user.insert(name, value.to_string());
                }
            }
        }
        carried
    }

    /// The same with its tags.
    pub(super) fn tagged(self, tags: Tags) -> Self {
        Self { tags, ..self }
    }

    /// What of it a vendor can keep of the object `key`.
    pub(super) fn kept_by(mut self, provider: Provider, key: &str) -> Result<Self, ObjectError> {
        self.tags = tags::kept_by(provider, key, self.tags)?;
        Ok(self)
    }

    /// What a local file is.
    pub(in crate::adapters::objects) fn of_file(meta: &FileMeta) -> Self {
        Self {
            mtime: Some(format!("{}.{:09}", meta.mtime_secs, meta.mtime_nanos)),
            mode: Some(format!("{:o}", meta.mode)),
            ..Self::default()
        }
    }

    /// What the local file becomes; `modified` is the store's own time, for objects that were no files before.
    pub(super) fn to_file(&self, modified: i64) -> FileMeta {
        let time = self.mtime.as_deref().and_then(|text| {
            let (secs, nanos) = text.split_once('.')?;
            let nanos: i64 = nanos.parse().ok()?;
            let secs: i64 = secs.parse().ok()?;
            (0..1_000_000_000).contains(&nanos).then_some((secs, nanos))
        });
        let (mtime_secs, mtime_nanos) = time.unwrap_or((modified, 0));
        let mode = self
            .mode
            .as_deref()
            .and_then(|text| u32::from_str_radix(text, 8).ok())
            .unwrap_or(0o644);
        FileMeta {
            mode: mode & 0o777,
            mtime_secs,
            mtime_nanos,
        }
    }

    /// As a write of an attempt wants it.
    pub(super) fn to_write(&self, provider: Provider, mark: &str, class: Option<&StorageClass>) -> Headers {
        let mut headers = self.unmarked(provider);
        let attributes = &mut headers.attributes;
        attributes.insert(Attribute::Metadata(MARK.into()), mark.to_owned().into());
        if let Some(class) = class.and_then(|class| written_class(provider, class)) {
            attributes.insert(Attribute::StorageClass, class.into());
        }
        headers
    }

    /// As an object carries it that no attempt of a move wrote.
    pub(super) fn unmarked(&self, provider: Provider) -> Headers {
        let mut attributes = Attributes::new();
        for (name, attribute) in HEADERS {
            if let Some(value) = self.headers.get(name) {
                attributes.insert(attribute, value.clone().into());
            }
        }
        let user = self.user.iter().map(|(name, value)| {
            let name = if provider == Provider::Azure {
                to_identifier(name)
            } else {
                name.clone()
            };
            (name, value)
        });
        let ours = [(MTIME, &self.mtime), (MODE, &self.mode)];
        let ours = ours
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.as_ref()?)));
        for (name, value) in user.chain(ours) {
            attributes.insert(Attribute::Metadata(name.into()), value.clone().into());
        }
        Headers {
            attributes,
            tags: tags::to_write(&self.tags),
        }
    }

    /// As the manifest keeps it.
    pub(super) fn text(&self) -> String {
        let mut all: BTreeMap<String, &str> = BTreeMap::new();
        for (name, value) in &self.headers {
            all.insert((*name).to_owned(), value);
        }
        for (name, value) in &self.user {
            all.insert(format!("meta.{name}"), value);
        }
        for (name, value) in &self.tags {
            all.insert(format!("tag.{name}"), value);
        }
        let ours = [("mtime", &self.mtime), ("mode", &self.mode)];
        for (name, value) in ours {
            if let Some(value) = value {
                all.insert(name.to_owned(), value);
            }
        }
        serde_json::to_string(&all).unwrap_or_default()
    }

    /// How this, read back, differs from what the manifest kept; headers that were not set may have a default of the store's.
    pub(super) fn differs(&self, wanted: &str) -> Option<String> {
        let Ok(wanted) = serde_json::from_str::<BTreeMap<String, String>>(wanted) else {
            return Some("metadata of another kind".into());
        };
        let found: BTreeMap<String, String> = serde_json::from_str(&self.text()).unwrap_or_default();
        for (name, value) in &wanted {
            match found.get(name) {
                Some(found) if found == value => {}
                Some(found) => return Some(format!("{name} {found:?}, not {value:?}")),
                None => return Some(format!("no {name}, which was {value:?}")),
            }
        }
        let extra = found.keys().find(|name| {
            !wanted.contains_key(*name) && (name.starts_with("meta.") || name.starts_with("tag."))
        });
        extra.map(|name| format!("{name}, which was not set"))
    }
}

/// The mark on an object.
pub(super) fn mark(attributes: &Attributes) -> Option<&str> {
    attributes
        .get(&Attribute::Metadata(MARK.into()))
        .map(|value| value.as_ref())
}

/// The class as its vendor writes it, where it is one that has to be asked for. Other words name what a place costs.
pub(super) fn written_class(provider: Provider, class: &StorageClass) -> Option<&'static str> {
    let known: &[&'static str] = match provider {
        Provider::S3 => &[
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER_IR",
            "GLACIER",
            "DEEP_ARCHIVE",
            "REDUCED_REDUNDANCY",
        ],
        Provider::Gcs => &["NEARLINE", "COLDLINE", "ARCHIVE"],
        Provider::Azure => &["Cool", "Cold", "Archive"],
        Provider::Local => &[],
    };
    known.iter().copied().find(|name| class.matches(name))
}

/// The class by the name that its vendor knows it by, the one included that need not be asked for; `None` for other words.
pub(super) fn known_class(provider: Provider, class: &StorageClass) -> Option<&'static str> {
    let usual = usual_class(provider).filter(|usual| class.matches(usual));
    usual.or_else(|| written_class(provider, class))
}

/// The class of an object of which nothing is said.
pub(super) fn usual_class(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::S3 | Provider::Gcs => Some("STANDARD"),
        Provider::Azure => Some("Hot"),
        Provider::Local => None,
    }
}

/// Azure takes only identifiers: other characters are written as `_xHH_` for each of their bytes.
fn to_identifier(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (i, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphabetic() || byte == b'_' || (i > 0 && byte.is_ascii_digit());
        // What looks like our own writing is written out, so that it comes back as it was.
        if plain && !(byte == b'_' && name[i..].starts_with("_x")) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "_x{byte:02x}_");
        }
    }
    out
}

fn from_identifier(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let code = rest
            .strip_prefix("_x")
            .and_then(|r| r.get(..3))
            .filter(|code| code.ends_with('_'))
            .and_then(|code| u8::from_str_radix(&code[..2], 16).ok());
        if let Some(byte) = code {
            bytes.push(byte);
            rest = &rest[5..];
        } else {
            bytes.extend_from_slice(first.to_string().as_bytes());
            rest = &rest[first.len_utf8()..];
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried() -> Carried {
        let mut carried = Carried::of_file(&FileMeta {
            mode: 0o640,
            mtime_secs: -5,
            mtime_nanos: 7,
        });
        carried.headers.insert("content-type", "text/plain".into());
        for name in ["plain", "with-dash", "_x2d_", "9lives", "a_xzz_"] {
            carried.user.insert(name.into(), format!("value of {name}"));
        }
        carried
    }

    #[test]
    fn what_is_carried_survives_every_vendor() {
        for provider in [Provider::S3, Provider::Gcs, Provider::Azure] {
            let written = carried().to_write(provider, "token-1", None).attributes;
            assert_eq!(mark(&written), Some("token-1"));
            let back = Carried::of(&written, provider);
            assert_eq!(back, carried(), "{provider:?}");
            assert_eq!(back.differs(&carried().text()), None);
        }
        let file = carried().to_file(0);
        assert_eq!((file.mode, file.mtime_secs, file.mtime_nanos), (0o640, -5, 7));
    }

    #[test]
    fn a_difference_is_named() {
        let wanted = carried().text();
        let mut other = carried();
        other.user.remove("plain");
        assert!(other.differs(&wanted).unwrap().contains("no meta.plain"));
        other = carried();
        other.user.insert("new".into(), "x".into());
        assert!(other.differs(&wanted).unwrap().contains("meta.new"));
        let tagged = carried().tagged(Tags::from([("team".into(), "a".into())]));
        assert!(carried().differs(&tagged.text()).unwrap().contains("no tag.team"));
        assert!(
            tagged
                .differs(&wanted)
                .unwrap()
                .contains("tag.team, which was not set")
        );
        let back = Carried::of(
            &tagged.to_write(Provider::S3, "t-1", None).attributes,
            Provider::S3,
        );
        assert_eq!(back.tagged(tagged.tags.clone()).differs(&tagged.text()), None);
        other = carried();
        other.headers.insert("content-type", "image/png".into());
        assert!(other.differs(&wanted).unwrap().contains("image/png"));
        other = carried();
        other.headers.insert("content-language", "en".into());
        assert_eq!(other.differs(&wanted), None, "a default of the store");
    }
}
