//! The claim that carries everything: one engine, behind one trait of choices, runs by time, replays a tape, and
//! is explored exhaustively, under one judge.

#[path = "../benches/yardsticks/mod.rs"]
#[allow(dead_code)]
mod yardsticks;

use cutline::base::{Digester, Time};
use cutline::check::{Judge, Mode, Monitor, Patience, RunVerdict};
use cutline::choice::{Odometer, Picked, Recorder, Seeded, Tape};
use cutline::engine::{Engine, Plan, Workbench};
use cutline::prelude::*;
use cutline::search::{explore, logs_of, run_plan};
use cutline::trace::{At, Fact, Observer, RunDigest, TraceHeader, TraceWriter};
use cutline::world::{AnyOrder, Crash, Delay, Point, Target, When};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

fn states(n: u32, r: u64, crash: bool) -> (u64, u64) {
    let plan = yardsticks::x(n, r, crash);
    let judge = Judge::new(&plan.job, Mode::Full, &[], Patience::default());
    let found = explore(&plan, judge, u64::MAX);
    assert!(found.complete, "the search was cut off");
    assert_eq!(found.violation, None);
    (found.states, found.transitions)
}

#[test]
fn x_has_exactly_the_published_states() {
    assert_eq!(states(3, 3, false), (25_020, 89_427));
    assert_eq!(states(3, 3, true), (75_060, 288_279));
    assert_eq!(states(3, 4, false).0, 426_207);
}

/// The larger ones take seconds to minutes: `cargo test --release --test spine -- --ignored`, or the bench.
#[test]
#[ignore = "takes half a minute; cargo bench --bench explore does the same"]
fn x_has_exactly_the_published_states_where_it_is_large() {
    assert_eq!(states(4, 3, false).0, 1_767_192);
    assert_eq!(states(3, 4, true).0, 1_278_621);
}

#[test]
fn the_explorer_finds_the_variant_without_alignment() {
    let mut plan = yardsticks::x(3, 3, false);
    cutline::specimen::named("no-alignment").unwrap().apply(&mut plan);
    let judge = Judge::new(&plan.job, Mode::Full, &[], Patience::default());
    let found = explore(&plan, judge, u64::MAX);
    assert_eq!(found.violation.unwrap().property, Property::ConsistentCut);
}

/// The explorer without anything that makes it fast, and breadth first: states, transitions and ends.
fn explored_plainly(plan: &Plan) -> (u64, u64, u64) {
    let digest = |e: &Engine<AnyOrder>, j: &Judge| {
        Digester::default().digest(|d| {
            e.digest(d);
            j.digest(d);
        })
    };
    let judge = Judge::new(&plan.job, Mode::Full, &logs_of(plan), Patience::default());
    let first = (Engine::new(plan, AnyOrder), judge);
    let mut seen = BTreeSet::from([digest(&first.0, &first.1)]);
    let (mut queue, mut transitions, mut ends) = (VecDeque::from([first]), 0, 0);
    while let Some((engine, judge)) = queue.pop_front() {
        ends += (engine.at_rest() || engine.outcome().is_some()) as u64;
        let mut odometer = Odometer::default();
        loop {
            let (mut e, mut j) = (engine.clone(), judge.clone());
            Workbench::new(&plan.job.symbols).step(&mut e, &mut odometer, &mut j);
            assert!(!j.stop(), "{:?}", j.violations());
            if e.steps() == engine.steps() {
                break; // nothing was enabled
            }
            transitions += 1;
            if seen.insert(digest(&e, &j)) {
                queue.push_back((e, j));
            }
            if !odometer.advance() {
                break;
            }
        }
    }
    (seen.len() as u64, transitions, ends)
}

