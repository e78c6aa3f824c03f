//! The exit code of every kind of end: 0 good, 1 failed, 2 usage, 3 damaged data, 4 what may pass, 130 interrupted; and what `--json`
//! says of an error.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::kit::files::nothing_written;
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::slides::{Small, write_png};

/// Inputs of all kinds, beside a small slide with its tree and bundle.
struct Inputs {
    small: Small,
    out: PathBuf,
}

impl Inputs {
    fn new() -> Self {
        let small = Small::new();
        let out = small.path("never");
        let inputs = Self { small, out };
        let whole = fs::read(&inputs.small.bundle).unwrap();
        write_png(&inputs.path("a.png"), 150, 130, 1);
        let png = fs::read(inputs.path("a.png")).unwrap();
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        // A TIFF whose directory lies behind its end.
        let tiff = b"II*\0\xff\xff\0\0".to_vec();
        for (name, bytes) in [
            ("empty", Vec::new()),
            ("text.txt", b"hello".to_vec()),
            ("cut.bundle", whole[..whole.len() / 2].to_vec()),
            ("flipped.bundle", flipped),
            ("other.bundle", b"no bundle at all".repeat(9)),
            ("cut.png", png[..png.len() / 2].to_vec()),
            ("cut.tif", tiff),
        ] {
            fs::write(inputs.path(name), bytes).unwrap();
        }
        fs::create_dir(inputs.path("dir")).unwrap();
        // Trees with a damaged tile and with one tile less.
        for (name, bytes) in [("bad", Some(&b"\xff\xd8\xff\xe0"[..])), ("gone", None)] {
            copy_dir(inputs.small.dzi.parent().unwrap(), &inputs.path(name));
            let tile = inputs.path(name).join("baseline_pyramid_files/8/1_1.jpg");
            match bytes {
                Some(bytes) => fs::write(tile, bytes).unwrap(),
                None => fs::remove_file(tile).unwrap(),
            }
        }
        inputs
    }

    fn path(&self, name: &str) -> PathBuf {
        self.small.path(name)
    }

    /// Runs a line of arguments: words of `BUNDLE`, `TREE` and `OUT` stand for paths, `@name` for a file of this directory.
    fn run(&self, line: &str) -> Ran {
        let args = line.split_whitespace().map(|word| match word {
            "BUNDLE" => arg(&self.small.bundle).to_string(),
            "PACK" => arg(&self.small.pack()).to_string(),
            "TREE" => arg(&self.small.dzi).to_string(),
            "OUT" => arg(&self.out).to_string(),
            _ => word.strip_prefix('@').map_or(word.into(), |name| arg(&self.path(name)).to_string()),
        });
        program().args(args).output().unwrap().into()
    }

