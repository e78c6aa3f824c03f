//! Whether a store creates an object only where none is.

use object_store::path::Path as ObjectPath;
use object_store::{Error as StoreError, ObjectStoreExt};

use super::{Results, is_there};
use crate::jobs::error::{Error, Result};
use crate::jobs::unit::Token;
use crate::store::remote;

impl Results {
    /// Whether the store refuses to create what is there. The first call tries it; a worker does so before it claims anything.
    ///
    /// # Errors
    /// A store that refuses a first object.
    pub fn creates_once(&self) -> Result<bool> {
        if let Some(known) = self.creates_once.get() {
            return Ok(*known);
        }
        let found = self.find_out()?;
        Ok(*self.creates_once.get_or_init(|| found))
    }

    /// Creates an object twice: some stores take the condition and ignore it.
    fn find_out(&self) -> Result<bool> {
        let path = ObjectPath::from(format!("probe/{}", Token::random()?));
        let (first, second) = (self.create(&path, b"1"), self.create(&path, b"2"));
        if first.is_ok() || second.is_ok() {
            let removed = self.runtime.block_on(self.store.delete(&path));
            removed.map_err(Error::store("remove", self.name(&path)))?;
        }
        let unknown = |e: &StoreError| match e {
            StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => true,
            // Stores that do not know the condition.
            e => remote::status(&e.to_string()).is_some_and(|status| matches!(status, 400 | 405 | 501)),
        };
        // The first may be there already: an answer was lost, and the request sent again.
        let first = first.or_else(|e| if is_there(&e) { Ok(()) } else { Err(e) });
        match (first, second) {
            (Ok(()), Err(e)) if is_there(&e) => Ok(true),
            (Ok(()), Ok(())) => Ok(false),
            (Err(e), _) if unknown(&e) => Ok(false),
            (Err(e), _) | (_, Err(e)) => Err(Error::store("create", self.name(&path))(e)),
        }
    }
}
