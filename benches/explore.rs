//! Workload X: states and transitions, exactly, how fast, and how much memory the states take.
//!
//! `cargo bench --bench explore`, or one of them: `-- 4,3,1` (which is not among those that run by themselves).
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark measures real time")]

#[allow(dead_code, reason = "each bench uses one of the workloads")]
mod yardsticks;

use cutline::check::{Judge, Mode, Patience};
use cutline::search::explore;
use std::time::Instant;

/// Number of sources, records of each, crashes; and how many states there must be.
const CASES: [(u32, u64, u32, u64); 6] = [
    (3, 3, 0, 25_020),
    (3, 3, 1, 75_060),
    (3, 4, 0, 426_207),
    (3, 4, 1, 1_278_621),
    (4, 3, 0, 1_767_192),
    (4, 3, 1, 5_301_576),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    for (n, r, c, states) in CASES {
        let name = format!("{n},{r},{c}");
        if !words.contains(&name) && (!words.is_empty() || states > 5_000_000) {
            continue;
        }
        let plan = yardsticks::x(n, r, c > 0);
        let start = Instant::now();
        let judge = Judge::new(&plan.job, Mode::Full, &[], Patience::default());
        let found = explore(&plan, judge, u64::MAX);
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "X({name}) states={} transitions={} seconds={seconds:.3} states_per_second={:.0} bytes_per_state={:.1}",
            found.states,
            found.transitions,
            found.states as f64 / seconds,
            found.bytes as f64 / found.states as f64,
        );
        assert!(found.complete && found.violation.is_none(), "{:?}", found.violation);
        assert_eq!(found.states, states, "X({name}) has another number of states");
    }
}
