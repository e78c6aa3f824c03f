//! The server over a store on loopback: the tiles of local files, few requests, 503 while the store is gone.

use std::path::Path;
use std::process::Command;

use crate::kit::files::contents;
use crate::kit::image::Image;
use crate::kit::object_server::ObjectServer;
use crate::kit::program::{arg, decoded, program};
use crate::kit::slides::{encode_tree, tree};
use crate::kit::trees::write_other_tree;
use crate::running::{Running, wait_until};
use origami::archive::{Archive, FamilyEntry};
use origami::image::geometry::FamilyId;
use origami::params::EncodeParams;
use origami::pyramid::tree::Layout;

/// Tiles by address below `/tiles/{slide}/`.
type Tiles = Vec<(String, Vec<u8>)>;

/// A store with the bundles `lab/a.bundle` and `lab/x/residual_packs/residuals.bundle`, what every tile of them must be, and the number
/// of families.
fn store() -> (ObjectServer, Tiles, usize) {
    let (server, work) = (ObjectServer::start(), tempfile::tempdir().unwrap());
    let bundle = encode_tree(&tree(work.path(), 700, 650, 64, 3), work.path(), &EncodeParams::default());
    let bytes = std::fs::read(&bundle).unwrap();
    server.put("b/lab/a.bundle", &bytes);
    server.put("b/lab/x/residual_packs/residuals.bundle", &bytes);
    server.put("b/other/c.bundle", &bytes);
    (server, decoded(&bundle, &[]), Archive::open(&bundle).unwrap().families().len())
}

fn start(store: &ObjectServer, flags: &[&str]) -> Running {
    let mut command: Command = program();
    command.envs(store.environment("planted-secret"));
    Running::of(&mut command, Path::new("s3://b/lab"), &[&["--storage-timeout-ms", "1s"], flags].concat())
}

fn names(server: &Running) -> Vec<String> {
    let listed: serde_json::Value = serde_json::from_slice(&server.get("/api/slides").body).unwrap();
    listed["slides"].as_array().unwrap().iter().map(|slide| slide["name"].as_str().unwrap().into()).collect()
}

#[test]
fn tiles_are_those_of_the_local_file_and_a_family_is_one_request() {
    let (store, tiles, families) = store();
    let server = start(&store, &["--no-prefetch"]);
    assert_eq!(names(&server), ["a", "x"]);
    store.seen();
    for (tile, want) in &tiles {
        let reply = server.get(&format!("/tiles/a/{tile}"));
        assert!(reply.status == 200 && reply.body == *want, "{tile}: {}", reply.status);
    }
    let reads = store.seen().iter().filter(|seen| seen.path.starts_with("b/lab/a.bundle")).count();
    assert!(reads <= families + 2, "{reads} requests for {families} families");
}

#[test]
fn a_store_that_is_gone_is_503_and_comes_back_by_itself() {
    let (store, tiles, _) = store();
    let server = start(&store, &["--no-prefetch"]);
    let (seen, unseen) = (&tiles[0], tiles.iter().rfind(|(tile, _)| tile.ends_with("/10_10.jpg")).unwrap());
    let at = |(tile, _): &(String, Vec<u8>)| format!("/tiles/x/{tile}");
    assert_eq!(server.get(&at(seen)).status, 200);
    store.set_down(true);
    let reply = server.get("/tiles/a/10/10_10.jpg");
    assert!(reply.status == 503 && !reply.header("retry-after").is_empty(), "{reply:?}");
    assert!(!reply.text().contains("b/lab"), "no address: {}", reply.text());
    assert_eq!(server.get(&at(seen)).status, 200, "what is in memory is served");
    wait_until("/readyz stays ready", || server.get("/readyz").status == 503);
    store.set_down(false);
    wait_until("/readyz does not recover", || server.get("/readyz").status == 200);
    wait_until("tiles do not recover", || server.get(&at(unseen)).status == 200);
    let (_, log) = server.terminate();
    assert!(!log.contains("planted-secret") && log.contains("s3://b/lab"), "{log}");
}

