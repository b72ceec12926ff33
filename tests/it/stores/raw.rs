//! Requests to a bucket by hand: put, get, delete, list.

use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::HttpRequest;
use std::collections::BTreeMap;

/// Who signs, and where the bucket is.
#[derive(Clone, Debug)]
pub enum Raw {
    /// S3.
    S3 {
        bucket: String,
        key: String,
        secret: String,
    },
    /// Google's XML interface, without signatures.
    Gcs { bucket: String },
    /// Azure.
    Azure {
        container: String,
        account: String,
        key: String,
    },
}

/// An object with its headers, names in lower case.
pub struct Found {
    pub bytes: Vec<u8>,
    pub headers: BTreeMap<String, String>,
}

impl Found {
    /// Its user metadata, as [`Raw::put`] takes it.
    pub fn user_meta(&self) -> Vec<(&str, &str)> {
        self.headers
            .iter()
            .filter_map(|(name, value)| Some((name.split_once("-meta-")?.1, value.as_str())))
            .collect()
    }

    /// The same and its content type.
    pub fn carried(&self) -> Vec<(&str, &str)> {
        let mut all = self.user_meta();
        let kind = self.headers.get("content-type");
        all.extend(kind.map(|kind| ("content-type", kind.as_str())));
        all
    }
}

