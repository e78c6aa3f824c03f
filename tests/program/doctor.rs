//! `origami doctor` on whatever machine this is: complete, readable, and honest about what it has not got.

use crate::kit::program::{Ran, program};
use serde_json::Value;

/// Runs it with the variables that it reports on out of the way.
fn doctor(args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = program();
    command.arg("doctor").args(args);
    for name in ["ORIGAMI_CPU", "JSIMD_FORCENONE", "NODEVICE_SELECT", "RUST_LOG", "XDG_RUNTIME_DIR"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied()).output().unwrap().into()
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

#[test]
fn the_json_has_every_key_and_the_adapters_agree_with_the_cpu() {
    let ran = doctor(&["--json"], &[]).ok();
    let report = json(&ran);
    for key in
        ["version", "features", "cpu", "jpeg", "encoders", "openslide", "tours", "adapters", "auto", "advice"]
    {
        assert!(!report[key].is_null(), "no {key} in {report:#}");
    }
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert!(report["features"].as_array().unwrap().contains(&"cli".into()), "{report:#}");
    assert!(report["cpu"]["cores"].as_u64().unwrap() >= 1 && report["cpu"]["level"].is_string());
    assert!(report["jpeg"]["version"].as_str().unwrap().starts_with("3."), "{report:#}");
    assert_ne!(report["jpeg"]["simd"], "off", "{report:#}");
    assert_eq!(report["openslide"]["found"] == true, report["openslide"]["version"].is_string());
    assert_eq!(report["openslide"]["found"] == true, report["openslide"]["problem"].is_null());
    for task in ["encode", "decode"] {
        let taken = &report["auto"][task];
        assert!(["cpu", "gpu", "hybrid"].contains(&taken["backend"].as_str().unwrap()), "{taken}");
        assert!(!taken["reason"].as_str().unwrap().is_empty());
    }
    let adapters = report["adapters"].as_array().unwrap();
    for adapter in adapters {
        for key in ["index", "name", "kind", "api", "driver", "max_binding_bytes", "max_buffer_bytes"] {
            assert!(!adapter[key].is_null(), "no {key} in {adapter:#}");
        }
        let parity = &adapter["parity"];
        assert!(parity["ok"] == true && parity["problem"].is_null() && parity["ms"].as_f64() > Some(0.0));
        let kernels = parity["kernels"].as_array().unwrap();
        assert!(kernels.len() >= 5, "{adapter:#}");
        assert!(
            kernels.iter().all(|k| k["kernel"].is_string() && k["cases"].as_u64() > Some(0)),
            "{adapter:#}"
        );
        println!("parity on {} in {} ms", adapter["name"], parity["ms"]);
    }
    if adapters.is_empty() {
        let required = std::env::var("ORIGAMI_REQUIRE_GPU").is_ok_and(|v| v == "1");
        assert!(!required, "ORIGAMI_REQUIRE_GPU=1, and there is no adapter: {report:#}");
        println!("SKIPPED: parity: no Vulkan adapter; mesa-vulkan-drivers has one in software");
    }
    assert!(!ran.stderr.contains("XDG_RUNTIME_DIR"), "{ran:?}");
}

#[test]
fn the_text_names_the_level_of_the_cpu_and_who_lowered_it() {
    let level = json(&doctor(&["--json"], &[]).ok())["cpu"]["level"].as_str().unwrap().to_string();
    let ran = doctor(&[], &[]).ok();
    let line = |ran: &Ran, label: &str| {
        let found = ran.stdout.lines().find(|line| line.trim_start().starts_with(label));
        found.unwrap_or_else(|| panic!("no {label} in {ran:?}")).to_string()
    };
    assert!(line(&ran, "kernels").ends_with(&level), "{ran:?}");
    assert!(line(&ran, "simd").ends_with("on"), "{ran:?}");
    for section in ["cpu", "jpeg", "encoders", "openslide", "tours", "gpu", "--backend auto", "advice"] {
        assert!(ran.stdout.lines().any(|l| l.starts_with(section)), "no {section} in {ran:?}");
    }
    assert!(!ran.stdout.contains('\x1b'), "{ran:?}");

    let lowered = doctor(&[], &[("ORIGAMI_CPU", "scalar"), ("JSIMD_FORCENONE", "1")]).ok();
    assert!(line(&lowered, "simd").contains("off: JSIMD_FORCENONE=1"), "{lowered:?}");
    assert!(line(&lowered, "kernels").contains("scalar"), "{lowered:?}");
    assert_eq!(
        line(&lowered, "kernels").contains(&format!("from {level} by ORIGAMI_CPU")),
        level != "scalar"
    );
}

#[test]
fn an_adapter_that_is_not_there_is_refused_with_those_that_are() {
    let adapters = json(&doctor(&["--json"], &[]).ok())["adapters"].as_array().unwrap().clone();
    let ran = doctor(&["--gpu-adapter", "no such adapter"], &[]).refused(&["no such adapter"]);
    for adapter in &adapters {
        assert!(ran.stderr.contains(adapter["name"].as_str().unwrap()), "{ran:?}");
    }
    if !adapters.is_empty() {
        let one = json(&doctor(&["--json", "--gpu-adapter", "0"], &[]).ok());
        let tested = one["adapters"].as_array().unwrap().iter().filter(|a| !a["parity"].is_null());
        assert_eq!(tested.map(|a| a["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0]);
    }
}

#[test]
fn a_machine_without_libraries_is_advised_and_not_failed() {
    // No driver manifest for the Vulkan loader, no OpenSlide.
    let bare = [("VK_DRIVER_FILES", "/nowhere.json"), ("VK_ICD_FILENAMES", "/nowhere.json")];
    let ran = doctor(&["--json"], &[&bare[..], &[("ORIGAMI_OPENSLIDE", "/nowhere.so")]].concat()).ok();
    let report = json(&ran);
    assert_eq!(report["openslide"]["found"], false);
    let advice = report["advice"].to_string();
    assert!(advice.contains("OpenSlide"), "{advice}");
    if report["adapters"].as_array().unwrap().is_empty() {
        assert!(advice.contains("Vulkan") || advice.contains("--features gpu"), "{advice}");
        assert_eq!(report["auto"]["encode"]["backend"], "cpu");
    }
}

#[cfg(feature = "serve")]
#[test]
fn what_a_server_would_do_is_said_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (slides, path) = (dir.path().join("slides"), |name: &str| dir.path().join(name));
    crate::kit::slides::tree(&slides.join("one"), 60, 50, 32, 4);
    std::fs::write(slides.join("damaged.bundle"), "no bundle at all").unwrap();
    std::fs::write(path("tokens"), "a-token-of-a-test-0123").unwrap();
    let settings = format!(
        "slides-root = {:?}\nport = 0\ncache-mb = 64\nannotations = {:?}\ntoken-file = {:?}\nrayon-threads = 3\nmax-connections = 8\n",
        slides,
        path("marks"),
        path("tokens")
    );
    std::fs::write(path("serve.toml"), settings).unwrap();
    let file = crate::kit::program::arg(&path("serve.toml")).to_string();
    let before = crate::kit::files::listing(dir.path());
    let ran = doctor(&["--json", "--serve", "--config", &file], &[("ORIGAMI_SERVE_REQUEST_MB", "128")]).ok();
    let serve = &json(&ran)["serve"];
    assert_eq!(
        (&serve["starts"], &serve["access"]),
        (&true.into(), &"token or signature".into()),
        "{serve:#}"
    );
    assert_eq!(serve["slides"], serde_json::json!(["one"]));
    let skipped = serve["skipped"].as_array().unwrap();
    assert!(
        skipped.len() == 1 && skipped[0]["path"].as_str().unwrap().ends_with("damaged.bundle"),
        "{serve:#}"
    );
    let set = serve["settings"].as_array().unwrap();
    let from =
        |name: &str| set.iter().find(|row| row["name"] == name).map(|row| row["from"].as_str().unwrap());
    assert_eq!(from("request-mb"), Some("ORIGAMI_SERVE_REQUEST_MB"), "{serve:#}");
    assert_eq!(from("cache-mb"), Some(format!("{file}:3").as_str()), "{serve:#}");
    assert_eq!(serve["threads"], serde_json::json!({"compute": 3, "connections": 8, "files": 32}));
    let part = |name: &str| {
        let parts = serve["memory"].as_array().unwrap();
        parts.iter().find(|part| part["part"] == name).unwrap()["bytes"].as_u64().unwrap() >> 20
    };
    let parts = ["tiles", "requests", "connections", "computing threads"].map(part);
    // Requests: with the marks of one slide, of which a quarter of 128 MiB has a place in it.
    assert_eq!(parts, [88, 128 + 320 - 32, 2, 48], "{serve:#}");
    assert_eq!(part("a large image"), 512 - 64, "{serve:#}");
    assert_eq!(part("blocks of addresses"), 0, "{serve:#}");
    assert_eq!((part("scanned slides"), &serve["scanned"]), (0, &0.into()), "{serve:#}");
    assert_eq!(crate::kit::files::listing(dir.path()), before, "a directory or file was made");

    let text = doctor(&["--serve", "--config", &file], &[]).ok().stdout;
    for word in [
        "asks for a token or signature",
        "marks      marks in ",
        "384 MiB more for each scanned slide",
        "not there yet; it is made",
        "found      1, 0 not encoded",
        "it would start",
    ] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

#[cfg(feature = "serve")]
#[test]
fn a_server_that_would_not_start_is_told_why() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("marks"), "a file").unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let marks = crate::kit::program::arg(&dir.path().join("marks")).to_string();
    let env = [("ORIGAMI_SERVE_PORT", port.as_str()), ("ORIGAMI_SERVE_ANNOTATIONS", &marks)];
    let nowhere = crate::kit::program::arg(&dir.path().join("nowhere")).to_string();
    let ran = doctor(&["--serve", &nowhere], &env);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for word in ["cannot listen", "it is a file; name a directory", "nowhere", "it would NOT start"] {
        assert!(ran.stdout.contains(word), "no {word:?} in {ran:?}");
    }
    doctor(&["--serve", "--config", &nowhere], &[]).fails(&["nowhere"]);
    doctor(&["--serve"], &[("ORIGAMI_SERVE_PROT", "1")]).refused(&["ORIGAMI_SERVE_PORT"]);
    doctor(&["--config", &nowhere], &[]).refused(&["--serve"]);
}

#[cfg(all(feature = "serve", feature = "remote"))]
#[test]
fn a_server_of_slides_at_an_address_has_memory_for_their_blocks() {
    let store = crate::kit::object_server::ObjectServer::start();
    store.put("b/lab/one.bundle", b"no bundle at all");
    let environment = store.environment("planted-secret");
    let environment = environment.each_ref().map(|(name, value)| (name.as_str(), value.as_str()));
    let serve = &json(&doctor(&["--json", "--serve", "s3://b/lab"], &environment).ok())["serve"];
    let parts = serve["memory"].as_array().unwrap();
    let blocks = parts.iter().find(|part| part["part"] == "blocks of addresses").unwrap();
    assert_eq!(blocks["bytes"], 64 << 20, "{serve:#}");
    assert!(serve["skipped"][0]["path"].as_str().unwrap().contains("one.bundle"), "{serve:#}");
}
