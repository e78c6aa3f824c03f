//! Where files lie: anything that can be read at an offset, on a local disk or at an address.
//!
//! Knows nothing of what the bytes mean.
//!
//! | module | what |
//! |---|---|
//! | `local` | files on a disk, bytes in memory |
//! | `location` | what a path or address names: a file, or an object of a store |
//! | `remote` | object storage and web servers (feature `remote`) |
//! | `read_at` | what readers ask of all of these |
//! | `arrival` | bytes that were announced and are on their way |
//! | `open` | opens a file or an object |
//! | `create` | files of this program, under names that anybody may have taken |
//! | `retried` | reads that a signal interrupts, repeated |
//! | `wanted` | whether what a thread waits for is still wanted |
//! | `lock` | one writer at a time under a name |
//! | `memory` | memory of a length that a file claims |
//! | `error` | the errors of files |

mod arrival;
mod create;
mod error;
mod local;
mod location;
mod lock;
mod memory;
mod open;
mod read_at;
#[cfg(feature = "remote")]
pub mod remote;
mod retried;
mod wanted;

pub use arrival::Arrival;
pub use create::create;
pub use error::{Advice, FileError};
pub use local::{FileStore, open_regular};
pub use location::{Address, AddressError, Location, Scheme, is_address, is_web};
pub use lock::LockFile;
pub use memory::zeroed;
pub use open::{ahead_bytes, exists, files_below, files_in, forget, is_file, open, publish_directory, read};
pub use read_at::{ReadAt, Reading};
pub use retried::Retried;
pub use wanted::{is_given_up, until};
