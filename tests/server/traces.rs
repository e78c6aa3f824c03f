//! Traces of the built server, as a collector of OpenTelemetry receives them: from the request to the kernel, with no secret in them, and
//! without any harm where the collector fails.

mod collector;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use self::collector::{Answer, Collector, Span};
use crate::kit::program::{Ran, arg, program};
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Running, wait_until};
use origami::params::EncodeParams;
use origami::serve::SigningKey;

const TOKEN: &str = "a-token-that-nobody-may-read";
/// Span ids of the caller.
const CALLER: &str = "00f067aa0ba902b7";

/// A root with one slide of two families: `one`, with L0 at level 10.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("one");
    encode_tree(&tree(&dir, 600, 500, 128, 1), &dir, &EncodeParams::default());
    root
}

/// The program with no variable of OpenTelemetry, and no proxy, but these.
fn with(variables: &[(&str, &str)]) -> Command {
    let mut command = program();
    for (name, _) in std::env::vars() {
        if name.starts_with("OTEL_") || name.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied());
    command
}

/// The program that sends to a collector ten times a second.
fn sending(to: &Collector) -> Command {
    with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &to.address), ("OTEL_BSP_SCHEDULE_DELAY", "100")])
}

/// The id of a trace of the caller.
fn trace(number: u8) -> String {
    format!("4bf92f3577b34da6a3ce929d0e0e47{number:02x}")
}

/// Waits until a trace has a span of this name, and returns all spans of the trace. Those of a request that has been answered come with its own
/// or before it.
fn wait_for(collector: &Collector, trace: &str, name: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    wait_until(&format!("no span {name} comes"), || {
        spans = collector.spans(trace);
        spans.iter().any(|span| span.name == name)
    });
    spans
}

fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

/// Whether a span is below another one.
fn is_below(spans: &[Span], span: &Span, above: &Span) -> bool {
    match spans.iter().find(|of| of.id == span.parent) {
        Some(parent) => parent.id == above.id || is_below(spans, parent, above),
        None => false,
    }
}

const TILES: &str = "GET /tiles/{slide}/{level}/{tile}";

#[test]
fn a_cold_tile_is_one_trace_from_the_request_to_the_kernel_and_a_hot_one_ends_in_the_cache() {
    let (root, collector) = (root(), Collector::start(Answer::Taken));
    let server = Running::of(&mut sending(&collector), root.path(), &["--no-prefetch"]);
    let get = |number| {
        let parent = format!("00-{}-{CALLER}-01", trace(number));
        let reply = server.request("GET", "/tiles/one/10/1_2.jpg?key=value", &[("traceparent", &parent)]);
        assert_eq!(reply.status, 200);
        reply
    };
    let reply = get(1);
    wait_for(&collector, &trace(1), "family");
    let spans = wait_for(&collector, &trace(1), TILES);
    let request = one(&spans, TILES);
    assert_eq!((request.parent.as_str(), request.kind, request.status), (CALLER, 2, 0));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/tiles/{slide}/{level}/{tile}"),
        ("http.response.status_code", "200"),
        ("url.path", "/tiles/one/10/1_2.jpg"),
        ("url.scheme", "http"),
        ("origami.request_id", reply.header("x-request-id")),
    ] {
        assert_eq!(request.get(name), value, "{request:#?}");
    }
    assert!(!request.attributes.contains_key("url.query") && request.get("error.type").is_empty());
    assert_eq!(request.resource["service.name"], "origami");
    assert_eq!(request.resource["service.version"], env!("CARGO_PKG_VERSION"));

    let family = one(&spans, "family");
    assert_eq!(family.parent, request.id, "{spans:#?}");
    assert_eq!((family.get("origami.slide"), family.get("origami.family")), ("one", "0_0"));
    assert_eq!(family.get("origami.prefetch"), "false");
    // The awaited tile first, and the others of its family after it, where nobody asks for another one.
    for name in ["queue", "read", "decode", "kernel", "encode"] {
        let all: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        assert!(!all.is_empty(), "no {name} in {spans:#?}");
        assert!(all.iter().all(|span| is_below(&spans, span, family)), "{name} in {spans:#?}");
    }
    let kernel = spans.iter().find(|span| span.get("origami.part") == "true").unwrap();
    assert_eq!((kernel.name.as_str(), kernel.get("origami.backend")), ("kernel", "cpu"));
    let payloads: BTreeSet<_> = spans.iter().map(|span| span.get("origami.payload")).collect();
    assert!(payloads.contains("baseline") && payloads.contains("residual"), "{spans:#?}");
    let cache = one(&spans, "cache");
    assert_eq!((cache.get("origami.cache"), cache.get("origami.hit")), ("memory", "false"));
    assert_eq!(cache.parent, request.id);

    get(2);
    let spans = wait_for(&collector, &trace(2), TILES);
    let (request, cache) = (one(&spans, TILES), one(&spans, "cache"));
    assert_eq!((request.parent.as_str(), cache.parent.as_str()), (CALLER, request.id.as_str()));
    assert_eq!((cache.get("origami.cache"), cache.get("origami.hit")), ("memory", "true"));
    assert_eq!(spans.len(), 2, "{spans:#?}");

    let (code, log) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(log.contains(&format!("traces: sent to {}/v1/traces", collector.address)), "{log}");
}

