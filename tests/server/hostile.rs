//! Clients that mean harm, or are broken: what they make the server hold is bounded, and what they ask for wrongly is refused.

mod unread;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::described;
use crate::folders::{api, names};
use crate::kit::forge::write_sparse;
use crate::kit::program::PROGRAM;
use crate::kit::slides::{Small, tree};
use crate::running::{Reply, Running, parse, wait_until};

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
