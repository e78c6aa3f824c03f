//! The general compressions of a TIFF: PackBits, LZW, deflate, Zstandard.
//!
//! Each function fills as much of its output as the stored bytes hold, and returns how much that was. Checksums in the data
//! are verified. It deliberately does not know what the bytes mean.

use super::super::fault::Fault;
use super::pixel_tags::Compression;
use flate2::{Decompress, FlushDecompress};
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

/// Bytes that a stream may hold beyond those of its chunk: some writers fill up the last strip.
const MAX_SURPLUS_BYTES: usize = 64 << 20;

/// Decompresses `stored` into `out`. The number of bytes written, or what is wrong.
pub(super) fn decompress(compression: Compression, stored: &[u8], out: &mut [u8]) -> Result<usize, Fault> {
    match compression {
        Compression::None => Ok(copy(stored, out)),
        Compression::PackBits => Ok(unpack_bits(stored, out)),
        Compression::Lzw => unpack_lzw(stored, out),
        Compression::Deflate => Ok(unpack_deflate(stored, out)?),
        Compression::Zstd => Ok(unpack_zstd(stored, out)?),
        _ => Err("a file of its own where plain samples are expected".into()),
    }
}

fn copy(stored: &[u8], out: &mut [u8]) -> usize {
    for (to, from) in out.iter_mut().zip(stored) {
        *to = *from;
    }
    stored.len().min(out.len())
}

/// PackBits: TIFF 6.0, section 9. Returns the number of bytes written.
fn unpack_bits(stored: &[u8], out: &mut [u8]) -> usize {
    let (mut input, mut written) = (stored, 0);
    while let Some((&head, rest)) = input.split_first() {
        let Some(free) = out.get_mut(written..).filter(|free| !free.is_empty()) else { break };
        match head {
            0..=127 => {
                let run = rest.get(..usize::from(head) + 1).unwrap_or(rest);
                written += copy(run, free);
                input = rest.get(run.len()..).unwrap_or_default();
            }
            128 => input = rest,
            129..=255 => {
                let Some((&value, rest)) = rest.split_first() else { break };
                let length = (257 - usize::from(head)).min(free.len());
                free.iter_mut().take(length).for_each(|byte| *byte = value);
                written += length;
                input = rest;
            }
        }
    }
    written
}

fn unpack_lzw(stored: &[u8], out: &mut [u8]) -> Result<usize, Fault> {
    // The LZW of files from before TIFF 5 has reversed bits, so the clear code 256 gives these first two bytes.
    if let [0, second, ..] = stored
        && second & 1 == 1
    {
        return Err(Fault::unsupported("LZW as it was before TIFF 5"));
    }
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut input, mut written) = (stored, 0);
    while let Some(free) = out.get_mut(written..).filter(|free| !free.is_empty()) {
        let result = decoder.decode_bytes(input, free);
        input = input.get(result.consumed_in..).unwrap_or_default();
        written += result.consumed_out;
        match result.status {
            Ok(weezl::LzwStatus::Ok) if result.consumed_in > 0 || result.consumed_out > 0 => {}
            Ok(_) => break,
            Err(error) => return Err(format!("LZW after {written} bytes: {error}").into()),
        }
    }
    Ok(written)
}

/// Deflate in a zlib stream, read to its end, where its checksum (Adler-32) stands.
fn unpack_deflate(stored: &[u8], out: &mut [u8]) -> Result<usize, String> {
    let mut stream = Decompress::new(true);
    let mut input = stored;
    let mut fill = |out: &mut [u8]| -> Result<(usize, bool), String> {
        let mut written = 0;
        while let Some(free) = out.get_mut(written..).filter(|free| !free.is_empty()) {
            let (before_in, before_out) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(input, free, FlushDecompress::None);
            let consumed = (stream.total_in() - before_in) as usize;
            let produced = (stream.total_out() - before_out) as usize;
            input = input.get(consumed..).unwrap_or_default();
            written += produced;
            match status {
                Ok(flate2::Status::StreamEnd) => return Ok((written, true)),
                Ok(_) if consumed > 0 || produced > 0 => {}
                Ok(_) => return Ok((written, false)),
                Err(_) => return Err("deflate: its codes are damaged, or its checksum does not match".into()),
            }
        }
        Ok((written, false))
    };
    let (written, mut ended) = fill(out)?;
    let (mut surplus, mut beyond) = (0, [0; 4096]);
    while !ended && written == out.len() {
        let (more, end) = fill(&mut beyond)?;
        (surplus, ended) = (surplus + more, end);
        if surplus > MAX_SURPLUS_BYTES {
            return Err(format!("deflate of far more than its {written} bytes"));
        }
        if more < beyond.len() && !ended {
            return Err("its deflate stream breaks off before its checksum".into());
        }
    }
    Ok(written)
}

/// Zstandard (RFC 8878), one frame. Its checksum is verified where it has one.
fn unpack_zstd(stored: &[u8], out: &mut [u8]) -> Result<usize, String> {
    let failed = |error: &dyn std::fmt::Display| format!("Zstandard: {error}");
    let mut stream = StreamingDecoder::new(stored).map_err(|error| failed(&error))?;
    let mut written = 0;
    while let Some(free) = out.get_mut(written..).filter(|free| !free.is_empty()) {
        match stream.read(free).map_err(|error| failed(&error))? {
            0 => break,
            count => written += count,
        }
    }
    let surplus = std::io::copy(&mut (&mut stream).take(MAX_SURPLUS_BYTES as u64), &mut std::io::sink());
    surplus.map_err(|error| failed(&error))?;
    let (told, found) = (stream.decoder.get_checksum_from_data(), stream.decoder.get_calculated_checksum());
    match told {
        Some(told) if Some(told) != found => Err("Zstandard: its checksum does not match".into()),
        _ => Ok(written),
    }
}
