//! Who may see what: bearer tokens, and signatures that cover one name until a time.
//!
//! Knows nothing of slides and addresses: what a name is the name of, and where credentials come from, is for the caller.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, Result};

/// The name whose signature covers every name, and what has none.
pub const ALL: &str = "*";

/// The shortest token: what can be guessed is no protection.
const TOKEN_CHARS: usize = 16;
/// The shortest key: as long as what HMAC-SHA256 gives.
const KEY_BYTES: usize = 32;

/// Signs names, each until a time. HMAC-SHA256 over `"{name}\n{expires}"`.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// The bytes of a file, without the newline at its end.
    ///
    /// # Errors
    /// A file that cannot be read, or holds fewer than 32 bytes.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let key = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        if key.len() < KEY_BYTES {
            let problem = format!(
                "a key of {} bytes; at least {KEY_BYTES} are needed: `openssl rand -hex 32` makes one",
                key.len()
            );
            return Err(Error::input(path, problem));
        }
        Ok(Self(keyed(key)))
    }

    /// What to append to an address after `?`, good until `expires`, in seconds since 1970.
    pub fn query(&self, name: &str, expires: u64) -> String {
        let signature = self.over(name, expires).finalize().into_bytes();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("expires={expires}&signature={hex}")
    }

    fn over(&self, name: &str, expires: u64) -> Hmac<Sha256> {
        self.0.clone().chain_update(format!("{name}\n{expires}"))
    }

    /// In a time that does not tell how much of the signature is right.
    fn has_signed(&self, name: &str, expires: u64, signature: &[u8]) -> bool {
        self.over(name, expires).verify_slice(signature).is_ok()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither a token that is known nor a signature.
    Unknown,
    /// The signature is none of ours for this name and time.
    Invalid,
    /// The signature is ours, and its time is over.
    Expired,
}

/// What a request must carry. The default asks for nothing.
#[derive(Clone, Default)]
pub struct Access {
    /// Of each token a code under [`TOKENS`]: codes can be compared without telling how much is right.
    tokens: Vec<[u8; 32]>,
    key: Option<SigningKey>,
}

/// Not a secret: all that matters is that a token's code cannot be aimed at.
const TOKENS: &[u8] = b"origami bearer tokens";

/// Never what is secret.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({} tokens, signatures: {})", self.tokens.len(), self.key.is_some())
    }
}

impl Access {
    /// Tokens one a line, `#` before comments; a key as [`SigningKey::read`] takes it. Without either everything is open.
    ///
    /// # Errors
    /// Files that cannot be read, hold nothing, or hold what is too short to protect anything.
    pub fn read(token_file: Option<&Path>, key_file: Option<&Path>) -> Result<Self> {
        let tokens = token_file.map(read_tokens).transpose()?.unwrap_or_default();
        Ok(Self { tokens, key: key_file.map(SigningKey::read).transpose()? })
    }

    /// Whether nothing is asked for.
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.key.is_none()
    }

    /// Whether a request for what `name` covers may pass: the value of its `Authorization`, its query, and the time in
    /// seconds since 1970. What belongs to no name is covered by [`ALL`] only.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(
        &self,
        name: Option<&str>,
        authorization: Option<&str>,
        query: Option<&str>,
        now: u64,
    ) -> Result<(), Refusal> {
        if self.is_open() || authorization.and_then(bearer).is_some_and(|token| self.knows(token)) {
            return Ok(());
        }
        let given = query.and_then(|query| value(query, "signature"));
        let (Some(key), Some(signature)) = (&self.key, given) else { return Err(Refusal::Unknown) };
        let expires = query.and_then(|query| value(query, "expires")).and_then(number);
        let (Some(expires), Some(signature)) = (expires, unhex(signature)) else {
            return Err(Refusal::Invalid);
        };
        let covers = |name| key.has_signed(name, expires, &signature);
        match name.is_some_and(covers) || covers(ALL) {
            false => Err(Refusal::Invalid),
            true if expires < now => Err(Refusal::Expired),
            true => Ok(()),
        }
    }

    /// Looks at all tokens, however soon one fits.
    fn knows(&self, token: &str) -> bool {
        let code = keyed(TOKENS).chain_update(token);
        let fits = |known: &[u8; 32]| code.clone().verify_slice(known).is_ok();
        self.tokens.iter().fold(false, |found, known| found | fits(known))
    }
}

