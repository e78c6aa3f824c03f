//! `origami sign`: addresses for a server that asks for signatures.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;
use origami::serve::{ALL, SigningKey, path_segment};
use serde_json::json;

use super::args::values::{DAY, SECOND, duration};
use super::args::work::JsonArgs;
use super::json;
use super::print::say;

/// Make signed addresses for a server that asks for them.
///
/// Signs everything of one slide until a time: descriptor, tiles, original, thumbnail, viewer, description and IIIF. Prints what to
/// append to their addresses after `?`; with --url the addresses of the viewer and of the descriptor. With --annotate the addresses
/// also let their holder change the slide's marks.
#[derive(Args)]
pub struct SignArgs {
    /// The server's --signing-key-file
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    key_file: PathBuf,
    /// Name of the slide; * for all of them and their list
    #[arg(value_name = "SLIDE", required_unless_present = "slide", conflicts_with = "slide")]
    #[arg(help_heading = "Input")]
    name: Option<String>,
    /// The same as a flag
    #[arg(long, value_name = "NAME", help_heading = "Input", hide_short_help = true)]
    slide: Option<String>,
    /// For how long from now, with a unit: s, m, h or d [range: 1s to 36500d]
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = duration(None, SECOND..=36_500 * DAY))]
    #[arg(help_heading = "Access")]
    valid: Duration,
    /// Let the holder of the addresses change marks as well
    #[arg(long, help_heading = "Access")]
    annotate: bool,
    /// What the server's addresses begin with [default: none]
    #[arg(long, value_name = "URL", value_parser = base, help_heading = "Output")]
    url: Option<String>,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: SignArgs) -> Result<()> {
    let slide = args.name.or(args.slide).unwrap_or_default();
    let key = SigningKey::read(&args.key_file)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is before 1970")?;
    let expires = now.as_secs().saturating_add(args.valid.as_secs());
    let query = match args.annotate {
        true => key.query_to_annotate(&slide, expires),
        false => key.query(&slide, expires),
    };
    let addresses = args.url.map(|base| addresses(&base, &slide, &query));
    if args.json.json {
        let body = json!({"slide": slide, "expires": expires, "query": query, "addresses": addresses.unwrap_or_default()});
        return Ok(json::print("sign", body)?);
    }
    for line in addresses.unwrap_or_else(|| vec![query]) {
        say!("{line}");
    }
    Ok(())
}

/// The signed addresses of a slide's viewer and descriptor; of all slides that of their list, as a page and as JSON.
fn addresses(base: &str, slide: &str, query: &str) -> Vec<String> {
    let name = path_segment(slide);
    let paths = match slide {
        ALL => ["/".into(), "/api/slides".into()],
        _ => [format!("/viewer/{name}"), format!("/dzi/{name}.dzi")],
    };
    paths.map(|path| format!("{base}{path}?{query}")).to_vec()
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
