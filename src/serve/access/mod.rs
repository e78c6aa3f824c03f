//! Access control: bearer tokens, and signatures that cover one name until a time.

mod credentials;
mod signature;

pub use credentials::{Credentials, Refusal};
pub use signature::{ALL, SigningKey, signature_params};
