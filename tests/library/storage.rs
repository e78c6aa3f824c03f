//! Objects at addresses: the bytes of local files, in as few requests as promised, whatever the store does.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use origami::archive::Archive;
use origami::decode::Input;
use origami::error::diagnosis::{Diagnose, FaultKind};
use origami::image::geometry::FamilyId;
use origami::params::EncodeParams;
use origami::pyramid::identity::Identity;
use origami::slide::{OpenOptions, Slide};
use origami::store::remote::{Object, Settings, configure};
use origami::store::{self, Address, Location, ReadAt};

use crate::kit::object_server::{Fault, ObjectServer};
use crate::kit::slides::{encode_tree, tree};

/// A server, and a process that does not wait long for it.
pub fn server() -> ObjectServer {
    configure(Settings {
        scratch_bytes: 1 << 20,
        request_timeout: Duration::from_secs(2),
        retries: 3,
        retry_timeout: Duration::from_secs(4),
        ..Settings::default()
    });
    ObjectServer::start()
}

fn address(text: &str) -> Address {
    match Location::parse(Path::new(text)) {
        Ok(Location::Address(address)) => address,
        other => panic!("{text}: {other:?}"),
    }
}

/// Bytes that tell every place from every other.
fn bytes(count: usize) -> Vec<u8> {
    (0..count as u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(count).collect()
}

fn read(object: &Object, offset: usize, count: usize) -> std::io::Result<Vec<u8>> {
    let mut buf = vec![0; count];
    object.read_exact_at(&mut buf, offset as u64).map(|()| buf)
}

/// A bundle of 600x500 pixels on the local disk.
fn bundle(dir: &Path) -> std::path::PathBuf {
    encode_tree(&tree(&dir.join("tree"), 600, 500, 32, 3), &dir.join("out"), &EncodeParams::default())
}

#[test]
fn a_bundle_opens_in_two_requests_and_a_family_is_one() {
    let (server, dir) = (server(), tempfile::tempdir().unwrap());
    let local = bundle(dir.path());
    let whole = std::fs::read(&local).unwrap();
    let far = server.put("slides/a.bundle", &whole);
    let (here, there) = (Archive::open(&local).unwrap(), Archive::open(Path::new(&far)).unwrap());
    assert!(server.seen().len() <= 2);
    assert_eq!(here.identity(), there.identity());
    for entry in here.families() {
        let record = pollster::block_on(there.load_family(entry)).unwrap();
        assert_eq!(record, here.read_family(entry).unwrap());
        assert!(server.seen().len() <= 1, "family {}", entry.id);
    }
    for entry in here.tiles() {
        assert_eq!(there.read_tile(entry).unwrap(), here.read_tile(entry).unwrap());
    }
    server.seen();
    let again = Archive::open(Path::new(&far)).unwrap();
    again.read_family(&again.families()[0]).unwrap();
    assert!(server.seen().len() <= 1, "blocks of an object of the same version are kept");
}

#[test]
fn what_is_announced_comes_in_a_few_requests() {
    let (server, all) = (server(), bytes(5_000_000));
    let object = Object::open(&address(&server.put("b/neighbours", &all))).unwrap();
    server.seen();
    // Thirty families of 100 kB, side by side, and one far away.
    let ranges: Vec<_> = (0..30u64)
        .map(|n| 200_000 + n * 100_000..300_000 + n * 100_000)
        .chain(std::iter::once(4_900_000..4_950_000))
        .collect();
    drop(object.will_read(&ranges));
    for range in &ranges {
        let (start, end) = (range.start as usize, range.end as usize);
        assert_eq!(read(&object, start, end - start).unwrap(), all[start..end]);
    }
    let seen = server.seen();
    assert!(seen.len() <= 2, "{} requests", seen.len());
    assert!(seen.iter().all(|seen| seen.headers.contains_key("if-match") && seen.range.is_some()));
}

#[test]
fn many_readers_of_one_place_are_one_request() {
    let (server, all) = (server(), bytes(400_000));
    let object = Object::open(&address(&server.put("b/crowd", &all))).unwrap();
    server.seen();
    server.fail([Fault::Slow(Duration::from_millis(100))]);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(read(&object, 150_000, 60_000).unwrap(), all[150_000..210_000]));
        }
    });
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_store_that_fails_for_a_while_gives_the_same_bytes() {
    let faults = [
        vec![Fault::Status(500)],
        vec![Fault::Status(503), Fault::Status(429)],
        vec![Fault::Cut(1000)],
        vec![Fault::Cut(70_000), Fault::Cut(10), Fault::Status(500), Fault::Cut(0)],
        vec![Fault::Slow(Duration::from_millis(300))],
    ];
    for (number, faults) in faults.into_iter().enumerate() {
        let (server, all) = (server(), bytes(700_000));
        server.fail(faults.clone());
        let object = Object::open(&address(&server.put(&format!("b/{number}"), &all)));
        let object = object.unwrap_or_else(|e| panic!("{faults:?}: {e}"));
        server.fail(faults.clone());
        let got = read(&object, 100_001, 500_000).unwrap_or_else(|e| panic!("{faults:?}: {e}"));
        assert_eq!(got, all[100_001..600_001], "{faults:?}");
    }
}

