//! A request as it was sent, kept as text: its values take many times as much memory.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A request, without the spaces between its values. Copies share the text.
#[derive(Clone, Debug)]
pub struct Sent(Option<Arc<str>>);

impl Sent {
    /// That of a job which has ended: its note has the request.
    pub const NOT_HERE: Self = Self(None);

    pub fn new(request: &Value) -> Self {
        Self(Some(request.to_string().into()))
    }

    pub fn is_here(&self) -> bool {
        self.0.is_some()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.0.as_deref().map_or(0, str::len)
    }

    /// What was sent.
    pub fn value(&self) -> Value {
        // The text was written from a value.
        self.0.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// The order of fields says nothing.
impl PartialEq for Sent {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.value() == other.value()
    }
}

impl Serialize for Sent {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Value::deserialize(from).map(|request| Self::new(&request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_and_read_as_it_was_sent_and_is_the_same_in_any_order() {
        let of = |text: &str| Sent::new(&serde_json::from_str(text).unwrap());
        let one = of(r#"{"b": [1, 2.50, null], "a": {"x": "é\n"}}"#);
        assert_eq!(serde_json::from_str::<Sent>(&serde_json::to_string(&one).unwrap()).unwrap(), one);
        assert_eq!(one, of(r#"{"a": {"x": "\u00e9\n"}, "b": [1, 2.5, null]}"#));
        assert_ne!(one, of(r#"{"a": {"x": "é\n"}, "b": [2.5, 1, null]}"#));
        assert_eq!(one.bytes(), r#"{"a":{"x":"é\n"},"b":[1,2.5,null]}"#.len());
        assert!(!Sent::NOT_HERE.is_here() && Sent::NOT_HERE.value().is_null());
    }
}
