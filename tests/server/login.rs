//! The login of the built server: what a browser without a token gets, what a session opens, and how it ends.

use std::fs;

use serde_json::json;

use crate::kit::program::arg;
use crate::kit::slides::tree;
use crate::running::{Reply, Running, send};

const TOKEN: &str = "a-token-of-some-length";
const OTHER: &str = "another-token-of-some-length";
/// What a browser sends for a page that its user opens.
const PAGE: (&str, &str) = ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A slide, tokens and a key.
struct Place {
    root: tempfile::TempDir,
    secrets: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let (root, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        tree(&root.path().join("one"), 60, 50, 32, 4);
        fs::write(secrets.path().join("key"), "k".repeat(40)).unwrap();
        Self { root, secrets }
    }

    /// A server of these tokens, with marks.
    fn start(&self, tokens: &[&str], more: &[&str]) -> Running {
        let (file, marks) = (self.secrets.path().join("tokens"), self.secrets.path().join("marks"));
        fs::create_dir_all(&marks).unwrap();
        fs::write(&file, tokens.join("\n")).unwrap();
        let mut flags = vec!["--token-file", arg(&file), "--annotations", arg(&marks)];
        flags.extend(more);
        Running::start(self.root.path(), &flags)
    }

    /// The flags of a key that several servers share.
    fn key(&self) -> [String; 2] {
        ["--signing-key-file".into(), arg(&self.secrets.path().join("key")).into()]
    }
}

fn form(server: &Running, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let origin = format!("http://{}", server.address);
    let mut all = vec![FORM];
    if !headers.iter().any(|(name, _)| *name == "Origin") {
        all.push(("Origin", &origin));
    }
    all.extend(headers);
    send(&server.address, "POST", path, &all, body.as_bytes())
}

fn log_in(server: &Running, token: &str, next: &str) -> Reply {
    form(server, "/login", &[], &format!("token={token}&next={next}"))
}

/// The cookie of a reply as the browser sends it back.
fn cookie(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("set-cookie").split(';').next().unwrap().to_string()
}

fn status(server: &Running, path: &str, cookie: &str) -> u16 {
    server.request("GET", path, &[("Cookie", cookie)]).status
}

