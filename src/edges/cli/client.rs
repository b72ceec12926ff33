//! The HTTP client behind the commands: one request, one answer, errors in words.
//!
//! Invariant: an answer is kept as it was sent; a problem's own words and status reach the person and the exit code.

use crate::edges::cli::exit::{CliError, Exit};
use crate::edges::cli::node::Node;
use crate::edges::cli::options::ClientOptions;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Rows asked for at once; lists are read to their end.
const PAGE_ROWS: u32 = 200;
/// A server on the way up or down is waited for this long before it counts as away.
const CONNECT_SECS: u64 = 5;

/// Something that may be there or not is not waited for any longer.
const ALIVE_WITHIN: Duration = Duration::from_millis(500);

fn checked(url: &str) -> Result<String, CliError> {
    let base = url.trim().trim_end_matches('/').to_owned();
    if base.to_ascii_lowercase().starts_with("https://") {
        return Err(CliError::usage(format!("https is not supported yet: {base}"))
            .hint("use http:// to a server on this machine or through a tunnel"));
    }
    let named = reqwest::Url::parse(&base).is_ok_and(|u| u.scheme() == "http" && u.has_host());
    if !named {
        return Err(CliError::usage(format!("{base:?} is not a server's address"))
            .hint("write it as in http://127.0.0.1:8080"));
    }
    Ok(base)
}

/// A server and how to speak to it.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    timeout: Duration,
}

/// An answer as it was sent.
#[derive(Debug)]
pub struct Reply {
    /// The body.
    pub node: Node,
    text: String,
}

impl Reply {
    /// The answer as a type of ours.
    ///
    /// # Errors
    /// When the server's answer is of another shape, as a much newer server's could be.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, CliError> {
        serde_json::from_str(&self.text).map_err(|e| {
            CliError::failure(format!("the server's answer is not understood: {e}"))
                .hint("is it another version of dim? `-o json` prints the answer as it came")
        })
    }

    /// An answer made of a node.
    pub fn from_node(node: Node) -> Self {
        let text = node.to_json_line();
        Self { node, text }
    }
}

