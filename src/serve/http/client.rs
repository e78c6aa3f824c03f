//! The client's address and the server's own URL as the client knows it: from the connection, or from the headers of a proxy
//! if the operator trusts one. And whether the client is a browser that shows a page.
//!
//! These headers end up in logs and responses, so any value that is not plainly an address, a host or a path is ignored.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, Method, Uri, header};

/// The sender of a request, in its extensions.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Address of the peer, or with trusted headers that which the nearest proxy names.
    pub address: IpAddr,
}

impl Client {
    /// The client of a request. `trust`: believe `X-Forwarded-For`.
    pub fn of(request: &Request, trust: bool) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        let forwarded = trust.then(|| last(request.headers(), "x-forwarded-for").and_then(ip)).flatten();
        // An IPv4 client of an IPv6 socket has an IPv4-mapped address.
        Self { address: forwarded.unwrap_or(peer).to_canonical() }
    }
}

/// The last entry of a list header, which the nearest proxy wrote. Earlier ones may come from the client.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

/// An IP address, with or without a port.
fn ip(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// The request id that a proxy set, if it is short and plain enough for a log.
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then_some(id)
}

/// What the client speaks: `https` where a trusted proxy says so.
pub fn scheme(headers: &HeaderMap, trust: bool) -> &'static str {
    match trust.then(|| last(headers, "x-forwarded-proto")).flatten() {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    }
}

/// Whether who asks shows what it gets to a user, as a browser does: it takes pages rather than JSON.
pub fn shows_pages(method: &Method, headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let weighed = accepted.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next()?.to_ascii_lowercase();
        let is_page = kind == "text/html";
        let is_known = is_page || ["application/json", "application/*", "*/*"].contains(&kind.as_str());
        let weight: f32 = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1").parse().ok()?;
        (is_known && weight > 0.0).then_some((weight, is_page))
    });
    let best = weighed.reduce(|best, next| if next.0 > best.0 { next } else { best });
    matches!(*method, Method::GET | Method::HEAD) && best.is_some_and(|(_, is_page)| is_page)
}

/// The base URL of this server as the client knows it: `https://host/prefix`.
pub fn base(uri: &Uri, headers: &HeaderMap, trust: bool) -> String {
    let forwarded = |name| trust.then(|| last(headers, name)).flatten();
    // HTTP/2 has the host in the URI.
    let own = || {
        let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        uri.authority().map(|authority| authority.as_str()).or(named).filter(|host| is_host(host))
    };
    let host = forwarded("x-forwarded-host").filter(|host| is_host(host)).or_else(own);
    format!("{}://{}{}", scheme(headers, trust), host.unwrap_or("localhost"), prefix(headers, trust))
}

/// The path prefix under which a proxy exposes this server; usually empty.
pub fn prefix(headers: &HeaderMap, trust: bool) -> &str {
    let given =
        trust.then(|| last(headers, "x-forwarded-prefix")).flatten().unwrap_or("").trim_end_matches('/');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    match given.strip_prefix('/') {
        Some(path) if path.len() < 128 && path.split('/').all(part) => given,
        _ => "",
    }
}

/// A host name or an IP address, with or without a port, and no character that has another meaning in a URL.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port =
        port.is_none_or(|port| port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit()));
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = |host: &str| {
        (1..=253).contains(&host.len())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    port && literal.map_or_else(|| name(host), |ip| ip.parse::<std::net::Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 9], 1234))));
        request
    }

    #[test]
    fn the_last_forwarded_entry_is_the_client_if_headers_are_trusted() {
        for (given, want) in [
            ("203.0.113.7", "203.0.113.7"),
            ("1.2.3.4, 203.0.113.7", "203.0.113.7"),
            ("junk,203.0.113.7:4711", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            // Not the entry before it: that may be the client's invention.
            ("203.0.113.7, unknown", "10.0.0.9"),
            ("203.0.113.7,", "10.0.0.9"),
            ("", "10.0.0.9"),
        ] {
            let request = request(&[("x-forwarded-for", "9.9.9.9"), ("x-forwarded-for", given)]);
            assert_eq!(Client::of(&request, true).address.to_string(), want, "{given}");
            assert_eq!(Client::of(&request, false).address.to_string(), "10.0.0.9", "{given}");
        }
    }

    #[test]
    fn a_base_is_made_of_hosts_and_paths_and_nothing_else() {
        let of = |headers: &[(&str, &str)], trust| {
            let request = request(headers);
            base(request.uri(), request.headers(), trust)
        };
        let all = [
            ("host", "inner:8080"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "slides.example.org"),
            ("x-forwarded-prefix", "/wsi/one/"),
        ];
        assert_eq!(of(&all, true), "https://slides.example.org/wsi/one");
        assert_eq!(of(&all, false), "http://inner:8080");
        assert_eq!(of(&[], true), "http://localhost");
        for host in ["a.b-c_d.org:8443", "[2001:db8::1]", "[::1]:80", "127.0.0.1"] {
            assert_eq!(of(&[("host", "inner"), ("x-forwarded-host", host)], true), format!("http://{host}"));
        }
        let long = "a".repeat(254);
        for host in [
            "", "a/b", "a b", "user@a", "a\"b", "a:b", "a:", ":80", "a:+80", "[::1", "[x]", "a?b", "ä", &long,
        ] {
            assert_eq!(of(&[("host", "inner"), ("x-forwarded-host", host)], true), "http://inner", "{host}");
            assert_eq!(of(&[("host", host)], false), "http://localhost", "{host}");
        }
        let long = format!("/{}", "a".repeat(128));
        for prefix in ["", "/", "//elsewhere.org", "wsi", "/a/../b", "/a//b", "/a?b", "/a b", "/%2e", &long] {
            assert_eq!(
                of(&[("host", "inner"), ("x-forwarded-prefix", prefix)], true),
                "http://inner",
                "{prefix}"
            );
        }
        assert_eq!(of(&[("host", "inner"), ("x-forwarded-proto", "javascript")], true), "http://inner");
        let uri = "http://two:81/iiif".parse().unwrap();
        assert_eq!(base(&uri, &HeaderMap::new(), false), "http://two:81");
    }

    #[test]
    fn a_browser_shows_pages_and_programs_do_not() {
        for (accept, shows) in [
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"][..], true),
            (&["text/html"], true),
            (&["image/png", "TEXT/HTML; q=0.5"], true),
            (&["text/html, application/json"], true),
            (&["application/json, text/html"], false),
            (&["application/json;q=0.9, text/html"], true),
            (&["text/html;q=0.5, application/json"], false),
            (&["text/html;q=0.5, */*"], false),
            (&["text/html;q=0"], false),
            (&["text/html;q=x"], false),
            (&["application/json"], false),
            (&["*/*"], false),
            (&[""], false),
            (&[], false),
        ] {
            let headers: Vec<_> = accept.iter().map(|value| ("accept", *value)).collect();
            let request = request(&headers);
            assert_eq!(shows_pages(&Method::GET, request.headers()), shows, "{accept:?}");
            assert_eq!(shows_pages(&Method::HEAD, request.headers()), shows, "{accept:?}");
            assert!(!shows_pages(&Method::POST, request.headers()), "{accept:?}");
        }
    }

    #[test]
    fn a_request_id_is_short_and_plain() {
        let long = "x".repeat(65);
        for (id, good) in [
            ("a-B_9.c", true),
            (&long[1..], true),
            (&long, false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
        ] {
            assert_eq!(request_id(request(&[("x-request-id", id)]).headers()).is_some(), good, "{id}");
        }
    }
}
