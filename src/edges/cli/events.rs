//! Server-sent events as the server's `/events` writes them: bytes in, whole events out.
//!
//! Invariant: an event is given out only when its blank line came, so that a connection that breaks never yields half of one;
//! pieces may be cut anywhere, in the middle of a character as well.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEvent {
    /// Its number in the log, where it has one.
    pub id: Option<String>,
    /// Its name; empty means `message`.
    pub name: String,
    /// Its data lines, joined.
    pub data: String,
}

/// Collects bytes until events are whole.
#[derive(Debug, Default)]
pub struct EventParser {
    line: Vec<u8>,
    event: ServerEvent,
    data: Vec<String>,
}

impl EventParser {
    /// Takes a piece of the stream and gives the events that it completes.
    pub fn feed(&mut self, piece: &[u8]) -> Vec<ServerEvent> {
        let mut whole = Vec::new();
        for &byte in piece {
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
            whole.extend(self.take(&line));
        }
        whole
    }

    fn take(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            let mut event = std::mem::take(&mut self.event);
            let data = std::mem::take(&mut self.data);
            event.data = data.join("\n");
            return (!data.is_empty() || !event.name.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event.name),
            "data" => self.data.push(value.to_owned()),
            // A comment keeps the connection alive; other fields are for browsers.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_the_bytes_are_cut() {
        let text = ": hello\n\nid: 7\nevent: job_status\ndata: {\"a\":\"ü\",\ndata:\"b\":1}\n\nevent: resync\r\n\r\ndata: half";
        for cut in 1..text.len() {
            let mut parser = EventParser::default();
            let events: Vec<_> = text
                .as_bytes()
                .chunks(cut)
                .flat_map(|piece| parser.feed(piece))
                .collect();
            assert_eq!(events.len(), 2, "cut every {cut} bytes: {events:?}");
            assert_eq!(events[0].id.as_deref(), Some("7"));
            assert_eq!(events[0].data, "{\"a\":\"ü\",\n\"b\":1}");
            assert_eq!(events[1].name, "resync");
        }
    }
}