#[test]
fn nothing_that_makes_the_explorer_fast_changes_what_it_finds() {
    let small = |records, write: Option<Delay>, faults: Vec<When>| {
        let job = JobBuilder::new()
            .source("a", 1, Generator::new(records))
            .operator("count", 1, KeyedCount::default())
            .sink("sink", 1, TableSink::default())
            .hash("a", "count")
            .hash("count", "sink");
        let mut plan = Simulation::of(job).unwrap().checkpoint_every("9us").plan;
        plan.write = write;
        plan.faults.crashes = faults.into_iter().map(|when| Crash { target: Target::Task(1), when }).collect();
        plan
    };
    let mut lettered = small(1, None, Vec::new());
    lettered.control = Some(Delay::Constant(1));
    (lettered.checkpoints.every, lettered.checkpoints.at) = (None, vec![1]);
    let mut several = yardsticks::w_loop(1, 1, 1);
    several.faults.crashes = vec![Crash { target: Target::Task(1), when: When::Anytime }];
    for plan in [
        yardsticks::x(2, 2, true),
        small(1, Some(Delay::Constant(1)), vec![When::Anytime]),
        small(2, None, vec![When::Anytime]),
        small(2, None, vec![When::Event { nth: 2 }]),
        small(2, None, vec![When::Point { point: Point::AcknowledgedToCompleted, nth: 1 }]),
        lettered,
        several,
    ] {
        let judge = Judge::new(&plan.job, Mode::Full, &logs_of(&plan), Patience::default());
        let found = explore(&plan, judge, u64::MAX);
        assert!(found.complete && found.violation.is_none(), "{:?}", found.violation);
        assert_eq!((found.states, found.transitions, found.ends), explored_plainly(&plan), "{:?}", plan.faults.crashes);
    }
}

#[test]
fn a_search_that_ran_into_the_limit_of_steps_is_not_complete() {
    let mut plan = yardsticks::x(2, 2, false);
    let explored = |plan: &Plan| {
        let judge = Judge::new(&plan.job, Mode::Full, &[], Patience::default());
        explore(plan, judge, u64::MAX)
    };
    let whole = explored(&plan);
    assert!(whole.complete);
    for most in [1, 3, 8] {
        plan.max_steps = most;
        let found = explored(&plan);
        assert!(!found.complete && found.states < whole.states, "{most} steps");
    }
}

/// A small job with everything that asks for choices.
fn busy(protocol: Option<&str>) -> Plan {
    let job = JobBuilder::new()
        .source("a", 2, Generator::new(60))
        .source("b", 1, Generator::new(90))
        .operator("fold", 3, KeyedFold::default())
        .sink("sink", 2, TableSink::default())
        .hash("a", "fold")
        .hash("b", "fold")
        .hash("fold", "sink");
    let mut plan = Simulation::of(job).unwrap().checkpoint_every("9us").in_flight(3).plan;
    plan.write = Some(Delay::uniform(1_000, 30_000));
    plan.control = Some(Delay::Exponential { min: 100, mean: 2_000 });
    let any = |point, nth| Crash { target: Target::Any, when: When::Point { point, nth } };
    plan.faults.crashes = vec![any(Point::CopyToBroadcast, 9), any(Point::Restore, 3)];
    plan.faults.crashes.push(Crash { target: Target::Node(1), when: When::At(Time(150_000)) });
    if let Some(name) = protocol {
        cutline::specimen::named(name).unwrap().apply(&mut plan);
    }
    plan
}

/// Verdict, digest and trace of a run.
fn traced(plan: &Plan, choices: &mut impl cutline::choice::Choices) -> (RunVerdict, u64, Vec<u8>) {
    let header = TraceHeader {
        scenario: "busy".into(),
        seed: 0,
        protocol: "abs".into(),
        guarantee: "exactly-once",
        logs: Vec::new(),
        symbols: plan.job.spelled.clone(),
        roles: vec!["operator"; plan.job.graph.operators.len()],
    };
    let mut writer = TraceWriter::new(Vec::new(), &header, &plan.job.graph, plan.job.symbols.clone());
    let r = run_plan(plan, Mode::Full, choices, &mut writer);
    (r.report.verdict(), r.digest, writer.finish().unwrap())
}

fn recorded(plan: &Plan, seed: u64) -> ((RunVerdict, u64, Vec<u8>), Vec<Picked>) {
    let mut recorder = Recorder::new(Seeded::new(seed));
    let run = traced(plan, &mut recorder);
    (run, recorder.picks)
}

