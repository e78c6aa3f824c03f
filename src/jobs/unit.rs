//! A work unit: what is to be done to one slide, tree or archive.
//!
//! The key of a unit is a hash of what decides its result: the identity of the source, the task with its parameters, the versions of
//! units and archives. So equal work has one key on every machine, whatever the source is called and wherever it lies.

use std::fmt;
use std::ops::Range;
use std::sync::Once;

use serde::{Deserialize, Deserializer, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::encode::Encode;
use super::error::{Error, Result};
use super::render::Render;
use crate::image::spec;

/// Version of units. A worker takes only units of its own version: a parameter that it does not know would change the result under an
/// unchanged key.
pub const UNIT_VERSION: u32 = 2;

/// Says, once in a process, that a queue has units of another version. They stay there for workers of that version.
pub fn note_other_version(queue: &str, version: u32) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "{queue}: units of version {version} wait in this queue, and this program works on those of version {UNIT_VERSION}: start workers \
             of the program that submitted them"
        );
    });
}

/// Letters of a key and of a token.
const HEX_LETTERS: usize = 32;

/// Some rows of families of a slide. Its result is joined with those of the other bands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// As the slide is encoded.
    pub encode: Encode,
    /// The unit of the slide.
    pub of: Key,
    /// The first row of families and the one after the last.
    pub rows: Range<u32>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Task {
    /// See [`Encode`].
    Encode(Encode),
    /// See [`Band`].
    Band(Band),
    /// An archive, tree or slide is checked.
    Verify {
        /// Whether families are reconstructed and compared with their proofs.
        deep: bool,
    },
    /// An archive to a Deep Zoom tree of JPEG tiles.
    Decode {
        /// Quality of the tiles, 1 to 100.
        quality: u8,
    },
    /// See [`Render`].
    Render(Render),
}

impl Task {
    /// Names of all kinds.
    pub const KINDS: [&str; 5] = ["encode", "band", "verify", "decode", "render"];

    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Task::Encode(_) => "encode",
            Task::Band(_) => "band",
            Task::Verify { .. } => "verify",
            Task::Decode { .. } => "decode",
            Task::Render(_) => "render",
        }
    }
}

/// What a source is, and so how it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A slide or an image.
    Slide,
    /// A Deep Zoom tree.
    Tree,
    /// A bundle.
    Bundle,
    /// A video, of a rendering.
    Video,
}

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// [`UNIT_VERSION`] of the submitter.
    pub version: u32,
    /// See [`Unit::new`].
    pub key: Key,
    /// What is to be done.
    pub task: Task,
    /// Where the source lies: an absolute path.
    pub source: String,
    /// What it is.
    pub thing: Source,
    /// Its identity, as `pyramid::identity` states it. A worker refuses a source that has changed.
    pub identity: String,
    /// Its size in bytes, which stands for the work it makes.
    pub bytes: u64,
    /// An address that is told when the unit is done or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
    /// Most families that are encoded as one piece: a slide with more is encoded in bands. `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_families: Option<u64>,
}

impl Unit {
    /// A unit with its key.
    ///
    /// # Errors
    /// Parameters that JSON cannot express.
    pub fn new(task: Task, source: String, thing: Source, identity: String, bytes: u64) -> Result<Self> {
        let decisive = (UNIT_VERSION, spec::VERSION, &task, &identity);
        let text = serde_json::to_vec(&decisive).map_err(Error::json("a unit"))?;
        let key = Key(format!("{:032x}", xxh3_128(&text)));
        let version = UNIT_VERSION;
        Ok(Self { version, key, task, source, thing, identity, bytes, callback: None, most_families: None })
    }

    /// The unit of a band of this slide, which has `all` rows of families.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn band(&self, encode: Encode, rows: Range<u32>, all: u32) -> Result<Self> {
        let upto = |row: u32| u128::from(self.bytes) * u128::from(row) / u128::from(all.max(1));
        let bytes = (upto(rows.end) - upto(rows.start)) as u64;
        let task = Task::Band(Band { encode, of: self.key.clone(), rows });
        Self::new(task, self.source.clone(), self.thing, self.identity.clone(), bytes)
    }

    /// The same unit, whose source lies where that of another does.
    #[must_use]
    pub fn moved_to(self, other: &Self) -> Self {
        Self { source: other.source.clone(), thing: other.thing, ..self }
    }

    /// Of a band, its first row of families and the one after the last.
    pub fn rows(&self) -> Option<[u32; 2]> {
        match &self.task {
            Task::Band(band) => Some([band.rows.start, band.rows.end]),
            _ => None,
        }
    }

    /// The slide of which this is a band.
    pub fn band_of(&self) -> Option<&Key> {
        match &self.task {
            Task::Band(band) => Some(&band.of),
            _ => None,
        }
    }
}