#[test]
fn a_body_that_breaks_off_goes_on_from_the_next_byte() {
    let (server, all) = (server(), bytes(700_000));
    let object = Object::open(&address(&server.put("b/cut", &all))).unwrap();
    server.seen();
    server.fail([Fault::Cut(200_000)]);
    assert_eq!(read(&object, 70_000, 600_000).unwrap(), all[70_000..670_000]);
    let ranges: Vec<_> = server.seen().into_iter().filter_map(|seen| seen.range).collect();
    assert_eq!(ranges.len(), 2);
    assert_eq!(ranges[1], ranges[0].start + 200_000..ranges[0].end);
}

#[test]
fn refusals_that_stay_are_not_repeated_and_name_the_address() {
    for (status, kind, fault) in [
        (404, ErrorKind::NotFound, FaultKind::Failed),
        (403, ErrorKind::PermissionDenied, FaultKind::Failed),
        (400, ErrorKind::Other, FaultKind::Failed),
    ] {
        let server = server();
        let far = server.put("b/x.bundle", &bytes(10));
        server.fail([Fault::Status(status)]);
        let error = Archive::open(Path::new(&far)).err().unwrap();
        assert_eq!(server.seen().len(), 1, "{status}");
        let text = error.to_string();
        assert!(text.contains(&far) && text.contains("check"), "{status}: {text}");
        assert_eq!(error.diagnosis().kind, fault, "{text}");
        server.fail([Fault::Status(status)]);
        assert_eq!(Object::open(&address(&far)).err().unwrap().kind(), kind);
    }
}

#[test]
fn a_store_that_is_gone_is_waited_for_no_longer_than_was_said() {
    let server = server();
    let far = server.put("b/x.bundle", &bytes(10));
    server.fail(vec![Fault::Status(503); 20]);
    let error = Archive::open(Path::new(&far)).err().unwrap();
    assert_eq!(server.seen().len(), 4, "three tries more");
    assert_eq!(error.diagnosis().kind, FaultKind::MayPass, "{error}");
    // Nobody listens on this port.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}/b/x.bundle", listener.local_addr().unwrap());
    drop(listener);
    let error = Archive::open(Path::new(&gone)).err().unwrap();
    assert_eq!(error.diagnosis().kind, FaultKind::MayPass, "{error}");
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[test]
fn a_replaced_object_is_never_mixed_with_the_old_one() {
    let (server, old) = (server(), bytes(700_000));
    let far = server.put("b/replaced", &old);
    let object = Object::open(&address(&far)).unwrap();
    let mut new = old.clone();
    new.reverse();
    server.put("b/replaced", &new);
    let error = read(&object, 100_000, 300_000).unwrap_err();
    assert!(error.to_string().contains("replaced"), "{error}");
    // Also where the change comes between two parts of one body.
    server.put("b/between", &old);
    let object = Object::open(&address(&server.put("b/between", &old))).unwrap();
    server.fail([Fault::Cut(100_000)]);
    let writer = server.clone();
    let replace = std::thread::spawn(move || {
        while writer.seen().iter().all(|seen| seen.range.as_ref().is_none_or(|range| range.start == 0)) {
            std::thread::yield_now();
        }
        writer.put("b/between", &new);
    });
    match read(&object, 70_000, 600_000) {
        Ok(got) => assert_eq!(got, old[70_000..670_000]),
        Err(e) => assert!(e.to_string().contains("replaced"), "{e}"),
    }
    replace.join().unwrap();
    // Opened again, it is the new one.
    assert_eq!(Object::open_again(&address(&far)).unwrap().version().size, 700_000);
    assert_eq!(read(&Object::open_again(&address(&far)).unwrap(), 5, 10).unwrap(), {
        let mut all = old.clone();
        all.reverse();
        all[5..15].to_vec()
    });
}

#[test]
fn a_reply_that_is_not_the_range_is_refused() {
    for fault in [Fault::Whole, Fault::Shifted] {
        let (server, all) = (server(), bytes(300_000));
        let object = Object::open(&address(&server.put("b/range", &all))).unwrap();
        server.fail([fault.clone()]);
        let error = read(&object, 150_000, 10).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidData),
            "{fault:?}: {error}"
        );
        assert_eq!(read(&object, 150_000, 10).unwrap(), all[150_000..150_010], "the fault is not kept");
    }
}

