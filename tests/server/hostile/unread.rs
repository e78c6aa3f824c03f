//! Clients that ask for much and take nothing of it: what the server holds for them is bounded for all of them together.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::described;
use crate::kit::image::Image;
use crate::kit::rng::Rng;
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Running, head, wait_until};
use crate::tiffs::write_tiff;
use origami::params::EncodeParams;

/// Asks for the same path many times on one connection of HTTP/2, whose client opens no window. Returns the statuses, and the connection
/// with the answers, of which nothing is taken.
fn unread(address: &str, path: &str, times: usize) -> (Vec<u16>, impl Sized + use<>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (statuses, held) = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::Builder::new()
            .initial_window_size(0)
            .handshake::<_, bytes::Bytes>(stream)
            .await
            .unwrap();
        tokio::spawn(async { drop(connection.await) });
        let mut client = client.ready().await.unwrap();
        let mut asked = Vec::new();
        for _ in 0..times {
            let request = axum::http::Request::get(format!("http://x{path}")).body(()).unwrap();
            client = client.ready().await.unwrap();
            asked.push(client.send_request(request, true).unwrap().0);
        }
        let (mut statuses, mut held) = (Vec::new(), Vec::new());
        for response in asked {
            let response = response.await.unwrap();
            statuses.push(response.status().as_u16());
            // Nothing of the body is taken.
            described::hold(address, "HEAD", path, &head(&response));
            held.push(response.into_body());
        }
        (statuses, (client, held))
    });
    (statuses, (held, runtime))
}

#[test]
fn what_a_client_of_http_2_does_not_take_is_bounded_for_all_of_its_streams() {
    const BUDGET_KIB: u64 = 16 << 10;
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("one");
    let dzi = tree(&dir, 1200, 1200, 256, 3);
    encode_tree(&dzi, &dir, &EncodeParams::default());
    fs::remove_file(dzi).unwrap();
    let server = Running::start(root.path(), &["--request-mb", "16", "--queue-timeout-ms", "1s"]);
    let image = "/iiif/3/one/full/max/0/default.png";
    let whole = server.get(image);
    assert!(whole.status == 200 && whole.body.len() > 1 << 20, "{}", whole.body.len());
    let before = server.memory_kib("VmHWM");
    let (statuses, held) = unread(&server.address, image, 40);
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    let taken = server.figure("origami_requests_bytes") as u64 / 1024;
    assert!(taken > 1024 && taken <= BUDGET_KIB / 2, "{taken} KiB");
    let grown = server.memory_kib("VmHWM").saturating_sub(before);
    assert!(grown < 2 * BUDGET_KIB, "{grown} KiB");
    // Tiles have their own part of the budget.
    assert_eq!(server.get("/tiles/one/11/1_1.jpg").status, 200);
    drop(held);
    wait_until("what was not taken is still held", || server.figure("origami_requests_bytes") == 0.0);
    assert_eq!(server.get(image).body, whole.body);
}

/// The same of many clients of HTTP/1.1, each of which takes the status and no more. An image is longer than what the kernel holds for a client
/// that reads nothing.
#[test]
fn what_clients_of_http_1_do_not_take_is_bounded_for_all_of_them() {
    const CLIENTS: usize = 24;
    const BUDGET_KIB: u64 = 48 << 10;
    let (root, side) = (tempfile::tempdir().unwrap(), 2048);
    let mut rng = Rng(1);
    let data: Vec<u8> = (0..3 * side * side).map(|_| (rng.next() % 64) as u8).collect();
    write_tiff(&root.path().join("one.tif"), &Image { width: side, height: side, channels: 3, data }, None);
    let server = Running::start(root.path(), &["--request-mb", "48", "--queue-timeout-ms", "200"]);
    let image = "/iiif/3/one/full/max/0/default.png";
    let whole = server.get(image);
    assert_eq!(whole.status, 200);
    let body_kib = whole.body.len() as u64 >> 10;
    assert!(body_kib * CLIENTS as u64 > 4 * BUDGET_KIB, "{body_kib} KiB: all of them would fit");
    let nothing_is_held = || server.figure("origami_requests_bytes") == 0.0;
    wait_until("what was taken is still held", nothing_is_held);
    let before = server.memory_kib("VmHWM");
    let mut statuses = Vec::new();
    // One after the other, so that none waits for what another one makes.
    let held: Vec<_> = std::iter::repeat_with(|| {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        write!(stream, "GET {image} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        statuses.push(String::from_utf8_lossy(&start[9..]).into_owned());
        let taken = server.figure("origami_requests_bytes") as u64 / 1024;
        assert!(taken <= BUDGET_KIB / 2, "{taken} KiB for images");
        stream
    })
    .take(CLIENTS)
    .collect();
    assert!(statuses.iter().all(|status| status == "200" || status == "503"), "{statuses:?}");
    assert!(statuses[0] == "200" && statuses.contains(&"503".to_string()), "{statuses:?}");
    let grown = server.memory_kib("VmHWM").saturating_sub(before);
    assert!(grown < 2 * BUDGET_KIB, "{grown} KiB");
    // What is no image has its own part of the budget.
    assert_eq!(server.get("/tiles/one/11/1_1.jpg").status, 200);
    drop(held);
    wait_until("what was not taken is still held", nothing_is_held);
    assert!(server.get(image).body == whole.body);
}
