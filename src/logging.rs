//! Logging: readable lines or JSON on stderr, filtered by `DIM_LOG`. Data goes to stdout, never through here.

use tracing_subscriber::EnvFilter;

/// Starts logging for the process. A second call changes nothing.
///
/// `filter` is in tracing's own syntax, such as `info` or `data_in_motion=debug`; one that cannot be read means `info`.
pub fn start(filter: &str, json: bool) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    // The only possible failure is that logging was started already.
    let _started = if json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
}
