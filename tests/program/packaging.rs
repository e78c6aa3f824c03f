//! What packages bring: settings that the program takes, files that are there, and a unit that they fit.

use std::path::Path;

use crate::kit::program::{arg, origami};

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The assets of the Debian package: file, and where it goes.
fn assets() -> Vec<(String, String)> {
    let manifest = read("Cargo.toml");
    let (_, deb) = manifest.split_once("[package.metadata.deb]").unwrap();
    let (_, list) = deb.split_once("assets = [").unwrap();
    let list = list.split_once("\n]").unwrap().0;
    let rows = list.lines().filter_map(|line| line.trim().strip_prefix('[')?.strip_suffix("],"));
    rows.map(|row| {
        let cells: Vec<_> = row.split(", ").map(|cell| cell.trim_matches('"')).collect();
        (cells[0].to_string(), cells[1].to_string())
    })
    .collect()
}

#[test]
fn the_settings_that_are_installed_are_settings() {
    for file in ["packaging/serve.toml", "docs/serve.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let shown = origami(&["serve", "--config", arg(&path), "--print-config"]).ok().stdout;
        assert!(shown.contains(&format!("{}:", path.display())), "{shown}");
    }
}

#[test]
fn the_package_has_what_its_unit_needs() {
    let assets = assets();
    assert!(assets.len() > 10, "{assets:?}");
    for (file, _) in assets.iter().filter(|(file, _)| !file.starts_with("packaging/stage/")) {
        read(file);
    }
    let goes = |to: &str| assets.iter().any(|(_, place)| place == to);
    let unit = read("deploy/systemd/origami.service");
    assert!(unit.contains("ExecStart=/usr/bin/origami serve --config /etc/origami/serve.toml"), "{unit}");
    assert!(goes("etc/origami/serve.toml") && goes("usr/bin/"), "{assets:?}");
    assert!(read("Cargo.toml").contains("conf-files = [\"/etc/origami/serve.toml\"]"));
    let (users, settings) = (read("packaging/origami.sysusers"), read("packaging/serve.toml"));
    assert!(unit.contains("User=origami\n") && users.starts_with("u origami "), "{users}");
    for dir in ["/var/cache/origami", "/var/lib/origami"] {
        let made = read("packaging/origami.tmpfiles").contains(&format!("d {dir} 0700 origami origami"));
        assert!(made && settings.contains(dir) && read("packaging/debian/postinst").contains(dir), "{dir}");
    }
}

/// Purge takes what the package has made: no slides, no marks.
#[test]
fn purge_removes_recursively_only_cache_and_configuration() {
    let script = read("packaging/debian/postrm");
    let removed: Vec<_> = script.lines().filter_map(|line| line.trim().strip_prefix("rm ")).collect();
    assert_eq!(removed, ["-rf /var/cache/origami", "-rf /etc/origami"]);
}
