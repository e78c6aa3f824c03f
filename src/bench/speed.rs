//! Encode and decode against the bare codec calls of the same work, in turn, in one run.

use std::time::Instant;

use anyhow::Result;
use origami::archive::Kind;
use origami::backend::Backend;
use origami::decode::{DecodeOptions, Input, decode};
use origami::params::EncodeParams;
use origami::pyramid::write::Existing;

use super::setup::Setup;
use super::stats::{median, median_ratio};
use super::work::{decode_calls, encode_calls};

/// Medians over all rounds.
pub struct Speed {
    /// Families of the slide.
    pub families: u64,
    /// The bare JPEG calls, in seconds.
    pub bare_s: f64,
    /// The whole encode or decode, in seconds.
    pub whole_s: f64,
    /// The whole divided by the bare calls of the same round.
    pub ratio: f64,
    /// An encode with optL2 in seconds, and divided by the one without; `None` for a decode.
    pub optl2: Option<(f64, f64)>,
}

/// Encodes in turn with the bare calls, with and without optL2.
pub fn measure_encode(setup: &Setup, backend: &dyn Backend, rounds: u32) -> Result<Speed> {
    let with_optl2 = EncodeParams { optl2: true, ..setup.params.clone() };
    let (mut bare, mut whole, mut optl2) = (vec![], vec![], vec![]);
    // Caches, batches and tables settle in a first run.
    setup.encode(&with_optl2, backend)?;
    for _ in 0..rounds {
        bare.push(setup.bare(|work| Ok(encode_calls(work, &setup.params)?.bytes))?);
        whole.push(setup.encode(&setup.params, backend)?.0);
        optl2.push(setup.encode(&with_optl2, backend)?.0);
    }
    Ok(Speed {
        families: setup.families,
        bare_s: median(&bare),
        whole_s: median(&whole),
        ratio: median_ratio(&whole, &bare),
        optl2: Some((median(&optl2), median_ratio(&optl2, &whole))),
    })
}

/// Decodes in turn with the bare calls.
pub fn measure_decode(setup: &Setup, backend: &dyn Backend, rounds: u32) -> Result<Speed> {
    let (_, bundle) = setup.encode(&setup.params, backend)?;
    let input = Input::file(&bundle, Kind::Bundle)?;
    let options = DecodeOptions { existing: Existing::Replace, ..DecodeOptions::default() };
    let (mut bare, mut whole) = (vec![], vec![]);
    let out = setup.dir.path().join("decoded");
    for round in 0..=rounds {
        let bare_s = setup.bare(decode_calls)?;
        let started = Instant::now();
        decode(&input, None, &out, &options, backend, &setup.scheduler, &|_, _| {})?;
        let whole_s = started.elapsed().as_secs_f64();
        // The first round fills caches and does not count.
        if round > 0 {
            bare.push(bare_s);
            whole.push(whole_s);
        }
    }
    Ok(Speed {
        families: setup.families,
        bare_s: median(&bare),
        whole_s: median(&whole),
        ratio: median_ratio(&whole, &bare),
        optl2: None,
    })
}
