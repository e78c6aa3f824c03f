//! Regions of bundles: read patch by patch, of families that are kept or not, they are the same pixels.

use std::sync::Arc;

use crate::kit::image::Image;
use crate::kit::pipeline::{encode_to, slide_source};
use origami::encode::EncodeOptions;
use origami::params::EncodeParams;
use origami::pixels::{Decoded, Layout, Patch, Reading, Shared, open};
use origami::quality::presets::Preset;

/// RGB of a square of a level, white where it reaches beyond.
fn read(source: &Shared, level: usize, (x, y): (i64, i64), side: usize, alone: bool) -> Vec<u8> {
    let mut data = vec![255; 3 * side * side];
    let mut patch = Patch { x, y, width: side, height: side, layout: Layout::Planes, data: &mut data };
    source.read(level, &mut patch, Reading { alone, goes_on: &|| true }).unwrap();
    data
}

/// Places that come back to each family, in no order.
fn places(count: usize, (width, height): (i64, i64)) -> impl Iterator<Item = (i64, i64)> {
    (0..count as i64).map(move |i| (i * 2_654_435_761 % (width + 40) - 40, i * 40_503 % (height + 40) - 40))
}

#[test]
fn patches_read_alone_are_those_of_whole_families() {
    let dir = tempfile::tempdir().unwrap();
    let image = Image::tissue(610, 450, 23);
    let slide = dir.path().join("slide.png");
    std::fs::write(&slide, image.png()).unwrap();
    let presets =
        [Preset::Balanced, Preset::Small, Preset::Archive].map(|preset| (preset.name(), preset.params()));
    for (name, params) in presets.into_iter().chain([("defaults", EncodeParams::default())]) {
        for tile in [32, 64] {
            let out = dir.path().join(format!("{name} {tile}"));
            let made =
                encode_to(slide_source(&slide, tile), &out, &params, &EncodeOptions::default()).unwrap();
            let opened = |bytes| open(&made.bundle, &Arc::new(Decoded::new(bytes)), bytes).unwrap();
            let kept = opened(64 << 20);
            // Memory for everything, for little, and for nothing: what was read of a family is then forgotten between any two patches.
            for bytes in [64 << 20, 200 << 10, 0] {
                let alone = opened(bytes);
                for (number, place) in places(60, (610, 450)).enumerate() {
                    for (level, side) in [(0, 70), (1, 40)] {
                        let place = (place.0 >> level, place.1 >> level);
                        assert!(
                            read(&alone, level, place, side, true) == read(&kept, level, place, side, false),
                            "{name}, tiles of {tile}, {bytes} bytes: patch {number} at {place:?} of level {level}"
                        );
                    }
                }
            }
        }
    }
}
