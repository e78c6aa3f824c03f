//! What the tile server and the page of evaluation runs share: connections, responses, embedded files.
//!
//! ```text
//! listen     connections and their limits               sockets
//! sending    whether clients take what is sent          HTTP
//! budget     bytes that requests hold                   no I/O
//! blocking   work that reads files, with a deadline     threads
//! cookies    cookies of a request                       HTTP
//! origin     which page has a browser send a request    HTTP
//! range      ranges of bytes                            no I/O
//! respond    cache validation, ranges, errors as JSON   HTTP
//! exposition metrics in two text formats                no I/O
//! assets     embedded files, headers of pages           HTTP
//! error      why a request failed                       no I/O
//! ```
//!
//! Knows no routes, no slides and no runs.

pub mod assets;
pub mod blocking;
pub mod budget;
pub mod cookies;
pub mod error;
pub mod exposition;
pub mod listen;
pub mod origin;
pub mod range;
pub mod respond;
mod sending;