#[test]
fn a_server_that_starts_without_its_store_serves_when_it_is_there() {
    let (store, tiles, _) = store();
    store.set_down(true);
    let server = start(&store, &[]);
    let path = format!("/tiles/a/{}", tiles[0].0);
    assert_eq!(server.get(&path).status, 503);
    store.set_down(false);
    wait_until("it does not recover", || server.get(&path).body == tiles[0].1);
}

#[test]
fn a_replaced_bundle_is_served_as_the_new_one() {
    let (store, tiles, _) = store();
    let server = start(&store, &["--no-prefetch"]);
    assert_eq!(server.get(&format!("/tiles/a/{}", tiles[0].0)).status, 200);
    let work = tempfile::tempdir().unwrap();
    let bundle = encode_tree(&tree(work.path(), 700, 650, 64, 4), work.path(), &EncodeParams::default());
    store.put("b/lab/a.bundle", &std::fs::read(&bundle).unwrap());
    let new = decoded(&bundle, &[]);
    wait_until("the old one is served", || {
        let (tile, want) = &new[new.len() - 1];
        let reply = server.get(&format!("/tiles/a/{tile}"));
        assert!(
            reply.status != 200 || reply.body == *want || reply.body == tiles[tiles.len() - 1].1,
            "a mixture"
        );
        reply.status == 200 && reply.body == *want
    });
}

#[test]
fn blocks_on_disk_survive_a_kill() {
    let (store, tiles, _) = store();
    let cache = tempfile::tempdir().unwrap();
    let flags = ["--no-prefetch", "--block-cache-dir", arg(cache.path())];
    let all = |server: &Running| {
        for (tile, want) in &tiles {
            assert!(server.get(&format!("/tiles/a/{tile}")).body == *want, "{tile}");
        }
    };
    let server = start(&store, &flags);
    all(&server);
    // Dropped, it is killed without a chance to tidy up.
    drop(server);
    let server = start(&store, &flags);
    store.seen();
    all(&server);
    let reads = store.seen().iter().filter(|seen| seen.path.starts_with("b/lab/a.bundle")).count();
    assert!(reads <= 1, "{reads} requests after the restart");
}

#[test]
fn a_tile_that_is_waited_for_holds_no_thread_that_computes() {
    let (store, work) = (ObjectServer::start(), tempfile::tempdir().unwrap());
    let params = EncodeParams { originals: true, ..EncodeParams::default() };
    let bundle = encode_tree(&tree(work.path(), 700, 650, 64, 3), &work.path().join("out"), &params);
    let bytes = std::fs::read(&bundle).unwrap();
    store.put("b/lab/a.bundle", &bytes);
    let archive = Archive::open(&bundle).unwrap();
    // The last family of the file, and its last payload; the first family lies far from it.
    let by_offset = |entry: &&FamilyEntry| entry.offset;
    let last = archive.families().iter().max_by_key(by_offset).unwrap();
    let first = archive.families().iter().min_by_key(by_offset).unwrap();
    let head = archive.read_head(last).unwrap();
    let payload = head.iter().max_by_key(|payload| payload.offset).unwrap();
    assert!(payload.offset - first.offset > 200_000, "they share blocks");
    let names = |id: FamilyId| {
        archive.geometry().family_tiles(id, 0).map(|tile| format!("{}/{}_{}.jpg", tile.level, tile.x, tile.y))
    };
    let mut command: Command = program();
    command.envs(store.environment("planted-secret"));
    let server =
        Running::of(&mut command, Path::new("s3://b/lab"), &["--no-prefetch", "--rayon-threads", "1"]);
    store.hold("a.bundle", payload.offset as usize..(payload.offset + u64::from(payload.bytes)) as usize);
    let tiles = decoded(&bundle, &[]);
    let reached = &server;
    std::thread::scope(|scope| {
        let waiting: Vec<_> = names(last.id)
            .map(|tile| scope.spawn(move || reached.get(&format!("/tiles/a/{tile}")).status))
            .collect();
        wait_until("nothing is waited for", || store.held() > 0);
        for tile in names(first.id) {
            let (_, want) = tiles.iter().find(|(name, _)| *name == tile).unwrap();
            assert!(reached.get(&format!("/tiles/a/{tile}")).body == *want, "{tile}");
        }
        store.release();
        for one in waiting {
            assert_eq!(one.join().unwrap(), 200);
        }
    });
}

