//! What the head of a sequential JPEG says about its scan.

use std::cell::Cell;

use super::block::Factors;
use super::huffman::NATURAL;
use super::lookup::Lookup;

/// Bytes of lengths before the symbols of a code.
const LENGTHS: usize = 16;
/// Tables of a kind that a file can have.
const SLOTS: usize = 4;

/// How a scan is decoded.
#[derive(Default)]
pub struct Tables {
    /// Steps, and which codes of `codes`, of each component.
    pub components: Vec<Component>,
    /// The codes of DC coefficients, then those of AC coefficients.
    pub codes: [Option<Box<Lookup>>; 2 * SLOTS],
    /// Memory for codes.
    free: Vec<Box<Lookup>>,
}

/// Longest head whose tables are kept.
const MOST_BYTES: usize = 64 << 10;

/// The tables of a head.
#[derive(Default)]
struct Last {
    head: Vec<u8>,
    tables: Tables,
}

thread_local! {
    /// Those that this thread used last. The parts of an image have the same.
    static LAST: Cell<Option<Box<Last>>> = const { Cell::new(None) };
}

/// Calls `decode` with what a head, the bytes from SOI to SOS, says. `None` also where [`Tables::read`] says so.
pub fn with_tables<T>(head: &[u8], decode: impl FnOnce(&Tables) -> Option<T>) -> Option<T> {
    let mut last = LAST.take().unwrap_or_default();
    if last.head != head {
        last.head.clear();
        last.tables.read(head)?;
        last.head.extend_from_slice(head);
    }
    let decoded = decode(&last.tables);
    if last.head.len() <= MOST_BYTES {
        LAST.set(Some(last));
    }
    decoded
}

/// How a component of a scan is decoded.
pub struct Component {
    pub steps: Factors,
    pub dc: usize,
    pub ac: usize,
}

impl Tables {
    /// Reads the bytes from SOI to SOS. `None`: colours that are not gray or YCbCr for certain, steps of 16 bits, tables that are not there or
    /// damaged. Libjpeg decides these.
    fn read(&mut self, head: &[u8]) -> Option<()> {
        let Self { components, codes, free } = self;
        free.extend(codes.iter_mut().filter_map(Option::take));
        components.clear();
        let mut steps: [Option<Factors>; SLOTS] = [None; SLOTS];
        let (mut frame, mut scan): (&[u8], &[u8]) = (&[], &[]);
        let mut at = 2;
        while let Some(&[0xFF, marker, high, low]) = head.get(at..).and_then(|rest| rest.first_chunk()) {
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            let content = head.get(at + 4..end)?;
            match marker {
                // SOF, DHT, SOS, DQT.
                0xC0 | 0xC1 => frame = content.get(6..)?,
                0xC4 => read_codes(content, codes, free)?,
                0xDA => scan = content,
                0xDB => read_steps(content, &mut steps)?,
                // Adobe's segment may say that the colours are no YCbCr, and libjpeg warns of another JFIF.
                0xE0 if content.starts_with(b"JFIF\0\x01") => {}
                0xE0 | 0xEE => return None,
                _ => {}
            }
            at = end;
        }
        let (planes, selectors) = (frame.as_chunks::<3>().0, scan.get(1..)?.as_chunks::<2>().0);
        // Without Adobe's segment these numbers stand for YCbCr.
        for ((&[number, _, table], &[of, tables]), wanted) in planes.iter().zip(selectors).zip(1..) {
            let (dc, ac) = (usize::from(tables >> 4), SLOTS + usize::from(tables & 15));
            let there = |code: usize| codes.get(code).is_some_and(Option::is_some);
            if (number, of) != (wanted, wanted) || dc >= SLOTS || !there(dc) || !there(ac) {
                return None;
            }
            components.push(Component { steps: (*steps.get(usize::from(table))?)?, dc, ac });
        }
        (!components.is_empty() && components.len() == planes.len()).then_some(())
    }
}

fn read_steps(mut content: &[u8], steps: &mut [Option<Factors>; SLOTS]) -> Option<()> {
    while let Some((&number, rest)) = content.split_first() {
        let (zigzag, rest) = rest.split_first_chunk::<64>()?;
        // The upper half is 1 for steps of 16 bits.
        let slot = steps.get_mut(usize::from(number)).filter(|_| !zigzag.contains(&0))?;
        let mut factors = [0; 64];
        zigzag.iter().zip(NATURAL).for_each(|(&step, place)| factors[usize::from(place)] = u16::from(step));
        *slot = Some(factors);
        content = rest;
    }
    Some(())
}

fn read_codes(
    mut content: &[u8],
    codes: &mut [Option<Box<Lookup>>; 2 * SLOTS],
    free: &mut Vec<Box<Lookup>>,
) -> Option<()> {
    while let Some((&number, rest)) = content.split_first() {
        let (lengths, rest) = rest.split_first_chunk::<LENGTHS>()?;
        let symbols = lengths.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(symbols)?;
        let (class, slot) = (usize::from(number >> 4), usize::from(number & 15));
        if class > 1 || slot >= SLOTS {
            return None;
        }
        let code = codes[class * SLOTS + slot].get_or_insert_with(|| free.pop().unwrap_or_default());
        code.fill(lengths, symbols, class == 0)?;
        content = rest;
    }
    Some(())
}
