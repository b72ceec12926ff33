//! Addressable places and their addresses.
//!
//! Invariant: a [`StorageUri`] is normalised when parsed (no `.` or `..`, no doubled or trailing slash), so that "inside" and
//! "the same" can be decided on the text. What a path *is* on disk (links, devices) is an adapter's question.

use crate::domain::encryption::Encryption;
use crate::domain::id::LocationId;
use crate::domain::name::{Name, StorageClass};
use crate::domain::unit::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Who runs the store behind a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// A directory of this machine or a mounted share.
    Local,
    /// Amazon S3 or anything that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Provider {
    /// The URI scheme of its locations.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Local => "file",
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }

    /// Whether a prefix can be given another name without copying its objects. What cannot be renamed is written in place.
    #[must_use]
    pub fn can_rename(self) -> bool {
        self == Self::Local
    }
}

/// Our ladder of storage classes, from dearest to keep to dearest to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Read often.
    Hot,
    /// Read about monthly.
    Warm,
    /// Read about quarterly, still at once.
    Cold,
    /// Read after a wait of minutes to hours.
    Archive,
}

/// Why an address was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// No `scheme://`.
    #[error(
        "{0:?} is not an address: write file:///path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
    )]
    NoScheme(String),
    /// A scheme that no store here has.
    #[error("the scheme {0:?} is not known: file, s3, gs and az are")]
    Scheme(String),
    /// `file://host/path` or a relative path.
    #[error("{0:?} must name an absolute path, as in file:///data/sets")]
    NotAbsolute(String),
    /// No bucket.
    #[error("{0:?} names no bucket")]
    NoBucket(String),
    /// `..` in the path.
    #[error("{0:?} contains \"..\", which is refused so that an address means one place")]
    DotDot(String),
    /// A control character or NUL.
    #[error("{0:?} contains a control character")]
    Control(String),
    /// Too long to be a path anywhere.
    #[error("the address has {0} bytes; at most 4096 are allowed")]
    TooLong(usize),
    /// A URL part that a storage address has not.
    #[error("{0:?} contains a query, a fragment or a user name, which a storage address has not")]
    Extra(String),
}

/// A normalised address: `file:///root/dir`, `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageUri {
    provider_scheme: &'static str,
    /// Bucket or container; empty for local paths.
    bucket: String,
    /// Segments joined by `/`, without a leading or trailing slash.
    path: String,
}

impl StorageUri {
    /// The provider its scheme names.
    #[must_use]
    pub fn provider(&self) -> Provider {
        match self.provider_scheme {
            "s3" => Provider::S3,
            "gs" => Provider::Gcs,
            "az" => Provider::Azure,
            _ => Provider::Local,
        }
    }

    /// Bucket or container; `None` for local paths.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        (!self.bucket.is_empty()).then_some(self.bucket.as_str())
    }

    /// The path without a leading slash: a key prefix, or a local path below `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The absolute local path, for a local address.
    #[must_use]
    pub fn local_path(&self) -> Option<String> {
        (self.provider() == Provider::Local).then(|| format!("/{}", self.path))
    }

    /// The part of `other` below this address: `Some("")` when they are the same place, `None` when it is outside.
    #[must_use]
    pub fn relative<'a>(&self, other: &'a Self) -> Option<&'a str> {
        if self.provider_scheme != other.provider_scheme || self.bucket != other.bucket {
            return None;
        }
        if self.path.is_empty() {
            return Some(&other.path);
        }
        let rest = other.path.strip_prefix(self.path.as_str())?;
        if rest.is_empty() {
            Some(rest)
        } else {
            rest.strip_prefix('/')
        }
    }

    /// Whether one of the two lies inside the other, or both are the same.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.relative(other).is_some() || other.relative(self).is_some()
    }

    /// This address with `relative` (already free of `..`) below it.
    ///
    /// # Errors
    /// [`UriError::DotDot`] and the other refusals of parsing.
    pub fn join(&self, relative: &str) -> Result<Self, UriError> {
        format!("{self}/{relative}").parse()
    }

    /// The directory that holds this one; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let path = match self.path.rsplit_once('/') {
            Some((up, _)) => up.to_owned(),
            None if self.path.is_empty() => return None,
            None => String::new(),
        };
        Some(Self { path, ..self.clone() })
    }

    /// The last segment, for a default name.
    #[must_use]
    pub fn last_segment(&self) -> Option<&str> {
        self.path.rsplit('/').next().filter(|s| !s.is_empty())
    }
}

