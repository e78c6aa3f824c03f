//! RLE frames: one run-length coded segment for each byte plane (PS3.5 annex G).

/// Segments that a header can list.
const MAX_SEGMENTS: usize = 15;
const HEADER_BYTES: usize = 64;

/// Decodes a frame of `planes` planes to `wanted` interleaved bytes.
pub(super) fn decode(stored: &[u8], planes: usize, wanted: usize) -> Result<Vec<u8>, String> {
    let header = stored.get(..HEADER_BYTES).ok_or("an RLE frame without its header")?;
    let numbers: Vec<usize> =
        header.as_chunks::<4>().0.iter().map(|&bytes| u32::from_le_bytes(bytes) as usize).collect();
    let (count, offsets) = numbers.split_first().ok_or("an RLE frame without its header")?;
    if *count != planes || *count > MAX_SEGMENTS {
        return Err(format!("{count} RLE segments, expected {planes}"));
    }
    let mut out = vec![0; wanted];
    for plane in 0..planes {
        let start = offsets.get(plane).copied().unwrap_or_default();
        let end = offsets.get(plane + 1).copied().filter(|_| plane + 1 < planes).unwrap_or(stored.len());
        let segment = stored.get(start..end).filter(|_| start >= HEADER_BYTES);
        let segment = segment.ok_or_else(|| format!("RLE segment {} lies outside its frame", plane + 1))?;
        let mut bytes = out.iter_mut().skip(plane).step_by(planes);
        unpack(segment, &mut bytes);
        let missing = bytes.count();
        if missing > 0 {
            return Err(format!("RLE segment {} ends {missing} bytes early", plane + 1));
        }
    }
    Ok(out)
}

/// Fills `out` from runs: a count below 128 copies that many bytes and one more, one above it repeats the next byte.
fn unpack<'a>(segment: &[u8], out: &mut impl Iterator<Item = &'a mut u8>) {
    let mut rest = segment;
    while let Some((&head, after)) = rest.split_first() {
        rest = match head {
            0..=127 => {
                let run = after.get(..usize::from(head) + 1).unwrap_or(after);
                // The bytes come first: `zip` would take one from `out` and lose it.
                run.iter().zip(&mut *out).for_each(|(from, to)| *to = *from);
                after.get(run.len()..).unwrap_or_default()
            }
            128 => after,
            129..=255 => {
                let Some((&value, after)) = after.split_first() else { return };
                out.take(257 - usize::from(head)).for_each(|to| *to = value);
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut header = vec![segments.len() as u32];
        let mut at = 64;
        for segment in segments {
            header.push(at);
            at += segment.len() as u32;
        }
        header.resize(16, 0);
        let mut bytes: Vec<u8> = header.iter().flat_map(|number| number.to_le_bytes()).collect();
        segments.iter().for_each(|segment| bytes.extend_from_slice(segment));
        bytes
    }

    #[test]
    fn runs_and_literals_are_interleaved() {
        let stored = frame(&[&[254, 7], &[2, 1, 2, 3], &[0, 9, 128, 255, 8]]);
        assert_eq!(decode(&stored, 3, 9).unwrap(), [7, 1, 9, 7, 2, 8, 7, 3, 8]);
    }

    #[test]
    fn damage_is_named() {
        let problem = |stored: &[u8], planes, wanted| decode(stored, planes, wanted).unwrap_err();
        assert!(problem(&[1, 0, 0], 1, 4).contains("header"));
        assert!(problem(&frame(&[&[0, 9]]), 3, 3).contains("1 RLE segments, expected 3"));
        assert!(problem(&frame(&[&[0, 9]]), 1, 4).contains("segment 1 ends 3 bytes early"));
        let mut outside = frame(&[&[0, 9]]);
        outside[4] = 200;
        assert!(problem(&outside, 1, 1).contains("outside"));
        outside[4] = 0;
        assert!(problem(&outside, 1, 1).contains("outside"));
    }
}
