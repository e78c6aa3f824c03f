//! Advice in sentences. Looks at no machine: the findings are its input.

use origami::codec::JpegSimd;

/// The findings that may call for advice.
pub struct Situation<'a> {
    /// Whether this build has a GPU backend.
    pub gpu_built: bool,
    /// Whether the Vulkan loader is present; `None` where there are adapters, which prove it.
    pub loader: Option<bool>,
    /// Names of adapters that are GPUs.
    pub hardware: Vec<&'a str>,
    /// Names of adapters that are GPUs in software.
    pub software: Vec<&'a str>,
    /// Names of adapters that failed their test, with the fault.
    pub failed: Vec<(&'a str, &'a str)>,
    /// Whether NVIDIA's kernel driver is present.
    pub nvidia_files: bool,
    /// Instruction set of the kernels, and the best of the processor.
    pub level: &'static str,
    pub best_level: &'static str,
    pub jpeg: JpegSimd,
    /// Why OpenSlide is missing.
    pub openslide: Option<&'a str>,
    /// Why libjxl is missing, in a build that could use it.
    pub libjxl: Option<&'a str>,
    /// Why tours cannot be rendered, in a build that could.
    pub ffmpeg: Option<&'a str>,
}

/// The sentences, most important first.
pub fn advice(situation: &Situation<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for (name, problem) in &situation.failed {
        all.push(format!(
            "Do not use {name}: {problem}. Take --backend cpu or another adapter, and update its driver."
        ));
    }
    if situation.gpu_built {
        about_gpus(situation, &mut all);
    } else {
        all.push("This program has no GPU backend: build it with --features gpu to use one.".into());
    }
    if situation.level != situation.best_level {
        all.push(format!(
            "ORIGAMI_CPU holds the kernels at {}: unset it, and they run with {}.",
            situation.level, situation.best_level
        ));
    }
    match situation.jpeg {
        JpegSimd::On => {}
        JpegSimd::Off => all.push("JSIMD_FORCENONE=1 makes JPEG several times slower: unset it.".into()),
        JpegSimd::NotBuilt => all.push(
            "libjpeg-turbo was built without SIMD, which makes JPEG several times slower: install nasm and build again."
                .into(),
        ),
    }
    if let Some(problem) = situation.openslide {
        all.push(format!("Scanners' formats other than SVS and TIFF need OpenSlide: {problem}."));
    }
    if let Some(problem) = situation.libjxl {
        all.push(format!("--encoder jpegxl needs libjxl (decoding does not): {problem}."));
    }
    if let Some(problem) = situation.ffmpeg {
        all.push(format!("Tours are coded by ffmpeg: {problem}."));
    }
    all
}

fn about_gpus(situation: &Situation<'_>, all: &mut Vec<String>) {
    if situation.loader == Some(false) {
        all.push(
            "There is no Vulkan loader (libvulkan.so.1), so no GPU can be used: apt install libvulkan1 \
             mesa-vulkan-drivers."
                .into(),
        );
    } else if situation.loader == Some(true) {
        all.push(
            "There is no Vulkan adapter: install the driver of the GPU, or mesa-vulkan-drivers, which has AMD, Intel and one \
             in software."
                .into(),
        );
    }
    let nvidia = situation.hardware.iter().any(|name| name.to_lowercase().contains("nvidia"));
    if situation.nvidia_files && !nvidia {
        all.push(
            "NVIDIA's device files are in /dev, but Vulkan has no NVIDIA adapter. Start the container with \
             NVIDIA_DRIVER_CAPABILITIES=all (or with graphics among them), so that the Vulkan driver comes in; \
             where its manifest is not found, VK_DRIVER_FILES=/path/to/nvidia_icd.json names it."
                .into(),
        );
    }
    if let (true, Some(software)) = (situation.hardware.is_empty(), situation.software.first()) {
        all.push(format!(
            "{software} is a GPU in software, for tests: the CPU's own kernels are faster; it is only taken by name, with --backend gpu --gpu-adapter."
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> Situation<'static> {
        Situation {
            gpu_built: true,
            loader: None,
            hardware: vec!["NVIDIA L4"],
            software: vec!["llvmpipe"],
            failed: Vec::new(),
            nvidia_files: true,
            level: "avx2",
            best_level: "avx2",
            jpeg: JpegSimd::On,
            openslide: None,
            libjxl: None,
            ffmpeg: None,
        }
    }

    #[track_caller]
    fn says(found: &Situation<'_>, words: &[&str]) {
        let all = advice(found);
        for word in words {
            assert!(all.iter().any(|sentence| sentence.contains(word)), "no {word:?} in {all:?}");
        }
        assert!(all.iter().all(|sentence| sentence.ends_with('.')), "{all:?}");
    }

    #[test]
    fn a_healthy_machine_needs_none() {
        assert_eq!(advice(&healthy()), [""; 0]);
    }

    #[test]
    fn every_problem_has_its_sentence() {
        let none = || Situation { hardware: Vec::new(), software: Vec::new(), ..healthy() };
        says(
            &Situation { loader: Some(false), ..none() },
            &["libvulkan1 mesa-vulkan-drivers", "NVIDIA_DRIVER_CAPABILITIES"],
        );
        says(&Situation { loader: Some(true), ..none() }, &["no Vulkan adapter", "VK_DRIVER_FILES"]);
        says(
            &Situation { hardware: Vec::new(), ..healthy() },
            &["llvmpipe is a GPU in software", "NVIDIA's device"],
        );
        says(
            &Situation { level: "scalar", ..healthy() },
            &["ORIGAMI_CPU holds the kernels at scalar", "avx2"],
        );
        says(&Situation { jpeg: JpegSimd::Off, ..healthy() }, &["JSIMD_FORCENONE"]);
        says(&Situation { jpeg: JpegSimd::NotBuilt, ..healthy() }, &["nasm"]);
        says(&Situation { openslide: Some("not found"), ..healthy() }, &["OpenSlide: not found"]);
        says(
            &Situation { libjxl: Some("not found"), ..healthy() },
            &["libjxl (decoding does not): not found"],
        );
        says(
            &Situation { failed: vec![("NVIDIA L4", "kernel color: noise")], ..healthy() },
            &["Do not use NVIDIA L4: kernel color: noise", "--backend cpu"],
        );
    }

    #[test]
    fn a_build_without_gpu_gets_no_advice_about_drivers() {
        let found = Situation { gpu_built: false, hardware: Vec::new(), loader: Some(true), ..healthy() };
        let all = advice(&found);
        assert!(all.len() == 1 && all[0].contains("--features gpu"), "{all:?}");
    }
}
