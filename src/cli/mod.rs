//! The command line: flags as typed, turned into options of the library and of `bench`, and the results in words.
//!
//! One file a subcommand. `args` has the groups of flags that several of them share.

mod args;
mod batch;
mod bench;
#[cfg(feature = "serve")]
mod browser;
mod compare;
mod completions;
#[cfg(feature = "serve")]
mod config;
mod convert;
#[cfg(feature = "pixels")]
mod crop;
mod decode;
mod doctor;
mod encode;
#[cfg(feature = "serve")]
mod evals;
mod examples;
mod fault;
mod help;
mod inputs;
mod inspect;
#[cfg(feature = "jobs")]
mod jobs;
mod json;
#[cfg(feature = "serve")]
mod listen;
mod log;
mod man;
mod place;
mod print;
mod progress;
mod pyramid;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "serve")]
mod sign;
mod signals;
mod sources;
#[cfg(feature = "tour")]
mod tour;
mod verify;
mod version;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use origami::backend;

use self::fault::{Exit, Fault, usage};

/// Stores a slide's Deep Zoom pyramid at a fraction of its bytes.
#[derive(Parser)]
#[command(name = "origami", version, disable_version_flag = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    version: version::VersionArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Pyramid(pyramid::PyramidArgs),
    Encode(encode::EncodeArgs),
    Decode(decode::DecodeArgs),
    Convert(convert::ConvertArgs),
    #[cfg(feature = "pixels")]
    Crop(crop::CropArgs),
    #[cfg(feature = "serve")]
    Serve(Box<serve::ServeArgs>),
    #[cfg(feature = "serve")]
    Evals(evals::EvalsArgs),
    #[cfg(feature = "serve")]
    Sign(sign::SignArgs),
    Inspect(inspect::InspectArgs),
    Verify(verify::VerifyArgs),
    Compare(compare::CompareArgs),
    #[cfg(feature = "jobs")]
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    #[cfg(feature = "jobs")]
    Worker(jobs::worker::WorkerArgs),
    #[cfg(feature = "tour")]
    #[command(subcommand)]
    Tour(tour::TourCommand),
    Doctor(doctor::DoctorArgs),
    /// Measure speed and rate, always against something in the same run.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Whether it reads or writes slides for so long that a signal must end it in order. Servers listen for themselves.
    fn works_for_a_while(&self) -> bool {
        #[cfg(feature = "tour")]
        if matches!(self, Command::Tour(_)) {
            return true;
        }
        #[cfg(feature = "pixels")]
        if matches!(self, Command::Crop(_)) {
            return true;
        }
        matches!(
            self,
            Command::Pyramid(_)
                | Command::Encode(_)
                | Command::Decode(_)
                | Command::Convert(_)
                | Command::Verify(_)
                | Command::Compare(_)
                | Command::Bench(_)
        )
    }

    /// Whether LOG_LEVEL says how much is logged.
    fn takes_log_level(&self) -> bool {
        match self {
            #[cfg(all(feature = "jobs", feature = "serve"))]
            Command::Jobs(jobs::JobsCommand::Serve(_)) => true,
            #[cfg(all(feature = "jobs", feature = "serve"))]
            Command::Serve(args) => args.jobs,
            _ => false,
        }
    }

    /// What it sends to a collector: traces of requests, where the environment names one.
    #[cfg(feature = "serve")]
    fn traces(&self) -> serve::traces::Traces {
        match self {
            Command::Serve(args) if !args.print_config => serve::traces::Traces::of_environment(),
            _ => serve::traces::Traces::default(),
        }
    }

    /// How a server writes its log; `None` for a command that ends by itself.
    fn server_log(&self) -> Option<log::LogFormat> {
        match self {
            #[cfg(feature = "serve")]
            Command::Serve(args) => Some(args.log_format),
            #[cfg(all(feature = "jobs", feature = "serve"))]
            Command::Jobs(jobs::JobsCommand::Serve(args)) => Some(args.log_format),
            _ => None,
        }
    }
}

/// The whole command line as clap knows it: parsed, and written as help, completions and man pages.
fn command_line() -> clap::Command {
    let command = Cli::command();
    #[cfg(all(feature = "jobs", feature = "serve"))]
    let command = jobs::service_args::describe(command);
    help::complete(command)
}