fn encoded(key: &str) -> String {
    key.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

impl Raw {
    fn url(&self) -> &str {
        match self {
            Self::S3 { bucket, .. } | Self::Gcs { bucket } => bucket,
            Self::Azure { container, .. } => container,
        }
    }

    /// The beginning of the names of user metadata.
    fn meta(&self) -> &'static str {
        match self {
            Self::S3 { .. } => "x-amz-meta-",
            Self::Gcs { .. } => "x-goog-meta-",
            Self::Azure { .. } => "x-ms-meta-",
        }
    }

    pub async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> (u16, Found) {
        let mut request = HttpRequest::new(body.to_vec().into());
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = url.parse().unwrap();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match self {
            Self::S3 { key, secret, .. } => {
                let credential = AwsCredential {
                    key_id: key.clone(),
                    secret_key: secret.clone(),
                    token: None,
                };
                AwsAuthorizer::new(&credential, "s3", "us-east-1")
                    .try_authorize(&mut request, None)
                    .unwrap();
            }
            Self::Gcs { .. } => {}
            Self::Azure { account, key, .. } => {
                let length = body.len().to_string();
                if method == "PUT" {
                    request
                        .headers_mut()
                        .insert("content-length", length.parse().unwrap());
                }
                let version = "2023-11-03".parse().unwrap();
                request.headers_mut().insert("x-ms-version", version);
                let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(key).unwrap());
                AzureAuthorizer::new(&credential, account)
                    .try_authorize(&mut request)
                    .unwrap();
            }
        }
        let (head, _) = request.into_parts();
        let answer = reqwest::Client::new()
            .request(head.method, head.uri.to_string())
            .headers(head.headers)
            .body(body.to_vec())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(n, v)| {
                (
                    n.as_str().to_owned(),
                    String::from_utf8_lossy(v.as_bytes()).into_owned(),
                )
            })
            .collect();
        let bytes = answer.bytes().await.unwrap().to_vec();
        (status, Found { bytes, headers })
    }

    /// Writes an object; `meta` names end up as user metadata, `content-type` as that.
    pub async fn put(&self, key: &str, bytes: &[u8], meta: &[(&str, &str)]) {
        let mut headers: Vec<(String, String)> = meta
            .iter()
            .map(|(name, value)| match *name {
                "content-type" => ((*name).to_owned(), (*value).to_owned()),
                other => (format!("{}{other}", self.meta()), (*value).to_owned()),
            })
            .collect();
        if matches!(self, Self::Azure { .. }) {
            headers.push(("x-ms-blob-type".into(), "BlockBlob".into()));
        }
        let url = format!("{}/{}", self.url(), encoded(key));
        let (status, answer) = self.send("PUT", &url, &headers, bytes).await;
        let text = String::from_utf8_lossy(&answer.bytes);
        assert!((200..300).contains(&status), "put {key}: {status} {text}");
    }

    pub async fn get(&self, key: &str) -> Option<Found> {
        let url = format!("{}/{}", self.url(), encoded(key));
        let (status, found) = self.send("GET", &url, &[], b"").await;
        match status {
            200 => Some(found),
            404 => None,
            other => panic!("get {key}: {other} {}", String::from_utf8_lossy(&found.bytes)),
        }
    }

    /// The class of an object by its store's own word; S3 says none of the usual one.
    pub async fn class(&self, key: &str) -> String {
        let url = format!("{}/{}", self.url(), encoded(key));
        let (status, found) = self.send("HEAD", &url, &[], b"").await;
        assert_eq!(status, 200, "look at {key}");
        ["x-amz-storage-class", "x-goog-storage-class", "x-ms-access-tier"]
            .iter()
            .find_map(|name| found.headers.get(*name).cloned())
            .unwrap_or("STANDARD".into())
    }

    /// A value of user metadata.
    pub fn meta_of<'a>(&self, found: &'a Found, name: &str) -> Option<&'a str> {
        found
            .headers
            .get(&format!("{}{name}", self.meta()))
            .map(String::as_str)
    }

    /// Sets all tags of an object.
    pub async fn put_tags(&self, key: &str, tags: &[(&str, &str)]) {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        let all: String = tags
            .iter()
            .map(|(k, v)| {
                format!(
                    "<Tag><Key>{}</Key><Value>{}</Value></Tag>",
                    escaped(k),
                    escaped(v)
                )
            })
            .collect();
        let body = match self {
            Self::Azure { .. } => format!("<Tags><TagSet>{all}</TagSet></Tags>"),
            _ => format!("<Tagging><TagSet>{all}</TagSet></Tagging>"),
        };
        let kind = [("content-type".to_owned(), "application/xml".to_owned())];
        let url = self.tags_url(key);
        let (status, answer) = self.send("PUT", &url, &kind, body.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer.bytes);
        assert!((200..300).contains(&status), "tag {key}: {status} {text}");
    }

    /// The tags of an object, by name.
    pub async fn tags(&self, key: &str) -> Vec<(String, String)> {
        let (status, answer) = self.send("GET", &self.tags_url(key), &[], b"").await;
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert_eq!(status, 200, "tags of {key}: {text}");
        let between = |rest: &str, name: &str| {
            let (open, close) = (format!("<{name}>"), format!("</{name}>"));
            let rest = rest.split_once(&open).map_or("", |(_, rest)| rest);
            rest.split(&close)
                .next()
                .unwrap_or_default()
                .replace("&amp;", "&")
        };
        let mut tags: Vec<_> = text
            .split("<Tag>")
            .skip(1)
            .map(|tag| (between(tag, "Key"), between(tag, "Value")))
            .collect();
        tags.sort();
        tags
    }

    fn tags_url(&self, key: &str) -> String {
        let query = match self {
            Self::Azure { .. } => "comp=tags",
            _ => "tagging=",
        };
        format!("{}/{}?{query}", self.url(), encoded(key))
    }

    pub async fn delete(&self, key: &str) {
        let url = format!("{}/{}", self.url(), encoded(key));
        let (status, answer) = self.send("DELETE", &url, &[], b"").await;
        let text = String::from_utf8_lossy(&answer.bytes);
        assert!((200..300).contains(&status), "delete {key}: {status} {text}");
    }

    /// Every key of the bucket, in order.
    pub async fn keys(&self) -> Vec<String> {
        let (query, tag) = match self {
            Self::Azure { .. } => ("restype=container&comp=list", "Name"),
            _ => ("list-type=2", "Key"),
        };
        let url = format!("{}?{query}", self.url());
        let (status, answer) = self.send("GET", &url, &[], b"").await;
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert_eq!(status, 200, "{text}");
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let mut keys: Vec<String> = text
            .split(&open)
            .skip(1)
            .filter_map(|rest| rest.split(&close).next())
            .map(|key| {
                key.replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&apos;", "'")
                    .replace("&amp;", "&")
            })
            .collect();
        keys.sort();
        keys
    }
}
