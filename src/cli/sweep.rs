//! `cutline sweep`: many seeds, in parallel. Results come out in order, whatever the number of threads.

use super::args::SweepArgs;
use super::load::{Loaded, load};
use super::output::{Style, run_json};
use super::shard::{Shard, ShardFile};
use super::totals::{Ending, Totals};
use super::{Refusal, Status, heard, say};
use crate::check::{RunVerdict, Situations};
use crate::choice::Seeded;
use crate::engine::Plan;
use crate::search::{RunResult, Runner, run_plan, twice};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How often a thread tells of runs that did not fail (and that are shorter than this).
const EVERY: Duration = Duration::from_millis(20);
/// Every so manieth seed is always run twice, and the digests are compared.
const SAMPLE: u64 = 64;

/// What one run gave: everything that is ever printed of it. (`json`: only if that is wanted.)
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct One {
    /// Its place in the whole sweep: scenario by scenario, seed by seed.
    pub index: u64,
    pub verdict: String,
    pub failure: Option<FailureText>,
    pub steps: u64,
    pub json: String,
    pub situations: BTreeMap<Cow<'static, str>, u64>,
}

/// A failure, in words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FailureText {
    pub property: String,
    pub kind: String,
    pub message: String,
}

/// Which runs a sweep makes.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub first: u64,
    /// Seeds of each scenario.
    pub per: u64,
    /// Runs in all, over all shards.
    pub all: u64,
    pub shard: Shard,
}

impl Range {
    pub fn new(args: &SweepArgs, scenarios: usize) -> Result<Range, Refusal> {
        let per = args.seeds.1 - args.seeds.0;
        let all = per.checked_mul(scenarios as u64).ok_or(Refusal("--seeds: too many".into()))?;
        Ok(Range { first: args.seeds.0, per, all, shard: args.shard.unwrap_or(Shard { index: 1, of: 1 }) })
    }

    /// How many runs are this shard's.
    fn mine(&self) -> u64 {
        let s = &self.shard;
        (self.all + s.of - s.index) / s.of
    }

    /// The place of this shard's n-th run in the whole.
    fn index(&self, n: u64) -> u64 {
        n * self.shard.of + self.shard.index - 1
    }

    /// Scenario and seed of a run.
    pub fn which(&self, index: u64) -> (usize, u64) {
        ((index / self.per) as usize, self.first + index % self.per)
    }
}

/// Sweeps.
pub fn sweep(args: &SweepArgs, style: Style) -> Result<Status, Refusal> {
    let loaded = load(&args.scenarios)?;
    let range = Range::new(args, loaded.len())?;
    let ending = Ending::of(args);
    ending.check()?;
    let mut shard = match (&args.shard, &args.out) {
        (Some(s), Some(dir)) => Some(ShardFile::create(dir, *s, args, &loaded)?),
        (Some(_), None) => return Err(Refusal("--shard: expected --out DIR beside it, for the shard's file".into())),
        _ => None,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let (handler, interrupts) = (stop.clone(), ending.interrupts.clone());
    _ = ctrlc::set_handler(move || {
        interrupts.fetch_add(1, Ordering::SeqCst);
        handler.store(true, Ordering::SeqCst);
    });
    let deadline = args.time.map(|ns| Instant::now() + Duration::from_nanos(ns));
    let jobs = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()), |n| n.get());
    let jobs = (jobs as u64).min(range.mine()); // a thread for each run is enough
    let next = AtomicU64::new(0);
    let started = Instant::now();
    let mut totals = Totals::new(range.all);
    let alone = shard.is_none() && !ending.writes();
    let read = std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel::<Vec<(u64, One)>>(64);
        let (twice, json) = (args.twice, style.json || shard.is_some());
        for _ in 0..jobs {
            let worker = Worker { loaded: &loaded, range, next: &next, stop: &stop, deadline, twice, json };
            let send = send.clone();
            scope.spawn(move || worker.work(&send));
        }
        drop(send);
        let enough = |t: &Totals, read: bool| {
            // What nobody reads, and nothing is written of, is made for nobody.
            let useless = !read && alone;
            let enough = useless || args.failures.is_some_and(|n| t.failures.len() as u64 >= n.get());
            if enough {
                stop.store(true, Ordering::SeqCst);
            }
            enough
        };
        collect(&loaded, range, receive, style, &mut totals, shard.as_mut(), &enough)
    })?;
    eprintln!("{:.1} runs/s", totals.runs as f64 / started.elapsed().as_secs_f64().max(1e-9));
    match shard {
        Some(file) if totals.runs == range.mine() => {
            let path = file.finish()?;
            say(&format!("{}\n", json!({"cutline_shard": path.to_string_lossy(), "runs": totals.runs})))?;
            Ok(totals.status(true))
        }
        Some(_) => Err(Refusal("the shard was ended early: no file is written".into())),
        None if !read && alone => Ok(totals.status(false)),
        None => totals.finish(&loaded, range, style, &ending),
    }
}

struct Worker<'a> {
    loaded: &'a [Loaded],
    range: Range,
    next: &'a AtomicU64,
    stop: &'a AtomicBool,
    deadline: Option<Instant>,
    twice: bool,
    /// Whether the JSON of a run is wanted.
    json: bool,
}

