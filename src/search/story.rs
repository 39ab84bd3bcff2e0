//! A small failing run, told: what it is, which choices were not dull, and step by step what happened.

use super::case::Context;
use crate::base::{Record, format_ns};
use crate::choice::{Choices, Kind, Odds, Picked, Site, Tape};
use crate::engine::Plan;
use crate::search::{RunResult, run_plan};
use crate::trace::{At, Fact, Observer};
use std::cell::Cell;
use std::fmt::Write;

/// The most steps that are told one by one.
const TOLD: usize = 120;

/// Notes at which step each choice was made.
struct Noting<'a, C> {
    inner: C,
    step: &'a Cell<u64>,
    made: Vec<(u64, Site, u32, u32)>,
}

impl<C: Choices> Choices for Noting<'_, C> {
    fn choose(&mut self, site: Site, odds: Odds) -> u32 {
        let picked = self.inner.choose(site, odds);
        if picked != 0 {
            self.made.push((self.step.get(), site, odds.options(), picked));
        }
        picked
    }
}

/// Notes what happened, in words.
struct Telling<'a> {
    step: &'a Cell<u64>,
    plan: &'a Plan,
    lines: Vec<(At, String)>,
}

impl Observer for Telling<'_> {
    fn see(&mut self, at: At, fact: Fact<'_>) {
        self.step.set(at.step);
        if let Some(line) = tell(self.plan, &fact) {
            self.lines.push((at, line));
        }
    }
}

fn tell(plan: &Plan, fact: &Fact<'_>) -> Option<String> {
    use Fact::*;
    let g = &plan.job.graph;
    let task = |t: u32| g.tasks[t as usize].name.as_str();
    let channel = |c: u32| g.spell_channel(c);
    Some(match *fact {
        Read { task: t, split, offset, .. } => format!("{} reads record {offset} of split {split}", task(t)),
        Sent { channel: c, seq, record, .. } => {
            format!("{} carries record {seq}: {}", channel(c), spelled(plan, c, record))
        }
        Processed { channel: c, seq, task: t, .. } => format!("{} processes record {seq} of {}", task(t), channel(c)),
        BarrierSent { channel: c, epoch, .. } => format!("{} carries barrier {epoch}", channel(c)),
        BarrierReceived { task: t, channel: Some(c), epoch, .. } => {
            format!("{} receives barrier {epoch} on {}", task(t), channel(c))
        }
        BarrierReceived { task: t, epoch, .. } => format!("{} is triggered for snapshot {epoch}", task(t)),
        Blocked { task: t, channel: c, epoch, .. } => format!("{} blocks {} for snapshot {epoch}", task(t), channel(c)),
        Unblocked { task: t, channel: c, .. } => format!("{} unblocks {}", task(t), channel(c)),
        Copied { task: t, epoch, .. } => format!("{} copies its state for snapshot {epoch}", task(t)),
        Logged { task: t, epoch, channel: c, seq, .. } => {
            format!("{} logs record {seq} of {} for snapshot {epoch}", task(t), channel(c))
        }
        Acknowledged { task: t, epoch, .. } => format!("{} acknowledges snapshot {epoch}", task(t)),
        Declined { task: t, epoch, .. } => format!("{} declines snapshot {epoch}", task(t)),
        Triggered { epoch } => format!("the coordinator triggers snapshot {epoch}"),
        Completed { epoch } => format!("snapshot {epoch} is complete"),
        Aborted { epoch, reason } => format!("snapshot {epoch} is aborted: {reason}"),
        Crashed { task: t, .. } => format!("{} crashes", task(t)),
        EndReceived { task: t, channel: c, .. } => format!("{} receives the end of {}", task(t), channel(c)),
        CancelSent { channel: c, epoch, .. } => format!("{} carries a cancel marker for {epoch}", channel(c)),
        CancelReceived { task: t, channel: c, epoch, .. } => {
            format!("{} receives a cancel marker for {epoch} on {}", task(t), channel(c))
        }
        Restarting { epoch: 0, attempt, .. } => format!("everything restarts from the start (attempt {attempt})"),
        Restarting { epoch, attempt, .. } => format!("everything restarts from snapshot {epoch} (attempt {attempt})"),
        Replayed { task: t, channel: c, seq, .. } => {
            format!("{} replays record {seq} of {} from its log", task(t), channel(c))
        }
        Discarded { channel: c, seq, .. } => format!("record {seq} in transit on {} is lost", channel(c)),
        Ended { task: t, .. } => format!("{} has ended", task(t)),
        Misused { effect, why, .. } => format!("an effect that makes no sense: {effect}: {why}"),
        Panicked { task: t, .. } => format!("the operator of {} panics", task(t)),
        End { outcome, .. } => format!("the run ends: {}", outcome.name()),
        _ => return None,
    })
}

