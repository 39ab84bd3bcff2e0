//! One run of a plan, under the judge.

use crate::check::{Evidence, Judge, Mode, Monitor, Patience, Report, Violation};
use crate::choice::{Choices, Seeded};
use crate::engine::{Cx, Engine, Plan};
use crate::trace::{At, Fact, History, Observer, Outcome, RunDigest};
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

/// Runs `plan` from `seed`. A run that fails is run again with its whole history kept, and that second run
/// fills in the evidence: which record it was.
pub fn run_seed(plan: &Plan, mode: Mode, seed: u64, also: &mut impl Observer) -> RunResult {
    let mut result = run_plan(plan, mode, &mut Seeded::new(seed), also);
    if !result.report.violations.is_empty() {
        let mut history = History::default();
        let again = run_plan(plan, mode, &mut Seeded::new(seed), &mut history);
        assert_eq!(again.digest, result.digest, "[cutline bug] the second run of seed {seed} went another way");
        result.report.violations.iter_mut().for_each(|v| add_record(v, &history));
    }
    result
}

/// Looks up the record that a violation names by channel and number.
pub fn add_record(v: &mut Violation, history: &History) {
    let number = |name: &str| {
        v.evidence.iter().find_map(|(n, e)| match e {
            Evidence::Number(x) if *n == name => Some(*x),
            _ => None,
        })
    };
    let (Some(c), Some(s)) = (number("channel_id"), number("seq")) else { return };
    let found = history.facts.iter().rev().find_map(|(_, f)| match *f {
        Fact::Sent { channel, seq, record, .. } if channel as u64 == c && seq == s => Some(record),
        _ => None,
    });
    v.evidence.extend(found.map(|r| ("record", Evidence::Record(c as u32, r))));
}

/// The patience that the contract gives a plan: 20 epochs, or 20 times the longest delay. More where a right run
/// needs more: a barrier may have to pass more channels than that one after the other, and each decline that is
/// scheduled as a fault can cost an epoch. On bounded channels a barrier waits for the records before it, one delay
/// each, however many there are: then time says nothing.
pub fn patience_of(plan: &Plan) -> Patience {
    let bounded = plan.capacities.iter().any(|&c| c != u32::MAX);
    let declines = plan.faults.declines.iter().fold(0, |sum: u32, d| sum.saturating_add(d.most));
    let hops = (plan.job.graph.operators.len() as u64 + 10).max(20);
    let longest = plan.longest_delay().saturating_mul(hops + declines as u64);
    let ns = if bounded { u64::MAX } else { longest };
    Patience { calm: plan.faults.last(), epochs: declines.saturating_add(20), ns }
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
    let at = At { step: engine.steps(), time: engine.now() };
    let mut report = judge.report();
    if let Some(check) = &plan.result
        && matches!(outcome, Outcome::Finished | Outcome::Quiet)
    {
        report.compare(at, &plan.job, &check.kind, &check.entries, &engine.entries(check.operator));
    }
    RunResult {
        outcome,
        report,
        digest: digest.value(),
        steps: engine.steps(),
        deliveries: engine.deliveries(),
        simulated_ns: engine.now().0,
        entries: (0..plan.job.graph.operators.len()).map(|o| engine.entries(o)).collect(),
    }
}
