//! `origami sign`: addresses for a server that asks for signatures.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;
use origami::serve::{ALL, SigningKey, path_segment};

use super::args::values::{DAY, SECOND, duration};
use super::print::say;

/// Make signed addresses for a server that asks for them.
///
/// Signs everything of one slide until a time: descriptor, tiles, original, thumbnail, viewer, description and IIIF. Prints what to
/// append to their addresses after `?`; with --url the addresses of the viewer and of the descriptor.
#[derive(Args)]
pub struct SignArgs {
    /// The server's --signing-key-file
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    key_file: PathBuf,
    /// Which slide; * for all of them and their list
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    slide: String,
    /// For how long from now, with a unit: s, m, h or d [range: 1s to 36500d]
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = duration(None, SECOND..=36_500 * DAY))]
    #[arg(help_heading = "Access")]
    valid: Duration,
    /// What the server's addresses begin with [default: none]
    #[arg(long, value_name = "URL", value_parser = base, help_heading = "Output")]
    url: Option<String>,
}

pub fn run(args: SignArgs) -> Result<()> {
    let key = SigningKey::read(&args.key_file)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is before 1970")?;
    let query = key.query(&args.slide, now.as_secs().saturating_add(args.valid.as_secs()));
    let Some(base) = args.url else {
        say!("{query}");
        return Ok(());
    };
    let name = path_segment(&args.slide);
    let paths = match args.slide.as_str() {
        ALL => ["/".into(), "/api/slides".into()],
        _ => [format!("/viewer/{name}"), format!("/dzi/{name}.dzi")],
    };
    for path in paths {
        say!("{base}{path}?{query}");
    }
    Ok(())
}

/// Reads the base of addresses, without the slash at its end.
fn base(text: &str) -> Result<String, String> {
    let known =
        ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    match known && !text.contains(['?', '#', ' ']) {
        true => Ok(text.trim_end_matches('/').into()),
        false => Err("an address such as https://slides.example.org".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        assert_eq!(base("https://a.org/wsi/").as_deref(), Ok("https://a.org/wsi"));
        for text in ["", "http://", "a.org", "ftp://a.org", "http://a.org?x=1", "http://a b"] {
            assert!(base(text).is_err(), "{text}");
        }
    }
}
