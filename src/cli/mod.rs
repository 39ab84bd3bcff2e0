//! The command line: arguments, threads, progress, formats, exit statuses. Data goes to standard output, all
//! else to standard error. What a run does is decided elsewhere; a clock and threads are used here alone.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "threads and the clock live here")]

mod args;
mod failures;
mod files;
mod load;
mod output;
mod replay;
mod run;
mod shard;
mod sweep;
mod totals;

pub use crate::specimen::Protocols;

use args::{Args, Command, Format};
use clap::{CommandFactory, Parser};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// How a command ended. Of several runs the worst counts: 1 before 3 before 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Held,
    Violated,
    Inconclusive,
}

impl Status {
    fn code(self) -> u8 {
        match self {
            Status::Held => 0,
            Status::Violated => 1,
            Status::Inconclusive => 3,
        }
    }

    /// The worse of two.
    pub(crate) fn worse(self, other: Status) -> Status {
        let rank = |s| match s {
            Status::Held => 0,
            Status::Inconclusive => 1,
            Status::Violated => 2,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// A command that cannot be carried out: said on standard error, exit 2.
pub(crate) struct Refusal(pub String);

impl From<std::io::Error> for Refusal {
    fn from(e: std::io::Error) -> Self {
        Refusal(e.to_string())
    }
}

/// Parses the arguments and carries the command out.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(e) => {
            _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !crate::dataflow::in_operator() {
            usual(info); // a user's operator that panics is a verdict, and said as one
        }
    }));
    match dispatch(args) {
        Ok(status) => ExitCode::from(status.code()),
        Err(Refusal(message)) => {
            eprintln!("cutline: {message}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(args: Args) -> Result<Status, Refusal> {
    let colour =
        args.format == Format::Human && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let style = output::Style { json: args.format == Format::Json, colour };
    match args.command {
        Command::Run(a) => run::run(&a, style),
        Command::Sweep(a) => sweep::sweep(&a, style),
        Command::Replay(a) => replay::replays(&a, style),
        Command::Shrink(a) => replay::shrinks(&a, style),
        Command::Merge(a) => shard::merge(&a, style),
        Command::Specimens { .. } => say(&specimens(style)),
        Command::Schema => say(crate::scenario::SCHEMA),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "cutline", &mut script);
            say(&String::from_utf8_lossy(&script))
        }
    }
}

/// A line for each specimen.
fn specimens(style: output::Style) -> String {
    let line = |s: &crate::specimen::Specimen| match style.json {
        true => {
            let rule = serde_json::json!({"name": s.name, "property": s.caught_by.name(), "rule": s.rule, "cyclic": s.cyclic, "about": s.about});
            format!("{rule}\n")
        }
        false => format!("{:<32} {:<21} {}\n", s.name, s.caught_by.name(), s.about),
    };
    crate::specimen::all().iter().map(line).collect()
}

/// Prints to standard output; a reader that has gone away is no error.
pub(crate) fn say(text: &str) -> Result<Status, Refusal> {
    heard(text).map(|_| Status::Held)
}

/// The same; `false` if the reader has gone away.
pub(crate) fn heard(text: &str) -> Result<bool, Refusal> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Refusal(format!("standard output: {e}"))),
    }
}
