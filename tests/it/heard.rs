//! A client of the live channel in tests: a socket that speaks JSON, and a stream read event by event.

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// No test waits longer than this for one message; a hang fails instead of stalling the suite.
const PATIENCE: Duration = Duration::from_secs(25);

/// A WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Socket {
    pub async fn open(base: &str) -> Self {
        Self(
            connect_async(format!("{}/ws", base.replace("http", "ws")))
                .await
                .unwrap()
                .0,
        )
    }

    pub async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next frame of any kind.
    pub async fn frame(&mut self) -> Message {
        timeout(PATIENCE, self.0.next())
            .await
            .expect("a message in time")
            .unwrap()
            .unwrap()
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.frame().await {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next message of a type; others are passed over.
    pub async fn hear_type(&mut self, kind: &str) -> Value {
        loop {
            let message = self.hear().await;
            if message["type"] == kind {
                return message;
            }
        }
    }
}

/// One event or comment of a stream, as its lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: Option<String>,
    pub comment: bool,
}

/// Server-Sent Events.
pub struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    pub async fn open(base: &str, query: &str, last: Option<&str>) -> Self {
        let mut request = reqwest::Client::new().get(format!("{base}/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    pub async fn next(&mut self) -> Block {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut found = Block::default();
                for line in block.lines() {
                    match line.split_once(": ").unwrap_or((line, "")) {
                        ("id", value) => found.id = Some(value.to_owned()),
                        ("event", value) => found.event = Some(value.to_owned()),
                        ("data", value) => found.data = Some(value.to_owned()),
                        _ => found.comment = true,
                    }
                }
                self.text = rest.to_owned();
                return found;
            }
            let chunk = timeout(PATIENCE, self.response.chunk())
                .await
                .expect("a chunk in time")
                .unwrap()
                .expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}
