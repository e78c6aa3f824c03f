//! Reads that a signal interrupts, as on a network file system, are repeated: readers of others take them for failures.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// A reader whose reads are never [`ErrorKind::Interrupted`].
#[derive(Debug)]
pub struct Retried<R>(pub R);

impl<R: Read> Read for Retried<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl<R: Seek> Seek for Retried<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every other read is interrupted, the others give a byte.
    struct Interrupted(bool, u8);

    impl Read for Interrupted {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 = !self.0;
            if self.0 {
                return Err(ErrorKind::Interrupted.into());
            }
            let Some(first) = buffer.first_mut().filter(|_| self.1 < 4) else { return Ok(0) };
            self.1 += 1;
            *first = self.1;
            Ok(1)
        }
    }

    #[test]
    fn an_interrupted_read_is_repeated() {
        let mut reader = Retried(Interrupted(false, 0));
        let mut buffer = [0; 8];
        let read: Vec<usize> = (0..5).map(|_| reader.read(&mut buffer).unwrap()).collect();
        assert_eq!((read, buffer[0]), (vec![1, 1, 1, 1, 0], 4));
    }
}
