//! The entry point of users' tests: a job of one's own, a few settings, a seed, a verdict.
//!
//! Everything here is a convenience over [`Plan`] and [`search`](crate::search): what it does not offer, set on
//! [`Simulation::plan`].

use crate::base::{Time, parse_duration};
use crate::check::{Mode, Report, RunVerdict};
use crate::dataflow::JobBuilder;
use crate::engine::Plan;
use crate::graph::{BackEdges, GraphError};
use crate::search::{RunResult, Runner};
use crate::world::{Crash, Delay, Target, When};
use std::fmt;
use std::ops::Range;

/// A job under test, and what happens to it.
#[derive(Clone)]
pub struct Simulation {
    /// Everything a run is given, to be changed at will.
    pub plan: Plan,
}

fn ns(text: &str) -> u64 {
    parse_duration(text).unwrap_or_else(|m| panic!("{m}"))
}

impl Simulation {
    /// Validates a job.
    ///
    /// # Errors
    /// Everything that is wrong with it, together.
    pub fn of(job: JobBuilder) -> Result<Self, Vec<GraphError>> {
        Ok(Simulation { plan: Plan::new("test", job.build(BackEdges::JobGraph)?) })
    }

    /// Triggers a checkpoint after each such time (`"20us"`).
    ///
    /// # Panics
    /// If that is no duration.
    pub fn checkpoint_every(mut self, every: &str) -> Self {
        self.plan.checkpoints.every = Some(ns(every).max(1));
        self
    }

    /// Lets so many checkpoints be in flight at once.
    pub fn in_flight(mut self, most: u32) -> Self {
        self.plan.checkpoints.max_concurrent = most;
        self
    }

    /// Lets every message take between `min` and `max`, whatever channel it is on.
    ///
    /// # Panics
    /// If one of them is no duration.
    pub fn delays(mut self, min: &str, max: &str) -> Self {
        self.plan.delays.fill(Delay::uniform(ns(min), ns(max)));
        self
    }

    /// Kills a task (`"counts[1]"`) at a time (`"90us"`).
    ///
    /// # Panics
    /// If there is no such task, or that is no duration.
    pub fn crash(mut self, task: &str, at: &str) -> Self {
        let found = self.plan.job.graph.task_named(task);
        let target = Target::Task(found.unwrap_or_else(|| panic!("no task is called {task:?}")));
        self.plan.faults.crashes.push(Crash { target, when: When::At(Time(ns(at))) });
        self
    }

    /// Puts a specimen in the place of the shipped protocol (see [`specimen`](crate::specimen)).
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn protocol(mut self, name: &str) -> Self {
        match crate::specimen::named(name) {
            Some(specimen) => specimen.apply(&mut self.plan),
            None => panic!("no specimen is called {name:?}"),
        }
        self
    }

    /// One run, with every check on.
    pub fn run(&self, seed: u64) -> Run {
        self.run_by(&mut self.runner(), seed)
    }

    /// The first of these seeds whose run is violated, and that run.
    pub fn find(&self, seeds: Range<u64>) -> Option<(u64, Run)> {
        let mut runner = self.runner();
        let mut runs = seeds.map(|s| (s, self.run_by(&mut runner, s)));
        runs.find(|(_, r)| r.verdict() == RunVerdict::Violated)
    }

    /// Runs all these seeds.
    ///
    /// # Panics
    /// At the first whose verdict is not `holds`, with its seed and evidence.
    pub fn check(&self, seeds: Range<u64>) {
        let mut runner = self.runner();
        for seed in seeds {
            let run = self.run_by(&mut runner, seed);
            assert!(run.verdict() == RunVerdict::Holds, "{run}");
        }
    }

    fn runner(&self) -> Runner<'_> {
        Runner::new(&self.plan, Mode::Full)
    }

    fn run_by(&self, runner: &mut Runner<'_>, seed: u64) -> Run {
        let RunResult { outcome, report, digest, steps, .. } = runner.run_seed(seed, &mut ());
        let operators = self.plan.job.graph.operators.iter().enumerate();
        let entries = operators.map(|(i, o)| (o.name.clone(), runner.entries(i))).collect();
        Run { seed, outcome, report, digest, steps, entries }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub outcome: crate::trace::Outcome,
    /// What the judge says.
    pub report: Report,
    /// The digest of all facts: the same seed gives the same.
    pub digest: u64,
    /// Steps made.
    pub steps: u64,
    /// For each operator, by name, what its state says of each key at the end.
    pub entries: Vec<(String, Vec<(u64, u64)>)>,
}

impl Run {
    /// The verdict.
    pub fn verdict(&self) -> RunVerdict {
        self.report.verdict()
    }

    /// What an operator's state says of each key at the end.
    pub fn state(&self, operator: &str) -> &[(u64, u64)] {
        self.entries.iter().find(|(name, _)| name == operator).map_or(&[], |(_, e)| e)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {} after {} steps", self.seed, self.verdict().name(), self.steps)?;
        for v in &self.report.violations {
            write!(f, "\n{} violated at step {} ({}): {}", v.property.name(), v.at.step, v.at.time, v.message)?;
        }
        Ok(())
    }
}
