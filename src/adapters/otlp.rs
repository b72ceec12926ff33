//! Spans to a collector, by OTLP over HTTP (`POST …/v1/traces`, protobuf).
//!
//! Invariant: what cannot be sent is dropped and counted by nobody; requests and moves never wait for a collector. At most the
//! library's own queue (2,048 spans) is in memory.

use crate::domain::trace::TraceParent;
use crate::ports::Traces;
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Layer, Registry};

/// How long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last spans may take when the process ends.
const LAST: Duration = Duration::from_secs(2);
/// The longest answer that is read.
const ANSWER_MAX: usize = 64 << 10;

/// What the log hands spans to.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts the export to a collector, such as `http://127.0.0.1:4318`. Its connections belong to the present runtime.
///
/// Headers for the collector, such as a key, come from `OTEL_EXPORTER_OTLP_HEADERS`; they are not logged.
///
/// # Errors
/// When the address is none, or this machine's root certificates cannot be read.
pub fn start(endpoint: &str) -> Result<(Arc<dyn Traces>, Option<SpanLayer>), String> {
    let client = Collector::new()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(PATIENCE)
        .build()
        .map_err(|problem| problem.to_string())?;
    let resource = Resource::builder()
        .with_service_name("dim")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    // The program's own lines inside a span become its events; those of libraries do not.
    let shown = Targets::new()
        .with_target("dim_trace", LevelFilter::INFO)
        .with_target("data_in_motion", LevelFilter::INFO);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("dim"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(shown);
    Ok((Arc::new(Otlp(provider)), Some(Box::new(layer))))
}

/// The export of spans.
struct Otlp(SdkTracerProvider);

impl Traces for Otlp {
    fn enter(&self, span: &Span, caller: Option<TraceParent>) -> Option<TraceParent> {
        if let Some(caller) = caller {
            let flags = TraceFlags::default().with_sampled(caller.is_sampled());
            let caller = SpanContext::new(
                TraceId::from_bytes(caller.trace().to_be_bytes()),
                SpanId::from_bytes(caller.span().to_be_bytes()),
                flags,
                true,
                TraceState::default(),
            );
            // It fails for a span that somebody has made a part of something before, which is then right as it is.
            let _known = span.set_parent(Context::new().with_remote_span_context(caller));
        }
        let own = span.context();
        let own = own.span().span_context().clone();
        TraceParent::new(
            u128::from_be_bytes(own.trace_id().to_bytes()),
            u64::from_be_bytes(own.span_id().to_bytes()),
            own.is_sampled(),
        )
        .or(caller)
    }

    fn flush(&self) {
        if let Err(problem) = self.0.shutdown_with_timeout(LAST) {
            tracing::debug!(%problem, "the last spans were not sent");
        }
    }
}

/// Connections to the collector, on the runtime in which it was started: the library calls from a thread that has none.
struct Collector {
    runtime: Handle,
    pool: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Collector {
    fn new() -> Result<Self, String> {
        let https = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|problem| format!("the root certificates of this machine cannot be read: {problem}"))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            runtime: Handle::current(),
            pool: Client::builder(TokioExecutor::new()).build(https),
        })
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let pool = self.pool.clone();
        let sent = async move {
            let (head, body) = pool.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        // The clock, too, is the runtime's: the time limit is made there.
        let limited = async move { tokio::time::timeout(PATIENCE, sent).await };
        self.runtime.spawn(limited).await??
    }
}
