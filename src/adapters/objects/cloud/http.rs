//! The connections to stores: one pool, one TLS stack, a time limit on every wait.
//!
//! Invariant: no request waits for ever. Connecting, the answer's head (with time for what is sent or copied) and each piece of the
//! answer's body have limits, whatever the store does. Nothing limits a whole answer, since that may be terabytes.

use super::told::Told;
use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{HeaderValue, USER_AGENT};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a store may think before it answers.
const ANSWER: Duration = Duration::from_secs(30);
/// The slowest upload, or copy inside the store, that is taken for one that gets on, in bytes a second: time for the answer is added
/// at this rate.
const SLOWEST: u64 = 64 * 1024;
/// How long the next piece of an answer may take.
const PIECE: Duration = Duration::from_secs(30);
/// Connections to one store that are kept open while unused.
const IDLE: usize = 32;

type Pool = Client<HttpsConnector<Tcp>, HttpRequestBody>;

/// A pool of connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Connections(Pool);

/// How many bytes a request makes the store copy before it answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copies(pub(super) u64);

#[derive(Debug, thiserror::Error)]
#[error("no answer within {0} s")]
struct TooLate(u64);

/// The certificates of this machine cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the root certificates of this machine cannot be read: {0}")]
pub(super) struct NoRoots(String);

impl Connections {
    /// A pool of its own. Its connections live as long as the runtime in which they were made.
    pub(super) fn new() -> Result<Self, NoRoots> {
        let mut tcp = Tcp::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|e| NoRoots(e.to_string()))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let pool = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE)
            .pool_idle_timeout(Duration::from_secs(60))
            .build(https);
        Ok(Self(pool))
    }

    /// As `object_store` takes it.
    pub(super) fn client(self) -> HttpClient {
        HttpClient::new(self)
    }
}

impl HttpConnector for Connections {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.clone().client())
    }
}

#[async_trait]
impl HttpService for Connections {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let agent = HeaderValue::from_static(concat!("dim/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let sent = request.body().content_length() as u64;
        let copied = request.extensions().get::<Copies>().map_or(0, |copies| copies.0);
        let patience = ANSWER + Duration::from_secs((sent + copied) / SLOWEST);
        let answer = tokio::time::timeout(patience, self.0.request(request))
            .await
            .map_err(|_| HttpError::new(HttpErrorKind::Timeout, TooLate(patience.as_secs())))?
            .map_err(|e| {
                let kind = if e.is_connect() {
                    HttpErrorKind::Connect
                } else {
                    kind_of(&e)
                };
                HttpError::new(kind, e)
            })?;
        let (mut head, body) = answer.into_parts();
        if let Some(told) = Told::of(&head.headers) {
            head.extensions.insert(told);
        }
        let body = Patient {
            body,
            limit: Box::pin(tokio::time::sleep(PIECE)),
        };
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

/// What kind of failure an error is, for the decision whether to try again.
fn kind_of(error: &(dyn Error + 'static)) -> HttpErrorKind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(e) = error.downcast_ref::<hyper::Error>() {
            if e.is_timeout() {
                return HttpErrorKind::Timeout;
            }
            if e.is_closed() || e.is_incomplete_message() || e.is_body_write_aborted() || e.is_canceled() {
                return HttpErrorKind::Request;
            }
        }
        if let Some(e) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind as K;
            match e.kind() {
                K::TimedOut => return HttpErrorKind::Timeout,
                K::ConnectionAborted | K::ConnectionReset | K::BrokenPipe | K::UnexpectedEof => {
                    return HttpErrorKind::Interrupted;
                }
                _ => {}
            }
        }
        next = error.source();
    }
    HttpErrorKind::Unknown
}

/// A body that fails when its next piece does not come in time.
struct Patient {
    body: Incoming,
    limit: Pin<Box<Sleep>>,
}

impl Body for Patient {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.limit.as_mut().reset(Instant::now() + PIECE);
            return Poll::Ready(frame.map(|piece| piece.map_err(|e| HttpError::new(kind_of(&e), e))));
        }
        ready!(self.limit.as_mut().poll(cx));
        let late = HttpError::new(HttpErrorKind::Timeout, TooLate(PIECE.as_secs()));
        Poll::Ready(Some(Err(late)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
