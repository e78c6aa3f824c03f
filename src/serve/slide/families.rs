//! Reads and decodes the families of a slide's archive.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::Slide;
use crate::archive::FamilyRecord;
use crate::decode::Input;
use crate::error::{Error, Result, ServedFault};
use crate::image::geometry::FamilyId;
use crate::params::Coding;
use crate::residual::{self, FamilyDecoder};
use crate::span::span;
use crate::store::is_address;

impl Slide {
    /// Reads a family, without holding a thread that computes: an object at an address is waited for, a file is read on `files`, the
    /// threads for that. `held` is kept until it is read, also where nobody waits for it any more.
    ///
    /// # Errors
    /// Damage.
    pub async fn load(
        self: &Arc<Self>,
        id: FamilyId,
        files: &Handle,
        held: impl Send + 'static,
    ) -> Result<FamilyRecord> {
        let input = self.archive()?.0.clone();
        if is_address(&input.path(id)) {
            return span!("read").around(input.load(id)).await;
        }
        let read = files.spawn_blocking(move || (input.read(id), held).0);
        match span!("read").around(read).await {
            Ok(record) => record,
            Err(e) => match e.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The server has ended, and nobody waits.
                Err(_) => std::future::pending().await,
            },
        }
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