    /// Runs lines that must not succeed with this code. Every message is one that a person can read, and nothing is written.
    fn all_end_with(&self, code: i32, lines: &[&str]) {
        let mut wrong = Vec::new();
        for line in lines {
            let ran = self.run(line);
            let plain = ran.stderr.chars().all(|c| c == '\n' || !c.is_control());
            let says = !ran.stderr.is_empty() && !ran.stderr.contains("panicked");
            if ran.code != Some(code) || !plain || !says || repeats(&ran.stderr) {
                wrong.push(format!("{line}: {ran:?}"));
            }
        }
        assert!(wrong.is_empty(), "not {code}:\n{}", wrong.join("\n"));
        nothing_written(&self.out);
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}

/// Whether a message says something twice: a part between colons that is there again. A path may be in the advice as well.
fn repeats(message: &str) -> bool {
    let says = |part: &&str| part.len() > 12 && !part.starts_with('/');
    let parts: Vec<&str> = message.trim().split(": ").filter(says).collect();
    parts.iter().enumerate().any(|(i, part)| parts[i + 1..].iter().any(|later| later.contains(part)))
}

#[test]
fn what_fails_ends_with_1() {
    Inputs::new().all_end_with(
        1,
        &[
            "pyramid @absent --out OUT",
            "pyramid @text.txt --out OUT",
            "pyramid @a.png --out @text.txt",
            "pyramid @a.png --out @text.txt/x",
            "encode --slide @absent --out OUT",
            "encode --image @text.txt --out OUT",
            "encode --pyramid @absent --out OUT",
            "encode --pyramid @dir --out OUT",
            "encode --pyramid @text.txt --out OUT",
            "encode --pyramid @a.png --out OUT",
            "encode --slide @a.png --out @text.txt",
            "encode --slide @a.png --out OUT --target-psnr 99",
            "encode --slide @a.png --out OUT --target-size 1",
            "encode --slide @a.png --out OUT --preset lossless",
            "decode --bundle @absent --out OUT",
            "decode --bundle @dir --out OUT",
            "decode --packs @absent --out OUT",
            "decode --packs @dir --out OUT",
            "decode --packs @text.txt --out OUT",
            "decode --bundle BUNDLE --out @text.txt/x",
            "inspect @absent",
            "verify @absent",
            "verify @dir",
            "compare @absent TREE",
            "compare @a.png @absent",
            "compare @a.png TREE --picture @text.txt/x.png",
            "bench rate @absent",
            "bench slide --size 8x8 --out @text.txt/x.png",
        ],
    );
}

#[test]
fn a_command_line_that_cannot_be_meant_ends_with_2() {
    Inputs::new().all_end_with(
        2,
        &[
            "",
            "encod",
            "encode --out OUT",
            "encode --slide @a.png --out OUT --no-such-flag",
            "encode --slide @a.png --out OUT --tile 0",
            "encode --slide @a.png --out OUT --tile 5000",
            "encode --pyramid TREE --out OUT --tile 256",
            "encode --slide @a.png --out OUT --baseq 0",
            "encode --slide @a.png --out OUT --baseq 101",
            "encode --slide @a.png --out OUT --l0q 101",
            "encode --slide @a.png --out OUT --chroma-resq 0",
            "encode --slide @a.png --out OUT --quality 101",
            "encode --slide @a.png --out OUT --l0-scale 0",
            "encode --slide @a.png --out OUT --l0-scale 101",
            "encode --slide @a.png --out OUT --sharpen 17",
            "encode --slide @a.png --out OUT --l0-sharpen -1",
            "encode --slide @a.png --out OUT --save-sharpened",
            "encode --slide @a.png --out OUT --max-parents 0",
            "encode --slide @a.png --out OUT --threads 99999",
            "encode --slide @a.png --out OUT --target-psnr nan",
            "encode --slide @a.png --out OUT --target-psnr 0",
            "encode --slide @a.png --out OUT --target-size 0",
            "encode --slide @a.png --out OUT --target-psnr 40 --l0q 50",
            "encode --slide @a.png --out OUT --encoder gif",
            "encode --slide @a.png --out OUT --encoder webp",
            "encode --slide @a.png --out OUT --preset lossless --l0q 50",
            "encode --slide @a.png --out OUT --missing background",
            "encode --pyramid TREE --out OUT --preset lossless --manifest",
            "encode --slide @a.png --out OUT --gpu-memory 1",
            "encode --slide @a.png --out OUT --gpu-adapter 0 --backend cpu",
            "pyramid @a.png --out OUT --tile 0",
            "pyramid @a.png --out OUT --quality 0",
            "pyramid @a.png --out OUT --associated label",
            "decode --out OUT",
            "decode --bundle BUNDLE --out OUT --tile 256",
            "decode --bundle BUNDLE --out OUT --upsample-filter bicubic",
            "decode --bundle BUNDLE --out OUT --quality 0",
            "decode --bundle BUNDLE --out OUT --max-parents 0",
            "decode --bundle BUNDLE --out OUT --threads 1025",
            "decode --bundle PACK --out OUT",
            "decode --pack-file BUNDLE --out OUT",
            "decode --pack-file PACK --out OUT",
            "verify",
            "verify BUNDLE --backend cpu",
            "compare @a.png TREE --region 1,2,3,4",
            "compare @a.png TREE --region 1,2 --picture OUT",
            "compare @a.png TREE --region 149,0,2,2 --picture OUT",
            "bench slide --size 0x8 --out OUT",
            "bench decode --side 0",
            "bench originals BUNDLE --tiles 0",
            "bench stripes BUNDLE --rounds 0",
        ],
    );
}

#[cfg(feature = "serve")]
#[test]
fn servers_tell_a_wrong_flag_from_what_is_not_there() {
    let inputs = Inputs::new();
    inputs.all_end_with(
        1,
        &[
            "serve --slides-root @absent --port 0",
            "serve --slides-root @text.txt --port 0",
            "serve --slides-root @dir --token-file @empty --port 0",
            "evals --runs @absent --port 0",
            "sign --key-file @absent --slide x",
            "sign --key-file @text.txt --slide x",
        ],
    );
    inputs.all_end_with(
        2,
        &[
            "serve --slides-root @dir --sharpen 17 --port 0",
            "serve --slides-root @dir --cors x --port 0",
            "serve --slides-root @dir --max-connections 0 --port 0",
            "serve --slides-root @dir --rayon-threads 99999 --port 0",
            "bench serve somewhere",
        ],
    );
    // A port that is taken, and one that nobody listens to, may be another in a moment.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    inputs.all_end_with(4, &[&format!("serve --slides-root @dir --port {port}")]);
    drop(taken);
    inputs.all_end_with(4, &[&format!("bench serve http://127.0.0.1:{port}/dzi/x.dzi")]);
}

#[test]
fn damaged_data_ends_with_3() {
    let inputs = Inputs::new();
    inputs.all_end_with(
        3,
        &[
            "verify @cut.bundle",
            "verify @flipped.bundle",
            "verify @other.bundle",
            "verify @absent @flipped.bundle",
            "inspect @cut.bundle",
            "inspect @other.bundle",
            "decode --bundle @cut.bundle --out OUT",
            "decode --bundle @flipped.bundle --out OUT",
            "encode --pyramid @bad --out OUT",
            "encode --pyramid @gone --out OUT",
            "encode --slide @cut.tif --out OUT",
            "encode --slide @cut.png --out OUT",
            "encode --image @empty --out OUT",
            "pyramid @cut.png --out OUT",
            "pyramid @cut.tif --out OUT",
            "compare @a.png @bad",
            "compare @cut.png TREE",
        ],
    );
    // Packs of which one is damaged, and then gone.
    let packs = inputs.small.bundle.parent().unwrap();
    let one = packs.join("1_1.pack");
    let mut bytes = fs::read(&one).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&one, bytes).unwrap();
    let decode = format!("decode --packs {} --pyramid TREE --out OUT", arg(packs));
    inputs.all_end_with(3, &[&decode]);
    fs::remove_file(one).unwrap();
    inputs.all_end_with(3, &[&decode]);
}