#[test]
fn a_browser_without_a_token_gets_a_login_page_and_programs_get_401() {
    let place = Place::new();
    let server = place.start(&[TOKEN], &[]);
    for path in ["/", "/jobs", "/viewer/one?x=1&y=2"] {
        let page = server.request("GET", path, &[PAGE]);
        assert_eq!((page.status, page.header("content-type")), (401, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("www-authenticate"), "Bearer realm=\"origami\"");
        assert_eq!((page.header("cache-control"), page.header("etag")), ("no-store", ""));
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && policy.contains("form-action 'self'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = page.text();
        let next = format!("name=\"next\" value=\"{}\"", path.replace('&', "&amp;"));
        assert!(text.contains(&next) && text.contains("action=\"/login\">"), "{text}");
        assert!(!text.contains("{{") && !text.contains("http-equiv=\"refresh\""), "{text}");
        // Once more by itself where the browser keeps the cookie back, since a link elsewhere was followed.
        let linked = server.request("GET", path, &[PAGE, ("Sec-Fetch-Site", "cross-site")]);
        assert!(linked.text().contains("http-equiv=\"refresh\" content=\"0\""));
    }
    for (path, headers) in [
        ("/", vec![]),
        ("/api/slides", vec![PAGE]),
        ("/tiles/one/0/0_0.jpg", vec![PAGE]),
        ("/embed/one", vec![PAGE]),
        ("/nothing", vec![PAGE]),
    ] {
        let reply = server.request("GET", path, &headers);
        assert_eq!((reply.status, reply.header("content-type")), (401, "application/json"), "{path}");
    }
    let posted = send(&server.address, "POST", "/", &[PAGE], b"x");
    assert_eq!((posted.status, posted.header("content-type")), (401, "application/json"));
}

#[test]
fn a_session_opens_what_its_token_opens_and_is_not_the_token() {
    let place = Place::new();
    let server = place.start(&[TOKEN, OTHER], &[]);
    let reply = log_in(&server, OTHER, "%2Fviewer%2Fone%3Fa%3D1%23x%3D2");
    assert_eq!(
        (reply.header("location"), reply.header("cache-control")),
        ("/viewer/one?a=1#x=2", "no-store")
    );
    let given = reply.header("set-cookie");
    assert!(given.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{given}");
    assert!(!given.contains(OTHER));
    let cookie = cookie(&reply);
    for path in
        ["/", "/viewer/one", "/api/slides", "/tiles/one/0/0_0.jpg", "/iiif/3/one/info.json", "/metrics"]
    {
        assert_eq!(status(&server, path, &cookie), 200, "{path}");
        assert_eq!(status(&server, path, &cookie[..cookie.len() - 1]), 401, "{path}");
    }
    // The list shows who has a session where to end it.
    let list = server.request("GET", "/", &[("Cookie", &cookie)]);
    assert!(list.text().contains("href=\"/logout\">"));
    let token = format!("Bearer {TOKEN}");
    assert!(!server.request("GET", "/", &[("Authorization", &token)]).text().contains("href=\"/logout\">"));
    let shown = server.request("GET", "/login?next=//evil.example", &[("Cookie", &cookie)]).text();
    assert!(shown.contains("action=\"/logout\">") && shown.contains("<a href=\"/\">"), "{shown}");
}

#[test]
fn a_login_goes_wrong_in_words() {
    let place = Place::new();
    let server = place.start(&[TOKEN], &[]);
    let wrong = log_in(&server, "a-token-of-some-lengtH", "/viewer/one");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, ""));
    let text = wrong.text();
    assert!(text.contains("not a token of this server") && text.contains("value=\"/viewer/one\""), "{text}");
    for next in ["//evil.example", "https://evil.example", "/%5Cevil.example", "", "/%0d%0aX:%20y"] {
        assert_eq!(log_in(&server, TOKEN, next).header("location"), "/", "{next}");
    }
    let elsewhere = form(&server, "/login", &[("Origin", "https://evil.example")], &format!("token={TOKEN}"));
    assert_eq!((elsewhere.status, elsewhere.header("set-cookie")), (403, ""));
    let large = form(&server, "/login", &[], &"x".repeat(5000));
    assert_eq!((large.status, large.header("set-cookie")), (400, ""));
    drop(server);
    // Who has only signed addresses, or asks for nothing, says so.
    let [flag, key] = place.key();
    for (flags, says) in
        [(vec![flag.as_str(), &key], "signed addresses alone"), (vec![], "asks for no login")]
    {
        let server = Running::start(place.root.path(), &flags);
        let page = server.get("/login");
        assert!(page.status == 200 && page.text().contains(says), "{}", page.text());
        assert!(page.text().contains("action=\"/login\" hidden"));
        assert_eq!(log_in(&server, TOKEN, "/").status, 404);
    }
    let server = Running::start(place.root.path(), &[flag.as_str(), &key]);
    let page = server.request("GET", "/", &[PAGE]);
    assert!(page.status == 401 && page.text().contains("signed addresses alone"));
    let expired = server.request("GET", "/?expires=1&signature=00", &[PAGE]);
    assert!(expired.status == 403 && expired.text().contains("the signature is invalid"));
}

#[test]
fn behind_tls_a_cookie_goes_over_nothing_else() {
    let place = Place::new();
    let server = place.start(&[TOKEN], &["--trust-forwarded"]);
    let body = format!("token={TOKEN}");
    let proxied = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "slides.example.org")];
    let mut from = proxied.to_vec();
    from.push(("Origin", "https://slides.example.org"));
    let reply = form(&server, "/login", &from, &body);
    assert!(reply.header("set-cookie").ends_with("; SameSite=Strict; Secure"), "{reply:?}");
    // Without the word of a proxy, by that of the browser.
    let origin = format!("https://{}", server.address);
    let reply = form(&server, "/login", &[("Origin", &origin)], &body);
    assert!(reply.header("set-cookie").ends_with("; Secure"), "{reply:?}");
    assert!(!log_in(&server, TOKEN, "/").header("set-cookie").contains("Secure"));
}

