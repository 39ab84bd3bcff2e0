//! Workload X: states and transitions, exactly, and how fast.
mod yardsticks;

use cutline::check::{Judge, Mode, Patience};
use cutline::search::explore;
use std::time::Instant;

fn main() {
    for (n, r, crash) in [(3, 3, false), (3, 3, true), (3, 4, false), (3, 4, true), (4, 3, false)] {
        let plan = yardsticks::x(n, r, crash);
        let start = Instant::now();
        let judge = Judge::new(&plan.job, Mode::Full, &[], Patience::default());
        let found = explore(&plan, judge, u64::MAX);
        let seconds = start.elapsed().as_secs_f64();
        let c = crash as u32;
        println!(
            "X({n},{r},{c}) states={} transitions={} seconds={seconds:.3} kstates_per_second={:.0} complete={} violated={}",
            found.states,
            found.transitions,
            found.states as f64 / seconds / 1e3,
            found.complete,
            found.violation.is_some()
        );
        if let Some(v) = found.violation {
            println!("  {}", v.message);
        }
    }
}
