//! From a seed to a bug report: recorded, put into a capsule, replayed, shrunk. For everything that is wrong on
//! purpose in this repository.
#![cfg(feature = "cli")]

use cutline::check::Mode;
use cutline::prelude::*;
use cutline::scenario::{RecordsSpec, Scenario, read};
use cutline::search::{Capsule, Case, Context, Failure, cause, replay, shrink, shrink_until, story, twice};
use cutline::specimen::{Protocols, Specimen};
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;

const CONTEXT: Context<'static> = Context { registry: &Protocols, mode: Mode::Full };

const ACYCLIC: &str = r#"{
  "cutline_scenario": 1, "name": "acyclic",
  "operators": {
    "a": {"kind": "generator", "records": 40, "parallelism": 2, "values": [1, 100]},
    "b": {"kind": "generator", "records": 60, "values": [1, 100], "every": "700ns"},
    "fold": {"kind": "keyed-fold", "parallelism": 3},
    "sum": {"kind": "keyed-sum", "parallelism": 2},
    "sink": {"kind": "table-sink"}
  },
  "edges": [
    {"from": "a", "to": "fold", "kind": "hash"}, {"from": "b", "to": "fold", "kind": "hash"},
    {"from": "fold", "to": "sum", "kind": "hash", "salt": 1}, {"from": "sum", "to": "sink", "kind": "hash"}
  ],
  "delay": {"uniform": ["1us", "20us"]}, "control": {"uniform": ["1us", "9us"]}, "write": {"uniform": ["1us", "9us"]},
  "checkpoints": {"every": "9us", "max_concurrent": 3, "timeout": "90us"},
  "detection": "3us", "restart": "2us",
  "faults": [
    {"crash": "fold[1]", "at": "41us"}, {"crash": "any", "rate": "1/250", "most": 3, "until": "200us"},
    {"decline": "any", "rate": "1/30", "most": 3}
  ]
}"#;

const CYCLIC: &str = r#"{
  "cutline_scenario": 1, "name": "cyclic",
  "operators": {
    "S": {"kind": "generator", "records": 30, "parallelism": 2, "values": [0, 6]},
    "A": {"kind": "countdown", "parallelism": 2},
    "B": {"kind": "union", "parallelism": 2},
    "C": {"kind": "union", "parallelism": 2},
    "T": {"kind": "sink"}
  },
  "edges": [
    {"from": "S", "to": "A", "kind": "hash"}, {"from": "A", "to": "T", "kind": "hash"},
    {"from": "A", "to": "B", "kind": "hash", "salt": 1}, {"from": "B", "to": "A", "kind": "hash"},
    {"from": "A", "to": "C", "kind": "hash", "salt": 2}, {"from": "C", "to": "A", "kind": "hash"}
  ],
  "delay": {"uniform": ["1us", "30us"]}, "control": {"uniform": ["1us", "9us"]},
  "checkpoints": {"every": "11us", "max_concurrent": 3, "timeout": "400us"},
  "detection": "3us", "restart": "2us",
  "faults": [
    {"crash": "any", "rate": "1/600", "most": 3, "until": "300us"}, {"decline": "any", "rate": "1/40", "most": 3}
  ]
}"#;

fn scenario(s: &Specimen) -> Scenario {
    let text = if s.cyclic { CYCLIC } else { ACYCLIC };
    let mut scenario = read(text, &[], Path::new("")).unwrap();
    scenario.protocol = Some(s.name.into());
    scenario
}

/// A failing seed of the specimen, as a case.
fn failing(s: &Specimen) -> Option<(u64, Case, Failure)> {
    let scenario = scenario(s);
    let plan = CONTEXT.plan(&scenario).unwrap();
    (0..300).find_map(|seed| {
        let (r, picks) = CONTEXT.runner(&plan).record(seed);
        Failure::of(&r).map(|f| (seed, Case { scenario: scenario.clone(), picks }, f))
    })
}

#[test]
fn what_is_wrong_without_loops_comes_back_from_its_capsule_and_shrinks() {
    comes_back_and_shrinks(false, 13);
}

#[test]
fn what_is_wrong_with_loops_comes_back_from_its_capsule_and_shrinks() {
    comes_back_and_shrinks(true, 11);
}

