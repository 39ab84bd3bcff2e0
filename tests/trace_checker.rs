//! The trace alone is enough: a second judge, which shares no code with the library, reads it and comes to the
//! same verdict; and it notices when a trace was tampered with.

#[path = "support/checker.rs"]
mod checker;
#[allow(dead_code)]
#[path = "support/jobs.rs"]
mod jobs;

use checker::{Checker, Summary, Wrong};
use cutline::base::Digester;
use cutline::check::{Mode, RunVerdict, Situations};
use cutline::choice::Seeded;
use cutline::engine::Plan;
use cutline::graph::Role;
use cutline::protocol::{Abs, AnyProtocol, Effect, Input, Protocol, ProtocolSpec, Shape};
use cutline::search::{RunResult, logs_of, run_plan};
use cutline::trace::{TraceHeader, TraceWriter};
use jobs::{Case, acyclic, cyclic};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

/// Hands each line that is written to the checker.
#[derive(Default)]
struct Lines {
    checker: Checker,
    rest: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.checker.line(str::from_utf8(&line).unwrap().trim_end());
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn trace<W: Write>(plan: &Plan, seed: u64, out: W) -> (RunResult, W) {
    let graph = &plan.job.graph;
    let roles = graph.operators.iter().map(|o| if o.role == Role::Sink { "idempotent" } else { o.role.name() });
    let header = TraceHeader {
        scenario: plan.name.clone(),
        seed,
        protocol: plan.variant.name.clone(),
        guarantee: "exactly-once",
        logs: logs_of(plan),
        symbols: plan.job.spelled.clone(),
        roles: roles.collect(),
    };
    let mut writer = TraceWriter::new(out, &header, graph, plan.job.symbols.clone());
    let result = run_plan(plan, Mode::Full, &mut Seeded::new(seed), &mut writer);
    (result, writer.finish().unwrap())
}

/// The library's verdict, and the checker's.
fn both(plan: &Plan, seed: u64) -> (RunResult, Result<Summary, Wrong>) {
    let (result, lines) = trace(plan, seed, Lines::default());
    (result, lines.checker.finish())
}

/// The two must agree on a run that the library finds nothing wrong with.
fn agree(what: &dyn std::fmt::Debug, plan: &Plan, seed: u64) {
    let (r, checked) = both(plan, seed);
    assert_ne!(r.report.verdict(), RunVerdict::Violated, "{:?}\n{what:?}", r.report.violations.first());
    let s = checked.unwrap_or_else(|w| panic!("line {}: {}\nseed {seed} of {what:?}", w.line, w.what));
    let [_, completed, aborted, _] = r.report.checkpoints;
    assert_eq!((s.completed, s.aborted, s.restarts + 1), (completed, aborted, r.report.attempts), "{what:?}");
    assert_eq!(s.outcome, r.outcome.name());
}

fn cases(n: usize, jobs: impl Strategy<Value = Case>) -> impl Iterator<Item = Case> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    (0..n).map(move |_| jobs.new_tree(&mut runner).unwrap().current())
}

fn runs() -> usize {
    #[allow(clippy::disallowed_methods, reason = "a longer hunt is asked for")]
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

#[test]
fn traces_of_random_jobs_are_enough() {
    for case in cases(runs(), acyclic()).chain(cases(runs(), cyclic())) {
        agree(&case, &case.plan(), case.seed());
    }
}

#[test]
fn traces_of_scenarios_are_enough() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = std::fs::read_dir(&directory).unwrap().map(|f| f.unwrap().path());
    let mut judged = 0;
    for file in files.filter(|f| f.extension().is_some_and(|e| e == "json")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let Ok(scenario) = cutline::scenario::read(&text, &[], &directory) else { continue };
        let holds = scenario.expect.as_ref().is_none_or(|e| e.verdict == "holds");
        if !holds || scenario.protocol.as_ref().is_some_and(|p| p != "abs") {
            continue;
        }
        let plan = jobs::plan_of(&scenario, &directory);
        agree(&file, &plan, scenario.seed.as_ref().map_or(0, |s| s.value().unwrap()));
        judged += 1;
    }
    assert!(judged > 0);
}

/// The shipped protocol with some of its effects left out.
#[derive(Clone)]
struct Without {
    abs: Abs,
    left_out: fn(&Effect) -> bool,
}

impl Protocol for Without {
    fn record(&mut self, input: u32, fx: &mut Vec<Effect>) {
        self.abs.record(input, fx);
        fx.retain(|e| !(self.left_out)(e));
    }
    fn handle(&mut self, input: Input, fx: &mut Vec<Effect>) {
        self.abs.handle(input, fx);
        fx.retain(|e| !(self.left_out)(e));
    }
    fn digest(&self, d: &mut Digester) {
        self.abs.digest(d);
    }
}

struct Broken(fn(&Effect) -> bool);

impl ProtocolSpec for Broken {
    fn task(&self, shape: &Shape) -> AnyProtocol {
        AnyProtocol::custom(Without { abs: Abs::new(shape), left_out: self.0 })
    }
}

/// Runs a broken protocol; in how many runs did both see it? (If one sees it, the other must.)
fn broken(left_out: fn(&Effect) -> bool, cases: impl Iterator<Item = Case>) -> u32 {
    let mut seen = 0;
    for case in cases {
        let mut plan = case.plan();
        plan.variant.protocol = Rc::new(Broken(left_out));
        let (r, checked) = both(&plan, case.seed());
        let found = r.report.violations.first();
        // A stuck run is nothing that a reader of the trace can blame on a line.
        if found.is_some_and(|v| v.property.name() == "progress") {
            continue;
        }
        assert_eq!(found.is_some(), checked.is_err(), "{found:?}, but {checked:?}\n{case:?}");
        seen += checked.is_err() as u32;
    }
    seen
}

