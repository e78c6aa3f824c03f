//! Colour profiles (ICC.1) of output images: checked, embedded, or converted to sRGB.
//!
//! | module | what |
//! |---|---|
//! | `profile` | a profile that has been checked, and its conversion: the owner of moxcms |
//! | `embed` | a profile in a JPEG, PNG or WebP file |
//! | `colour` | what is done to the images of a slide |

mod colour;
mod embed;
mod profile;

pub use colour::{Colour, Icc, MAX_EMBEDDED_BYTES};
pub use profile::Profile;
