//! From a bucket to a file of this machine: the stream is read here and written by a thread of its own.

use super::heed::heed;
use super::read::{CloudSource, count};
use crate::adapters::objects::local::{self, LocalObjects, large};
use crate::adapters::objects::resume;
use crate::ports::objects::{Copied, Meter, ObjectError, Parts, Staging};
use bytes::{Buf, Bytes};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::io::Read;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Pieces that wait to be written; a piece is what one read of a socket gives.
const WAITING: usize = 16;

/// The pieces as a reader.
struct Pieces {
    waiting: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.waiting.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let taken = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}

/// Copies the object into the staging area; a large one in parts.
pub(super) async fn receive(
    source: &CloudSource<'_>,
    staging: &Staging,
    parts: &dyn Parts,
    meter: &Arc<Meter>,
) -> Result<Copied, ObjectError> {
    if source.object.size_bytes.0 > large::PART {
        return receive_large(source, staging, parts, meter).await;
    }
    let opened = source.stream().await?;
    let meta = opened.carried.to_file(opened.modified);
    let (staging, object) = (staging.clone(), source.object.clone());
    pump(source, opened.stream, meter, move |pieces| {
        local::receive(&staging, &object, pieces, &meta)
    })
    .await
}

async fn receive_large(
    source: &CloudSource<'_>,
    staging: &Staging,
    parts: &dyn Parts,
    meter: &Arc<Meter>,
) -> Result<Copied, ObjectError> {
    let object = source.object;
    let looked = source.look().await?;
    let meta = looked.carried.to_file(looked.modified);
    let part = move |name: String, span: (u64, u64)| async move {
        let stream = source.stream_part(span.0, span.1).await?;
        let (staging, object) = (staging.clone(), object.clone());
        // What is read was counted already.
        let uncounted = Meter::default();
        pump(source, stream, meter, move |pieces| {
            large::write_part(&staging, &object, &name, span, pieces, None, &uncounted)
        })
        .await
    };
    let (name, hash) = resume::in_parts(staging, object, parts, meter, part).await?;
    let (staging, object) = (staging.clone(), object.clone());
    LocalObjects::blocking(move || large::end_receive(&staging, &object, &name, &meta, hash)).await
}

/// Reads a stream here and lets `write` write it on a thread of its own.
async fn pump<T: Send + 'static>(
    source: &CloudSource<'_>,
    mut stream: BoxStream<'static, object_store::Result<Bytes>>,
    meter: &Arc<Meter>,
    write: impl FnOnce(&mut Pieces) -> Result<T, ObjectError> + Send + 'static,
) -> Result<T, ObjectError> {
    let (send, waiting) = mpsc::channel(WAITING);
    let writing = LocalObjects::blocking(move || {
        let mut pieces = Pieces {
            waiting,
            piece: Bytes::new(),
        };
        write(&mut pieces)
    });
    let reading = async {
        while let Some(piece) = heed(meter, async { Ok(stream.next().await) }).await? {
            let piece = source.piece(piece)?;
            count(piece.len() as u64, source.throttle, meter).await?;
            if send.send(piece).await.is_err() {
                // The writer has failed and says why.
                break;
            }
        }
        drop(send);
        Ok(())
    };
    // Both end: a reader that fails closes the channel, and the writer then finds the object too short.
    match futures::join!(reading, writing) {
        (Err(e), _) => Err(e),
        (Ok(()), written) => written,
    }
}