/// A source, or some rows of families of it, as people say it.
pub fn named(source: &str, rows: Option<[u32; 2]>) -> String {
    match rows {
        Some([first, end]) if end.saturating_sub(first) == 1 => format!("{source}, row {first} of families"),
        Some([first, end]) => format!("{source}, rows {first} to {} of families", end.saturating_sub(1)),
        None => source.into(),
    }
}

/// The key of a unit: 32 hexadecimal digits. It is safe as the name of a file, an object, a message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Key(String);

/// What tells one attempt at a unit from every other: 32 hexadecimal digits, made up at random.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; HEX_LETTERS / 2];
        getrandom::fill(&mut bytes).map_err(|e| Error::NoRandomNumbers(e.to_string()))?;
        Ok(Self::of(u128::from_le_bytes(bytes)))
    }

    /// The token of a number. Simulations use it.
    pub fn of(number: u128) -> Self {
        Self(format!("{number:032x}"))
    }

    /// Some bits of it.
    pub fn bits(&self) -> u32 {
        u32::from_str_radix(&self.0[HEX_LETTERS - 8..], 16).unwrap_or_default()
    }
}

fn is_hex(text: &str) -> bool {
    text.len() == HEX_LETTERS && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

macro_rules! hex_text {
    ($name:ident) => {
        impl $name {
            /// Takes a text that is one.
            pub fn parse(text: &str) -> Option<Self> {
                is_hex(text).then(|| Self(text.into()))
            }

            /// Its digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let problem = || serde::de::Error::custom(format!("{text:?}: not 32 hexadecimal digits"));
                Self::parse(&text).ok_or_else(problem)
            }
        }
    };
}
hex_text!(Key);
hex_text!(Token);

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(quality: u8, identity: &str, source: &str) -> Unit {
        Unit::new(Task::Decode { quality }, source.into(), Source::Bundle, identity.into(), 7).unwrap()
    }

    #[test]
    fn a_key_depends_on_the_work_and_not_on_where_the_source_lies() {
        let one = unit(90, "file-1-a", "/a");
        assert_eq!(one.key, unit(90, "file-1-a", "/b").key);
        assert_ne!(one.key, unit(91, "file-1-a", "/a").key);
        assert_ne!(one.key, unit(90, "file-1-b", "/a").key);
    }

    #[test]
    fn bands_share_the_bytes_of_their_slide() {
        let slide = unit(90, "i", "/a");
        let encode = Encode::default();
        let bands = [0..2, 2..3, 3..7].map(|rows| slide.band(encode.clone(), rows, 7).unwrap());
        assert_eq!(bands.iter().map(|band| band.bytes).sum::<u64>(), slide.bytes);
        assert_eq!(bands[1].band_of(), Some(&slide.key));
        assert!(bands[0].key != bands[1].key && bands[0].key != slide.key);
        let read: Unit = serde_json::from_str(&serde_json::to_string(&bands[2]).unwrap()).unwrap();
        assert_eq!(read, bands[2]);
    }

    #[test]
    fn a_key_that_could_name_another_file_is_refused() {
        for text in ["", "..", "../../../../etc/passwd0123456789ab", "0123456789abcdef0123456789ABCDEF"] {
            assert!(Key::parse(text).is_none(), "{text}");
            assert!(serde_json::from_value::<Token>(text.into()).is_err(), "{text}");
        }
        let token = Token::random().unwrap();
        assert_eq!(Token::parse(token.as_str()), Some(token));
    }

    #[test]
    fn a_unit_with_a_parameter_that_is_not_known_is_refused() {
        let mut value = serde_json::to_value(unit(90, "i", "/a")).unwrap();
        assert!(serde_json::from_value::<Unit>(value.clone()).is_ok());
        value["task"]["sharpness"] = 7.into();
        assert!(serde_json::from_value::<Unit>(value).is_err());
        let task = Task::Encode(Encode::default());
        let unit = Unit::new(task, "/a".into(), Source::Slide, "i".into(), 1).unwrap();
        let mut value = serde_json::to_value(&unit).unwrap();
        assert_eq!(serde_json::from_value::<Unit>(value.clone()).unwrap(), unit);
        value["task"]["sharpness"] = 7.into();
        assert!(serde_json::from_value::<Unit>(value).is_err());
    }
}
