//! The time of day, which may be wrong.

use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of a machine. Nothing may depend on two machines agreeing about the time; tests set one an hour off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// By how much it is wrong.
    off_ms: i64,
}

impl Clock {
    /// A clock that is ahead by so much.
    pub fn off_by(off_ms: i64) -> Self {
        Self { off_ms }
    }

    /// Milliseconds since 1970.
    pub fn now_ms(self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX).saturating_add_signed(self.off_ms)
    }
}