impl Client {
    /// A client for the server of the options.
    ///
    /// # Errors
    /// An address that is none, or one that starts with `https`.
    pub fn new(options: &ClientOptions) -> Result<Self, CliError> {
        let base = checked(&options.server)?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(CONNECT_SECS))
            .user_agent(concat!("dim/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| CliError::failure(format!("cannot start the HTTP client: {e}")))?;
        Ok(Self {
            http,
            base,
            token: options.token.clone(),
            timeout: Duration::from_secs(options.timeout),
        })
    }

    /// The same client for another address.
    ///
    /// # Errors
    /// An address that is none, or one that starts with `https`.
    pub fn at(&self, url: &str) -> Result<Self, CliError> {
        Ok(Self {
            base: checked(url)?,
            ..self.clone()
        })
    }

    /// The same client for another port of the same machine.
    pub fn beside(&self, port: u16) -> Option<Self> {
        let mut url = reqwest::Url::parse(&self.base).ok()?;
        url.set_port(Some(port)).ok()?;
        url.set_path("");
        self.at(url.as_str()).ok()
    }

    /// Whether something of ours answers there.
    pub async fn is_alive(&self) -> bool {
        let asked = self.request(Method::GET, "/livez").timeout(ALIVE_WITHIN).send();
        match asked.await {
            Ok(said) => said.status().is_success() && said.text().await.is_ok_and(|text| text == "ok"),
            Err(_) => false,
        }
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request without a time limit of its own.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// No server, a time-out, or the server's own refusal.
    pub async fn get(&self, path: &str) -> Result<Reply, CliError> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Gets text that is not JSON.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn text(&self, path: &str) -> Result<String, CliError> {
        let (status, text) = self.exchange(self.request(Method::GET, path)).await?;
        if !(200..300).contains(&status) {
            return Err(problem(status, &text));
        }
        Ok(text)
    }

    /// Posts a value to `path`.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn post<T: Serialize + ?Sized>(&self, path: &str, body: &T) -> Result<Reply, CliError> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Changes what is at `path`.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn patch<T: Serialize + ?Sized>(&self, path: &str, body: &T) -> Result<Reply, CliError> {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// Posts nothing to `path`: a command.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn command(&self, path: &str) -> Result<Reply, CliError> {
        self.send(self.request(Method::POST, path)).await
    }

    /// Deletes `path`.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn delete(&self, path: &str) -> Result<Reply, CliError> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A list to its end: the pages' items in one answer.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn list(&self, path: &str, query: &[(&str, String)]) -> Result<Reply, CliError> {
        let mut whole: Option<Node> = None;
        let mut cursor: Option<String> = None;
        loop {
            let mut query: Vec<(&str, String)> = query.to_vec();
            query.push(("limit", PAGE_ROWS.to_string()));
            query.extend(cursor.take().map(|c| ("cursor", c)));
            let reply = self.send(self.request(Method::GET, path).query(&query)).await?;
            let next = reply
                .node
                .get("next_cursor")
                .and_then(Node::text)
                .map(str::to_owned);
            let Some(page) = &mut whole else {
                whole = Some(reply.node);
                match next {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
                continue;
            };
            if let (Some(Node::List(all)), Some(Node::List(items))) =
                (page.get_mut("items"), reply.node.get("items"))
            {
                all.extend(items.iter().cloned());
            }
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        let mut whole = whole.unwrap_or(Node::Null);
        if let Some(cursor) = whole.get_mut("next_cursor") {
            *cursor = Node::Null;
        }
        Ok(Reply::from_node(whole))
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn send(&self, request: RequestBuilder) -> Result<Reply, CliError> {
        let (status, text) = self.exchange(request).await?;
        if !(200..300).contains(&status) {
            return Err(problem(status, &text));
        }
        self.reply(text)
    }

    /// Sends a request whose answer is worth reading whatever its status: an unwell server's report comes with 503.
    ///
    /// # Errors
    /// No server, a time-out, or an answer that is not JSON.
    pub async fn send_any(&self, request: RequestBuilder) -> Result<Reply, CliError> {
        let (status, text) = self.exchange(request).await?;
        self.reply(text.clone()).map_err(|error| match status {
            200..300 => error,
            _ => problem(status, &text),
        })
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<(u16, String), CliError> {
        let response = request.timeout(self.timeout).send().await;
        let response = response.map_err(|e| self.unreachable(&e))?;
        self.read(response).await
    }

    fn reply(&self, text: String) -> Result<Reply, CliError> {
        if text.trim().is_empty() {
            return Ok(Reply {
                node: Node::Null,
                text: "null".into(),
            });
        }
        match serde_json::from_str(&text) {
            Ok(node) => Ok(Reply { node, text }),
            Err(_) => Err(
                CliError::failure(format!("{} answers, but not as a dim server does", self.base))
                    .hint("does another program listen there? name the server with --server URL"),
            ),
        }
    }

    /// The status and the body, whatever they are.
    ///
    /// # Errors
    /// A connection that broke in the answer.
    pub async fn read(&self, response: Response) -> Result<(u16, String), CliError> {
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|e| self.unreachable(&e))?;
        Ok((status, text))
    }

    /// Why the server could not be spoken to.
    pub fn unreachable(&self, error: &reqwest::Error) -> CliError {
        if error.is_timeout() && !error.is_connect() {
            let secs = self.timeout.as_secs();
            return CliError::new(Exit::TimeOut, format!("no answer from {} in {secs} s", self.base))
                .hint("allow more with --timeout SECONDS");
        }
        if error.is_connect() || error.is_timeout() {
            return CliError::failure(format!("no server answers at {}: {}", self.base, root_cause(error)))
                .hint("start one with `dim serve` (or `dim serve --demo`), or name another with --server URL or DIM_SERVER");
        }
        CliError::failure(format!(
            "the connection to {} broke: {}",
            self.base,
            root_cause(error)
        ))
    }
}

/// The innermost cause: the outer ones repeat the address.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// A refusal in the server's own words.
pub fn problem(status: u16, text: &str) -> CliError {
    let node: Node = serde_json::from_str(text).unwrap_or(Node::Null);
    let field = |name| node.get(name).and_then(Node::text);
    let words = field("detail").or(field("title")).map(str::to_owned);
    let words = words.unwrap_or_else(|| {
        let first: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(200)
            .collect();
        if first.is_empty() {
            format!("the server answers {status}")
        } else if first.trim_start().starts_with('<') {
            format!("the server answers {status} with a page: it does not support this command yet")
        } else {
            format!("the server answers {status}: {first}")
        }
    });
    CliError::from_status(status, words)
}

/// A name or id as one path segment.
pub fn segment(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_segment() {
        assert_eq!(segment("a b/ü?#%"), "a%20b%2F%C3%BC%3F%23%25");
    }

    #[test]
    fn a_problem_speaks_for_itself() {
        let e = problem(
            404,
            r#"{"code":"dataset_not_found","detail":"there is no dataset 7"}"#,
        );
        assert_eq!(
            (e.exit, e.message.as_str()),
            (Exit::NotFound, "there is no dataset 7")
        );
        assert_eq!(problem(500, "").message, "the server answers 500");
    }
}
