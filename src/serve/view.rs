//! A view of a scanned slide: which of its channels, focal planes and points in time are shown, in which colours, and which stored values are
//! black and white. As the query of an address: `channel=0,2&color=0:ff8000&z=1&time=0&window=100,900`, or of single channels
//! `window=0:100-900`.
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
            "color" => {
                let colors = by_channel(value, color).ok_or_else(|| not_understood(key, value))?;
                std::mem::replace(&mut asked.colors, colors).is_empty()
            }
            "window" => {
                let is_new = asked.window.is_none() && asked.windows.is_empty();
                match by_channel(value, |text| window(text, '-')) {
                    Some(windows) => asked.windows = windows,
                    None => {
                        asked.window =
                            Some(window(&plain(value), ',').ok_or_else(|| not_understood(key, value))?)
                    }
                }
                is_new
            }
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
    let Selection { channels, z, time, window, colors, windows } = view;
    let mut parts = Vec::new();
    if !channels.is_empty() {
        let numbers: Vec<_> = channels.iter().map(u32::to_string).collect();
        parts.push(format!("channel={}", numbers.join(",")));
    }
    if !colors.is_empty() {
        let colors: Vec<_> =
            colors.iter().map(|(number, color)| format!("{number}:{}", hex(*color))).collect();
        parts.push(format!("color={}", colors.join(",")));
    }
    parts.extend(z.map(|z| format!("z={z}")));
    parts.extend(time.map(|time| format!("time={time}")));
    if windows.is_empty() {
        parts.extend(window.map(|(low, high)| format!("window={low},{high}")));
    } else {
        let windows: Vec<_> =
            windows.iter().map(|(number, (low, high))| format!("{number}:{low}-{high}")).collect();
        parts.push(format!("window={}", windows.join(",")));
    }
    parts.join("&")
}

/// A colour as addresses have it: `ff8000`.
pub fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("{red:02x}{green:02x}{blue:02x}")
}

/// What `asked` names, and for the rest `default`.
pub fn merged(asked: &Selection, default: &Selection) -> Selection {
    let channels = if asked.channels.is_empty() { &default.channels } else { &asked.channels };
    let has_window = asked.window.is_some() || !asked.windows.is_empty();
    let windows = if has_window { asked } else { default };
    let mut view = Selection {
        channels: channels.clone(),
        z: asked.z.or(default.z),
        time: asked.time.or(default.time),
        window: windows.window,
        colors: if asked.colors.is_empty() { &default.colors } else { &asked.colors }.clone(),
        windows: windows.windows.clone(),
    };
    // Of a slide without channels they are refused when it is opened.
    if !view.channels.is_empty() {
        view.keep_chosen();
    }
    view
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
        "color" => "a colour for each channel, as 0:ff8000,2:0000ff",
        "window" => {
            "two stored values, the lower one first, as 100,900, or those of each channel, as 0:100-900,2:50-4000"
        }
        _ => "a number from 0",
    };
    ServeError::Bad(format!("{key} '{value}': give {form}"))
}

/// A value with its commas and colons, which browsers write as `%2C` and `%3A`.
fn plain(text: &str) -> String {
    text.replace("%2C", ",").replace("%2c", ",").replace("%3A", ":").replace("%3a", ":")
}

/// Whole numbers with commas between them.
fn numbers(text: &str) -> Option<Vec<u32>> {
    plain(text).split(',').map(number).collect()
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&number| digits && number <= MAX_NUMBER)
}

/// What each of some channels has, in the order of their numbers: `0:VALUE,2:VALUE`.
fn by_channel<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<(u32, T)>> {
    let text = plain(text);
    let one = |part: &str| {
        let (channel, value) = part.split_once(':')?;
        Some((number(channel)?, read(value)?))
    };
    let mut all = text.split(',').map(one).collect::<Option<Vec<_>>>()?;
    all.sort_by_key(|&(channel, _)| channel);
    let is_once = all.windows(2).all(|pair| matches!(pair, [a, b] if a.0 != b.0));
    (is_once && all.len() <= MAX_CHANNELS).then_some(all)
}

/// Red, green and blue, two hexadecimal digits each.
fn color(text: &str) -> Option<[u8; 3]> {
    let is_hex = text.len() == 6 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let [_, red, green, blue] = u32::from_str_radix(text, 16).ok().filter(|_| is_hex)?.to_be_bytes();
    Some([red, green, blue])
}

/// Two stored values, the lower one first.
fn window(text: &str, between: char) -> Option<(u32, u32)> {
    let (low, high) = text.split_once(between)?;
    Some((number(low)?, number(high)?)).filter(|(low, high)| low < high)
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
            ("color=2%3A00FF00%2C0:ff8000&channel=0,2", "channel=0,2&color=0:ff8000,2:00ff00"),
            ("window=2:5-9,0%3a100-900", "window=0:100-900,2:5-9"),
        ] {
            assert_eq!(query(&parse(text).unwrap()), canonical, "{text}");
        }
        let default = parse("channel=0&z=4").unwrap();
        assert_eq!(query(&merged(&parse("channel=1&time=2").unwrap(), &default)), "channel=1&z=4&time=2");
        let coloured = parse("channel=0,1&color=0:ff0000,1:00ff00&window=0:1-2,1:3-4").unwrap();
        for (asked, want) in [
            ("channel=1", "channel=1&color=1:00ff00&window=1:3-4"),
            ("window=5,6", "channel=0,1&color=0:ff0000,1:00ff00&window=5,6"),
            ("color=1:0000ff,7:ffffff", "channel=0,1&color=1:0000ff&window=0:1-2,1:3-4"),
        ] {
            assert_eq!(query(&merged(&parse(asked).unwrap(), &coloured)), want, "{asked}");
        }
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
            "window=0:9-1",
            "window=0:1-2,0:3-4",
            "window=0:1-2&window=1,2",
            "color=",
            "color=ff0000",
            "color=0:ff00",
            "color=0:red",
            "color=0:+f0000",
            "color=0:ff0000,0:00ff00",
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
