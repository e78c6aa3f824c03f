//! Help as it is printed, taken apart.

use crate::kit::program::origami;

/// A flag or an argument as `--help` has it.
#[derive(Debug)]
pub struct Flag {
    /// The heading above it.
    pub heading: String,
    /// The line that names it: `-q, --quiet`, `<SLIDE>...`.
    pub spec: String,
    /// The text below, in one line.
    pub text: String,
}

impl Flag {
    /// `--quiet`; empty for an argument.
    pub fn long(&self) -> &str {
        self.spec.split_whitespace().find(|word| word.starts_with("--")).unwrap_or("")
    }

    /// Whether it is a flag with a value.
    pub fn takes_value(&self) -> bool {
        !self.long().is_empty() && self.spec.contains('<')
    }

    /// The ends of its range: `1` and `100` of `[range: 1 to 100]`. What may stand for a number is left out: `, or off`.
    pub fn range(&self) -> Option<(&str, &str)> {
        let (_, range) = self.text.split_once("[range: ")?;
        let (range, _) = range.split_once(']')?;
        let (range, _) = range.split_once(',').unwrap_or((range, ""));
        range.split_once(" to ")
    }
}

/// Every command, as the words after `origami`; the first is `origami` itself.
pub fn commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while next < all.len() {
        let subs: Vec<_> =
            subcommands(&all[next]).into_iter().map(|name| [&all[next][..], &[name]].concat()).collect();
        all.extend(subs);
        next += 1;
    }
    all
}

fn subcommands(command: &[String]) -> Vec<String> {
    let help = help(command, "--help");
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // The text of a command may go on in further lines, which are indented more.
    let lines = lines.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = lines.filter_map(|line| line.split_whitespace().next().map(String::from));
    names.filter(|name| name != "help").collect()
}

/// What a command prints when it is asked by `flag`.
pub fn help(command: &[String], flag: &str) -> String {
    let mut words: Vec<_> = command.iter().map(String::as_str).collect();
    words.push(flag);
    origami(&words).ok().stdout
}

/// The flags and arguments in what `--help` prints.
pub fn flags(help: &str) -> Vec<Flag> {
    let (mut found, mut heading) = (Vec::<Flag>::new(), "");
    for line in help.lines().take_while(|line| *line != "Examples:") {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if indent == 0 {
            heading = text.strip_suffix(':').unwrap_or(if text.is_empty() { heading } else { "" });
        } else if heading.is_empty() || matches!(heading, "Commands" | "Exit codes") {
            continue;
        } else if indent <= 6 {
            found.push(Flag { heading: heading.into(), spec: text.into(), text: String::new() });
        } else if let Some(flag) = found.last_mut() {
            flag.text += text;
            flag.text.push(' ');
        }
    }
    found
}

/// The examples in what `--help` prints: what each does, and the command.
pub fn examples(help: &str) -> Vec<(String, String)> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    let pairs = lines.chunks(2).map(|pair| match pair {
        [does, command] => (does.trim_start_matches("# ").into(), (*command).into()),
        _ => panic!("an example without a command: {pair:?}"),
    });
    pairs.collect()
}
