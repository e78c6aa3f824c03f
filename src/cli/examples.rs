//! Examples of each command, which its help and its man page show and a test runs.
//!
//! The test gives every command a folder of its own. There are `slide.svs` and `tissue.png`; `slides` with the slide `b.svs` and `a`, a
//! tree with its bundle; `decoded`, a tree decoded from that bundle; `lossless.bundle`; `runs`, a folder of evaluation runs; `key.txt`
//! and `tokens.txt`; `list.txt`, which names `slides/b.svs`; `results`, where that slide is submitted to; `tour.json`, a tour
//! over it.

/// A command and what it is for.
pub struct Example {
    /// What it does, in a line.
    pub does: &'static str,
    /// The command as it is typed.
    pub command: &'static str,
}

const fn example(does: &'static str, command: &'static str) -> Example {
    Example { does, command }
}

/// The examples of a command: its names after `origami`, joined by spaces.
pub fn of(command: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|(name, _)| *name == command).map_or(&[], |(_, examples)| examples)
}

/// Commands and their examples.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            example("Store a slide in one file", "origami encode slide.svs"),
            example("Show the slides of a folder in the browser", "origami serve slides"),
            example("Say what this machine can do", "origami doctor"),
        ],
    ),
    (
        "pyramid",
        &[
            example("Make a tree beside a slide, in a directory of its name", "origami pyramid slide.svs"),
            example(
                "Lossless tiles of another size",
                "origami pyramid slide.svs --out png --format png --tile 512",
            ),
            example(
                "The slides of a folder, whatever becomes of one",
                "origami pyramid slides --out trees --keep-going",
            ),
        ],
    ),
    (
        "encode",
        &[
            example("Store a slide in one file, in a directory of its name", "origami encode slide.svs"),
            example("Smaller at the same quality", "origami encode slide.svs --out small --preset balanced"),
            example(
                "A folder; a second time, what is not done yet",
                "origami encode slides --skip-existing --keep-going",
            ),
        ],
    ),
    (
        "decode",
        &[
            example(
                "Give the tiles back, beside the bundle",
                "origami decode slides/a/residual_packs/residuals.bundle",
            ),
            example(
                "WebP tiles, somewhere else",
                "origami decode slides/a/residual_packs/residuals.bundle --out webp --output-format webp",
            ),
            example("Every bundle of a folder", "origami decode slides --out trees"),
        ],
    ),
    (
        "convert",
        &[
            example(
                "A TIFF of a lossless bundle, with the slide's own tiles",
                "origami convert lossless.bundle --to tiff",
            ),
            example(
                "An OME-TIFF somewhere else",
                "origami convert slides/a/residual_packs/residuals.bundle --to ome-tiff --out a.ome.tiff",
            ),
            example(
                "DICOM instances, one for each level",
                "origami convert lossless.bundle --to dicom --attributes attributes.json",
            ),
        ],
    ),
    (
        "crop",
        &[
            example("A rectangle at full resolution", "origami crop slide.svs 300,200,256,256 -o detail.png"),
            example(
                "Half of the pixels a side, as JPEG",
                "origami crop slide.svs 300,200,256,256 -o detail.jpg --level 1",
            ),
            example(
                "A third of the size, of a bundle, as bare pixels",
                "origami crop lossless.bundle 0,0,300,300 -o detail.raw --scale 1/3",
            ),
        ],
    ),
    (
        "serve",
        &[
            example("Show the slides of a folder on this machine", "origami serve slides"),
            example("Ask for a token", "origami serve slides --token-file tokens.txt"),
            example("Keep more tiles in memory", "origami serve slides --cache-mb 1GiB"),
        ],
    ),
    (
        "evals",
        &[
            example("Show the runs of a folder", "origami evals runs"),
            example("Show one run", "origami evals runs/a"),
            example("On a port that is free", "origami evals runs --port 0"),
        ],
    ),
    (
        "sign",
        &[
            example("What to append to the addresses of a slide", "origami sign --key-file key.txt a"),
            example("For a week", "origami sign --key-file key.txt a --valid 7d"),
            example(
                "Addresses of all slides",
                "origami sign --key-file key.txt '*' --url https://slides.example.org",
            ),
        ],
    ),
    (
        "inspect",
        &[
            example("What a bundle holds", "origami inspect slides/a/residual_packs/residuals.bundle"),
            example(
                "The same for a script",
                "origami inspect slides/a/residual_packs/residuals.bundle --json",
            ),
            example(
                "See where the bytes lie",
                "origami inspect slides/a/residual_packs/residuals.bundle --plot bytes.svg",
            ),
        ],
    ),
    (
        "verify",
        &[
            example("Check every byte", "origami verify slides/a/residual_packs/residuals.bundle"),
            example("Check all slides, trees and archives of a folder", "origami verify slides"),
            example(
                "Reconstruct every family as well",
                "origami verify slides/a/residual_packs/residuals.bundle --deep",
            ),
        ],
    ),
    (
        "compare",
        &[
            example("What a decoded tree lost", "origami compare slides/a decoded"),
            example("The same for a script", "origami compare slides/a decoded --json"),
            example("See where they differ most", "origami compare slides/a decoded --picture worst.png"),
        ],
    ),
    (
        "jobs",
        &[
            example("Submit the slides of a folder", "origami jobs submit slides --out results"),
            example("How far they are", "origami jobs status --out results"),
            example("End what is not done", "origami jobs cancel --all --out results"),
        ],
    ),
    (
        "jobs submit",
        &[
            example("The slides of a folder", "origami jobs submit slides --out results"),
            example(
                "Those of a list, smaller at the same quality",
                "origami jobs submit --list list.txt --preset balanced --out results",
            ),
            example(
                "Check bundles, and their proofs",
                "origami jobs submit lossless.bundle --kind verify --deep --out results",
            ),
        ],
    ),
    (
        "jobs status",
        &[
            example("How far they are", "origami jobs status --out results"),
            example("The same for a script", "origami jobs status --out results --json"),
        ],
    ),
    (
        "jobs cancel",
        &[
            example("One slide", "origami jobs cancel slides/b.svs --out results"),
            example("Everything that is not done", "origami jobs cancel --all --out results"),
        ],
    ),
    ("jobs retry", &[example("All that were given up", "origami jobs retry --all --out results")]),
    (
        "jobs reconcile",
        &[
            example("Make a lost queue again", "origami jobs reconcile --out results"),
            example("Remove what killed workers left behind", "origami jobs reconcile --out results --clean"),
        ],
    ),
    (
        "jobs serve",
        &[
            example(
                "Take renderings of tours over these slides",
                "origami jobs serve --slides slides --out results",
            ),
            example(
                "For all networks, with a token",
                "origami jobs serve --host 0.0.0.0 --token-file tokens.txt --out results",
            ),
            example(
                "With signed callbacks, also to private addresses",
                "origami jobs serve --callback-key-file key.txt --allow-private-addresses --out results",
            ),
        ],
    ),
    (
        "worker",
        &[
            example("Do what there is to do", "origami worker --out results --until-empty"),
            example("Four slides at a time", "origami worker --out results --until-empty --slots 4"),
            example(
                "With its cost in the status",
                "origami worker --out results --until-empty --price-per-hour 2.5",
            ),
        ],
    ),
    (
        "tour",
        &[
            example("Every fault of a tour, with its place", "origami tour check tour.json"),
            example("One frame", "origami tour still tour.json --at 1 --out frame.png"),
            example("The video", "origami tour render tour.json --out tour.mp4"),
        ],
    ),
    (
        "tour render",
        &[
            example("To a video beside the tour", "origami tour render tour.json --out tour.mp4"),
            example(
                "With x264, whatever the machine has",
                "origami tour render tour.json --out x264.mp4 --encoder x264",
            ),
        ],
    ),
    (
        "tour check",
        &[
            example("Every fault, with its place", "origami tour check tour.json"),
            example("The same for a program", "origami tour check tour.json --json"),
        ],
    ),
    (
        "tour still",
        &[example("What is seen after a second", "origami tour still tour.json --at 1 --out frame.png")],
    ),
    (
        "doctor",
        &[
            example("Say what this machine can do", "origami doctor"),
            example("The same for a script", "origami doctor --json"),
            example("What the server would do with a folder, and why", "origami doctor --serve slides"),
        ],
    ),
    (
        "bench",
        &[
            example("Encoding against the bare JPEG calls", "origami bench encode --side 1024 --rounds 1"),
            example("Every kernel against its scalar definition", "origami bench kernels"),
            example("A slide to measure with", "origami bench slide bench.png --size 2048x1536"),
        ],
    ),
    ("bench encode", &[example("A quick look", "origami bench encode --side 1024 --rounds 1")]),
    ("bench decode", &[example("A quick look", "origami bench decode --side 1024 --rounds 1")]),
    ("bench kernels", &[example("For a script", "origami bench kernels --json")]),
    (
        "bench gpu",
        &[example(
            "The kernels alone, on the first adapter",
            "origami bench gpu --gpu-adapter 0 --kernels-only --side 1024 --rounds 1",
        )],
    ),
    (
        "bench originals",
        &[example("A bundle of --preset lossless", "origami bench originals lossless.bundle --rounds 1")],
    ),
    ("bench rate", &[example("The default parameters", "origami bench rate tissue.png")]),
    (
        "bench serve",
        &[example(
            "A server on this machine",
            "origami bench serve http://127.0.0.1:8080/dzi/a.dzi --seconds 1s",
        )],
    ),
    ("bench slide", &[example("Three megapixels", "origami bench slide bench.png --size 2048x1536")]),
    (
        "bench storage",
        &[example(
            "The local file alone",
            "origami bench storage slides/a/residual_packs/residuals.bundle --rounds 1",
        )],
    ),
    (
        "bench stripes",
        &[example(
            "A quick look",
            "origami bench stripes slides/a/residual_packs/residuals.bundle --rounds 1",
        )],
    ),
    ("bench tour", &[example("Its first ten frames", "origami bench tour tour.json --frames 10")]),
    (
        "completions",
        &[
            example("For bash", "origami completions bash > origami.bash"),
            example("For zsh, in a folder of $fpath", "origami completions zsh > _origami"),
            example("For fish", "origami completions fish > origami.fish"),
        ],
    ),
    (
        "man",
        &[
            example("Into a folder", "origami man man1"),
            example("For one user", "origami man ~/.local/share/man/man1"),
            example("Then read a page", "origami man man1 && ls man1/origami-encode.1"),
        ],
    ),
];
