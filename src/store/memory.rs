//! Memory of a length that a file claims.

use std::io;

/// A buffer of so many zeros.
///
/// # Errors
/// `OutOfMemory`, where [`vec!`] would end the program: the length is one that a file claims.
pub fn zeroed(bytes: u64) -> io::Result<Vec<u8>> {
    let short =
        || io::Error::new(io::ErrorKind::OutOfMemory, format!("there is no memory for {bytes} bytes"));
    let length = usize::try_from(bytes).map_err(|_| short())?;
    let mut buf = Vec::new();
    buf.try_reserve_exact(length).map_err(|_| short())?;
    buf.resize(length, 0);
    Ok(buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_there_is_not_is_an_error() {
        assert_eq!(zeroed(3).unwrap(), [0; 3]);
        for bytes in [u64::MAX, i64::MAX as u64, 1 << 60] {
            assert_eq!(zeroed(bytes).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
        }
    }
}
