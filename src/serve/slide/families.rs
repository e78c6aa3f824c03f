//! Reads and decodes the families of a slide's archive.

use super::Slide;
use crate::archive::FamilyRecord;
use crate::decode::Input;
use crate::error::{Error, Result, ServedFault};
use crate::image::geometry::FamilyId;
use crate::params::Coding;
use crate::residual::{self, FamilyDecoder};
use crate::span::span;

impl Slide {
    /// Reads a family, without holding a thread while an object at an address is waited for.
    ///
    /// # Errors
    /// Damage.
    pub async fn load(&self, id: FamilyId) -> Result<FamilyRecord> {
        span!("read").around(self.archive()?.0.load(id)).await
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
    fn archive(&self) -> Result<(&Input, &Coding)> {
        self.input
            .as_deref()
            .zip(self.coding.as_ref())
            .ok_or_else(|| Error::served(&self.name, ServedFault::NoArchive))
    }
}
