//! Access control: bearer tokens, and signatures that cover one name until a time.

mod credentials;
mod secret;
mod signature;

pub use credentials::{Credentials, Refusal};
pub use secret::Secret;
pub use signature::{ALL, SigningKey, signature_params};
