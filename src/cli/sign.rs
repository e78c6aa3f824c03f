//! `origami sign`: addresses for a server that asks for signatures.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;
use origami::serve::{ALL, SigningKey, path_segment};
use serde_json::json;

use super::args::work::JsonArgs;
use super::json;
use super::print::say;

/// Signs everything of one slide until a time: descriptor, tiles, original, thumbnail, viewer, description and IIIF. Prints what to
/// append to their addresses after `?`; with --url the addresses of the viewer and of the descriptor.
#[derive(Args)]
pub struct SignArgs {
    /// The server's --signing-key-file
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Name of the slide; * for all of them and their list
    #[arg(value_name = "SLIDE", required_unless_present = "slide", conflicts_with = "slide")]
    name: Option<String>,
    /// The same as a flag
    #[arg(long, value_name = "NAME")]
    slide: Option<String>,
    /// For how long from now: 90s, 30m, 12h, 7d
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = duration)]
    valid: Duration,
    /// What the server's addresses begin with
    #[arg(long, value_name = "URL", value_parser = base)]
    url: Option<String>,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: SignArgs) -> Result<()> {
    let slide = args.name.or(args.slide).unwrap_or_default();
    let key = SigningKey::read(&args.key_file)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is before 1970")?;
    let expires = now.as_secs().saturating_add(args.valid.as_secs());
    let query = key.query(&slide, expires);
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

/// Reads a whole number and its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let parse = || {
        let (_, seconds) = units.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
        let count = text.get(..text.len() - 1)?.parse::<u32>().ok().filter(|&count| count > 0)?;
        Some(Duration::from_secs(u64::from(count) * seconds))
    };
    parse().ok_or_else(|| "a whole number and s, m, h or d, such as 30m, 12h or 7d".into())
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
    fn times_and_addresses_are_read_or_refused() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "12", "0h", "-1h", "1.5h", "12H", "1w", "4294967296s", "1h30m", "7\u{e4}"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(base("https://a.org/wsi/").as_deref(), Ok("https://a.org/wsi"));
        for text in ["", "http://", "a.org", "ftp://a.org", "http://a.org?x=1", "http://a b"] {
            assert!(base(text).is_err(), "{text}");
        }
    }
}
