//! A view of a scanned slide: which of its channels, focal planes and points in time are shown, and which stored values are black and
//! white. As the query of an address: `channel=0,2&z=1&time=0&window=100,900`.
//!
//! Knows no files; `slide::planes` finds out what a slide has several of.

use crate::slide::Selection;
use crate::web::error::ServeError;

/// Largest number of a channel, focal plane or point in time, and largest stored value.
const MAX_NUMBER: u32 = 65_535;
/// Most channels that are shown together.
const MAX_CHANNELS: usize = 16;

/// The view that a query asks for; what it does not name is left open. Other keys are ignored.
///
/// # Errors
/// A value that is no number or list of numbers, or too large; a key that is given twice.
pub fn parse(query: &str) -> Result<Selection, ServeError> {
    let mut asked = Selection::default();
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let numbers = || numbers(value).ok_or_else(|| not_understood(key, value));
        let one = || match numbers()?[..] {
            [number] => Ok(number),
            _ => Err(not_understood(key, value)),
        };
        let is_new = match key {
            "channel" => {
                let mut channels = numbers()?;
                channels.sort_unstable();
                channels.dedup();
                if channels.len() > MAX_CHANNELS {
                    return Err(ServeError::Bad(format!("channel: at most {MAX_CHANNELS} at once")));
                }
                std::mem::replace(&mut asked.channels, channels).is_empty()
            }
            "z" => asked.z.replace(one()?).is_none(),
            "time" => asked.time.replace(one()?).is_none(),
            "window" => match numbers()?[..] {
                [low, high] if low < high => asked.window.replace((low, high)).is_none(),
                _ => return Err(not_understood(key, value)),
            },
            _ => true,
        };
        if !is_new {
            return Err(ServeError::Bad(format!("{key} is given twice")));
        }
    }
    Ok(asked)
}

/// The query that asks for a view; empty for one that leaves everything open.
pub fn query(view: &Selection) -> String {
    let Selection { channels, z, time, window } = view;
    let mut parts = Vec::new();
    if !channels.is_empty() {
        let numbers: Vec<_> = channels.iter().map(u32::to_string).collect();
        parts.push(format!("channel={}", numbers.join(",")));
    }
    parts.extend(z.map(|z| format!("z={z}")));
    parts.extend(time.map(|time| format!("time={time}")));
    parts.extend(window.map(|(low, high)| format!("window={low},{high}")));
    parts.join("&")
}

/// What `asked` names, and for the rest `default`.
pub fn merged(asked: &Selection, default: &Selection) -> Selection {
    let channels = if asked.channels.is_empty() { &default.channels } else { &asked.channels };
    Selection {
        channels: channels.clone(),
        z: asked.z.or(default.z),
        time: asked.time.or(default.time),
        window: asked.window.or(default.window),
    }
}

/// A name that ends in a view, as IIIF has it, which has no query in the addresses that it makes: `slide?channel=1` is the identifier
/// of a view of `slide`. Returns the slide's name and the query.
pub fn split(identifier: &str) -> (&str, &str) {
    match identifier.rsplit_once('?') {
        Some((name, query)) if parse(query).is_ok_and(|view| view != Selection::default()) => (name, query),
        _ => (identifier, ""),
    }
}

fn not_understood(key: &str, value: &str) -> ServeError {
    let form = match key {
        "channel" => "numbers from 0, as 0,2",
        "window" => "two stored values, the lower one first, as 100,900",
        _ => "a number from 0",
    };
    ServeError::Bad(format!("{key} '{value}': give {form}"))
}

/// Whole numbers with commas between them, which browsers write as `%2C`.
fn numbers(text: &str) -> Option<Vec<u32>> {
    let text = text.replace("%2C", ",").replace("%2c", ",");
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|&number| digits && number <= MAX_NUMBER)
    };
    text.split(',').map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_a_query_and_back() {
        for (text, canonical) in [
            ("", ""),
            ("v=1&width=200&expires=9", ""),
            ("channel=2", "channel=2"),
            ("channel=2%2C0,2&v=1", "channel=0,2"),
            ("time=3&z=1", "z=1&time=3"),
            ("window=100%2c900&channel=0", "channel=0&window=100,900"),
        ] {
            assert_eq!(query(&parse(text).unwrap()), canonical, "{text}");
        }
        let default = parse("channel=0&z=4").unwrap();
        assert_eq!(query(&merged(&parse("channel=1&time=2").unwrap(), &default)), "channel=1&z=4&time=2");
    }

    #[test]
    fn what_is_no_view_is_refused() {
        let many = (0..20).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        for wrong in [
            "channel=",
            "channel=a",
            "channel=0,",
            "channel=-1",
            "channel=+1",
            "channel=65536",
            "channel=1&channel=2",
            &format!("channel={many}"),
            "z=1,2",
            "z=",
            "time=1.5",
            "window=9",
            "window=9,9",
            "window=9,1",
            "window=1,2,3",
        ] {
            assert!(matches!(parse(wrong), Err(ServeError::Bad(_))), "{wrong}");
        }
    }

    #[test]
    fn an_identifier_may_end_in_a_view() {
        for (text, want) in [
            ("a", ("a", "")),
            ("a?channel=1", ("a", "channel=1")),
            ("why?", ("why?", "")),
            ("why?v=1", ("why?v=1", "")),
            ("why?channel=x", ("why?channel=x", "")),
            ("why?z=1&time=2", ("why", "z=1&time=2")),
        ] {
            assert_eq!(split(text), want, "{text}");
        }
    }
}
