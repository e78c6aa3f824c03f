//! Files that never answer: pipes where a slide should be, and a file system that hangs. The server stays ready or says that it is not, and
//! ends when it is told to.

mod others;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::folders::{api, names};
use crate::kit::program::{arg, program};
use crate::kit::slides::{Small, tree};
use crate::running::{Running, request, wait_until};

/// More requests than there are threads that read files.
const REQUESTS: usize = 45;
/// Time in which a server ends that waits for nothing.
const SOON: Duration = Duration::from_secs(20);

fn pipe(path: &Path) {
    drop(fs::remove_file(path));
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// The statuses of so many requests at once.
fn at_once(server: &Running, path: &str, times: usize) -> Vec<u16> {
    each_at_once(server, &vec![path; times])
}

/// The statuses of these requests at once.
fn each_at_once(server: &Running, paths: &[impl AsRef<str> + Sync]) -> Vec<u16> {
    let (address, start) = (&server.address, &Barrier::new(paths.len()));
    std::thread::scope(|scope| {
        let ask = |path: &str| {
            start.wait();
            request(address, "GET", path, &[]).status
        };
        let asked: Vec<_> = paths.iter().map(|path| scope.spawn(move || ask(path.as_ref()))).collect();
        asked.into_iter().map(|of| of.join().unwrap()).collect()
    })
}

#[test]
fn a_pipe_where_a_file_should_be_is_refused_and_holds_nothing() {
    let (small, root) = (Small::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| root.path().join(name);
    fs::copy(&small.bundle, at("good.bundle")).unwrap();
    // In place of a bundle, of the first pack, of another one, of a descriptor, of a scanned slide, of a tile.
    pipe(&at("pipe.bundle"));
    pipe(&at("pipe.dzi"));
    pipe(&at("pipe.svs"));
    fs::create_dir_all(at("bundle/residual_packs")).unwrap();
    pipe(&at("bundle/residual_packs/residuals.bundle"));
    for (name, piped) in [("first", "0_0.pack"), ("other", "1_0.pack")] {
        let packs = at(name).join("residual_packs");
        fs::create_dir_all(&packs).unwrap();
        for pack in fs::read_dir(small.bundle.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()) {
            if pack.extension().is_some_and(|extension| extension == "pack") {
                fs::copy(&pack, packs.join(pack.file_name().unwrap())).unwrap();
            }
        }
        pipe(&packs.join(piped));
    }
    let dzi = tree(&at("tree"), 150, 130, 32, 3);
    pipe(&dzi.with_file_name("baseline_pyramid_files").join("8/1_1.jpg"));
    let server = Running::start(root.path(), &[]);
    let served = names(&server);
    assert!(["good", "tree"].iter().all(|name| served.iter().any(|of| of == name)), "{served:?}");
    for (path, status) in [
        ("/tiles/tree/8/1_1.jpg", 500),
        ("/tiles/first/8/1_1.jpg", 500),
        ("/tiles/other/8/4_1.jpg", 500),
        ("/tiles/tree/8/1_2.jpg", 200),
        ("/tiles/good/8/1_1.jpg", 200),
    ] {
        assert_eq!(at_once(&server, path, REQUESTS), vec![status; REQUESTS], "{path}");
    }
    // A bundle that becomes one after it was listed.
    pipe(&at("good.bundle"));
    wait_until("the pipe is served", || server.get("/tiles/good/8/1_1.jpg").status != 200);
    assert_eq!(server.get("/readyz").status, 200);
    let started = Instant::now();
    let (code, log) = server.terminate();
    assert!(code == Some(0) && started.elapsed() < SOON, "{code:?} after {:?}: {log}", started.elapsed());
    assert!(log.contains("pipe"), "{log}");
}

/// A library that lets reads hang of a file `NAME.hangs` and of those in a folder of such a name, as long as `NAME.hangs.now` lies beside it.
/// `None` without a C compiler.
pub fn hanging_reads(dir: &Path) -> Option<PathBuf> {
    let (code, library) = (dir.join("hang.c"), dir.join("hang.so"));
    fs::write(
        &code,
        r#"#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static void wait_for(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 8);
    if (n < 0) return;
    path[n] = 0;
    char *end = strstr(path, ".hangs");
    if (!end) return;
    strcpy(end + 6, ".now");
    while (!access(path, F_OK)) usleep(10000);
}
ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
    static ssize_t (*next)(int, void *, size_t, off64_t);
    if (!next) next = dlsym(RTLD_NEXT, "pread64");
    wait_for(fd);
    return next(fd, to, n, at);
}
ssize_t pread(int fd, void *to, size_t n, off_t at) {
    return pread64(fd, to, n, at);
}
ssize_t read(int fd, void *to, size_t n) {
    static ssize_t (*next)(int, void *, size_t);
    if (!next) next = dlsym(RTLD_NEXT, "read");
    wait_for(fd);
    return next(fd, to, n);
}
"#,
    )
    .unwrap();
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o", arg(&library), arg(&code), "-ldl"]).status();
    built.is_ok_and(|status| status.success()).then_some(library)
}

