//! One client's place in the log: which streams it hears, from where, and what it must be told next.
//!
//! Invariant: memory is bounded whatever the client does. Live packets wait in the shared fan-out; a client that falls out of it reads
//! the log page by page, and one that is too far behind is told to start afresh. Protocols pull with [`Subscriber::next`].

use super::{CATCH_UP, Live, Packet};
use crate::domain::event::{LiveMessage, Stream};
use crate::services::ServiceResult;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// Events read from the log at once while a client catches up.
const PAGE: i64 = 256;

/// How a client gets a fresh start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// By a snapshot on this channel (WebSocket).
    Snapshot,
    /// By asking elsewhere; this channel goes on from the end of the log (SSE).
    Elsewhere,
}

/// What a client is to be told.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// An event, encoded.
    Packet(Arc<Packet>),
    /// A snapshot, which no event up to its `seq` follows.
    Snapshot(LiveMessage),
    /// What the client has is not enough to go on from.
    Resync {
        /// Why.
        reason: String,
        /// Where this channel goes on, when no snapshot follows.
        seq: i64,
    },
    /// The server stops; nothing follows.
    Closed,
}

/// One client. Ends when dropped.
pub struct Subscriber {
    live: Live,
    resume: Resume,
    packets: broadcast::Receiver<Arc<Packet>>,
    closing: watch::Receiver<bool>,
    /// Streams, each with the last event that the client has of it.
    streams: BTreeMap<&'static str, (Stream, i64)>,
    /// The last logged event that was taken from the fan-out or passed over.
    cursor: i64,
    replay: VecDeque<Replay>,
    queue: VecDeque<Outgoing>,
}

/// Events still to be read from the log.
#[derive(Clone, Copy, Debug)]
enum Replay {
    /// A stream from the beginning of a subscription.
    Stream { stream: Stream, since: i64 },
    /// Everything that went past while the client was slow.
    Missed,
    /// A fresh start of one stream.
    Fresh { stream: Stream },
    /// The last events of a stream, then what follows.
    Last { stream: Stream, count: i64 },
}

impl Subscriber {
    pub(super) fn new(live: Live, resume: Resume) -> Self {
        let (packets, closing, cursor) = live.listen();
        Self {
            live,
            resume,
            packets,
            closing,
            streams: BTreeMap::new(),
            cursor,
            replay: VecDeque::new(),
            queue: VecDeque::new(),
        }
    }

    /// Begins a stream. Without `since` a snapshot comes first, then what follows it; with it, everything after that number, or a
    /// resync when the log does not reach back that far or `log` is another one.
    pub fn subscribe(&mut self, stream: Stream, since: Option<i64>, log: Option<&str>) {
        self.unsubscribe(stream);
        match since {
            Some(_) if log.is_some_and(|log| log != self.live.inner.log) => {
                self.start_over(stream, "these numbers belong to another log");
            }
            Some(since) => self.replay.push_back(Replay::Stream { stream, since }),
            None => self.replay.push_back(Replay::Fresh { stream }),
        }
    }

    /// Begins a stream with its last `count` events.
    pub fn subscribe_last(&mut self, stream: Stream, count: i64) {
        self.unsubscribe(stream);
        self.replay.push_back(Replay::Last { stream, count });
    }

    /// Ends a stream.
    pub fn unsubscribe(&mut self, stream: Stream) {
        self.streams.remove(stream.as_str());
        self.replay.retain(|r| match r {
            Replay::Stream { stream: s, .. }
            | Replay::Fresh { stream: s }
            | Replay::Last { stream: s, .. } => *s != stream,
            Replay::Missed => true,
        });
    }

    /// What the client is to be told next; waits until there is something. May be dropped and called again without losing anything.
    ///
    /// # Errors
    /// When the log cannot be read; the connection should be closed then, and the client come back.
    pub async fn next(&mut self) -> ServiceResult<Outgoing> {
        loop {
            if *self.closing.borrow() {
                return Ok(Outgoing::Closed);
            }
            if let Some(out) = self.queue.pop_front() {
                return Ok(out);
            }
            if let Some(&replay) = self.replay.front() {
                self.step(replay).await?;
                continue;
            }
            let received = tokio::select! {
                biased;
                _ = self.closing.changed() => continue,
                received = self.packets.recv() => received,
            };
            match received {
                Ok(packet) => self.take(packet),
                Err(RecvError::Lagged(_)) => self.replay.push_back(Replay::Missed),
                Err(RecvError::Closed) => return Ok(Outgoing::Closed),
            }
        }
    }