/// Parses the arguments and runs the subcommand.
pub fn run() -> anyhow::Result<ExitCode> {
    let code = run_command()?;
    if print::output_lost() {
        anyhow::bail!("standard output could not be written");
    }
    Ok(code)
}

fn run_command() -> anyhow::Result<ExitCode> {
    let known = command_line();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    #[cfg(feature = "serve")]
    let (arguments, settings) = config::settle(&known, arguments, std::env::vars_os())?;
    let cli = known.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = cli.unwrap_or_else(|error| wrong_arguments(error));
    let command = match cli.command {
        _ if cli.version.version => return version::run(&cli.version),
        None => usage!("no command; origami --help lists them"),
        Some(command) => command,
    };
    #[cfg(feature = "serve")]
    let traces = command.traces();
    #[cfg(feature = "serve")]
    let spans = traces.layer();
    #[cfg(not(feature = "serve"))]
    let spans = None;
    log::to_stderr(command.server_log(), command.takes_log_level(), spans);
    if command.works_for_a_while() {
        let report = || {
            fail(&backend::Error::Interrupted.into());
        };
        signals::listen(Exit::Interrupted as i32, report).context("cannot listen for signals")?;
    }
    let mut code = ExitCode::SUCCESS;
    match command {
        Command::Pyramid(args) => code = pyramid::run(args)?,
        Command::Encode(args) => code = encode::run(args)?,
        Command::Decode(args) => code = decode::run(args)?,
        Command::Convert(args) => code = convert::run(args)?,
        #[cfg(feature = "pixels")]
        Command::Crop(args) => code = crop::run(args)?,
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(*args, &settings, traces)?,
        #[cfg(feature = "serve")]
        Command::Evals(args) => evals::run(args)?,
        #[cfg(feature = "serve")]
        Command::Sign(args) => sign::run(args)?,
        Command::Inspect(args) => code = inspect::run(args)?,
        Command::Verify(args) => code = verify::run(args)?,
        Command::Compare(args) => compare::run(args)?,
        #[cfg(feature = "jobs")]
        Command::Jobs(command) => code = jobs::run(command)?,
        #[cfg(feature = "jobs")]
        Command::Worker(args) => code = jobs::worker::run(&args)?,
        #[cfg(feature = "tour")]
        Command::Tour(command) => code = tour::run(command)?,
        #[cfg(feature = "serve")]
        Command::Doctor(args) => {
            // First: a setting that is wrong is said at once.
            let server = args.of_server().map(serve_args).transpose()?;
            code = doctor::run(args, server)?;
        }
        #[cfg(not(feature = "serve"))]
        Command::Doctor(args) => code = doctor::run(args)?,
        Command::Bench(command) => bench::run(command)?,
        Command::Completions(args) => completions::run(args, command_line())?,
        Command::Man(args) => man::run(args, command_line())?,
    }
    Ok(code)
}

/// What `serve` takes from these arguments of its own, and from the environment and a file, without serving.
#[cfg(feature = "serve")]
fn serve_args(own: Vec<OsString>) -> anyhow::Result<(serve::ServeArgs, config::Settings)> {
    let known = command_line();
    let arguments = ["origami", "serve"].map(OsString::from).into_iter().chain(own).collect();
    let (arguments, settings) = config::settle(&known, arguments, std::env::vars_os())?;
    let matches = known.try_get_matches_from(arguments).unwrap_or_else(|error| wrong_arguments(error));
    let Some(("serve", matches)) = matches.subcommand() else { usage!("not the arguments of serve") };
    Ok((serve::ServeArgs::from_arg_matches(matches).unwrap_or_else(|error| wrong_arguments(error)), settings))
}

/// Prints what clap has to say, help as well as errors, and ends the program.
fn wrong_arguments(mut error: clap::Error) -> ! {
    help::suggest(&mut error);
    if error.use_stderr() && json::is_wanted() {
        json::print_error(&Fault::of_arguments(&error));
    }
    error.exit()
}

/// Reports an error: text on standard error and, with `--json`, an object on standard output. Returns the exit code.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    let exit = Exit::of(error);
    if exit == Exit::Interrupted && !signals::is_first_report() {
        return exit.into();
    }
    let fault = Fault::of(error);
    print::note!("origami: {}", fault.message);
    if json::is_wanted() {
        json::print_error(&fault);
    }
    exit.into()
}
