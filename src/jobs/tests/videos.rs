//! Renderings: what is left of an attempt that is too slow, and of one whose source is another one now.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::backend::scheduler::Scheduler;
use crate::backend::{Cancel, CpuBackend};
use crate::error::diagnosis::{Diagnose, FaultKind};
use crate::jobs::context::{Made, WorkContext};
use crate::jobs::run::{WorkError, run};
use crate::jobs::{Code, Render, Renderer, Source, Task, Unit};
use crate::pyramid::identity::Identity;
use crate::store::remote::AddressPolicy;

/// A video of a second in `dir`; `None`, and SKIPPED, without ffmpeg.
fn video(dir: &Path) -> Option<PathBuf> {
    let path = dir.join("source.mp4");
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=320x240:r=10",
        "-t",
        "1",
        "-pix_fmt",
        "yuv420p",
    ]);
    if command.arg(&path).status().is_ok_and(|status| status.success()) {
        return Some(path);
    }
    eprintln!("SKIPPED: renderings: no ffmpeg");
    None
}

fn unit(source: &Path) -> Unit {
    let document = serde_json::json!({"scenario": {"cues": []}});
    let task = Task::Render(Render::new(document.as_object().unwrap().clone(), None));
    let identity = Identity::of_file(source).unwrap();
    Unit::new(task, source.to_str().unwrap().into(), Source::Video, identity.text, identity.bytes).unwrap()
}

/// Renders to `dir/out`, below `dir/temp`, which is empty afterwards.
fn rendered(unit: &Unit, dir: &Path, limit: Duration) -> Result<Made, WorkError> {
    let out = dir.join("out");
    std::fs::create_dir_all(&out).unwrap();
    let mut renderer = Renderer::new(dir.join("temp"), AddressPolicy::All);
    renderer.limit = limit;
    let context = WorkContext {
        backend: &CpuBackend::new(),
        scheduler: &Scheduler::new(1).unwrap(),
        progress: &|_, _, _| (),
        renderer: &renderer,
        cancel: &Cancel::default(),
    };
    let made = run(unit, &out, &context);
    assert_eq!(std::fs::read_dir(&renderer.temp_dir).unwrap().count(), 0);
    made
}

#[test]
fn an_attempt_that_takes_too_long_is_ended_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let Some(source) = video(dir.path()) else { return };
    let unit = unit(&source);
    let error = rendered(&unit, dir.path(), Duration::ZERO).err().unwrap();
    assert_eq!(
        (error.code(), error.diagnosis().kind),
        (Some(Code::RenderingTimeout), FaultKind::Failed),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(dir.path().join("out")).unwrap().count(), 0);
    let made = rendered(&unit, dir.path(), Renderer::LIMIT).unwrap();
    assert_eq!((made.families, made.pixels, &*made.main), (10, 10 * 320 * 240, "video.mp4"));
}

#[test]
fn a_video_that_was_replaced_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let Some(source) = video(dir.path()) else { return };
    let unit = unit(&source);
    std::fs::write(&source, "another").unwrap();
    let error = rendered(&unit, dir.path(), Renderer::LIMIT).err().unwrap();
    assert!(error.to_string().contains("has changed since it was submitted"), "{error}");
    std::fs::remove_file(&source).unwrap();
    let error = rendered(&unit, dir.path(), Renderer::LIMIT).err().unwrap();
    assert!(error.to_string().contains("not there any more"), "{error}");
}
