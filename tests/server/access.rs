//! Access to the built server: credentials, and which headers of proxies it believes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::kit::program::{arg, origami, program};
use crate::kit::slides::{encode_tree, tree};
use crate::running::Running;
use origami::params::EncodeParams;
use origami::serve::{ALL, SigningKey};

/// A name with what an address must escape.
const NAME: &str = "odd & 100% ä+1";
const IN_PATH: &str = "odd%20%26%20100%25%20%C3%A4%2B1";
const TOKEN: &str = "a-token-of-some-length";

/// What it takes to see an address.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Seen {
    ByAll,
    WithTheSlide,
    /// With any slide, of which alone something is then seen.
    WithASlide,
    WithEverything,
}
use Seen::{ByAll, WithASlide, WithEverything, WithTheSlide};

/// Every route, an address of it (`@` is the slide) and what it takes to see that. The last one does not exist.
pub const ROUTES: [(&str, &str, Seen); 57] = [
    ("/dzi/{file}", "/dzi/@.dzi", WithTheSlide),
    ("/dzi/{files}/{level}/{tile}", "/dzi/@_files/8/0_0.jpg", WithTheSlide),
    ("/tiles/{slide}/{level}/{tile}", "/tiles/@/8/1_0.jpg", WithTheSlide),
    ("/original/{file}", "/original/@.dzi", WithTheSlide),
    ("/original/{files}/{level}/{tile}", "/original/@_files/8/0_0.jpg", WithTheSlide),
    ("/thumbnails/{slide}", "/thumbnails/@", WithTheSlide),
    ("/zoomify/{slide}/ImageProperties.xml", "/zoomify/@/ImageProperties.xml", WithTheSlide),
    ("/zoomify/{slide}/{group}/{tile}", "/zoomify/@/TileGroup0/0-0-0.jpg", WithTheSlide),
    ("/xyz/{slide}/{z}/{x}/{y}", "/xyz/@/2/1/0.jpg", WithTheSlide),
    ("/api/openapi.json", "/api/openapi.json", ByAll),
    ("/api/docs", "/api/docs", ByAll),
    ("/api/slides", "/api/slides", WithEverything),
    ("/api/slides/{slide}", "/api/slides/@", WithTheSlide),
    ("/api/slides/{slide}/region", "/api/slides/@/region", WithTheSlide),
    ("/api/slides/{slide}/regions", "/api/slides/@/regions", WithTheSlide),
    ("/api/slides/{slide}/annotations", "/api/slides/@/annotations", WithTheSlide),
    ("/api/slides/{slide}/annotations/{id}", "/api/slides/@/annotations/a", WithTheSlide),
    ("/families/{slide}/{level}/{tile}", "/families/@/8/1_0.jpg", WithTheSlide),
    ("/healthz", "/healthz", ByAll),
    ("/readyz", "/readyz", ByAll),
    ("/metrics", "/metrics", WithEverything),
    ("/iiif/3/{identifier}", "/iiif/3/@", WithTheSlide),
    ("/iiif/3/{identifier}/info.json", "/iiif/3/@/info.json", WithTheSlide),
    (
        "/iiif/3/{identifier}/{region}/{size}/{rotation}/{file}",
        "/iiif/3/@/0,0,32,32/max/0/default.jpg",
        WithTheSlide,
    ),
    ("/iiif/2/{identifier}", "/iiif/2/@", WithTheSlide),
    ("/iiif/2/{identifier}/info.json", "/iiif/2/@/info.json", WithTheSlide),
    (
        "/iiif/2/{identifier}/{region}/{size}/{rotation}/{file}",
        "/iiif/2/@/0,0,32,32/full/0/default.png",
        WithTheSlide,
    ),
    ("/", "/", WithEverything),
    ("/viewer/{slide}", "/viewer/@", WithTheSlide),
    ("/associated/{slide}/{image}", "/associated/@/label", WithTheSlide),
    ("/embed/{slide}", "/embed/@", WithTheSlide),
    ("/compare", "/compare", ByAll),
    ("/jobs", "/jobs", WithEverything),
    ("/login", "/login", ByAll),
    ("/logout", "/logout", ByAll),
    ("/assets/{name}", "/assets/list.js", ByAll),
    ("/dicomweb/studies", "/dicomweb/studies", WithASlide),
    ("/dicomweb/series", "/dicomweb/series", WithASlide),
    ("/dicomweb/instances", "/dicomweb/instances", WithASlide),
    ("/dicomweb/studies/{study}/series", "/dicomweb/studies/1.2/series", WithASlide),
    ("/dicomweb/studies/{study}/instances", "/dicomweb/studies/1.2/instances", WithASlide),
    (
        "/dicomweb/studies/{study}/series/{series}/instances",
        "/dicomweb/studies/1.2/series/1.3/instances",
        WithASlide,
    ),
    ("/dicomweb/studies/{study}/metadata", "/dicomweb/studies/1.2/metadata", WithASlide),
    (
        "/dicomweb/studies/{study}/series/{series}/metadata",
        "/dicomweb/studies/1.2/series/1.3/metadata",
        WithASlide,
    ),
    (
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/metadata",
        "/dicomweb/studies/1.2/series/1.3/instances/1.4/metadata",
        WithASlide,
    ),
    ("/dicomweb/studies/{study}", "/dicomweb/studies/1.2", WithASlide),
    ("/dicomweb/studies/{study}/series/{series}", "/dicomweb/studies/1.2/series/1.3", WithASlide),
    (
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}",
        "/dicomweb/studies/1.2/series/1.3/instances/1.4",
        WithASlide,
    ),
    (
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}",
        "/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/1",
        WithASlide,
    ),
    (
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/bulkdata/pixels",
        "/dicomweb/studies/1.2/series/1.3/instances/1.4/bulkdata/pixels",
        WithASlide,
    ),
    (
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/bulkdata/icc",
        "/dicomweb/studies/1.2/series/1.3/instances/1.4/bulkdata/icc",
        WithASlide,
    ),
    (
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/rendered",
        "/dicomweb/studies/1.2/series/1.3/instances/1.4/rendered",
        WithASlide,
    ),
    (
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
        "/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/1/rendered",
        WithASlide,
    ),
    ("/dicomweb/studies/{study}/thumbnail", "/dicomweb/studies/1.2/thumbnail", WithASlide),
    (
        "/dicomweb/studies/{study}/series/{series}/thumbnail",
        "/dicomweb/studies/1.2/series/1.3/thumbnail",
        WithASlide,
    ),
    (
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/thumbnail",
        "/dicomweb/studies/1.2/series/1.3/instances/1.4/thumbnail",
        WithASlide,
    ),
    ("", "/nothing/@", WithEverything),
];

