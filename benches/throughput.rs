//! Workload W: events a second, with checks full, shallow and off; and small whole runs a second.
mod yardsticks;

use cutline::check::{Judge, Mode, Patience};
use cutline::choice::Seeded;
use cutline::engine::{Cx, Engine, Plan};
use cutline::search::run_plan;
use cutline::trace::{Outcome, RunDigest};
use cutline::world::{Crash, Target, TimeOrder, When};
use std::time::Instant;

fn once(plan: &Plan, checks: &str) -> (u64, f64) {
    let start = Instant::now();
    let (mut choices, horizon) = (Seeded::new(1), 111_000);
    let mut engine = Engine::new(plan, TimeOrder::new(horizon));
    let outcome = match checks {
        "off" => engine.run(&mut Cx::new(&plan.job.symbols, &mut choices, &mut ())),
        _ => {
            let mode = if checks == "full" { Mode::Full } else { Mode::Shallow };
            let mut observer = (RunDigest::default(), Judge::new(&plan.job, mode, &[], Patience::default()));
            let outcome = engine.run(&mut Cx::new(&plan.job.symbols, &mut choices, &mut observer));
            assert!(observer.1.violations().is_empty(), "{:?}", observer.1.violations());
            outcome
        }
    };
    assert_eq!(outcome, Outcome::Quiet);
    (engine.deliveries(), start.elapsed().as_secs_f64())
}

fn median(mut list: Vec<f64>) -> f64 {
    list.sort_by(f64::total_cmp);
    list[list.len() / 2]
}

fn small_runs() {
    let n = 20_000u64;
    let seconds = (0..3).map(|_| {
        let start = Instant::now();
        for seed in 0..n {
            let mut plan = yardsticks::w(2, 50, 7);
            let at = cutline::base::Time(seed * 7919 % 200_000);
            plan.faults.crashes.push(Crash { target: Target::Task(2 + (seed % 4) as u32), when: When::At(at) });
            let result = run_plan(&plan, Mode::Full, &mut Seeded::new(seed), &mut ());
            assert!(result.report.violations.is_empty(), "{:?}", result.report.violations);
            assert_eq!(result.outcome, Outcome::Quiet);
        }
        start.elapsed().as_secs_f64()
    });
    println!("small runs checks=full runs_per_second={:.0}", n as f64 / median(seconds.collect()));
}

fn main() {
    let only = std::env::args().nth(1).filter(|a| !a.starts_with("--"));
    small_runs();
    for p in [1, 4, 16, 64] {
        for checks in ["off", "shallow", "full"] {
            if only.as_ref().is_some_and(|o| *o != format!("{p}")) {
                continue;
            }
            let plan = yardsticks::w(p, 2_000_000, 1000);
            let rates = (0..3).map(|_| {
                let (events, seconds) = once(&plan, checks);
                events as f64 / seconds / 1e6
            });
            println!("W P={p} checks={checks} million_events_per_second={:.2}", median(rates.collect()));
        }
    }
}
