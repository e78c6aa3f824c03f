//! A page of the documents as text: its fenced blocks, its headings, and the output that a block expects.

/// A fenced block of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Line of its fence, from 1.
    pub line: usize,
    /// First word of the info string.
    pub language: String,
    pub text: String,
    /// What a comment on the line before the block says, as `norun: REASON` or `needs: WORD`.
    pub mark: Option<String>,
    /// The `text` block that begins on the line after its end.
    pub expected: Option<String>,
}

impl Block {
    pub fn marked(&self, name: &str) -> Option<&str> {
        self.mark.as_deref()?.strip_prefix(name)?.strip_prefix(':').map(str::trim)
    }
}

/// All fenced blocks of a page, and its other lines with their numbers.
pub fn parse(page: &str) -> (Vec<Block>, Vec<(usize, &str)>) {
    let (mut blocks, mut prose) = (Vec::<Block>::new(), Vec::new());
    let mut lines = page.lines().zip(1..);
    let (mut before, mut previous_end) = ("", 0);
    while let Some((line, number)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else {
            before = line;
            prose.push((number, line));
            continue;
        };
        let body: Vec<_> = lines.by_ref().take_while(|(line, _)| line.trim() != "```").collect();
        let end = number + body.len() + 1;
        let text: String = body.iter().map(|(line, _)| format!("{line}\n")).collect();
        let language = info.split([' ', ',']).next().unwrap_or_default().to_string();
        let follows = previous_end + 1 == number;
        match blocks.last_mut() {
            Some(command) if follows && language == "text" && command.language == "sh" => {
                command.expected = Some(text);
            }
            _ => {
                let mark = before.trim().strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
                let mark = mark.map(|mark| mark.trim().to_string());
                blocks.push(Block { line: number, language, text, mark, expected: None });
            }
        }
        (before, previous_end) = ("", end);
    }
    (blocks, prose)
}

/// Whether a line is what was expected; `[..]` stands for anything.
fn line_matches(expected: &str, got: &str) -> bool {
    let (expected, got) = (expected.trim_end(), got.trim_end());
    let parts: Vec<_> = expected.split("[..]").collect();
    let [first, middle @ .., last] = &parts[..] else { return expected == got };
    let Some(mut rest) = got.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether output is what was expected; a line `...` stands for any number of lines.
pub fn output_matches(expected: &[&str], got: &[&str]) -> bool {
    match expected.split_first() {
        None => got.is_empty(),
        Some((&"...", rest)) => (0..=got.len()).any(|skip| output_matches(rest, &got[skip..])),
        Some((line, rest)) => got
            .split_first()
            .is_some_and(|(first, got)| line_matches(line, first) && output_matches(rest, got)),
    }
}

/// The names of a page's headings in links, as GitHub and mdBook make them.
pub fn anchors(page: &str) -> Vec<String> {
    let headings = parse(page).1.into_iter().filter(|(_, line)| line.starts_with('#'));
    let slug = |heading: &str| -> String {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(|(_, line)| slug(line)).collect()
}

#[test]
fn outputs_are_compared_with_their_wildcards() {
    let matches = |expected: &str, got: &str| {
        output_matches(&expected.lines().collect::<Vec<_>>(), &got.lines().collect::<Vec<_>>())
    };
    assert!(matches("a\nb", "a\nb"));
    assert!(!matches("a\nb", "a"));
    assert!(!matches("a", "a\nb"));
    assert!(matches("x [..] s on cpu ([..])", "x 0.3 s on cpu (avx2)"));
    assert!(!matches("x [..] s on cpu ([..])", "x 0.3 s on gpu (llvmpipe)"));
    assert!(!matches("ab[..]bc", "abc"));
    assert!(matches("a\n...\nd", "a\nb\nc\nd"));
    assert!(matches("a\n...\nd", "a\nd"));
    assert!(!matches("a\n...\nd", "a\nb"));
}

#[test]
fn blocks_are_read_with_marks_and_expected_output() {
    let page = "# A\n\n<!-- needs: curl -->\n```sh\necho 1\n```\n```text\n1\n```\n\n```text\nprose\n```\n\
                \n<!-- norun: why -->\n\n```sh\nrm\n```\n";
    let (blocks, prose) = parse(page);
    let summary: Vec<_> =
        blocks.iter().map(|b| (b.line, b.language.as_str(), b.expected.as_deref())).collect();
    assert_eq!(summary, [(4, "sh", Some("1\n")), (11, "text", None), (17, "sh", None)]);
    assert_eq!(blocks[0].marked("needs"), Some("curl"));
    assert_eq!(blocks[0].marked("norun"), None);
    assert_eq!(blocks[2].mark, None, "a mark stands on the line before its block");
    assert_eq!(prose.first(), Some(&(1, "# A")));
}
