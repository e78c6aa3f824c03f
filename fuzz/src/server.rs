//! Requests to a tile server of a few small slides, over a connection of loopback: the bytes are all that a client sends. All that a
//! server can have is on: marks, DICOMweb, images beside a slide, logins.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use origami::backend::CpuBackend;
use origami::image::family::Pixels;
use origami::image::plane::Plane;
use origami::output::tile::{OutputFormat, TileCoder};
use origami::serve::{Credentials, Secret, ServeOptions, Server, SigningKey};

/// How long an answer may take once the client has sent all.
const MOST_TIME: Duration = Duration::from_secs(8);
/// How long one is waited for while the client could send more.
const PATIENCE: Duration = Duration::from_millis(200);

/// The bundle that is served.
const BUNDLE: &[u8] = include_bytes!("../../tests/golden/slide.bundle");
/// The marks that are on it, drawn on a slide of the same size.
fn marks() -> Vec<u8> {
    const MARKS: &str = include_str!("../../tests/versions/0.2.0/annotations/slide.geojson");
    MARKS.replacen(r#","source":"file-5048-0248e6d94e37f39fc7e24c95f7c3b606""#, "", 1).into_bytes()
}

/// A token of the server that asks for credentials.
pub const TOKEN: &str = "a-token-of-some-length";
const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

/// The key of signed addresses.
pub fn key() -> SigningKey {
    SigningKey::new(&Secret::new("the key", KEY.to_vec())).expect("a key")
}

/// The folder that a server serves: a bundle with attributes of DICOM, a tree, and a slide with images beside it.
fn slides(folder: &Path) -> std::io::Result<PathBuf> {
    let root = folder.join("slides");
    fs::create_dir_all(root.join("tree/baseline_pyramid_files"))?;
    fs::write(root.join("slide.bundle"), BUNDLE)?;
    fs::write(
        root.join("slide.dicom.json"),
        r#"{"PixelSpacing": [0.0005, 0.0005], "PatientName": "Doe^Jane"}"#,
    )?;
    fs::write(root.join("scan.tif"), crate::tiffs::scanned())?;
    fs::write(root.join("tree/baseline_pyramid.dzi"), include_bytes!("../seeds/dzi/plain.dzi"))?;
    let mut coder = TileCoder::new(OutputFormat::Jpeg, 90).expect("a coder");
    for level in 0..=4 {
        let side = 1 << level;
        let pixels = Pixels::Rgb(Plane::filled(3 * side, side, 200));
        let level = root.join(format!("tree/baseline_pyramid_files/{level}"));
        fs::create_dir_all(&level)?;
        fs::write(level.join("0_0.jpg"), coder.encode(pixels.view()).expect("a tile"))?;
    }
    Ok(root)
}

/// Starts a server, which ends with the process, and says where it listens and keeps its marks.
fn start(credentials: Credentials) -> (SocketAddr, PathBuf) {
    let folder = tempfile::tempdir_in(crate::files::folder()).expect("a folder").keep();
    let directory = folder.join("marks");
    let mut options = ServeOptions::default();
    options.slides.root = slides(&folder).expect("slides");
    options.slides.associated = vec!["label".into(), "macro".into(), "thumbnail".into()];
    options.limits.threads = 1;
    options.logging.stats_interval = Duration::ZERO;
    options.annotations.dir = Some(directory.clone());
    options.annotations.open = credentials.is_open();
    options.dicomweb = true;
    options.access.cors = Some("*".into());
    options.access.trust_forwarded = true;
    options.access.credentials = credentials;
    let address = listen(move |listener| {
        let server = Server::new(options, Arc::new(CpuBackend::new()), Arc::new(Default::default));
        let server = server.expect("a server");
        async move {
            server.serve(listener, std::future::pending()).await.expect("no end");
        }
    });
    fs::write(directory.join("slide.geojson"), marks()).expect("marks");
    (address, directory)
}

/// Runs a service of HTTP in a thread of its own.
pub fn listen<F: Future<Output = ()>>(
    serve: impl FnOnce(tokio::net::TcpListener) -> F + Send + 'static,
) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("an address");
            let address = listener.local_addr().expect("an address");
            let serving = serve(listener);
            tell.send(address).expect("a reader");
            serving.await;
        });
    });
    told.recv().expect("an address")
}

