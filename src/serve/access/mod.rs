//! Access control: bearer tokens, sessions of browsers that stand for one, and signatures that cover one name until a time.

mod attempts;
mod credentials;
mod presented;
mod secret;
mod sessions;
mod signature;

pub use attempts::Attempts;
pub use credentials::{Credentials, Refusal};
pub use presented::{Presented, SESSION_COOKIE};
pub use secret::Secret;
pub use sessions::SESSION_SECONDS;
pub use signature::{ALL, SigningKey, signature_params};
