//! `progress` and `termination`: violated at a deadlock, and when, after the last fault, checkpoints go on
//! failing or time goes by without one while some are pending.

use super::ledger::Ledger;
use super::verdict::Evidence;
use crate::base::{Epoch, Time, format_ns};
use crate::dataflow::Job;
use crate::trace::{At, Wait};

/// How long the judge waits once faults have stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The last moment for which a fault is scheduled.
    pub calm: Time,
    /// So many checkpoints in a row may fail after that.
    pub epochs: u32,
    /// So many nanoseconds may pass after that without one completing, while some are pending.
    pub ns: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { calm: Time(0), epochs: 20, ns: u64::MAX }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Liveness {
    patience: Patience,
    failures: u32,
    since: Time,
    /// Whether checkpoints are pending.
    pending: bool,
    /// When patience is at its end (`u64::MAX`: never).
    deadline: u64,
    /// The newest checkpoint that was triggered, and the newest when the last fault struck: what was under way
    /// then may fail.
    newest: Epoch,
    excused: Epoch,
    /// Why the last one was aborted.
    reason: &'static str,
}

/// Kind and message.
type Bad = (&'static str, String);

impl Liveness {
    pub fn new(patience: Patience) -> Self {
        Liveness {
            patience,
            failures: 0,
            since: patience.calm,
            pending: false,
            deadline: u64::MAX,
            newest: 0,
            excused: 0,
            reason: "",
        }
    }

    /// A fault, or a restart: the counting begins anew.
    pub fn fault(&mut self, at: At) {
        self.completed(at);
        self.excused = self.newest;
    }

    pub fn completed(&mut self, at: At) {
        self.failures = 0;
        self.since = self.since.max(at.time);
        self.set_deadline();
    }

    /// A checkpoint begins: what failed before it failed for good.
    pub fn begun(&mut self, epoch: Epoch) -> Option<Bad> {
        self.newest = epoch;
        self.enough()
    }

    fn enough(&self) -> Option<Bad> {
        let n = self.failures;
        (n >= self.patience.epochs).then(|| {
            let message = format!(
                "{n} checkpoints in a row were aborted after the last fault (the last one: {}), and none completed in between",
                self.reason
            );
            ("no-checkpoint-completes", message)
        })
    }

    /// What is subsumed, or open at the end of the job, goes with a completion: of that alone nothing follows.
    pub fn aborted(&mut self, at: At, epoch: Epoch, reason: &'static str) -> Option<Bad> {
        if at.time <= self.patience.calm || epoch <= self.excused {
            return None;
        }
        self.failures += 1;
        self.reason = reason;
        if matches!(reason, "subsumed" | "finished") { None } else { self.enough() }
    }

    /// Whether checkpoints are pending from now on. (While none is, nobody waits.)
    pub fn set_pending(&mut self, at: At, pending: bool) {
        if !self.pending {
            self.since = self.since.max(at.time);
        }
        self.pending = pending;
        self.set_deadline();
    }

    fn set_deadline(&mut self) {
        self.deadline = if self.pending { self.since.0.saturating_add(self.patience.ns) } else { u64::MAX };
    }

    /// Whether patience is at its end.
    #[inline(always)]
    pub fn is_overdue(&self, at: At) -> bool {
        at.time.0 > self.deadline
    }

    /// What is to be said then.
    pub fn overdue(&self, at: At) -> Bad {
        let waited = format_ns(at.time.0.saturating_sub(self.since.0));
        ("overdue", format!("checkpoints are pending, and none has completed for {waited} after the last fault"))
    }
}

/// Who waits for whom, in words, with the cycle if there is one.
pub(super) fn deadlock(job: &Job, ledger: &Ledger, waits: &[Wait]) -> (String, Vec<(&'static str, Evidence)>) {
    let g = &job.graph;
    let name = |t: u32| g.tasks[t as usize].name.clone();
    let mut lines = Vec::new();
    let mut next = vec![Vec::new(); g.tasks.len()];
    // Who waits for room takes nothing: a barrier that it lacks may be on its way.
    let full = |t: u32| waits.iter().any(|w| matches!(*w, Wait::Room { task, .. } if task == t));
    for w in waits {
        match *w {
            Wait::Alignment { task, channel, epoch } => {
                if !full(task) {
                    next[task as usize].push(g.channels[channel as usize].from);
                }
                lines.push(format!("{} waits for barrier {epoch} on {}", name(task), g.spell_channel(channel)));
            }
            Wait::Room { task, channel } => {
                next[task as usize].push(g.channels[channel as usize].to);
                lines.push(format!("{} waits for room on {}", name(task), g.spell_channel(channel)));
            }
            Wait::Acknowledgement { task, epoch } => {
                lines.push(format!("checkpoint {epoch} waits for the acknowledgement of {}", name(task)));
            }
        }
    }
    if lines.is_empty() && !ledger.pending.is_empty() {
        lines.push(format!("checkpoint {} is pending, and nothing is on its way", ledger.pending[0]));
    }
    let mut evidence = vec![("waits", Evidence::Text(lines.join("; ")))];
    let cycle = find_cycle(&next);
    // The waits of the cycle are shown before all others.
    let in_cycle = |w: &Wait| match (&cycle, *w) {
        (Some(c), Wait::Alignment { task, channel, .. }) => {
            !full(task) && follows(c, task, g.channels[channel as usize].from)
        }
        (Some(c), Wait::Room { task, channel }) => follows(c, task, g.channels[channel as usize].to),
        _ => false,
    };
    let (mut of_cycle, mut others) = (Vec::new(), Vec::new());
    for (i, line) in lines.into_iter().enumerate() {
        if waits.get(i).is_some_and(in_cycle) { of_cycle.push(line) } else { others.push(line) }
    }
    of_cycle.append(&mut others);
    let lines = of_cycle;
    let cycle = cycle.map(|c| c.iter().chain(c.first()).map(|&t| name(t)).collect::<Vec<_>>().join(" -> "));
    let shown = lines.len().min(6);
    let mut message = "nothing can happen any more, and the job has not ended".to_string();
    if let Some(cycle) = &cycle {
        message += &format!("; they wait for one another in a cycle: {cycle}");
    }
    if shown > 0 {
        message += &format!(": {}", lines[..shown].join("; "));
    }
    if lines.len() > shown {
        message += &format!("; and {} more", lines.len() - shown);
    }
    evidence.extend(cycle.map(|c| ("cycle", Evidence::Text(c))));
    (message, evidence)
}

/// Whether `b` comes after `a` in the cycle.
fn follows(cycle: &[u32], a: u32, b: u32) -> bool {
    cycle.iter().zip(cycle.iter().cycle().skip(1)).any(|(&x, &y)| (x, y) == (a, b))
}

fn find_cycle(next: &[Vec<u32>]) -> Option<Vec<u32>> {
    let mut done = vec![false; next.len()];
    for start in 0..next.len() as u32 {
        let mut path: Vec<(u32, usize)> = vec![(start, 0)];
        while let Some((t, i)) = path.last_mut() {
            let (task, at) = (*t as usize, *i);
            *i += 1;
            match next[task].get(at) {
                None => {
                    done[task] = true;
                    path.pop();
                }
                Some(&n) if path.iter().any(|(p, _)| *p == n) => {
                    let from = path.iter().position(|(p, _)| *p == n).unwrap_or(0);
                    return Some(path[from..].iter().map(|(p, _)| *p).collect());
                }
                Some(&n) if !done[n as usize] => path.push((n, 0)),
                Some(_) => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    fn at(ns: u64) -> At {
        At { step: 0, time: Time(ns) }
    }

    #[test]
    fn twenty_in_a_row_are_too_many_and_a_completion_is_a_fresh_start() {
        let mut l = Liveness::new(Patience::default());
        assert!((1..20).all(|n| l.aborted(at(n), n, "timeout").is_none()));
        l.completed(at(20));
        assert!((21..40).all(|n| l.aborted(at(n), n, "declined").is_none()));
        assert!(l.aborted(at(40), 40, "timeout").is_some());
    }

    #[test]
    fn a_completion_may_subsume_any_number() {
        let mut l = Liveness::new(Patience::default());
        assert!((0..50).all(|_| l.aborted(at(7), 1, "subsumed").is_none()));
        l.completed(at(7));
        assert!(l.begun(0).is_none());
        // But only if there is one.
        assert!((0..50).all(|_| l.aborted(at(8), 2, "subsumed").is_none()));
        assert!(l.begun(0).is_some());
    }

    #[test]
    fn who_waits_for_room_does_not_wait_for_the_barrier_behind_it() {
        let job = JobBuilder::new()
            .source("s", 1, Generator::new(1))
            .operator("a", 1, KeyedCount::default())
            .sink("sink", 1, Sink::default())
            .hash("s", "a")
            .hash("a", "sink");
        let job = Simulation::of(job).expect("it is valid").plan.job;
        let ledger = Ledger::new(&job.graph, &job.splits);
        let source = Wait::Room { task: 0, channel: 0 };
        let barrier = Wait::Alignment { task: 1, channel: 0, epoch: 1 };
        let of = |waits: &[Wait]| deadlock(&job, &ledger, waits).0;
        assert!(of(&[source, barrier]).contains("in a cycle: s[0] -> a[0] -> s[0]"));
        let late = Wait::Acknowledgement { task: 1, epoch: 1 };
        let first = "s[0] -> a[0] -> s[0]: s[0] waits for room on s[0]->a[0]; a[0] waits for barrier 1 on s[0]->a[0]; checkpoint";
        assert!(of(&[late, source, barrier]).contains(first), "{}", of(&[late, source, barrier]));
        assert!(!of(&[source, barrier, Wait::Room { task: 1, channel: 1 }]).contains("cycle"));
    }
}
