//! `origami jobs submit`: slides become units.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use origami::codec::ImageRole;
use origami::image::spec::MAX_ENTRIES;
use origami::jobs::callback::check_address;
use origami::jobs::{Encode, Source, Submitted, Task, Unit};
use origami::pyramid::identity::Identity;
use origami::pyramid::tree::{Missing, Tree};
use origami::store::is_address;
use serde_json::json;

use super::dry_run::DryArgs;
use super::place::{LeaseArgs, Place, PlaceArgs};
use super::unit_args::UnitArgs;
use crate::cli::args::coding::CodingArgs;
use crate::cli::args::values::{names, whole};
use crate::cli::args::work::JsonArgs;
use crate::cli::encode::args::TargetArgs;
use crate::cli::fault::{Problem, usage};
use crate::cli::inputs::{self, Input, Takes, Thing};
use crate::cli::json;
use crate::cli::print::say;

/// Units that are added to the queue at a time.
const BATCH: usize = 256;
/// Longest line of a list of inputs, in bytes: no path is longer.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// Add slides to a queue, one unit of work each.
///
/// The same work is added once: a slide that is known by its content, with the same parameters, changes nothing. So this command can
/// be repeated, also while workers work.
#[derive(Args)]
pub struct SubmitArgs {
    /// Slides, images, trees, bundles, or directories that hold them
    #[arg(value_name = "SLIDE|TREE|BUNDLE|DIR", help_heading = "Input")]
    inputs: Vec<PathBuf>,
    /// A file with one input a line; - is standard input [default: none]
    ///
    /// Empty lines and lines that begin with # are left out.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    list: Option<PathBuf>,
    /// What is to be done with them
    #[arg(long, value_name = "KIND", value_enum, value_parser = names::<Kind>(), default_value_t)]
    #[arg(help_heading = "Input")]
    kind: Kind,
    #[command(flatten)]
    coding: CodingArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    encode: UnitArgs,
    /// Verify: also reconstruct every family, and compare with its proof
    #[arg(long, help_heading = "Safety", hide_short_help = true)]
    deep: bool,
    /// Decode: quality of the tiles [range: 1 to 100]
    #[arg(long, value_name = "Q", default_value_t = 95, value_parser = whole::<u8>(1..=100))]
    #[arg(help_heading = "Quality", hide_short_help = true)]
    tile_quality: u8,
    /// Encode: a slide with more families is encoded in bands, by several workers; 0 is without limit [range: 0 to 67108864]
    ///
    /// A worker that leaves loses no more than a band. Bands are written and read once more than other slides.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = whole::<u64>(0..=MAX_ENTRIES))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    band_families: u64,
    #[command(flatten)]
    dry: DryArgs,
    /// An address that is told when a unit is done or given up, by a signed POST [default: none]
    ///
    /// Workers call it that have --callback-key-file.
    #[arg(long, value_name = "URL", help_heading = "Output", hide_short_help = true)]
    callback: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    lease: LeaseArgs,
    #[command(flatten)]
    json: JsonArgs,
}

/// Kinds of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[default]
    Encode,
    Verify,
    Decode,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Encode => "encode",
            Kind::Verify => "verify",
            Kind::Decode => "decode",
        })
    }
}

pub fn run(args: &SubmitArgs) -> Result<()> {
    let task = args.task()?;
    if let Some(Err(problem)) = args.callback.as_deref().map(check_address) {
        usage!("--callback: {problem}");
    }
    let paths = args.paths()?;
    let takes = match args.kind {
        Kind::Encode => Takes::SOURCES,
        Kind::Verify => Takes::ALL,
        Kind::Decode => Takes::ARCHIVES,
    };
    let inputs = inputs::find(&paths, takes)?;
    if args.dry.dry_run {
        let units = inputs.list.iter().map(|input| args.unit(input, &task)).collect::<Result<Vec<_>>>()?;
        return args.dry.print(&units, args.json.json);
    }
    let place = args.place.make(args.lease)?;
    let mut total = Submitted::default();
    for batch in inputs.list.chunks(BATCH) {
        let units = batch.iter().map(|input| args.unit(input, &task)).collect::<Result<Vec<_>>>()?;
        let added = submit(&place, &units)?;
        total.new += added.new;
        total.known += added.known;
        total.moved += added.moved;
    }
    let Submitted { new, known, moved } = total;
    let (queue, results) = (place.queue.name(), place.results.place());
    if args.json.json {
        return Ok(json::print(
            "jobs submit",
            json!({"queue": queue, "results": results, "new": new, "known": known, "moved": moved}),
        )?);
    }
    let were = if known > 0 { format!(", {known} known already") } else { String::new() };
    let were = if moved > 0 { format!("{were}, {moved} moved") } else { were };
    say!("{queue}: {new} new{were}; results go to {results}");
    Ok(())
}

