//! Reads and decodes the families of a slide's archive.

use super::Slide;
use crate::archive::FamilyRecord;
use crate::decode::Input;
use crate::error::{Error, Result, ServedFault};
use crate::image::family::DecodedFamily;
use crate::image::geometry::{FamilyId, Rect};
use crate::params::Coding;
use crate::residual::FamilyDecoder;

impl Slide {
    /// Reads a family, without holding a thread while an object at an address is waited for.
    ///
    /// # Errors
    /// Damage.
    pub async fn load(&self, id: FamilyId) -> Result<FamilyRecord> {
        self.archive()?.0.load(id).await
    }

    /// Decodes the payloads of a family into `family`: the baseline, and of the residual at least `part`, in pixels of the family's L0. Returns
    /// the decoded part; [`Self::decode_rest`] decodes what is left.
    ///
    /// # Errors
    /// Damage.
    pub fn decode(
        &self,
        id: FamilyId,
        record: &FamilyRecord,
        part: Rect,
        family: &mut DecodedFamily,
    ) -> Result<Rect> {
        let (input, coding) = self.archive()?;
        FamilyDecoder { geometry: &self.geometry, coding, id, record }
            .decode_part(part, family)
            .map_err(Error::stored_family(&input.path(id), id))
    }

    /// Decodes what [`Self::decode`] left out of the residual; it returned `done`.
    ///
    /// # Errors
    /// Damage.
    pub fn decode_rest(
        &self,
        id: FamilyId,
        record: &FamilyRecord,
        done: Rect,
        family: &mut DecodedFamily,
    ) -> Result<()> {
        let (input, coding) = self.archive()?;
        FamilyDecoder { geometry: &self.geometry, coding, id, record }
            .decode_rest(done, family)
            .map_err(Error::stored_family(&input.path(id), id))
    }

    /// The archive and how its families are coded.
    fn archive(&self) -> Result<(&Input, &Coding)> {
        self.input
            .as_ref()
            .zip(self.coding.as_ref())
            .ok_or_else(|| Error::served(&self.name, ServedFault::NoArchive))
    }
}