#[test]
fn a_failing_seed_comes_back_from_its_tape_alone() {
    let plan = busy(Some("no-alignment"));
    let failing = (0..200).find(|&s| traced(&plan, &mut Seeded::new(s)).0 == RunVerdict::Violated);
    let seed = failing.expect("a failing seed");
    let plain = traced(&plan, &mut Seeded::new(seed));
    let (run, picks) = recorded(&plan, seed);
    assert_eq!(run, plain, "recording changes nothing");
    let mut tape = Tape::new(&picks);
    assert_eq!(traced(&plan, &mut tape), plain, "the tape alone gives the same, to the byte");
    assert_eq!(tape.divergence(), None);
}

#[test]
fn a_tape_with_a_choice_zeroed_still_runs_and_says_where_it_differs() {
    let plan = busy(None);
    let (run, picks) = recorded(&plan, 7);
    let (mut other, mut said) = (0, 0);
    for i in (0..picks.len()).step_by(picks.len() / 40 + 1) {
        let mut zeroed = picks.clone();
        let gone = zeroed.remove(i);
        let mut tape = Tape::new(&zeroed);
        let (verdict, digest, _) = traced(&plan, &mut tape);
        assert_eq!(verdict, RunVerdict::Holds);
        other += (digest != run.1) as u32;
        if let Some(d) = tape.divergence() {
            assert!(d.recorded.position > gone.position, "they part after the choice that was zeroed");
            said += 1;
        }
    }
    assert!(other > 5 && said > 5, "{other} runs went another way, {said} tapes said where");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let plan = busy(None);
    for seed in 0..20 {
        let (a, b) = (traced(&plan, &mut Seeded::new(seed)), traced(&plan, &mut Seeded::new(seed)));
        assert_eq!(a, b);
        assert_eq!(a.0, RunVerdict::Holds, "seed {seed}");
        let untraced = run_plan(&plan, Mode::Full, &mut Seeded::new(seed), &mut ());
        assert_eq!(untraced.digest, a.1, "listening changes nothing");
    }
    let shallow = run_plan(&plan, Mode::Shallow, &mut Seeded::new(1), &mut RunDigest::default());
    assert_eq!(shallow.digest, run_plan(&plan, Mode::Full, &mut Seeded::new(1), &mut ()).digest);
}

/// Per channel, the numbers of the records sent and taken last, since everything began or restarted.
#[derive(Default)]
struct Transit {
    sent: BTreeMap<u32, u64>,
    taken: BTreeMap<u32, u64>,
    discarded: usize,
}

impl Observer for Transit {
    fn see(&mut self, _: At, fact: Fact<'_>) {
        match fact {
            Fact::Sent { channel, seq, .. } => _ = self.sent.insert(channel, seq),
            Fact::Processed { channel, seq, .. } => _ = self.taken.insert(channel, seq),
            Fact::Discarded { channel, seq, .. } => {
                let before = self.taken.insert(channel, seq);
                assert!(before.is_none_or(|before| before + 1 == seq), "channel {channel}: {before:?}, then {seq}");
                self.discarded += 1;
            }
            Fact::Restored { .. } => {
                for (channel, seq) in std::mem::take(&mut self.sent) {
                    assert_eq!(self.taken.get(&channel), Some(&seq), "channel {channel}");
                }
                self.taken.clear();
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_in_transit_at_a_restart_is_discarded_once_and_in_order() {
    let plan = busy(None);
    let mut transit = Transit::default();
    for seed in 0..50 {
        (transit.sent, transit.taken) = Default::default();
        run_plan(&plan, Mode::Full, &mut Seeded::new(seed), &mut transit);
    }
    assert!(transit.discarded > 1_000, "{}", transit.discarded);
}

/// The digest of one run, fixed: debug and release builds, and machines, agree on it.
#[test]
fn the_digest_of_a_run_is_fixed() {
    let run = run_plan(&busy(None), Mode::Full, &mut Seeded::new(1), &mut ());
    assert_eq!(format!("{:016x}", run.digest), include_str!("golden/busy-seed-1.digest").trim());
}