/// Whoever has enough gets a case that fails in the same way, and is no larger.
#[test]
fn shrinking_can_end_at_any_moment() {
    let s = cutline::specimen::all().iter().find(|s| s.name == "no-alignment").unwrap();
    let (_, case, failure) = failing(s).unwrap();
    let mut sizes = Vec::new();
    for most in [0, 1, 10, 100, 1000] {
        let asked = Cell::new(0);
        let enough = || asked.replace(asked.get() + 1) >= most;
        let small = shrink_until(CONTEXT, case.clone(), failure, &enough).unwrap();
        assert_eq!(Failure::of(&small.result), Some(failure));
        let plan = CONTEXT.plan(&small.case.scenario).unwrap();
        let (again, ..) = CONTEXT.runner(&plan).replay(&small.case.picks);
        assert_eq!(again.digest, small.result.digest);
        assert!(small.runs <= most + 2, "{} runs, asked to end after {most}", small.runs);
        sizes.push(plan.job.graph.tasks.len() as u64 + small.result.steps + small.case.picks.len() as u64);
    }
    assert!(sizes.is_sorted_by(|a, b| a >= b) && sizes[0] > sizes[4], "{sizes:?}");
}

fn comes_back_and_shrinks(cyclic: bool, at_least: usize) {
    let (mut found, mut large) = (0, Vec::new());
    for s in cutline::specimen::all().iter().filter(|s| s.cyclic == cyclic) {
        let Some((seed, case, failure)) = failing(s) else { continue };
        found += 1;
        let plan = CONTEXT.plan(&case.scenario).unwrap();
        let (r, ..) = CONTEXT.runner(&plan).replay(&case.picks);
        let capsule = Capsule::new(&case, seed, &r, &plan);
        let again = Capsule::parse(&capsule.text()).unwrap();
        let (_, back) = replay(CONTEXT, &again).unwrap();
        assert!(back.verdict_back && back.digest_back && back.divergence.is_none(), "{}: {back:?}", s.name);

        let small = shrink(CONTEXT, case, failure).unwrap();
        assert_eq!(Failure::of(&small.result), Some(failure), "{}: shrinking never changes the failure", s.name);
        let plan = CONTEXT.plan(&small.case.scenario).unwrap();
        let told = story(CONTEXT, &plan, &small.case.picks);
        assert!(told.contains(&small.result.report.violations[0].message), "{}", s.name);
        let (tasks, choices) = (plan.job.graph.tasks.len(), small.case.picks.len());
        let (steps, snapshots) = (small.result.steps, small.result.report.checkpoints[0]);
        println!(
            "{}: {tasks} tasks, {steps} steps, {snapshots} snapshots, {choices} choices, {} runs",
            s.name, small.runs
        );
        // Twenty checkpoints in a row must fail before the judge says that none completes any more.
        let most = if failure.kind == "no-checkpoint-completes" { 24 } else { 3 };
        // These need records on both sides of a snapshot, a crash and a restore: that takes steps and delays.
        let (long, many) = match s.name {
            "copy-during-replay" => (300, 12),
            _ => (100, 12),
        };
        if tasks > 6 || steps > long || snapshots > most || choices > many {
            large.push(format!("{}: {tasks} tasks, {steps} steps, {snapshots} snapshots, {choices} choices", s.name));
        }
        for o in small.case.scenario.operators.values() {
            let each = matches!(o.records, Some(RecordsSpec::Each(n)) if n > 4);
            let listed = matches!(&o.records, Some(RecordsSpec::List(l)) if l.iter().any(|&n| n > 4));
            assert!(!each && !listed, "{}: a source is left with more than 4 records: {:?}", s.name, o.records);
        }
    }
    assert!(found >= at_least, "only {found} specimens fail in this job");
    assert!(large.is_empty(), "these stay large:\n{}", large.join("\n"));
}

#[test]
fn shrinking_twice_changes_nothing() {
    for name in ["no-alignment", "printed-algorithm-2", "swapping-link"] {
        let s = cutline::specimen::named(name).unwrap();
        let (_, case, failure) = failing(s).unwrap_or_else(|| panic!("{name} does not fail"));
        let once = shrink(CONTEXT, case.clone(), failure).unwrap();
        let again = shrink(CONTEXT, case, failure).unwrap();
        assert_eq!(once.case.picks, again.case.picks, "{name}: shrinking is deterministic");
        let twice = shrink(CONTEXT, once.case.clone(), failure).unwrap();
        assert_eq!(once.case.picks, twice.case.picks, "{name}");
        let text = |c: &Case| serde_json::to_string(&c.scenario).unwrap();
        assert_eq!(text(&once.case), text(&twice.case), "{name}");
    }
}

#[test]
fn a_capsule_of_the_first_version_stays_readable() {
    let capsule = Capsule::parse(include_str!("golden/capsule-v1.json")).unwrap();
    assert_eq!(capsule.cutline_capsule, 1);
    let (_, r) = replay(CONTEXT, &capsule).unwrap();
    assert!(r.verdict_back && r.divergence.is_none(), "{r:?}");
    assert!(Capsule::parse(&capsule.text()).is_ok(), "and can be written again");
}