#[test]
fn trees_are_served_with_their_own_tiles_and_a_change_is_noticed() {
    let (store, work) = (ObjectServer::start(), tempfile::tempdir().unwrap());
    let image = Image::cells(400, 300, 2);
    tree(&work.path().join("deep"), 400, 300, 64, 3);
    write_other_tree(&work.path().join("in/zoomify"), Layout::Zoomify, &image, 64);
    write_other_tree(&work.path().join("in/google"), Layout::Google, &image, 64);
    for (name, bytes) in contents(work.path()) {
        store.put(&format!("b/lab/{name}"), &bytes);
    }
    let (server, local) = (start(&store, &[]), Running::start(work.path(), &[]));
    assert_eq!(names(&server), ["deep", "in/google", "in/zoomify"]);
    assert_eq!(names(&server), names(&local));
    let path = |name: &str, tile: &str| format!("/tiles/{}/{tile}.jpg", name.replace('/', "%2F"));
    for name in names(&server) {
        for tile in ["9/0_0", "9/6_4", "8/1_2", "7/0_0", "3/0_0"] {
            let (far, here) = (server.get(&path(&name, tile)), local.get(&path(&name, tile)));
            assert!(
                far.status == 200 && far.body == here.body,
                "{name} {tile}: {} {}",
                far.status,
                here.status
            );
        }
    }
    let (tile, other) = ("deep/baseline_pyramid_files/9/0_0.jpg", "deep/baseline_pyramid_files/9/1_0.jpg");
    let new = std::fs::read(work.path().join(other)).unwrap();
    store.put(&format!("b/lab/{tile}"), &new);
    wait_until("the change is not seen", || server.get(&path("deep", "9/0_0")).body == new);
}

#[test]
fn a_listing_is_paid_for_by_slides_and_not_by_tiles() {
    let (store, ..) = store();
    let big = |name: &str, level: u32, tiles: u32| {
        store.put(&format!("b/lab/{name}.dzi"), b"<Image/>");
        for tile in 0..tiles {
            store.put(&format!("b/lab/{name}_files/{level}/{tile}_0.jpg"), b"a tile");
        }
    };
    big("trees/big", 14, 20_000);
    big("trees/small", 3, 500);
    // Behind the tiles in the order of keys.
    store.put("b/lab/trees/big_files2/b.bundle", b"");
    store.put("b/lab/trees/raw.svs", b"");
    store.put("b/lab/a.svs", b"");
    store.seen();
    let server = start(&store, &[]);
    let listings = store.seen().iter().filter(|seen| seen.path.contains("list-type=2")).count();
    // 20,000 tiles are 20 pages. Of them come those that are listed and the rest of their page.
    assert!(listings <= 5, "{listings} requests");
    let listed: serde_json::Value = serde_json::from_slice(&server.get("/api/slides").body).unwrap();
    let skipped = listed["skipped"].to_string();
    for name in ["trees/big.dzi", "trees/small.dzi", "trees/big_files2/b.bundle", "trees/raw.svs"] {
        assert!(skipped.contains(name), "{name}: {listed}");
    }
    assert!(skipped.contains("scanned slides at addresses") && !skipped.contains("a.svs"), "{skipped}");
    assert_eq!(names(&server), ["a", "x"]);
}
