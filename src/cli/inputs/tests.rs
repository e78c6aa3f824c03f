//! What paths are found to be, and where results go.

use super::*;

/// A directory with empty files at these paths.
fn directory(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    dir
}

/// Path, kind, name and home of what is found, below `dir`.
fn found(dir: &Path, below: &str, takes: Takes) -> Vec<(String, Thing, String, String)> {
    let inputs = find(&[dir.join(below)], takes).unwrap();
    let text = |path: &Path| path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned();
    inputs.list.iter().map(|i| (text(&i.path), i.thing, text(&i.name), text(&i.home))).collect()
}

fn row(path: &str, thing: Thing, name: &str, home: &str) -> (String, Thing, String, String) {
    (path.into(), thing, name.into(), home.into())
}

#[test]
fn a_directory_is_searched_for_slides_and_the_trees_of_other_slides() {
    let dir = directory(&[
        "a.svs",
        "a/baseline_pyramid.dzi",
        "a/baseline_pyramid_files/0/0_0.jpg",
        "a/decoded_pyramid.dzi",
        "a/residual_packs/residuals.bundle",
        "label.png",
        "sub/B.TIFF",
        "tree/x.dzi",
        "tree/x_files/0/0_0.jpg",
        ".hidden/c.svs",
        "series/1.dcm",
        "series/2.dcm",
    ]);
    let expected = [
        row("a.svs", Thing::Slide, "a", "a"),
        row("series/1.dcm", Thing::Slide, "series", "series"),
        row("sub/B.TIFF", Thing::Slide, "sub/B", "sub/B"),
        row("tree/x.dzi", Thing::Tree, "tree", "tree"),
    ];
    assert_eq!(found(dir.path(), "", Takes::SOURCES), expected);
    let expected = [row("a/residual_packs/residuals.bundle", Thing::Bundle, "a", "a")];
    assert_eq!(found(dir.path(), "", Takes::ARCHIVES), expected);
    assert_eq!(found(dir.path(), "", Takes::ALL).len(), 6, "the tree beside its slide as well");
}

#[test]
fn a_directory_that_is_one_thing_is_that_thing() {
    let dir = directory(&[
        "t/baseline_pyramid.dzi",
        "t/decoded_pyramid.dzi",
        "t/baseline_pyramid_files/0/0_0.jpg",
        "t/residual_packs/residuals.bundle",
        "p/residual_packs/0_0.pack",
        "s/b.dcm",
        "s/a.dcm",
    ]);
    let tree = [row("t/baseline_pyramid.dzi", Thing::Tree, "t", "t")];
    assert_eq!(found(dir.path(), "t", Takes::SOURCES), tree);
    assert_eq!(found(dir.path(), "t/baseline_pyramid_files", Takes::SOURCES), tree);
    let bundle = [row("t/residual_packs/residuals.bundle", Thing::Bundle, "t", "t")];
    assert_eq!(found(dir.path(), "t", Takes::ARCHIVES), bundle);
    assert_eq!(found(dir.path(), "t/residual_packs", Takes::ARCHIVES), bundle);
    assert_eq!(found(dir.path(), "t", Takes::ALL).len(), 2);
    let packs = [row("p/residual_packs", Thing::Packs, "p", "p")];
    assert_eq!(found(dir.path(), "p", Takes::ARCHIVES), packs);
    assert_eq!(found(dir.path(), "s", Takes::SLIDES), [row("s/a.dcm", Thing::Slide, "s", "s")]);
}

/// The first elements of a whole-slide image of a series.
fn dicom(series: &str) -> Vec<u8> {
    let element = |tag: [u8; 4], text: &str| {
        let text = if text.len() % 2 == 1 { format!("{text}\0") } else { text.to_string() };
        [&tag[..], b"UI", &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
    };
    let class = element([8, 0, 0x16, 0], "1.2.840.10008.5.1.4.1.1.77.1.6");
    let syntax = element([2, 0, 0x10, 0], "1.2.840.10008.1.2.1");
    [&[0; 128], &b"DICM"[..], &syntax, &class, &element([0x20, 0, 0x0E, 0], series)].concat()
}

#[test]
fn a_dicom_series_is_one_slide_wherever_its_files_lie() {
    let dir = directory(&["alone/a", "alone/b.dcm", "mixed/c.svs", "two/a.dcm", "two/b.dcm", "two/c.dcm"]);
    for (path, series) in [
        ("alone/a", "1.2"),
        ("alone/b.dcm", "1.2"),
        ("mixed/a.dcm", "1.2"),
        ("mixed/b", "1.2"),
        ("mixed/d.dcm", "1.3"),
        ("two/a.dcm", "1.2"),
        ("two/b.dcm", "1.3"),
    ] {
        fs::write(dir.path().join(path), dicom(series)).unwrap();
    }
    assert_eq!(found(dir.path(), "alone", Takes::SLIDES), [row("alone/a", Thing::Slide, "alone", "alone")]);
    let mixed = ["mixed/a.dcm", "mixed/c.svs", "mixed/d.dcm"].map(PathBuf::from);
    let paths = |inputs: Inputs| -> Vec<_> {
        inputs.list.iter().map(|input| input.path.strip_prefix(dir.path()).unwrap().to_path_buf()).collect()
    };
    assert_eq!(paths(find(&[dir.path().join("mixed")], Takes::SOURCES).unwrap()), mixed);
    assert_eq!(paths(everything(&[dir.path().join("mixed")]).unwrap()), mixed);
    // The third file is damaged, and fails in its turn.
    let two = find(&[dir.path().join("two")], Takes::SLIDES).unwrap();
    assert_eq!(paths(two), ["two/a.dcm", "two/b.dcm", "two/c.dcm"].map(PathBuf::from));
}

#[test]
fn what_a_command_does_not_take_is_named() {
    let dir = directory(&["x.bundle", "x.svs", "none/readme.txt"]);
    let text = |path: &str, takes| find(&[dir.path().join(path)], takes).unwrap_err().to_string();
    assert!(
        text("x.bundle", Takes::SOURCES)
            .ends_with("x.bundle: it is a bundle, and this command takes slides or trees")
    );
    assert!(text("x.svs", Takes::ARCHIVES).contains("no bundle and no pack"));
    assert!(text("none", Takes::SOURCES).contains("none: no slides or trees in this directory or below"));
    assert!(text("gone.svs", Takes::SOURCES).contains("gone.svs: cannot open it"));
}

#[test]
fn results_have_a_place_of_their_own() {
    let dir = directory(&["a.svs", "a.tif", "b/a.svs"]);
    let one = find(&[dir.path().join("a.svs")], Takes::SOURCES).unwrap();
    assert_eq!(one.results(Some(Path::new("out"))).unwrap()[&dir.path().join("a.svs")], Path::new("out"));
    let two = find(&[dir.path().join("a.svs"), dir.path().join("b")], Takes::SOURCES).unwrap();
    // Both are "a" below the paths that were given.
    assert!(two.results(Some(Path::new("out"))).is_err());
    assert_eq!(two.results(None).unwrap()[&dir.path().join("b/a.svs")], dir.path().join("b/a"));
    let same = find(&[dir.path().to_path_buf()], Takes::SOURCES).unwrap();
    let text = same.results(None).unwrap_err().to_string();
    assert!(
        text.contains("a.svs and ") && text.contains("a.tif: the results of both would be in "),
        "{text}"
    );
}