    /// A packet from the fan-out.
    fn take(&mut self, packet: Arc<Packet>) {
        if !packet.logged {
            // Older than what the client has been told from the log.
            if self
                .streams
                .values()
                .any(|(s, from)| s.hears(packet.stream) && packet.seq >= *from)
            {
                self.queue.push_back(Outgoing::Packet(packet));
            }
            return;
        }
        if packet.seq <= self.cursor {
            return;
        }
        if packet.seq > self.cursor + 1 {
            // Numbers are gapless: something went past unseen.
            self.replay.push_back(Replay::Missed);
            return;
        }
        self.cursor = packet.seq;
        self.deliver(packet);
    }

    fn deliver(&mut self, packet: Arc<Packet>) {
        let mut heard = false;
        for (stream, from) in self.streams.values_mut() {
            if packet.seq > *from && stream.hears(packet.stream) {
                heard = true;
                *from = packet.seq;
            }
        }
        if heard {
            self.queue.push_back(Outgoing::Packet(packet));
        }
    }

    /// One page of the replay in front. State changes only after the last await, so that a dropped call loses nothing.
    async fn step(&mut self, replay: Replay) -> ServiceResult<()> {
        match replay {
            Replay::Stream { stream, since } => {
                let (bounds, page) = self.live.page(since, stream, PAGE).await?;
                self.replay.pop_front();
                if !bounds.reaches(since) {
                    self.start_over(stream, "events after this number are gone");
                    return Ok(());
                }
                let more = i64::try_from(page.len()).is_ok_and(|n| n == PAGE);
                let last = if more {
                    page.last().map_or(since, |e| e.seq())
                } else {
                    bounds.last
                };
                for event in &page {
                    self.queue.push_back(Outgoing::Packet(Packet::new(event, true)));
                }
                if more {
                    self.replay.push_front(Replay::Stream { stream, since: last });
                } else {
                    self.streams.insert(stream.as_str(), (stream, last));
                }
            }
            Replay::Last { stream, count } => {
                let (bounds, page) = self.live.latest(stream, count).await?;
                self.replay.pop_front();
                for event in &page {
                    self.queue.push_back(Outgoing::Packet(Packet::new(event, true)));
                }
                self.streams.insert(stream.as_str(), (stream, bounds.last));
            }
            Replay::Fresh { stream } => {
                let snapshot = self.live.snapshot(stream).await?;
                self.replay.pop_front();
                if let LiveMessage::Snapshot { seq, .. } = snapshot {
                    self.streams.insert(stream.as_str(), (stream, seq));
                }
                self.queue.push_back(Outgoing::Snapshot(snapshot));
            }
            Replay::Missed => {
                let (bounds, page) = self.live.page(self.cursor, Stream::All, PAGE).await?;
                self.replay.pop_front();
                // Without a snapshot to offer, every event that is still there is worth reading.
                let too_far = self.resume == Resume::Snapshot && bounds.last - self.cursor > CATCH_UP;
                if too_far || !bounds.reaches(self.cursor) {
                    self.cursor = bounds.last;
                    let streams: Vec<Stream> = self.streams.values().map(|(s, _)| *s).collect();
                    for stream in streams {
                        self.start_over(stream, "the client fell too far behind");
                    }
                    return Ok(());
                }
                let more = i64::try_from(page.len()).is_ok_and(|n| n == PAGE);
                for event in &page {
                    self.cursor = event.seq();
                    self.deliver(Packet::new(event, true));
                }
                if more {
                    self.replay.push_front(Replay::Missed);
                }
            }
        }
        Ok(())
    }

    /// Tells the client to start afresh, and how.
    fn start_over(&mut self, stream: Stream, reason: &str) {
        self.unsubscribe(stream);
        match self.resume {
            Resume::Snapshot => {
                let reason = reason.to_owned();
                self.queue.push_back(Outgoing::Resync { reason, seq: 0 });
                self.replay.push_back(Replay::Fresh { stream });
            }
            Resume::Elsewhere => {
                let seq = self.cursor;
                let reason = reason.to_owned();
                self.queue.push_back(Outgoing::Resync { reason, seq });
                self.streams.insert(stream.as_str(), (stream, seq));
            }
        }
    }
}
