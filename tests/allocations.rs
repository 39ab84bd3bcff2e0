//! Nothing is allocated per event: a run that is ten times as long allocates no more. (A snapshot may allocate: it is a
//! copy. So there are none here.)

#[allow(dead_code, reason = "shared with the benches")]
#[path = "../benches/yardsticks/mod.rs"]
mod yardsticks;

use cutline::check::{Judge, Mode, Patience};
use cutline::choice::Seeded;
use cutline::engine::{Cx, Engine};
use cutline::trace::{Observer, Outcome, RunDigest};
use cutline::world::TimeOrder;

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