/// What the store says survives the queue, so it comes first.
fn submit(place: &Place, units: &[Unit]) -> Result<Submitted> {
    for unit in units {
        place.results.announce(unit)?;
    }
    Ok(place.queue.submit(units)?)
}

impl SubmitArgs {
    fn unit(&self, input: &Input, task: &Task) -> Result<Unit> {
        self.encode.refuse_choice(input)?;
        let most_families =
            (self.kind == Kind::Encode && self.band_families > 0).then_some(self.band_families);
        Ok(Unit { callback: self.callback.clone(), most_families, ..unit(input, task)? })
    }

    fn task(&self) -> Result<Task> {
        if self.deep && self.kind != Kind::Verify {
            usage!("--deep is about --kind verify; leave one of them out");
        }
        if let (true, Some(flag)) = (self.kind != Kind::Encode, self.encode.flag().or(self.target.flag())) {
            usage!("{flag} is about --kind encode; leave one of them out");
        }
        Ok(match self.kind {
            Kind::Verify => Task::Verify { deep: self.deep },
            Kind::Decode => Task::Decode { quality: self.tile_quality },
            Kind::Encode => Task::Encode(encode_task(&self.coding, &self.target, &self.encode)?),
        })
    }

    /// The inputs of the command line and of the list.
    fn paths(&self) -> Result<Vec<PathBuf>> {
        let mut paths = self.inputs.clone();
        match &self.list {
            Some(list) if list.as_os_str() == "-" => read_list(std::io::stdin(), list, &mut paths)?,
            Some(list) => {
                let file =
                    fs::File::open(list).with_context(|| format!("{}: cannot open it", list.display()))?;
                read_list(file, list, &mut paths)?;
            }
            None => {}
        }
        if paths.is_empty() {
            usage!("no input; name slides or directories, or give --list FILE");
        }
        Ok(paths)
    }
}

/// What flags make of an encode.
pub fn encode_task(coding: &CodingArgs, target: &TargetArgs, encode: &UnitArgs) -> Result<Encode> {
    coding.check(false)?;
    let params = coding.params();
    params.validate()?;
    params.encoder.encoder(ImageRole::Baseline)?;
    params.residual_encoder().encoder(ImageRole::Residual)?;
    encode.check(&params, target)?;
    Ok(encode.task(coding, target, params))
}

fn read_list(list: impl Read, name: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let (mut list, mut number) = (BufReader::new(list), 0);
    loop {
        let mut line = String::new();
        number += 1;
        let read = (&mut list).take(MAX_LINE_BYTES).read_line(&mut line);
        match read.with_context(|| format!("{}:{number}: cannot read it", name.display()))? {
            0 => return Ok(()),
            bytes if bytes as u64 == MAX_LINE_BYTES => {
                return Err(Problem::line(name, number, "a line that is too long for a path").into());
            }
            _ => {}
        }
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            paths.push(line.into());
        }
    }
}

/// The unit of an input.
fn unit(input: &Input, task: &Task) -> Result<Unit> {
    let path = match is_address(&input.path) {
        true => input.path.clone(),
        false => fs::canonicalize(&input.path)
            .map_err(|e| Problem::failed(&input.path, format!("cannot open it: {e}")))?,
    };
    let (thing, identity) = match input.thing {
        Thing::Slide => (Source::Slide, Identity::of_file(&path)?),
        Thing::Tree => (Source::Tree, Identity::of_tree(&Tree::open(&path, Missing::Refuse)?)?),
        Thing::Bundle => (Source::Bundle, Identity::of_file(&path)?),
        Thing::Pack | Thing::Packs => {
            return Err(Problem::usage(&path, "jobs take bundles, not packs; leave it out").into());
        }
    };
    let Some(source) = path.to_str() else {
        return Err(
            Problem::usage(&path, "its name is not UTF-8, which a queue cannot hold; rename it").into()
        );
    };
    Ok(Unit::new(task.clone(), source.into(), thing, identity.text, identity.bytes)?)
}
