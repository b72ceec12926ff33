//! Objects that came in parts, kept as those parts, as object stores do: nothing is put together afterwards, a range is read where it
//! lies, and the checksum of the whole is joined from the parts' own. s3s-fs copies every byte once more, reads 4 KiB at a time and
//! forgets the checksums, so that a move would measure mostly that.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use futures::{Stream, StreamExt, TryStreamExt};
use s3s::dto::*;
use s3s::{S3Result, s3_error};
use std::collections::{BTreeMap, HashMap};
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio_util::io::ReaderStream;

const CRC: CrcAlgorithm = CrcAlgorithm::Crc64Nvme;
/// Bytes that are read or written at once.
const BUFFER: usize = 256 << 10;

#[derive(Clone)]
struct Part {
    file: PathBuf,
    size: u64,
    /// Where the client sent one.
    crc: Option<u64>,
}

/// What an object carries.
#[derive(Clone)]
struct Carried {
    content_type: Option<ContentType>,
    metadata: Option<Metadata>,
}

struct Open {
    key: String,
    carried: Carried,
    parts: BTreeMap<i32, Part>,
}

/// An object.
#[derive(Clone)]
pub struct Whole {
    parts: Arc<Vec<Part>>,
    carried: Carried,
    e_tag: ETag,
    at: Timestamp,
}

/// Uploads and what became of them.
pub struct Parts {
    dir: PathBuf,
    next: AtomicU64,
    open: Mutex<HashMap<String, Open>>,
    whole: Mutex<HashMap<String, Whole>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn told(crc: u64) -> String {
    BASE64_STANDARD.encode(crc.to_be_bytes())
}

impl Whole {
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    pub fn e_tag(&self) -> ETag {
        self.e_tag.clone()
    }

    fn crc(&self) -> Option<String> {
        let mut parts = self.parts.iter();
        let mut all = parts.next()?.crc?;
        for part in parts {
            all = crc_fast::checksum_combine(CRC, all, part.crc?, part.size);
        }
        Some(told(all))
    }

    /// The answer to a HEAD.
    pub fn head(&self) -> HeadObjectOutput {
        let crc = self.crc();
        HeadObjectOutput {
            content_length: Some(i64::try_from(self.size()).unwrap_or(i64::MAX)),
            content_type: self.carried.content_type.clone(),
            metadata: self.carried.metadata.clone(),
            e_tag: Some(self.e_tag()),
            last_modified: Some(self.at.clone()),
            checksum_type: crc
                .as_ref()
                .map(|_| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            checksum_crc64nvme: crc,
            ..HeadObjectOutput::default()
        }
    }

    /// The answer to a GET.
    pub fn get(&self, range: Option<&Range>, condition: Option<&ETagCondition>) -> S3Result<GetObjectOutput> {
        if condition.is_some_and(|c| c.as_etag().is_some_and(|tag| !tag.strong_cmp(&self.e_tag))) {
            return Err(s3_error!(PreconditionFailed));
        }
        let size = self.size();
        let span = match range {
            Some(range) => range.check(size)?,
            None => 0..size,
        };
        let length = span.end - span.start;
        let content_range =
            range.map(|_| format!("bytes {}-{}/{size}", span.start, span.end.saturating_sub(1)));
        let body = StreamingBlob::wrap(self.bytes(span));
        let head = self.head();
        Ok(GetObjectOutput {
            body: Some(body),
            content_length: Some(i64::try_from(length).unwrap_or(i64::MAX)),
            content_range,
            content_type: head.content_type,
            metadata: head.metadata,
            e_tag: head.e_tag,
            last_modified: head.last_modified,
            ..GetObjectOutput::default()
        })
    }

    fn bytes(
        &self,
        span: std::ops::Range<u64>,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static + use<> {
        let (mut from, mut pieces) = (0, Vec::new());
        for part in self.parts.iter() {
            let to = from + part.size;
            let (begin, end) = (span.start.max(from), span.end.min(to));
            if begin < end {
                pieces.push((part.file.clone(), begin - from, end - begin));
            }
            from = to;
        }
        let opened = pieces.into_iter().map(|(file, offset, length)| {
            let mut file = std::fs::File::open(file)?;
            file.seek(SeekFrom::Start(offset))?;
            let file = tokio::fs::File::from_std(file).take(length);
            Ok(ReaderStream::with_capacity(file, BUFFER))
        });
        futures::stream::iter(opened.collect::<Vec<std::io::Result<_>>>()).try_flatten()
    }
}

impl Parts {
    pub fn new(dir: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        Ok(Self {
            dir,
            next: AtomicU64::new(1),
            open: Mutex::default(),
            whole: Mutex::default(),
        })
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn find(&self, key: &str) -> Option<Whole> {
        locked(&self.whole).get(key).cloned()
    }

    /// Another object stands there now.
    pub fn forget(&self, key: &str) {
        locked(&self.whole).remove(key);
    }

    pub fn begin(&self, input: CreateMultipartUploadInput) -> CreateMultipartUploadOutput {
        let id = format!("{:032x}", self.number());
        let open = Open {
            key: input.key.clone(),
            carried: Carried {
                content_type: input.content_type,
                metadata: input.metadata,
            },
            parts: BTreeMap::new(),
        };
        locked(&self.open).insert(id.clone(), open);
        CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }
    }

    pub async fn part(&self, input: UploadPartInput) -> S3Result<UploadPartOutput> {
        let file = self.dir.join(self.number().to_string());
        let mut body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let failed = |e: std::io::Error| s3_error!(e, InternalError);
        let out = tokio::fs::File::create(&file).await.map_err(failed)?;
        let mut out = BufWriter::with_capacity(BUFFER, out);
        let mut digest = input.checksum_crc64nvme.as_ref().map(|_| Digest::new(CRC));
        let mut size = 0;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|e| s3_error!(InternalError, "{e}"))?;
            if let Some(digest) = &mut digest {
                digest.update(&piece);
            }
            size += piece.len() as u64;
            out.write_all(&piece).await.map_err(failed)?;
        }
        out.flush().await.map_err(failed)?;
        let crc = digest.map(|digest| digest.finalize());
        if crc.map(told) != input.checksum_crc64nvme {
            return Err(s3_error!(BadDigest));
        }
        let mut open = locked(&self.open);
        let upload = open
            .get_mut(&input.upload_id)
            .ok_or_else(|| s3_error!(NoSuchUpload))?;
        upload.parts.insert(input.part_number, Part { file, size, crc });
        Ok(UploadPartOutput {
            checksum_crc64nvme: input.checksum_crc64nvme,
            e_tag: Some(ETag::Strong(format!(
                "{}-part-{}",
                input.upload_id, input.part_number
            ))),
            ..UploadPartOutput::default()
        })
    }

    /// Makes the object; its key with it.
    pub fn complete(&self, id: &str) -> S3Result<(String, Whole)> {
        let open = locked(&self.open).remove(id);
        let open = open.ok_or_else(|| s3_error!(NoSuchUpload))?;
        let whole = Whole {
            e_tag: ETag::Strong(format!("{id}-{}", open.parts.len())),
            parts: Arc::new(open.parts.into_values().collect()),
            carried: open.carried,
            at: Timestamp::from(SystemTime::now()),
        };
        locked(&self.whole).insert(open.key.clone(), whole.clone());
        Ok((open.key, whole))
    }
}
