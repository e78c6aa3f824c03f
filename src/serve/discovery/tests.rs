//! Which slides are found below a root, under which names, and what is skipped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Listing, Memory, scan};
use crate::serve::options::SlideOptions;
use crate::serve::skipped::SkipReason;

/// Makes empty files, and directories where a name ends in `/`.
fn root(names: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in names {
        let path = root.path().join(name);
        fs::create_dir_all(if name.ends_with('/') { &path } else { path.parent().unwrap() }).unwrap();
        if !name.ends_with('/') {
            fs::write(path, "").unwrap();
        }
    }
    root
}

fn list(root: &Path) -> Listing {
    let options = SlideOptions { root: root.into(), ..SlideOptions::default() };
    scan(&options, &mut Memory::default()).unwrap()
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.slides.keys().map(String::as_str).collect()
}

/// What is skipped, by path below the root.
fn skipped<'a>(root: &Path, listing: &'a Listing) -> Vec<(String, &'a SkipReason)> {
    let of = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    listing.skipped.iter().map(|skipped| (of(&skipped.path), &skipped.reason)).collect()
}

#[test]
fn directories_below_the_root_are_walked() {
    let root = root(&[
        "a.svs",
        "notes.txt",
        "more/b.ndpi",
        "more/deep/c.ndpi",
        "more/deep/d.bundle",
        "more/deep/d.txt",
        "case/residual_packs/residuals.bundle",
        "out/more/case-b/residual_packs/residuals.bundle",
        "out/more/case-b/e.tif",
        "two/x.dzi",
        "two/y.dzi",
        "one/z.dzi",
        "one/._z.dzi",
        ".hidden/f.svs",
        "._g.svs",
    ]);
    let listing = list(root.path());
    assert_eq!(
        names(&listing),
        [
            "a",
            "case",
            "more/b",
            "more/deep/c",
            "more/deep/d",
            "one",
            "out/more/case-b",
            "out/more/case-b/e",
            "two/x",
            "two/y"
        ]
    );
    assert!(listing.skipped.is_empty(), "{:?}", listing.skipped);
    assert_eq!(list(&root.path().join("out/more")).slides.len(), 2);
}

#[test]
fn parts_of_slides_are_not_entered() {
    let root = root(&[
        "a.dzi",
        "a_files/0/0_0.jpg",
        "a_files/0/not.svs",
        "lost_files/0/not.svs",
        "b.mrxs",
        "b/Slidedat.ini",
        "b/not.tif",
        "c.vsi",
        "_c_/stack1/not.tif",
        "residual_packs/not.svs",
        "nothing/at/all/",
    ]);
    let listing = list(root.path());
    assert_eq!(names(&listing), ["a", "b", "c"]);
    let skipped = skipped(root.path(), &listing);
    assert_eq!(
        skipped,
        [
            ("lost_files".into(), &SkipReason::Empty),
            ("nothing".into(), &SkipReason::Empty),
            ("residual_packs".into(), &SkipReason::Empty)
        ]
    );
}

#[test]
fn equal_names_keep_their_extension() {
    let root =
        root(&["in/a.svs", "in/a.tif", "in/b.svs", "a.bundle", "a.dzi", "a/x.dzi", "c.ome.tif", "c.svs"]);
    let listing = list(root.path());
    assert_eq!(names(&listing), ["a", "a.bundle", "a.dzi", "c", "c.ome", "in/a.svs", "in/a.tif", "in/b"]);
    assert_eq!(listing.slides["a"].tree, Some(root.path().join("a/x.dzi")));
    assert!(listing.slides["in/a.tif"].is_raw() && !listing.slides["a.bundle"].is_raw());
}

#[test]
fn links_are_followed_once_and_a_circle_ends() {
    let root = root(&["real/s.svs", "real/sub/t.svs", "z.txt"]);
    let link = |from: &str, to: &str| symlink(root.path().join(to), root.path().join(from)).unwrap();
    link("real/sub/up", ".");
    link("again", "real");
    link("loop", "loop");
    link("gone.svs", "nowhere");
    let far = root_of_one();
    symlink(far.path(), root.path().join("far")).unwrap();
    let listing = list(root.path());
    assert_eq!(names(&listing), ["gone", "real/s", "real/sub/t"]);
    let (empty, outside) = (("again".into(), &SkipReason::Empty), ("far".into(), &SkipReason::Outside));
    assert_eq!(skipped(root.path(), &listing), [empty.clone(), outside]);
    let options = SlideOptions { root: root.path().into(), follow_links: true, ..SlideOptions::default() };
    let listing = scan(&options, &mut Memory::default()).unwrap();
    assert_eq!(names(&listing), ["far/u", "gone", "real/s", "real/sub/t"]);
    assert_eq!(skipped(root.path(), &listing), [empty]);
}

fn root_of_one() -> tempfile::TempDir {
    root(&["u.svs"])
}

#[test]
fn directories_are_entered_to_a_depth() {
    let deep = |levels: usize| "d/".repeat(levels);
    let root = root(&[&format!("{}a.svs", deep(16)), &format!("{}b.svs", deep(17))]);
    let listing = list(root.path());
    assert_eq!(names(&listing), [format!("{}a", deep(16))]);
    assert_eq!(
        skipped(root.path(), &listing),
        [(deep(17).trim_end_matches('/').into(), &SkipReason::TooDeep)]
    );
}

