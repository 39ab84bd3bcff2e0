//! What many runs say together: counts, failures by kind, capsules, the closing lines.

use super::args::SweepArgs;
use super::failures::{Minimal, minimize};
use super::files::{JUNIT, Output, directory};
use super::load::Loaded;
use super::output::{Style, thousands};
use super::sweep::{One, Range};
use super::{Refusal, Status, say};
use crate::check::RunVerdict;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One kind of failure of one scenario.
#[derive(Clone, Debug)]
pub struct Group {
    pub count: u64,
    pub first_seed: u64,
    /// The fastest to reproduce: the fewest steps.
    pub best: (u64, u64),
    pub message: String,
}

/// Counts over all runs.
pub struct Totals {
    pub runs: u64,
    all: u64,
    /// holds, inconclusive, violated.
    pub verdicts: [u64; 3],
    situations: BTreeMap<Cow<'static, str>, u64>,
    /// By scenario (its place), property and kind.
    pub failures: BTreeMap<(usize, String, String), Group>,
    runs_of: BTreeMap<usize, u64>,
    cases: BTreeMap<usize, Vec<(u64, Option<String>)>>,
}

/// What is done at the end.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    pub out: Option<PathBuf>,
    pub shrink: bool,
    pub junit: Option<PathBuf>,
    pub annotations: bool,
    /// How often the user has asked to stop.
    pub interrupts: Arc<AtomicU64>,
}

impl Ending {
    pub fn of(args: &SweepArgs) -> Ending {
        Ending {
            out: args.out.clone(),
            shrink: !args.no_shrink,
            junit: args.junit.clone(),
            annotations: args.annotations.is_some(),
            interrupts: Arc::default(),
        }
    }
}

impl Ending {
    /// Whether anything is written but standard output.
    pub fn writes(&self) -> bool {
        self.out.is_some() || self.junit.is_some() || self.annotations
    }

    /// What cannot be written at the end is refused before anything runs.
    pub fn check(&self) -> Result<(), Refusal> {
        if let Some(dir) = &self.out {
            directory(dir)?;
        }
        if let Some(path) = &self.junit {
            drop(Output::create(path, JUNIT)?);
        }
        Ok(())
    }
}

impl Totals {
    pub fn new(all: u64) -> Totals {
        Totals {
            runs: 0,
            all,
            verdicts: [0; 3],
            situations: BTreeMap::new(),
            failures: BTreeMap::new(),
            runs_of: BTreeMap::new(),
            cases: BTreeMap::new(),
        }
    }

    /// Counts a run; what is to be printed of it.
    pub fn take(&mut self, l: &Loaded, seed: u64, one: &One, style: Style) -> String {
        self.runs += 1;
        *self.runs_of.entry(l.place).or_insert(0) += 1;
        let which = ["holds", "inconclusive", "violated"].iter().position(|v| *v == one.verdict).unwrap_or(1);
        self.verdicts[which] += 1;
        for (name, n) in &one.situations {
            *self.situations.entry(name.clone()).or_insert(0) += n;
        }
        let (expected, property) = l.expectation();
        let accepted = expected == RunVerdict::Violated;
        let bad = one.failure.as_ref().filter(|f| !(accepted && property.is_none_or(|p| p == f.property)));
        self.cases.entry(l.place).or_default().push((seed, bad.map(|f| format!("{}: {}", f.property, f.message))));
        if let Some(f) = &one.failure {
            let best = (one.steps, seed);
            let new = Group { count: 0, first_seed: seed, best, message: f.message.clone() };
            let group = self.failures.entry((l.place, f.property.clone(), f.kind.clone())).or_insert(new);
            group.count += 1;
            group.best = group.best.min(best);
        }
        if style.json {
            return format!("{}\n", one.json);
        }
        let again = l.command(seed);
        match &one.failure {
            Some(f) => {
                let violated = style.verdict("violated");
                format!("{}, seed {seed}: {} {violated}: {}\n{again}\n", l.scenario.name, f.property, f.message)
            }
            None if which == 1 => {
                format!("{}, seed {seed}: {}\n{again}\n", l.scenario.name, style.verdict("inconclusive"))
            }
            None => String::new(),
        }
    }

    /// The exit status.
    pub fn status(&self, complete: bool) -> Status {
        match self.verdicts {
            [_, _, n] if n > 0 => Status::Violated,
            [_, n, _] if n > 0 || !complete => Status::Inconclusive,
            _ => Status::Held,
        }
    }

    /// A scenario that expects `violated` is as expected when some seed violates that property.
    fn as_expected(&self, l: &Loaded) -> bool {
        let (verdict, property) = l.expectation();
        let mut failures = self.failures.keys().filter(|k| k.0 == l.place);
        match verdict {
            RunVerdict::Violated => failures.any(|k| property.is_none_or(|p| p == k.1)),
            _ => failures.next().is_none(),
        }
    }

