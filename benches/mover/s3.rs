//! An S3 server as a process of its own: s3s-fs over a directory, with an index of its keys as real stores have one.
//!
//! s3s-fs walks the whole directory for each page of a listing and lists no ETags; a listing of 20,000 objects would measure only that.
//! Large objects are kept by `parts.rs`.

use super::parts::Parts;
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

pub const KEY: &str = "bench-key";
pub const SECRET: &str = "bench-secret";
pub const BUCKET: &str = "bkt";

/// Serves one bucket below `dir` until the process is killed, and says on stdout where.
pub async fn serve(dir: &Path) -> Result<(), super::Failure> {
    std::fs::create_dir_all(dir.join(BUCKET))?;
    let indexed = Indexed {
        fs: FileSystem::new(dir).map_err(|e| format!("{e:?}"))?,
        keys: Mutex::default(),
        parts: Parts::new(dir.join(".parts"))?,
    };
    let mut builder = S3ServiceBuilder::new(indexed);
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    super::say(&format!("http://{}", listener.local_addr()?));
    loop {
        let (socket, _) = listener.accept().await?;
        // Without it every answer waits 40 ms for a full packet.
        socket.set_nodelay(true)?;
        let service = service.clone();
        tokio::spawn(async move {
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            drop(server.serve_connection(TokioIo::new(socket), service).await);
        });
    }
}

struct Known {
    size: i64,
    e_tag: Option<ETag>,
    at: Timestamp,
}

struct Indexed {
    fs: FileSystem,
    keys: Mutex<BTreeMap<String, Known>>,
    parts: Parts,
}

impl Indexed {
    fn keys(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: String, size: i64, e_tag: Option<ETag>) {
        let at = Timestamp::from(SystemTime::now());
        self.keys().insert(key, Known { size, e_tag, at });
    }
}

#[async_trait::async_trait]
impl S3 for Indexed {
    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let (key, size) = (req.input.key.clone(), req.input.content_length.unwrap_or(0));
        let answer = self.fs.put_object(req).await?;
        self.parts.forget(&key);
        self.put(key, size, answer.output.e_tag.clone());
        Ok(answer)
    }
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        match self.parts.find(&req.input.key) {
            Some(whole) => whole
                .get(req.input.range.as_ref(), req.input.if_match.as_ref())
                .map(S3Response::new),
            None => self.fs.get_object(req).await,
        }
    }
    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        match self.parts.find(&req.input.key) {
            Some(whole) => Ok(S3Response::new(whole.head())),
            None => self.fs.head_object(req).await,
        }
    }
    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.fs.head_bucket(req).await
    }
    async fn list_buckets(
        &self,
        req: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        self.fs.list_buckets(req).await
    }
    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        Ok(S3Response::new(self.parts.begin(req.input)))
    }
    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.parts.part(req.input).await.map(S3Response::new)
    }
    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let (key, whole) = self.parts.complete(&req.input.upload_id)?;
        let size = i64::try_from(whole.size()).unwrap_or(i64::MAX);
        self.put(key.clone(), size, Some(whole.e_tag()));
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(req.input.bucket),
            key: Some(key),
            e_tag: Some(whole.e_tag()),
            ..CompleteMultipartUploadOutput::default()
        }))
    }
    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(req.input.bucket),
            is_truncated: Some(false),
            ..ListMultipartUploadsOutput::default()
        }))
    }
    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let most = usize::try_from(input.max_keys.unwrap_or(1000)).unwrap_or(1000);
        let after = input.continuation_token.clone().or(input.start_after.clone());
        let mut from = match &after {
            Some(after) => Bound::Excluded(after.clone()),
            None => Bound::Included(prefix.clone()),
        };
        let (mut contents, mut folders, mut last) = (Vec::new(), BTreeSet::new(), None);
        let mut truncated = false;
        let keys = self.keys();
        while let Some((key, known)) = keys.range((from, Bound::Unbounded)).next() {
            if !key.starts_with(&prefix) {
                break;
            }
            if contents.len() + folders.len() == most {
                truncated = true;
                break;
            }
            let below = input
                .delimiter
                .as_ref()
                .and_then(|d| key[prefix.len()..].find(d.as_str()));
            if let Some(at) = below {
                let folder = &key[..=prefix.len() + at];
                folders.insert(folder.to_owned());
                // Past everything in it.
                last = Some(format!("{folder}\u{10FFFF}"));
            } else {
                contents.push(Object {
                    key: Some(key.clone()),
                    size: Some(known.size),
                    e_tag: known.e_tag.clone(),
                    last_modified: Some(known.at.clone()),
                    ..Object::default()
                });
                last = Some(key.clone());
            }
            from = Bound::Excluded(last.clone().unwrap_or_default());
        }
        let count = i32::try_from(contents.len() + folders.len()).unwrap_or(i32::MAX);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            key_count: Some(count),
            max_keys: input.max_keys,
            is_truncated: Some(truncated),
            next_continuation_token: last.filter(|_| truncated),
            contents: Some(contents),
            common_prefixes: Some(
                folders
                    .into_iter()
                    .map(|folder| CommonPrefix { prefix: Some(folder) })
                    .collect(),
            ),
            ..ListObjectsV2Output::default()
        }))
    }
}
