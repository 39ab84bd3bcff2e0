//! What can be typed.

use super::shard::Shard;
use crate::base::parse_duration;
use crate::scenario::{Setting, parse_seed};
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Runs stream-processor snapshots in a deterministic simulator, and verifies them.
///
/// Exit status: 0 everything held; 1 a property was violated; 2 usage or invalid input; 3 inconclusive (a limit
/// was reached, or too little was judged); 101 cutline itself panicked. Of several runs the worst counts.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110)]
pub struct Args {
    /// What standard output looks like: text for people, or one JSON object a line.
    #[arg(long, value_enum, global = true, default_value = "human")]
    pub format: Format,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What standard output looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text.
    Human,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run each scenario once, and judge what happened.
    Run(RunArgs),
    /// Run many seeds of each scenario, in parallel, and name those that fail.
    ///
    /// Ctrl-C ends the runs, and what failed is shrunk; once more, and it is left as it is by then.
    Sweep(SweepArgs),
    /// Run capsules, and say whether what they recorded came back.
    Replay(ReplayArgs),
    /// Make a failure as small as it gets, and tell its story.
    ///
    /// Ctrl-C: it is left as small as it is by then.
    Shrink(ShrinkArgs),
    /// Put the shards of a sweep together: gives what one sweep over everything would have given.
    Merge(MergeArgs),
    /// List what is wrong on purpose: the names that a scenario's "protocol" can have beside abs.
    Specimens {
        /// List them (nothing else is there yet).
        #[arg(long)]
        list: bool,
    },
    /// Print the JSON Schema of a scenario file.
    Schema,
    /// Print shell completions.
    Completions {
        /// For this shell.
        shell: clap_complete::Shell,
    },
}

/// Which scenarios, and how they are changed and checked.
#[derive(Clone, Debug, clap::Args)]
pub struct Scenarios {
    /// Scenario files (JSON; `cutline schema` says what can be in them).
    #[arg(required = true, value_name = "SCENARIO")]
    pub files: Vec<PathBuf>,
    /// Override one place of the scenario, such as operators.lines.path=my.txt or checkpoints.every=2ms. The
    /// value is JSON, or else a text. Paths are relative to the working directory. Can be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Setting::parse)]
    pub settings: Vec<Setting>,
    /// `shallow` leaves out the replay of operators, and the report says so.
    #[arg(long, value_enum, default_value = "full")]
    pub checks: Checks,
}

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Checks {
    /// Everything.
    Full,
    /// No replay of operators.
    Shallow,
}

/// `cutline run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub scenarios: Scenarios,
    /// The seed, decimal or 0x…; without it, the scenario's own.
    #[arg(long, value_parser = parse_seed)]
    pub seed: Option<u64>,
    /// Write every fact of the run to this file, one JSON object a line. Only with a single scenario.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

/// `cutline sweep`.
#[derive(Debug, clap::Args)]
pub struct SweepArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub scenarios: Scenarios,
    /// The seeds A to B - 1.
    #[arg(long, value_name = "A..B", value_parser = parse_range)]
    pub seeds: (u64, u64),
    /// How many threads; as many as there are processors unless said otherwise. The output does not depend on it.
    #[arg(long, value_name = "N", value_parser = parse_positive::<std::num::NonZeroUsize>)]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Begin no more runs after this time (such as 60s); what has failed by then is still shrunk.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub time: Option<u64>,
    /// Stop once so many different failures (property and kind) were found.
    #[arg(long, value_name = "N", value_parser = parse_positive::<std::num::NonZeroU64>)]
    pub failures: Option<std::num::NonZeroU64>,
    /// Write a capsule of each kind of failure into this directory (and the shard's file, with --shard).
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Leave failures as they were found.
    #[arg(long)]
    pub no_shrink: bool,
    /// Run each seed twice, and compare step by step. (Every 64th seed is always run twice.)
    #[arg(long)]
    pub twice: bool,
    /// Make only the i-th of n parts of the sweep, and write it to a file in --out, for `cutline merge`.
    #[arg(long, value_name = "i/n", value_parser = Shard::parse)]
    pub shard: Option<Shard>,
    /// Write a JUnit report to this file.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print failures as annotations for this service, on standard error.
    #[arg(long, value_enum)]
    pub annotations: Option<Annotations>,
}

/// Who reads annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Annotations {
    /// GitHub's workflow commands.
    Github,
}

/// `cutline replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Capsules, as written by `cutline sweep --out` and `cutline shrink --out`.
    #[arg(required = true, value_name = "CAPSULE")]
    pub files: Vec<PathBuf>,
    /// Tell what happened, step by step.
    #[arg(long)]
    pub story: bool,
    /// Find the step at which the failure became certain.
    #[arg(long)]
    pub cause: bool,
    /// If the failure does not come back, look for the same one nearby and write a new capsule.
    #[arg(long)]
    pub rebase: bool,
    /// The new capsule's file (CAPSULE.rebased.json unless said otherwise).
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `cutline shrink`.
#[derive(Debug, clap::Args)]
pub struct ShrinkArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub scenarios: Scenarios,
    /// The failing seed of the scenario; without it, the scenario's own.
    #[arg(long, value_parser = parse_seed)]
    pub seed: Option<u64>,
    /// Write the capsule to this file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `cutline merge`.
#[derive(Debug, clap::Args)]
pub struct MergeArgs {
    /// The files that `cutline sweep --shard` wrote, all of them.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write a capsule of each kind of failure into this directory.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Leave failures as they were found.
    #[arg(long)]
    pub no_shrink: bool,
    /// Write a JUnit report to this file.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

fn parse_positive<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("expected a whole number, at least 1, found {text:?}"))
}

fn parse_range(text: &str) -> Result<(u64, u64), String> {
    let (a, b) = text.split_once("..").ok_or(format!("expected A..B, found {text:?}"))?;
    let (a, b) = (parse_seed(a)?, parse_seed(b)?);
    if a >= b {
        return Err(format!("expected A..B with A below B (B is excluded), found {text:?}"));
    }
    Ok((a, b))
}
