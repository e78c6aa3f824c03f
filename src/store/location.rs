//! What a path names: a file on a local disk, or an object at an address.
//!
//! Commands take addresses where they take paths, so an address travels as a [`Path`], and [`Location::parse`] tells them apart: a
//! path that begins with a scheme of [`Scheme`] and `://` is an address. A local file of such a name is reached as `./s3:/...`.
//! Knows nothing of connections.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// How the store at an address is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `s3://bucket/key`: S3 and what speaks its protocol.
    S3,
    /// `gs://bucket/key`: Google Cloud Storage.
    Google,
    /// `az://container/key`: Azure Blob Storage.
    Azure,
    /// `http://host/path`: a web server.
    Http,
    /// `https://host/path`: a web server.
    Https,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::S3, Self::Google, Self::Azure, Self::Http, Self::Https];

    /// Its name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Whether it is that of a web server.
    pub fn is_web(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// An object of a store, or the beginning of many keys. It holds no credentials, so it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    scheme: Scheme,
    host: String,
    key: String,
}

impl Address {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket or container; of a web server host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The key in the bucket, or the path on the server, without a slash at either end. Empty for the bucket itself.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it is one of a web server.
    pub fn is_web(&self) -> bool {
        self.scheme.is_web()
    }

    /// The address of `name` below this one.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let key = if self.key.is_empty() { name.to_string() } else { format!("{}/{name}", self.key) };
        Self { key, ..self.clone() }
    }

    /// The same store with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.into(), ..self.clone() }
    }

    /// The address as commands take it.
    pub fn to_path(&self) -> PathBuf {
        self.to_string().into()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.scheme.name(), self.host, self.key)
    }
}

/// A local path or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// A path on a local disk.
    Local(PathBuf),
    /// An address.
    Address(Address),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Most bytes of a bucket, or of a host with its port.
const MAX_HOST_BYTES: usize = 261;

/// Why a text that begins like an address is none. The text itself is not shown: it may hold credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No bucket and no host.
    #[error("an address needs a bucket or a host after its scheme, as in s3://bucket/slide.svs")]
    NoHost,
    /// A bucket or host of a length that none has.
    #[error("a bucket or host has at most {} characters; check the address", MAX_HOST_BYTES)]
    LongHost,
    /// `user:password@`.
    #[error("an address with a user or password in it is refused; credentials come from the environment")]
    Credentials,
    /// `?...` or `#...`.
    #[error(
        "an address with a query or fragment is refused, since a signature in it would be logged; \
         name the object alone, with credentials from the environment"
    )]
    Query,
    /// `..`, an empty part, a control character.
    #[error(
        "a key with an empty part, with . or .. or with control characters is refused; rename the object"
    )]
    Key,
}

impl From<AddressError> for io::Error {
    fn from(error: AddressError) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// The scheme of a text, and what follows `://`.
fn split(text: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    Some((Scheme::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(scheme))?, rest))
}

/// Whether a path begins as an address does.
pub fn is_address(path: &Path) -> bool {
    path.to_str().is_some_and(|text| split(text).is_some())
}

/// Whether a text begins as an address of a web server does. It may have a query, which [`Location::parse`] refuses.
pub fn is_web(text: &str) -> bool {
    split(text).is_some_and(|(scheme, _)| scheme.is_web())
}

impl Location {
    /// Tells a local path from an address.
    ///
    /// # Errors
    /// An address without a bucket, with credentials in it, or with a key that no store keeps.
    pub fn parse(path: &Path) -> Result<Self, AddressError> {
        let Some((scheme, rest)) = path.to_str().and_then(split) else {
            return Ok(Self::Local(path.to_path_buf()));
        };
        let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        if host.len() > MAX_HOST_BYTES {
            return Err(AddressError::LongHost);
        }
        if host.contains('@') {
            return Err(AddressError::Credentials);
        }
        // In a key of a bucket both are ordinary characters.
        if host.contains(['?', '#']) || (scheme.is_web() && key.contains(['?', '#'])) {
            return Err(AddressError::Query);
        }
        let key = key.strip_suffix('/').unwrap_or(key);
        let is_bad = |part: &str| matches!(part, "" | "." | "..") || part.contains(char::is_control);
        if !key.is_empty() && key.split('/').any(is_bad) {
            return Err(AddressError::Key);
        }
        Ok(Self::Address(Address { scheme, host: host.into(), key: key.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Location, AddressError> {
        Location::parse(Path::new(text))
    }

    #[test]
    fn paths_and_addresses_are_told_apart() {
        for (text, scheme, host, key) in [
            ("s3://bucket/a/b c.bundle", Scheme::S3, "bucket", "a/b c.bundle"),
            ("S3://bucket/a?b#c", Scheme::S3, "bucket", "a?b#c"),
            ("gs://bucket", Scheme::Google, "bucket", ""),
            ("az://container/a/", Scheme::Azure, "container", "a"),
            ("http://127.0.0.1:80/x", Scheme::Http, "127.0.0.1:80", "x"),
            ("https://host/%20x", Scheme::Https, "host", "%20x"),
        ] {
            let Ok(Location::Address(address)) = parse(text) else { panic!("{text} is an address") };
            assert_eq!((address.scheme(), address.host(), address.key()), (scheme, host, key));
        }
        for text in ["HTTP://host/a?b", "https://host"] {
            assert!(is_web(text), "{text}");
        }
        for text in ["s3://bucket/a", "http:/host", "ftp://host/a"] {
            assert!(!is_web(text), "{text}");
        }
        assert_eq!(parse(&format!("s3://{}/a", "b".repeat(262))), Err(AddressError::LongHost));
        for text in ["a/b.svs", "/a", "C:/a", "ftp://host/a", "s3:/bucket/a", "./s3://bucket", ""] {
            assert_eq!(parse(text), Ok(Location::Local(text.into())), "{text}");
        }
    }

    #[test]
    fn what_could_hold_a_secret_or_leave_the_bucket_is_refused() {
        for (text, error) in [
            ("https://user:secret@host/a", AddressError::Credentials),
            ("https://host/a?X-Amz-Signature=secret", AddressError::Query),
            ("http://host#secret", AddressError::Query),
            ("s3:///key", AddressError::NoHost),
            ("s3://bucket/a/../b", AddressError::Key),
            ("s3://bucket//a", AddressError::Key),
            ("s3://bucket/a\nb", AddressError::Key),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn an_address_survives_the_calls_of_paths() {
        let Ok(Location::Address(address)) = parse("s3://bucket/a/slide.svs") else { panic!("an address") };
        let path = address.to_path();
        assert_eq!(path.file_stem().unwrap(), "slide");
        let beside = path.parent().unwrap().join("slide").join("x.bundle");
        assert_eq!(beside.to_str().unwrap(), "s3://bucket/a/slide/x.bundle");
        assert!(is_address(&beside) && !is_address(Path::new("a/b")));
        assert_eq!(address.join("x").to_string(), "s3://bucket/a/slide.svs/x");
    }
}
