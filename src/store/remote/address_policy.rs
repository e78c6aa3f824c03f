//! Which hosts a request may be sent to: a client that sends what strangers ask for must not reach what only this machine can.
//!
//! An address is checked where the connection is made: names are resolved here, and of the answers only public addresses are used. So
//! neither a name of a private address, nor one whose answer changes, nor a redirect leads to one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;

use super::runtime;

/// Which hosts a request may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Any.
    All,
    /// Those with a public address. The text says how to allow others.
    Public(String),
}

/// A host that is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{host}: its address is private; {advice}")]
pub struct Private {
    host: String,
    advice: String,
}

/// A redirect that is not followed for another reason.
#[derive(Clone, Debug, thiserror::Error)]
#[error("a redirect of it is not followed: {0}")]
pub struct BadRedirect(String);

impl AddressPolicy {
    /// Refuses an address that is no web address, and one whose host is a private address as it stands. Names are looked up when the
    /// connection is made.
    ///
    /// # Errors
    /// What is wrong. It does not repeat the address, which may hold a signature.
    pub fn check(&self, address: &str) -> Result<Url, String> {
        let url = Url::parse(address).map_err(|e| format!("this is no address ({e})"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{}: is not spoken here; give an https:// or http:// address", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "an address with a user or password in it is refused, since logs would show it".into()
            );
        }
        self.check_host(&url).map_err(|e| e.to_string())?;
        Ok(url)
    }

    /// Refuses an address whose host is a private address as it stands.
    fn check_host(&self, url: &Url) -> Result<(), Private> {
        let (Self::Public(advice), Some(host)) = (self, url.host_str()) else { return Ok(()) };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(ip) if !is_public(ip) => Err(Private { host: bare.into(), advice: advice.clone() }),
            _ => Ok(()),
        }
    }

    /// Refuses an address whose host is a name of private addresses alone. A name that is not known now is not refused: the connection
    /// decides. Holds the calling thread.
    ///
    /// # Errors
    /// The refusal.
    pub fn check_name(&self, url: &Url) -> Result<(), Private> {
        let (Self::Public(advice), Some(host)) = (self, url.host_str()) else { return Ok(()) };
        let found: Vec<SocketAddr> = match (host, 0).to_socket_addrs() {
            Ok(found) => found.collect(),
            Err(_) => return Ok(()),
        };
        match found.is_empty() || found.iter().any(|at| is_public(at.ip())) {
            true => Ok(()),
            false => Err(Private { host: host.into(), advice: advice.clone() }),
        }
    }

    /// A client that reaches these hosts, and follows no redirect. `timeout` is for a whole request; `None` for no limit.
    ///
    /// # Errors
    /// The system gives no threads, or no certificates.
    pub fn client(&self, timeout: Option<Duration>) -> io::Result<reqwest::Client> {
        let mut builder = self.builder()?.redirect(redirect::Policy::none());
        if let Some(timeout) = timeout {
            builder = builder.timeout(timeout);
        }
        builder.build().map_err(|e| io::Error::other(e.without_url()))
    }

    /// A client for reading one file in many requests, that follows redirects to these hosts; from `https` to `https` alone.
    ///
    /// # Errors
    /// As [`Self::client`].
    pub(super) fn reader(&self, timeout: Duration, is_encrypted: bool) -> io::Result<reqwest::Client> {
        let own = self.clone();
        let follow = redirect::Policy::custom(move |attempt| {
            if let Err(private) = own.check_host(attempt.url()) {
                return attempt.error(private);
            }
            match own.check(attempt.url().as_str()) {
                Ok(_) if attempt.previous().len() <= REDIRECTS => attempt.follow(),
                Ok(_) => attempt.error(BadRedirect(format!("there are more than {REDIRECTS}"))),
                Err(problem) => attempt.error(BadRedirect(problem)),
            }
        });
        let builder = self.builder()?.redirect(follow).timeout(timeout).https_only(is_encrypted);
        let agent = concat!("origami/", env!("CARGO_PKG_VERSION"));
        builder.user_agent(agent).build().map_err(|e| io::Error::other(e.without_url()))
    }

    fn builder(&self) -> io::Result<reqwest::ClientBuilder> {
        runtime::handle()?;
        let builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT);
        Ok(match self {
            Self::All => builder,
            // A proxy would look names up, and reach what is near to it.
            Self::Public(advice) => {
                builder.no_proxy().dns_resolver(std::sync::Arc::new(PublicNames(advice.clone())))
            }
        })
    }
}