#[test]
fn no_secret_is_in_a_trace_and_what_fails_is_marked() {
    let (root, collector, work) = (root(), Collector::start(Answer::Taken), tempfile::tempdir().unwrap());
    let (tokens, key) = (work.path().join("tokens"), work.path().join("key"));
    fs::write(&tokens, TOKEN).unwrap();
    fs::write(&key, "0123456789abcdef0123456789abcdef").unwrap();
    let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 600;
    let query = SigningKey::read(&key).unwrap().query("one", expires);
    let flags = ["--token-file", arg(&tokens), "--signing-key-file", arg(&key)];
    let server = Running::of(&mut sending(&collector), root.path(), &flags);

    let bearer = format!("Bearer {TOKEN}");
    let parent = |number| format!("00-{}-{CALLER}-01", trace(number));
    let ask = |number, path: &str, authorization: &str| {
        let parent = parent(number);
        let headers = [("traceparent", &*parent), ("authorization", authorization)];
        let count = if authorization.is_empty() { 1 } else { 2 };
        server.request("GET", path, &headers[..count]).status
    };
    assert_eq!(ask(1, &format!("/tiles/one/10/0_0.jpg?{query}"), ""), 200);
    assert_eq!(ask(2, "/dzi/one_files/10/1_0.jpg?signature=another", &bearer), 200);
    assert_eq!(ask(3, "/tiles/one/10/1_1.jpg?signature=another", ""), 403);
    assert_eq!(ask(4, "/nothing/here", &bearer), 404);
    for (number, name, status) in [
        (1, TILES, "200"),
        (2, "GET /dzi/{files}/{level}/{tile}", "200"),
        (3, TILES, "403"),
        (4, "GET", "404"),
    ] {
        let spans = wait_for(&collector, &trace(number), name);
        assert_eq!(one(&spans, name).get("http.response.status_code"), status);
        assert_eq!(one(&spans, name).status, 0, "the fault is the client's");
    }
    fs::remove_dir_all(root.path()).unwrap();
    wait_until("the server is ready without its root", || ask(5, "/readyz", "") == 503);
    let spans = wait_for(&collector, &trace(5), "GET /readyz");
    let failed = |span: &Span| span.status == 2 && span.get("error.type") == "503";
    wait_until("no span is marked", || collector.spans(&trace(5)).iter().any(failed));
    assert!(spans.iter().all(|span| failed(span) == (span.get("http.response.status_code") == "503")));
    let sent = collector.bytes();
    let holds = |secret: &str| sent.windows(secret.len()).any(|part| part == secret.as_bytes());
    let signature = query.rsplit('=').next().unwrap();
    assert!(holds("/dzi/one_files/10/1_0.jpg") && signature.len() == 64);
    for secret in [TOKEN, signature, "another", "expires", "Bearer", "0123456789abcdef"] {
        assert!(!holds(secret), "{secret}");
    }
}

#[test]
fn a_caller_that_keeps_no_trace_gets_none_and_a_request_without_one_begins_its_own() {
    let (root, collector) = (root(), Collector::start(Answer::Taken));
    let mut program = sending(&collector);
    program.env("OTEL_SERVICE_NAME", "slides");
    let server = Running::of(&mut program, root.path(), &[]);
    let unsampled = format!("00-{}-{CALLER}-00", trace(1));
    let reply = server.request("GET", "/tiles/one/10/0_0.jpg", &[("traceparent", &unsampled)]);
    assert_eq!(reply.status, 200);
    // Header lines that are no trace are as good as none.
    assert_eq!(server.request("GET", "/healthz", &[("traceparent", "00-zz")]).status, 200);
    wait_until("nothing is sent", || !collector.all().is_empty());
    let all = collector.all();
    let request = one(&all, "GET /healthz");
    assert!(request.parent.is_empty() && request.trace.len() == 32, "{request:#?}");
    assert_eq!((all.len(), request.resource["service.name"].as_str()), (1, "slides"));
}

