//! Direct computations: what a job must arrive at, computed from its input without simulating anything.

use super::problem::Problem;
use super::raw::ResultSpec;
use crate::base::Record;
use crate::dataflow::{Behaviour, Collatz, Job, Read, Source, SplitWords};
use crate::engine::ResultCheck;
use std::collections::{BTreeMap, BTreeSet};

/// What the states of an operator must say of each key at the end.
pub(super) fn direct(spec: &ResultSpec, job: &Job) -> Result<ResultCheck, Problem> {
    let place = |name: &str| job.graph.operators.iter().position(|o| o.name == name);
    let missing =
        |field: &str, name: &str| Problem::new(format!("result.{field}"), format!("no operator is called {name:?}"));
    let of = place(&spec.of).ok_or_else(|| missing("of", &spec.of))?;
    let operator = place(&spec.operator).ok_or_else(|| missing("in", &spec.operator))?;
    let Behaviour::Source(source) = &job.behaviours[of] else {
        return Err(Problem::new("result.of", format!("{:?} is no source", spec.of)));
    };
    if spec.kind == "word-count" && !source.symbols().1 {
        let message = format!("words are counted in lines of text, and those of {:?} are numbers", spec.of);
        return Err(Problem::new("result.of", message));
    }
    let mut records = Vec::new();
    for split in 0..source.splits(job.graph.operators[of].parallelism) {
        let mut offset = 0;
        while let Read::Record(r) = source.read(split, offset) {
            records.push(r);
            offset += 1;
        }
    }
    let entries = match spec.kind.as_str() {
        "word-count" => word_count(&records, job),
        "collatz" => collatz(&records),
        "reach" => reach(&records),
        other => {
            let message = format!("expected word-count, collatz or reach, found {other:?}");
            return Err(Problem::new("result.kind", message));
        }
    };
    Ok(ResultCheck { kind: spec.kind.clone(), operator, entries })
}

fn word_count(records: &[Record], job: &Job) -> Vec<(u64, u64)> {
    let mut counts = BTreeMap::new();
    for r in records {
        let text = job.symbols.spell(r.value).unwrap_or_default();
        for word in SplitWords::words(&text) {
            *counts.entry(job.symbols.intern(&word)).or_insert(0) += 1;
        }
    }
    counts.into_iter().collect()
}

fn collatz(records: &[Record]) -> Vec<(u64, u64)> {
    let steps = |mut n: u64| {
        let mut steps = 0;
        while let Some(next) = Collatz::round(n) {
            (n, steps) = (next, steps + 1);
        }
        steps
    };
    let mut sums = BTreeMap::new();
    for r in records {
        *sums.entry(r.key).or_insert(0) += steps(r.value);
    }
    sums.into_iter().collect()
}

fn reach(records: &[Record]) -> Vec<(u64, u64)> {
    let mut reached = BTreeSet::new();
    if records.iter().any(|r| r.key == 0) {
        reached.insert(0);
    }
    loop {
        let new: Vec<u64> = records.iter().filter(|r| reached.contains(&r.key)).map(|r| r.value).collect();
        let before = reached.len();
        reached.extend(new);
        if reached.len() == before {
            return reached.into_iter().map(|v| (v, 1)).collect();
        }
    }
}
