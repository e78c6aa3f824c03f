//! DICOMweb (PS3.18), read-only: every slide that has a scale is a study, a series, and an instance for each level of its pyramid.
//!
//! What an instance says and what it is called is shared with `convert`; its frames are the tiles that the server sends.
//!
//! ```text
//! accept      which of what there is a client takes          no I/O
//! query       what a search asks for                         no I/O
//! matching    whether a value is what is asked for           no I/O
//! json        attributes as JSON                             no I/O
//! multipart   parts of an answer                             no I/O
//! pyramid     a slide as instances: attributes and UIDs      files
//! described   what a search knows of a slide                files
//! index       all slides by their UIDs                       files
//! search      what a search finds                            no I/O
//! frames      frames, and what those of a level are          threads
//! ```

mod accept;
mod described;
mod frames;
mod index;
mod json;
mod matching;
mod multipart;
mod pyramid;
mod query;
mod search;

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::Mutex;

use super::catalog::Catalog;
use super::options::ServeOptions;

pub use accept::{Accepted, Framing, of_bulk, of_frames, of_image, of_instance, of_json};
pub use described::Described;
pub use frames::{Looked, Looks, frame, frame_list};
pub use index::{All, Index};
pub use json::dataset as attributes_as_json;
pub use multipart::Multipart;
pub use pyramid::{Pyramid, count_of_frames, tile_of};
pub use query::{Scope, Search, is_uid};
pub use search::find;

/// Most signatures whose slide is remembered, and for how long after their last use.
const MAX_SIGNED: u64 = 1024;
const SIGNED_TIME: Duration = Duration::from_secs(300);

/// The service.
pub struct Dicomweb {
    pub index: Arc<Index>,
    pub looks: Looks,
    /// The slides of signatures, which are looked for among all names: by the parameters of a query.
    pub signed: Cache<String, Arc<str>>,
    /// The turn to look: who has no credentials can ask for as many looks as they like, and all of them take one thread at most.
    pub looking: Arc<Mutex<()>>,
}

impl Dicomweb {
    /// A service of the slides of a catalog.
    pub fn new(catalog: Arc<Catalog>, options: Arc<ServeOptions>) -> Self {
        let signed = Cache::builder().max_capacity(MAX_SIGNED).time_to_idle(SIGNED_TIME).build();
        Self {
            index: Arc::new(Index::new(catalog, options)),
            looks: Looks::default(),
            signed,
            looking: Arc::default(),
        }
    }
}