#[cfg(target_os = "linux")]
#[test]
fn what_may_pass_ends_with_4() {
    let inputs = Inputs::new();
    let (packs, out) = (inputs.out.join("residual_packs"), arg(&inputs.out).to_string());
    // Another run works in the directory.
    fs::create_dir_all(&packs).unwrap();
    let lock = fs::File::create(packs.join(".residuals.spool.part")).unwrap();
    lock.lock().unwrap();
    let ran = inputs.run("encode --slide @a.png --out OUT --tile 32");
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stderr.contains(&out) && ran.stderr.contains("wait for it"), "{ran:?}");
    drop(lock);
    fs::remove_dir_all(&inputs.out).unwrap();
    // The one file that may be open is the standard input that every program gets.
    let script = "exec <&-; ulimit -n 1; exec \"$0\" \"$@\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, crate::kit::program::PROGRAM, "inspect", arg(&inputs.small.bundle)]);
    let ran = Ran::from(shell.stdin(Stdio::inherit()).output().unwrap());
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stderr.contains("residuals.bundle: cannot open it"), "{ran:?}");
}

#[test]
fn json_takes_an_error_apart() {
    let inputs = Inputs::new();
    let error = |line: &str| {
        let ran = inputs.run(line);
        assert!(!ran.stderr.is_empty(), "{ran:?}");
        let value: serde_json::Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        let text = |key: &str| value["error"][key].as_str().map(String::from);
        ["kind", "path", "at", "hint"].map(text)
    };
    let path = |name: &str| Some(arg(&inputs.path(name)).to_string());
    let some = |text: &str| Some(text.to_string());
    let [kind, at_path, at, hint] = error("encode --json --pyramid @bad --out OUT");
    assert_eq!([kind, at_path], [some("damaged"), path("bad/baseline_pyramid_files/8/1_1.jpg")]);
    assert_eq!([at, hint], [some("tile 8/1_1"), some("restore the tile")]);
    assert_eq!(
        error("decode --json --bundle @cut.bundle --out OUT"),
        [
            some("damaged"),
            path("cut.bundle"),
            some("byte 8"),
            some("restore the file, or encode the slide again")
        ]
    );
    assert_eq!(
        error("decode --json --bundle @absent --out OUT"),
        [some("failed"), path("absent"), None, some("check the path")]
    );
    assert_eq!(error("encode --json --slide @a.png --out OUT --tile 0"), [some("usage"), None, None, None]);
    assert_eq!(
        error("encode --json --slide @a.png --out OUT --tille 0"),
        [some("usage"), None, None, some("did you mean --tile?")]
    );
}

#[test]
fn what_is_done_ends_with_0() {
    let inputs = Inputs::new();
    for line in
        ["verify BUNDLE", "inspect BUNDLE", "compare @a.png TREE", "--version", "--help", "encode --help"]
    {
        inputs.run(line).ok();
    }
    origami(&["bench", "slide", "--size", "8x8", "--out", arg(&inputs.path("x.png"))]).ok();
}
