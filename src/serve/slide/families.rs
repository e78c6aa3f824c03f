//! Reads and decodes the families of a slide's archive.

use std::sync::Arc;

use super::Slide;
use crate::archive::FamilyRecord;
use crate::decode::Input;
use crate::error::{Error, Result, ServedFault};
use crate::image::geometry::FamilyId;
use crate::params::Coding;
use crate::residual::{self, FamilyDecoder};
use crate::serve::threads::Progress;
use crate::span::span;
use crate::store::is_address;

impl Slide {
    /// Reads a family. An object at an address is waited for without holding a thread; a file is read on this one, which computes: the
    /// allocator keeps memory for every thread that makes records. `progress` says for how long.
    ///
    /// # Errors
    /// Damage.
    pub async fn load(&self, id: FamilyId, progress: &Progress) -> Result<FamilyRecord> {
        let input = self.archive()?.0;
        if is_address(&input.path(id)) {
            return span!("read").around(input.load(id)).await;
        }
        self.reads.quick().await;
        span!("read").around(async { progress.read(|| input.read(id)) }).await
    }

    /// Decodes what `decode` says of a family.
    ///
    /// # Errors
    /// Damage.
    pub fn decode<T>(
        &self,
        id: FamilyId,
        record: &FamilyRecord,
        decode: impl FnOnce(FamilyDecoder<'_>) -> residual::Result<T>,
    ) -> Result<T> {
        let (input, coding) = self.archive()?;
        decode(FamilyDecoder { geometry: &self.geometry, coding, id, record })
            .map_err(Error::stored_family(&input.path(id), id))
    }

    /// The archive and how its families are coded.
    fn archive(&self) -> Result<(&Arc<Input>, &Coding)> {
        self.input
            .as_ref()
            .zip(self.coding.as_ref())
            .ok_or_else(|| Error::served(&self.name, ServedFault::NoArchive))
    }
}
