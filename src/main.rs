//! The `origami` program: parse, run, exit code.

mod bench;
mod cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    disable_device_select_layer();
    match cli::run() {
        Ok(code) => code,
        Err(error) => cli::fail(&error),
    }
}

/// Switches off Mesa's Vulkan layer that reorders devices, unless the user has set its variable: this program chooses the adapter by
/// name, and on a machine without a desktop the layer prints an error about `XDG_RUNTIME_DIR` for every instance.
#[allow(unsafe_code)]
fn disable_device_select_layer() {
    const VARIABLE: &str = "NODEVICE_SELECT";
    if std::env::var_os(VARIABLE).is_none() {
        // SAFETY: `main` does this first: no other thread exists yet that could read the environment.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}
