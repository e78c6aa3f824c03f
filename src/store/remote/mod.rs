//! Object storage and web servers.
//!
//! Knows nothing of what the bytes mean. `docs/storage.md` says what callers are promised.
//!
//! | module | what |
//! |---|---|
//! | `connect` | from an address to its store, with the credentials of the environment |
//! | `stores` | the stores that are kept, and the web servers that are restricted |
//! | `runtime` | the threads of HTTP |
//! | `settings` | how long a process waits, and what it keeps |
//! | `fetch` | requests for ranges of bytes of one version of an object |
//! | `blocks` | the blocks of objects in memory |
//! | `disk` | the blocks of objects on disk |
//! | `list` | what lies below an address |
//! | `thin` | the same without most of what comes in thousands |
//! | `files` | what lies below an address, as files that are read whole |
//! | `object` | one object, open for reading and pinned to its version |
//! | `publish` | writing: a temporary key, read back, then the final one |
//! | `address_policy` | which hosts a request may be sent to |
//! | `download` | a file that somebody else has named, fetched with limits |
//! | `fault` | what a store's refusals are to a caller |

mod address_policy;
mod blocks;
mod connect;
mod disk;
mod download;
mod fault;
mod fetch;
mod files;
mod list;
mod object;
mod publish;
mod runtime;
mod settings;
mod sparse_list;
mod stores;

pub use address_policy::{AddressPolicy, Private, private_of};
pub use blocks::ahead_bytes;
pub use connect::{Place, connect, restrict};
pub use download::{Bounds, DownloadError, download};
pub use fault::{is_refused, of_store, status};
pub use fetch::Version;
pub use files::Files;
pub use list::{Listed, entries, list};
pub use object::Object;
pub use publish::{exists, publish_directory};
pub use runtime::{handle, spawn, wait, while_wanted};
pub use settings::{Settings, configure, settings};
pub use sparse_list::{GroupEnd, LISTED_OF_GROUP, list_sparsely};
