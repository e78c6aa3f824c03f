//! Which setting counts, and what a wrong one is told. The command is `serve` as it is.

use std::ffi::OsString;
use std::path::Path;

use super::settings::{Row, Settings};
use super::settle;
use crate::cli::command_line;
use crate::cli::fault::Exit;

const SECRET: &str = "0123456789abcdef";

/// The arguments with the settings, and where each comes from.
fn settled(arguments: &[&str], variables: &[(&str, &str)]) -> Result<(Vec<String>, Settings), String> {
    let arguments = ["origami"].iter().chain(arguments).map(OsString::from).collect();
    let variables = variables.iter().map(|&(name, value)| (name.into(), value.into()));
    let (arguments, settings) = settle(&command_line(), arguments, variables).map_err(|e| {
        assert_eq!(Exit::of(&e), Exit::Usage);
        e.to_string()
    })?;
    Ok((arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect(), settings))
}

/// The row of a setting: its value and where it comes from.
fn row<'a>(settings: &'a Settings, name: &str) -> (Option<&'a str>, &'a str, Option<&'a str>) {
    let row: &Row = settings.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name}"));
    (row.value.as_deref(), row.from, row.at.as_deref())
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

#[test]
fn flags_override_variables_and_these_a_file_and_that_the_defaults() {
    let file = file("# of a test\nport = 1\ntile-quality = 50\ncache-mb = 7\nsharpen = 0.5\n");
    let variables = [("ORIGAMI_SERVE_PORT", "2"), ("ORIGAMI_SERVE_CACHE_MB", "8"), ("PORT", "9")];
    let (arguments, settings) =
        settled(&["serve", "--port", "3", "--config", path(&file)], &variables).unwrap();
    let of_file = |line: u32| format!("{}:{line}", path(&file));
    assert_eq!(row(&settings, "port"), (Some("3"), "flag", None));
    assert_eq!(row(&settings, "cache-mb"), (Some("8"), "environment", Some("ORIGAMI_SERVE_CACHE_MB")));
    assert_eq!(row(&settings, "tile-quality"), (Some("50"), "file", Some(of_file(3).as_str())));
    assert_eq!(row(&settings, "sharpen"), (Some("0.5"), "file", Some(of_file(5).as_str())));
    assert_eq!(row(&settings, "cache-entries"), (Some("2048"), "default", None));
    assert_eq!(row(&settings, "cors"), (None, "default", None));
    let want = ["origami", "serve", "--cache-mb=8", "--sharpen=0.5", "--tile-quality=50", "--port", "3"];
    assert_eq!(arguments[..want.len()], want);
    command_line().try_get_matches_from(&arguments).unwrap();

    // A variable may name the file.
    let named = [("ORIGAMI_SERVE_CONFIG", path(&file))];
    assert_eq!(row(&settled(&["serve"], &named).unwrap().1, "port").0, Some("1"));
}

#[test]
fn a_switch_is_true_or_false_and_false_overrides_a_file() {
    let file = file("no-prefetch = true\ngrayscale-only = true\n");
    let variables = [("ORIGAMI_SERVE_NO_PREFETCH", "false")];
    let (arguments, settings) = settled(&["serve", "--config", path(&file)], &variables).unwrap();
    assert!(arguments.contains(&"--grayscale-only".into()) && !arguments.contains(&"--no-prefetch".into()));
    assert_eq!(row(&settings, "no-prefetch").0, Some("false"));
    assert_eq!(row(&settings, "grayscale-only").0, Some("true"));
    let error = settled(&["serve"], &[("ORIGAMI_SERVE_NO_PREFETCH", "yes")]).err().unwrap();
    assert_eq!(error, "ORIGAMI_SERVE_NO_PREFETCH: no-prefetch: \"yes\": a switch is true or false");
}

#[test]
fn the_directory_as_an_argument_overrides_the_root_of_a_variable() {
    let variables = [("ORIGAMI_SERVE_SLIDES_ROOT", "there")];
    let (arguments, settings) = settled(&["serve", "here"], &variables).unwrap();
    assert_eq!(arguments, ["origami", "serve", "here"]);
    assert!(settings.rows.iter().all(|row| row.name != "slides-root"));
    let (arguments, _) = settled(&["serve"], &variables).unwrap();
    assert_eq!(arguments, ["origami", "serve", "--slides-root=there"]);
}

