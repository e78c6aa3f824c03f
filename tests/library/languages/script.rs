//! String literals of a script.

/// What a literal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// phrase`...`: a text in all languages.
    Phrase,
    Plain,
}

/// A literal with `{0}`, `{1}` for the values of a template.
#[derive(Debug)]
pub struct Literal {
    pub kind: Kind,
    pub line: usize,
    pub text: String,
}

/// A text without the places of its values.
pub fn without_places(text: &str) -> String {
    (0..10).fold(text.to_string(), |text, at| text.replace(&format!("{{{at}}}"), ""))
}

/// All literals of a script, those in the values of templates included.
pub fn literals(source: &str) -> Vec<Literal> {
    let mut scan = Scan { letters: source.chars().collect(), at: 0, found: Vec::new() };
    scan.code(None);
    scan.found
}

struct Scan {
    letters: Vec<char>,
    at: usize,
    found: Vec<Literal>,
}

impl Scan {
    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, letter)| self.letters.get(self.at + i) == Some(&letter))
    }

    fn skip_past(&mut self, text: &str) {
        while self.at < self.letters.len() && !self.starts_with(text) {
            self.at += 1;
        }
        self.at += text.len();
    }

    /// The code before a place, without the spaces at its end.
    fn before(&self, at: usize) -> String {
        let from = at.saturating_sub(40);
        self.letters[from..at].iter().collect::<String>().trim_end().to_string()
    }

    /// Reads code up to the brace that ends it, or to the end of the script.
    fn code(&mut self, end: Option<char>) {
        let mut depth = 0;
        while let Some(&letter) = self.letters.get(self.at) {
            match letter {
                '/' if self.starts_with("//") => self.skip_past("\n"),
                '/' if self.starts_with("/*") => self.skip_past("*/"),
                '/' if self.begins_pattern() => self.pattern(),
                '\'' | '"' => self.quoted(letter),
                '`' => self.template(),
                '}' if depth == 0 && end == Some('}') => return,
                _ => {
                    depth += i32::from(letter == '{') - i32::from(letter == '}');
                    self.at += 1;
                }
            }
        }
        assert!(end.is_none(), "a template does not end");
    }

    /// Whether a slash begins a regular expression, and does not divide.
    fn begins_pattern(&self) -> bool {
        let before = self.before(self.at);
        before.is_empty()
            || before.ends_with(|letter: char| "(,=:[!&|?{};+-*%~^<>".contains(letter))
            || ["return", "case", "typeof"].iter().any(|word| before.ends_with(word))
    }

    fn pattern(&mut self) {
        let mut in_class = false;
        self.at += 1;
        while self.letters[self.at] != '/' || in_class {
            match self.letters[self.at] {
                '\\' => self.at += 1,
                '[' => in_class = true,
                ']' => in_class = false,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
    }

    fn quoted(&mut self, quote: char) {
        let (line, mut text) = (self.line(), String::new());
        self.at += 1;
        while self.letters[self.at] != quote {
            if self.letters[self.at] == '\\' {
                self.at += 1;
            }
            text.push(self.letters[self.at]);
            self.at += 1;
        }
        self.at += 1;
        self.found.push(Literal { kind: Kind::Plain, line, text });
    }

    fn template(&mut self) {
        let tagged = self.before(self.at).ends_with("phrase");
        let kind = if tagged { Kind::Phrase } else { Kind::Plain };
        let (line, mut text, mut values) = (self.line(), String::new(), 0);
        self.at += 1;
        while self.letters[self.at] != '`' {
            if self.starts_with("${") {
                self.at += 2;
                self.code(Some('}'));
                self.at += 1;
                text += &format!("{{{values}}}");
                values += 1;
                continue;
            }
            if self.letters[self.at] == '\\' {
                self.at += 1;
            }
            text.push(self.letters[self.at]);
            self.at += 1;
        }
        self.at += 1;
        self.found.push(Literal { kind, line, text });
    }

    fn line(&self) -> usize {
        1 + self.letters[..self.at].iter().filter(|letter| **letter == '\n').count()
    }
}

#[test]
fn literals_are_found_where_they_are() {
    let source = "// 'no'\nconst a = 'it\\'s'; /* \"no\" */ const b = x / 2 + /[/'`]/.test(c) ? `a ${f({ d: 'e' })} g` : phrase`h ${i} ${j}`;";
    let found: Vec<_> =
        literals(source).into_iter().map(|literal| (literal.kind, literal.line, literal.text)).collect();
    let plain = |line, text: &str| (Kind::Plain, line, text.to_string());
    assert_eq!(
        found,
        [plain(2, "it's"), plain(2, "e"), plain(2, "a {0} g"), (Kind::Phrase, 2, "h {0} {1}".to_string())]
    );
    assert_eq!(without_places("a {0}{1}."), "a .");
}
