//! `cutline run`.

use super::args::RunArgs;
use super::files::{Output, TRACE};
use super::load::{Loaded, load};
use super::output::{Style, run_json, run_text};
use super::{Refusal, Status, say};
use crate::check::RunVerdict;
use crate::choice::Seeded;
use crate::engine::Plan;
use crate::graph::Role;
use crate::protocol::Guarantee;
use crate::search::{logs_of, run_plan, run_seed};
use crate::trace::{TraceHeader, TraceWriter};

/// Runs each scenario once.
pub fn run(args: &RunArgs, style: Style) -> Result<Status, Refusal> {
    let loaded = load(&args.scenarios)?;
    if args.trace.is_some() && loaded.len() > 1 {
        return Err(Refusal("--trace: expected a single scenario".into()));
    }
    let mut status = Status::Held;
    for (i, l) in loaded.iter().enumerate() {
        let plan = l.plan()?;
        let seed = args.seed.unwrap_or_else(|| l.own_seed());
        if let Some(path) = &args.trace {
            write_trace(l, &plan, seed, Output::create(path, TRACE)?)?;
        }
        let r = run_seed(&plan, l.mode, seed, &mut ());
        status = status.worse(status_of(r.report.verdict()));
        if style.json {
            say(&format!("{}\n", run_json(l, &plan, seed, &r)))?;
        } else {
            let gap = if i > 0 { "\n" } else { "" };
            say(&format!("{gap}{}", run_text(l, &plan, seed, &r, style)))?;
        }
    }
    Ok(status)
}

/// The exit status of a verdict.
pub fn status_of(v: RunVerdict) -> Status {
    match v {
        RunVerdict::Holds => Status::Held,
        RunVerdict::Inconclusive => Status::Inconclusive,
        RunVerdict::Violated => Status::Violated,
    }
}

/// What the first line of a trace says.
pub fn header(name: &str, plan: &Plan, seed: u64) -> TraceHeader {
    let roles =
        plan.job.graph.operators.iter().map(|o| if o.role == Role::Sink { "idempotent" } else { o.role.name() });
    TraceHeader {
        scenario: name.to_string(),
        seed,
        protocol: plan.variant.name.clone(),
        guarantee: match plan.variant.protocol.guarantee() {
            Guarantee::ExactlyOnce => "exactly-once",
            Guarantee::AtLeastOnce => "at-least-once",
        },
        logs: logs_of(plan),
        symbols: plan.job.spelled.clone(),
        roles: roles.collect(),
    }
}

fn write_trace(l: &Loaded, plan: &Plan, seed: u64, output: Output) -> Result<(), Refusal> {
    let header = header(&l.scenario.name, plan, seed);
    let mut writer = TraceWriter::new(output, &header, &plan.job.graph, plan.job.symbols.clone());
    run_plan(plan, l.mode, &mut Seeded::new(seed), &mut writer);
    writer.finish().map_err(|e| Refusal(format!("--trace: cannot be written: {e}")))?.finish()
}
