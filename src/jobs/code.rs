//! What went wrong, for programs: the codes of the render service.

use serde::{Deserialize, Serialize};

/// A code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The encoder of a GPU has no memory.
    GpuMemoryInsufficient,
    /// A video that cannot be read.
    InvalidVideoFormat,
    /// A request that is not what it should be.
    ScenarioParseError,
    /// An attempt took too long.
    RenderingTimeout,
    /// Queue, results or temporary files cannot be read or written.
    StorageAccessError,
    /// An address that is refused or cannot be reached.
    ConnectionError,
    /// An address that does not answer in time.
    TimeoutError,
    /// Anything else.
    RenderError,
    /// It was cancelled.
    Cancelled,
}

impl Code {
    /// What can be done about it; `None` where the message says it.
    pub fn suggestion(self) -> Option<&'static str> {
        match self {
            Self::GpuMemoryInsufficient => Some("let fewer jobs run at a time, or a smaller video"),
            Self::InvalidVideoFormat => {
                Some("send a video that ffmpeg reads: MP4, MOV, Matroska, WebM, AVI or MPEG-TS")
            }
            Self::ScenarioParseError => Some("correct the fields that are named, and send the request again"),
            Self::RenderingTimeout => Some("make the video shorter or smaller, or render it in parts"),
            Self::StorageAccessError => {
                Some("make room or give access where the message says; the job is tried again by itself")
            }
            Self::ConnectionError => Some("check the address, and that it can be reached from the workers"),
            Self::TimeoutError => {
                Some("check that the server at the address answers; the job is tried again")
            }
            Self::RenderError | Self::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_the_contract_writes_them() {
        let text = |code| serde_json::to_value(code).unwrap();
        assert_eq!(text(Code::GpuMemoryInsufficient), "GPU_MEMORY_INSUFFICIENT");
        assert_eq!(text(Code::StorageAccessError), "STORAGE_ACCESS_ERROR");
        assert_eq!(text(Code::Cancelled), "CANCELLED");
    }
}