    /// Shrinks what failed, and says everything that is to be said at the end.
    pub fn finish(&self, loaded: &[Loaded], range: Range, style: Style, ending: &Ending) -> Result<Status, Refusal> {
        let mut minimal = Vec::new();
        // Whoever asks once more to stop gets the rest as it was found.
        let before = ending.interrupts.load(Ordering::SeqCst);
        let enough = || ending.interrupts.load(Ordering::SeqCst) > before;
        if ending.shrink && !self.failures.is_empty() && std::io::stderr().is_terminal() {
            eprintln!("shrinking what failed ({} kinds); Ctrl-C: leave it as it is by then", self.failures.len());
        }
        for ((place, property, kind), group) in &self.failures {
            let found = match ending.shrink || ending.out.is_some() {
                true => minimize(&loaded[*place], group, property, kind, ending, &enough)?,
                false => None,
            };
            minimal.push(found);
        }
        let complete = self.runs == self.all;
        let missed: Vec<&Loaded> =
            loaded.iter().filter(|l| self.runs_of.get(&l.place) == Some(&range.per) && !self.as_expected(l)).collect();
        let text = match style.json {
            true => format!("{}\n", self.summary(loaded, &minimal, missed.is_empty(), complete)),
            false => self.text(loaded, &minimal, &missed, complete),
        };
        say(&text)?;
        if let Some(path) = &ending.junit {
            self.junit(loaded, path)?;
        }
        if ending.annotations {
            self.annotate(loaded);
        }
        Ok(self.status(complete))
    }

    fn summary(&self, loaded: &[Loaded], minimal: &[Option<Minimal>], expected: bool, complete: bool) -> Value {
        let [held, inconclusive, violated] = self.verdicts;
        let failures = self.failures.iter().zip(minimal).map(|(((place, property, kind), g), m)| {
            json!({
                "scenario": loaded[*place].scenario.name, "file": loaded[*place].file.to_string_lossy(),
                "property": property, "kind": kind, "count": g.count, "first_seed": g.first_seed,
                "best_seed": g.best.1, "message": g.message,
                "capsule": m.as_ref().and_then(|m| m.path.as_ref()).map(|p| p.to_string_lossy()),
                "minimal": m.as_ref().map(|m| m.json.clone()),
            })
        });
        json!({
            "cutline_sweep": 1, "runs": self.runs, "complete": complete, "holds": held, "violated": violated,
            "inconclusive": inconclusive, "expected": expected, "failures": failures.collect::<Vec<_>>(),
            "situations": self.situations,
        })
    }

    fn text(&self, loaded: &[Loaded], minimal: &[Option<Minimal>], missed: &[&Loaded], complete: bool) -> String {
        let [held, inconclusive, violated] = self.verdicts;
        let mut t = String::new();
        for (((place, property, kind), g), m) in self.failures.iter().zip(minimal) {
            let l = &loaded[*place];
            t += &format!(
                "\n{}: {property} ({kind}) in {} run(s), first in seed {}\n",
                l.scenario.name, g.count, g.first_seed
            );
            if let Some(m) = m {
                t += &m.story;
                if let Some(path) = &m.path {
                    t += &format!("cutline replay {}\n", super::load::quoted(&path.to_string_lossy()));
                }
            }
        }
        if !self.failures.is_empty() {
            t += "\n";
        }
        t += &format!("{} runs: {held} hold, {violated} violated, {inconclusive} inconclusive", thousands(self.runs));
        let not_begun = loaded.iter().filter(|l| !self.runs_of.contains_key(&l.place)).count();
        if !complete {
            t += &format!("; stopped before {} of {}", thousands(self.all - self.runs), thousands(self.all));
        }
        if not_begun > 0 && loaded.len() > 1 {
            t += &format!("\n{not_begun} of {} scenarios were not begun", loaded.len());
        } else if violated + inconclusive == 0 && self.runs >= 10 {
            let rate = 3.0 / self.runs as f64 * 100.0;
            t += &format!("\nthe rate of failing runs is below {rate:.4} % (at 95 % confidence: 3 / {})", self.runs);
        }
        for l in missed {
            t += &format!("\n{}: not what the scenario expects", l.file.display());
        }
        t + "\n"
    }

    fn junit(&self, loaded: &[Loaded], path: &std::path::Path) -> Result<(), Refusal> {
        let mut out = Output::create(path, JUNIT)?;
        let escape = |s: &str| s.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let mut t = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"cutline\">\n");
        for (place, cases) in &self.cases {
            let l = &loaded[*place];
            let bad = cases.iter().filter(|c| c.1.is_some()).count();
            let name = escape(&l.scenario.name);
            t += &format!("  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{bad}\">\n", cases.len());
            for (seed, failure) in cases {
                t += &format!("    <testcase classname=\"{name}\" name=\"seed {seed}\"");
                t += &match failure {
                    None => "/>\n".into(),
                    Some(m) => format!(
                        "><failure message=\"{}\">{}</failure></testcase>\n",
                        escape(m),
                        escape(&l.command(*seed))
                    ),
                };
            }
            t += "  </testsuite>\n";
        }
        out.write_all((t + "</testsuites>\n").as_bytes())?;
        out.finish()
    }

    /// GitHub's workflow commands, on standard error.
    fn annotate(&self, loaded: &[Loaded]) {
        let escape = |s: &str| s.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        for ((place, property, kind), g) in &self.failures {
            let l = &loaded[*place];
            let level = if l.expectation().0 == RunVerdict::Violated { "notice" } else { "error" };
            let text = format!("{property} ({kind}) in {} run(s): {}\n{}", g.count, g.message, l.command(g.best.1));
            eprintln!("::{level} file={},title=cutline::{}", l.file.display(), escape(&text));
        }
    }
}
