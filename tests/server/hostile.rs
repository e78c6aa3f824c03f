//! Clients that mean harm, or are broken: what they make the server hold is bounded, and what they ask for wrongly is refused.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::described;
use crate::folders::{api, names};
use crate::kit::forge::write_sparse;
use crate::kit::image::Image;
use crate::kit::program::PROGRAM;
use crate::kit::rng::Rng;
use crate::kit::slides::{Small, encode_tree, tree};
use crate::running::{Reply, Running, head, parse, wait_until};
use crate::tiffs::write_tiff;
use origami::params::EncodeParams;

/// What one request of HTTP/1.1 is answered, with these lines after the first.
fn raw(server: &Running, first: &str, headers: &str) -> Reply {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "{first}\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let reply = parse(&answer).unwrap_or_else(|| panic!("no answer to {first}"));
    let mut words = first.split(' ');
    described::hold(&server.address, words.next().unwrap(), words.next().unwrap(), &reply);
    reply
}

#[test]
fn a_request_has_one_host() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::start(root.path(), &[]);
    for (first, headers, status) in [
        ("GET /healthz HTTP/1.1", "Host: a\r\n", 200),
        ("GET http://a/healthz HTTP/1.1", "Host: a\r\n", 200),
        ("GET /healthz HTTP/1.1", "Host:\r\n", 200),
        ("GET /healthz HTTP/1.1", "", 400),
        ("GET /healthz HTTP/1.1", "Host: a\r\nHost: a\r\n", 400),
        ("GET /healthz HTTP/1.1", "Host: a\r\nHost: b\r\n", 400),
        ("GET http://a/healthz HTTP/1.1", "", 400),
        ("GET /healthz HTTP/1.0", "", 200),
        ("GET /healthz HTTP/1.0", "Host: a\r\nHost: b\r\n", 400),
        ("GET /nothing HTTP/1.1", "", 400),
        ("GET /healthz HTTP/1.1", "Host: a\r\nno header\r\n", 400),
    ] {
        let reply = raw(&server, first, headers);
        assert_eq!(reply.status, status, "{first} {headers:?}: {reply:?}");
        let said = if headers.contains("no header") { "" } else { "{\"error\":\"give one Host header\"}" };
        assert!(status == 200 || reply.text() == said, "{reply:?}");
    }
}

/// Bytes that this client has sent and the server has not read, by the kernel's table of connections.
fn on_the_way(client: &TcpStream) -> u64 {
    let port = |address: std::io::Result<SocketAddr>| format!(":{:04X}", address.unwrap().port());
    let (own, servers) = (port(client.local_addr()), port(client.peer_addr()));
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let bytes = rows.map(|row| {
        let (sent, received) = row[4].split_once(':').unwrap_or(("0", "0"));
        let queue = match (row[1].ends_with(&own), row[2].ends_with(&servers)) {
            (true, true) => sent,
            _ if row[1].ends_with(&servers) && row[2].ends_with(&own) => received,
            _ => "0",
        };
        u64::from_str_radix(queue, 16).unwrap()
    });
    bytes.sum()
}

