//! The `origami` program: parse, run, exit code.

mod cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("origami: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
