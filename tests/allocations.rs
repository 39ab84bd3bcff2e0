//! Nothing is allocated per event: a run that is ten times as long allocates no more. (A snapshot may allocate: it is a
//! copy. So there are none here.) And what one run leaves for the next does not pile up.

#[allow(dead_code, reason = "shared with the benches")]
#[path = "../benches/yardsticks/mod.rs"]
mod yardsticks;

use cutline::base::{Ratio, Time};
use cutline::check::{Judge, Mode, Patience};
use cutline::choice::Seeded;
use cutline::engine::{Cx, Engine};
use cutline::search::Runner;
use cutline::trace::{Observer, Outcome, RunDigest};
use cutline::world::{Crash, Target, TimeOrder, When};

/// How often a run of so many records allocates, with or without a judge.
fn allocations(records: u64, checks: Option<Mode>) -> u64 {
    let plan = yardsticks::w(2, records, u64::MAX);
    let judge = |mode| Judge::new(&plan.job, mode, &[], Patience::default());
    let mut observer = checks.map(|mode| (RunDigest::default(), judge(mode)));
    let info = allocation_counter::measure(|| {
        let mut choices = Seeded::new(1);
        let mut engine = Engine::new(&plan, TimeOrder::new(111_000));
        let outcome = engine.run(&mut Cx::new(&plan.job.symbols, &mut choices, &mut observer));
        assert_eq!((outcome, engine.deliveries()), (Outcome::Quiet, 2 * records));
    });
    assert!(!observer.stop());
    info.count_total
}

#[test]
fn nothing_is_allocated_for_an_event() {
    for checks in [None, Some(Mode::Shallow), Some(Mode::Full)] {
        let (short, long) = (allocations(50_000, checks), allocations(500_000, checks));
        println!("{checks:?}: {short} allocations for 100,000 deliveries, {long} for 1,000,000");
        assert!(short > 0, "the counter counts");
        // The queue grows with its fullest moment, which a longer run may reach a little higher.
        assert!(long <= short + 8, "{checks:?}: {short} allocations became {long}");
    }
}

/// How many more pieces of memory are held after `runs` runs than before them, by one runner that has warmed up.
fn piled_up(specimen: Option<&str>, runs: u64) -> i64 {
    let mut plan = yardsticks::w_loop(2, 60, 10);
    let when = When::Rate { ratio: Ratio { num: 1, den: 30 }, most: 5, until: Time(u64::MAX) };
    plan.faults.crashes = vec![Crash { target: Target::Any, when }];
    if let Some(name) = specimen {
        cutline::specimen::named(name).unwrap().apply(&mut plan);
    }
    let mut runner = Runner::new(&plan, Mode::Shallow);
    let mut restarts = 0;
    let mut run = |seed| restarts += runner.run(&mut Seeded::new(seed), &mut ()).report.attempts - 1;
    (0..200).for_each(&mut run);
    let info = allocation_counter::measure(|| (200..200 + runs).for_each(&mut run));
    assert!(restarts > runs, "{restarts} restarts: too few to tell");
    info.count_current
}

#[test]
fn what_runs_leave_behind_does_not_pile_up() {
    // A client of the store hands on copies of its own.
    for specimen in [None, Some("log-replayed-twice")] {
        let more = piled_up(specimen, 400);
        println!("{specimen:?}: {more} more after 400 runs");
        assert!(more < 150, "{specimen:?}: {more} more pieces of memory are held");
    }
}
