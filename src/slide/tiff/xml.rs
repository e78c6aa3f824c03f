//! XML in descriptions of pages, bounded: its tree takes many times the memory of its text.

use roxmltree::{Document, ParsingOptions};

/// Bytes of a description: OME-XML that lists 65,536 planes has 8 MiB.
const MAX_BYTES: usize = 16 << 20;
/// Elements and texts: a plane that is listed with its file's identity has four.
const MAX_NODES: u32 = 1 << 21;

/// Parses a description. The error says what is wrong.
pub(super) fn parse(description: &str) -> Result<Document<'_>, String> {
    if description.len() > MAX_BYTES {
        return Err(format!("{} bytes, more than {MAX_BYTES}", description.len()));
    }
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let text = description.trim_start_matches('\u{feff}').trim();
    Document::parse_with_options(text, options).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_texts_and_trees_are_refused() {
        assert_eq!(parse("\u{feff} <a><b/></a>").unwrap().root_element().tag_name().name(), "a");
        let spaces = format!("<a>{}</a>", " ".repeat(MAX_BYTES));
        assert_eq!(parse(&spaces).unwrap_err(), "16777223 bytes, more than 16777216");
        let elements = format!("<a>{}</a>", "<b/>".repeat(MAX_NODES as usize));
        assert!(parse(&elements).is_err());
    }
}
