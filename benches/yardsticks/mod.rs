//! The workloads W and X as plans.

use cutline::base::Record;
use cutline::dataflow::{Countdown, Generator, JobBuilder, KeyBy, KeyedCount, Sink};
use cutline::engine::{Pace, Plan};
use cutline::graph::{BackEdges, Partition};
use cutline::world::{Crash, Delay, Target, When};

const _: fn() -> Record = Record::default;

/// W: P sources => P keyed counts => P sinks, `records` in all, a barrier every `every` records of a source.
pub fn w(p: u32, records: u64, every: u64) -> Plan {
    w_of(4096, p, records, every)
}

/// The small run: W with P = 2, 50 records of 64 keys, 3 barriers. (The crash is another one each time.)
pub fn small() -> Plan {
    w_of(64, 2, 50, 7)
}

fn w_of(keys: u64, p: u32, records: u64, every: u64) -> Plan {
    let per = records / p as u64;
    let source = Generator { keys: KeyBy::Uniform(keys), silent: true, ..Generator::new(per) };
    let job = JobBuilder::new()
        .source("source", p, source)
        .operator("count", p, KeyedCount::default())
        .sink("sink", p, Sink::default())
        .edge("source", "count", Partition::Hash { salt: 1 })
        .edge("count", "sink", Partition::Hash { salt: 2 })
        .build(BackEdges::Refused)
        .expect("W is valid");
    let mut plan = Plan::new("W", job);
    plan.delays.iter_mut().for_each(|d| *d = Delay::uniform(10_000, 110_000));
    plan.paces.iter_mut().for_each(|pace| *pace = Pace { every: 1000, start: 0 });
    plan.checkpoints.at = (1..=per / every).map(|k| k * every).collect();
    plan.max_steps = u64::MAX;
    plan
}

/// W with a back-edge: P sources => P loop heads => P sinks; each record goes round three times, through a shuffle.
pub fn w_loop(p: u32, records: u64, every: u64) -> Plan {
    let per = records / p as u64;
    let source = Generator { keys: KeyBy::Uniform(4096), values: (3, 3), silent: true, ..Generator::new(per) };
    let job = JobBuilder::new()
        .source("source", p, source)
        .operator("head", p, Countdown::new(1, 0, 2))
        .sink("sink", p, Sink::default())
        .edge("source", "head", Partition::Hash { salt: 1 })
        .edge("head", "sink", Partition::Hash { salt: 2 })
        .edge("head", "head", Partition::Hash { salt: 3 })
        .build(BackEdges::JobGraph)
        .expect("W with a loop is valid");
    let mut plan = Plan::new("W with a loop", job);
    plan.delays.iter_mut().for_each(|d| *d = Delay::uniform(10_000, 110_000));
    plan.paces.iter_mut().for_each(|pace| *pace = Pace { every: 1000, start: 0 });
    plan.checkpoints.at = (1..=per / every).map(|k| k * every).collect();
    plan.max_steps = u64::MAX;
    plan
}

/// X(n, r, c): n sources of r records, one barrier after ⌊r/2⌋, an aligned count, a sink; with c, one crash.
pub fn x(n: u32, r: u64, crash: bool) -> Plan {
    let source = Generator { keys: KeyBy::Split, values: (1, 1), silent: true, ..Generator::new(r) };
    let job = JobBuilder::new()
        .source("source", n, source)
        .operator("task", 1, KeyedCount::default())
        .sink("sink", 1, Sink::default())
        .edge("source", "task", Partition::Rebalance)
        .edge("task", "sink", Partition::Forward)
        .build(BackEdges::Refused)
        .expect("X is valid");
    let mut plan = Plan::new("X", job);
    plan.checkpoints.at = vec![r / 2];
    if crash {
        plan.faults.crashes.push(Crash { target: Target::Task(n), when: When::Anytime });
    }
    plan
}