#[test]
fn heads_that_do_not_end_cost_their_bound_and_no_more() {
    const CLIENTS: u64 = 60;
    let root = tempfile::tempdir().unwrap();
    let server = Running::start(root.path(), &[]);
    assert_eq!(server.get("/healthz").status, 200);
    let before = server.memory_kib("VmRSS");
    let head = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nCookie: {}", "x".repeat(400_000));
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    for client in &mut clients {
        client.write_all(&head.as_bytes()[..60_000]).unwrap();
    }
    wait_until("the heads are not read", || clients.iter().all(|client| on_the_way(client) == 0));
    let each = server.memory_kib("VmRSS").saturating_sub(before) / CLIENTS;
    assert!(each < 256, "{each} KiB for each unfinished head");
    for client in &mut clients {
        // One that is refused is closed before all of it is sent.
        drop(client.write_all(&head.as_bytes()[60_000..]));
    }
    let mut answered = 0;
    for client in &mut clients {
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut answer = Vec::new();
        // The rest of a head may reach a connection that is closed, which then ends in a reset; all of them end.
        let ended = client.read_to_end(&mut answer).map_err(|e| e.kind());
        assert!(matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)), "{ended:?}");
        if !answer.is_empty() {
            let reply = parse(&answer).unwrap();
            assert_eq!(reply.status, 431, "{reply:?}");
            described::hold(&server.address, "GET", "/healthz", &reply);
            answered += 1;
        }
    }
    assert!(answered > 0, "no client was told that its head is too long");
    let each = server.memory_kib("VmRSS").saturating_sub(before) / CLIENTS;
    assert!(each < 256, "{each} KiB for each head that is too long");
    assert_eq!(server.get("/healthz").status, 200);
}

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
    let grown = server.memory_kib("VmHWM") - before;
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
    let grown = server.memory_kib("VmHWM") - before;
    assert!(grown < 2 * BUDGET_KIB, "{grown} KiB");
    // What is no image has its own part of the budget.
    assert_eq!(server.get("/tiles/one/11/1_1.jpg").status, 200);
    drop(held);
    wait_until("what was not taken is still held", nothing_is_held);
    assert!(server.get(image).body == whole.body);
}

