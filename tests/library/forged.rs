//! Archives that lie although every checksum holds: each lie is an error with a place, none costs memory or a panic.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::kit::forge::{self, Forge, family_at, offset_at, put, seal, seal_header, tile_at, u32_at};
use crate::kit::image::Image;
use crate::kit::jpeg::of_quality;
use crate::kit::pipeline::verify_bytes;
use crate::kit::slides::Small;
use origami::archive::Archive;
use origami::backend::scheduler::Scheduler;
use origami::codec::{ImageEncoder, JpegEncoder};
use origami::image::ycc::Sampling;
use origami::store::ReadAt;
use serde_json::json;

/// Fails with a place in `forged` and with `says`, or is whole where `says` is empty.
#[track_caller]
fn refused(bytes: &[u8], says: &str) {
    let error = verify_bytes(bytes, false, &Scheduler::new(1).unwrap()).expect_err(says).to_string();
    assert!(error.starts_with("forged: byte ") && error.contains(says), "wanted {says:?} in: {error}");
}

fn good() -> (Vec<u8>, Vec<u8>) {
    let small = Small::new();
    (fs::read(&small.bundle).unwrap(), fs::read(small.pack()).unwrap())
}

fn jpeg(width: usize, height: usize, sampling: Sampling) -> Vec<u8> {
    of_quality(80, &Image::cells(width, height, 3), sampling)
}

fn gray(width: usize, height: usize) -> Vec<u8> {
    let image = origami::image::ycc::Ycc::gray(origami::image::plane::Plane::filled(width, height, 128));
    JpegEncoder::new().unwrap().encode(image.view(), 80.into()).unwrap()
}

#[test]
fn an_archive_put_together_by_another_writer_is_read() {
    let (bundle, pack) = good();
    let scheduler = Scheduler::new(1).unwrap();
    for bytes in [bundle, pack] {
        let done = verify_bytes(&Forge::new(&bytes).bytes(), true, &scheduler).unwrap();
        assert_eq!((done.families, done.proved > 0), (done.proved, true));
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let (bundle, pack) = good();
    let patch = |at: usize, value: &[u8]| {
        let mut bytes = bundle.clone();
        put(&mut bytes, at, value);
        seal_header(bytes)
    };
    refused(&patch(0, b"RRIP"), "RRIP");
    refused(&patch(0, b"\x89PNG"), "not a pack or bundle");
    refused(&patch(4, &[3, 0]), "newer origami");
    refused(&patch(4, &[1, 0]), "encode the slide again");
    refused(&patch(6, &[3, 0]), "kind");
    refused(&patch(6, &[1, 0]), "bytes of the ICC profile");
    refused(&patch(8, &u64::MAX.to_le_bytes()), "size of the file");
    refused(&patch(16, &[0; 4]), "0x130");
    refused(&patch(16, &u32::MAX.to_le_bytes()), "4294967295x130");
    refused(&patch(24, &[0; 4]), "tile size of 0");
    refused(&patch(24, &u32::MAX.to_le_bytes()), "tile size of 4294967295");
    refused(&patch(16, &[0, 0, 0, 0x40, 0, 0, 0, 0x40]), "too many tiles");
    for at in [28, 32, 36] {
        refused(&patch(at, &u32::MAX.to_le_bytes()), "size of the directory");
    }
    refused(&patch(28, &3u32.to_le_bytes()), "checksum of the directory");
    refused(&patch(48, &u32::MAX.to_le_bytes()), "place of the ICC profile");
    refused(&patch(40, &u64::MAX.to_le_bytes()), "place of the ICC profile");
    refused(&patch(40, &0u64.to_le_bytes()), "place of the ICC profile");
    refused(&patch(48, &1u32.to_le_bytes()), "byte");
    refused(&patch(48, &[0; 4]), "place of the ICC profile");
    let mut without = patch(48, &[0; 4]);
    put(&mut without, 40, &[0; 8]);
    refused(&seal_header(without), "place of the ICC profile");
    refused(&patch(52, &[1]), "reserved");
    refused(b"", "not a pack or bundle");
    refused(b"ORIG", "not a pack or bundle");

    let mut coloured = Forge::new(&pack);
    coloured.icc = vec![1; 200];
    refused(&coloured.bytes(), "bytes of the ICC profile");
    let mut two = Forge::new(&pack);
    two.families = Forge::new(&bundle).families;
    refused(&two.bytes(), "families in a pack");
    two.families.clear();
    refused(&two.bytes(), "families in a pack");
    let mut few = Forge::new(&bundle);
    few.families.pop();
    refused(&few.bytes(), "number of families");
    let mut few = Forge::new(&bundle);
    few.tiles.pop();
    refused(&few.bytes(), "number of tiles");
    let mut larger = Forge::new(&bundle);
    larger.width += 1;
    refused(&larger.bytes(), "byte");
}

#[test]
fn indexes_that_lie_are_refused() {
    let (bundle, _) = good();
    let edit = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bundle.clone();
        change(&mut bytes);
        seal(bytes)
    };
    let (first, second, tile) = (family_at(0), family_at(1), tile_at(&bundle, 1));
    for offset in [0, 79, bundle.len() as u64, bundle.len() as u64 - 1, u64::MAX, u64::MAX - 5, 1 << 63] {
        let place = offset.to_le_bytes();
        refused(&edit(&|b| put(b, first + 8, &place)), "place of family 0_0");
        refused(&edit(&|b| put(b, tile, &place)), "place of tile");
    }
    let (place, length) = (offset_at(&bundle, first + 8) as u64, u32_at(&bundle, first + 16));
    refused(&edit(&|b| put(b, first + 16, &u32::MAX.to_le_bytes())), "place of family");
    refused(&edit(&|b| put(b, tile + 8, &u32::MAX.to_le_bytes())), "place of tile");
    // Two blobs over one another, a gap between two, the same family twice, another order, outside the slide.
    refused(&edit(&|b| put(b, first + 8, &(place + 1).to_le_bytes())), "place of the next");
    refused(&edit(&|b| put(b, first + 16, &(length - 1).to_le_bytes())), "place of the next");
    refused(&edit(&|b| put(b, first + 16, &0u32.to_le_bytes())), "place of the next");
    refused(&edit(&|b| b.copy_within(first..first + 8, second)), "Hilbert order");
    refused(&edit(&|b| put(b, first, &[9])), "9_0");
    refused(&edit(&|b| put(b, first, &[0xff; 8])), "family index");
    let mut swapped = Forge::new(&bundle);
    swapped.families.reverse();
    refused(&swapped.bytes(), "Hilbert order");
    refused(&edit(&|b| put(b, first + 20, &65u16.to_le_bytes())), "payloads of a family");
    refused(&edit(&|b| put(b, first + 20, &64u16.to_le_bytes())), "family 0_0");
    refused(&edit(&|b| put(b, first + 22, &[1])), "payloads of a family");
    refused(&edit(&|b| put(b, tile + 12, &[9])), "codec");
    refused(&edit(&|b| put(b, tile + 14, &[1])), "reserved");
    // A gap: bytes that no index names.
    let mut gap = Forge::new(&bundle).bytes();
    gap.extend([0; 7]);
    let size = gap.len() as u64;
    put(&mut gap, 8, &size.to_le_bytes());
    refused(&seal(gap), "place of the next");
}

