//! One run of a plan, under the judge.

use crate::check::{Evidence, Judge, Mode, Monitor, Patience, Report, Violation};
use crate::choice::{Choices, Seeded};
use crate::engine::{Engine, Event, Plan, Workbench};
use crate::trace::{At, Fact, History, Observer, Outcome, RunDigest};
use crate::world::{Faults, Target, TimeOrder};

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
    /// What the states of the operator whose result the plan checks say of each key at the end, by key. (Of any
    /// operator: [`Runner::entries`].)
    pub found: Vec<(u64, u64)>,
}

/// Runs `plan` from `seed`. A run that fails is run again with its whole history kept, and that second run
/// fills in the evidence: which record it was.
pub fn run_seed(plan: &Plan, mode: Mode, seed: u64, also: &mut impl Observer) -> RunResult {
    Runner::new(plan, mode).run_seed(seed, also)
}

/// Runs `plan` with these choices; `also` listens too.
pub fn run_plan(plan: &Plan, mode: Mode, choices: &mut impl Choices, also: &mut impl Observer) -> RunResult {
    Runner::new(plan, mode).run(choices, also)
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
pub fn patience_of(plan: &Plan, faults: &Faults) -> Patience {
    patience(plan, longest_of(plan), faults)
}

/// The longest that a single thing takes in a plan without faults (`u64::MAX`: nobody knows).
fn longest_of(plan: &Plan) -> u64 {
    let bounded = plan.capacities.iter().any(|&c| c != u32::MAX);
    if bounded { u64::MAX } else { plan.longest_delay(&Faults::default()) }
}

/// How far an agenda should reach for a plan. (Where little is on its way at a time, wider buckets leave fewer empty ones
/// to look through.)
pub(super) fn horizon_of(plan: &Plan) -> u64 {
    let delay = plan.delays.iter().map(|d| d.longest()).max().unwrap_or(1);
    if plan.delays.len() < 16 { delay.saturating_mul(4) } else { delay }
}

/// The patience with these faults, given [`longest_of`] the plan.
fn patience(plan: &Plan, longest: u64, faults: &Faults) -> Patience {
    let declines = faults.declines.iter().fold(0, |sum: u32, d| sum.saturating_add(d.most));
    let hops = (plan.job.graph.operators.len() as u64 + 10).max(20);
    let longest = faults.stalls.iter().map(|s| s.ns).fold(longest, u64::max);
    let ns = longest.saturating_mul(hops + declines as u64);
    Patience { calm: faults.last(), epochs: declines.saturating_add(20), ns }
}

/// The channels on which the plan's protocol may log.
pub fn logs_of(plan: &Plan) -> Vec<u32> {
    plan.variant.protocol.logs(&plan.job.graph)
}

/// Whether these faults strike what is there.
fn fit(faults: &Faults, plan: &Plan) -> bool {
    let task = |t: u32| (t as usize) < plan.job.graph.tasks.len();
    let target = |t: Target| match t {
        Target::Task(t) => task(t),
        Target::Node(n) => plan.nodes.contains(&n),
        Target::Any => true,
    };
    faults.crashes.iter().all(|c| target(c.target))
        && faults.stalls.iter().all(|s| task(s.task))
        && faults.declines.iter().all(|d| d.task.is_none_or(task))
}

/// Runs a plan again and again: what one run allocates serves the next, which makes small runs half as fast again.
/// No run depends on the ones before it.
///
/// ```
/// use cutline::{check::Mode, prelude::*, search::Runner, world::Faults};
///
/// let job = JobBuilder::new()
///     .source("numbers", 2, Generator::new(50))
///     .operator("counts", 2, KeyedCount::default())
///     .sink("sink", 1, Sink::default())
///     .hash("numbers", "counts")
///     .hash("counts", "sink");
/// let simulation = Simulation::of(job).unwrap().checkpoint_every("20us").crash("counts[1]", "90us");
/// let (mut runner, calm) = (Runner::new(&simulation.plan, Mode::Full), Faults::default());
/// let first = runner.run_seed(1, &mut ());
/// let without_the_crash = runner.run_under(&calm, &mut cutline::choice::Seeded::new(1), &mut ());
/// assert_eq!((first.report.attempts, without_the_crash.report.attempts), (2, 1));
/// assert_eq!(runner.run_seed(1, &mut ()).digest, first.digest);
/// ```
pub struct Runner<'p> {
    plan: &'p Plan,
    mode: Mode,
    /// See [`longest_of`].
    longest: u64,
    /// The run that was made last.
    used: Option<Run<'p>>,
    /// A run before its first step.
    fresh: Option<Run<'p>>,
    bench: Workbench,
}

