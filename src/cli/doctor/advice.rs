//! What to do, in plain sentences, from what was found. Knows no machine: all of it comes in.

use origami::codec::JpegSimd;

/// What was found, as far as it calls for advice.
pub struct Situation<'a> {
    /// Whether this program has a GPU backend at all.
    pub gpu_built: bool,
    /// Whether the Vulkan loader is here; only looked for where there is no adapter.
    pub loader: Option<bool>,
    /// Names of adapters that are GPUs.
    pub hardware: Vec<&'a str>,
    /// Names of adapters that are processors in disguise.
    pub software: Vec<&'a str>,
    /// Names of adapters that failed, and what happened.
    pub failed: Vec<(&'a str, &'a str)>,
    /// Whether NVIDIA's kernel driver is here.
    pub nvidia_files: bool,
    /// Instruction set of the kernels, and the best of the processor.
    pub level: &'static str,
    pub best_level: &'static str,
    pub jpeg: JpegSimd,
    /// Why there is no OpenSlide.
    pub openslide: Option<&'a str>,
    /// Why there is no libjxl, in a program that could use it.
    pub libjxl: Option<&'a str>,
}

/// The sentences, most important first.
pub fn advice(found: &Situation<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for (name, problem) in &found.failed {
        all.push(format!(
            "Do not use {name}: {problem}. Take --backend cpu or another adapter, and update its driver."
        ));
    }
    if found.gpu_built {
        about_gpus(found, &mut all);
    } else {
        all.push("This program has no GPU backend: build it with --features gpu to use one.".into());
    }
    if found.level != found.best_level {
        all.push(format!(
            "ORIGAMI_CPU holds the kernels at {}: unset it, and they run with {}.",
            found.level, found.best_level
        ));
    }
    match found.jpeg {
        JpegSimd::On => {}
        JpegSimd::Off => all.push("JSIMD_FORCENONE=1 makes JPEG several times slower: unset it.".into()),
        JpegSimd::NotBuilt => all.push(
            "libjpeg-turbo was built without SIMD, which makes JPEG several times slower: install nasm and build again."
                .into(),
        ),
    }
    if let Some(problem) = found.openslide {
        all.push(format!("Scanners' formats other than SVS and TIFF need OpenSlide: {problem}."));
    }
    if let Some(problem) = found.libjxl {
        all.push(format!("--encoder jpegxl needs libjxl (decoding does not): {problem}."));
    }
    all
}

fn about_gpus(found: &Situation<'_>, all: &mut Vec<String>) {
    if found.loader == Some(false) {
        all.push(
            "There is no Vulkan loader (libvulkan.so.1), so no GPU can be used: apt install libvulkan1 \
             mesa-vulkan-drivers."
                .into(),
        );
    } else if found.loader == Some(true) {
        all.push(
            "There is no Vulkan adapter: install the driver of the GPU, or mesa-vulkan-drivers, which has AMD, Intel and one \
             in software."
                .into(),
        );
    }
    let nvidia = found.hardware.iter().any(|name| name.to_lowercase().contains("nvidia"));
    if found.nvidia_files && !nvidia {
        all.push(
            "NVIDIA's device files are in /dev, but Vulkan has no NVIDIA adapter. Start the container with \
             NVIDIA_DRIVER_CAPABILITIES=all (or with graphics among them), so that the Vulkan driver comes in; \
             where its manifest is not found, VK_DRIVER_FILES=/path/to/nvidia_icd.json names it."
                .into(),
        );
    }
    if let (true, Some(software)) = (found.hardware.is_empty(), found.software.first()) {
        all.push(format!(
            "{software} is a GPU in software, for tests: the CPU's own kernels are faster; it is only taken by name, with --backend gpu --gpu-adapter."
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Situation<'static> {
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
    fn a_machine_that_is_well_needs_none() {
        assert_eq!(advice(&well()), [""; 0]);
    }

    #[test]
    fn every_shortcoming_has_its_sentence() {
        let none = || Situation { hardware: Vec::new(), software: Vec::new(), ..well() };
        says(
            &Situation { loader: Some(false), ..none() },
            &["libvulkan1 mesa-vulkan-drivers", "NVIDIA_DRIVER_CAPABILITIES"],
        );
        says(&Situation { loader: Some(true), ..none() }, &["no Vulkan adapter", "VK_DRIVER_FILES"]);
        says(
            &Situation { hardware: Vec::new(), ..well() },
            &["llvmpipe is a GPU in software", "NVIDIA's device"],
        );
        says(&Situation { level: "scalar", ..well() }, &["ORIGAMI_CPU holds the kernels at scalar", "avx2"]);
        says(&Situation { jpeg: JpegSimd::Off, ..well() }, &["JSIMD_FORCENONE"]);
        says(&Situation { jpeg: JpegSimd::NotBuilt, ..well() }, &["nasm"]);
        says(&Situation { openslide: Some("not found"), ..well() }, &["OpenSlide: not found"]);
        says(&Situation { libjxl: Some("not found"), ..well() }, &["libjxl (decoding does not): not found"]);
        says(
            &Situation { failed: vec![("NVIDIA L4", "kernel color: noise")], ..well() },
            &["Do not use NVIDIA L4: kernel color: noise", "--backend cpu"],
        );
    }

    #[test]
    fn a_build_without_gpu_is_not_told_of_drivers() {
        let found = Situation { gpu_built: false, hardware: Vec::new(), loader: Some(true), ..well() };
        let all = advice(&found);
        assert!(all.len() == 1 && all[0].contains("--features gpu"), "{all:?}");
    }
}