#[test]
fn metadata_that_lies_is_refused() {
    let (bundle, _) = good();
    let forge = Forge::new(&bundle);
    let coding = |name: &str, value: serde_json::Value| {
        let mut forge = forge.clone();
        forge.meta["coding"][name] = value;
        forge.bytes()
    };
    refused(&coding("l0_scale_pct", json!(0)), "l0_scale_pct");
    refused(&coding("l0_scale_pct", json!(1_000_000_000)), "l0_scale_pct");
    refused(&coding("l0_scale_pct", json!(-1)), "metadata");
    refused(&coding("l0_scale_pct", json!(50)), "residual of family 0_0");
    refused(&coding("sharpen_q8", json!(4097)), "out of range");
    refused(&coding("sharpen_q8", json!(u32::MAX)), "out of range");
    refused(&coding("sharpen_q8", json!(1e300)), "metadata");
    refused(&coding("upsample_filter", json!("sinc")), "sinc");
    refused(&coding("baseline_subsamp", json!("411")), "411");
    refused(&coding("baseline_subsamp", json!("420")), "sampling");
    refused(&coding("surprise", json!(1)), "surprise");
    for name in ["tool", "coding", "encode", "source", "complete"] {
        let mut less = forge.clone();
        less.meta.as_object_mut().unwrap().remove(name);
        refused(&less.bytes(), name);
    }
    for meta in [&b""[..], b"{", b"null", b"[]", b"\xff\xfe", &[b'['; 100_000]] {
        refused(&forge.bytes_with_meta(meta), "metadata");
    }
    refused(&forge.bytes_with_meta(&vec![b' '; (16 << 20) + 1]), "size of the directory");
    // What this version does not know, outside of what a decoder must know, is let be.
    let mut more = forge.clone();
    more.meta["a later addition"] = json!({"x": 1});
    verify_bytes(&more.bytes(), true, &Scheduler::new(1).unwrap()).unwrap();
}

