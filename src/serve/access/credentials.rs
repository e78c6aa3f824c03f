//! What a request must carry: a bearer token, a session that stands for one, or a signature that covers its slide.
//!
//! Knows no slides and no routes: callers say which name a request belongs to, and where its credentials are.

use std::time::Instant;

use hmac::Mac;

use super::presented::Presented;
use super::secret::Secret;
use super::sessions::Sessions;
use super::signature::{SigningKey, Verdict, hmac};
use crate::error::{Error, Result};
use crate::serve::throttle::Throttle;

/// Least characters of a token: one that can be guessed protects nothing.
const MIN_TOKEN_CHARS: usize = 16;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has neither a known token, nor a session, nor a signature.
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
    /// Where there are tokens.
    sessions: Option<Sessions>,
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
        let key = key.map(SigningKey::new).transpose()?;
        let Some(secret) = tokens else { return Ok(Self { tokens: Vec::new(), key, sessions: None }) };
        let tokens = parse_tokens(secret)?;
        let no_numbers = |e| Error::input(&secret.place, format!("no random numbers for sessions: {e}"));
        let sessions = Sessions::new(key.as_ref().map(SigningKey::mac_key)).map_err(no_numbers)?;
        Ok(Self { tokens, key, sessions: Some(sessions) })
    }

    /// Whether there are tokens, so that a user can log in.
    pub fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// The value of a cookie that stands for a token, for `SESSION_SECONDS` and as long as the token is one. `None` for what is no token.
    pub fn log_in(&self, token: &str, now: u64) -> Option<String> {
        let known = self.token(token)?;
        let session = self.sessions.as_ref()?.begin(&known, now);
        session
            .inspect_err(|e| {
                static SAID: Throttle = Throttle::new();
                if SAID.next(Instant::now()).is_some() {
                    tracing::error!("no random numbers for a session: {e}");
                }
            })
            .ok()
    }

    /// Ends the session of a request.
    pub fn log_out(&self, presented: &Presented, now: u64) {
        if let (Some(sessions), Some(session)) = (&self.sessions, presented.session) {
            sessions.end(session, &self.tokens, now);
        }
    }

    /// Whether a request has a valid session.
    pub fn has_session(&self, presented: &Presented, now: u64) -> bool {
        let check = |session| self.sessions.as_ref().is_some_and(|all| all.check(session, &self.tokens, now));
        presented.session.is_some_and(check)
    }

    /// Whether a request has a token, or a session that stands for one.
    pub fn has_token(&self, presented: &Presented, now: u64) -> bool {
        presented.authorization.and_then(bearer).is_some_and(|token| self.token(token).is_some())
            || self.has_session(presented, now)
    }

    /// Whether every request passes.
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.key.is_none()
    }

    /// Checks a request for the resource `name`, by what it brings and the time in seconds since 1970. A resource without a name needs a
    /// token, a session or a signature of [`ALL`].
    ///
    /// [`ALL`]: super::ALL
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, name: Option<&str>, presented: &Presented, now: u64) -> Result<(), Refusal> {
        if self.is_open() || self.has_token(presented, now) {
            return Ok(());
        }
        match self.key.as_ref().and_then(|key| key.check(name, presented.query, now)) {
            Some(Verdict::Valid) => Ok(()),
            Some(Verdict::Invalid) => Err(Refusal::Invalid),
            Some(Verdict::Expired) => Err(Refusal::Expired),
            None => Err(Refusal::Unknown),
        }
    }

    /// The first of these names that the signature in a query covers, be its time over or not: for addresses that say no name.
    pub fn covered<'a>(&self, names: impl IntoIterator<Item = &'a str>, query: &str) -> Option<&'a str> {
        self.key.as_ref()?.covered(names, query)
    }

    /// Whether a request that passes may change the marks of a slide: it has a token, a session, or a signature that was made for that.
    pub fn may_annotate(&self, name: &str, presented: &Presented, now: u64) -> bool {
        let signed = || self.key.as_ref().is_some_and(|key| key.may_annotate(name, presented.query, now));
        self.has_token(presented, now) || signed()
    }

    /// The MAC of a token, if it is known. Compares with every token, even after a match, so that the time reveals nothing.
    fn token(&self, token: &str) -> Option<[u8; 32]> {
        let mac = hmac(TOKEN_KEY).chain_update(token);
        let equals = |known: &&[u8; 32]| mac.clone().verify_slice(*known).is_ok();
        self.tokens.iter().fold(None, |found, known| if equals(&known) { Some(*known) } else { found })
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

    fn bearer(authorization: &str) -> Presented<'_> {
        Presented { authorization: Some(authorization), ..Presented::default() }
    }

    fn signed(query: &str) -> Presented<'_> {
        Presented { query: Some(query), ..Presented::default() }
    }

    fn session(session: &str) -> Presented<'_> {
        Presented { session: Some(session), ..Presented::default() }
    }

    fn credentials() -> Credentials {
        let (tokens, key) = (secret(format!("# who\n\n{TOKEN}\n").as_bytes()), secret(KEY));
        Credentials::new(Some(&tokens), Some(&key)).unwrap()
    }

    #[test]
    fn a_token_opens_everything_and_no_other_does() {
        let credentials = credentials();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(credentials.check(None, &bearer(&format!("{scheme} {TOKEN}")), 0), Ok(()));
        }
        let longer = format!("Bearer {TOKEN}x");
        let shorter = &longer[..longer.len() - 2];
        for wrong in
            ["", "Bearer", "Bearer ", &format!("Basic {TOKEN}"), TOKEN, &longer, shorter, "Bearer # who"]
        {
            assert_eq!(credentials.check(None, &bearer(wrong), 0), Err(Refusal::Unknown), "{wrong}");
        }
        assert_eq!(credentials.check(Some("a"), &Presented::default(), 0), Err(Refusal::Unknown));
        assert_eq!(Credentials::default().check(None, &Presented::default(), 0), Ok(()));
        assert!(!format!("{credentials:?}").contains(TOKEN));
    }

    #[test]
    fn a_signature_opens_its_name() {
        let credentials = credentials();
        let key = credentials.key.clone().unwrap();
        let query = key.query("a", 1000);
        assert_eq!(credentials.check(Some("a"), &signed(&query), 1000), Ok(()));
        assert_eq!(credentials.check(Some("a"), &signed(&query), 1001), Err(Refusal::Expired));
        assert_eq!(credentials.check(Some("b"), &signed(&query), 1000), Err(Refusal::Invalid));
        assert_eq!(credentials.check(None, &signed(&key.query(ALL, 1000)), 1000), Ok(()));
        // Without a key, signatures are not looked at.
        let tokens = Credentials { key: None, ..credentials };
        assert_eq!(tokens.check(Some("a"), &signed(&query), 0), Err(Refusal::Unknown));
    }

    #[test]
    fn a_token_may_annotate_and_a_signature_that_says_so() {
        let credentials = credentials();
        let key = credentials.key.clone().unwrap();
        let may = |name, query: &str, now| credentials.may_annotate(name, &signed(query), now);
        assert!(credentials.may_annotate("a", &bearer(&format!("Bearer {TOKEN}")), 0));
        assert!(may("a", &key.query_to_annotate("a", 1000), 1000));
        assert!(may("a", &key.query_to_annotate(ALL, 1000), 1000));
        assert!(!may("a", &key.query_to_annotate("a", 1000), 1001), "expired");
        assert!(!may("b", &key.query_to_annotate("a", 1000), 0), "another slide");
        let plain = key.query("a", 1000);
        for query in ["", &plain, &format!("annotate=1&{plain}"), &format!("{plain}&annotate=1")] {
            assert!(!may("a", query, 0), "{query}");
        }
        // Who may annotate may see; without the word it is no signature at all.
        let query = key.query_to_annotate("a", 1000);
        assert_eq!(credentials.check(Some("a"), &signed(&query), 1000), Ok(()));
        let without = query.replace("annotate=1&", "");
        assert_eq!(credentials.check(Some("a"), &signed(&without), 0), Err(Refusal::Invalid));
    }

    #[test]
    fn a_session_stands_for_its_token_until_it_is_ended() {
        let of =
            |tokens: &str| Credentials::new(Some(&secret(tokens.as_bytes())), Some(&secret(KEY))).unwrap();
        let one = credentials();
        assert_eq!(one.log_in("a-token-of-some-lengtH", 0), None);
        let value = one.log_in(TOKEN, 1000).unwrap();
        assert!(!value.contains(TOKEN));
        let mine = session(&value);
        assert_eq!(one.check(None, &mine, 1000), Ok(()));
        assert!(one.has_session(&mine, 1000) && one.may_annotate("a", &mine, 1000));
        assert_eq!(one.check(None, &mine.without_session(), 1000), Err(Refusal::Unknown));
        // Another server with the same key and token knows it; one without the token does not.
        let other = format!("{}\n", "another-token-of-some-length");
        assert_eq!(of(&format!("{other}{TOKEN}\n")).check(None, &mine, 1000), Ok(()));
        assert_eq!(of(&other).check(None, &mine, 1000), Err(Refusal::Unknown));
        // A copy of the credentials, as the service of jobs has one, knows that it has ended.
        let copy = one.clone();
        one.log_out(&mine, 1000);
        assert_eq!(copy.check(None, &mine, 1000), Err(Refusal::Unknown));
        // Without tokens there is nothing to stand for.
        let signatures = Credentials::new(None, Some(&secret(KEY))).unwrap();
        assert_eq!((signatures.has_tokens(), signatures.log_in(TOKEN, 0)), (false, None));
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
