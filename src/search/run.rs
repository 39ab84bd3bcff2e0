//! One run of a plan, under the judge.

use crate::check::{Judge, Mode, Monitor, Patience, Report};
use crate::choice::Choices;
use crate::engine::{Cx, Engine, Plan};
use crate::trace::{Observer, Outcome, RunDigest};
use crate::world::TimeOrder;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// How it ended.
    pub outcome: Outcome,
    /// What the judge says.
    pub report: Report,
    /// Digest of all facts.
    pub digest: u64,
    /// Steps made.
    pub steps: u64,
    /// Records and barriers handed to tasks.
    pub deliveries: u64,
    /// Virtual time at the end, in nanoseconds.
    pub simulated_ns: u64,
    /// For each operator of the graph, what its tasks' states say of each key at the end.
    pub entries: Vec<Vec<(u64, u64)>>,
}

/// The patience that the contract gives a plan: 20 epochs, or 20 times the longest delay.
pub fn patience_of(plan: &Plan) -> Patience {
    Patience { calm: plan.faults.last(), epochs: 20, ns: plan.longest_delay().saturating_mul(20) }
}

/// The channels on which the plan's protocol may log.
pub fn logs_of(plan: &Plan) -> Vec<u32> {
    plan.variant.protocol.logs(&plan.job.graph)
}

/// Runs `plan` with these choices; `also` listens too.
pub fn run_plan(plan: &Plan, mode: Mode, choices: &mut impl Choices, also: &mut impl Observer) -> RunResult {
    let judge = Judge::new(&plan.job, mode, &logs_of(plan), patience_of(plan));
    let mut observer = ((RunDigest::default(), judge), also);
    let horizon = plan.delays.iter().map(|d| d.longest()).max().unwrap_or(1);
    let mut engine = Engine::new(plan, TimeOrder::new(horizon));
    let mut cx = Cx::new(&plan.job.symbols, choices, &mut observer);
    let outcome = engine.run(&mut cx);
    let ((digest, judge), _) = &observer;
    RunResult {
        outcome,
        report: judge.report(),
        digest: digest.value(),
        steps: engine.steps(),
        deliveries: engine.deliveries(),
        simulated_ns: engine.now().0,
        entries: (0..plan.job.graph.operators.len()).map(|o| engine.entries(o)).collect(),
    }
}
