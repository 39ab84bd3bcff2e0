//! Random job graphs, with and without loops, under random faults: everything that is checked holds, always.
//!
//! A case that fails is shrunk, and written as a scenario that `cutline run` takes. `PROPTEST_CASES=50000` hunts
//! for longer, each time elsewhere; without it the cases are the same on every run.

#[path = "support/jobs.rs"]
mod jobs;

use cutline::check::{Mode, Property, RunVerdict, Situations};
use cutline::search::{RunResult, Runner};
use cutline::trace::Outcome;
use jobs::{Case, acyclic, cyclic};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const CASES: u32 = 1200;

type Entries = Vec<Vec<(u64, u64)>>;

/// Its result, and what each operator holds at the end.
fn run(case: &Case, situations: &mut Situations) -> (RunResult, Entries) {
    let plan = case.plan();
    let operators = 0..plan.job.graph.operators.len();
    *situations = Situations::new(plan.job.graph.tasks.len());
    let mut runner = Runner::new(&plan, Mode::Full);
    let first = runner.run_seed(case.seed(), situations);
    let entries: Entries = operators.clone().map(|o| runner.entries(o)).collect();
    // The memory of one run serves the next: nothing of it may be seen.
    runner.run_seed(case.seed() ^ 1, &mut ());
    let again = runner.run_seed(case.seed(), &mut ());
    assert_eq!((again.digest, again.steps), (first.digest, first.steps));
    assert_eq!(operators.map(|o| runner.entries(o)).collect::<Entries>(), entries);
    (first, entries)
}

/// What is wrong with the run of a case.
fn wrong(case: &Case, r: &RunResult) -> Option<String> {
    if let Some(v) = r.report.violations.first() {
        return Some(format!("{} ({}): {}", v.property.name(), v.kind, v.message));
    }
    let judged = |p: Property| r.report.properties.iter().find(|(q, ..)| *q == p).map_or(0, |(.., n)| *n);
    let triggers = case.0.checkpoints.is_some();
    match r.outcome {
        Outcome::Finished if case.ends() => {}
        Outcome::Quiet if !case.ends() => {}
        Outcome::Limit => return None,
        other => return Some(format!("the run ended {other:?}")),
    }
    let [_, completed, ..] = r.report.checkpoints;
    if r.outcome == Outcome::Finished && triggers && completed == 0 {
        return Some("the job ended without a completed checkpoint".into());
    }
    let unseen = judged(Property::ExactlyOnceState) == 0 || completed == 0;
    match r.report.verdict() {
        RunVerdict::Holds => None,
        RunVerdict::Inconclusive if unseen => None,
        other => Some(format!("the verdict is {other:?}")),
    }
}

/// How many records each sink took.
fn taken(case: &Case, entries: &Entries) -> Vec<u64> {
    let plan = case.plan();
    let sinks = plan.job.graph.operators.iter().zip(entries).filter(|(o, _)| case.0.operators[&o.name].kind == "sink");
    sinks.map(|(_, entries)| entries.iter().map(|e| e.1).sum()).collect()
}

fn check(case: &Case) -> Result<(), String> {
    let all = || {
        let (r, entries) = run(case, &mut Situations::default());
        if let Some(what) = wrong(case, &r) {
            return Err(what);
        }
        // Not the judge's word alone: as many records come out as if nothing had ever happened.
        if case.stateless() && r.outcome != Outcome::Limit {
            let calm = case.undisturbed();
            let want = taken(case, &run(&calm, &mut Situations::default()).1);
            let got = taken(case, &entries);
            if want != got {
                return Err(format!("the sinks took {got:?} record(s), and {want:?} without faults"));
            }
        }
        let again = || run(case, &mut Situations::default()).0.digest;
        if case.seed().is_multiple_of(16) && again() != r.digest {
            Err("a second run went another way".into())
        } else {
            Ok(())
        }
    };
    catch_unwind(AssertUnwindSafe(all)).unwrap_or_else(|_| Err("the harness panicked".into()))
}

fn runner(cases: u32) -> TestRunner {
    let mut config = ProptestConfig { failure_persistence: None, max_shrink_iters: 4000, ..ProptestConfig::default() };
    #[allow(clippy::disallowed_methods, reason = "a longer hunt is asked for")]
    let longer = std::env::var("PROPTEST_CASES").is_ok();
    if longer {
        return TestRunner::new(config);
    }
    config.cases = cases;
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn hunt(name: &str, jobs: impl Strategy<Value = Case>) {
    let result = runner(CASES).run(&jobs, |case| check(&case).map_err(TestCaseError::fail));
    let Err(e) = result else { return };
    let TestError::Fail(why, case) = e else { panic!("{e}") };
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    std::fs::write(&file, serde_json::to_string_pretty(&case.0).unwrap()).unwrap();
    panic!("{why}\nseed {} of\n{case:?}\nThe same in a file: cutline run {}", case.seed(), file.display());
}

#[test]
fn jobs_without_loops_hold() {
    hunt("random-acyclic", acyclic());
}

#[test]
fn jobs_with_loops_hold() {
    hunt("random-cyclic", cyclic());
}

/// In how many of `runs` runs each situation came up.
fn situations(runs: u32, jobs: impl Strategy<Value = Case>) -> BTreeMap<&'static str, u32> {
    let mut runner = runner(runs);
    let mut seen = BTreeMap::new();
    for _ in 0..runs {
        let case = jobs.new_tree(&mut runner).unwrap().current();
        let mut situations = Situations::default();
        let (r, _) = run(&case, &mut situations);
        let verdict = format!("{:?}", r.report.verdict());
        let verdict = if verdict == "Holds" { "verdict: holds" } else { "verdict: another" };
        let limit = (r.outcome == Outcome::Limit).then_some("outcome: limit");
        let quiet = (r.outcome == Outcome::Quiet).then_some("outcome: quiet");
        let more = [Some(verdict), limit, quiet].into_iter().flatten();
        for name in situations.counts().keys().copied().chain(more) {
            *seen.entry(name).or_insert(0) += 1;
        }
    }
    seen
}

/// A search that never comes to where bugs live proves nothing.
#[test]
fn what_is_interesting_is_common() {
    let runs = 800;
    let least = |name: &str| match name {
        "abort-timeout" => 5,
        "replayed" => 40,
        "abort-subsumed" | "crash-between-last-acknowledgement-and-completion" => 25,
        _ => 80,
    };
    let everywhere = [
        "overlapping-epochs",
        "crash-during-alignment",
        "crash-while-some-have-copied",
        "crash-between-last-acknowledgement-and-completion",
        "crash-during-restore",
        "second-crash-before-restart",
        "crash-before-first-checkpoint",
        "restart-from-the-start",
        "restart-from-a-checkpoint",
        "end-during-alignment",
        "abort-declined",
        "abort-failure",
        "abort-subsumed",
        "abort-timeout",
        "cancel-marker",
        "finished",
        "outcome: quiet",
    ];
    let check = |seen: BTreeMap<&'static str, u32>, names: &[&'static str]| {
        println!("{seen:#?}");
        for name in names {
            let n = seen.get(name).copied().unwrap_or(0);
            assert!(n >= least(name), "{name} in {n} of {runs} runs: expected {}", least(name));
        }
        let other =
            seen.get("verdict: another").copied().unwrap_or(0) + seen.get("outcome: limit").copied().unwrap_or(0);
        assert!(other < runs / 20, "{other} of {runs} runs say nothing");
    };
    check(situations(runs, acyclic()), &everywhere);
    check(situations(runs, cyclic()), &[&everywhere[..], &["logged", "replayed"]].concat());
}
