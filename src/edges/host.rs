//! Refuses requests that call this server by a name it does not have.
//!
//! A page of another site can let its own name point at this machine ("DNS rebinding"); the browser then takes this server for that
//! site and lets the page read what it answers. The name in `Host` gives it away.
//!
//! Invariant: a server that only this machine can reach answers under the machine's own names and the operator's public address, and
//! under no other.

use super::http::problem::Problem;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The names that a server answers under. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// `None`: every name. Else the loopback names, and this one.
    only: Option<Option<Arc<str>>>,
}

impl Hosts {
    /// For a server that listens there and is reached by browsers under `public_url`.
    #[must_use]
    pub fn new(address: SocketAddr, public_url: Option<&str>) -> Self {
        let public = public_url
            .and_then(|url| url.parse::<axum::http::Uri>().ok())
            .and_then(|url| url.host().map(|host| host.to_ascii_lowercase().into()));
        Self {
            only: super::http::listener::is_local(address).then_some(public),
        }
    }

    fn allow(&self, host: &str) -> bool {
        let Some(public) = &self.only else { return true };
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        // `user@host` is no name of a server.
        if authority.as_str().contains('@') {
            return false;
        }
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let own = name == "localhost"
            || name.ends_with(".localhost")
            || bare
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback());
        own || public.as_deref() == Some(name.as_str())
    }
}

/// The layer: checks, then passes on.
pub async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => {
            let mut all = request.headers().get_all(header::HOST).iter();
            let first = all.next().map(|v| v.to_str().unwrap_or("?"));
            // Two names are one too many to be sure of.
            if all.next().is_some() { Some("?") } else { first }
        }
    };
    let allowed = match named {
        Some(host) => hosts.allow(host),
        // Only clients of before 1997 may leave it out, and no browser is among them.
        None => hosts.only.is_none() || request.version() < Version::HTTP_11,
    };
    if allowed {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "wrong_host",
        "this server is not reached under that name: call it localhost or 127.0.0.1, or start it with --public-url for the address under \
         which a proxy shows it. Nothing was done",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn a_local_server_answers_under_its_own_names_only() {
        let local = Hosts::new("127.0.0.1:8080".parse().unwrap(), None);
        let shown = Hosts::new(
            "[::1]:8080".parse().unwrap(),
            Some("https://Data.Example.org/dim"),
        );
        let open = Hosts::new("0.0.0.0:8080".parse().unwrap(), None);
        for (host, on_local, on_shown) in [
            ("localhost", true, true),
            ("LOCALHOST:9000", true, true),
            ("dim.localhost:8080", true, true),
            ("127.0.0.1:8080", true, true),
            ("127.8.8.8", true, true),
            ("[::1]:8080", true, true),
            ("[::ffff:127.0.0.1]:8080", true, true),
            ("data.example.org", false, true),
            ("data.example.org:443", false, true),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example:8080", false, false),
            ("evil.example@127.0.0.1", false, false),
            ("10.0.0.1:8080", false, false),
            ("0.0.0.0:8080", false, false),
            ("", false, false),
            ("a b", false, false),
            ("?", false, false),
        ] {
            assert_eq!(local.allow(host), on_local, "{host}");
            assert_eq!(shown.allow(host), on_shown, "{host}");
            assert!(open.allow(host), "{host}");
        }
    }
}