/// Sends a request and reads the whole answer, which must not be that the server has a fault.
pub fn ask(server: SocketAddr, data: &[u8]) -> Vec<u8> {
    let answer = answer(server, data);
    assert_ne!(answer.get(9..12), Some(&b"500"[..]), "{}", String::from_utf8_lossy(&answer));
    answer
}

/// The same, whatever the answer is.
fn answer(server: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).expect("a connection");
    // The server may have answered and closed before it has read everything.
    drop(stream.write_all(data));
    // Who says that no more will come is taken to be gone, and what is done for such a client ends. So that is said at once only where the
    // head is cut short, and later where the server waits for more.
    let mut is_over = !data.windows(4).any(|end| end == b"\r\n\r\n");
    let mut answer = Vec::new();
    loop {
        if is_over {
            drop(stream.shutdown(Shutdown::Write));
        }
        stream.set_read_timeout(Some(if is_over { MOST_TIME } else { PATIENCE })).expect("a time limit");
        match stream.read_to_end(&mut answer) {
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                assert!(!is_over, "no end of the answer");
                is_over = true;
            }
            _ => break,
        }
    }
    answer
}

/// The server that everybody may ask, and its marks.
fn opened() -> &'static (SocketAddr, PathBuf) {
    static SERVER: OnceLock<(SocketAddr, PathBuf)> = OnceLock::new();
    SERVER.get_or_init(|| start(Credentials::default()))
}

/// Its address.
pub fn address() -> SocketAddr {
    opened().0
}

pub fn open(data: &[u8]) {
    ask(address(), data);
}

pub fn signed(data: &[u8]) {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let (tokens, key) = (Secret::new("tokens", TOKEN.into()), Secret::new("the key", KEY.to_vec()));
        start(Credentials::new(Some(&tokens), Some(&key)).expect("credentials")).0
    });
    ask(*server, data);
}

/// Asks for or changes marks. The first byte says what the others are: the file of the marks, or the body of a request.
pub fn annotations(data: &[u8]) {
    const ONE: &str = "/api/slides/slide/annotations/a";
    const ALL: &str = "/api/slides/slide/annotations";
    let Some((kind, body)) = data.split_first() else { return };
    let (address, directory) = opened();
    let stored = directory.join("slide.geojson");
    let is_file = kind % 6 == 5;
    let request = |method: &str, path: &str, headers: &str, body: &[u8]| {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        let request = [head.as_bytes(), body].concat();
        // A damaged file of marks is a fault of the server.
        if is_file {
            answer(*address, &request)
        } else {
            ask(*address, &request)
        };
    };
    // Every input begins with the same marks.
    let text = if is_file { body.to_vec() } else { marks() };
    fs::write(&stored, text).expect("marks");
    match kind % 6 {
        0 => request("PATCH", ALL, "", body),
        1 => request("PUT", ALL, "If-Match: *\r\n", body),
        2 => request("PUT", ONE, "If-Match: \"1\"\r\n", body),
        3 => request("PUT", "/api/slides/slide/annotations/new", "If-None-Match: *\r\n", body),
        4 => request("PATCH", ONE, "If-Match: \"1\"\r\n", body),
        _ => {
            request("GET", "/api/slides/slide/annotations?other=show", "", b"");
            request(
                "PATCH",
                ALL,
                "",
                br#"{"changes": [{"id": "a", "revision": 1, "feature": null}], "adopt": true}"#,
            );
        }
    }
    request("GET", ALL, "", b"");
    request("GET", ONE, "", b"");
}
