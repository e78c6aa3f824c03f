//! UIDs of what is made of a slide: `2.25.` and a hash (PS3.5, B.2).
//!
//! They are known without making a tile: the frames of a slide follow from what its source holds and from how tiles are made of it, and
//! these two are hashed. So a server knows its UIDs at once, and a conversion has the same ones where its frames have the same bytes.

use xxhash_rust::xxh3::xxh3_128;

/// Raised where a later version of this program makes other tiles of the same source.
const VERSION: u32 = 1;

/// What decides the bytes of all frames of a slide.
#[derive(Clone, Debug)]
pub struct FrameOrigin {
    /// What identifies the contents of the source.
    pub content: String,
    /// Side of a frame in pixels.
    pub tile: u32,
    /// JPEG quality of tiles that are coded.
    pub quality: u8,
    /// In which way they are made, where it is not the usual one.
    pub way: String,
}

impl FrameOrigin {
    /// The hash of the instance of the level that is halved `down` times. `way`: as [`Self::way`], of this level alone.
    pub fn level(&self, down: u32, way: &str) -> u128 {
        let Self { content, tile, quality, way: all } = self;
        xxh3_128(
            format!("frames {VERSION}\n{content}\n{tile} {quality} {all}\nlevel {down} {way}").as_bytes(),
        )
    }
}

/// The hash of a slide whose levels have these.
pub fn of_slide(levels: impl Iterator<Item = u128>) -> u128 {
    xxh3_128(&levels.flat_map(u128::to_le_bytes).collect::<Vec<_>>())
}

/// The UID of a role, such as `study`, of the slide with this hash.
pub fn of_role(slide: u128, role: &str) -> String {
    uid(xxh3_128(&[&slide.to_le_bytes(), role.as_bytes()].concat()))
}

/// A UID of 128 bits.
pub fn uid(number: u128) -> String {
    format!("2.25.{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_changes_frames_changes_uids() {
        let origin = FrameOrigin { content: "a".into(), tile: 256, quality: 95, way: String::new() };
        let others = [
            origin.level(0, ""),
            origin.level(1, ""),
            origin.level(0, "other"),
            FrameOrigin { content: "b".into(), ..origin.clone() }.level(0, ""),
            FrameOrigin { tile: 240, ..origin.clone() }.level(0, ""),
            FrameOrigin { quality: 90, ..origin.clone() }.level(0, ""),
            FrameOrigin { way: "gray".into(), ..origin.clone() }.level(0, ""),
        ];
        for (i, one) in others.iter().enumerate() {
            assert!(!others[..i].contains(one), "{i}");
        }
        assert_eq!(others[0], origin.level(0, ""));
        let uid = uid(u128::MAX);
        assert!(uid.len() <= 64 && uid.starts_with("2.25."), "{uid}");
        let slide = of_slide(others.into_iter());
        assert_ne!(of_role(slide, "study"), of_role(slide, "series"));
    }
}
