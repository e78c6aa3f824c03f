//! Object storage and web servers.
//!
//! Knows nothing of what the bytes mean. `docs/storage.md` says what callers are promised.
//!
//! | module | what |
//! |---|---|
//! | `connect` | from an address to its store, with the credentials of the environment |
//! | `runtime` | the threads of HTTP |
//! | `settings` | how long a process waits, and what it keeps |
//! | `fetch` | requests for ranges of bytes of one version of an object |
//! | `blocks` | the blocks of objects in memory |
//! | `object` | one object, open for reading and pinned to its version |
//! | `fault` | what a store's refusals are to a caller |

mod blocks;
mod connect;
mod fault;
mod fetch;
mod object;
mod runtime;
mod settings;

pub use connect::{Place, connect};
pub use fault::{is_refused, of_store};
pub use object::Object;
pub use runtime::{handle, spawn, wait};
pub use settings::{Settings, configure};
