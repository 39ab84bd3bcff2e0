//! `cutline sweep`: many seeds, in parallel. Results are printed in order, whatever the number of threads.

use super::args::SweepArgs;
use super::load::{Loaded, load};
use super::output::{Style, run_json, thousands};
use super::run::status_of;
use super::{Refusal, Status, say};
use crate::check::{Property, RunVerdict, Situations};
use crate::search::run_seed;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What one run gave; small, so that a long sweep needs little memory.
struct One {
    verdict: RunVerdict,
    expected: bool,
    failure: Option<(Property, &'static str, String)>,
    json: Option<String>,
    situations: BTreeMap<&'static str, u64>,
}

/// Counts over all runs.
#[derive(Default)]
struct Totals {
    runs: u64,
    verdicts: [u64; 3],
    situations: BTreeMap<&'static str, u64>,
    failures: BTreeMap<(String, &'static str, &'static str), (u64, u64, String)>,
}

/// Sweeps.
pub fn sweep(args: &SweepArgs, style: Style) -> Result<Status, Refusal> {
    let loaded = load(&args.scenarios)?;
    let (first, end) = args.seeds;
    let per = end - first;
    let all = per.checked_mul(loaded.len() as u64).ok_or(Refusal("--seeds: too many".into()))?;
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let handler = stop.clone();
    _ = ctrlc::set_handler(move || handler.store(true, Ordering::SeqCst));
    let deadline = args.time.map(|ns| Instant::now() + Duration::from_nanos(ns));
    let jobs = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()), |n| n.get());
    let next = AtomicU64::new(0);
    let mut totals = Totals::default();
    let started = Instant::now();
    let done = std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel::<(u64, One)>(1024);
        for _ in 0..jobs {
            let (send, next, stop, loaded) = (send.clone(), &next, &stop, &loaded);
            scope.spawn(move || work(loaded, first, per, all, next, stop, deadline, style.json, &send));
        }
        drop(send);
        collect(&loaded, first, per, all, receive, style, &mut totals)
    })?;
    finish(&loaded, args, &totals, done, all, started.elapsed(), style)
}

#[allow(clippy::too_many_arguments)]
fn work(
    loaded: &[Loaded],
    first: u64,
    per: u64,
    all: u64,
    next: &AtomicU64,
    stop: &AtomicBool,
    deadline: Option<Instant>,
    json: bool,
    send: &mpsc::SyncSender<(u64, One)>,
) {
    let mut plan = None;
    loop {
        if stop.load(Ordering::Relaxed) || deadline.is_some_and(|d| Instant::now() >= d) {
            return;
        }
        let i = next.fetch_add(1, Ordering::Relaxed);
        if i >= all {
            return;
        }
        let (which, seed) = ((i / per) as usize, first + i % per);
        let l = &loaded[which];
        if plan.as_ref().is_none_or(|(w, _)| *w != which) {
            let Ok(made) = l.plan() else { return stop.store(true, Ordering::SeqCst) };
            plan = Some((which, made));
        }
        let Some((_, plan)) = &plan else { return };
        let mut situations = Situations::new(plan.job.graph.tasks.len());
        let r = run_seed(plan, l.mode, seed, &mut situations);
        let failure = r.report.violations.first().map(|v| (v.property, v.kind, v.message.clone()));
        let one = One {
            verdict: r.report.verdict(),
            expected: l.expected(&r),
            failure,
            json: json.then(|| run_json(l, plan, seed, &r).to_string()),
            situations: situations.counts().clone(),
        };
        if send.send((i, one)).is_err() {
            return;
        }
    }
}

