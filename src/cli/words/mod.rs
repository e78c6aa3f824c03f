//! The library's errors in the words of the command line: with the flags that a user typed.
//!
//! An error that concerns no flag keeps its own text. The files follow the library's layers: `params` names parameters,
//! `backend` threads and GPUs, `codec` codecs, `coding` families and output tiles, `files` archives, slides and trees, `servers`
//! slides that cannot be served, `library` the error of whole calls.

mod backend;
mod codec;
mod coding;
mod files;
mod library;
mod params;
#[cfg(feature = "serve")]
mod servers;

#[cfg(feature = "gpu")]
pub use backend::reason;

/// The text of an error for the terminal: contexts, the error and its causes. The library's texts contain those of their causes,
/// which are then left out.
pub fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let plain = cause.to_string();
        if !text.is_empty() && text.contains(&plain) {
            continue;
        }
        let words = with_flags(cause);
        let flagged = words.is_some();
        if !text.is_empty() {
            text += ": ";
        }
        text += &words.unwrap_or(plain);
        // Words of ours include those of the causes.
        if flagged {
            break;
        }
    }
    text
}

/// The text with flags; `None` where the error concerns no flag. So in all functions of these files.
fn with_flags(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let words = error.downcast_ref().and_then(library::error);
    let words = words.or_else(|| error.downcast_ref().and_then(files::pyramid));
    let words = words.or_else(|| error.downcast_ref().and_then(files::slide));
    let words = words.or_else(|| error.downcast_ref().and_then(files::archive));
    let words = words.or_else(|| error.downcast_ref().and_then(coding::output));
    let words = words.or_else(|| error.downcast_ref().and_then(coding::residual));
    let words = words.or_else(|| error.downcast_ref().and_then(codec::error));
    let words = words.or_else(|| error.downcast_ref().and_then(backend::error));
    let words = words.or_else(|| error.downcast_ref().and_then(backend::gpu));
    let words = words.or_else(|| error.downcast_ref().and_then(backend::no_adapter));
    let words = words.or_else(|| error.downcast_ref().and_then(params::error));
    #[cfg(feature = "serve")]
    let words = words.or_else(|| error.downcast_ref().and_then(servers::serve));
    #[cfg(feature = "serve")]
    let words = words.or_else(|| error.downcast_ref().and_then(servers::evals));
    words
}

#[cfg(test)]
mod tests;