#[test]
fn a_wrong_setting_is_told_with_its_place_and_the_nearest_name() {
    for (name, value, says) in [
        ("PROT", "1", "ORIGAMI_SERVE_PROT: no setting has this variable; the nearest is ORIGAMI_SERVE_PORT"),
        ("XYZ", "1", "ORIGAMI_SERVE_XYZ: no setting has this variable; --print-config lists them all"),
        ("JSON", "true", "ORIGAMI_SERVE_JSON: no setting has this variable"),
        ("PORT", "x", "ORIGAMI_SERVE_PORT: invalid value 'x' for '--port"),
        ("OUTPUT_FORMAT", "gif", "[possible values: jpeg, webp]"),
    ] {
        let error = settled(&["serve"], &[(&format!("ORIGAMI_SERVE_{name}"), value)]).err().unwrap();
        assert!(error.contains(says) && !error.contains('\n'), "{error}");
    }
    for (line, says) in [
        ("cach-mb = 1", "cach-mb: no such setting; the nearest is cache-mb"),
        ("print-config = true", "print-config: no such setting"),
        ("config = \"other.toml\"", "config: no such setting"),
        ("token = \"0123456789abcdef\"", "token: no such setting; the nearest is token-file"),
        ("[serve]", "serve: no such setting"),
        ("port = 70000", "invalid value '70000' for '--port"),
        ("port = [1]", "port: a value is a string in quotes, a number, true or false"),
        ("port =", "string values must be quoted"),
        ("sharpen = true", "invalid value 'true' for '--sharpen"),
    ] {
        let file = file(&format!("tile-quality = 90\n\n{line}\n"));
        let error = settled(&["serve", "--config", path(&file)], &[]).err().unwrap();
        assert!(error.starts_with(&format!("{}:3: ", path(&file))) && error.contains(says), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn secrets_come_from_variables_and_are_never_shown() {
    let (arguments, settings) = settled(&["serve"], &[("ORIGAMI_SERVE_TOKEN", SECRET)]).unwrap();
    assert_eq!(row(&settings, "token"), (Some("set"), "environment", Some("ORIGAMI_SERVE_TOKEN")));
    assert_eq!(row(&settings, "signing-key"), (None, "default", None));
    assert!(!format!("{arguments:?} {:?}", settings.rows).contains(SECRET));
    assert_eq!(settings.secret("token").unwrap().contents, SECRET);

    // A flag overrides the variable, which overrides a file.
    let variables = [("ORIGAMI_SERVE_TOKEN", SECRET)];
    let (_, settings) = settled(&["serve", "--token-file", "tokens"], &variables).unwrap();
    assert!(settings.secret("token").is_none());
    let file = file("token-file = \"tokens\"\n");
    let (arguments, settings) = settled(&["serve", "--config", path(&file)], &variables).unwrap();
    assert!(settings.secret("token").is_some() && arguments.len() == 4, "{arguments:?}");
    let both = [variables[0], ("ORIGAMI_SERVE_TOKEN_FILE", "tokens")];
    let error = settled(&["serve"], &both).err().unwrap();
    assert_eq!(
        error,
        "ORIGAMI_SERVE_TOKEN and ORIGAMI_SERVE_TOKEN_FILE exclude each other; leave one of them out"
    );
}

#[test]
fn commands_without_settings_and_wrong_arguments_are_left_alone() {
    let variables = [("ORIGAMI_SERVE_PROT", "1")];
    for arguments in
        [&["verify", "serve"][..], &["serve", "--prot", "1"], &["serve", "--help"], &["--version"], &[]]
    {
        let (after, settings) = settled(arguments, &variables).unwrap();
        assert_eq!(after[1..], *arguments);
        assert!(settings.rows.is_empty());
    }
}

#[test]
fn the_example_in_the_documentation_is_read() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/serve.toml");
    let (_, settings) = settled(&["serve", "--config", example.to_str().unwrap()], &[]).unwrap();
    assert_eq!(row(&settings, "slides-root").0, Some("/srv/slides"));
    assert_eq!(settings.rows.iter().filter(|row| row.from == "file").count(), 14);
}
