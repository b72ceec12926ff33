//! The accept loop: how many connections, how long they may be silent, and how they end.
//!
//! Invariant: a connection costs its client something. One whose first request does not arrive in time is closed, and so is one that
//! takes nothing of what is sent to it. Beyond the limit, a connection is told 503 and closed; beyond `REFUSALS` such at once, it
//! is closed without a word. A connection counts until its last byte, as a WebSocket too.

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Sleep, sleep, timeout};
use tower::ServiceExt;

/// What a listener allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// The first request's head must have arrived after this time.
    pub head_within: Duration,
    /// A connection that was used may be silent for this time before its next request's head has arrived.
    pub idle: Duration,
    /// A client that takes none of what is sent to it for this time is cut.
    pub stalled: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head_within: Duration::from_secs(10),
            // Longer than the minute for which proxies keep theirs, so that it is the proxy that closes.
            idle: Duration::from_secs(75),
            stalled: Duration::from_secs(30),
        }
    }
}

/// Refusals that are put into words at once.
const REFUSALS: usize = 64;
/// A refused client gets this long to read why.
const REFUSE_WITHIN: Duration = Duration::from_secs(1);
/// After an accept that failed (no file descriptor is left), this long until the next.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 128;
/// A dead HTTP/2 peer is found by a ping this often.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Header lines of a request, in bytes for HTTP/2.
const HEADERS_MAX: u32 = 16 * 1024;
/// What HTTP/1 reads of a head, and of a body at once; a longer head is answered with 431.
const BUFFER_MAX: usize = 32 * 1024;

/// Serves a router until `stop` resolves, then lets open requests end for `patience` and cuts the rest. `refused` is called for each
/// connection above the limit. Returns how many connections were cut.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
    patience: Duration,
    refused: impl Fn(),
) -> usize {
    let room = Arc::new(Semaphore::new(limits.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let (stopping, _) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                accept_failed(&error).await;
                continue;
            }
        };
        match room.clone().try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(talk(
                    Guarded::new(stream, limits.stalled, place),
                    router.clone(),
                    limits,
                    stopping.subscribe(),
                ));
            }
            Err(_) => {
                refused();
                if let Ok(turn) = refusals.clone().try_acquire_owned() {
                    tokio::spawn(refuse(stream, turn));
                }
            }
        }
    }
    drop(listener);
    stopping.send_replace(true);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    match timeout(patience, room.acquire_many(all)).await {
        Ok(_) => 0,
        Err(_) => limits.connections - room.available_permits(),
    }
}

async fn accept_failed(error: &io::Error) {
    // These say that a client went away before it was accepted.
    let gone = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionRefused,
    ];
    if !gone.contains(&error.kind()) {
        tracing::warn!(%error, "no connection can be accepted; trying again");
        sleep(ACCEPT_AGAIN).await;
    }
}

async fn talk(stream: Guarded, router: Router, limits: Limits, mut stopping: watch::Receiver<bool>) {
    let asked = Arc::new(AtomicBool::new(false));
    let heard = asked.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        heard.store(true, Ordering::Relaxed);
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(BUFFER_MAX)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS_MAX);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let mut first = pin!(sleep(limits.head_within));
    let (mut waiting, mut told) = (true, false);
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = &mut first, if waiting => {
                waiting = false;
                if !asked.load(Ordering::Relaxed) {
                    tracing::debug!("a connection without a request is closed");
                    return;
                }
            }
            // An error means that the listener is gone, which is a reason to stop as well.
            _ = stopping.wait_for(|stop| *stop), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Says why a connection is not served.
async fn refuse(mut stream: TcpStream, _turn: OwnedSemaphorePermit) {
    const BODY: &str = r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections are open; try again in a moment","code":"too_many_connections"}"#;
    let said = async {
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nretry-after: 1\r\n\
             connection: close\r\n\r\n{BODY}",
            BODY.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // A close with unread bytes would reset the connection before the answer is read.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    // A client that does not listen is not worth more.
    let _said = timeout(REFUSE_WITHIN, said).await;
}

/// A connection that notices when its client takes nothing, and gives its place back when it is dropped.
struct Guarded {
    stream: TcpStream,
    stalled: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Guarded {
    fn new(stream: TcpStream, stalled: Duration, place: OwnedSemaphorePermit) -> Self {
        // Small answers should not wait for larger ones; where it cannot be set they do.
        let _set = stream.set_nodelay(true);
        Self {
            stream,
            stalled,
            timer: None,
            _place: place,
        }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.timer = None;
            return polled;
        }
        let stalled = self.stalled;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(stalled)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How many connections the process's file descriptors allow, after raising their number as far as it goes: the limit itself, or less
/// where descriptors are short. Some are kept for the database and for objects that move.
#[must_use]
pub fn affordable(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// For the database, the objects being copied, and the browser's files.
    const KEPT: u64 = 256;
    let now = getrlimit(Resource::Nofile);
    let need = wanted as u64 + KEPT;
    let Some(current) = now.current.filter(|current| *current < need) else {
        return wanted;
    };
    let raised = now.maximum.map_or(need, |max| max.min(need));
    let limit = Rlimit {
        current: Some(raised),
        maximum: now.maximum,
    };
    let have = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => raised,
        Err(_) => current,
    };
    let affordable = usize::try_from(have.saturating_sub(KEPT).max(16)).unwrap_or(wanted);
    if affordable < wanted {
        tracing::info!(
            affordable,
            wanted,
            "file descriptors allow fewer connections than max_connections; raise the limit (ulimit -n) to allow more"
        );
    }
    affordable.min(wanted)
}

/// Whether only this machine can reach an address.
#[must_use]
pub fn is_local(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
