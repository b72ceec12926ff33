//! JSON as it was sent: the order of fields is kept, and fields that this program does not know are passed on.
//!
//! Invariant: printing a node as JSON and reading it back gives the same node. YAML is written here as well: every text is a JSON
//! string, which YAML 1.2 reads as such, so no word is ever mistaken for a date or a boolean.

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{self, Write};

/// A JSON value with ordered fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written.
    Number(serde_json::Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// A field of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(fields) => fields.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// A field of an object, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Map(fields) => fields.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// As one line of JSON.
    pub fn to_json_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As YAML.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        self.yaml(&mut out, 0, false);
        out
    }

    fn yaml(&self, out: &mut String, depth: usize, in_list: bool) {
        match self {
            Self::Map(fields) if !fields.is_empty() => {
                for (i, (key, value)) in fields.iter().enumerate() {
                    let indent = if i == 0 && in_list { 0 } else { depth };
                    let _ = write!(out, "{:indent$}{}:", "", plain_key(key), indent = indent * 2);
                    value.yaml_after_key(out, depth);
                }
            }
            Self::List(items) if !items.is_empty() => {
                for (i, item) in items.iter().enumerate() {
                    let indent = if i == 0 && in_list { 0 } else { depth };
                    let _ = write!(out, "{:indent$}- ", "", indent = indent * 2);
                    item.yaml(out, depth + 1, true);
                }
            }
            scalar => {
                let _ = writeln!(out, "{}", scalar.to_json_line());
            }
        }
    }

    fn yaml_after_key(&self, out: &mut String, depth: usize) {
        match self {
            Self::Map(fields) if !fields.is_empty() => {
                out.push('\n');
                self.yaml(out, depth + 1, false);
            }
            Self::List(items) if !items.is_empty() => {
                out.push('\n');
                self.yaml(out, depth + 1, false);
            }
            scalar => {
                let _ = writeln!(out, " {}", scalar.to_json_line());
            }
        }
    }
}

/// A key that needs no quotes, or the key as a JSON string. The words that YAML 1.1 read as booleans are quoted as well.
fn plain_key(key: &str) -> String {
    let simple = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && key.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .contains(&key.to_ascii_lowercase().as_str());
    if simple {
        key.to_owned()
    } else {
        serde_json::to_string(key).unwrap_or_default()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Number(n) => n.serialize(serializer),
            Self::Text(t) => serializer.serialize_str(t),
            Self::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }
            fn visit_bool<E>(self, b: bool) -> Result<Node, E> {
                Ok(Node::Bool(b))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Node, E> {
                Ok(Node::Number(n.into()))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Node, E> {
                Ok(Node::Number(n.into()))
            }
            fn visit_f64<E>(self, n: f64) -> Result<Node, E> {
                Ok(serde_json::Number::from_f64(n).map_or(Node::Null, Node::Number))
            }
            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Node::Map(fields))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_and_yaml_is_what_json_means() {
        let text = r#"{"z":1,"a":[{"no":"no","b":null},[2,3],[]],"m":{"t":"a: b\n","e":{}},"f":1.5}"#;
        let node: Node = serde_json::from_str(text).unwrap();
        assert_eq!(node.to_json_line(), text);
        let yaml = "z: 1\na:\n  - \"no\": \"no\"\n    b: null\n  - - 2\n    - 3\n  - []\nm:\n  t: \"a: b\\n\"\n  e: {}\nf: 1.5\n";
        assert_eq!(node.to_yaml(), yaml);
    }
}
