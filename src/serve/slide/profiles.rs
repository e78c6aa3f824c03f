//! Colour profiles of open slides. Equal ones are one in memory: those of all views of a slide, and mostly of all slides of a scanner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use xxhash_rust::xxh3::xxh3_128;

use crate::output::icc::Profile;

/// A profile as a file has it.
pub struct Stored {
    bytes: Arc<[u8]>,
    /// What it means, or why it cannot be used; empty until somebody asks.
    parsed: OnceLock<Result<Profile, String>>,
}

impl Stored {
    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it means.
    ///
    /// # Errors
    /// Why it cannot be used, for a sentence about the profile.
    pub fn parsed(&self) -> &Result<Profile, String> {
        self.parsed.get_or_init(|| Profile::of(self.bytes.clone()))
    }
}

/// The profiles that somebody holds, by their hashes.
#[derive(Default)]
pub struct Profiles(Mutex<HashMap<u128, Weak<Stored>>>);

impl Profiles {
    /// The profile of these bytes: the one that there is already, if somebody holds an equal one.
    pub fn of(&self, bytes: Vec<u8>) -> Arc<Stored> {
        let hash = xxh3_128(&bytes);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held.get(&hash).and_then(Weak::upgrade)
            && *known.bytes == *bytes
        {
            return known;
        }
        let stored = Arc::new(Stored { bytes: bytes.into(), parsed: OnceLock::new() });
        held.retain(|_, of| of.strong_count() > 0);
        held.insert(hash, Arc::downgrade(&stored));
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_profiles_are_one_as_long_as_somebody_holds_it() {
        let (profiles, file) =
            (Profiles::default(), moxcms::ColorProfile::new_display_p3().encode().unwrap());
        let (one, other) = (profiles.of(file.clone()), profiles.of(b"no profile".to_vec()));
        let same = profiles.of(file.clone());
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
        // What it means is also there once, and refers to the same bytes.
        let parsed = same.parsed().as_ref().unwrap();
        assert_eq!((parsed.bytes().as_ptr(), parsed.bytes()), (one.bytes().as_ptr(), &*file));
        assert!(other.parsed().as_ref().unwrap_err().contains("not an ICC profile"));
        assert_eq!(profiles.0.lock().unwrap().len(), 2);
        drop((one, same));
        profiles.of(b"another".to_vec());
        assert_eq!(profiles.0.lock().unwrap().len(), 2, "the first is forgotten");
    }
}
