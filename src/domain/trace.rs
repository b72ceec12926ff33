//! Trace context as the W3C writes it: which request something came of, carried from a caller to a job and into the topics.
//!
//! Source: W3C Trace Context, level 1, section 3.2 (<https://www.w3.org/TR/trace-context/#traceparent-header>).

use std::fmt;
use std::str::FromStr;

/// The value of a `traceparent` header: `00-{trace}-{span}-{flags}`, with 32, 16 and 2 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

/// A text that is no trace context; it is ignored, as the recommendation asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no traceparent: 00-, 32 digits, -, 16 digits, -, 2 digits, all hexadecimal, neither id zero"
)]
pub struct NoTraceParent;

impl TraceParent {
    /// Of its parts; `None` when an id is zero, which stands for none.
    #[must_use]
    pub fn new(trace: u128, span: u64, sampled: bool) -> Option<Self> {
        (trace != 0 && span != 0).then_some(Self {
            trace,
            span,
            flags: u8::from(sampled),
        })
    }

    /// The trace.
    #[must_use]
    pub fn trace(self) -> u128 {
        self.trace
    }

    /// The caller's part of it.
    #[must_use]
    pub fn span(self) -> u64 {
        self.span
    }

    /// Whether the caller records the trace.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let mut parts = text.trim().splitn(5, '-');
        let mut hex = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let lower = part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            lower.then(|| u128::from_str_radix(part, 16).ok()).flatten()
        };
        let (version, trace, span, flags) = (hex(2), hex(32), hex(16), hex(2));
        let (Some(version), Some(trace), Some(span), Some(flags)) = (version, trace, span, flags) else {
            return Err(NoTraceParent);
        };
        // A later version may have more behind the flags; 255 is forbidden.
        let more = parts.next().is_some();
        if version == 0xff || (version == 0 && more) || trace == 0 || span == 0 {
            return Err(NoTraceParent);
        }
        Ok(Self {
            trace,
            span: u64::try_from(span).map_err(|_| NoTraceParent)?,
            // The flags that this version does not know are not passed on.
            flags: u8::try_from(flags & 1).map_err(|_| NoTraceParent)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_recommendation_allows_is_read_and_written_back() {
        let known = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read: TraceParent = known.parse().unwrap();
        assert_eq!(read.to_string(), known);
        assert!(read.is_sampled());
        assert_eq!(read.trace(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(read.span(), 0xb7ad_6b71_6920_3331);
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02-and-more";
        let read: TraceParent = later.parse().unwrap();
        assert_eq!(
            read.to_string(),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(NoTraceParent), "{text}");
        }
    }
}
