//! What each coder makes of a residual, and the names of their pairs.

use super::*;
use crate::codec::{EncoderKind, ImageRole, decoder};
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;

/// A residual of 128 with a bright square every `period` pixels in both directions.
fn residual(sampling: Sampling, period: usize) -> Ycc {
    let plane = |w: usize, h: usize| {
        let value = |x: usize, y: usize| if x % period < 5 && y % period < 5 { 190 } else { 128 };
        Plane::from_vec(w, h, (0..w * h).map(|i| value(i % w, i / w)).collect())
    };
    let (w, h) = (500, 260);
    let (cw, ch) = sampling.chroma_size(w, h);
    let chroma = (sampling != Sampling::Gray).then(|| [plane(cw, ch), plane(cw, ch)]);
    Ycc { luma: plane(w, h), chroma, sampling }
}

fn jpegs(image: &Ycc) -> Vec<Vec<u8>> {
    let kinds = [EncoderKind::Turbojpeg, EncoderKind::Trellis, EncoderKind::Mozjpeg, EncoderKind::Jpegli];
    let built = kinds.into_iter().filter(|kind| kind.is_built());
    built
        .map(|kind| kind.encoder(ImageRole::Residual).unwrap().encode(image.view(), 50.into()).unwrap())
        .collect()
}

#[test]
fn a_sparse_residual_shrinks_and_decodes_to_the_same_samples() {
    for sampling in [Sampling::Gray, Sampling::S420] {
        let image = residual(sampling, 400);
        let shape = Shape { width: 500, height: 260, sampling: Some(sampling) };
        for jpeg in jpegs(&image) {
            let store =
                |entropy: Entropy| entropy.store_residual(CodecId::Jpeg, jpeg.clone(), shape, 256).unwrap();
            let (codec, stored) = store(Entropy::ADAPTIVE);
            assert_eq!(codec, CodecId::Jpeg);
            assert!(stored.len() * 2 < jpeg.len(), "{} of {} bytes", stored.len(), jpeg.len());
            let decode = |codec, bytes: &[u8]| decoder(codec).unwrap().decode(bytes, shape).unwrap();
            assert_eq!(decode(codec, &stored), decode(codec, &jpeg));
            let (codec, by_context) = store(Entropy::CONTEXT);
            assert_eq!(codec, CodecId::Context);
            assert!(by_context.len() < stored.len(), "{} of {} bytes", by_context.len(), stored.len());
            assert_eq!(decode(codec, &by_context), decode(CodecId::Jpeg, &jpeg));
        }
    }
}

#[test]
fn any_other_residual_is_stored_as_a_baseline() {
    let image = residual(Sampling::S420, 10);
    let shape = Shape { width: 500, height: 260, sampling: Some(Sampling::S420) };
    for jpeg in jpegs(&image) {
        for entropy in [Entropy::HUFFMAN, Entropy::ADAPTIVE, Entropy::LEPTON] {
            let stored = entropy.store_residual(CodecId::Jpeg, jpeg.clone(), shape, 256).unwrap();
            assert_eq!(stored, entropy.store(CodecId::Jpeg, jpeg.clone()));
        }
    }
    for entropy in [Entropy::HUFFMAN, Entropy::ADAPTIVE, Entropy::CONTEXT] {
        let other = entropy.store_residual(CodecId::Webp, vec![1, 2, 3], shape, 256).unwrap();
        assert_eq!(other, (CodecId::Webp, vec![1, 2, 3]));
    }
}

#[test]
fn names_are_those_of_archives_and_each_pair_has_one() {
    let json = |pair: Entropy| serde_json::to_string(&pair).unwrap();
    assert_eq!(Entropy::NAMED.map(json), [r#""huffman""#, r#""adaptive""#, r#""lepton""#, r#""context""#]);
    let huffman_context = Entropy { residual: ResidualCoder::Context, ..Entropy::HUFFMAN };
    assert_eq!(json(huffman_context), r#""huffman+context""#);
    for pair in Entropy::all() {
        assert_eq!(serde_json::from_str::<Entropy>(&json(pair)).unwrap(), pair);
    }
    assert_eq!(Entropy::all().count(), 8);
    for wrong in ["\"huffman+huffman\"", "\"Huffman\"", "\"\"", "{}", "null"] {
        assert!(serde_json::from_str::<Entropy>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn context_residuals_need_no_lepton_beside_huffman_baselines() {
    let entropy = Entropy { residual: ResidualCoder::Context, ..Entropy::HUFFMAN };
    entropy.available().unwrap();
    assert_eq!(Entropy::CONTEXT.available().is_ok(), cfg!(feature = "lepton"));
    let image = residual(Sampling::S420, 40);
    let shape = Shape { width: 500, height: 260, sampling: Some(Sampling::S420) };
    for jpeg in jpegs(&image) {
        assert_eq!(entropy.store(CodecId::Jpeg, jpeg.clone()), (CodecId::Jpeg, jpeg.clone()));
        let (codec, stored) = entropy.store_residual(CodecId::Jpeg, jpeg.clone(), shape, 256).unwrap();
        assert!(codec == CodecId::Context && stored.len() < jpeg.len());
        let decode = |codec, bytes: &[u8]| decoder(codec).unwrap().decode(bytes, shape).unwrap();
        assert_eq!(decode(codec, &stored), decode(CodecId::Jpeg, &jpeg));
    }
    // 4:4:4 cannot be coded by context: such a residual is stored as a baseline.
    let full = residual(Sampling::S444, 40);
    let shape = Shape { sampling: Some(Sampling::S444), ..shape };
    for jpeg in jpegs(&full) {
        let stored = entropy.store_residual(CodecId::Jpeg, jpeg.clone(), shape, 256).unwrap();
        assert_eq!(stored, (CodecId::Jpeg, jpeg));
    }
}