#[test]
fn a_collector_that_hangs_neither_delays_a_request_nor_the_end() {
    let (root, collector) = (root(), Collector::start(Answer::Never));
    let mut program = sending(&collector);
    // The program would wait for an hour, and keeps two spans.
    program.env("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000");
    program.envs([("OTEL_BSP_MAX_QUEUE_SIZE", "2"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")]);
    let server = Running::of(&mut program, root.path(), &[]);
    assert_eq!(server.get("/healthz").status, 200);
    wait_until("nothing is sent", || collector.requests() > 0);
    for (x, y) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 0)] {
        assert_eq!(server.get(&format!("/tiles/one/10/{x}_{y}.jpg")).status, 200);
    }
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("dropped a Span due to queue full").count(), 1, "{log}");
    assert_eq!(collector.requests(), 1);
}

#[test]
fn a_collector_that_takes_nothing_is_told_of_once_and_when_it_is_back() {
    let (root, collector) = (root(), Collector::start(Answer::Status(401)));
    let mut program = sending(&collector);
    program.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret");
    let server = Running::of(&mut program, root.path(), &[]);
    let refused = |times| {
        for number in 1..=times {
            assert_eq!(server.get("/healthz").status, 200);
            wait_until("nothing is sent", || collector.requests() >= number);
        }
    };
    refused(3);
    collector.answers(Answer::Taken);
    let parent = format!("00-{}-{CALLER}-01", trace(1));
    assert_eq!(server.request("GET", "/readyz", &[("traceparent", &parent)]).status, 200);
    wait_for(&collector, &trace(1), "GET /readyz");
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("HTTP export failed with status code: 401").count(), 1, "{log}");
    assert!(!log.contains("secret") && !log.contains("ExportError"), "{log}");
}

#[test]
fn nobody_at_the_address_and_a_wrong_variable_are_said_and_slides_are_served() {
    let root = root();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("http://me:secret@{free}");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*address),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let server = Running::of(&mut with(&variables), root.path(), &[]);
    assert_eq!(server.get("/tiles/one/10/0_0.jpg").status, 200);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(&format!("traces: sent to http://{free}/v1/traces")), "{log}");
    assert!(!log.contains("secret"), "{log}");

    let wrong = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let server = Running::of(&mut with(&wrong), root.path(), &[]);
    assert_eq!(server.get("/tiles/one/10/0_0.jpg").status, 200);
    let (_, log) = server.terminate();
    assert!(log.contains("no traces are sent: OTEL_EXPORTER_OTLP_PROTOCOL: this program speaks"), "{log}");
    let doctor = |variables: &[(&str, &str)]| {
        let ran: Ran = with(variables).args(["doctor", "--serve"]).arg(root.path()).output().unwrap().into();
        let rows: Vec<_> =
            ran.stdout.lines().filter(|line| line.trim_start().starts_with("traces")).collect();
        assert_eq!(rows.len(), 1, "{ran:?}");
        rows[0].to_string()
    };
    assert!(doctor(&wrong).contains("not sent: OTEL_EXPORTER_OTLP_PROTOCOL: "));
    assert!(doctor(&[]).contains("not sent: OTEL_EXPORTER_OTLP_ENDPOINT is not set"));
    assert!(doctor(&variables).ends_with(&format!("sent to http://{free}/v1/traces")));
}

/// A family that a GPU reconstructs: its kernel is a batch of the device.
#[cfg(feature = "gpu")]
#[test]
fn a_family_on_a_gpu_shows_its_batch() {
    let Some(adapter) = crate::kit::gpu::adapter("a_family_on_a_gpu_shows_its_batch") else { return };
    let (root, collector) = (root(), Collector::start(Answer::Taken));
    let flags = ["--backend", "gpu", "--gpu-adapter", &adapter, "--no-prefetch"];
    let server = Running::of(&mut sending(&collector), root.path(), &flags);
    let parent = format!("00-{}-{CALLER}-01", trace(1));
    // A tile of L1 is made with the whole family.
    assert_eq!(server.request("GET", "/tiles/one/9/0_0.jpg", &[("traceparent", &parent)]).status, 200);
    wait_for(&collector, &trace(1), "family");
    let spans = wait_for(&collector, &trace(1), "gpu.batch");
    let (family, batch, kernel) = (one(&spans, "family"), one(&spans, "gpu.batch"), one(&spans, "kernel"));
    assert_eq!((kernel.get("origami.backend"), batch.get("origami.families")), ("gpu", "1"));
    assert!(batch.parent == kernel.id && is_below(&spans, kernel, family), "{spans:#?}");
}
