//! Signed URLs: HMAC-SHA256 signatures of a name until a time, in the query of an address.
//!
//! Knows no slides and no routes: callers say which name an address belongs to.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret::Secret;
use crate::error::{Error, Result};

/// The name whose signature covers every name, and the resources that belong to no name.
pub const ALL: &str = "*";

/// Least bytes of a key: the size of an HMAC-SHA256.
const MIN_KEY_BYTES: usize = 32;

/// Signs names, each until a time: HMAC-SHA256 of `"{name}\n{expires}"`.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Reads a key from a file, as [`Self::new`] takes it.
    ///
    /// # Errors
    /// A file that cannot be read, or holds fewer than 32 bytes.
    pub fn read(path: &Path) -> Result<Self> {
        Self::new(&Secret::read(path)?)
    }

    /// A key: the bytes of a secret without the newline at its end.
    ///
    /// # Errors
    /// Fewer than 32 bytes.
    pub fn new(secret: &Secret) -> Result<Self> {
        let bytes = &secret.bytes;
        let key = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        if key.len() < MIN_KEY_BYTES {
            let problem = format!(
                "a key of {} bytes; at least {MIN_KEY_BYTES} are needed: `openssl rand -hex 32` makes one",
                key.len()
            );
            return Err(Error::input(&secret.place, problem));
        }
        Ok(Self(hmac(key)))
    }

    /// The query that grants `name` until `expires`, in seconds since 1970. It goes after the `?` of an address.
    pub fn query(&self, name: &str, expires: u64) -> String {
        self.signed(name, expires, false)
    }

    /// The query that also grants to change the marks of `name`: HMAC-SHA256 of `"{name}\n{expires}\nannotate"`.
    pub fn query_to_annotate(&self, name: &str, expires: u64) -> String {
        format!("annotate=1&{}", self.signed(name, expires, true))
    }

    fn signed(&self, name: &str, expires: u64, annotate: bool) -> String {
        let signature = self.mac(name, expires, annotate).finalize().into_bytes();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("expires={expires}&signature={hex}")
    }

    /// The key itself, for what else is signed with it.
    pub(super) fn mac_key(&self) -> Hmac<Sha256> {
        self.0.clone()
    }

    fn mac(&self, name: &str, expires: u64, annotate: bool) -> Hmac<Sha256> {
        let more = if annotate { "\nannotate" } else { "" };
        self.0.clone().chain_update(format!("{name}\n{expires}{more}"))
    }

    /// Whether a signature is valid, in constant time.
    fn verify(&self, name: &str, signature: &Signature) -> bool {
        self.mac(name, signature.expires, signature.annotate).verify_slice(&signature.bytes).is_ok()
    }

    /// Whether a query has a valid signature that grants to change marks.
    pub(super) fn may_annotate(&self, name: &str, query: Option<&str>, now: u64) -> bool {
        query.is_some_and(annotates) && self.check(Some(name), query, now) == Some(Verdict::Valid)
    }

    /// The first of these names that the signature in a query covers, be its time over or not.
    pub(super) fn covered<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        query: &str,
    ) -> Option<&'a str> {
        let signature = Signature::of(query)?;
        names.into_iter().find(|name| self.verify(name, &signature))
    }

    /// Whether a query has a signature that covers `name`, or every name; `None` if the query has no signature.
    pub(super) fn check(&self, name: Option<&str>, query: Option<&str>, now: u64) -> Option<Verdict> {
        let query = query?;
        value(query, "signature")?;
        let Some(signature) = Signature::of(query) else { return Some(Verdict::Invalid) };
        let expires = signature.expires;
        let covered = name.is_some_and(|name| self.verify(name, &signature)) || self.verify(ALL, &signature);
        Some(match covered {
            false => Verdict::Invalid,
            true if expires < now => Verdict::Expired,
            true => Verdict::Valid,
        })
    }
}

/// An HMAC with a key of any length.
pub(super) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

/// The signature in a query.
struct Signature {
    /// Seconds since 1970.
    expires: u64,
    /// It was made to change marks as well.
    annotate: bool,
    bytes: [u8; 32],
}