fn collect(
    loaded: &[Loaded],
    first: u64,
    per: u64,
    all: u64,
    receive: mpsc::Receiver<(u64, One)>,
    style: Style,
    totals: &mut Totals,
) -> Result<u64, Refusal> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(all) } else { ProgressBar::hidden() };
    let form = "{bar:32} {pos}/{len} runs, {per_sec}, {msg}, {eta} left";
    bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("0 failed");
    let mut waiting = BTreeMap::new();
    let mut turn = 0;
    for (i, one) in receive {
        waiting.insert(i, one);
        while let Some(one) = waiting.remove(&turn) {
            let (l, seed) = (&loaded[(turn / per) as usize], first + turn % per);
            let line = totals.take(l, seed, &one, style);
            if let Some(line) = line {
                bar.suspend(|| say(&line))?;
            }
            if one.failure.is_some() {
                bar.set_message(format!("{} failed", totals.verdicts[2]));
            }
            turn += 1;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(turn)
}

impl Totals {
    /// Counts a run; what is to be printed of it.
    fn take(&mut self, l: &Loaded, seed: u64, one: &One, style: Style) -> Option<String> {
        self.runs += 1;
        self.verdicts[one.verdict as usize] += 1;
        for (&name, &n) in &one.situations {
            *self.situations.entry(name).or_insert(0) += n;
        }
        if let Some((property, kind, message)) = &one.failure {
            let key = (l.file.to_string_lossy().into_owned(), property.name(), *kind);
            self.failures.entry(key).or_insert((0, seed, message.clone())).0 += 1;
        }
        if style.json {
            return one.json.as_ref().map(|j| format!("{j}\n"));
        }
        match (&one.failure, one.verdict) {
            (Some((property, _, message)), _) => Some(format!(
                "seed {seed}: {} {}: {message}\n{}\n",
                property.name(),
                style.verdict("violated"),
                l.command(seed)
            )),
            (None, RunVerdict::Inconclusive) => {
                Some(format!("seed {seed}: {}\n{}\n", style.verdict("inconclusive"), l.command(seed)))
            }
            _ => None,
        }
    }
}

fn finish(
    loaded: &[Loaded],
    args: &SweepArgs,
    totals: &Totals,
    done: u64,
    all: u64,
    took: Duration,
    style: Style,
) -> Result<Status, Refusal> {
    let [held, inconclusive, violated] = totals.verdicts;
    let per = args.seeds.1 - args.seeds.0;
    let missed: Vec<&Loaded> = (0u64..)
        .zip(loaded)
        .filter(|(i, l)| done >= (i + 1) * per && !as_expected(l, totals))
        .map(|(_, l)| l)
        .collect();
    if style.json {
        let failures: Vec<Value> = totals.failures.iter().map(|((file, property, kind), (n, seed, message))| {
            json!({"scenario": file, "property": property, "kind": kind, "count": n, "first_seed": seed, "message": message})
        }).collect();
        let summary = json!({
            "cutline_sweep": 1, "runs": totals.runs, "complete": done == all, "holds": held, "violated": violated,
            "inconclusive": inconclusive, "expected": missed.is_empty(), "failures": failures,
            "situations": totals.situations,
        });
        say(&format!("{summary}\n"))?;
    } else {
        let mut t =
            format!("{} runs: {held} hold, {violated} violated, {inconclusive} inconclusive", thousands(totals.runs));
        if done < all {
            t += &format!("; stopped before {} of {}", thousands(all - done), thousands(all));
        }
        for ((file, property, kind), (n, seed, _)) in &totals.failures {
            t += &format!("\n  {file}: {property} ({kind}) in {n} run(s), first in seed {seed}");
        }
        if violated + inconclusive == 0 && totals.runs > 0 {
            t += &format!(
                "\n  the rate of failing runs is below {:.4} % (at 95 %: 3 / {})",
                300.0 / totals.runs as f64,
                totals.runs
            );
        }
        for l in &missed {
            t += &format!("\n  {}: not what the scenario expects", l.file.display());
        }
        say(&format!("{t}\n"))?;
        eprintln!("{:.1} runs/s", totals.runs as f64 / took.as_secs_f64().max(1e-9));
    }
    let verdicts =
        [(held, RunVerdict::Holds), (inconclusive, RunVerdict::Inconclusive), (violated, RunVerdict::Violated)];
    let status = verdicts.iter().filter(|v| v.0 > 0).fold(Status::Held, |s, v| s.worse(status_of(v.1)));
    Ok(if done < all { status.worse(Status::Inconclusive) } else { status })
}

/// A scenario that expects `violated` is as expected when some seed violates that property.
fn as_expected(l: &Loaded, totals: &Totals) -> bool {
    let (verdict, property) = l.expectation();
    let file = l.file.to_string_lossy();
    let mut failures = totals.failures.keys().filter(|k| k.0 == file);
    match verdict {
        RunVerdict::Violated => failures.any(|k| property.is_none_or(|p| p == k.1)),
        _ => failures.next().is_none(),
    }
}
