//! Values of a document that are asked for by name and kind. What is wrong is noted, and reading goes on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::places::{Places, element, field};

/// How much a fault matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The tour cannot be rendered.
    Error,
    /// It can; something will not be as the document says.
    Warning,
}

/// What is done about fields that are not known, and about values of CSS that are not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// They are errors: a person has written the document, and has mistyped a name.
    Strict,
    /// They are warnings: a program has written it, and says more than is drawn.
    Lenient,
}

impl Strictness {
    fn severity(self) -> Severity {
        match self {
            Self::Strict => Severity::Error,
            Self::Lenient => Severity::Warning,
        }
    }
}

/// Something wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its path, such as `cues[2].start`; empty for the document itself.
    pub place: String,
    /// Line and column, both from 1.
    pub line_column: Option<(usize, usize)>,
    /// What is wrong and what would be right.
    pub problem: String,
    /// How much it matters.
    pub severity: Severity,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.line_column {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.problem)
    }
}

/// The faults of a document.
pub struct Reader<'a> {
    text: &'a str,
    places: Places,
    strictness: Strictness,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Reader<'a> {
    /// Of a text that a parser has accepted.
    pub fn new(text: &'a str, strictness: Strictness) -> Self {
        let places = Places::of(text);
        let reader = Self { text, places, strictness, faults: RefCell::default() };
        for path in &reader.places.repeated {
            reader.add(path, "it is given twice; remove one".into(), Severity::Error);
        }
        reader
    }

    fn add(&self, place: &str, problem: String, severity: Severity) {
        let line_column = self.places.find(self.text, place);
        self.faults.borrow_mut().push(Fault { place: place.into(), line_column, problem, severity });
    }

    /// What was found, by place in the text.
    pub fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| fault.line_column);
        faults
    }
}

/// A value and its place.
#[derive(Clone)]
pub struct Node<'a> {
    value: &'a Value,
    place: String,
    reader: &'a Reader<'a>,
    /// Whether something wrong was found in it.
    wrong: &'a Cell<bool>,
    /// How much it matters that the value is wrong.
    severity: Severity,
}

impl<'a> Node<'a> {
    /// The document.
    pub fn root(value: &'a Value, reader: &'a Reader<'a>, wrong: &'a Cell<bool>) -> Self {
        Self { value, place: String::new(), reader, wrong, severity: Severity::Error }
    }

    /// The same as a value of CSS: browsers know more than is drawn, and what is not drawn matters as little as a field that is not known.
    #[must_use]
    pub fn of_css(self) -> Self {
        Self { severity: self.reader.strictness.severity(), ..self }
    }

    /// Notes that the value is wrong.
    pub fn wrong(&self, problem: impl Into<String>) {
        if self.severity == Severity::Error {
            self.wrong.set(true);
        }
        self.reader.add(&self.place, problem.into(), self.severity);
    }

    /// Notes a warning.
    pub fn warn(&self, problem: impl Into<String>) {
        self.reader.add(&self.place, problem.into(), Severity::Warning);
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        let found = match self.value {
            Value::Null => "null".into(),
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::String(value) => format!("{:?}", shortened(value)),
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "an object".into(),
        };
        self.wrong(format!("{found} is not {what}"));
        None
    }

    /// An object.
    pub fn object(&self) -> Option<Fields<'a>> {
        match self.value {
            Value::Object(map) => Some(Fields { map, node: self.clone(), asked: RefCell::default() }),
            _ => self.expected("an object"),
        }
    }

    /// A list.
    pub fn list(&self) -> Option<Vec<Node<'a>>> {
        let Value::Array(values) = self.value else { return self.expected("a list") };
        let node = |(index, value)| Node { value, place: element(&self.place, index), ..self.clone() };
        Some(values.iter().enumerate().map(node).collect())
    }

    /// A text.
    pub fn text(&self) -> Option<&'a str> {
        match self.value {
            Value::String(text) => Some(text),
            _ => self.expected("a text"),
        }
    }

    /// `true` or `false`.
    pub fn flag(&self) -> Option<bool> {
        match self.value {
            Value::Bool(flag) => Some(*flag),
            _ => self.expected("true or false"),
        }
    }

    /// A number from `least` to `most`; `what` says which and in what unit.
    pub fn number(&self, what: &str, least: f64, most: f64) -> Option<f64> {
        let number = self.value.as_f64().filter(|number| (least..=most).contains(number));
        number.or_else(|| self.expected(what))
    }

    /// A whole number from `least` to `most`.
    pub fn whole(&self, what: &str, least: u32, most: u32) -> Option<u32> {
        let value = self.value.as_f64().filter(|number| number.fract() == 0.0);
        let value = value.filter(|number| (f64::from(least)..=f64::from(most)).contains(number));
        value.map(|number| number as u32).or_else(|| self.expected(what))
    }

    /// What a word stands for.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|&(_, value)| value);
        found.or_else(|| {
            let names: Vec<&str> = words.iter().map(|&(word, _)| word).collect();
            let nearest = nearest(text, names.iter().copied());
            let near = nearest.map_or(String::new(), |name| format!("; did you mean {name}?"));
            self.wrong(format!("{:?} is none of {}{near}", shortened(text), names.join(", ")));
            None
        })
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.value.is_object()
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// Names and values of an object, whatever its names are.
    pub fn entries(&self) -> Option<Vec<(&'a str, Node<'a>)>> {
        let Value::Object(map) = self.value else { return self.expected("an object") };
        let node = |(name, value): (&'a String, &'a Value)| {
            (name.as_str(), Node { value, place: field(&self.place, name), ..self.clone() })
        };
        Some(map.iter().map(node).collect())
    }
}

/// An object whose fields are asked for. [`Self::finish`] notes those that nobody asked for.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    node: Node<'a>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Fields<'a> {
    /// A field; `None` if it is absent or null.
    pub fn get(&self, name: &'static str) -> Option<Node<'a>> {
        self.asked.borrow_mut().insert(name);
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        Some(Node { value, place: field(&self.node.place, name), ..self.node.clone() })
    }

    /// A field that must be there.
    pub fn need(&self, name: &'static str) -> Option<Node<'a>> {
        let found = self.get(name);
        if found.is_none() {
            self.node.wrong(format!("{name} is missing"));
        }
        found
    }

    /// Fields that are known and have no effect.
    pub fn ignore(&self, names: &[&'static str]) {
        self.asked.borrow_mut().extend(names);
    }

    /// The object.
    pub fn node(&self) -> &Node<'a> {
        &self.node
    }

    /// Notes the fields that were not asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        let reader = self.node.reader;
        for name in self.map.keys().filter(|name| !asked.contains(name.as_str())) {
            let advice = match nearest(name, asked.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known here: {}", asked.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            let severity = reader.strictness.severity();
            if severity == Severity::Error {
                self.node.wrong.set(true);
            }
            let problem = format!("this field is not known; {advice}");
            reader.add(&field(&self.node.place, name), problem, severity);
        }
    }
}

/// The name that a mistyped one was meant to be, if one is near enough.
fn nearest<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |name: &str| strsim::jaro_winkler(&typed.to_lowercase(), &name.to_lowercase());
    let rated = names.map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness > 0.8);
    rated.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// At most 40 characters.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}