/// Caches know a slide by its content, so another slide must not claim it.
#[test]
fn the_content_of_another_slide_is_refused() {
    let (bundle, pack) = good();
    let mut forge = Forge::new(&bundle);
    for content in ["", "0123456789abcdef0123456789abcdef"] {
        forge.meta["content"] = json!(content);
        refused(&forge.bytes_with_meta(&serde_json::to_vec(&forge.meta).unwrap()), "content in the metadata");
    }
    // A family of another slide under the content of this one.
    let mut other = Forge::new(&bundle);
    let mine = other.meta.clone();
    other.families.swap(0, 1);
    (other.families[0].x, other.families[0].y) = (0, 0);
    (other.families[1].x, other.families[1].y) = (1, 0);
    refused(&other.bytes_with_meta(&serde_json::to_vec(&mine).unwrap()), "content in the metadata");
    // A pack does not have what it would be computed from.
    let mut forge = Forge::new(&pack);
    forge.meta["content"] = json!("0123456789abcdef0123456789abcdef");
    verify_bytes(&forge.bytes(), true, &Scheduler::new(1).unwrap()).unwrap();
}

#[test]
fn payloads_that_lie_are_refused() {
    let (bundle, _) = good();
    let forge = Forge::new(&bundle);
    let edit = |change: &dyn Fn(&mut forge::Family)| {
        let mut forge = forge.clone();
        change(&mut forge.families[0]);
        forge.bytes()
    };
    refused(&edit(&|f| f.payloads[1].claims = Some(u32::MAX)), "length of family 0_0's payloads");
    refused(
        &edit(&|f| f.payloads[1].claims = Some(f.payloads[1].bytes.len() as u32 - 1)),
        "length of family 0_0's payloads",
    );
    refused(&edit(&|f| f.payloads[0].claims = Some(0)), "length of family 0_0's payloads");
    refused(&edit(&|f| f.tail = vec![0; 3]), "length of family 0_0's payloads");
    refused(&edit(&|f| f.payloads[1].kind = 1), "each kind once");
    refused(&edit(&|f| f.payloads[1].kind = 77), "a kind this version knows, found 77");
    refused(&edit(&|f| f.payloads[1].codec = 9), "a codec this version knows, found 9");
    // A family may do without a residual; one that does not is found out by its proof.
    let without = edit(&|f| drop(f.payloads.pop()));
    verify_bytes(&without, false, &Scheduler::new(1).unwrap()).unwrap();
    let error = verify_bytes(&without, true, &Scheduler::new(1).unwrap()).unwrap_err().to_string();
    assert!(error.contains("reconstruction of family 0_0"), "{error}");
    refused(&edit(&|f| drop(f.payloads.remove(0))), "it has no baseline");
    refused(&edit(&|f| f.payloads.clear()), "it has no baseline");
    refused(&edit(&|f| f.payloads[0].bytes.clear()), "the file is empty");
    // Their order is free.
    verify_bytes(&edit(&|f| f.payloads.swap(0, 1)), true, &Scheduler::new(1).unwrap()).unwrap();
}

#[test]
fn images_of_another_shape_are_refused() {
    let (bundle, _) = good();
    let forge = Forge::new(&bundle);
    let with = |payload: usize, bytes: Vec<u8>| {
        let mut forge = forge.clone();
        forge.families[0].payloads[payload].bytes = bytes;
        forge.bytes()
    };
    refused(&with(0, jpeg(31, 32, Sampling::S444)), "31x32 where 32x32 belongs");
    refused(&with(0, jpeg(4000, 4000, Sampling::S444)), "4000x4000");
    for sampling in [Sampling::S420, Sampling::S422, Sampling::S440, Sampling::S411, Sampling::S441] {
        refused(&with(0, jpeg(32, 32, sampling)), "its sampling is");
    }
    refused(&with(0, b"\x89PNG\r\n\x1a\n".to_vec()), "baseline of family 0_0");
    refused(&with(1, gray(127, 128)), "127x128 where 128x128 belongs");
    refused(&with(1, jpeg(128, 128, Sampling::S444)), "Gray");
    let mut truncated = gray(128, 128);
    truncated.truncate(truncated.len() - 9);
    refused(&with(1, truncated), "residual of family 0_0");
    let mut tiles = forge.clone();
    tiles.tiles[0].1 = gray(2, 1);
    refused(&tiles.bytes(), "2x1 where 1x1 belongs");
    // A gray baseline is what a gray slide has.
    verify_bytes(&with(0, gray(32, 32)), false, &Scheduler::new(1).unwrap()).unwrap();
}

