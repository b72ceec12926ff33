//! How long a bucket took to answer a read, measured on the stream of its bytes.
//!
//! Invariant: a rate is told only where whoever reads was waiting for the store, not the store for it: neither a limit nor a slower
//! writer is a measure of the place that is read.

use crate::ports::objects::Meter;
use crate::ports::reads::ReadTally;
use bytes::Bytes;
use futures::Stream;
use futures::stream::{BoxStream, StreamExt};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A reader that spends more than one in so many moments on something else holds the stream back.
const ELSEWHERE: u32 = 3;

type Pieces = BoxStream<'static, object_store::Result<Bytes>>;

/// A read that was asked for.
pub(super) struct Asked {
    at: Instant,
    tally: Option<Arc<ReadTally>>,
}

impl Asked {
    /// It is asked for now.
    pub(super) fn now(meter: &Meter) -> Self {
        Self {
            at: Instant::now(),
            tally: meter.reads().cloned(),
        }
    }

    /// The answer's bytes, which tell how they came.
    pub(super) fn timed(self, pieces: Pieces) -> Pieces {
        match self.tally {
            None => pieces,
            Some(tally) => Timed {
                pieces,
                tally,
                asked: self.at,
                bytes: 0,
                handed: None,
                elsewhere: Duration::ZERO,
            }
            .boxed(),
        }
    }
}

struct Timed {
    pieces: Pieces,
    tally: Arc<ReadTally>,
    asked: Instant,
    bytes: u64,
    /// When the last piece was handed on, until the next one is asked for.
    handed: Option<Instant>,
    /// How long the reader was not asking.
    elsewhere: Duration,
}

impl Stream for Timed {
    type Item = object_store::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(handed) = self.handed.take() {
            self.elsewhere += handed.elapsed();
        }
        let next = self.pieces.poll_next_unpin(context);
        match &next {
            Poll::Ready(Some(Ok(piece))) => {
                if self.bytes == 0 && !piece.is_empty() {
                    self.tally.first_byte(self.asked.elapsed());
                }
                self.bytes += piece.len() as u64;
                self.handed = Some(Instant::now());
            }
            Poll::Ready(None) => {
                let took = self.asked.elapsed();
                if self.elsewhere * ELSEWHERE <= took {
                    self.tally.whole(self.bytes, took);
                }
            }
            // One that broke off says nothing of how fast it would have been.
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::reads::Reads;
    use std::time::Duration;

    fn read(pause_before: u64, pause_of_reader: u64) -> (u64, u64) {
        let reads = Reads::default();
        let meter = Meter::reading(&Arc::default(), reads.of(&"s3://b/p".parse().unwrap()).unwrap());
        let asked = Asked::now(&meter);
        let pieces = futures::stream::iter([1 << 20, 1 << 20]).then(move |n| async move {
            tokio::time::sleep(Duration::from_millis(pause_before)).await;
            Ok(Bytes::from(vec![0; n]))
        });
        let mut stream = asked.timed(pieces.boxed());
        let run = async {
            while let Some(piece) = stream.next().await {
                piece.unwrap();
                tokio::time::sleep(Duration::from_millis(pause_of_reader)).await;
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(run);
        let times = reads.take().pop().unwrap().1;
        assert!(times.first_byte_us.at_most(50).unwrap() >= pause_before * 1_000);
        (times.first_byte_us.count(), times.bytes_per_sec.count())
    }

    #[test]
    fn a_store_that_is_waited_for_tells_both_and_one_that_waits_its_first_byte_alone() {
        assert_eq!(read(150, 0), (1, 1));
        assert_eq!(read(5, 60), (1, 0));
    }
}