fn spelled(plan: &Plan, c: u32, r: Record) -> String {
    let (key, value) = plan.job.spelled[plan.job.graph.channels[c as usize].edge as usize];
    let word = |w: u64, symbol: bool| match plan.job.symbols.spell(w).filter(|_| symbol) {
        Some(text) => format!("{text:?}"),
        None => w.to_string(),
    };
    format!("key {}, value {}", word(r.key, key), word(r.value, value))
}

fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn choice_line(plan: &Plan, site: Site, options: u32, picked: u32) -> String {
    let g = &plan.job.graph;
    let task = |t: u32| g.tasks.get(t as usize).map_or("the completed store".into(), |t| t.name.clone());
    let of = format!("({} {picked} of {options})", site.kind.name());
    match site.kind {
        Kind::Delay => {
            let longer = plan.delays.get(site.at as usize).map_or(0, |d| longer(*d, picked));
            format!(
                "channel {}: a message takes {} longer than it must {of}",
                g.spell_channel(site.at),
                format_ns(longer)
            )
        }
        Kind::Write => format!("a write of {} takes longer than it must {of}", task(site.at)),
        Kind::Control => format!("a control message takes longer than it must {of}"),
        Kind::Crash => format!("{} crashes {of}", task(site.at)),
        Kind::Decline => format!("{} declines a snapshot {of}", task(site.at)),
        _ => format!("{} {of}", site.kind.name()),
    }
}

fn longer(d: crate::world::Delay, picked: u32) -> u64 {
    match d {
        crate::world::Delay::Uniform { step, .. } => step * picked as u64,
        _ => 0,
    }
}

/// Tells the run of a case.
pub fn story(context: Context<'_>, plan: &Plan, picks: &[Picked]) -> String {
    let step = Cell::new(0);
    let mut noting = Noting { inner: Tape::new(picks), step: &step, made: Vec::new() };
    let mut telling = Telling { step: &step, plan, lines: Vec::new() };
    let r = run_plan(plan, context.mode, &mut noting, &mut telling);
    let mut t = head(plan, &r, &telling.lines, noting.made.len());
    for (step, site, options, picked) in &noting.made {
        _ = writeln!(t, "  step {step:<4} {}", choice_line(plan, *site, *options, *picked));
    }
    for (at, line) in telling.lines.iter().filter(|(_, l)| l.ends_with("crashes")) {
        _ = writeln!(t, "  step {:<4} {line}{}", at.step, moment(&telling.lines, *at));
    }
    for v in r.report.violations.iter().take(1) {
        _ = writeln!(t, "{} violated at step {}: {}", v.property.name(), v.at.step, v.message);
    }
    _ = writeln!(t, "step by step:");
    let mut last = 0;
    let skipped = telling.lines.len().saturating_sub(TOLD * 2);
    if skipped > 0 {
        _ = writeln!(t, "  ({skipped} lines before these are left out)");
    }
    for (at, line) in &telling.lines[skipped..] {
        let number = if at.step == last { String::new() } else { at.step.to_string() };
        last = at.step;
        _ = writeln!(t, "  {number:>5}  {line}");
    }
    t
}

/// What the task had just done when it crashed.
fn moment(lines: &[(At, String)], at: At) -> String {
    let i = lines.iter().position(|(a, l)| *a == at && l.ends_with("crashes")).unwrap_or(0);
    match lines[..i].last() {
        Some((a, before)) if a.step == at.step => format!(", right after: {before}"),
        _ => String::new(),
    }
}

fn head(plan: &Plan, r: &RunResult, lines: &[(At, String)], choices: usize) -> String {
    let tasks = plan.job.graph.tasks.len() as u64;
    let reads: std::collections::BTreeSet<&str> =
        lines.iter().filter(|(_, l)| l.contains(" reads record ")).map(|(_, l)| l.as_str()).collect();
    let crashes = lines.iter().filter(|(_, l)| l.ends_with(" crashes")).count() as u64;
    let dull = match choices {
        0 => "every choice is dull".to_string(),
        1 => "every choice is dull except one:".to_string(),
        n => format!("every choice is dull except {n}:"),
    };
    format!(
        "minimal: {}, {}, {}, {}, {}; protocol {}; {dull}\n",
        count(tasks, "task"),
        count(reads.len() as u64, "record"),
        count(r.report.checkpoints[0], "snapshot"),
        count(crashes, "crash").replace("crashs", "crashes"),
        count(r.steps, "step"),
        plan.variant.name,
    )
}
