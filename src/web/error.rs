//! Why a request failed. No text names a file: paths go to the log.

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// No such slide, level, tile, run or picture: 404.
    #[error("not found")]
    NotFound,
    /// The same, and what there is instead: 404.
    #[error("{0}")]
    Absent(String),
    /// None of what there is, which the text names, is what the client takes: 406.
    #[error("none of the media types that are asked for; there are: {0}")]
    NotAcceptable(String),
    /// The request itself is wrong: 400.
    #[error("{0}")]
    Bad(String),
    /// The request is valid but asks for what this server does not do: 501.
    #[error("{0}")]
    Unsupported(String),
    /// The server has too much work: 503, to be tried again.
    #[error("busy: try again")]
    Busy,
    /// The answer is not known yet; the text says when to try again: 503.
    #[error("{0}")]
    Later(String),
    /// The storage that holds the slide does not answer: 503, to be tried again.
    #[error("the storage of this slide does not answer: try again")]
    Away,
    /// The resource exists and cannot be sent; the text says why: 500.
    #[error("{0}")]
    Failed(String),
    /// The slide's files are damaged or cannot be read: 500.
    #[error("this slide cannot be read; the server's log says why")]
    Broken,
}