/// A run, and who judges it.
struct Run<'p> {
    engine: Engine<'p, TimeOrder<Event>>,
    /// Digest and judge, who are told of it: a pair, so that one address is handed on with each fact.
    told: (RunDigest, Judge<'p>),
}

impl<'p> Run<'p> {
    fn new(plan: &'p Plan, mode: Mode, longest: u64) -> Self {
        let judge = Judge::new(&plan.job, mode, &logs_of(plan), patience(plan, longest, &plan.faults));
        Run { engine: Engine::new(plan, TimeOrder::new(horizon_of(plan))), told: (RunDigest::default(), judge) }
    }
}

impl<'p> Runner<'p> {
    /// For runs of `plan`, judged like this.
    pub fn new(plan: &'p Plan, mode: Mode) -> Self {
        let longest = longest_of(plan);
        Runner { plan, mode, longest, used: None, fresh: None, bench: Workbench::new(&plan.job.symbols) }
    }

    /// A run from this seed; see [`run_seed`].
    pub fn run_seed(&mut self, seed: u64, also: &mut impl Observer) -> RunResult {
        let mut result = self.run(&mut Seeded::new(seed), also);
        if !result.report.violations.is_empty() {
            let mut history = History::default();
            let again = self.run(&mut Seeded::new(seed), &mut history);
            assert_eq!(again.digest, result.digest, "[cutline bug] the second run of seed {seed} went another way");
            result.report.violations.iter_mut().for_each(|v| add_record(v, &history));
        }
        result
    }

    /// A run with these choices; `also` listens too.
    pub fn run(&mut self, choices: &mut impl Choices, also: &mut impl Observer) -> RunResult {
        self.run_under(&self.plan.faults, choices, also)
    }

    /// The same with these faults, instead of the plan's.
    ///
    /// # Panics
    /// If they name a task or a node that the job does not have.
    pub fn run_under(&mut self, faults: &'p Faults, choices: &mut impl Choices, also: &mut impl Observer) -> RunResult {
        let (plan, new) = (self.plan, || Run::new(self.plan, self.mode, self.longest));
        let run = match &mut self.used {
            None => self.used.insert(new()),
            Some(run) => {
                let fresh = self.fresh.get_or_insert_with(new);
                run.engine.begin_again_from(&fresh.engine);
                let ((digest, judge), (_, first)) = (&mut run.told, &fresh.told);
                *digest = RunDigest::default();
                judge.clone_from(first);
                run
            }
        };
        if !std::ptr::eq(faults, &plan.faults) {
            assert!(fit(faults, plan), "a fault names a task or a node that the job does not have");
            run.engine.set_faults(faults);
            let (_, judge) = &mut run.told;
            judge.set_patience(patience(plan, self.longest, faults));
        }
        let mut observer = (&mut run.told, also);
        let outcome = self.bench.run(&mut run.engine, choices, &mut observer);
        let (engine, (digest, judge)) = (&run.engine, &run.told);
        let at = At { step: engine.steps(), time: engine.now() };
        let mut report = judge.report();
        let found = plan.result.as_ref().map_or_else(Vec::new, |check| engine.entries(check.operator));
        if let Some(check) = &plan.result
            && matches!(outcome, Outcome::Finished | Outcome::Quiet)
        {
            report.compare(at, &plan.job, &check.kind, &check.entries, &found);
        }
        RunResult {
            outcome,
            report,
            digest: digest.value(),
            steps: engine.steps(),
            deliveries: engine.deliveries(),
            simulated_ns: engine.now().0,
            found,
        }
    }

    /// What the states of an operator (by its place in the graph) said of each key when the last run ended, by key.
    pub fn entries(&self, operator: usize) -> Vec<(u64, u64)> {
        self.used.as_ref().map_or_else(Vec::new, |run| run.engine.entries(operator))
    }
}