#[test]
fn a_wrong_proof_is_found_by_deep_only_and_names_the_family() {
    let (bundle, _) = good();
    let scheduler = Scheduler::new(1).unwrap();
    for (family, byte) in [(0, 0), (1, 15), (2, 16), (3, 31)] {
        let mut forge = Forge::new(&bundle);
        forge.families[family].proof[byte] ^= 1;
        let name =
            format!("reconstruction of family {}_{}", forge.families[family].x, forge.families[family].y);
        verify_bytes(&forge.bytes(), false, &scheduler).unwrap();
        let error = verify_bytes(&forge.bytes(), true, &scheduler).unwrap_err().to_string();
        assert!(error.contains(&name), "{error}");
    }
}

/// Claims to be huge, and notes the longest read that anybody asks for.
struct Claims {
    start: Vec<u8>,
    size: u64,
    longest: Arc<AtomicU64>,
}

impl ReadAt for Claims {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.longest.fetch_max(buf.len() as u64, Ordering::SeqCst);
        for (i, byte) in buf.iter_mut().enumerate() {
            *byte = self.start.get(offset as usize + i).copied().unwrap_or(0);
        }
        Ok(())
    }
}

#[test]
fn a_store_that_claims_terabytes_costs_no_memory() {
    let (bundle, _) = good();
    for (at, says) in [(28, "number of families"), (32, "number of tiles"), (36, "size of the directory")] {
        let (size, longest) = (1u64 << 42, Arc::new(AtomicU64::new(0)));
        let mut start = bundle.clone();
        put(&mut start, 8, &size.to_le_bytes());
        put(&mut start, at, &u32::MAX.to_le_bytes());
        let store = Claims { start: seal_header(start), size, longest: longest.clone() };
        let error = Archive::from_store(Path::new("forged"), Box::new(store)).err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
        assert!(longest.load(Ordering::SeqCst) <= 1 << 20, "{longest:?} bytes in one read");
    }
}

/// As a sparse file, 80 bytes on the disk, would have them: families and small levels of the largest slide, all zeros.
#[test]
fn a_directory_of_gigabytes_is_refused_at_its_first_bad_entry() {
    let (bundle, pack) = good();
    let geometry = origami::image::geometry::Geometry::new(1 << 15, 1 << 15, 1).unwrap();
    let (families, tiles) = (geometry.family_count() as u32, geometry.stored_tile_count() as u32);
    for (start, families, tiles) in [(bundle, families, tiles), (pack, families, 0)] {
        let (size, longest) = (1u64 << 33, Arc::new(AtomicU64::new(0)));
        let mut start = start[..80].to_vec();
        put(&mut start, 8, &size.to_le_bytes());
        for (at, value) in [(16, 1 << 15), (20, 1 << 15), (24, 1), (28, families), (32, tiles), (36, 99)] {
            put(&mut start, at, &u32::to_le_bytes(value));
        }
        put(&mut start, 40, &[0; 24]);
        let store = Claims { start: seal_header(start), size, longest: longest.clone() };
        let error = Archive::from_store(Path::new("forged"), Box::new(store)).err().unwrap().to_string();
        assert!(error.contains("place of family 0_0"), "{error}");
        assert!(longest.load(Ordering::SeqCst) <= 4 << 20, "{longest:?} bytes in one read");
    }
}

#[test]
fn blobs_that_are_longer_than_their_pixels_can_need_are_refused() {
    let (bundle, _) = good();
    let claims = |at: usize, bytes: u32| {
        let (size, longest) = (1u64 << 33, Arc::new(AtomicU64::new(0)));
        let mut start = bundle.clone();
        put(&mut start, 8, &size.to_le_bytes());
        put(&mut start, at, &bytes.to_le_bytes());
        let store = Claims { start: seal(start), size, longest: longest.clone() };
        let error = Archive::from_store(Path::new("forged"), Box::new(store)).err().unwrap().to_string();
        assert!(longest.load(Ordering::SeqCst) <= 1 << 20, "{longest:?} bytes in one read");
        error
    };
    for bytes in [32 << 20, u32::MAX] {
        let error = claims(family_at(0) + 16, bytes);
        assert!(error.contains("length of family 0_0"), "{error}");
        let error = claims(tile_at(&bundle, 1) + 8, bytes);
        assert!(error.contains("length of tile"), "{error}");
    }
    let error = claims(48, u32::MAX);
    assert!(error.contains("length of the ICC profile"), "{error}");
}