#[test]
fn a_session_ends_with_its_logout_its_token_and_its_server() {
    let place = Place::new();
    let [flag, key] = place.key();
    let keyed = [flag.as_str(), &key];
    let server = place.start(&[TOKEN, OTHER], &keyed);
    let [mine, theirs, ended] = [TOKEN, OTHER, TOKEN].map(|token| cookie(&log_in(&server, token, "/")));
    let foreign = form(&server, "/logout", &[("Cookie", &ended), ("Origin", "http://evil.example")], "");
    assert_eq!((foreign.status, status(&server, "/api/slides", &ended)), (403, 200));
    let out = form(&server, "/logout", &[("Cookie", &ended)], "");
    assert!(out.text().contains("You are logged out"), "{}", out.text());
    assert!(out.header("set-cookie").starts_with("origami-session=; Path=/; Max-Age=0;"), "{out:?}");
    assert_eq!(out.header("clear-site-data"), "\"cache\"");
    assert_eq!([&mine, &theirs, &ended].map(|one| status(&server, "/api/slides", one)), [200, 200, 401]);
    drop(server);
    // With the same key, sessions of the tokens that are left go on.
    let server = place.start(&[TOKEN], &keyed);
    assert_eq!([&mine, &theirs].map(|one| status(&server, "/api/slides", one)), [200, 401]);
    drop(server);
    // Without one, a server knows its own sessions alone.
    let server = place.start(&[TOKEN], &[]);
    assert_eq!(status(&server, "/api/slides", &mine), 401);
    assert_eq!(status(&server, "/api/slides", &cookie(&log_in(&server, TOKEN, "/"))), 200);
}

#[test]
fn a_session_changes_marks_from_this_servers_pages_alone() {
    let place = Place::new();
    let server = place.start(&[TOKEN], &[]);
    let cookie = cookie(&log_in(&server, TOKEN, "/"));
    let told = server.request("GET", "/api/slides/one", &[("Cookie", &cookie)]).text();
    assert!(told.contains("\"annotations\":{\"write\":true}"), "{told}");
    let mark =
        json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}});
    let own = format!("http://{}", server.address);
    let put = |id: &str, more: &[(&str, &str)]| {
        let mut headers =
            vec![("Content-Type", "application/json"), ("If-None-Match", "*"), ("Cookie", &cookie)];
        headers.extend(more);
        let path = format!("/api/slides/one/annotations/{id}");
        send(&server.address, "PUT", &path, &headers, mark.to_string().as_bytes()).status
    };
    assert_eq!(put("a", &[("Origin", &own)]), 200);
    assert_eq!(put("b", &[("Sec-Fetch-Site", "same-origin")]), 200);
    // Nobody says that a page of this server asks for it.
    assert_eq!(put("c", &[]), 401);
    assert_eq!(put("d", &[("Origin", "http://evil.example")]), 401);
    assert_eq!(put("e", &[("Sec-Fetch-Site", "same-site"), ("Origin", &own)]), 401);
    // A token says by itself who asks.
    assert_eq!(put("f", &[("Authorization", &format!("Bearer {TOKEN}"))]), 200);
}

#[test]
fn attempts_are_limited() {
    let place = Place::new();
    let server = place.start(&[TOKEN], &["--trust-forwarded"]);
    let from = |address: &str, token: &str| {
        form(&server, "/login", &[("X-Forwarded-For", address)], &format!("token={token}&next=/viewer/one"))
    };
    // Ten a minute; a minute may begin anew between two of them.
    let refused =
        (0..40).map(|_| from("203.0.113.7", "a-token-that-is-wrong")).find(|reply| reply.status != 401);
    let refused = refused.unwrap();
    assert_eq!((refused.status, refused.header("set-cookie")), (429, ""));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait) && refused.text().contains("too many attempts"), "{}", refused.text());
    assert_eq!(from("203.0.113.8", TOKEN).status, 303, "from elsewhere a user logs in");
    // All networks together: no token gets in then.
    let late = (0..1000)
        .find(|at| from(&format!("198.51.{}.{}", at / 250, at % 250), "a-wrong-token-again").status == 429);
    assert!(late.is_some_and(|at| at >= 200), "{late:?}");
    // The log says it, once a minute, and has no token.
    let (_, log) = server.terminate();
    let lines = log.matches("a login failed: ").count();
    assert!((1..=5).contains(&lines) && log.contains("203.0.113.7") && !log.contains("wrong-token"), "{log}");
    assert!(!log.contains("a-token-that-is-wrong"), "{log}");
}
