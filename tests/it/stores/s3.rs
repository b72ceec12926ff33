//! An S3 server in this process: s3s-fs over a temporary directory, watched, with what its listings lack.
//!
//! s3s-fs lists no ETags and cannot list open uploads; both are added here, and an upload that was completed or given up is unknown
//! as it is at Amazon.

use super::raw::Raw;
use super::{Bucket, Seen, credential};
use data_in_motion::domain::location::StoreAccess;
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const KEY: &str = "test-key";
const SECRET: &str = "test/secret+with=signs";

#[derive(Clone)]
struct Watched {
    fs: Arc<FileSystem>,
    seen: Arc<Seen>,
    /// One completion at a time: who asks again for one that is under way hears how it ended, as at Amazon.
    completing: Arc<tokio::sync::Mutex<()>>,
}

impl Watched {
    fn known(&self, id: &str) -> S3Result<()> {
        if self.seen.uploads.lock().unwrap().contains_key(id) {
            Ok(())
        } else {
            Err(s3_error!(NoSuchUpload))
        }
    }

    fn may_copy(&self) -> S3Result<()> {
        if self.seen.refuses_copies.load(Ordering::SeqCst) {
            Err(s3_error!(NotImplemented))
        } else {
            Ok(())
        }
    }
}

fn count(seen: &Seen, length: Option<i64>) {
    let length = u64::try_from(length.unwrap_or(0)).unwrap_or(0);
    seen.bytes_in.fetch_add(length, Ordering::SeqCst);
}

#[async_trait::async_trait]
impl S3 for Watched {
    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        count(&self.seen, req.input.content_length);
        let fs = self.fs.clone();
        to_its_end(async move { fs.put_object(req).await }).await
    }
    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        self.may_copy()?;
        let fs = self.fs.clone();
        let answer = tokio::spawn(async move { fs.copy_object(req).await })
            .await
            .unwrap();
        self.seen.copies.fetch_add(1, Ordering::SeqCst);
        answer
    }
    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        self.may_copy()?;
        self.known(&req.input.upload_id)?;
        let answer = self.fs.upload_part_copy(req).await?;
        self.seen.copies.fetch_add(1, Ordering::SeqCst);
        Ok(answer)
    }
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.fs.get_object(req).await
    }
    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        self.fs.head_object(req).await
    }
    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        match self.fs.delete_object(req).await {
            // Amazon answers alike whether or not there was something.
            Err(e) if *e.code() == s3s::S3ErrorCode::NoSuchKey => {
                Ok(S3Response::new(DeleteObjectOutput::default()))
            }
            other => other,
        }
    }
    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.fs.delete_objects(req).await
    }
    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let bucket = req.input.bucket.clone();
        let mut answer = self.fs.list_objects_v2(req).await?;
        for object in answer.output.contents.iter_mut().flatten() {
            let Some(key) = object.key.clone() else { continue };
            let asked = HeadObjectInput::builder()
                .bucket(bucket.clone())
                .key(key)
                .build()
                .unwrap();
            object.e_tag = self.fs.head_object(request(asked)).await?.output.e_tag;
        }
        Ok(answer)
    }
    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let this = self.clone();
        to_its_end(async move {
            let key = req.input.key.clone();
            let answer = this.fs.create_multipart_upload(req).await?;
            let id = answer.output.upload_id.clone().unwrap();
            this.seen.uploads.lock().unwrap().insert(id, key);
            Ok(answer)
        })
        .await
    }
    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.known(&req.input.upload_id)?;
        count(&self.seen, req.input.content_length);
        let begun = self.seen.parts_begun.fetch_add(1, Ordering::SeqCst);
        let most = *self.seen.parts_max.lock().unwrap();
        if most.is_some_and(|most| begun >= most) {
            // As a server that hangs: the test ends it by taking the limit away, or the client gives up.
            std::future::pending::<()>().await;
        }
        let answer = self.fs.upload_part(req).await?;
        self.seen.parts.fetch_add(1, Ordering::SeqCst);
        Ok(answer)
    }
    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let this = self.clone();
        to_its_end(async move {
            let _turn = this.completing.lock().await;
            this.known(&req.input.upload_id)?;
            let id = req.input.upload_id.clone();
            let answer = this.fs.complete_multipart_upload(req).await?;
            this.seen.uploads.lock().unwrap().remove(&id);
            Ok(answer)
        })
        .await
    }
    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let this = self.clone();
        to_its_end(async move {
            let _turn = this.completing.lock().await;
            this.known(&req.input.upload_id)?;
            this.seen.uploads.lock().unwrap().remove(&req.input.upload_id);
            this.fs.abort_multipart_upload(req).await
        })
        .await
    }
    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let prefix = req.input.prefix.clone().unwrap_or_default();
        let uploads = self.seen.uploads.lock().unwrap();
        let uploads = uploads
            .iter()
            .filter(|(_, key)| key.starts_with(&prefix))
            .map(|(id, key)| MultipartUpload {
                key: Some(key.clone()),
                upload_id: Some(id.clone()),
                ..MultipartUpload::default()
            })
            .collect();
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(req.input.bucket),
            uploads: Some(uploads),
            is_truncated: Some(false),
            ..ListMultipartUploadsOutput::default()
        }))
    }
}

/// A client that goes away in the middle must not leave half of what it asked for, which Amazon never shows: an object without its
/// metadata, or an upload whose parts are gone and whose object is not there.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = S3Result<S3Response<T>>> + Send + 'static,
) -> S3Result<S3Response<T>> {
    tokio::spawn(work).await.unwrap()
}

fn request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: axum::http::Method::GET,
        uri: "/".parse().unwrap(),
        headers: axum::http::HeaderMap::new(),
        extensions: axum::http::Extensions::new(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

/// A server with one bucket, until the test ends.
pub async fn bucket() -> Bucket {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("s3");
    std::fs::create_dir_all(root.join("bkt")).unwrap();
    let seen = Arc::new(Seen::default());
    let service = {
        let watched = Watched {
            fs: Arc::new(FileSystem::new(&root).unwrap()),
            seen: seen.clone(),
            completing: Arc::default(),
        };
        let mut builder = S3ServiceBuilder::new(watched);
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        builder.build()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Without it every answer waits 40 ms for a full packet.
            socket.set_nodelay(true).unwrap();
            let service = service.clone();
            tokio::spawn(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                drop(server.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
    Bucket {
        uri: "s3://bkt".into(),
        access: StoreAccess {
            endpoint: Some(endpoint.parse().unwrap()),
            region: Some("us-east-1".parse().unwrap()),
            credential_ref: Some(credential(&dir, &format!("{KEY}:{SECRET}")).parse().unwrap()),
        },
        raw: Raw::S3 {
            bucket: format!("{endpoint}/bkt"),
            key: KEY.into(),
            secret: SECRET.into(),
        },
        seen,
        dir,
    }
}
