//! Seeded mutations of descriptors, tiles and archives, in process: any result will do, a panic will not.
//!
//! `ORIGAMI_FUZZ_SECS` sets how long each test goes on (default 2) and `ORIGAMI_FUZZ_SEED` where it begins.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::kit::forge::{Forge, seal};
use crate::kit::image::Image;
use crate::kit::rng::Rng;
use crate::kit::slides::Small;
use origami::archive::Archive;
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::codec::decode_png;
use origami::kernels::taps::Filter;
use origami::params::EncodeParams;
use origami::pyramid::tree::{Missing, Tree};
use origami::residual::FamilyDecoder;
use origami::verify::verify;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Calls `once` with a new generator until time is up; a panic names the seed.
fn for_a_while(name: &str, mut once: impl FnMut(&mut Rng)) {
    let end = Instant::now() + Duration::from_secs(number("ORIGAMI_FUZZ_SECS", 2));
    let first = number("ORIGAMI_FUZZ_SEED", 1);
    let mut seed = first;
    while Instant::now() < end {
        let result = catch_unwind(AssertUnwindSafe(|| once(&mut Rng(seed))));
        assert!(result.is_ok(), "{name}: panic with ORIGAMI_FUZZ_SEED={seed}");
        seed += 1;
    }
    println!("{name}: {} mutations, no panic", seed - first);
}

/// One to four edits: bytes set, runs removed, doubled or zeroed, numbers at the extremes.
fn mutate(bytes: &mut Vec<u8>, random: &mut Rng) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(16)).min(bytes.len());
        match random.below(7) {
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            4 => bytes[at..end].fill(if random.below(2) == 0 { 0 } else { 0xff }),
            5 => bytes.truncate(at),
            _ => bytes[at] = b"0123456789<>\"/&; "[random.below(17)],
        }
    }
}

/// Opens the tree and reads everything that encode reads.
fn read_all(dzi: &Path, missing: Missing) {
    let Ok(tree) = Tree::open(dzi, missing) else { return };
    let geometry = *tree.geometry();
    if geometry.family_count() > 64 || geometry.stored_tile_count() > 256 || geometry.tile() > 256 {
        return;
    }
    for id in geometry.all_families() {
        drop(tree.family(id, Filter::Lanczos3));
    }
    for id in geometry.stored_tiles() {
        drop(tree.stored_tile(id, &EncodeParams::default()));
        drop(tree.tile_pixels(id));
    }
}

#[test]
fn mutated_descriptors_and_sidecars_do_no_harm() {
    let s = Small::new();
    let files = [s.dzi.clone(), s.dzi.with_extension("json")];
    let good = files.each_ref().map(|file| fs::read(file).unwrap());
    for_a_while("descriptors", |random| {
        let which = random.below(4) / 3;
        let mut bytes = good[which].clone();
        mutate(&mut bytes, random);
        fs::write(&files[which], bytes).unwrap();
        read_all(&s.dzi, if random.below(2) == 0 { Missing::Refuse } else { Missing::Background });
        fs::write(&files[which], &good[which]).unwrap();
    });
}

#[test]
fn mutated_tiles_do_no_harm() {
    let s = Small::new();
    let files: Vec<_> = ["8/0_0", "8/4_4", "8/2_1", "5/0_0", "0/0_0"]
        .map(|name| s.dzi.with_file_name("baseline_pyramid_files").join(format!("{name}.jpg")))
        .into();
    let good: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let png = Image::cells(32, 32, 1).png();
    for_a_while("tiles", |random| {
        let which = random.below(files.len());
        let mut bytes = good[which].clone();
        mutate(&mut bytes, random);
        fs::write(&files[which], bytes).unwrap();
        read_all(&s.dzi, Missing::Refuse);
        fs::write(&files[which], &good[which]).unwrap();
        let mut bytes = png.clone();
        mutate(&mut bytes, random);
        drop(decode_png(&bytes, 1024));
    });
}

#[test]
fn mutated_archives_do_no_harm() {
    let s = Small::new();
    let bundle = fs::read(&s.bundle).unwrap();
    let scheduler = Scheduler::new(1).unwrap();
    let directory_end = bundle.len().min(1400);
    for_a_while("archives", |random| {
        let bytes = match random.below(3) {
            // The directory, sealed again.
            0 => {
                let mut start = bundle[..directory_end].to_vec();
                let at = 16 + random.below(directory_end - 16);
                let mask = 1u8 << random.below(8);
                start[at] ^= mask;
                start.extend(&bundle[directory_end..]);
                seal(start)
            }
            // The JSON.
            1 => {
                let forge = Forge::new(&bundle);
                let mut meta = serde_json::to_vec(&forge.meta).unwrap();
                mutate(&mut meta, random);
                forge.bytes_with_meta(&meta)
            }
            // A payload, a tile or the profile.
            _ => {
                let mut forge = Forge::new(&bundle);
                match random.below(5) {
                    0 => mutate(&mut forge.icc, random),
                    1 => mutate(&mut forge.tiles[0].1, random),
                    n => mutate(&mut forge.families[n - 1].payloads[n % 2].bytes, random),
                }
                forge.bytes()
            }
        };
        let Ok(archive) = Archive::from_store(Path::new("mutated"), Box::new(bytes)) else { return };
        drop(verify(&archive, true, &CpuBackend::new(), &scheduler));
        for entry in archive.families() {
            let Ok(record) = archive.read_family(entry) else { continue };
            drop(
                FamilyDecoder {
                    geometry: archive.geometry(),
                    coding: &archive.meta().coding,
                    id: entry.id,
                    record: &record,
                }
                .decode(),
            );
        }
    });
}
