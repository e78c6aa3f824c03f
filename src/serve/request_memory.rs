//! The memory that requests share, for the addresses that another part of the program adds to a server.

use std::sync::Arc;

use super::options::Limits;
use super::tiles::Tiles;
use crate::web::budget::{Budget, Charge, Purpose};
use crate::web::error::ServeError;

/// Bytes where there is no server.
const OWN_BYTES: u64 = 64 << 20;

/// The memory of requests: that of a server, or one without.
#[derive(Clone)]
pub struct RequestMemory(Of);

#[derive(Clone)]
enum Of {
    Server(Arc<Tiles>),
    Nobody(Arc<Budget>),
}

impl RequestMemory {
    /// That of a server.
    pub(super) fn of(tiles: Arc<Tiles>) -> Self {
        Self(Of::Server(tiles))
    }

    /// That of a service without a server.
    pub(crate) fn of_its_own() -> Self {
        Self(Of::Nobody(Arc::new(Budget::new(OWN_BYTES, Limits::default().queue_timeout))))
    }

    /// Takes bytes, as soon as they are free.
    ///
    /// # Errors
    /// [`ServeError::Busy`] where they are not free in time.
    pub(crate) async fn charge(&self, purpose: Purpose, bytes: u64) -> Result<Charge, ServeError> {
        match &self.0 {
            Of::Server(tiles) => tiles.charge(purpose, bytes).await,
            Of::Nobody(budget) => budget.take(purpose, bytes).await,
        }
    }
}
