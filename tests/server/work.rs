//! The work of the built server: how much at a time, what it makes ahead, and on which device.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::kit::program::decoded;
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Running, request, wait_until};
use origami::codec::EncoderKind;
use origami::image::geometry::Geometry;
use origami::params::EncodeParams;

/// A root with the bundle `one`: 1300 x 520 in tiles of 64, six by three families.
fn root() -> tempfile::TempDir {
    let (root, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dzi = tree(work.path(), 1300, 520, 64, 9);
    let bundle = encode_tree(&dzi, work.path(), &EncodeParams::default());
    std::fs::copy(bundle, root.path().join("one.bundle")).unwrap();
    root
}

/// A tile of L0, by family and place in it.
fn l0(family: (u32, u32), x: u32, y: u32) -> String {
    format!("/tiles/one/11/{}_{}.jpg", 4 * family.0 + x, 4 * family.1 + y)
}

fn families(server: &Running) -> f64 {
    server.figure("origami_families_reconstructed_total")
}

/// Longer than the requests of one view lie apart.
const NEXT_VIEW: Duration = Duration::from_millis(200);

#[test]
fn the_next_family_is_made_ahead_of_a_viewer_that_moves() {
    let root = root();
    let server = Running::start(root.path(), &[]);
    for x in 0..2 {
        assert_eq!(server.get(&l0((x, 1), 1, 1)).status, 200);
        wait_until("the family is not finished", || families(&server) >= f64::from(x + 1));
        std::thread::sleep(NEXT_VIEW);
    }
    wait_until("nothing is made ahead", || families(&server) == 3.0);
    assert_eq!(server.figure("origami_prefetched_total"), 1.0);
    let hot = || server.figure("origami_tiles_total{level=\"L0\",outcome=\"hot\"}");
    let before = hot();
    assert_eq!(server.get(&l0((2, 1), 3, 2)).status, 200);
    assert_eq!(hot(), before + 1.0, "it was there before it was asked for");

    // Nothing is made ahead beyond the edge of the slide, nor for a viewer that stays where it is.
    let server = Running::start(root.path(), &[]);
    for family in [(1, 0), (0, 0), (0, 0)] {
        assert_eq!(server.get(&l0(family, 0, 3)).status, 200);
        std::thread::sleep(NEXT_VIEW);
    }
    wait_until("two families", || families(&server) == 2.0);
    assert_eq!(server.figure("origami_prefetched_total"), 0.0);

    let server = Running::start(root.path(), &["--no-prefetch"]);
    for x in 0..4 {
        assert_eq!(server.get(&l0((x, 1), 1, 1)).status, 200);
        wait_until("the family is not finished", || families(&server) >= f64::from(x + 1));
        std::thread::sleep(NEXT_VIEW);
    }
    assert_eq!((families(&server), server.figure("origami_prefetched_total")), (4.0, 0.0));
}

/// Of a family whose residual is coded in stripes the first tile is made of its own, before the others are decoded.
#[test]
fn every_tile_of_l0_that_is_the_first_of_its_family_is_the_tile_that_decode_writes() {
    let chroma = EncodeParams { chroma_residual_quality: Some(60), ..EncodeParams::default() };
    let of =
        |params: &EncodeParams, encoder| EncodeParams { residual_encoder: Some(encoder), ..params.clone() };
    for params in [
        EncodeParams::default(),
        of(&chroma, EncoderKind::Turbojpeg),
        of(&chroma, EncoderKind::Trellis),
        of(&EncodeParams::default(), EncoderKind::Jpegli),
    ] {
        if !params.residual_encoder().is_built() {
            println!("SKIPPED: {} is not built", params.residual_encoder().name());
            continue;
        }
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("one");
        let bundle = encode_tree(&tree(&dir, 300, 280, 64, 3), &dir, &params);
        for (serve, decode) in [
            (&[][..], &[][..]),
            (&["--tile-subsamp", "444"], &["--tile-subsamp", "444"]),
            (&["--output-format", "webp"], &["--output-format", "webp"]),
        ] {
            let tiles = decoded(&bundle, decode);
            let geometry = Geometry::new(300, 280, 64).unwrap();
            // One tile of every stripe, each from a server that has made nothing yet.
            for nth in [0, 5, 10, 15] {
                let server = Running::start(root.path(), &[&["--no-prefetch"], serve].concat());
                let families: Vec<_> = geometry.all_families().collect();
                for &id in &families {
                    let of_family: Vec<_> = geometry.family_tiles(id, 0).collect();
                    let tile = of_family[nth % of_family.len()];
                    let name = format!("{}/{}_{}.", tile.level, tile.x, tile.y);
                    let (path, want) = tiles.iter().find(|(path, _)| path.starts_with(&name)).unwrap();
                    let reply = server.get(&format!("/tiles/one/{path}"));
                    assert_eq!(reply.status, 200, "{path}");
                    assert!(reply.body == *want, "{params:?} {serve:?}: {path} is not what decode writes");
                }
                let cold = server.figure("origami_tiles_total{level=\"L0\",outcome=\"cold\"}");
                assert_eq!(cold as usize, families.len(), "each was the first of its family");
                // The rest of the families.
                for (path, want) in
                    tiles.iter().filter(|(path, _)| path.starts_with("9/") || path.starts_with("8/"))
                {
                    assert!(
                        server.get(&format!("/tiles/one/{path}")).body == *want,
                        "{params:?} {serve:?}: {path}"
                    );
                }
            }
        }
    }
}

/// A cache that is full of tiles that were asked for often still takes what has not been asked for yet.
#[test]
fn the_rest_of_a_family_is_there_although_the_cache_is_full() {
    let root = root();
    let server = Running::start(root.path(), &["--cache-entries", "100", "--no-prefetch"]);
    let often: Vec<_> = (0..4).flat_map(|x| (0..16).map(move |i| l0((x, 0), i % 4, i / 4))).collect();
    for _ in 0..6 {
        for path in &often {
            assert_eq!(server.get(path).status, 200);
        }
    }
    for family in [(0, 1), (1, 1), (2, 1)] {
        let before = families(&server);
        for i in 0..16 {
            assert_eq!(server.get(&l0(family, i % 4, i / 4)).status, 200);
            wait_until("the family is not finished", || server.figure("origami_families_in_flight") == 0.0);
        }
        assert_eq!(families(&server), before + 1.0, "{family:?}");
    }
}

#[test]
fn an_l2_tile_makes_its_family_ahead_where_that_is_asked_for() {
    let root = root();
    let server = Running::start(root.path(), &["--prewarm-on-l2"]);
    assert_eq!(server.get("/tiles/one/9/3_1.jpg").status, 200);
    wait_until("nothing is made ahead", || families(&server) == 1.0);
    assert_eq!(server.get(&l0((3, 1), 0, 0)).status, 200);
    assert_eq!(server.figure("origami_tiles_total{level=\"L0\",outcome=\"hot\"}"), 1.0);
    let server = Running::start(root.path(), &[]);
    assert_eq!(server.get("/tiles/one/9/3_1.jpg").status, 200);
    assert_eq!(server.get(&l0((3, 1), 0, 0)).status, 200);
    assert_eq!(server.figure("origami_tiles_total{level=\"L0\",outcome=\"cold\"}"), 1.0);
}

#[test]
fn who_is_too_many_is_told_when_to_come_again() {
    let root = root();
    let flags =
        ["--max-inflight-families", "1", "--queue-timeout-ms", "0", "--rayon-threads", "1", "--no-prefetch"];
    // Whether two requests meet is not for a test to say: again until some do.
    for round in 0.. {
        assert!(round < 50, "18 clients at once never met");
        let server = Running::start(root.path(), &flags);
        let gate = Arc::new(Barrier::new(18));
        let clients: Vec<_> = (0..18)
            .map(|i| {
                let (gate, address) = (gate.clone(), server.address.clone());
                std::thread::spawn(move || {
                    gate.wait();
                    request(&address, "GET", &l0((i % 6, i / 6), 0, 0), &[])
                })
            })
            .collect();
        let replies: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 200).collect();
        for reply in &refused {
            assert_eq!((reply.status, reply.header("retry-after")), (503, "1"), "{reply:?}");
            assert!(reply.text().contains("error") && reply.header("cache-control") == "no-store");
        }
        assert!(refused.len() < 18);
        assert_eq!(server.figure("origami_families_refused_total"), refused.len() as f64);
        if !refused.is_empty() {
            // And then it is served.
            for i in 0..18 {
                wait_until("it is never served", || server.get(&l0((i % 6, i / 6), 0, 0)).status == 200);
            }
            return;
        }
    }
}

/// Every tile from a GPU, first and cached, is the tile of the CPU's `decode`.
#[cfg(feature = "gpu")]
#[test]
fn a_tile_from_a_gpu_is_the_tile_from_the_cpu() {
    let Some(adapter) = crate::kit::gpu::adapter("a_tile_from_a_gpu_is_the_tile_from_the_cpu") else {
        return;
    };
    let root = root();
    for (serve, decode) in [(&[][..], &[][..]), (&["--tile-subsamp", "444"], &["--tile-subsamp", "444"])] {
        let want = decoded(&root.path().join("one.bundle"), &[&["--backend", "cpu"], decode].concat());
        for mode in ["gpu", "hybrid"] {
            let mut flags = vec!["--backend", mode, "--gpu-adapter", &adapter];
            flags.extend(serve);
            let server = Running::start(root.path(), &flags);
            for (tile, want) in want.iter().chain(&want) {
                let reply = server.get(&format!("/tiles/one/{tile}"));
                assert!(reply.status == 200 && &reply.body == want, "{mode}, {serve:?}: {tile}");
            }
            assert!(mode == "hybrid" || server.figure("origami_gpu_batches_total") > 0.0);
            assert_eq!(server.figure("origami_gpu_failures_total"), 0.0);
        }
    }
}
