//! From a bucket to a file of this machine: the stream is read here and written by a thread of its own.

use super::heed::heed;
use super::read::{CloudSource, count};
use crate::adapters::objects::local::{self, LocalObjects};
use crate::ports::objects::{Copied, Meter, ObjectError, Staging};
use bytes::{Buf, Bytes};
use futures::StreamExt;
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

/// Copies the object into the staging area.
pub(super) async fn receive(
    source: &CloudSource<'_>,
    staging: &Staging,
    meter: &Arc<Meter>,
) -> Result<Copied, ObjectError> {
    let (mut stream, carried, modified) = source.stream().await?;
    let (send, waiting) = mpsc::channel(WAITING);
    let writing = {
        let (staging, object, meta) = (staging.clone(), source.object.clone(), carried.to_file(modified));
        LocalObjects::blocking(move || {
            let mut pieces = Pieces {
                waiting,
                piece: Bytes::new(),
            };
            local::receive(&staging, &object, &mut pieces, &meta)
        })
    };
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
