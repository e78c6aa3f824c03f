//! Three examples of each command, which its help and its man page show and a test runs.
//!
//! The test gives every command a folder of its own, with `slide.svs` and `tissue.png`; `slides/a`, a tree with its bundle;
//! `decoded`, a tree decoded from that bundle; `runs`, a folder of evaluation runs; `key.txt` and `tokens.txt`.

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

const EXAMPLES: [(&str, &[Example]); 21] = [
    (
        "",
        &[
            example("Store a slide in one file", "origami encode --slide slide.svs --out slides/b"),
            example("Look at the slides of a folder in the browser", "origami serve --slides-root slides"),
            example("Say what this machine can do", "origami doctor"),
        ],
    ),
    (
        "pyramid",
        &[
            example("Make a tree of JPEG tiles", "origami pyramid slide.svs --out slides/b"),
            example(
                "Lossless tiles of another size",
                "origami pyramid slide.svs --out png --format png --tile 512",
            ),
            example("Write the label and the macro as well", "origami pyramid --help"),
        ],
    ),
    (
        "encode",
        &[
            example("Store a slide in one file", "origami encode --slide slide.svs --out slides/b"),
            example(
                "Smaller at the same quality",
                "origami encode --slide slide.svs --out slides/b --preset balanced",
            ),
            example(
                "As good as a size allows",
                "origami encode --slide slide.svs --out slides/b --target-size 900kB",
            ),
        ],
    ),
    (
        "decode",
        &[
            example(
                "Give the tiles back as a Deep Zoom tree",
                "origami decode --bundle slides/a/residual_packs/residuals.bundle --out tree",
            ),
            example(
                "WebP tiles instead of JPEG",
                "origami decode --bundle slides/a/residual_packs/residuals.bundle --out webp --output-format webp",
            ),
            example(
                "See where the time goes",
                "origami decode --bundle slides/a/residual_packs/residuals.bundle --out timed --timing",
            ),
        ],
    ),
    (
        "serve",
        &[
            example("Serve the slides of a folder to this machine", "origami serve --slides-root slides"),
            example(
                "Serve all networks, and ask for a token",
                "origami serve --slides-root slides --bind 0.0.0.0 --token-file tokens.txt",
            ),
            example(
                "Keep more tiles in memory",
                "origami serve --slides-root slides --cache-mb 1GiB --cache-entries 100000",
            ),
        ],
    ),
    (
        "evals",
        &[
            example("Show the runs of a folder", "origami evals --runs runs"),
            example("On another port", "origami evals --runs runs --port 9000"),
            example("To all networks", "origami evals --runs runs --bind 0.0.0.0"),
        ],
    ),
    (
        "sign",
        &[
            example("The query of a slide's addresses", "origami sign --key-file key.txt --slide a"),
            example("For an hour only", "origami sign --key-file key.txt --slide a --valid 1h"),
            example(
                "Whole addresses, of all slides",
                "origami sign --key-file key.txt --slide '*' --url https://slides.example.org",
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
                "Every family and tile",
                "origami inspect slides/a/residual_packs/residuals.bundle --list",
            ),
        ],
    ),
    (
        "verify",
        &[
            example("Check every byte", "origami verify slides/a/residual_packs/residuals.bundle"),
            example("Check all archives of a folder", "origami verify slides/a/residual_packs"),
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
            example("For a script", "origami compare slides/a decoded --json"),
            example("See the worst place", "origami compare slides/a decoded --picture worst.png"),
        ],
    ),
    (
        "doctor",
        &[
            example("Say what this machine can do", "origami doctor"),
            example("For a script", "origami doctor --json"),
            example("Test the first adapter alone", "origami doctor --gpu-adapter 0"),
        ],
    ),
    (
        "bench",
        &[
            example("Encoding against bare JPEG calls", "origami bench encode --side 1024 --rounds 1"),
            example("Every kernel against its plain code", "origami bench kernels"),
            example("A slide to measure with", "origami bench slide --size 4096x3072 --out bench.png"),
        ],
    ),
    ("bench encode", &[example("A quick look", "origami bench encode --side 1024 --rounds 1")]),
    ("bench decode", &[example("A quick look", "origami bench decode --side 1024 --rounds 1")]),
    ("bench kernels", &[example("For a script", "origami bench kernels --json")]),
    ("bench gpu", &[example("Only the kernels", "origami bench gpu --kernels-only --side 1024 --rounds 1")]),
    ("bench rate", &[example("The default parameters", "origami bench rate tissue.png")]),
    ("bench slide", &[example("Twelve megapixels", "origami bench slide --size 4096x3072 --out bench.png")]),
    (
        "bench stripes",
        &[example("One round", "origami bench stripes slides/a/residual_packs/residuals.bundle --rounds 1")],
    ),
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
            example("Write a page for each command", "origami man man1"),
            example("Read one of them", "origami man man1 && head -n 1 man1/origami-encode.1"),
            example("Replace the pages after an update", "origami man man1"),
        ],
    ),
];