/// Capsules beside the scenarios are tests.
#[test]
fn the_regressions_come_back() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/regressions");
    let mut n = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let capsule = Capsule::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (_, r) = replay(CONTEXT, &capsule).unwrap();
        assert!(r.verdict_back && r.divergence.is_none(), "{}: {:?}", path.display(), r.result.report.violations);
        n += 1;
    }
    assert!(n > 0);
}

#[test]
fn a_capsule_that_is_none_says_why() {
    let text = include_str!("golden/capsule-v1.json");
    for (from, to, why) in [
        ("\"cutline_capsule\": 1", "\"cutline_capsule\": 7", "expected version 1"),
        ("\"cutline_capsule\"", "\"other\"", "this is no capsule"),
        ("\"verdict\"", "\"verdikt\"", "verdikt"),
        ("\"kind\":\"delay\"", "\"kind\":\"odd\"", "choices[0].kind"),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from} is not in the golden capsule");
        let e = Capsule::parse(&broken).unwrap_err();
        assert!(e.contains(why), "{e}");
    }
    let none = "this is no scenario: expected a JSON object with \"cutline_scenario\": 1";
    for (place, value, why) in [
        ("/scenario", None, "scenario: is missing: expected an object, the scenario".to_string()),
        ("/seed", None, "seed: is missing: expected the seed that it was found with".into()),
        ("/choices", None, "choices: is missing: expected a list of the choices that were not dull".into()),
        ("/verdict", None, "verdict: is missing: expected holds, violated or inconclusive".into()),
        ("/digest", None, "digest: is missing: expected a string, the digest of the run".into()),
        ("/choices/0/at", None, "choices[0].at: is missing".into()),
        ("/scenario", Some(json!(-1)), format!("scenario: {none}")),
        ("/scenario/name", Some(json!(5)), "scenario.name: expected a string, found 5".into()),
        ("/choices", Some(json!(5)), "choices: expected a list, found 5".into()),
        ("/choices/0", Some(json!(5)), "choices[0]: expected an object with named keys, found 5".into()),
        ("/choices/0", Some(json!(["a", 1])), "choices[0]: expected an object with named keys, found a list".into()),
        (
            "/choices/0/at",
            Some(json!(-1)),
            "choices[0].at: expected a whole number from 0 to 2^32 - 1, found -1".into(),
        ),
        ("/digest", Some(json!(5)), "digest: expected a string, found 5".into()),
    ] {
        let mut broken: Value = serde_json::from_str(text).unwrap();
        let (parent, key) = place.rsplit_once('/').unwrap();
        match value {
            None => _ = broken.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap(),
            Some(value) => *broken.pointer_mut(place).unwrap() = value,
        }
        assert_eq!(Capsule::parse(&broken.to_string()).unwrap_err(), why, "{place}");
    }
}

#[test]
fn the_cause_is_where_the_rate_jumps() {
    let s = cutline::specimen::named("no-alignment").unwrap();
    let (_, case, failure) = failing(s).unwrap();
    let small = shrink(CONTEXT, case, failure).unwrap();
    let found = cause(CONTEXT, &small.case, failure, 40).unwrap();
    assert_eq!(found.rates.last().unwrap().1, 40, "at its end the run has failed, whatever comes");
    assert!(found.rates.iter().any(|(s, _)| *s == found.decided_at));
}

thread_local! {
    static RUNS: Cell<u64> = const { Cell::new(0) };
}

/// Depends on how often it was ever called: what no operator may do.
#[derive(Clone)]
struct Forgetful(u64);

impl Operator for Forgetful {
    fn process(&mut self, _: u32, r: Record, out: &mut Out) {
        self.0 += 1;
        RUNS.set(RUNS.get() + 1);
        let late = RUNS.get() > 30;
        out.emit(Record::new(r.key, if late { 1 } else { 0 }));
    }
    fn state(&self) -> u64 {
        self.0
    }
}

#[test]
fn a_counter_that_is_kept_across_runs_is_found_at_its_step() {
    let job = || {
        JobBuilder::new()
            .source("s", 1, Generator::new(20))
            .operator("forgetful", 1, AnyOperator::custom(Forgetful(0)))
            .sink("t", 1, Sink::default())
            .hash("s", "forgetful")
            .hash("forgetful", "t")
    };
    let plan = Simulation::of(job()).unwrap().plan;
    RUNS.set(0);
    let found = twice(&plan, Mode::Shallow, 1).expect("the second run differs from its 11th record on");
    assert!(found.describe(&plan).contains("forgetful[0]"), "{}", found.describe(&plan));
    assert!(found.step > 1);
    let clean = JobBuilder::new().source("s", 1, Generator::new(20)).sink("t", 1, Sink::default()).hash("s", "t");
    assert_eq!(twice(&Simulation::of(clean).unwrap().plan, Mode::Full, 1), None);
}