impl FromStr for StorageUri {
    type Err = UriError;
    fn from_str(text: &str) -> Result<Self, UriError> {
        let text = text.trim();
        if text.len() > 4096 {
            return Err(UriError::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(UriError::Control(text.to_owned()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(UriError::NoScheme(text.to_owned()));
        };
        let provider_scheme = match scheme.to_ascii_lowercase().as_str() {
            "file" => "file",
            "s3" | "s3a" => "s3",
            "gs" => "gs",
            "az" | "abfs" | "abfss" => "az",
            _ => return Err(UriError::Scheme(scheme.to_owned())),
        };
        let (bucket, path) = if provider_scheme == "file" {
            let Some(path) = rest.strip_prefix('/') else {
                return Err(UriError::NotAbsolute(text.to_owned()));
            };
            (String::new(), path)
        } else {
            let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(UriError::NoBucket(text.to_owned()));
            }
            if bucket.contains(['?', '#', '@']) {
                return Err(UriError::Extra(text.to_owned()));
            }
            (bucket.to_owned(), path)
        };
        let mut segments = Vec::new();
        for segment in path.split('/') {
            match segment {
                "" | "." => {}
                ".." => return Err(UriError::DotDot(text.to_owned())),
                other => segments.push(other),
            }
        }
        Ok(Self {
            provider_scheme,
            bucket,
            path: segments.join("/"),
        })
    }
}

impl fmt::Display for StorageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.provider_scheme, self.bucket)?;
        if self.bucket.is_empty() || !self.path.is_empty() {
            write!(f, "/{}", self.path)?;
        }
        Ok(())
    }
}

impl Serialize for StorageUri {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StorageUri {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for StorageUri {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StorageUri".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["file:///shared_storage/demo-dataset"] })
    }
}

/// Where a secret is found. The secret itself is never stored, logged or shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct CredentialRef(String);

impl CredentialRef {
    /// The reference as written: `env:NAME` or `file:PATH`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A credential that is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a credential is given by reference, env:NAME or file:PATH; what was given is not shown here because it may be a secret"
)]
pub struct CredentialRefError;

impl FromStr for CredentialRef {
    type Err = CredentialRefError;
    fn from_str(text: &str) -> Result<Self, CredentialRefError> {
        let ok = match text.split_once(':') {
            Some(("env", name)) => {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            }
            Some(("file", path)) => path.starts_with('/') && !path.chars().any(char::is_control),
            _ => false,
        };
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(CredentialRefError)
        }
    }
}

impl<'de> Deserialize<'de> for CredentialRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// How a store is reached. Local places need nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StoreAccess {
    /// Where the store answers, when not at its vendor's own address: `https://minio.example:9000`.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// Its region, such as `eu-central-1`.
    #[serde(default)]
    pub region: Option<Region>,
    /// Where its credentials are found; absent means those of the server's own environment.
    #[serde(default)]
    pub credential_ref: Option<CredentialRef>,
}

/// An address of a store that is not its vendor's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Endpoint(String);

/// A name of a region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Region(String);

/// An endpoint or region that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreAccessError {
    /// Not an address of the web, or with more in it than an address.
    #[error(
        "an endpoint is an address such as https://minio.example:9000, without a user name, a query or a fragment; what was given          is not shown here because it may hold a secret"
    )]
    Endpoint,
    /// Characters that no region has.
    #[error("{0:?} is no region: letters, digits and dashes, at most 64")]
    Region(String),
}

