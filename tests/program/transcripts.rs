//! Every command as users meet it: right use, each kind of wrong use, and `--json`, one transcript a command.
//!
//! A transcript is `tests/program/transcripts/COMMAND.txt`: lines that begin with `$ ` are run by a shell, in a directory with the
//! files that [`Sandbox`] makes, and what follows each is what they print. Lines of standard error begin with `! `, and `? N`
//! is an exit code other than 0. A command has no backslash, because snapshots are compared without them. `SNAPSHOTS=overwrite` records them anew.
//!
//! Times, versions, processors, libraries, adapters, temporary directories, free ports and the last digits of numbers are replaced by names in brackets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use snapbox::{Assert, Data, Redactions};

use crate::kit::image::Image;
use crate::kit::program::{PROGRAM, origami};

/// Files that transcripts begin with.
struct Sandbox(tempfile::TempDir);

impl Sandbox {
    /// `slide.png` of 600x400 pixels, `slides/one.tif` and `slides/sub/two.tif` of 300x200, `notes.txt`, `empty.tif` without a
    /// byte, and `key` of 32 bytes and `tokens`.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("slides/sub")).unwrap();
        fs::write(path("slide.png"), Image::tissue(600, 400, 1).png()).unwrap();
        write_tiff(&path("slides/one.tif"), &Image::tissue(300, 200, 2));
        write_tiff(&path("slides/sub/two.tif"), &Image::tissue(300, 200, 3));
        fs::write(path("notes.txt"), "no slide\n").unwrap();
        fs::write(path("empty.tif"), "").unwrap();
        fs::write(path("key"), [b'k'; 32]).unwrap();
        fs::write(path("tokens"), "sixteen-letters-or-more\n").unwrap();
        Self(dir)
    }

    /// Runs a line in a shell; returns what is printed, as transcripts have it.
    fn run(&self, line: &str) -> String {
        let programs = Path::new(PROGRAM).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.0.path()).env("PATH", path).env_remove("RUST_LOG");
        let out = shell.output().unwrap();
        let mut text = format!("$ {line}\n");
        text += &String::from_utf8_lossy(&out.stdout);
        for line in String::from_utf8_lossy(&out.stderr).lines() {
            text += format!("! {line}").trim_end();
            text += "\n";
        }
        match out.status.code() {
            Some(0) => text,
            code => text + &format!("? {}\n", code.map_or("signal".into(), |code| code.to_string())),
        }
    }
}

fn write_tiff(path: &Path, image: &Image) {
    let mut file = fs::File::create(path).unwrap();
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
    let (width, height) = (image.width as u32, image.height as u32);
    encoder.write_image::<tiff::encoder::colortype::RGB8>(width, height, &image.data).unwrap();
}

/// What differs from machine to machine, and its name.
fn redactions() -> Redactions {
    let mut all = Redactions::new();
    for (name, pattern) in [
        ("[S]", r"(?<redacted>\d+\.\d+) s\b"),
        ("[S]", r#""(?:seconds|[a-z_]*_s)": (?<redacted>[0-9.e-]+)"#),
        ("[CPU]", r"cpu \((?<redacted>[a-z0-9]+)\)"),
        ("[VERSION]", r"origami (?<redacted>\d+\.\d+\.\d+)"),
        ("[PORT]", r"127\.0\.0\.1:(?<redacted>\d+)"),
        ("[DIR]", r#"(?<redacted>/[^ \n"]*/\.tmp[A-Za-z0-9]+)"#),
        ("[TIME]", r"(?<redacted>\d{4}-\d\d-\d\dT[0-9:.]+Z)"),
        ("[NUMBER]", r"(?<redacted>\d+\.\d{6,})"),
        ("[OPENSLIDE]", r"through OpenSlide \((?<redacted>[^)]*)\)"),
        ("[ADAPTERS]", r#"this machine has (?<redacted>\[0\][^"\n;]*)"#),
    ] {
        all.insert(name, regex::Regex::new(pattern).unwrap()).unwrap();
    }
    all
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/transcripts")
}

/// The commands that `origami --help` lists.
fn commands() -> Vec<String> {
    let help = origami(&["--help"]).ok().stdout;
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next().map(String::from))
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn every_command_prints_what_its_transcript_says() {
    for command in commands() {
        let path = folder().join(format!("{command}.txt"));
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let sandbox = Sandbox::new();
        let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
        let parts: Vec<_> = lines.map(|line| sandbox.run(line)).collect();
        assert!(parts.len() >= 3, "{command}: right use, wrong use, --json");
        Assert::new()
            .action_env("SNAPSHOTS")
            .redact_with(redactions())
            .eq(parts.join("\n"), Data::read_from(&path, None));
    }
}
