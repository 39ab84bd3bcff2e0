//! A failure that a sweep found, made small: recorded, shrunk, told, and put into a capsule.

use super::Refusal;
use super::files::{CAPSULE, Output, directory};
use super::load::Loaded;
use super::totals::{Ending, Group};
use crate::search::{Capsule, Case, Context, Failure, shrink_until, story};
use crate::specimen::Protocols;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A failure made small.
pub struct Minimal {
    pub story: String,
    pub json: Value,
    pub path: Option<PathBuf>,
}

/// Runs the failing seed again under a recorder, and shrinks it.
pub fn minimize(
    l: &Loaded,
    g: &Group,
    property: &str,
    kind: &str,
    ending: &Ending,
    enough: &dyn Fn() -> bool,
) -> Result<Option<Minimal>, Refusal> {
    let seed = g.best.1;
    let Some((case, failure)) = record(l, seed)? else { return Ok(None) };
    if failure.property.name() != property || failure.kind != kind {
        return Ok(None);
    }
    let context = Context { registry: &Protocols, mode: l.mode };
    let (capsule, story, json) = match ending.shrink && !enough() {
        true => shrunk(context, case, failure, seed, enough)?,
        false => as_it_is(context, &case, seed)?,
    };
    let name = format!("{}-{property}-{kind}.json", l.scenario.name);
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '-' }).collect();
    let path = match &ending.out {
        Some(dir) => Some(write(&capsule, dir, &name)?),
        None => None,
    };
    Ok(Some(Minimal { story, json, path }))
}

/// A failing seed as a case, with how it fails. `None` if it does not.
pub fn record(l: &Loaded, seed: u64) -> Result<Option<(Case, Failure)>, Refusal> {
    let context = Context { registry: &Protocols, mode: l.mode };
    let scenario = l.inlined()?;
    let plan = context.plan(&scenario).map_err(|p| Refusal(p.to_string()))?;
    let (r, picks) = context.runner(&plan).record(seed);
    Ok(Failure::of(&r).map(|f| (Case { scenario, picks }, f)))
}

/// The capsule of a case as it was found.
pub fn as_it_is(context: Context<'_>, case: &Case, seed: u64) -> Result<(Capsule, String, Value), Refusal> {
    let plan = context.plan(&case.scenario).map_err(|p| Refusal(p.to_string()))?;
    let (r, ..) = context.runner(&plan).replay(&case.picks);
    Ok((Capsule::new(case, seed, &r, &plan), String::new(), json!({"steps": r.steps, "choices": case.picks.len()})))
}

/// The smallest capsule that fails in the same way, and its story.
pub fn shrunk(
    context: Context<'_>,
    case: Case,
    failure: Failure,
    seed: u64,
    enough: &dyn Fn() -> bool,
) -> Result<(Capsule, String, Value), Refusal> {
    let small = shrink_until(context, case, failure, enough)
        .ok_or(Refusal("[cutline bug] a failure did not come back".into()))?;
    let plan = context.plan(&small.case.scenario).map_err(|p| Refusal(p.to_string()))?;
    let told = story(context, &plan, &small.case.picks);
    let head: String = told.lines().take_while(|l| *l != "step by step:").map(|l| format!("{l}\n")).collect();
    let json = json!({
        "tasks": plan.job.graph.tasks.len(), "steps": small.result.steps, "choices": small.case.picks.len(),
        "snapshots": small.result.report.checkpoints[0], "runs": small.runs,
    });
    Ok((Capsule::new(&small.case, seed, &small.result, &plan), head, json))
}

/// Writes a capsule into a directory.
pub fn write(capsule: &Capsule, dir: &Path, name: &str) -> Result<PathBuf, Refusal> {
    directory(dir)?;
    let path = dir.join(name);
    let mut out = Output::create(&path, CAPSULE)?;
    out.write_all(capsule.text().as_bytes())?;
    out.finish()?;
    Ok(path)
}