fn read_tokens(path: &Path) -> Result<Vec<[u8; 32]>> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let lines = text.lines().map(str::trim).enumerate();
    let mut tokens = Vec::new();
    for (at, token) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        // The token itself stays out of messages.
        if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b)) {
            let problem =
                format!("line {}: a token is letters, digits and -._~+/= without spaces, one a line", at + 1);
            return Err(Error::input(path, problem));
        }
        if token.len() < TOKEN_CHARS {
            let problem = format!(
                "line {}: a token of {} characters; at least {TOKEN_CHARS} are needed: `openssl rand -hex 32` makes one",
                at + 1,
                token.len()
            );
            return Err(Error::input(path, problem));
        }
        tokens.push(keyed(TOKENS).chain_update(token).finalize().into_bytes().into());
    }
    if tokens.is_empty() {
        return Err(Error::input(path, "no token; one a line, `openssl rand -hex 32` makes one"));
    }
    Ok(tokens)
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The first value of `key`. What is looked for never needs escapes.
fn value<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    query.split('&').filter_map(|part| part.split_once('=')).find(|(k, _)| *k == key).map(|(_, value)| value)
}

/// What of a query are credentials, to hand on to the next address.
pub fn credentials(query: &str) -> String {
    let ours = |part: &&str| part.starts_with("expires=") || part.starts_with("signature=");
    query.split('&').filter(ours).collect::<Vec<_>>().join("&")
}

/// A name as one part of an address's path.
pub fn path_segment(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The 32 bytes of 64 lower-case digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
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
    const TOKEN: &str = "a-token-of-some-length";

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn access() -> Access {
        let (tokens, key) = (file(format!("# who\n\n{TOKEN}\n").as_bytes()), file(KEY));
        Access::read(Some(tokens.path()), Some(key.path())).unwrap()
    }

    /// The value is what Python's `hmac` gives: the formula is a promise to programs that sign by themselves.
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
    fn a_token_opens_everything_and_no_other_does() {
        let access = access();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(access.check(None, Some(&format!("{scheme} {TOKEN}")), None, 0), Ok(()));
        }
        let longer = format!("Bearer {TOKEN}x");
        let shorter = &longer[..longer.len() - 2];
        for wrong in
            ["", "Bearer", "Bearer ", &format!("Basic {TOKEN}"), TOKEN, &longer, shorter, "Bearer # who"]
        {
            assert_eq!(access.check(None, Some(wrong), None, 0), Err(Refusal::Unknown), "{wrong}");
        }
        assert_eq!(access.check(Some("a"), None, None, 0), Err(Refusal::Unknown));
        assert_eq!(Access::default().check(None, None, None, 0), Ok(()));
        assert!(!format!("{access:?}").contains(TOKEN));
    }

    #[test]
    fn a_signature_covers_one_name_until_its_time() {
        let access = access();
        let key = access.key.clone().unwrap();
        let query = key.query("a", 1000);
        let check = |name, query: &str, now| access.check(name, None, Some(query), now);
        assert_eq!(check(Some("a"), &query, 1000), Ok(()));
        assert_eq!(check(Some("a"), &format!("v=1&{query}&x"), 0), Ok(()));
        assert_eq!(check(Some("a"), &query, 1001), Err(Refusal::Expired));
        for name in [Some("b"), Some(""), Some("a\n1000"), None] {
            // Whether it expired is told to those only who have a true one.
            assert_eq!(check(name, &query, 2000), Err(Refusal::Invalid), "{name:?}");
        }
        for (from, to) in [("1000", "1001"), ("=1000", "=+1000"), ("=1000", "="), ("expires=1000&", "")] {
            assert_eq!(check(Some("a"), &query.replace(from, to), 0), Err(Refusal::Invalid), "{to}");
        }
        for wrong in [
            &query[..query.len() - 2],
            &query[..query.len() - 64],
            &format!("{query}00"),
            &format!("expires=1000&signature={}", "0".repeat(64)),
        ] {
            assert!(check(Some("a"), wrong, 0).is_err(), "{wrong}");
        }
        for name in [Some("a"), Some("b"), None] {
            assert_eq!(check(name, &key.query(ALL, 1000), 1000), Ok(()));
        }
        // Without a key no signature is looked at.
        let tokens = Access { key: None, ..access.clone() };
        assert_eq!(tokens.check(Some("a"), None, Some(&query), 0), Err(Refusal::Unknown));
        assert_eq!(credentials(&format!("v=1&{query}&x=2")), query);
    }

    #[test]
    fn files_that_protect_nothing_are_refused() {
        let refusal =
            |tokens: &str| Access::read(Some(file(tokens.as_bytes()).path()), None).unwrap_err().to_string();
        for (tokens, says) in [
            ("", "no token"),
            ("# only this\n\n", "no token"),
            ("# x\nshort-secret\n", "line 2: a token of 12 characters"),
            ("two words in one line\n", "line 1: a token is letters"),
        ] {
            let said = refusal(tokens);
            assert!(said.contains(says) && !said.contains("secret"), "{said}");
        }
        let short = file(&KEY[1..]);
        let said = Access::read(None, Some(short.path())).unwrap_err().to_string();
        assert!(
            said.contains("a key of 31 bytes") && said.contains(short.path().to_str().unwrap()),
            "{said}"
        );
    }
}
