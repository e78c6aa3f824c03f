//! The cache on disk, through the built server: what it keeps over an end, and that no end gives a wrong tile.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::kit::program::{arg, decoded, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Running, try_request, wait_until};
use origami::params::EncodeParams;

/// Tiles by address below `/tiles/{slide}/`.
type Tiles = HashMap<String, Vec<u8>>;

/// A root with `copies` of one slide as bundles, and what every tile of it must be.
fn root(copies: usize, params: &EncodeParams) -> (tempfile::TempDir, Tiles) {
    let root = tempfile::tempdir().unwrap();
    let work = tempfile::tempdir().unwrap();
    let dzi = tree(work.path(), 700, 650, 64, 3);
    let bundle = encode_tree(&dzi, work.path(), params);
    for n in 0..copies {
        fs::copy(&bundle, root.path().join(format!("s{n}.bundle"))).unwrap();
    }
    let tiles: Tiles = decoded(&bundle, &[]).into_iter().collect();
    assert!(tiles.len() > 100);
    (root, tiles)
}

/// A server whose memory holds next to nothing, so that the disk is asked.
fn start(root: &Path, cache: &Path) -> Running {
    Running::start(root, &["--cache-dir", arg(cache), "--cache-dir-mb", "4", "--cache-entries", "4"])
}

fn compare_all(server: &Running, copies: usize, tiles: &Tiles) {
    for n in 0..copies {
        for (tile, want) in tiles {
            let reply = server.get(&format!("/tiles/s{n}/{tile}"));
            assert_eq!(reply.status, 200);
            assert!(&reply.body == want, "s{n}/{tile} is not what decode writes");
        }
    }
}

/// Waits until the tiles of L0 and L1 are in the cache on disk: no request waits for them to be written.
fn all_are_written(server: &Running, tiles: &Tiles) {
    let count = tiles.keys().filter(|tile| tile.starts_with("10/") || tile.starts_with("9/")).count();
    let written = || server.figure("origami_warm_writes_total{result=\"written\"}");
    wait_until("not all tiles are written", || written() >= count as f64);
}

fn outcome(server: &Running, outcome: &str) -> f64 {
    ["L0", "L1"]
        .map(|level| {
            server.figure(&format!("origami_tiles_total{{level=\"{level}\",outcome=\"{outcome}\"}}"))
        })
        .iter()
        .sum()
}

#[test]
fn tiles_outlive_an_orderly_end() {
    let (root, tiles) = root(1, &EncodeParams::default());
    let cache = tempfile::tempdir().unwrap();
    let server = start(root.path(), cache.path());
    compare_all(&server, 1, &tiles);
    all_are_written(&server, &tiles);
    let made = server.figure("origami_families_reconstructed_total");
    assert!(made >= 9.0, "{made}");
    let written = server.figure("origami_warm_writes_total{result=\"written\"}");
    assert!(written >= 100.0, "{written}");
    assert_eq!(server.terminate().0, Some(0));

    let server = start(root.path(), cache.path());
    compare_all(&server, 1, &tiles);
    assert_eq!(server.figure("origami_families_reconstructed_total"), 0.0);
    assert!(outcome(&server, "warm") > 100.0 && outcome(&server, "cold") == 0.0);
    assert!(server.figure("origami_warm_reads_total{result=\"hit\"}") > 100.0);
    assert!(server.figure("origami_warm_bytes") > 10_000.0 && server.figure("origami_warm_files") >= 1.0);
}

/// The rest of a family is still being made when the server ends, by a thread that then lets go of the cache.
#[test]
fn an_end_in_the_middle_of_a_family_is_orderly() {
    let (root, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dzi = tree(work.path(), 1024, 1024, 256, 3);
    fs::copy(encode_tree(&dzi, work.path(), &EncodeParams::default()), root.path().join("s0.bundle"))
        .unwrap();
    for turn in 0..12 {
        let cache = tempfile::tempdir().unwrap();
        let server = start(root.path(), cache.path());
        assert_eq!(server.get("/tiles/s0/10/1_2.jpg").status, 200);
        let (code, log) = server.terminate();
        assert_eq!(code, Some(0), "turn {turn}: {log}");
    }
}

/// Killed again and again while it writes; files of a mebibyte and a bound of four, so that files come and go all the time.
#[test]
fn a_server_that_is_killed_while_it_writes_never_shows_a_wrong_tile() {
    const COPIES: usize = 12;
    let (root, tiles) = root(COPIES, &EncodeParams::default());
    let (cache, tiles) = (tempfile::tempdir().unwrap(), Arc::new(tiles));
    let (mut warm, mut sent) = (0.0, 0);
    for round in 0..12_u64 {
        let server = start(root.path(), cache.path());
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..6_usize)
            .map(|client| {
                let (stop, count, tiles) = (stop.clone(), count.clone(), tiles.clone());
                let address = server.address.clone();
                std::thread::spawn(move || {
                    let all: Vec<_> = tiles.iter().collect();
                    let mut at = client * 7919 + round as usize * 104_729;
                    while !stop.load(Relaxed) {
                        at += 4_999;
                        let (&(tile, want), slide) = (&all[at % all.len()], at / 31 % COPIES);
                        // None where the server has been killed meanwhile.
                        let Some(reply) = try_request(&address, &format!("/tiles/s{slide}/{tile}")) else {
                            break;
                        };
                        assert_eq!(reply.status, 200);
                        assert!(&reply.body == want, "round {round}: s{slide}/{tile}");
                        count.fetch_add(1, Relaxed);
                    }
                })
            })
            .collect();
        // By what it has done, not by the clock: in the middle of more and more.
        while count.load(Relaxed) < 150 + 40 * round as usize {
            std::thread::sleep(Duration::from_millis(2));
        }
        warm += outcome(&server, "warm");
        // SIGKILL.
        drop(server);
        stop.store(true, Relaxed);
        clients.into_iter().for_each(|client| client.join().unwrap());
        sent += count.load(Relaxed);
    }
    assert!(warm > 0.0, "of {sent} tiles none came from disk");
    let server = start(root.path(), cache.path());
    compare_all(&server, COPIES, &tiles);
    assert_eq!(server.figure("origami_warm_reads_total{result=\"damaged\"}"), 0.0);
}