#[test]
fn empty_objects_and_ends_are_as_in_files() {
    let server = server();
    let empty = Object::open(&address(&server.put("b/empty", b""))).unwrap();
    assert_eq!(empty.size().unwrap(), 0);
    assert_eq!(read(&empty, 0, 1).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    let all = bytes(65_537);
    let object = Object::open(&address(&server.put("b/ends", &all))).unwrap();
    assert_eq!(read(&object, 65_530, 7).unwrap(), all[65_530..]);
    assert_eq!(read(&object, 65_530, 8).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(read(&object, usize::MAX, 1).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert!(read(&object, 3, 0).unwrap().is_empty());
    let error = Archive::open(Path::new(&server.put("b/text.bundle", b"no bundle"))).err().unwrap();
    assert_eq!(error.diagnosis().kind, FaultKind::Damaged, "{error}");
}

#[test]
fn a_slide_has_the_identity_that_it_has_on_a_disk() {
    let (server, dir) = (server(), tempfile::tempdir().unwrap());
    for count in [10_000, 9_000_000] {
        let (path, all) = (dir.path().join("slide.tif"), bytes(count));
        std::fs::write(&path, &all).unwrap();
        let far = server.put("b/slide.tif", &all);
        store::forget(Path::new(&far));
        let (here, there) = (Identity::of_file(&path).unwrap(), Identity::of_file(Path::new(&far)).unwrap());
        assert_eq!((here.text, here.bytes), (there.text, there.bytes));
    }
}

#[test]
fn a_slide_of_several_files_is_refused_with_its_size_where_a_copy_would_be_too_large() {
    let server = server();
    let index = b"[Virtual Microscope Specimen]\nImageFile=a.jpg\nMapFile=b.jpg\n";
    let far = server.put("b/large.vms", index);
    server.put("b/a.jpg", &bytes(900_000));
    server.put("b/b.jpg", &bytes(200_000));
    server.seen();
    let error = Slide::open(Path::new(&far), &OpenOptions::default()).unwrap_err().to_string();
    let size = index.len() + 1_100_000;
    assert!(error.contains(&far) && error.contains(&format!("its 3 files have {size} bytes")), "{error}");
    // No more was read than the first block of each.
    let fetched: usize = server.seen().iter().filter_map(|seen| Some(seen.range.as_ref()?.len())).sum();
    assert!(fetched <= 4 * 65_536, "{fetched}");
}

#[test]
fn a_decode_reads_ahead_and_fetches_no_byte_twice() {
    let (server, dir) = (server(), tempfile::tempdir().unwrap());
    let whole = std::fs::read(bundle(dir.path())).unwrap();
    let far = server.put("slides/ahead.bundle", &whole);
    let input = Input::file(Path::new(&far), origami::archive::Kind::Bundle).unwrap();
    let ids: Vec<FamilyId> = input.families();
    input.will_read(&ids);
    for &id in &ids {
        pollster::block_on(input.load(id)).unwrap();
    }
    let ranges: Vec<_> = server.seen().into_iter().filter_map(|seen| seen.range).collect();
    let fetched: usize = ranges.iter().map(|range| range.end.min(whole.len()) - range.start).sum();
    assert!(fetched <= whole.len(), "{fetched} bytes of {}", whole.len());
}
