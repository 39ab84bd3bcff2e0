//! Determinism as a check: a run is made twice, and compared step by step.

use super::run::run_plan;
use crate::check::Mode;
use crate::choice::Seeded;
use crate::engine::Plan;
use crate::trace::{At, Fact, History};

/// Where two runs of one seed first differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The step.
    pub step: u64,
    /// What the first run did there (`None`: it was over).
    pub first: Option<(At, Fact<'static>)>,
    /// What the second did.
    pub second: Option<(At, Fact<'static>)>,
}

impl Difference {
    /// In words; where both tell a state, the difference in state.
    pub fn describe(&self, plan: &Plan) -> String {
        let side =
            |s: &Option<(At, Fact<'static>)>| s.map_or("the run was over".to_string(), |(_, f)| describe(plan, &f));
        let (a, b) = (side(&self.first), side(&self.second));
        format!(
            "two runs of one seed differ at step {}: first {a}, then {b}; the job's own code must not depend on anything but state and record",
            self.step
        )
    }
}

fn describe(plan: &Plan, fact: &Fact<'_>) -> String {
    let g = &plan.job.graph;
    let name = |t: u32| g.tasks[t as usize].name.as_str();
    match *fact {
        Fact::Sent { task, channel, seq, record, .. } => {
            format!(
                "{} sent record {seq} = ({}, {}) on {}",
                name(task),
                record.key,
                record.value,
                g.spell_channel(channel)
            )
        }
        Fact::Copied { task, epoch, state, .. } => {
            format!("{} copied state {state:016x} for snapshot {epoch}", name(task))
        }
        Fact::Restored { task, state, .. } => format!("{} restored state {state:016x}", name(task)),
        Fact::Ended { task, state, .. } => format!("{} ended with state {state:016x}", name(task)),
        Fact::Processed { task, channel, seq, .. } => {
            format!("{} processed record {seq} of {}", name(task), g.spell_channel(channel))
        }
        ref f => format!("{:?}", f.name()),
    }
}

/// Runs a seed twice; where they differ.
pub fn twice(plan: &Plan, mode: Mode, seed: u64) -> Option<Difference> {
    let run = || {
        let mut history = History::default();
        run_plan(plan, mode, &mut Seeded::new(seed), &mut history);
        history.facts
    };
    let (a, b) = (run(), run());
    let differ = (0..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i))?;
    let (first, second) = (a.get(differ).copied(), b.get(differ).copied());
    let step = first.or(second).map_or(0, |(at, _)| at.step);
    Some(Difference { step, first, second })
}
