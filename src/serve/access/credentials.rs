//! What a request must carry: a bearer token, or a signature that covers its slide.
//!
//! Knows no slides and no routes: callers say which name a request belongs to, and where its credentials are.

use hmac::Mac;

use super::secret::Secret;
use super::signature::{SigningKey, Verdict, hmac};
use crate::error::{Error, Result};

/// Least characters of a token: one that can be guessed protects nothing.
const MIN_TOKEN_CHARS: usize = 16;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has neither a known token nor a signature.
    Unknown,
    /// Its signature does not cover the name.
    Invalid,
    /// Its signature covers the name, and its time is over.
    Expired,
}

/// Tokens and a signing key. The default has neither, and every request passes.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The HMAC of each token under [`TOKEN_KEY`], for a comparison in constant time.
    tokens: Vec<[u8; 32]>,
    key: Option<SigningKey>,
}

/// Not a secret: it only prevents a token from being chosen for its HMAC.
const TOKEN_KEY: &[u8] = b"origami bearer tokens";

/// Shows no secrets.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({} tokens, signatures: {})", self.tokens.len(), self.key.is_some())
    }
}

impl Credentials {
    /// Credentials of tokens, one a line with comments after `#`, and of a key as [`SigningKey::new`] takes it. Either is enough for a
    /// request; without either every request passes.
    ///
    /// # Errors
    /// Secrets that are empty, or hold tokens or keys that are too short.
    pub fn new(tokens: Option<&Secret>, key: Option<&Secret>) -> Result<Self> {
        let tokens = tokens.map(parse_tokens).transpose()?.unwrap_or_default();
        Ok(Self { tokens, key: key.map(SigningKey::new).transpose()? })
    }

    /// Whether every request passes.
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.key.is_none()
    }

    /// Checks a request for the resource `name`, by the value of its `Authorization` header, its query, and the time in seconds
    /// since 1970. A resource without a name needs a token or a signature of [`ALL`].
    ///
    /// [`ALL`]: super::ALL
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(
        &self,
        name: Option<&str>,
        authorization: Option<&str>,
        query: Option<&str>,
        now: u64,
    ) -> Result<(), Refusal> {
        if self.is_open() || authorization.and_then(bearer).is_some_and(|token| self.has_token(token)) {
            return Ok(());
        }
        match self.key.as_ref().and_then(|key| key.check(name, query, now)) {
            Some(Verdict::Valid) => Ok(()),
            Some(Verdict::Invalid) => Err(Refusal::Invalid),
            Some(Verdict::Expired) => Err(Refusal::Expired),
            None => Err(Refusal::Unknown),
        }
    }

    /// Whether a request that passes may change the marks of a slide: it has a token, or a signature that was made for that.
    pub fn may_annotate(
        &self,
        name: &str,
        authorization: Option<&str>,
        query: Option<&str>,
        now: u64,
    ) -> bool {
        let signed = || self.key.as_ref().is_some_and(|key| key.may_annotate(name, query, now));
        authorization.and_then(bearer).is_some_and(|token| self.has_token(token)) || signed()
    }

    /// Compares with every token, even after a match, so that the time reveals nothing.
    fn has_token(&self, token: &str) -> bool {
        let mac = hmac(TOKEN_KEY).chain_update(token);
        let equals = |known: &[u8; 32]| mac.clone().verify_slice(known).is_ok();
        self.tokens.iter().fold(false, |found, known| found | equals(known))
    }
}

fn parse_tokens(secret: &Secret) -> Result<Vec<[u8; 32]>> {
    let path = &secret.place;
    let text = str::from_utf8(&secret.bytes).map_err(|_| Error::input(path, "the tokens are not UTF-8"))?;
    let lines = text.lines().map(str::trim).enumerate();
    let mut tokens = Vec::new();
    for (at, token) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        // Messages must not contain the token.
        if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b)) {
            let problem =
                format!("line {}: a token is letters, digits and -._~+/= without spaces, one a line", at + 1);
            return Err(Error::input(path, problem));
        }
        if token.len() < MIN_TOKEN_CHARS {
            let problem = format!(
                "line {}: a token of {} characters; at least {MIN_TOKEN_CHARS} are needed: `openssl rand -hex 32` makes one",
                at + 1,
                token.len()
            );
            return Err(Error::input(path, problem));
        }
        tokens.push(hmac(TOKEN_KEY).chain_update(token).finalize().into_bytes().into());
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

