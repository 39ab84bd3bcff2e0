//! Workload W: events a second, with checks full, shallow and off; whole small runs a second; and that neither
//! speed nor memory depends on the length of a run.
//!
//! `cargo bench --bench throughput`, or a part of it: `-- 4`, `-- 64 full`, `-- small`, `-- flat`, `-- loop`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark measures real time")]

#[allow(dead_code, reason = "each bench uses one of the workloads")]
mod yardsticks;

use cutline::base::Time;
use cutline::check::{Judge, Mode, Patience};
use cutline::choice::Seeded;
use cutline::engine::{Cx, Engine, Plan};
use cutline::search::{RunResult, Runner, logs_of, run_plan};
use cutline::trace::{Outcome, RunDigest};
use cutline::world::{Crash, Faults, Target, TimeOrder, When};
use std::time::Instant;

/// One run of W: million events a second.
fn once(plan: &Plan, checks: &str) -> f64 {
    let start = Instant::now();
    let mut choices = Seeded::new(1);
    let mut engine = Engine::new(plan, TimeOrder::new(111_000));
    let outcome = match checks {
        "off" => engine.run(&mut Cx::new(&plan.job.symbols, &mut choices, &mut ())),
        _ => {
            let mode = if checks == "full" { Mode::Full } else { Mode::Shallow };
            let logs = logs_of(plan);
            let mut observer = (RunDigest::default(), Judge::new(&plan.job, mode, &logs, Patience::default()));
            let outcome = engine.run(&mut Cx::new(&plan.job.symbols, &mut choices, &mut observer));
            assert!(observer.1.violations().is_empty(), "{:?}", observer.1.violations());
            outcome
        }
    };
    assert_eq!(outcome, Outcome::Quiet);
    engine.deliveries() as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn median(list: impl Iterator<Item = f64>) -> f64 {
    let mut list: Vec<_> = list.collect();
    list.sort_by(f64::total_cmp);
    list[list.len() / 2]
}

/// Whole runs of 50 records with a crash and a restart, all checks on: one after another in the same memory, as a sweep
/// makes them; and with everything allocated anew for each.
fn small_runs() {
    let n = 20_000u64;
    let crash = |seed: u64| {
        let when = When::At(Time(seed * 7919 % 200_000));
        vec![Crash { target: Target::Task(2 + (seed % 4) as u32), when }]
    };
    let mut plan = yardsticks::small();
    let faults: Vec<_> = (0..n).map(|seed| Faults { crashes: crash(seed), ..Faults::default() }).collect();
    let rate = |run: &mut dyn FnMut(u64) -> RunResult| {
        let start = Instant::now();
        for seed in 0..n {
            let result = run(seed);
            assert!(result.report.violations.is_empty(), "{:?}", result.report.violations);
            assert_eq!(result.outcome, Outcome::Quiet);
        }
        n as f64 / start.elapsed().as_secs_f64()
    };
    let mut runner = Runner::new(&plan, Mode::Full);
    let mut again = |seed: u64| runner.run_under(&faults[seed as usize], &mut Seeded::new(seed), &mut ());
    println!("small runs checks=full runs_per_second={:.0}", median((0..5).map(|_| rate(&mut again))));
    let mut anew = |seed: u64| {
        plan.faults.crashes = crash(seed);
        run_plan(&plan, Mode::Full, &mut Seeded::new(seed), &mut ())
    };
    println!("small runs checks=full memory=anew runs_per_second={:.0}", median((0..5).map(|_| rate(&mut anew))));
}

/// The most memory the process ever had, in MiB, where the system says so.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// Ten times and a hundred times as long.
fn flat() {
    for records in [100_000, 1_000_000, 10_000_000] {
        let plan = yardsticks::w(4, records, 1000);
        let rate = median((0..3).map(|_| once(&plan, "full")));
        let peak = peak().map_or("unknown".to_string(), |mib| format!("{mib:.1}"));
        println!("W P=4 checks=full records={records} million_events_per_second={rate:.2} peak_mib={peak}");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|w| w == name);
    if wanted("flat") {
        flat(); // first: the peak is the process's
    }
    if wanted("small") {
        small_runs();
    }
    for p in [1, 4, 16, 64] {
        let checks = ["off", "shallow", "full"];
        let some = words.iter().any(|w| checks.contains(&&w[..]));
        for checks in checks.into_iter().filter(|c| wanted(&p.to_string()) && (!some || wanted(c))) {
            let plan = yardsticks::w(p, 2_000_000, 1000);
            let rate = median((0..5).map(|_| once(&plan, checks)));
            println!("W P={p} checks={checks} million_events_per_second={rate:.2}");
        }
    }
    if wanted("loop") {
        for checks in ["off", "full"] {
            let plan = yardsticks::w_loop(4, 500_000, 1000);
            let rate = median((0..5).map(|_| once(&plan, checks)));
            println!("W-loop P=4 checks={checks} million_events_per_second={rate:.2}");
        }
    }
}
