//! Files whose data set is one deflated stream: inflated whole into memory, or as far as a listing needs it.

use super::super::deflate::{Inflater, cut_off, too_long};
use super::super::error::SlideError;
use super::super::fault::Fault;
use super::super::positional::PositionalFile;
use super::super::region::allocate;
use super::elements::{ADVICE, Encoding, FORMAT};
use super::header::{Header, Next};
use std::sync::Arc;

/// Most bytes of a file that a listing looks into for the series.
pub(super) const MAX_LISTED_BYTES: usize = 16 << 20;
/// Where it looks whether it has found it.
const LISTED_STEPS: [usize; 3] = [64 << 10, 1 << 20, MAX_LISTED_BYTES];
/// Bytes of the file that are read at a time.
const PIECE_BYTES: u64 = 64 << 10;

/// A deflated data set, as far as it is inflated.
struct DataSet<'a> {
    file: &'a PositionalFile,
    stream: Inflater,
    /// What is read of the file next.
    at: u64,
    /// What was read of it, and how much of that is inflated.
    piece: Vec<u8>,
    used: usize,
}

impl<'a> DataSet<'a> {
    fn new(file: &'a PositionalFile, at: u64) -> Self {
        Self { file, stream: Inflater::new(), at, piece: Vec::new(), used: 0 }
    }

    fn fault(&self, fault: Fault) -> SlideError {
        fault.at(self.file.path(), FORMAT, "deflated data set", ADVICE)
    }

    /// Inflates onto the end of `out` until that has `most_bytes`, or the stream ends.
    fn inflate(&mut self, out: &mut Vec<u8>, most_bytes: usize) -> Result<(), SlideError> {
        while out.len() < most_bytes && !self.stream.has_ended() {
            if self.used == self.piece.len() {
                self.read()?;
            }
            let (rest, filled) = (self.piece.get(self.used..).unwrap_or_default(), out.len());
            let used = self.stream.push(rest, out, most_bytes).map_err(|fault| self.fault(fault))?;
            if (used, out.len()) == (0, filled) && !self.stream.has_ended() {
                return Err(self.fault(cut_off()));
            }
            self.used += used;
        }
        Ok(())
    }

    /// Reads the next piece of the file.
    fn read(&mut self) -> Result<(), SlideError> {
        let length = self.file.len().saturating_sub(self.at).min(PIECE_BYTES);
        if length == 0 {
            return Err(self.fault(cut_off()));
        }
        self.piece.resize(length as usize, 0);
        let failed = |source| SlideError::io(self.file.path(), "cannot read it", source);
        self.file.read_exact_at(self.at, &mut self.piece).map_err(failed)?;
        (self.at, self.used) = (self.at + length, 0);
        Ok(())
    }
}

/// The file as if its data set, from `at` on, were not deflated. It is held in memory, of which it may take `limit_bytes`.
pub(super) fn whole(file: PositionalFile, at: u64, limit_bytes: u64) -> Result<PositionalFile, SlideError> {
    let mut data = DataSet::new(&file, at);
    let mut bytes = allocate(file.path(), "a deflated file", at, limit_bytes, "allow more memory")?;
    let failed = |source| SlideError::io(file.path(), "cannot read it", source);
    file.read_exact_at(0, &mut bytes).map_err(failed)?;
    let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX - 1);
    // One byte more than allowed shows that there are more.
    data.inflate(&mut bytes, limit + 1)?;
    if bytes.len() > limit {
        return Err(data.fault(too_long(limit)));
    }
    bytes.shrink_to_fit();
    Ok(file.with_bytes(bytes))
}

/// What the data set says until `after` says stop, inflated no further than that takes, and not beyond [`MAX_LISTED_BYTES`].
pub(super) fn header(
    file: &PositionalFile,
    at: u64,
    encoding: Encoding,
    after: impl Fn(&Header) -> Next,
) -> Result<Header, SlideError> {
    let (mut data, mut bytes) = (DataSet::new(file, at), Arc::new(Vec::new()));
    for most_bytes in LISTED_STEPS {
        // Nobody else has them between two steps.
        data.inflate(Arc::make_mut(&mut bytes), most_bytes)?;
        let read = Header::read(
            &PositionalFile::of_bytes(file.path(), &bytes),
            encoding,
            0,
            MAX_LISTED_BYTES as u64,
            &after,
        );
        if data.stream.has_ended() {
            return read;
        }
        // What seems to end here goes on.
        let is_enough = |header: &Header| after(header) == Next::Stop || header.pixels.is_some();
        if let Some(header) = read.ok().filter(is_enough) {
            return Ok(header);
        }
    }
    let what = format!("no series in the first {MAX_LISTED_BYTES} bytes");
    Err(data.fault(Fault::unsupported(what)))
}