#[cfg(test)]
mod tests {
    use super::super::signature::ALL;
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const TOKEN: &str = "a-token-of-some-length";

    fn secret(bytes: &[u8]) -> Secret {
        Secret::new("here", bytes.to_vec())
    }

    fn credentials() -> Credentials {
        let (tokens, key) = (secret(format!("# who\n\n{TOKEN}\n").as_bytes()), secret(KEY));
        Credentials::new(Some(&tokens), Some(&key)).unwrap()
    }

    #[test]
    fn a_token_opens_everything_and_no_other_does() {
        let credentials = credentials();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(credentials.check(None, Some(&format!("{scheme} {TOKEN}")), None, 0), Ok(()));
        }
        let longer = format!("Bearer {TOKEN}x");
        let shorter = &longer[..longer.len() - 2];
        for wrong in
            ["", "Bearer", "Bearer ", &format!("Basic {TOKEN}"), TOKEN, &longer, shorter, "Bearer # who"]
        {
            assert_eq!(credentials.check(None, Some(wrong), None, 0), Err(Refusal::Unknown), "{wrong}");
        }
        assert_eq!(credentials.check(Some("a"), None, None, 0), Err(Refusal::Unknown));
        assert_eq!(Credentials::default().check(None, None, None, 0), Ok(()));
        assert!(!format!("{credentials:?}").contains(TOKEN));
    }

    #[test]
    fn a_signature_opens_its_name() {
        let credentials = credentials();
        let key = credentials.key.clone().unwrap();
        let query = key.query("a", 1000);
        assert_eq!(credentials.check(Some("a"), None, Some(&query), 1000), Ok(()));
        assert_eq!(credentials.check(Some("a"), None, Some(&query), 1001), Err(Refusal::Expired));
        assert_eq!(credentials.check(Some("b"), None, Some(&query), 1000), Err(Refusal::Invalid));
        assert_eq!(credentials.check(None, None, Some(&key.query(ALL, 1000)), 1000), Ok(()));
        // Without a key, signatures are not looked at.
        let tokens = Credentials { key: None, ..credentials };
        assert_eq!(tokens.check(Some("a"), None, Some(&query), 0), Err(Refusal::Unknown));
    }

    #[test]
    fn a_token_may_annotate_and_a_signature_that_says_so() {
        let credentials = credentials();
        let key = credentials.key.clone().unwrap();
        let bearer = format!("Bearer {TOKEN}");
        let may = |name, authorization, query: &str, now| {
            credentials.may_annotate(name, authorization, Some(query), now)
        };
        assert!(may("a", Some(bearer.as_str()), "", 0));
        assert!(may("a", None, &key.query_to_annotate("a", 1000), 1000));
        assert!(may("a", None, &key.query_to_annotate(ALL, 1000), 1000));
        assert!(!may("a", None, &key.query_to_annotate("a", 1000), 1001), "expired");
        assert!(!may("b", None, &key.query_to_annotate("a", 1000), 0), "another slide");
        let plain = key.query("a", 1000);
        for query in ["", &plain, &format!("annotate=1&{plain}"), &format!("{plain}&annotate=1")] {
            assert!(!may("a", None, query, 0), "{query}");
        }
        // Who may annotate may see; without the word it is no signature at all.
        let query = key.query_to_annotate("a", 1000);
        assert_eq!(credentials.check(Some("a"), None, Some(&query), 1000), Ok(()));
        let without = query.replace("annotate=1&", "");
        assert_eq!(credentials.check(Some("a"), None, Some(&without), 0), Err(Refusal::Invalid));
    }

    #[test]
    fn token_files_that_protect_nothing_are_refused() {
        for (tokens, says) in [
            ("", "no token"),
            ("# only this\n\n", "no token"),
            ("# x\nshort-secret\n", "line 2: a token of 12 characters"),
            ("two words in one line\n", "line 1: a token is letters"),
        ] {
            let error = Credentials::new(Some(&secret(tokens.as_bytes())), None).unwrap_err().to_string();
            assert!(
                error.starts_with("here: ") && error.contains(says) && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
