//! Requests to a tile server of one small bundle, over a connection of loopback: the bytes are all that a client sends.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use origami::backend::CpuBackend;
use origami::serve::{Credentials, Secret, ServeOptions, Server};

/// The bundle that is served.
const BUNDLE: &[u8] = include_bytes!("../../tests/golden/slide.bundle");

/// Starts a server, which ends with the process.
fn start(key: Option<&[u8]>) -> SocketAddr {
    let folder = tempfile::tempdir().expect("a folder").keep();
    std::fs::write(folder.join("slide.bundle"), BUNDLE).expect("a file");
    let mut options = ServeOptions::default();
    options.slides.root = folder;
    options.limits.threads = 1;
    options.logging.stats_interval = Duration::ZERO;
    if let Some(key) = key {
        let key = Secret::new("the key", key.to_vec());
        options.access.credentials = Credentials::new(None, Some(&key)).expect("a key");
    }
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let server = Server::new(options, Arc::new(CpuBackend::new()), Arc::new(Default::default));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("an address");
            tell.send(listener.local_addr().expect("an address")).expect("a reader");
            server.expect("a server").serve(listener, std::future::pending()).await.expect("no end");
        });
    });
    told.recv().expect("an address")
}

/// Sends a request and reads the whole answer, which must not be that the server has a fault.
fn ask(server: SocketAddr, data: &[u8]) {
    let mut stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(8))).expect("a time limit");
    // The server may have answered and closed before it has read everything.
    drop(stream.write_all(data).and_then(|()| stream.shutdown(Shutdown::Write)));
    let mut answer = Vec::new();
    if let Err(e) = stream.read_to_end(&mut answer) {
        assert_ne!(e.kind(), std::io::ErrorKind::WouldBlock, "no end of the answer");
    }
    let status = answer.get(9..12);
    assert_ne!(status, Some(&b"500"[..]), "{}", String::from_utf8_lossy(&answer));
}

pub fn open(data: &[u8]) {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    ask(*SERVER.get_or_init(|| start(None)), data);
}

pub fn signed(data: &[u8]) {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    ask(*SERVER.get_or_init(|| start(Some(b"0123456789abcdef0123456789abcdef"))), data);
}