impl Signature {
    /// That of a query, if it is whole.
    fn of(query: &str) -> Option<Self> {
        let expires = value(query, "expires").and_then(number)?;
        let bytes = unhex(value(query, "signature")?)?;
        Some(Self { expires, annotate: annotates(query), bytes })
    }
}

/// What a signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It covers the name.
    Valid,
    /// It is not this key's for the name and time.
    Invalid,
    /// It covers the name, and its time is over.
    Expired,
}

/// The first value of `key`. Keys and values that are looked for here need no escapes.
fn value<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    query.split('&').filter_map(|part| part.split_once('=')).find(|(k, _)| *k == key).map(|(_, value)| value)
}

/// Whether a query says that it is for changing marks.
fn annotates(query: &str) -> bool {
    value(query, "annotate") == Some("1")
}

/// The parameters of a query that make up its signature, to append to another address.
pub fn signature_params(query: &str) -> String {
    let is_signature =
        |part: &&str| ["annotate=", "expires=", "signature="].iter().any(|key| part.starts_with(key));
    query.split('&').filter(is_signature).collect::<Vec<_>>().join("&")
}

/// Seconds since 1970 in digits alone.
pub(super) fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The 32 bytes of 64 lower-case digits.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != out.len() || !rest.is_empty() {
        return None;
    }
    for (byte, &[high, low]) in out.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    /// The value is that of Python's `hmac`: programs that sign by themselves rely on the formula.
    #[test]
    fn the_formula_of_a_signature_stays() {
        for bytes in [KEY.to_vec(), [KEY, b"\n"].concat(), [KEY, b"\r\n"].concat()] {
            let key = SigningKey::read(file(&bytes).path()).unwrap();
            assert_eq!(
                key.query("a slide & more", 1_900_000_000),
                "expires=1900000000&signature=c70f0b45af6937e3a7fd59ec541ba62099238b98e91b37e6bd05d4ee794983d3"
            );
        }
    }

    #[test]
    fn a_signature_covers_one_name_until_its_time() {
        use Verdict::{Expired, Invalid, Valid};
        let key = SigningKey(hmac(KEY));
        let query = key.query("a", 1000);
        let check = |name, query: &str, now| key.check(name, Some(query), now);
        assert_eq!(check(Some("a"), &query, 1000), Some(Valid));
        assert_eq!(check(Some("a"), &format!("v=1&{query}&x"), 0), Some(Valid));
        assert_eq!(check(Some("a"), &query, 1001), Some(Expired));
        for name in [Some("b"), Some(""), Some("a\n1000"), None] {
            // Only a valid signature reveals that it has expired.
            assert_eq!(check(name, &query, 2000), Some(Invalid), "{name:?}");
        }
        for (from, to) in [("1000", "1001"), ("=1000", "=+1000"), ("=1000", "="), ("expires=1000&", "")] {
            assert_eq!(check(Some("a"), &query.replace(from, to), 0), Some(Invalid), "{to}");
        }
        for wrong in [
            &query[..query.len() - 2],
            &query[..query.len() - 64],
            &format!("{query}00"),
            &format!("expires=1000&signature={}", "0".repeat(64)),
        ] {
            assert_ne!(check(Some("a"), wrong, 0), Some(Valid), "{wrong}");
        }
        for name in [Some("a"), Some("b"), None] {
            assert_eq!(check(name, &key.query(ALL, 1000), 1000), Some(Valid));
        }
        assert_eq!(check(Some("a"), "expires=1000", 0), None);
        // Which name it is, for addresses that say none.
        for (query, want) in [
            (query.clone(), Some("a")),
            (key.query_to_annotate("b", 1), Some("b")),
            (key.query("c", 1000), None),
            (key.query(ALL, 1000), None),
            (query.replace("1000", "1001"), None),
            (query.replace("expires", "x"), None),
            (String::new(), None),
        ] {
            assert_eq!(key.covered(["b", "a"], &query), want, "{query}");
        }
        assert_eq!(signature_params(&format!("v=1&{query}&x=2")), query);
    }

    #[test]
    fn a_short_key_is_refused() {
        let short = file(&KEY[1..]);
        let error = SigningKey::read(short.path()).err().unwrap().to_string();
        assert!(
            error.contains("a key of 31 bytes") && error.contains(short.path().to_str().unwrap()),
            "{error}"
        );
    }
}