/// Most redirects of a request for a part of a file.
const REDIRECTS: usize = 5;
/// Longest time for a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Looks names up, and gives public addresses alone.
struct PublicNames(String);

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (host, advice) = (name.as_str().to_string(), self.0.clone());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((&*host, 0)).await?.collect();
            let public: Vec<SocketAddr> = found.iter().copied().filter(|at| is_public(at.ip())).collect();
            if public.is_empty() && !found.is_empty() {
                return Err(Private { host, advice }.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The refusal that is the cause of an error of a client.
pub fn private_of(error: &reqwest::Error) -> Option<&Private> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(private) = error.downcast_ref() {
            return Some(private);
        }
        cause = error.source();
    }
    None
}

/// Whether an address is of the public network (IANA's registries of special-purpose addresses).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let parts = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Mapped, and by the well-known prefix of a gateway: they stand for an IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo, benchmarks, ORCHID, documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All that is global is of 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_however_they_are_written() {
        let addresses = AddressPolicy::Public("ask the operator".into());
        for host in [
            "127.0.0.1",
            "0x7f.1",
            "2130706433",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a00:1]",
            "[fe80::1]",
            "[fd00::1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:0:1::1]",
            "[ff02::1]",
            "[::127.0.0.1]",
        ] {
            let refused = addresses.check(&format!("http://{host}:80/a?token=secret"));
            let refused = refused.expect_err(host);
            assert!(refused.contains("ask the operator") && !refused.contains("secret"), "{refused}");
            assert!(AddressPolicy::All.check(&format!("http://{host}/a")).is_ok(), "{host}");
        }
        for host in
            ["1.1.1.1", "8.8.8.8", "172.32.0.1", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "example.com"]
        {
            assert!(addresses.check(&format!("https://{host}/a")).is_ok(), "{host}");
        }
        for address in ["ftp://1.1.1.1/", "file:///etc/passwd", "http://", "x", "http://u:p@1.1.1.1/"] {
            assert!(addresses.check(address).is_err(), "{address}");
        }
    }

    /// What a reader says of a server that redirects to an address.
    fn redirected(to: &'static str) -> String {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let answer = format!(
                    "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        // The first host is an address, which is not looked up: so this reader reaches it.
        let client = AddressPolicy::Public("ask the operator".into()).reader(CONNECT_TIMEOUT, false).unwrap();
        let sent = async { client.get(format!("http://127.0.0.1:{port}/")).send().await };
        let error = runtime::handle().unwrap().block_on(sent).unwrap_err();
        let last = std::iter::successors(std::error::Error::source(&error), |error| error.source()).last();
        last.expect("a reason").to_string()
    }

    #[test]
    fn a_redirect_that_is_not_followed_is_refused_with_its_reason() {
        let private = "10.0.0.1: its address is private; ask the operator";
        assert_eq!(redirected("http://10.0.0.1/x"), private);
        assert_eq!(redirected("http://user:secret@10.0.0.1/x"), private);
        let named = redirected("http://user:secret@1.1.1.1/x");
        assert!(named.contains("with a user or password") && !named.contains("secret"), "{named}");
    }

    #[test]
    fn a_name_of_a_private_address_is_refused_when_it_is_looked_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let client = AddressPolicy::Public("ask the operator".into()).client(None).unwrap();
        let sent = runtime::handle().unwrap().block_on(client.get(&address).send());
        let error = sent.unwrap_err();
        assert!(private_of(&error).is_some_and(|e| e.to_string().contains("ask the operator")), "{error:?}");
    }
}