#[test]
fn what_cannot_be_listed_is_skipped_and_hides_nothing() {
    use std::os::unix::ffi::OsStrExt;
    let root = root(&["a.svs", "b/c.svs"]);
    let bad = std::ffi::OsStr::from_bytes(b"\xff.svs");
    fs::write(root.path().join(bad), "").unwrap();
    let locked = root.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::write(locked.join("d.svs"), "").unwrap();
    fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let reads_everything = fs::read_dir(&locked).is_ok();
    let listing = list(root.path());
    assert!(names(&listing).starts_with(&["a", "b/c"]), "{:?}", names(&listing));
    let reasons: Vec<_> = listing.skipped.iter().map(|skipped| &skipped.reason).collect();
    assert!(reasons.contains(&&SkipReason::NotUtf8), "{reasons:?}");
    // The superuser may read it.
    let refused = |reason: &&SkipReason| matches!(reason, SkipReason::Unreadable { passing: false, .. });
    assert_eq!(reasons.into_iter().any(|reason| refused(&reason)), !reads_everything);
}

#[test]
fn a_large_root_is_listed_whole() {
    let names: Vec<String> = (0..10_000).map(|n| format!("slide-{n:05}.{}", ["svs", "txt"][n % 2])).collect();
    let root = root(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let started = std::time::Instant::now();
    let listing = list(root.path());
    println!("10,000 files: {:?}", started.elapsed());
    assert_eq!((listing.slides.len(), listing.skipped.len()), (5_000, 0));
}

/// The elements of a DICOM file by which the slides of a directory are told apart: class and series.
fn dicom(series: &str) -> Vec<u8> {
    let uid = |group: u16, element: u16, text: &str| {
        let text = format!("{text}{}", if text.len() % 2 == 1 { "\0" } else { "" });
        let head = [group.to_le_bytes(), element.to_le_bytes(), *b"UI", (text.len() as u16).to_le_bytes()];
        [head.concat(), text.into_bytes()].concat()
    };
    let syntax = uid(2, 0x10, "1.2.840.10008.1.2.1");
    let length = [&[2, 0, 0, 0][..], b"UL", &[4, 0], &(syntax.len() as u32).to_le_bytes()].concat();
    let class = uid(8, 0x16, "1.2.840.10008.5.1.4.1.1.77.1.6");
    [vec![0; 128], b"DICM".to_vec(), length, syntax, class, uid(0x20, 0xe, series)].concat()
}

#[test]
fn a_dicom_series_is_one_slide() {
    let root = root(&["a.svs", "one/", "mixed/", "three/sub/b.svs", "notes/README"]);
    let write = |name: &str, series: &str| fs::write(root.path().join(name), dicom(series)).unwrap();
    for (name, series) in [
        ("one/IM0", "1.2.3"),
        ("one/IM1", "1.2.3"),
        ("mixed/p.dcm", "1.2.4"),
        ("mixed/q.dcm", "1.2.5"),
        ("mixed/r.dcm", "1.2.4"),
        ("three/x.dcm", "1.2.6"),
        ("three/y.dcm", "1.2.6"),
    ] {
        write(name, series);
    }
    fs::write(root.path().join("mixed/s.dcm"), "no DICOM in spite of its name").unwrap();
    let listing = list(root.path());
    assert_eq!(names(&listing), ["a", "mixed/p", "mixed/q", "mixed/s", "one", "three/sub/b", "three/x"]);
    assert_eq!(listing.slides["one"].source, Some(root.path().join("one/IM0")));
    assert_eq!(listing.slides["three/x"].stamp.len(), 2);
    assert_eq!(skipped(root.path(), &listing), [("notes".into(), &SkipReason::Empty)]);
    let whole = list(&root.path().join("one"));
    assert_eq!((names(&whole), whole.skipped.len()), (vec!["one"], 0));
    // A file that comes belongs to its slide, which has changed.
    let before = listing.slides["one"].clone();
    write("one/IM2", "1.2.3");
    assert_ne!(list(root.path()).slides["one"], before);
}

#[test]
fn trees_in_other_layouts_are_found_and_their_tiles_are_not_searched() {
    let root = root(&[
        "z/ImageProperties.xml",
        "z/TileGroup0/0-0-0.jpg",
        "z/TileGroup0/not.svs",
        "z/residual_packs/residuals.bundle",
        "z/more/a.svs",
        "g/0/0/0.jpg",
        "g/1/0/0.jpg",
        "g/1/not.svs",
        "i/0,0,9,9/9,/0/default.jpg",
        "i/0,0,9,9/not.svs",
        "i/full/9,/not.svs",
        "no/info.json",
        "no/0/b.svs",
        "in/s.szi",
        "in/s.dzi",
        "in/t.dzi",
        "z/2024/c.svs",
    ]);
    fs::write(root.path().join("i/info.json"), r#"{"@context": "http://iiif.io/api/image/3/context.json"}"#)
        .unwrap();
    let listing = list(root.path());
    assert_eq!(
        names(&listing),
        ["g", "i", "in/s.dzi", "in/s.szi", "in/t", "no/0/b", "z", "z/2024/c", "z/more/a"]
    );
    assert_eq!(listing.slides["g"].tree, Some(root.path().join("g")));
    assert_eq!(listing.slides["i"].tree, Some(root.path().join("i/info.json")));
    let z = &listing.slides["z"];
    assert!(z.tree == Some(root.path().join("z/ImageProperties.xml")) && z.archive.is_some());
    assert!(listing.skipped.is_empty(), "{:?}", listing.skipped);
    for (path, name) in
        [("z", "z"), ("g", "g"), ("i", "i"), ("z/ImageProperties.xml", "z"), ("in/s.szi", "s")]
    {
        let alone = list(&root.path().join(path));
        assert_eq!(names(&alone), [name], "{path}");
        assert!(alone.slides[name].tree.is_some(), "{path}");
    }
}
