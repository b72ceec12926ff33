//! Where spans are sent to, where somebody looks at traces.

use crate::domain::trace::TraceParent;
use tracing::Span;

/// The exporter of traces.
///
/// An implementation MUST NOT block and MUST NOT fail: a collector that is away costs spans, never a request or a move.
pub trait Traces: Send + Sync + 'static {
    /// Makes a new span a part of its caller's trace, and says what its own callees should be told.
    ///
    /// Where nothing is exported the caller's own context is handed on unchanged, as the recommendation asks of whoever takes no part.
    fn enter(&self, span: &Span, caller: Option<TraceParent>) -> Option<TraceParent>;

    /// Sends what still waits; within two seconds.
    fn flush(&self);
}