impl Endpoint {
    /// The address, without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there can be read on the way.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl FromStr for Endpoint {
    type Err = StoreAccessError;
    fn from_str(text: &str) -> Result<Self, StoreAccessError> {
        let text = text.trim().trim_end_matches('/');
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(rest)
                if !rest.is_empty()
                    && !rest.starts_with(['/', ':'])
                    && text.len() <= 512
                    && rest
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-._:/[]~%".contains(c)) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(StoreAccessError::Endpoint),
        }
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Region {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = StoreAccessError;
    fn from_str(text: &str) -> Result<Self, StoreAccessError> {
        let text = text.trim();
        let ok = !text.is_empty()
            && text.len() <= 64
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(StoreAccessError::Region(text.to_owned()))
        }
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// An addressable place: provider, bucket or root, and what may be kept there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// Its id in the catalog.
    pub id: LocationId,
    /// Its unique name.
    pub name: Name,
    /// Its root address.
    pub uri: StorageUri,
    /// Who runs the store.
    pub provider: Provider,
    /// The storage classes that may be used there; the first is the default. Never empty.
    pub storage_classes: Vec<StorageClass>,
    /// The price-book entry whose prices hold there, such as `aws/us-east-1` or `local/nvme`.
    pub price_book: String,
    /// Where its credentials are found; local places need none.
    pub credential_ref: Option<CredentialRef>,
    /// Where the store answers, when not at its vendor's own address.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// The store's region, where it has one.
    #[serde(default)]
    pub region: Option<Region>,
    /// How copies are encrypted that are written there from now on; those that stand there already say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Rises at every change; the ETag.
    pub generation: i64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is needed to register a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLocation {
    /// Unique name.
    pub name: Name,
    /// Root address.
    pub uri: StorageUri,
    /// Storage classes in use; empty means those of the price-book entry.
    #[serde(default)]
    pub storage_classes: Vec<StorageClass>,
    /// Price-book entry; absent means the provider's default.
    #[serde(default)]
    pub price_book: Option<String>,
    /// Credentials by reference.
    #[serde(default)]
    pub credential_ref: Option<CredentialRef>,
    /// Where the store answers, when not at its vendor's own address. Not for local places.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// The store's region. Not for local places.
    #[serde(default)]
    pub region: Option<Region>,
    /// The key, by reference, with which copies are encrypted that are written there: 32 bytes in base64 or hexadecimal digits.
    #[serde(default)]
    pub encryption_key_ref: Option<CredentialRef>,
}

impl Location {
    /// How its store is reached.
    #[must_use]
    pub fn access(&self) -> StoreAccess {
        StoreAccess {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            credential_ref: self.credential_ref.clone(),
        }
    }
}

impl NewLocation {
    /// How its store is reached.
    #[must_use]
    pub fn access(&self) -> StoreAccess {
        StoreAccess {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            credential_ref: self.credential_ref.clone(),
        }
    }
}

/// What a look at the real store found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocationCheck {
    /// Whether data can be read and written there now.
    pub reachable: bool,
    /// Free space in bytes where the store tells it.
    pub free_bytes: Option<crate::domain::unit::Bytes>,
    /// Total space in bytes where the store tells it.
    pub total_bytes: Option<crate::domain::unit::Bytes>,
    /// Round trip of the check in microseconds.
    pub latency_us: i64,
    /// What is wrong, in words, when it is not reachable.
    pub problem: Option<String>,
    /// When the look was taken.
    pub checked_at: Timestamp,
}

/// A location with what stands on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocationSummary {
    /// The location.
    #[serde(flatten)]
    pub location: Location,
    /// Datasets served from it.
    pub dataset_count: i64,
    /// Their bytes in the catalog.
    pub dataset_bytes: crate::domain::unit::Bytes,
    /// Their storage cost for 30 days, where prices are known.
    pub monthly_cost_nanousd: Option<crate::domain::unit::NanoUsd>,
    /// The last check, when there was one.
    pub check: Option<LocationCheck>,
    /// How fast reads there were; absent before any was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<crate::domain::read_times::ReadFigures>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> StorageUri {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_normalised() {
        for (given, kept) in [
            ("file:///a//b/./c/", "file:///a/b/c"),
            ("file:///", "file:///"),
            ("s3://bucket", "s3://bucket"),
            ("S3://bucket/x//y", "s3://bucket/x/y"),
            ("az://box/p", "az://box/p"),
        ] {
            assert_eq!(uri(given).to_string(), kept);
        }
    }

    #[test]
    fn addresses_that_could_mislead_are_refused() {
        for text in [
            "",
            "a/b",
            "http://x/y",
            "file://host/x",
            "file://x",
            "s3:///x",
            "file:///a/../b",
            "file:///a\0b",
        ] {
            assert!(text.parse::<StorageUri>().is_err(), "{text}");
        }
    }

    #[test]
    fn inside_and_overlap() {
        let root = uri("file:///data");
        assert_eq!(root.relative(&uri("file:///data/x/y")), Some("x/y"));
        assert_eq!(root.relative(&uri("file:///data")), Some(""));
        assert_eq!(root.relative(&uri("file:///database")), None);
        assert_eq!(uri("file:///").relative(&uri("file:///data")), Some("data"));
        assert_eq!(root.relative(&uri("s3://data/x")), None);
        assert!(uri("file:///data/x").overlaps(&root));
        assert!(!uri("file:///data/x").overlaps(&uri("file:///data/xy")));
        assert_eq!(uri("file:///a").parent(), Some(uri("file:///")));
        assert_eq!(uri("file:///").parent(), None);
    }

    #[test]
    fn an_endpoint_is_an_address_and_nothing_more() {
        let kept: Endpoint = "http://127.0.0.1:9000/".parse().unwrap();
        assert_eq!(kept.as_str(), "http://127.0.0.1:9000");
        assert!(kept.is_plain());
        for text in [
            "",
            "minio:9000",
            "https://",
            "ftp://x",
            "https://user:pw@host",
            "https://h?a=b",
            "https://h#f",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(!error.to_string().contains("pw"), "{text}");
        }
        assert!("eu-central-1".parse::<Region>().is_ok());
        assert!("eu central".parse::<Region>().is_err());
    }

    #[test]
    fn a_secret_in_place_of_a_reference_is_refused_and_not_repeated() {
        assert!("env:AWS_KEY".parse::<CredentialRef>().is_ok());
        let error = "AKIAIOSFODNN7EXAMPLE".parse::<CredentialRef>().unwrap_err();
        assert!(!error.to_string().contains("AKIA"));
    }
}
