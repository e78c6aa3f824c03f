//! The `origami` program: parse, run, exit code.

#[macro_use]
mod cli;
mod bench;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    leave_choice_of_device_to_us();
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("origami: {}", cli::describe(&error));
            std::process::ExitCode::FAILURE
        }
    }
}

/// Switches off Mesa's Vulkan layer that reorders devices, unless the user has spoken: the adapter is chosen by name here, and on
/// a machine without a desktop the layer prints an error about `XDG_RUNTIME_DIR` for every instance.
#[allow(unsafe_code)]
fn leave_choice_of_device_to_us() {
    const VARIABLE: &str = "NODEVICE_SELECT";
    if std::env::var_os(VARIABLE).is_none() {
        // SAFETY: the first thing that `main` does: there is no other thread yet that could read the environment.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}