#[test]
fn reads_that_hang_end_their_requests_and_neither_the_server_nor_its_end() {
    let (small, dir) = (Small::new(), tempfile::tempdir().unwrap());
    let Some(library) = hanging_reads(dir.path()) else {
        println!("SKIPPED: no C compiler");
        return;
    };
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    // Links, because names decide what is a slide.
    fs::copy(&small.bundle, root.join("stuck.hangs")).unwrap();
    std::os::unix::fs::symlink(root.join("stuck.hangs"), root.join("stuck.bundle")).unwrap();
    fs::copy(&small.bundle, root.join("good.bundle")).unwrap();
    let dzi = tree(&root.join("tree"), 150, 130, 32, 3);
    let tile = dzi.with_file_name("baseline_pyramid_files").join("8/1_1.jpg");
    fs::rename(&tile, root.join("tile.hangs")).unwrap();
    std::os::unix::fs::symlink(root.join("tile.hangs"), &tile).unwrap();
    let start = |flags: &[&str]| Running::of(program().env("LD_PRELOAD", &library), &root, flags);
    let flags = ["--read-timeout-ms", "500", "--no-prefetch", "--queue-timeout-ms", "60s"];
    let server = start(&flags);
    assert_eq!(api(&server, "/api/slides/stuck")["width"], 150);
    for hangs in ["stuck", "tile"] {
        fs::write(root.join(format!("{hangs}.hangs.now")), "").unwrap();
    }
    // A tile that hangs keeps the others of its slide from being served where many ask for it. However many ask: a slide holds some threads that read files, and some that compute, in whose place come others.
    // Of tiles that nobody has asked for of its copy.
    let families: Vec<_> =
        (0..REQUESTS).map(|n| format!("/tiles/stuck/8/{}_{}.jpg", n % 5, n / 5 % 5)).collect();
    assert_eq!(each_at_once(&server, &families), vec![503; REQUESTS]);
    for (path, times) in [("/tiles/tree/8/1_1.jpg", 3), ("/tiles/tree/8/1_1.jpg", REQUESTS)] {
        assert_eq!(at_once(&server, path, times), vec![503; times]);
        if times == 3 {
            assert_eq!(server.get("/tiles/tree/8/1_2.jpg").status, 200);
        }
        assert_eq!(server.get("/tiles/good/8/1_1.jpg").status, 200);
        assert_eq!(server.get("/readyz").status, 200);
    }
    for tile in ["/tiles/good/8/0_1.jpg", "/tiles/good/8/4_4.jpg"] {
        assert_eq!(server.get(tile).status, 200, "{tile}");
    }
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    let (code, log) = {
        let started = Instant::now();
        let ended = server.terminate();
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        ended
    };
    assert_eq!(code, Some(0), "{log}");

    // A file system that comes back.
    for hangs in ["stuck", "tile"] {
        fs::remove_file(root.join(format!("{hangs}.hangs.now"))).unwrap();
    }
    let server = start(&flags);
    assert_eq!(server.get("/tiles/tree/8/1_1.jpg").status, 200);
}
