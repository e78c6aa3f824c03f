//! Connections to the built server: kept open, HTTP/2, and its end. How long they may be silent is for `src/web/listen.rs`.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::described;
use crate::kit::program::PROGRAM;
use crate::kit::slides::tree;
use crate::running::{Reply, Running, head, read};

/// How long a server that ends waits for requests in flight.
const REQUESTS_HAVE: Duration = Duration::from_secs(30);

#[test]
fn one_connection_serves_one_request_after_another() {
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("one"), 150, 130, 32, 3);
    let server = Running::start(root.path(), &[]);
    let mut stream = BufReader::new(TcpStream::connect(&server.address).unwrap());
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    for tile in ["8/0_0.jpg", "8/1_0.jpg"] {
        let path = format!("/tiles/one/{tile}");
        let want = server.get(&path).body;
        write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let body = read(&server.address, "GET", &path, &mut stream).body;
        assert!(body == want, "{tile}");
    }
    // A connection that waits for its next request does not delay the end of the server.
    let started = Instant::now();
    assert_eq!(server.terminate().0, Some(0));
    assert!(started.elapsed() < REQUESTS_HAVE, "the server waited for a connection without a request");
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn one_connection_of_http_2_serves_many_requests_at_once() {
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("one"), 150, 130, 32, 3);
    let server = Running::start(root.path(), &[]);
    let tiles: Vec<_> =
        (0..5).flat_map(|x| (0..5).map(move |y| format!("/tiles/one/8/{x}_{y}.jpg"))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let got = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(&server.address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async { drop(connection.await) });
        let mut client = client.ready().await.unwrap();
        let paths = tiles.iter().cloned().chain(["/iiif/3/one/info.json".to_string()]);
        // All are asked before the first answer is read.
        let asked: Vec<_> = paths
            .map(|path| {
                let request =
                    axum::http::Request::get(format!("http://slides.example.org{path}")).body(()).unwrap();
                (client.send_request(request, true).unwrap().0, path)
            })
            .collect();
        let mut got = Vec::new();
        for (response, path) in asked {
            let response = response.await.unwrap();
            assert_eq!(
                (response.status(), response.version()),
                (200.try_into().unwrap(), axum::http::Version::HTTP_2)
            );
            let answered = head(&response);
            let (mut body, mut bytes) = (response.into_body(), Vec::new());
            while let Some(part) = body.data().await {
                let part = part.unwrap();
                body.flow_control().release_capacity(part.len()).unwrap();
                bytes.extend_from_slice(&part);
            }
            let reply = Reply { body: bytes, ..answered };
            described::hold(&server.address, "GET", &path, &reply);
            got.push(reply.body);
        }
        got
    });
    for (path, body) in tiles.iter().zip(&got) {
        assert!(*body == server.get(path).body, "{path} is not what HTTP/1.1 gives");
    }
    // There the host is a part of the address and no header.
    let info = String::from_utf8_lossy(got.last().unwrap()).into_owned();
    assert!(info.contains("\"http://slides.example.org/iiif/3/one\""), "{info}");
}

#[test]
fn a_server_that_runs_out_of_files_says_so_once_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let mut program = Command::new("sh");
    program.args(["-c", "ulimit -n 48 && exec \"$0\" \"$@\"", PROGRAM]);
    let server = Running::of(&mut program, root.path(), &[]);
    let clients: Vec<_> = (0..80).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    std::thread::sleep(Duration::from_secs(1));
    drop(clients);
    assert_eq!(server.get("/healthz").status, 200);
    let (code, log) = server.terminate();
    assert_eq!((code, log.matches("no new connections").count()), (Some(0), 1), "{log}");
}
