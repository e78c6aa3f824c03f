//! What of a rendering is part of its unit: the tour, without where its source lies.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A tour to a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Render {
    /// The tour: a document of `tour`, without slide, video and sound.
    pub document: Map<String, Value>,
    /// Its sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Sound>,
}

/// A file of sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sound {
    /// Where it lies: an absolute path, or an address.
    pub source: String,
    /// Its identity; `None` at an address that is not read before the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Names of fields that say where sources lie.
const SOURCES: [&str; 4] = ["slide", "video", "videoUrl", "audio"];
/// Names of fields that are of a request and not of a tour.
const OF_REQUEST: [&str; 2] = ["jobId", "callbackUrl"];

impl Render {
    /// Takes a document, or a request around it.
    pub fn new(mut document: Map<String, Value>, audio: Option<Sound>) -> Self {
        SOURCES.iter().chain(&OF_REQUEST).for_each(|name| drop(document.remove(*name)));
        if let Some(Value::Object(scenario)) = document.get_mut("scenario") {
            SOURCES.iter().for_each(|name| drop(scenario.remove(*name)));
        }
        Self { document, audio }
    }

    /// The document with its sources at these paths: a slide, or a video.
    pub fn with_sources(&self, is_video: bool, source: &str, audio: Option<&str>) -> Map<String, Value> {
        let mut document = self.document.clone();
        let name = if is_video { "video" } else { "slide" };
        document.insert(name.into(), source.into());
        if let Some(audio) = audio {
            let inner = document.get_mut("scenario").and_then(Value::as_object_mut);
            match inner {
                Some(scenario) => scenario.insert("audio".into(), audio.into()),
                None => document.insert("audio".into(), audio.into()),
            };
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_does_not_depend_on_where_sources_lie_and_on_the_names_of_a_request() {
        let request = |slide: &str, name: &str| {
            let text = serde_json::json!({
                "jobId": name, "slide": slide, "callbackUrl": "http://a", "camera": [{"time": 0}],
                "scenario": {"cues": [], "audio": slide}, "options": {},
            });
            Render::new(text.as_object().unwrap().clone(), None)
        };
        assert_eq!(request("/a", "1"), request("/b", "2"));
        let whole = request("/a", "1").with_sources(false, "/c", Some("/d"));
        assert_eq!((&whole["slide"], &whole["scenario"]["audio"]), (&"/c".into(), &"/d".into()));
        assert!(whole.get("jobId").is_none());
    }
}
