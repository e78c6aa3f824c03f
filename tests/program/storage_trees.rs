//! Trees over a store on loopback: what is made and said of them is that of the same trees on the local disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use origami::image::ycc::Sampling;
use origami::pyramid::tree::Layout;

use crate::kit::files::contents;
use crate::kit::image::Image;
use crate::kit::jpeg::baseline;
use crate::kit::object_server::{Fault, ObjectServer};
use crate::kit::program::{Ran, arg, origami, program};
use crate::kit::trees::{Layout as Tiling, write_other_tree, write_tree, zip_tree};

const BUNDLE: &str = "residual_packs/residuals.bundle";
/// Name below the directory of all trees, and what to name of it.
const TREES: [(&str, &str); 6] = [
    ("deepzoom", "deepzoom/scan.dzi"),
    ("zoomify", "zoomify/ImageProperties.xml"),
    ("iiif-2", "iiif-2/info.json"),
    ("iiif-3", "iiif-3/info.json"),
    ("google", "google"),
    ("zip", "zip/x.szi"),
];

/// The trees on the local disk, below `in`, and on a server, in the bucket `b`.
struct Shelf {
    server: ObjectServer,
    dir: tempfile::TempDir,
}

fn deep_zoom(dir: &Path, image: &Image) -> std::path::PathBuf {
    let tiling = Tiling { tile: 64, overlap: 0, format: "jpg" };
    write_tree(dir, "scan", image, tiling, &|_, part| baseline(part, Sampling::S420))
}

impl Shelf {
    fn new() -> Self {
        let (server, dir) = (ObjectServer::start(), tempfile::tempdir().unwrap());
        let (root, image) = (dir.path().join("in"), Image::cells(500, 420, 7));
        deep_zoom(&root.join("deepzoom"), &image);
        for (name, layout) in [
            ("zoomify", Layout::Zoomify),
            ("iiif-2", Layout::Iiif { version: 2 }),
            ("iiif-3", Layout::Iiif { version: 3 }),
            ("google", Layout::Google),
        ] {
            write_other_tree(&root.join(name), layout, &image, 64);
        }
        fs::create_dir(root.join("zip")).unwrap();
        zip_tree(&deep_zoom(&dir.path().join("packed"), &image), &root.join("zip/x.szi"));
        for (name, bytes) in contents(&root) {
            server.put(&format!("b/in/{name}"), &bytes);
        }
        Self { server, dir }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut program: Command = program();
        Ran::from(program.envs(self.server.environment("planted-secret")).args(arguments).output().unwrap())
    }

    fn local(&self, name: &str) -> String {
        self.dir.path().join("in").join(name).to_str().unwrap().into()
    }

    /// The bundle of `input`, encoded into `out`.
    #[track_caller]
    fn encoded(&self, input: &str, out: &str) -> Vec<u8> {
        let out = self.dir.path().join(out);
        self.run(&["encode", input, "--out", arg(&out), "-q", "--backend", "cpu"]).ok();
        fs::read(out.join(BUNDLE)).unwrap()
    }
}

#[test]
fn a_tree_of_every_layout_is_read_from_a_bucket_as_from_a_disk() {
    let shelf = Shelf::new();
    for (name, path) in TREES {
        let far = format!("s3://b/in/{path}");
        let here = shelf.encoded(&shelf.local(path), &format!("here/{name}"));
        shelf.server.seen();
        assert!(shelf.encoded(&far, &format!("there/{name}")) == here, "{name}: other bytes");
        let seen = shelf.server.seen();
        let tiles = contents(Path::new(&shelf.local(name))).len();
        // No tile is fetched twice. The rest: descriptor, sidecar, listing, what commands look for beside a tree.
        assert!(seen.len() <= 2 * tiles.min(150) + 20, "{name}: {} requests for {tiles} files", seen.len());
        assert_eq!(shelf.run(&["verify", &far]).ok().stdout.matches("whole").count(), 1, "{name}");
        let compared = shelf.run(&["compare", &shelf.local(path), &far]).ok().stdout;
        assert!(compared.contains("identical"), "{name}: {compared}");
        let inspected = |path: &str| {
            let text = shelf.run(&["inspect", "--json", path]).ok().stdout;
            text.replace(&shelf.local(""), "").replace("s3://b/in/", "")
        };
        assert_eq!(inspected(&far), inspected(&shelf.local(path)), "{name}");
    }
}

#[test]
fn a_prefix_stands_for_the_trees_below_it() {
    let shelf = Shelf::new();
    let all = shelf.run(&["inspect", "--json", "s3://b/in"]).ok().stdout;
    for (_, path) in TREES {
        assert!(all.contains(&format!("\"s3://b/in/{path}\"")), "{path}: {all}");
    }
    assert_eq!(
        all.matches("\"kind\":\"tree\"").count() + all.matches("\"kind\": \"tree\"").count(),
        TREES.len(),
        "{all}"
    );
    for dir in ["deepzoom", "deepzoom/scan_files", "zoomify", "iiif-3", "google"] {
        let here = shelf.encoded(&shelf.local(dir), &format!("here/{dir}"));
        assert!(shelf.encoded(&format!("s3://b/in/{dir}"), &format!("there/{dir}")) == here, "{dir}");
    }
}

#[test]
fn a_web_server_gives_the_trees_whose_tiles_can_be_named() {
    let shelf = Shelf::new();
    for (name, path) in TREES.iter().filter(|(name, _)| *name != "google") {
        let far = format!("http://{}/b/in/{path}", shelf.server.host);
        let here = shelf.encoded(&shelf.local(path), &format!("here/{name}"));
        assert!(shelf.encoded(&far, &format!("there/{name}")) == here, "{name}: other bytes");
    }
    let out = shelf.dir.path().join("out");
    let google = format!("http://{}/b/in/google", shelf.server.host);
    let refused = shelf.run(&["encode", &google, "--out", arg(&out), "-q"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("a web server lists nothing"), "{refused:?}");
}

#[test]
fn tiles_that_lack_fail_or_change_are_what_they_are_on_a_disk() {
    let shelf = Shelf::new();
    let (far, out) = ("s3://b/in/deepzoom/scan.dzi", shelf.dir.path().join("out"));
    let encode = |more: &[&str]| {
        shelf.run(
            &[&["encode", far, "--out", arg(&out), "-q", "--backend", "cpu", "--overwrite"], more].concat(),
        )
    };
    let whole = shelf.encoded(&shelf.local("deepzoom/scan.dzi"), "here");
    // What passes is got over.
    shelf.server.fail([
        Fault::Slow(std::time::Duration::ZERO),
        Fault::Status(503),
        Fault::Cut(100),
        Fault::Status(500),
    ]);
    encode(&[]).ok();
    assert!(fs::read(out.join(BUNDLE)).unwrap() == whole);
    let tile = "in/deepzoom/scan_files/9/3_2.jpg";
    fs::remove_file(shelf.dir.path().join(tile)).unwrap();
    shelf.server.remove(&format!("b/{tile}"));
    let refused = encode(&[]);
    assert!(refused.code != Some(0) && refused.stderr.contains("9/3_2.jpg"), "{refused:?}");
    encode(&["--missing", "background"]).ok();
    let here = shelf.dir.path().join("background");
    let local = shelf.local("deepzoom/scan.dzi");
    origami(&["encode", &local, "--out", arg(&here), "-q", "--backend", "cpu", "--missing", "background"])
        .ok();
    assert!(fs::read(out.join(BUNDLE)).unwrap() == fs::read(here.join(BUNDLE)).unwrap());
}
