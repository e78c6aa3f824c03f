//! Text and other metadata of a PNG file. Source: the PNG specification, third edition.

/// Chunks that describe the picture or its maker.
const DESCRIBING: [&[u8; 4]; 5] = [b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"];

/// What each such chunk is, its bytes, and the text of `tEXt`.
pub fn chunks(png: &[u8]) -> Vec<(String, u64, Option<String>)> {
    let (mut at, mut found) = (8usize, Vec::new());
    while let Some(head) = png.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(end) = at.checked_add(12).and_then(|end| end.checked_add(length)) else { break };
        if DESCRIBING.contains(&&kind) {
            let data = png.get(at + 8..end.saturating_sub(4)).unwrap_or_default();
            let text = (&kind == b"tEXt").then(|| String::from_utf8_lossy(data).replace('\0', ": "));
            found.push((format!("PNG {}", String::from_utf8_lossy(&kind)), length as u64, text));
        }
        at = end;
    }
    found
}