#[test]
fn a_slide_that_is_encoded_again_shows_no_old_tile() {
    let (before, old) = root(1, &EncodeParams::default());
    let cache = tempfile::tempdir().unwrap();
    let server = start(before.path(), cache.path());
    compare_all(&server, 1, &old);
    assert_eq!(server.terminate().0, Some(0));
    let params = EncodeParams { residual_quality: 20, ..EncodeParams::default() };
    let (after, new) = root(1, &params);
    assert!(old != new);
    let server = start(after.path(), cache.path());
    compare_all(&server, 1, &new);
    // What was kept is not what this slide is made of.
    assert!(server.figure("origami_families_reconstructed_total") >= 9.0);
    drop(server);
    // Nor does a server that codes tiles in another way.
    let flags = ["--cache-dir", arg(cache.path()), "--tile-quality", "50"];
    let server = Running::start(before.path(), &flags);
    let tile = "10/3_2.jpg";
    assert!(server.get(&format!("/tiles/s0/{tile}")).body != old[tile]);
}

#[test]
fn a_damaged_cache_is_set_aside_and_the_server_starts() {
    let (root, tiles) = root(1, &EncodeParams::default());
    let cache = tempfile::tempdir().unwrap();
    let server = start(root.path(), cache.path());
    compare_all(&server, 1, &tiles);
    assert_eq!(server.terminate().0, Some(0));
    for entry in fs::read_dir(cache.path().join("tiles")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("MANIFEST")) {
            fs::write(path, "nonsense").unwrap();
        }
    }
    let server = start(root.path(), cache.path());
    compare_all(&server, 1, &tiles);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(log.contains("damaged") && log.contains("begun anew"), "{log}");
    assert!(cache.path().join("tiles.damaged").is_dir());
}

#[test]
fn two_servers_do_not_share_a_cache() {
    let (root, _) = root(1, &EncodeParams::default());
    let cache = tempfile::tempdir().unwrap();
    let _first = start(root.path(), cache.path());
    let args = ["serve", "--port", "0", "--slides-root", arg(root.path()), "--cache-dir", arg(cache.path())];
    origami(&args).fails(&["another server", "--cache-dir"]);
}

#[test]
fn a_lock_that_is_not_its_own_is_not_touched() {
    let (root, _) = root(1, &EncodeParams::default());
    let (cache, other) = (tempfile::tempdir().unwrap(), root.path().join("notes.txt"));
    let lock = cache.path().join("lock");
    fs::write(&other, "theirs").unwrap();
    let refused = || {
        let args = ["serve", "--port", "0", "--slides-root", arg(root.path()), "--cache-dir"];
        origami(&[&args[..], &[arg(cache.path())]].concat())
            .fails(&["a link, a pipe or a device", "remove it"]);
    };
    std::os::unix::fs::symlink(&other, &lock).unwrap();
    refused();
    assert_eq!(fs::read(&other).unwrap(), b"theirs");
    fs::remove_file(&lock).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&lock).status().unwrap().success());
    refused();
    fs::remove_file(&lock).unwrap();
    assert_eq!(start(root.path(), cache.path()).get("/readyz").status, 200);
}

/// What lies on disk is not made again ahead of a viewer that moves.
#[test]
fn nothing_is_made_ahead_that_is_on_disk() {
    let (root, tiles) = root(1, &EncodeParams::default());
    let cache = tempfile::tempdir().unwrap();
    let server = start(root.path(), cache.path());
    compare_all(&server, 1, &tiles);
    all_are_written(&server, &tiles);
    assert_eq!(server.terminate().0, Some(0));
    let server = start(root.path(), cache.path());
    for x in 0..3 {
        assert_eq!(server.get(&format!("/tiles/s0/10/{}_1.jpg", 4 * x)).status, 200);
        // Longer than the requests of one view lie apart.
        std::thread::sleep(Duration::from_millis(200));
    }
    let figure = |name| server.figure(name);
    assert_eq!(
        (figure("origami_prefetched_total"), figure("origami_families_reconstructed_total")),
        (0.0, 0.0)
    );
}