/// Of 4 kB on the disk, as a stranger may send them.
#[test]
fn bundles_that_claim_gigabytes_are_refused_and_the_server_goes_on() {
    const MOST_KIB: u64 = 512 << 10;
    let (small, root) = (Small::new(), tempfile::tempdir().unwrap());
    let good = fs::read(&small.bundle).unwrap();
    fs::write(root.path().join("good.bundle"), &good).unwrap();
    let claims = write_sparse(root.path(), &good);
    let server = Running::start(root.path(), &[]);
    for (name, says) in claims {
        let slide = name.trim_end_matches(".bundle");
        for path in [format!("/tiles/{slide}/8/1_1.jpg"), format!("/dzi/{slide}.dzi")] {
            assert_eq!(server.get(&path).status, 500, "{path}");
        }
        let skipped = api(&server, "/api/slides")["skipped"].clone();
        let of = |one: &&serde_json::Value| one["path"] == name;
        let reason = skipped.as_array().unwrap().iter().find(of).unwrap()["reason"].to_string();
        assert!(reason.contains(says), "{name}: {reason}");
    }
    assert_eq!(names(&server), ["good"]);
    assert_eq!(server.get("/tiles/good/8/1_1.jpg").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    let peak = server.memory_kib("VmHWM");
    assert!(peak < MOST_KIB, "{peak} KiB");
    let (code, log) = server.terminate();
    assert!(code == Some(0) && !log.contains("panicked"), "{log}");
}

#[test]
fn many_slides_take_no_more_files_than_there_may_be() {
    const SLIDES: usize = 1500;
    let (small, root) = (Small::new(), tempfile::tempdir().unwrap());
    for n in 0..SLIDES {
        fs::copy(&small.bundle, root.path().join(format!("{n}.bundle"))).unwrap();
    }
    let mut program = Command::new("sh");
    program.args(["-c", "ulimit -n 1024 && exec \"$0\" \"$@\"", PROGRAM]);
    let server = Running::of(&mut program, root.path(), &[]);
    let described = |list: &serde_json::Value| {
        let slides = list["slides"].as_array().unwrap();
        (slides.len(), slides.iter().filter(|slide| slide["width"] == 150).count())
    };
    wait_until("slides are not described", || described(&api(&server, "/api/slides")) == (SLIDES, SLIDES));
    assert!(api(&server, "/api/slides")["skipped"].as_array().unwrap().is_empty());
    assert!(server.open_files() < 300, "{} files are open", server.open_files());
    let (tile, want) = ("8/1_1.jpg", server.get("/tiles/0/8/1_1.jpg").body);
    for n in [1, 700, 1499, 1] {
        let reply = server.get(&format!("/tiles/{n}/{tile}"));
        assert!(reply.status == 200 && reply.body == want, "{n}: {}", reply.status);
    }
    // One that was closed may have been replaced by then.
    fs::write(root.path().join("3.bundle"), "nothing").unwrap();
    fs::remove_file(root.path().join("4.bundle")).unwrap();
    wait_until("a slide that is gone is served", || server.get("/tiles/4/8/1_1.jpg").status == 404);
    assert_eq!(server.get("/tiles/3/8/1_1.jpg").status, 500);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn links_lead_out_of_the_root_only_where_that_is_allowed() {
    use std::os::unix::fs::symlink;
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (here, there) = (|name: &str| root.path().join(name), |name: &str| other.path().join(name));
    let small = Small::new();
    fs::create_dir(here("real")).unwrap();
    fs::copy(&small.bundle, here("real/a.bundle")).unwrap();
    fs::copy(&small.bundle, there("b.bundle")).unwrap();
    tree(&there("tree"), 150, 130, 32, 1);
    tree(&here("own"), 150, 130, 32, 1);
    fs::create_dir_all(there("case/residual_packs")).unwrap();
    fs::copy(&small.bundle, there("case/residual_packs/residuals.bundle")).unwrap();
    fs::create_dir_all(here("half")).unwrap();
    for (target, name) in [
        (here("real/a.bundle"), "inside.bundle"),
        (there("b.bundle"), "outside.bundle"),
        (there("tree"), "linked"),
        (there("case/residual_packs"), "half/residual_packs"),
    ] {
        symlink(target, here(name)).unwrap();
    }
    // One tile of a tree that is otherwise its own.
    let tile = here("own/baseline_pyramid_files/8/0_0.jpg");
    fs::remove_file(&tile).unwrap();
    symlink(there("tree/baseline_pyramid_files/8/0_0.jpg"), &tile).unwrap();
    let server = Running::start(root.path(), &[]);
    assert_eq!(names(&server), ["inside", "own", "real/a"]);
    let skipped = api(&server, "/api/slides")["skipped"].to_string();
    for name in ["outside.bundle", "linked", "half"] {
        assert!(skipped.contains(name), "{name}: {skipped}");
    }
    assert_eq!(skipped.matches("symbolic link").count(), 3, "{skipped}");
    assert!(!skipped.contains(other.path().to_str().unwrap()), "{skipped}");
    assert_eq!(server.get("/tiles/own/8/1_0.jpg").status, 200);
    assert_eq!(server.get("/tiles/own/8/0_0.jpg").status, 500);
    let server = Running::start(root.path(), &["--follow-links"]);
    assert_eq!(names(&server), ["half", "inside", "linked", "outside", "own", "real/a"]);
    assert_eq!(server.get("/tiles/own/8/0_0.jpg").status, 200);
    // The root itself may be a link.
    symlink(root.path(), there("root")).unwrap();
    assert_eq!(names(&Running::start(&there("root"), &[])), ["inside", "own", "real/a"]);
}

#[test]
fn no_slide_is_called_as_a_signature_for_all() {
    let (small, root) = (Small::new(), tempfile::tempdir().unwrap());
    fs::copy(&small.bundle, root.path().join("*.bundle")).unwrap();
    fs::create_dir(root.path().join("in")).unwrap();
    fs::copy(&small.bundle, root.path().join("in/*.bundle")).unwrap();
    let server = Running::start(root.path(), &[]);
    assert_eq!(names(&server), ["in/*"]);
    let skipped = api(&server, "/api/slides")["skipped"].clone();
    assert_eq!(skipped[0]["path"], "*.bundle");
    assert!(skipped[0]["reason"].as_str().unwrap().contains("rename it"), "{skipped}");
    assert_eq!(server.get("/tiles/*/8/1_1.jpg").status, 404);
}

#[test]
fn a_damaged_slide_has_one_line_in_the_log_whatever_is_asked_of_it() {
    let root = tempfile::tempdir().unwrap();
    let dzi = tree(&root.path().join("one"), 150, 130, 32, 3);
    let files = dzi.with_file_name("baseline_pyramid_files");
    for tile in ["0_0", "1_0", "2_0", "3_0"] {
        fs::write(files.join(format!("8/{tile}.jpg")), "no picture").unwrap();
    }
    let server = Running::start(root.path(), &[]);
    for n in 0..20 {
        assert_eq!(server.get(&format!("/tiles/one/8/{}_0.jpg", n % 4)).status, 500);
    }
    let (code, log) = server.terminate();
    assert_eq!((code, log.matches("ERROR").count()), (Some(0), 1), "{log}");
}

#[test]
fn a_tile_that_a_tree_lacks_is_not_found() {
    let root = tempfile::tempdir().unwrap();
    let dzi = tree(&root.path().join("one"), 150, 130, 32, 3);
    let tile = |name: &str| dzi.with_file_name("baseline_pyramid_files").join(name);
    fs::remove_file(tile("8/1_1.jpg")).unwrap();
    let server = Running::start(root.path(), &[]);
    for path in ["/tiles/one/8/1_1.jpg", "/original/one_files/8/1_1.jpg", "/tiles/one/8/9_9.jpg"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.get("/tiles/one/8/1_2.jpg").status, 200);
    let (code, log) = server.terminate();
    assert!(code == Some(0) && !log.contains("ERROR"), "{log}");
}

/// Of whatever file: its bytes are what tells.
#[test]
fn a_tile_that_is_overwritten_in_place_is_never_sent_old() {
    let root = tempfile::tempdir().unwrap();
    let dzi = tree(&root.path().join("one"), 150, 130, 32, 3);
    let file = dzi.with_file_name("baseline_pyramid_files").join("8/1_1.jpg");
    let versions = [1, 2].map(|x| fs::read(file.with_file_name(format!("{x}_2.jpg"))).unwrap());
    let longest = versions.iter().map(Vec::len).max().unwrap();
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let overwrite = |with: &[u8]| {
        // The same inode, length and time.
        let mut bytes = with.to_vec();
        bytes.resize(longest, 0);
        let mut open = fs::OpenOptions::new().write(true).truncate(true).open(&file).unwrap();
        open.write_all(&bytes).unwrap();
        open.set_modified(modified).unwrap();
    };
    let read =
        |server: &Running, path: &str, tag: &str| server.request("GET", path, &[("If-None-Match", tag)]);
    for flags in [&[][..], &["--grayscale-only"], &["--output-format", "webp"]] {
        let server = Running::start(root.path(), flags);
        let paths = ["/tiles/one/8/1_1.jpg", "/dzi/one_files/8/1_1.jpg", "/original/one_files/8/1_1.jpg"];
        for path in paths {
            let mut seen = Vec::new();
            for round in 0..6 {
                overwrite(&versions[round % 2]);
                let tag = seen.last().map_or(String::new(), |(tag, _): &(String, Vec<u8>)| tag.clone());
                let reply = read(&server, path, &tag);
                assert_eq!(reply.status, 200, "{path} in round {round}");
                let tag = reply.header("etag").to_string();
                assert_eq!(read(&server, path, &tag).status, 304);
                seen.push((tag, reply.body));
            }
            for round in 2..6 {
                assert!(seen[round] == seen[round - 2] && seen[round] != seen[round - 1], "{path}");
            }
        }
        if flags.contains(&"webp") {
            continue;
        }
        // Images that are made of it.
        for path in ["/iiif/3/one/32,32,32,32/max/0/default.png", "/thumbnails/one?width=150"] {
            let bodies: Vec<_> = (0..4)
                .map(|round| {
                    overwrite(&versions[round % 2]);
                    read(&server, path, "\"none\"")
                })
                .collect();
            assert!(bodies[0].body != bodies[1].body && bodies[0].body == bodies[2].body, "{path}");
            let (old, new) = (bodies[2].header("etag"), bodies[3].header("etag"));
            assert_eq!(
                (read(&server, path, old).status, read(&server, path, new).status),
                (200, 304),
                "{path}"
            );
        }
    }
}
