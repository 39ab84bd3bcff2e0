//! A failing case: a scenario and the choices that make it fail. Can be run, recorded and compared.

use crate::check::{Mode, Property};
use crate::choice::{Choices, Divergence, Picked, Recorder, Seeded, Tape};
use crate::engine::Plan;
use crate::scenario::{Problems, Registry, Scenario, resolve};
use crate::search::{RunResult, run_plan};
use std::path::Path;

/// What makes two failures the same: the property, and the kind of bad fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Failure {
    /// The property that is violated.
    pub property: Property,
    /// The kind of bad fact.
    pub kind: &'static str,
}

impl Failure {
    /// How a run failed, if it did.
    pub fn of(r: &RunResult) -> Option<Failure> {
        r.report.violations.first().map(|v| Failure { property: v.property, kind: v.kind })
    }
}

/// A scenario, and the choices of a run.
#[derive(Clone, Debug)]
pub struct Case {
    /// The scenario; it names no file.
    pub scenario: Scenario,
    /// The choices that were not dull.
    pub picks: Vec<Picked>,
}

/// What it takes to make plans of scenarios.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The names of protocols.
    pub registry: &'a dyn Registry,
    /// How much is checked.
    pub mode: Mode,
}

impl Context<'_> {
    /// The plan of a scenario that names no file.
    ///
    /// # Errors
    /// What is wrong with the scenario.
    pub fn plan(&self, s: &Scenario) -> Result<Plan, Problems> {
        resolve(s, Path::new(""), self.registry)
    }

    /// Runs a plan from a tape, and records what was picked.
    pub fn replay(&self, plan: &Plan, picks: &[Picked]) -> (RunResult, Vec<Picked>, Option<Divergence>) {
        let mut tape = Tape::new(picks);
        let mut recorder = Recorder::new(&mut tape);
        let r = run_plan(plan, self.mode, &mut recorder, &mut ());
        let picks = recorder.picks;
        (r, picks, tape.divergence())
    }

    /// Runs a plan from a seed, and records what was picked.
    pub fn record(&self, plan: &Plan, seed: u64) -> (RunResult, Vec<Picked>) {
        self.record_choices(plan, Seeded::new(seed))
    }

    pub(super) fn record_choices(&self, plan: &Plan, choices: impl Choices) -> (RunResult, Vec<Picked>) {
        let mut recorder = Recorder::new(choices);
        let r = run_plan(plan, self.mode, &mut recorder, &mut ());
        (r, recorder.picks)
    }
}
