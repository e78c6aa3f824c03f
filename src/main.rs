//! The `origami` program: parse, run, exit code.

mod cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            // An error of the library holds what the system said already: its own chain would say it twice.
            match error.downcast_ref::<origami::error::Error>() {
                Some(own) => eprintln!("origami: {own}"),
                None => eprintln!("origami: {error:#}"),
            }
            std::process::ExitCode::FAILURE
        }
    }
}
