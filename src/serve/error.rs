//! What a request may get instead of what it asked for. Nothing in it names a file: that goes to the log.

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// No such slide, level or tile.
    #[error("not found")]
    NotFound,
    /// The request itself is wrong.
    #[error("{0}")]
    Bad(String),
    /// The request is right and asks for what this server does not do.
    #[error("{0}")]
    Unsupported(String),
    /// More families are asked for than the server takes on.
    #[error("busy: try again")]
    Busy,
    /// What was asked for is there and cannot be sent; the text says why.
    #[error("{0}")]
    Failed(String),
    /// The slide's files are damaged or cannot be read.
    #[error("this slide cannot be read; the server's log says why")]
    Broken,
}