/// A run that is to be made.
#[derive(Clone, Copy)]
struct Turn {
    /// Its place among this shard's runs …
    n: u64,
    /// … and in the whole.
    index: u64,
    /// Its scenario.
    which: usize,
    seed: u64,
}

/// Results are sent a few at a time: runs can be so short that waking the reader would cost as much.
struct Batch<'a> {
    send: &'a mpsc::SyncSender<Vec<(u64, One)>>,
    list: Vec<(u64, One)>,
    sent: Instant,
}

impl Batch<'_> {
    /// `false` if nobody reads any more.
    fn add(&mut self, n: u64, one: One) -> bool {
        let at_once = one.failure.is_some();
        self.list.push((n, one));
        (!at_once && self.sent.elapsed() < EVERY) || self.send()
    }

    fn send(&mut self) -> bool {
        self.sent = Instant::now();
        self.send.send(std::mem::take(&mut self.list)).is_ok()
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.send();
    }
}

impl Worker<'_> {
    fn work(&self, send: &mpsc::SyncSender<Vec<(u64, One)>>) {
        let mut batch = Batch { send, list: Vec::new(), sent: Instant::now() };
        let mut turn = self.next();
        while let Some(Turn { which, .. }) = turn {
            let l = &self.loaded[which];
            let Ok(plan) = l.plan() else { return self.stop.store(true, Ordering::SeqCst) };
            let mut runner = Runner::new(&plan, l.mode);
            while let Some(t) = turn.filter(|t| t.which == which) {
                if !batch.add(t.n, self.one(l, &plan, &mut runner, t)) {
                    return;
                }
                turn = self.next();
            }
        }
    }

    fn next(&self) -> Option<Turn> {
        if self.stop.load(Ordering::Relaxed) || self.deadline.is_some_and(|d| Instant::now() >= d) {
            return None;
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        if n >= self.range.mine() {
            return None;
        }
        let index = self.range.index(n);
        let (which, seed) = self.range.which(index);
        Some(Turn { n, index, which, seed })
    }

    fn one<'p>(&self, l: &Loaded, plan: &'p Plan, runner: &mut Runner<'p>, Turn { index, seed, .. }: Turn) -> One {
        let mut situations = Situations::new(plan.job.graph.tasks.len());
        let r = runner.run_seed(seed, &mut situations);
        let mut json = if self.json { run_json(l, plan, seed, &r) } else { Value::Null };
        let mut verdict = r.report.verdict();
        let mut failure = r.report.violations.first().map(|v| FailureText {
            property: v.property.name().into(),
            kind: v.kind.into(),
            message: v.message.clone(),
        });
        if (self.twice || seed.is_multiple_of(SAMPLE))
            && failure.is_none()
            && let Some(message) = differs(plan, l, seed, &r)
        {
            verdict = RunVerdict::Violated;
            if self.json {
                json["verdict"] = "violated".into();
                json["expected"] = false.into();
                json["violation"] = json!({"property": "determinism", "kind": "differs", "message": message});
            }
            failure = Some(FailureText { property: "determinism".into(), kind: "differs".into(), message });
        }
        One {
            index,
            verdict: verdict.name().into(),
            failure,
            steps: r.steps,
            json: if self.json { json.to_string() } else { String::new() },
            situations: situations.counts().iter().map(|(name, n)| ((*name).into(), *n)).collect(),
        }
    }
}

/// Whether a second run of the seed goes another way, and where.
fn differs(plan: &Plan, l: &Loaded, seed: u64, first: &RunResult) -> Option<String> {
    let again = run_plan(plan, l.mode, &mut Seeded::new(seed), &mut ());
    if again.digest == first.digest {
        return None;
    }
    let told = twice(plan, l.mode, seed).map(|d| d.describe(plan));
    Some(told.unwrap_or_else(|| "two runs of one seed differ, but not whenever it is tried".into()))
}

#[allow(clippy::too_many_arguments)]
fn collect(
    loaded: &[Loaded],
    range: Range,
    receive: mpsc::Receiver<Vec<(u64, One)>>,
    style: Style,
    totals: &mut Totals,
    mut shard: Option<&mut ShardFile>,
    enough: &dyn Fn(&Totals, bool) -> bool,
) -> Result<bool, Refusal> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(range.mine()) } else { ProgressBar::hidden() };
    let form = "{bar:32} {pos}/{len} runs, {per_sec}, {msg}, {eta} left";
    bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("0 failed");
    let mut waiting = BTreeMap::new();
    let (mut turn, mut ended, mut read) = (0, false, true);
    for batch in receive {
        waiting.extend(batch);
        while let Some(one) = waiting.remove(&turn).filter(|_| !ended) {
            let (which, seed) = range.which(one.index);
            let text = totals.take(&loaded[which], seed, &one, style);
            match &mut shard {
                Some(file) => file.add(&one)?,
                None => read &= bar.suspend(|| heard(&text))?,
            }
            bar.set_message(format!("{} failed", totals.verdicts[2]));
            turn += 1;
            bar.inc(1);
            ended = enough(totals, read);
        }
    }
    bar.finish_and_clear();
    Ok(read)
}