#[test]
fn both_judges_see_what_a_broken_protocol_does() {
    let blocks = |e: &Effect| matches!(e, Effect::Block { .. } | Effect::Unblock { .. });
    assert!(broken(blocks, cases(100, acyclic())) >= 20);
    assert!(broken(blocks, cases(100, cyclic())) >= 20);
    assert!(broken(|e| matches!(e, Effect::Log(_)), cases(100, cyclic())) >= 10);
}

/// Traces with restarts and logs, as lines.
fn rich_traces() -> Vec<Vec<String>> {
    let replays = |plan: &Plan, seed| {
        let mut situations = Situations::new(plan.job.graph.tasks.len());
        let r = run_plan(plan, Mode::Shallow, &mut Seeded::new(seed), &mut situations);
        r.report.checkpoints[1] > 2 && r.steps < 4000 && situations.counts().contains_key("replayed")
    };
    let cases = cases(2000, cyclic()).map(|c| (c.plan(), c.seed())).filter(|(plan, seed)| replays(plan, *seed));
    let traces = cases.take(5).map(|(plan, seed)| String::from_utf8(trace(&plan, seed, Vec::new()).1).unwrap());
    let traces: Vec<_> = traces.map(|t| t.lines().map(str::to_string).collect()).collect();
    assert_eq!(traces.len(), 5, "too few traces with restarts and logs");
    traces
}

fn check(lines: &[String]) -> Result<Summary, Wrong> {
    Checker::check(lines.iter().map(String::as_str))
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_trace_that_was_tampered_with_is_noticed() {
    for lines in &rich_traces() {
        check(lines).unwrap();
        let places = |fact: &str| {
            let fact = format!("\"fact\":\"{fact}\"");
            (1..lines.len()).filter(move |&i| lines[i].contains(&fact)).collect::<Vec<_>>()
        };
        let notice = |what: &str, changed: Vec<String>| {
            assert_ne!(&changed, lines, "{what}: nothing was changed");
            assert!(check(&changed).is_err(), "{what} is not noticed");
        };
        let without = |i: usize| [&lines[..i], &lines[i + 1..]].concat();
        let with = |i: usize, line: &str| {
            let mut changed = lines.clone();
            changed[i] = line.to_string();
            changed
        };
        let done: Vec<Value> = places("completed").iter().map(|&i| parsed(&lines[i])["epoch"].clone()).collect();
        // One of each kind, from the middle of the last attempt: what is lost there is missing at the end.
        let begin = places("restarting").pop().unwrap();
        for fact in ["processed", "sent", "read", "end-sent", "end"] {
            let all: Vec<usize> = places(fact).into_iter().filter(|&i| i > begin).collect();
            let Some(&i) = all.get(all.len() / 2) else { continue };
            notice(&format!("the lack of line {i} ({fact})"), without(i));
            let twice = [&lines[..=i], &lines[i..]].concat();
            notice(&format!("the repetition of line {i} ({fact})"), twice);
        }
        for fact in ["replayed", "triggered", "restored", "restarting", "barrier-received"] {
            let mut all = places(fact);
            all.retain(|&i| fact != "barrier-received" || lines[i + 1].contains("\"blocked\""));
            let i = all[all.len() / 2];
            notice(&format!("the lack of line {i} ({fact})"), without(i));
            let twice = [&lines[..=i], &lines[i..]].concat();
            notice(&format!("the repetition of line {i} ({fact})"), twice);
        }
        let copied = places("copied").into_iter().filter(|&i| done.contains(&parsed(&lines[i])["epoch"]));
        for i in copied.step_by(7) {
            notice(&format!("the lack of line {i} (copied)"), without(i));
            // A copy that is said to have been taken one record later.
            let task = &parsed(&lines[i])["task"];
            let own = |j: &usize| parsed(&lines[*j])["task"] == *task && lines[*j].contains("\"processed\"");
            if let Some(j) = (i + 1..lines.len()).find(own) {
                let moved = [&lines[..i], &lines[i + 1..=j], &lines[i..=i], &lines[j + 1..]].concat();
                notice(&format!("the move of line {i} (copied) behind {j}"), moved);
            }
        }
        for fact in ["logged", "replayed"] {
            let all = places(fact);
            let i = all[all.len() / 2];
            let mut v = parsed(&lines[i]);
            v["record"]["value"] = 12345.into();
            notice(&format!("another record in line {i} ({fact})"), with(i, &v.to_string()));
        }
        for fact in ["restored", "acknowledged", "blocked"] {
            let all = places(fact);
            let i = all[all.len() / 2];
            let mut v = parsed(&lines[i]);
            let (name, other) = match fact {
                "restored" => ("state", "0123456789abcdef".into()),
                _ => ("epoch", 999.into()),
            };
            v[name] = other;
            notice(&format!("another {name} in line {i} ({fact})"), with(i, &v.to_string()));
        }
        // Two records of one channel change places.
        let processed = places("processed");
        let channel = |i: usize| parsed(&lines[i])["channel"].clone();
        let i = processed[processed.len() / 2];
        if let Some(&j) = processed.iter().find(|&&j| j > i && channel(j) == channel(i)) {
            let mut changed = lines.clone();
            changed.swap(i, j);
            notice(&format!("the exchange of lines {i} and {j}"), changed);
        }
    }
}
