//! A failing case: a scenario and the choices that make it fail. Can be run, recorded and compared.

use crate::check::{Mode, Property};
use crate::choice::{Choices, Divergence, Picked, Recorder, Seeded, Tape};
use crate::engine::Plan;
use crate::scenario::{Problems, Registry, Scenario, resolve};
use crate::search::{RunResult, Runner};
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

    /// For runs of a plan.
    pub fn runner<'p>(&self, plan: &'p Plan) -> Runner<'p> {
        Runner::new(plan, self.mode)
    }
}

impl Runner<'_> {
    /// A run from a tape, and what was picked.
    pub fn replay(&mut self, picks: &[Picked]) -> (RunResult, Vec<Picked>, Option<Divergence>) {
        let mut tape = Tape::new(picks);
        let (r, picks) = self.record_choices(&mut tape);
        (r, picks, tape.divergence())
    }

    /// A run from a seed, and what was picked.
    pub fn record(&mut self, seed: u64) -> (RunResult, Vec<Picked>) {
        self.record_choices(Seeded::new(seed))
    }

    fn record_choices(&mut self, choices: impl Choices) -> (RunResult, Vec<Picked>) {
        let mut recorder = Recorder::new(choices);
        let r = self.run(&mut recorder, &mut ());
        (r, recorder.picks)
    }
}