fn addresses() -> impl Iterator<Item = (String, Seen)> {
    ROUTES.iter().map(|(_, address, seen)| (address.replace('@', IN_PATH), *seen))
}

/// Slides, a file of tokens and a key.
struct Guarded {
    root: tempfile::TempDir,
    secrets: tempfile::TempDir,
}

impl Guarded {
    fn new() -> Self {
        let (root, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dir = root.path().join(NAME);
        let dzi = tree(&dir, 150, 130, 32, 3);
        encode_tree(&dzi, &dir, &EncodeParams::default());
        tree(&root.path().join("two"), 60, 50, 32, 4);
        fs::write(secrets.path().join("tokens"), format!("# of the archive\n{TOKEN}\n")).unwrap();
        fs::write(secrets.path().join("key"), format!("{}\n", "k".repeat(40))).unwrap();
        Self { root, secrets }
    }
    fn tokens(&self) -> PathBuf {
        self.secrets.path().join("tokens")
    }
    fn key(&self) -> PathBuf {
        self.secrets.path().join("key")
    }
    fn start(&self, more: &[&str]) -> Running {
        let (tokens, key) = (self.tokens(), self.key());
        let mut flags = vec!["--dicomweb", "--token-file", arg(&tokens), "--signing-key-file", arg(&key)];
        flags.extend(more);
        // Nobody reads the log, which has a line for each request: of many the pipe would be full.
        Running::of(program().env("RUST_LOG", "warn"), self.root.path(), &flags)
    }

    /// Good for so many seconds from now.
    fn query(&self, name: &str, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        SigningKey::read(&self.key()).unwrap().query(name, now.checked_add_signed(seconds).unwrap())
    }
}

/// 200, the redirect of IIIF, 405 for what is only asked with a body, and 404 for what does not exist, as marks where none are kept and labels where none are shown.
fn passes(status: u16, address: &str) -> bool {
    let want = match address {
        _ if ["/nothing", "/annotations", "/associated"].iter().any(|part| address.contains(part)) => 404,
        _ if address.split('?').next().unwrap().ends_with(IN_PATH) && address.starts_with("/iiif") => 303,
        _ if address.contains("/regions") => 405,
        // Its slides have no scale.
        _ if address.starts_with("/dicomweb/studies/") => 404,
        _ if address.starts_with("/families") || address.starts_with("/dicomweb") => 204,
        _ => 200,
    };
    status == want
}

#[test]
fn every_route_of_the_server_is_in_the_table_above() {
    let mut found = Vec::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve/http")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let routes = text.split(".route(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
        found.extend(routes.map(|rest| rest.split('"').next().unwrap().to_string()));
    }
    let mut known: Vec<_> =
        ROUTES.iter().map(|(route, ..)| *route).filter(|route| !route.is_empty()).collect();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn nothing_of_a_slide_is_seen_without_credentials() {
    let guarded = Guarded::new();
    let server = guarded.start(&[]);
    for (address, seen) in addresses() {
        // A client that has a tile, or claims so, learns nothing either.
        for headers in
            [vec![], vec![("If-None-Match", "*")], vec![("Authorization", "Bearer a-token-of-some-lengtH")]]
        {
            for method in ["GET", "HEAD", "POST", "OPTIONS"] {
                let reply = server.request(method, &address, &headers);
                if seen == ByAll {
                    // The login itself refuses what is no token.
                    let is_login = method == "POST" && address == "/login";
                    assert_eq!(reply.status == 401, is_login, "{method} {address}");
                    continue;
                }
                // What a browser asks ahead is answered to all, before anything is looked up.
                if method == "OPTIONS" && address.starts_with("/iiif") {
                    assert_eq!((reply.status, reply.body.len()), (200, 0), "{address}");
                    continue;
                }
                assert_eq!(reply.status, 401, "{method} {address} {headers:?}");
                assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"origami\"", "{address}");
                assert_eq!(reply.header("cache-control"), "no-store", "{address}");
                assert_eq!(reply.header("etag"), "", "{address}");
                assert!(method == "HEAD" || reply.text().starts_with("{\"error\":"), "{address}: {reply:?}");
            }
        }
    }
}

#[test]
fn a_token_opens_everything() {
    let guarded = Guarded::new();
    let with_both = guarded.start(&[]);
    let tokens = guarded.tokens();
    let with_tokens = Running::start(guarded.root.path(), &["--dicomweb", "--token-file", arg(&tokens)]);
    let token = format!("Bearer {TOKEN}");
    for (address, seen) in addresses() {
        for server in [&with_both, &with_tokens] {
            let reply = server.request("GET", &address, &[("Authorization", &token)]);
            assert!(passes(reply.status, &address), "{address}: {reply:?}");
        }
        // Without a key a signature is no credential at all.
        let signed = with_tokens.get(&format!("{address}?{}", guarded.query(ALL, 60)));
        assert_eq!(signed.status == 401, seen != ByAll, "{address}");
    }
}

#[test]
fn a_signature_opens_its_slide_until_its_time() {
    let guarded = Guarded::new();
    let server = guarded.start(&[]);
    let (mine, all) = (guarded.query(NAME, 60), guarded.query(ALL, 60));
    let longer = |query: &str| {
        let (expires, rest) = query.split_once('&').unwrap();
        format!("{expires}0&{rest}")
    };
    let wrong = [
        (guarded.query("two", 60), "invalid"),
        (guarded.query(IN_PATH, 60), "invalid"),
        (longer(&mine), "invalid"),
        (longer(&all), "invalid"),
        (mine[..mine.len() - 2].to_string(), "invalid"),
        (mine.split_once('&').unwrap().1.to_string(), "invalid"),
        (guarded.query(NAME, -5), "expired"),
        (guarded.query(ALL, -5), "expired"),
    ];
    for (address, seen) in addresses() {
        let ask = |query: &str| server.get(&format!("{address}?{query}"));
        assert!(passes(ask(&all).status, &address), "{address}");
        let reply = ask(&mine);
        match seen {
            WithEverything => assert_eq!(reply.status, 403, "{address}"),
            _ => assert!(passes(reply.status, &address), "{address}: {reply:?}"),
        }
        for (query, why) in wrong.iter().filter(|_| seen != ByAll) {
            let reply = ask(query);
            if seen == WithASlide && *query == wrong[0].0 {
                assert!(passes(reply.status, &address), "{address}: {reply:?}");
                continue;
            }
            assert_eq!(reply.status, 403, "{address}?{query}");
            // Addresses outside the slide do not tell that its signature has expired.
            let is_outside = !matches!(seen, WithTheSlide | WithASlide);
            let told = if *query == wrong[6].0 && is_outside { "invalid" } else { why };
            assert!(reply.text().contains(told), "{address}?{query}: {}", reply.text());
        }
    }
    let held = server.get(&format!("/tiles/{IN_PATH}/8/0_0.jpg?{mine}"));
    let tag = [("If-None-Match", held.header("etag"))];
    let again =
        |query: &str| server.request("GET", &format!("/tiles/{IN_PATH}/8/0_0.jpg?{query}"), &tag).status;
    assert_eq!((again(&mine), again(&guarded.query("two", 60))), (304, 403));
    // The redirect leads to where the same signature is good.
    let to = server.get(&format!("/iiif/3/{IN_PATH}?x=1&{mine}")).header("location").to_string();
    assert_eq!(
        (to.as_str(), server.get(&to).status),
        (format!("/iiif/3/{IN_PATH}/info.json?{mine}").as_str(), 200)
    );
}

#[test]
fn the_program_signs_what_the_server_accepts() {
    let guarded = Guarded::new();
    let key = guarded.key();
    let server = Running::start(guarded.root.path(), &["--signing-key-file", arg(&key)]);
    let sign = |more: &[&str]| {
        let mut args = vec!["sign", "--key-file", arg(&key), "--slide"];
        args.extend(more);
        origami(&args)
    };
    let url = format!("http://{}/", server.address);
    for name in [NAME, ALL] {
        let said = sign(&[name, "--valid", "30m", "--url", &url]).ok().stdout;
        assert_eq!(said.lines().count(), 2, "{said}");
        for line in said.lines() {
            let address = line.strip_prefix(url.trim_end_matches('/')).unwrap();
            assert_eq!(server.get(address).status, 200, "{line}");
        }
    }
    let query = sign(&[NAME]).ok().stdout;
    assert_eq!(server.get(&format!("/thumbnails/{IN_PATH}?{}", query.trim())).status, 200);
    sign(&[NAME, "--valid", "soon"]).refused(&["--valid", "15m"]);
    sign(&[NAME, "--url", "slides.example.org"]).refused(&["--url", "https://"]);
    fs::write(&key, "short").unwrap();
    sign(&[NAME]).fails(&[arg(&key), "a key of 5 bytes", "32"]);
    let root = guarded.root.path();
    let serve = |flag, file: &Path| {
        origami(&["serve", "--backend", "cpu", "--slides-root", arg(root), flag, arg(file)])
    };
    serve("--signing-key-file", &key).fails(&[arg(&key), "a key of 5 bytes"]);
    let tokens = guarded.tokens();
    fs::write(&tokens, "# of nobody\n\n").unwrap();
    serve("--token-file", &tokens).fails(&[arg(&tokens), "no token"]);
    fs::write(&tokens, format!("{TOKEN}\nshort\n")).unwrap();
    serve("--token-file", &tokens).fails(&[arg(&tokens), "line 2", "16"]);
    serve("--token-file", &root.join("none")).fails(&["none", "cannot read"]);
}

#[test]
fn a_page_elsewhere_may_ask_with_a_token() {
    let guarded = Guarded::new();
    let tile = format!("/tiles/{IN_PATH}/8/0_0.jpg");
    let asks = [
        ("Origin", "https://viewer.example.org"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "authorization"),
    ];
    let server = guarded.start(&["--cors", "https://viewer.example.org"]);
    let preflight = server.request("OPTIONS", &tile, &asks);
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-headers"), "authorization,accept,content-type,range");
    assert!(preflight.body.is_empty());
    for (query, status) in [("", 401), ("signature=0", 403)] {
        let reply = server.request("GET", &format!("{tile}?{query}"), &asks[..1]);
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("access-control-allow-origin"), "https://viewer.example.org", "{status}");
    }
    drop(server);
    // Pages of every origin may read IIIF without `--cors`, given credentials.
    let server = guarded.start(&[]);
    let info = format!("/iiif/3/{IN_PATH}/info.json");
    let preflight = server.request("OPTIONS", &info, &asks);
    assert_eq!(
        (preflight.status, preflight.header("access-control-allow-headers")),
        (200, "authorization,accept,content-type,range")
    );
    let token = format!("Bearer {TOKEN}");
    for (headers, status) in [(vec![], 401), (vec![("Authorization", token.as_str())], 200)] {
        let reply = server.request("GET", &info, &headers);
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, "*"));
    }
    assert_eq!(server.request("OPTIONS", &tile, &asks).header("access-control-allow-origin"), "");
}

