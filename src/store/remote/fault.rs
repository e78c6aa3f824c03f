//! What a store's refusals are to a caller: an [`io::Error`] with the kind that decides whether it may pass, and a text of our own.
//!
//! Texts of stores and of HTTP libraries are not passed on: they may hold signatures and whole replies.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use object_store::Error;

use super::address_policy::{BadRedirect, Private};
use crate::store::wanted::{Requests, is_given_up};

/// A refusal of a store. Its text says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// An error that many wait for.
#[derive(Clone)]
pub struct Failure(ErrorKind, String);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.kind(), error.to_string())
    }
}

impl From<Failure> for io::Error {
    fn from(Failure(kind, text): Failure) -> Self {
        refused(kind, text)
    }
}

/// An error of the kind, with a text.
pub fn refused(kind: ErrorKind, text: impl Into<String>) -> io::Error {
    io::Error::new(kind, Refused(text.into()))
}

/// Whether an error has a text of `refused`, which says what to do.
pub fn is_refused(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Refused>())
}

/// An object that is not the one that was opened. Whoever opens it again reads the new one.
pub fn changed() -> io::Error {
    refused(ErrorKind::ResourceBusy, "it was replaced while it was read; run this again to read the new one")
}

/// For `map_err` after a call of a store.
pub fn of_store(error: Error) -> io::Error {
    match &error {
        Error::NotFound { .. } => refused(ErrorKind::NotFound, "there is no such object; check the address"),
        Error::PermissionDenied { .. } => refused(
            ErrorKind::PermissionDenied,
            "the store denies access (403); check the credentials in the environment and the rights of their owner",
        ),
        Error::Unauthenticated { .. } => refused(
            ErrorKind::PermissionDenied,
            "the store asks for credentials (401); set them in the environment, see docs/storage.md",
        ),
        Error::Precondition { .. } => changed(),
        Error::AlreadyExists { .. } => {
            refused(ErrorKind::AlreadyExists, "it is there already; choose another address, or replace it")
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            refused(ErrorKind::Unsupported, "the store cannot do this; choose another store")
        }
        Error::InvalidPath { .. } => {
            refused(ErrorKind::InvalidInput, "the store keeps no such key; check the address")
        }
        _ => of_reply(&error),
    }
}

/// An error without a kind of its own: by the status of the reply, or by what became of the connection.
fn of_reply(error: &Error) -> io::Error {
    if let Some(status) = status(&error.to_string()) {
        let text = format!("the store answers {status}");
        return match status {
            408 | 429 | 500..=599 => {
                refused(ErrorKind::ResourceBusy, format!("{text} after several tries; try again later"))
            }
            416 => {
                refused(ErrorKind::UnexpectedEof, format!("{text}: it is shorter than it was; open it again"))
            }
            _ => {
                refused(ErrorKind::Other, format!("{text}; check the address and the settings of the store"))
            }
        };
    }
    let chain = || std::iter::successors(error.source(), |e: &&(dyn StdError + 'static)| (*e).source());
    if let Some(private) = chain().find_map(|e| e.downcast_ref::<Private>()) {
        return refused(ErrorKind::PermissionDenied, private.to_string());
    }
    if chain().any(|e| e.downcast_ref::<io::Error>().is_some_and(is_given_up)) {
        return Requests::error();
    }
    if let Some(redirect) = chain().find_map(|e| e.downcast_ref::<BadRedirect>()) {
        return refused(ErrorKind::PermissionDenied, redirect.to_string());
    }
    let said = chain().last().map_or_else(String::new, ToString::to_string);
    let kind = chain().find_map(|e| e.downcast_ref::<io::Error>()).map(io::Error::kind);
    let timed_out = kind == Some(ErrorKind::TimedOut)
        || chain().any(|e| e.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout));
    let no_connection =
        chain().any(|e| e.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect));
    if timed_out {
        refused(ErrorKind::TimedOut, "the store does not answer in time; try again later")
    } else if no_connection || kind.is_some() {
        refused(ErrorKind::NotConnected, "no connection to the store; check the endpoint, or try again later")
    } else if said.contains("Received non-partial response") {
        refused(
            ErrorKind::Unsupported,
            "the server does not answer requests for a range of bytes; use one that does",
        )
    } else if said.starts_with("Requested ") || said.contains("Content-Range") {
        refused(
            ErrorKind::InvalidData,
            "the server sent another range than was asked for; use one that follows HTTP",
        )
    } else {
        refused(
            ErrorKind::ConnectionAborted,
            "the reply of the store broke off or is no reply; try again later",
        )
    }
}

/// The status in the text of an error of `object_store`, whose type for it is private.
pub fn status(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_stores_are_not_passed_on() {
        let source = || "Server returned non-2xx status code: 503 Service Unavailable: planted-secret".into();
        let error = of_store(Error::Generic { store: "S3", source: source() });
        assert_eq!(error.to_string(), "the store answers 503 after several tries; try again later");
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        let error = of_store(Error::PermissionDenied { path: "planted-secret".into(), source: source() });
        assert!(!error.to_string().contains("secret") && is_refused(&error));
    }
}
