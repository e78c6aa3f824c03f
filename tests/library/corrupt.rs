//! Damage: any single byte, any length, anything after the end. `forged.rs` goes on where the checksums hold.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kit::files::nothing_written;
use crate::kit::pipeline::verify_bytes;
use crate::kit::slides::Small;
use origami::archive;
use origami::archive::Kind;
use origami::backend::CpuBackend;
use origami::backend::scheduler::Scheduler;
use origami::decode::{DecodeOptions, Input, decode};
use origami::error::Error;

/// Runs `check_one` on every position, on two threads, each with a worker of its own.
fn everywhere(positions: usize, check_one: impl Fn(usize, &Scheduler) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let scheduler = Scheduler::new(1).unwrap();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= positions {
                        return;
                    }
                    check_one(at, &scheduler);
                }
            });
        }
    });
}

/// The message names the file, the place, what was expected and what was found.
#[track_caller]
fn names_the_place(error: &Error, size: usize) {
    let text = error.to_string();
    let Error::Archive(archive::Error::Damaged { path, offset, .. }) = error else {
        panic!("no place: {text}")
    };
    assert!(path == Path::new("forged") && text.starts_with("forged: byte "), "{text}");
    assert!(*offset <= size as u64, "{text}");
    assert!(text.contains("expected") && text.contains("found"), "{text}");
}

fn every_flipped_byte_is_found(bytes: &[u8], deep: bool) {
    let scheduler = Scheduler::new(1).unwrap();
    verify_bytes(bytes, true, &scheduler).unwrap();
    for mask in [0x01, 0x80, 0xff] {
        everywhere(bytes.len(), |at, scheduler| {
            let mut bad = bytes.to_vec();
            bad[at] ^= mask;
            let error = verify_bytes(&bad, deep, scheduler).expect_err(&format!("byte {at} ^ {mask:#x}"));
            names_the_place(&error, bytes.len());
        });
    }
    println!("{} positions x 3 masks, all found", bytes.len());
}

#[test]
fn every_flipped_byte_of_a_bundle_is_found_with_its_place() {
    every_flipped_byte_is_found(&fs::read(Small::new().bundle).unwrap(), false);
}

#[test]
fn every_flipped_byte_of_a_pack_is_found_with_its_place() {
    every_flipped_byte_is_found(&fs::read(Small::new().pack()).unwrap(), true);
}

#[test]
fn a_flipped_byte_is_blamed_on_the_part_it_is_in() {
    let small = Small::new();
    let bytes = fs::read(&small.bundle).unwrap();
    let scheduler = Scheduler::new(1).unwrap();
    for (at, part) in [
        (0, "magic"),
        (5, "format version"),
        (30, "checksum of the header"),
        (200, "checksum of the directory"),
    ] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        let text = verify_bytes(&bad, false, &scheduler).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    let mut bad = bytes.clone();
    *bad.last_mut().unwrap() ^= 1;
    let text = verify_bytes(&bad, false, &scheduler).unwrap_err().to_string();
    assert!(text.contains("checksum of the residual of family"), "{text}");
}

#[test]
fn every_truncation_is_found() {
    let small = Small::new();
    for path in [&small.bundle, &small.pack()] {
        let bytes = fs::read(path).unwrap();
        everywhere(bytes.len(), |len, scheduler| {
            let error = verify_bytes(&bytes[..len], false, scheduler).expect_err(&format!("cut to {len}"));
            names_the_place(&error, bytes.len());
        });
        println!("{} lengths, all found", bytes.len());
    }
}

#[test]
fn anything_after_the_end_is_found() {
    let bytes = fs::read(Small::new().bundle).unwrap();
    let scheduler = Scheduler::new(1).unwrap();
    for more in [&b"\0"[..], b"x", &[0; 4096], &bytes] {
        let error = verify_bytes(&[&bytes, more].concat(), false, &scheduler).unwrap_err();
        names_the_place(&error, bytes.len());
        assert!(error.to_string().contains("cut short or added to"), "{error}");
    }
}

#[test]
fn decode_writes_nothing_from_a_damaged_archive() {
    let small = Small::new();
    let good = fs::read(&small.bundle).unwrap();
    let tried = AtomicUsize::new(0);
    everywhere(good.len().div_ceil(61), |i, scheduler| {
        let at = i * 61;
        let (file, out) = (small.path(&format!("bad{i}.bundle")), small.path(&format!("decoded{i}")));
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&file, bad).unwrap();
        let result = Input::file(&file, Kind::Bundle).and_then(|input| {
            decode(&input, None, &out, &DecodeOptions::default(), &CpuBackend::new(), scheduler, &|_, _| ())
        });
        let error = result.expect_err(&format!("byte {at}"));
        assert!(error.to_string().contains(&format!("bad{i}.bundle: byte ")), "{error}");
        nothing_written(&out);
        fs::remove_file(file).unwrap();
        tried.fetch_add(1, Ordering::Relaxed);
    });
    println!("{} damaged bundles refused", tried.into_inner());
}
