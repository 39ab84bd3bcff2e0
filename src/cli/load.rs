//! Scenario files: read and checked before anything runs.

use super::Refusal;
use super::args::{Checks, Scenarios};
use crate::check::{Mode, RunVerdict};
use crate::engine::Plan;
use crate::scenario::{Scenario, Setting, inline, read, resolve};
use crate::search::RunResult;
use crate::specimen::Protocols;
use std::path::{Path, PathBuf};

/// A scenario that was found valid. It makes a plan for each thread.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its place among the files of the command.
    pub place: usize,
    pub file: PathBuf,
    pub scenario: Scenario,
    pub settings: Vec<Setting>,
    pub mode: Mode,
}

/// Reads and checks every file.
pub fn load(args: &Scenarios) -> Result<Vec<Loaded>, Refusal> {
    let mode = if args.checks == Checks::Full { Mode::Full } else { Mode::Shallow };
    let (mut loaded, mut refusals) = (Vec::new(), Vec::new());
    for (place, file) in args.files.iter().enumerate() {
        let one = load_one(place, file, &args.settings, mode);
        match one.and_then(|l| l.plan().map(|_| l)) {
            Ok(l) => loaded.push(l),
            Err(Refusal(message)) => refusals.push(message),
        }
    }
    if !refusals.is_empty() {
        return Err(Refusal(refusals.join("\ncutline: ")));
    }
    loaded.iter().for_each(note_what_never_happens);
    Ok(loaded)
}

/// A scenario made for exploration may be run; but a crash that never came must not pass for one that was survived.
fn note_what_never_happens(l: &Loaded) {
    for (i, fault) in l.scenario.faults.iter().enumerate() {
        if fault.anytime.is_some() {
            let at = format!("{}: faults[{i}]", l.file.display());
            eprintln!("note: {at} is \"anytime\": only an exhaustive search places it; here it never strikes");
        }
    }
}

fn load_one(place: usize, file: &Path, settings: &[Setting], mode: Mode) -> Result<Loaded, Refusal> {
    let at = |m: String| Refusal(format!("{}: {m}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| at(format!("cannot read the scenario: {e}")))?;
    let here = std::env::current_dir()?;
    let scenario = read(&text, settings, &here).map_err(|p| refused(file, &p.to_string()))?;
    Ok(Loaded { place, file: file.to_path_buf(), scenario, settings: settings.to_vec(), mode })
}

/// Each line of what is wrong with a file begins with its name.
pub fn refused(file: &Path, problems: &str) -> Refusal {
    let lines: Vec<String> = problems.lines().map(|l| format!("{}: {l}", file.display())).collect();
    Refusal(lines.join("\ncutline: "))
}

impl Loaded {
    /// A plan of its own for each thread.
    pub fn plan(&self) -> Result<Plan, Refusal> {
        let directory = self.file.parent().unwrap_or(Path::new(""));
        resolve(&self.scenario, directory, &Protocols).map_err(|p| refused(&self.file, &p.to_string()))
    }

    /// The scenario with everything put into it that it reads from files.
    pub fn inlined(&self) -> Result<Scenario, Refusal> {
        let directory = self.file.parent().unwrap_or(Path::new(""));
        inline(&self.scenario, directory).map_err(|p| refused(&self.file, &p.to_string()))
    }

    /// The seed of a run without `--seed`.
    pub fn own_seed(&self) -> u64 {
        self.scenario.seed.as_ref().and_then(|s| s.value().ok()).unwrap_or(0)
    }

    /// The verdict that is expected, and the property that is violated.
    pub fn expectation(&self) -> (RunVerdict, Option<&str>) {
        let expect = self.scenario.expect.as_ref();
        let verdict = match expect.map(|e| e.verdict.as_str()) {
            Some("violated") => RunVerdict::Violated,
            Some("inconclusive") => RunVerdict::Inconclusive,
            _ => RunVerdict::Holds,
        };
        (verdict, expect.and_then(|e| e.property.as_deref()))
    }

    /// Whether a run went as expected.
    pub fn expected(&self, r: &RunResult) -> bool {
        let (verdict, property) = self.expectation();
        let found = r.report.violations.first().map(|v| v.property.name());
        r.report.verdict() == verdict && (property.is_none() || property == found)
    }

    /// The command that repeats a run.
    pub fn command(&self, seed: u64) -> String {
        let mut line = format!("cutline run {} --seed {seed}", quoted(&self.file.to_string_lossy()));
        for s in &self.settings {
            line += &format!(" --set {}", quoted(&format!("{}={}", s.key, s.value)));
        }
        if self.mode == Mode::Shallow {
            line += " --checks shallow";
        }
        line
    }
}

/// As a POSIX shell wants it.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if text.starts_with('-') {
        quoted(&format!("./{text}"))
    } else if !text.is_empty() && text.chars().all(plain) {
        text.to_string()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
