//! Sessions of browsers: what a user gets for a token, signed by the server, and never the token itself.
//!
//! Nothing is kept of a session but that it was ended before its time. Its signature covers the token that it was given for, so that it
//! ends when that token goes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::signature::{hmac, number, unhex};

/// How long a session lasts.
pub const SESSION_SECONDS: u64 = 12 * 3600;

/// Most sessions that are remembered as ended; then the one that would end first is forgotten.
const MAX_ENDED: usize = 10_000;

/// Signs sessions.
#[derive(Clone)]
pub(super) struct Sessions {
    key: Hmac<Sha256>,
    /// Numbers of sessions that were ended, and when each would have ended. Clones share them.
    ended: Arc<Mutex<HashMap<[u8; 32], u64>>>,
}

/// A session as it is in a cookie: `{expires}.{number}.{signature}`, the last two in hex.
struct Session {
    /// Seconds since 1970.
    expires: u64,
    /// A random number.
    number: [u8; 32],
    signature: [u8; 32],
}

impl Session {
    fn parse(text: &str) -> Option<Self> {
        let (expires, rest) = text.split_once('.')?;
        let (random, signature) = rest.split_once('.')?;
        Some(Self { expires: number(expires)?, number: unhex(random)?, signature: unhex(signature)? })
    }
}

impl Sessions {
    /// Sessions signed with what is derived from `key`, which other servers may share; without one, with a random key of this process.
    ///
    /// # Errors
    /// No random numbers.
    pub fn new(key: Option<Hmac<Sha256>>) -> Result<Self, getrandom::Error> {
        let derived = match key {
            Some(key) => key.chain_update(b"\0origami sessions").finalize().into_bytes().into(),
            None => random()?,
        };
        Ok(Self { key: hmac(&derived), ended: Arc::default() })
    }

    /// A session for the token with this MAC, from now on.
    ///
    /// # Errors
    /// No random numbers.
    pub fn begin(&self, token: &[u8; 32], now: u64) -> Result<String, getrandom::Error> {
        let (expires, number) = (now.saturating_add(SESSION_SECONDS), random()?);
        let signature = self.mac(expires, &number, token).finalize().into_bytes();
        Ok(format!("{expires}.{}.{}", hex(&number), hex(&signature)))
    }

    /// Whether a session is for one of the tokens, and has not ended. Compares with every token, as with tokens themselves.
    pub fn check(&self, session: &str, tokens: &[[u8; 32]], now: u64) -> bool {
        let Some(session) = Session::parse(session) else { return false };
        let Session { expires, number, signature } = session;
        let fits = |token: &[u8; 32]| self.mac(expires, &number, token).verify_slice(&signature).is_ok();
        let valid = tokens.iter().fold(false, |found, token| found | fits(token));
        valid && now <= expires && !self.ended().contains_key(&number)
    }

    /// Ends a session. One that is not valid is not remembered.
    pub fn end(&self, session: &str, tokens: &[[u8; 32]], now: u64) {
        if !self.check(session, tokens, now) {
            return;
        }
        let Some(Session { expires, number, .. }) = Session::parse(session) else { return };
        let mut ended = self.ended();
        ended.retain(|_, expires| now <= *expires);
        if ended.len() >= MAX_ENDED
            && let Some(first) = ended.iter().min_by_key(|(_, expires)| **expires).map(|(number, _)| *number)
        {
            ended.remove(&first);
        }
        ended.insert(number, expires);
    }

    fn mac(&self, expires: u64, number: &[u8; 32], token: &[u8; 32]) -> Hmac<Sha256> {
        self.key.clone().chain_update(expires.to_be_bytes()).chain_update(number).chain_update(token)
    }

    fn ended(&self) -> MutexGuard<'_, HashMap<[u8; 32], u64>> {
        // A map of numbers is whole whatever happened beside it.
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: [[u8; 32]; 2] = [[1; 32], [2; 32]];

    #[test]
    fn a_session_lasts_as_long_as_its_token_and_its_time() {
        let sessions = Sessions::new(None).unwrap();
        let session = sessions.begin(&TOKENS[1], 1000).unwrap();
        let last = 1000 + SESSION_SECONDS;
        assert!(sessions.check(&session, &TOKENS, 1000) && sessions.check(&session, &TOKENS, last));
        assert!(!sessions.check(&session, &TOKENS, last + 1), "its time is over");
        assert!(!sessions.check(&session, &TOKENS[..1], 1000), "its token has gone");
        assert!(!sessions.check(&session, &[], 1000));
        let later = session.replacen(&last.to_string(), &(last + 1).to_string(), 1);
        for wrong in
            [&later, "", "..", "1.2.3", &session[1..], &session[..session.len() - 1], &format!("{session}0")]
        {
            assert!(!sessions.check(wrong, &TOKENS, 1000), "{wrong}");
        }
        assert_ne!(session, sessions.begin(&TOKENS[1], 1000).unwrap(), "no two are alike");
    }

    #[test]
    fn servers_with_one_key_know_each_others_sessions() {
        let with = |key: &[u8]| Sessions::new(Some(hmac(key))).unwrap();
        let session = with(b"a").begin(&TOKENS[0], 0).unwrap();
        assert!(with(b"a").check(&session, &TOKENS, 0));
        for other in [with(b"b"), Sessions::new(None).unwrap(), Sessions::new(None).unwrap()] {
            assert!(!other.check(&session, &TOKENS, 0));
        }
    }

    #[test]
    fn what_is_ended_stays_so_and_takes_bounded_memory() {
        let sessions = Sessions::new(None).unwrap();
        let [one, two] = [0, 5].map(|now| sessions.begin(&TOKENS[0], now).unwrap());
        let shared = sessions.clone();
        sessions.end(&one, &TOKENS, 0);
        assert!(!shared.check(&one, &TOKENS, 0) && shared.check(&two, &TOKENS, 0));
        sessions.end("1.2.3", &TOKENS, 0);
        sessions.end(&two, &TOKENS[1..], 0);
        assert_eq!(sessions.ended().len(), 1, "what is no session is not remembered");
        for at in 0..MAX_ENDED as u64 + 10 {
            let session = sessions.begin(&TOKENS[0], at).unwrap();
            sessions.end(&session, &TOKENS, at);
        }
        assert_eq!(sessions.ended().len(), MAX_ENDED);
        // Those whose time is over are forgotten first.
        let late = 3 * SESSION_SECONDS;
        let session = sessions.begin(&TOKENS[0], late).unwrap();
        sessions.end(&session, &TOKENS, late);
        assert_eq!(sessions.ended().len(), 1);
    }
}
