//! The `origami` program: parse, run, exit code.

mod cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            // A reader that closed its end of the pipe has heard enough.
            let broken_pipe = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
            if error.chain().any(|cause| cause.downcast_ref().is_some_and(broken_pipe)) {
                return std::process::ExitCode::SUCCESS;
            }
            eprintln!("origami: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