#[test]
fn shared_caches_keep_no_tile_that_is_not_for_everybody() {
    let guarded = Guarded::new();
    let (key, tile) = (guarded.key(), format!("/tiles/{IN_PATH}/8/0_0.jpg"));
    let control = |flags: &[&str]| {
        let server = Running::start(guarded.root.path(), flags);
        let address = format!("{tile}?{}", guarded.query(NAME, 60));
        server.get(&address).header("cache-control").to_string()
    };
    let protect = ["--signing-key-file", arg(&key)];
    assert_eq!(control(&[]), "public, max-age=3600");
    assert_eq!(control(&protect), "private, max-age=3600");
    assert_eq!(control(&[&protect[..], &["--cache-control", "no-store"]].concat()), "no-store");
}

#[test]
fn what_a_proxy_says_counts_only_when_told_so() {
    let guarded = Guarded::new();
    let info = format!("/iiif/3/{IN_PATH}/info.json");
    let said = [
        ("X-Forwarded-For", "198.51.100.1, 203.0.113.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "slides.example.org"),
        ("X-Forwarded-Prefix", "/wsi"),
        ("X-Request-Id", "abc-123"),
    ];
    let hostile = [
        ("X-Forwarded-For", "<script>"),
        ("X-Forwarded-Proto", "javascript"),
        ("X-Forwarded-Host", "evil.example.org/\"x"),
        ("X-Forwarded-Prefix", "//evil.example.org"),
        ("X-Request-Id", "evil id=\"7\""),
    ];
    for trust in [false, true] {
        let flags: &[&str] = if trust { &["--trust-forwarded"] } else { &[] };
        let server = Running::logging(guarded.root.path(), flags);
        let own = format!("http://{}", server.address);
        for (headers, believed) in [(&said, trust), (&hostile, false)] {
            let reply = server.request("GET", &info, headers);
            let base = if believed { "https://slides.example.org/wsi" } else { &own };
            let id: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(id["id"], format!("{base}/iiif/3/{IN_PATH}"));
            assert_eq!(reply.header("x-request-id") == "abc-123", believed);
            assert!(!reply.header("x-request-id").is_empty());
            let place =
                server.request("GET", &format!("/iiif/3/{IN_PATH}"), headers).header("location").to_string();
            assert_eq!(place, format!("{}{info}", if believed { "/wsi" } else { "" }));
        }
        let (code, log) = server.terminate();
        assert_eq!(code, Some(0));
        let lines: Vec<_> = log.lines().filter(|line| line.contains("client=")).collect();
        assert_eq!(lines.len(), 4, "{log}");
        assert!(!log.contains("evil") && !log.contains("script"), "{log}");
        assert_eq!(lines[0].contains("client=203.0.113.7"), trust, "{log}");
        assert_eq!(lines[0].contains("abc-123"), trust, "{log}");
        assert!(lines[2].contains("client=127.0.0.1"), "{log}");
    }
}

#[test]
fn a_log_tells_no_signature() {
    let guarded = Guarded::new();
    let key = guarded.key();
    let server = Running::logging(guarded.root.path(), &["--signing-key-file", arg(&key)]);
    let query = guarded.query(NAME, 60);
    assert_eq!(server.get(&format!("/dzi/{IN_PATH}.dzi?{query}")).status, 200);
    assert_eq!(server.get(&format!("/dzi/{IN_PATH}.dzi?{query}0")).status, 403);
    let (_, log) = server.terminate();
    assert!(log.contains("status=200") && log.contains("status=403"), "{log}");
    assert!(!log.contains("signature=") && !log.contains("expires="), "{log}");
}

/// The routes of a file of the program.
#[cfg(feature = "jobs")]
fn routes_of(file: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let routes = text.split(".route(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
    routes.map(|rest| rest.split('"').next().unwrap().to_string()).collect()
}

#[cfg(feature = "jobs")]
#[test]
fn a_signed_address_changes_nothing_whatever_the_method_and_the_address() {
    let (guarded, work) = (Guarded::new(), tempfile::tempdir().unwrap());
    let (out, marks) = (work.path().join("out"), work.path().join("marks"));
    fs::create_dir(&marks).unwrap();
    let jobs = ["--jobs", "--out", arg(&out), "--temp-dir", arg(work.path()), "--annotations", arg(&marks)];
    let server = guarded.start(&jobs);
    let of_jobs = routes_of("src/service/http.rs").into_iter().map(|route| route.replace("{job_id}", "a"));
    let of_jobs: Vec<_> =
        of_jobs.filter(|route| !["/health", "/healthz", "/metrics"].contains(&&**route)).collect();
    assert!(of_jobs.len() > 10, "{of_jobs:?}");
    let (all, slide) = (guarded.query(ALL, 60), guarded.query(NAME, 60));
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for address in &of_jobs {
            // Also where the address has no such method.
            let reply = server.request(method, &format!("{address}?{all}"), &[]);
            assert_eq!(reply.status, 403, "{method} {address}: {reply:?}");
            assert!(reply.text().contains("a signed address changes nothing"), "{reply:?}");
        }
        for (address, query) in
            addresses().flat_map(|(address, _)| [(address.clone(), &all), (address, &slide)])
        {
            let reply = server.request(method, &format!("{address}?{query}"), &[]);
            // Rectangles are asked for by POST, and read. Who logs in or out changes only what he is.
            let reads = address.ends_with("/regions") || ["/login", "/logout"].contains(&&*address);
            assert!(reads || [403, 404, 405].contains(&reply.status), "{method} {address}: {reply:?}");
        }
    }
    assert_eq!(server.get(&format!("/queue/status?{all}")).status, 200);
    assert_eq!(server.get(&format!("/queue/status?{slide}")).status, 403);
    // A token, and a session of this server's own pages.
    let clear = |headers: &[(&str, &str)]| server.request("POST", "/api/render/queue/clear", headers).status;
    assert_eq!((clear(&[]), clear(&[("Authorization", &format!("Bearer {TOKEN}"))])), (401, 200));
    let form = format!("token={TOKEN}");
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let session = crate::running::send(&server.address, "POST", "/login", &[kind], form.as_bytes());
    let session = session.header("set-cookie").split(';').next().unwrap().to_string();
    let own = ("Sec-Fetch-Site", "same-origin");
    assert_eq!((clear(&[("Cookie", &session)]), clear(&[("Cookie", &session), own])), (401, 200));
}
