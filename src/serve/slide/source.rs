//! The slide that an archive was made of, where it lies beside it: tiles cut from its pixels, for comparison.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::reader::{FileLevel, Reader, Readers};
use super::scan::MAX_HALVINGS;
use crate::error::{Error, Result};
use crate::image::geometry::{Geometry, TileId};
use crate::pyramid::identity::Identity;
use crate::pyramid::samples::Samples;
use crate::serve::throttle::Throttle;
use crate::slide::Selection;

/// Levels below L0 that are made of its pixels, down to L2: a tile of a coarser one would need more than 16 tiles of them.
pub const MAX_DOWN: u32 = MAX_HALVINGS;

/// A scanned slide. It is opened by the first request for one of its tiles.
pub struct Source {
    path: PathBuf,
    /// See [`Identity`].
    identity: String,
    /// What of it was encoded.
    view: Selection,
    readers: Arc<Readers>,
}

impl Source {
    /// The slide at `path`, if it is the one that an archive records as its source.
    pub fn find(path: &Path, recorded: Option<&str>, readers: Arc<Readers>) -> Option<Self> {
        let recorded = recorded?;
        let (file, view) = Identity::split(recorded)?;
        match Identity::of_file(path) {
            Ok(identity) => (identity.text == file).then(|| Self {
                path: path.into(),
                identity: recorded.into(),
                view,
                readers,
            }),
            Err(e) => {
                // A slide is opened again and again, whatever clients ask for.
                static SAID: Throttle = Throttle::new();
                match SAID.next(Instant::now()) {
                    None => {}
                    Some(0) => tracing::warn!("not compared with its archive: {e}"),
                    Some(more) => tracing::warn!(more, "not compared with its archive: {e}"),
                }
                None
            }
        }
    }

    /// See [`Identity`].
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The file, and what of it was encoded.
    pub fn file(&self) -> (&Path, &Selection) {
        (&self.path, &self.view)
    }

    /// Names of other images in the file.
    ///
    /// # Errors
    /// A slide that cannot be read.
    pub fn associated(&self) -> Result<Vec<String>> {
        Ok(self.reader()?.info.associated.clone())
    }

    /// Its reader.
    ///
    /// # Errors
    /// A slide that cannot be read.
    pub fn reader(&self) -> Result<Arc<Reader>> {
        self.readers.get(&self.path, &self.view)
    }

    /// The pixels of a tile that lies at most [`MAX_DOWN`] levels below L0: those of the full resolution, halved as an encode halves
    /// them.
    ///
    /// # Errors
    /// A slide that cannot be read, or has another size than its archive.
    pub fn tile(&self, geometry: &Geometry, tile: TileId) -> Result<Samples> {
        let reader = self.reader()?;
        if (reader.info.width, reader.info.height) != (geometry.width(), geometry.height()) {
            return Err(Error::input(&self.path, "it has another size than its archive"));
        }
        reader.tile(geometry, tile, FileLevel::FULL)
    }
}
