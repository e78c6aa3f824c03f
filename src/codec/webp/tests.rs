//! Round trips, damage, and that SIMD and plain C decode alike.

use std::process::Command;

use xxhash_rust::xxh3::Xxh3;

use super::*;
use crate::codec::testing::{SIZES, assert_close_in, assert_survives_damage, image, planes, refusal, shape};
use crate::codec::{ImageDecoder, ImageEncoder, ImageRole};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

fn encoded(role: ImageRole, image: &Ycc, quality: u8) -> Vec<u8> {
    Encoder::new(role).encode(image.view(), quality.into()).unwrap()
}

#[test]
fn gray_and_420_of_every_size_come_back_close_and_in_shape() {
    for role in [ImageRole::Baseline, ImageRole::Residual] {
        assert_close_in(&[Sampling::Gray, Sampling::S420], || Box::new(Encoder::new(role)), 95, 48);
    }
}

#[test]
fn samples_use_the_full_range_and_not_that_of_studios() {
    for role in [ImageRole::Baseline, ImageRole::Residual] {
        for value in [0, 1, 15, 16, 128, 235, 236, 240, 254, 255] {
            let flat = |w, h| Plane::filled(w, h, value);
            let image = Ycc {
                luma: flat(48, 48),
                chroma: Some([flat(24, 24), flat(24, 24)]),
                sampling: Sampling::S420,
            };
            let back = Decoder.decode(&encoded(role, &image, 90), shape(&image)).unwrap();
            for plane in planes(&back) {
                let worst = plane.data().iter().map(|&got| got.abs_diff(value)).max().unwrap();
                assert!(worst <= 2, "{role:?}: {value} came back {worst} off");
            }
        }
        // Black and white side by side.
        let data = (0..64 * 64).map(|i| if (i / 16) % 2 == 0 { 0 } else { 255 }).collect();
        let image = Ycc::gray(Plane::from_vec(64, 64, data));
        let back = Decoder.decode(&encoded(role, &image, 100), shape(&image)).unwrap();
        let (least, most) = (back.luma.data().iter().min().unwrap(), back.luma.data().iter().max().unwrap());
        assert!(*least < 8 && *most > 247, "{least} to {most}");
    }
}

#[test]
fn a_gray_image_is_gray_whatever_the_caller_expects() {
    let gray = Ycc::gray(Plane::filled(20, 20, 70));
    let neutral = Ycc {
        luma: gray.luma.clone(),
        chroma: Some([Plane::filled(10, 10, 128), Plane::filled(10, 10, 128)]),
        sampling: Sampling::S420,
    };
    for (image, other) in [(&gray, Sampling::S420), (&neutral, Sampling::Gray)] {
        let bytes = encoded(ImageRole::Baseline, image, 90);
        let open = crate::codec::Shape { sampling: None, ..shape(image) };
        assert_eq!(Decoder.decode(&bytes, open).unwrap().sampling, image.sampling);
        let wrong = crate::codec::Shape { sampling: Some(other), ..shape(image) };
        assert!(refusal(Decoder.decode(&bytes, wrong)).contains("belongs"));
    }
}

#[test]
fn damaged_bytes_never_panic_and_none_that_are_cut_decode_to_something_else() {
    for (sampling, role) in [(Sampling::S420, ImageRole::Baseline), (Sampling::Gray, ImageRole::Residual)] {
        let image = image(75, 50, sampling);
        let bytes = encoded(role, &image, 60);
        assert_survives_damage(&mut Decoder, &image, &bytes, 2000);
    }
    let image = image(16, 16, Sampling::Gray);
    let bytes = encoded(ImageRole::Residual, &image, 60);
    let with = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        refusal(Decoder.decode(&bytes, shape(&image)))
    };
    assert!(with(0, 2).contains("components"));
    assert!(with(1, bytes[1] | 1).contains("unknown kind"));
    assert!(with(1, bytes[1] & !16).contains("unknown kind"));
    assert!(with(4, 0).contains("key frame"));
    assert!(with(8, 0x40).contains("scaled"));
    assert!(refusal(Decoder.decode(&[], shape(&image))).contains("empty"));
    // A whole WebP file is no payload.
    let mut file = b"\x01RIFF\0\0\0\0WEBPVP8 ".to_vec();
    file.extend_from_slice(&bytes[1..]);
    assert!(refusal(Decoder.decode(&file, shape(&image))).contains("key frame"));
}

#[test]
fn what_vp8_cannot_code_is_refused_with_advice() {
    let encode = |image: &Ycc| Encoder::new(ImageRole::Baseline).encode(image.view(), 90.into());
    assert!(refusal(encode(&image(16, 16, Sampling::S444))).contains("it codes 420"));
    assert!(refusal(encode(&Ycc::gray(Plane::new(16_384, 1)))).contains("16383"));
    let widest = Ycc::gray(Plane::filled(16_383, 1, 9));
    let bytes = encode(&widest).unwrap();
    assert!(Decoder.decode(&bytes, shape(&widest)).is_ok());
}

/// Hashes of the payloads of many images, and of the samples that they decode to.
fn decoded_hashes() -> (u64, u64) {
    let (mut payloads, mut samples) = (Xxh3::new(), Xxh3::new());
    for sampling in [Sampling::Gray, Sampling::S420] {
        for (width, height) in SIZES.into_iter().chain([(512, 300)]) {
            for quality in [1, 20, 60, 90, 100] {
                for role in [ImageRole::Baseline, ImageRole::Residual] {
                    let bytes = encoded(role, &image(width, height, sampling), quality);
                    payloads.update(&bytes);
                    let shape = shape(&image(width, height, sampling));
                    for plane in planes(&scalar_or_not(|| Decoder.decode(&bytes, shape)).unwrap()) {
                        samples.update(plane.data());
                    }
                }
            }
        }
    }
    (payloads.digest(), samples.digest())
}

const SCALAR: &str = "ORIGAMI_TEST_WEBP_SCALAR";

/// Runs `work`; with libwebp's plain C routines where the environment variable [`SCALAR`] is set.
fn scalar_or_not<T>(work: impl FnOnce() -> T) -> T {
    type CpuInfo = Option<unsafe extern "C" fn(libc::c_int) -> libc::c_int>;
    unsafe extern "C" {
        // libwebp's own hook (src/dsp/cpu.h): a change makes it choose every table of routines anew.
        static mut VP8GetCPUInfo: CpuInfo;
    }
    unsafe extern "C" fn nothing(_: libc::c_int) -> libc::c_int {
        0
    }
    if std::env::var_os(SCALAR).is_none() {
        return work();
    }
    // SAFETY: this process runs one test, on one thread, so no other thread reads the variable.
    unsafe {
        let usual = VP8GetCPUInfo;
        VP8GetCPUInfo = Some(nothing);
        let done = work();
        VP8GetCPUInfo = usual;
        done
    }
}

#[test]
fn simd_and_plain_c_decode_to_the_same_samples() {
    let (payloads, samples) = decoded_hashes();
    let line = format!("decoded {payloads:016x} {samples:016x}");
    if std::env::var_os(SCALAR).is_some() {
        println!("{line}");
        return;
    }
    let name = concat!(module_path!(), "::simd_and_plain_c_decode_to_the_same_samples");
    let (_, name) = name.split_once("::").unwrap();
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(SCALAR, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
    assert!(text.contains(&line), "SIMD: {line}; plain C: {text}");
}
