//! The judge: walks the ledger once per fact, and asks each property.

use super::deep::Deep;
use super::ledger::{Ledger, LogEntry};
use super::liveness::{Liveness, Patience};
use super::verdict::{Evidence, Property, Report, Verdict, Violation};
use super::{consistent_cut, durable_restore, exactly_once, fifo, minimal_snapshot, operator_panic, protocol_misuse};
use crate::base::{Bits, ChannelId, Digester, Epoch, TaskId, copy_option};
use crate::dataflow::Job;
use crate::trace::{At, Fact, Observer, Outcome};
use std::hint::cold_path;

/// How much is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything: operators are replayed.
    #[default]
    Full,
    /// Operators are not replayed.
    Shallow,
}

/// An observer that a search can copy and compare, and that gives a report.
pub trait Monitor: Observer + Clone {
    /// Names everything that the future can depend on, open obligations included.
    fn digest(&self, d: &mut Digester);
    /// What it says if the run ends here.
    fn report(&self) -> Report;
}

/// Judges a run of a job by its facts.
pub struct Judge<'j> {
    pub(super) job: &'j Job,
    pub(super) ledger: Ledger,
    /// Channels on which the protocol may log.
    pub(super) logs: Bits,
    deep: Option<Deep<'j>>,
    liveness: Liveness,
    violations: Vec<Violation>,
    judged: [u64; Property::ALL.len()],
    inconclusive: Bits,
    counts: [u64; 4],
    attempts: u64,
}

impl Clone for Judge<'_> {
    fn clone(&self) -> Self {
        Judge {
            ledger: self.ledger.clone(),
            logs: self.logs.clone(),
            deep: self.deep.clone(),
            liveness: self.liveness.clone(),
            violations: self.violations.clone(),
            inconclusive: self.inconclusive.clone(),
            ..*self
        }
    }
    fn clone_from(&mut self, o: &Self) {
        self.ledger.clone_from(&o.ledger);
        copy_option(&mut self.deep, o.deep.as_ref());
        self.liveness.clone_from(&o.liveness);
        self.violations.clone_from(&o.violations);
        self.inconclusive.clone_from(&o.inconclusive);
        (self.judged, self.counts, self.attempts) = (o.judged, o.counts, o.attempts);
    }
}

impl<'j> Judge<'j> {
    /// A judge before the first fact. `logs`: the channels on which the protocol may log.
    pub fn new(job: &'j Job, mode: Mode, logs: &[ChannelId], patience: Patience) -> Self {
        Judge {
            job,
            ledger: Ledger::new(&job.graph, &job.splits),
            logs: logs.iter().copied().collect(),
            deep: (mode == Mode::Full).then(|| Deep::new(job)),
            liveness: Liveness::new(patience),
            violations: Vec::new(),
            judged: [0; Property::ALL.len()],
            inconclusive: Bits::default(),
            counts: [0; 4],
            attempts: 1,
        }
    }

    /// The judge waits so long for what must happen. Before the first fact.
    pub fn set_patience(&mut self, patience: Patience) {
        debug_assert!(self.ledger.pending.is_empty(), "[cutline bug] somebody is waiting already");
        self.liveness = Liveness::new(patience);
    }

    /// The violations so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    #[inline]
    fn count(&mut self, p: Property) {
        self.judged[p as usize] += 1;
    }

    #[cold]
    pub(super) fn violate(
        &mut self,
        at: At,
        property: Property,
        kind: &'static str,
        message: String,
        evidence: Vec<(&'static str, Evidence)>,
    ) {
        if !self.violations.iter().any(|v| v.property == property) {
            self.violations.push(Violation { property, kind, at, message, evidence });
        }
    }

    pub(super) fn task(&self, t: TaskId) -> &str {
        &self.job.graph.tasks[t as usize].name
    }

    /// All other facts. Inlined too, and for the same reason: of a small run, they are half.
    #[inline(always)]
    fn rare(&mut self, at: At, fact: Fact<'_>) {
        self.check_time(at);
        match fact {
            Fact::Copied { task, epoch, state, .. } => self.copied(at, task, epoch, state),
            Fact::Logged { task, epoch, channel, seq, record, .. } => {
                self.count(Property::ProtocolMisuse);
                minimal_snapshot::logged(self, at, epoch, channel, seq);
                if protocol_misuse::logged(self, at, task, epoch) {
                    self.ledger.cut_mut(epoch, &self.job.graph).copies.log.push(LogEntry { channel, seq, record });
                }
            }
            Fact::Acknowledged { task, epoch, .. } => {
                self.count(Property::ProtocolMisuse);
                if protocol_misuse::acknowledged(self, at, task, epoch) {
                    self.ledger.cut_mut(epoch, &self.job.graph).copies.acked.insert(task);
                }
            }
            Fact::Triggered { epoch } => {
                self.counts[0] += 1;
                self.count(Property::Termination);
                self.ledger.pending.push(epoch);
                self.note_pending(at);
                if let Some((kind, message)) = self.liveness.begun(epoch) {
                    self.stuck(at, kind, message, epoch);
                }
            }
            Fact::Completed { epoch } => self.completed(at, epoch),
            Fact::Aborted { epoch, reason } => self.aborted(at, epoch, reason),
            Fact::Crashed { .. } => self.liveness.fault(at),
            Fact::Restarting { epoch, tasks, .. } => self.restarting(at, epoch, tasks),
            Fact::Restored { task, epoch, state, .. } => self.restored(at, task, epoch, state),
            Fact::Replayed { task, channel, seq, record, .. } => {
                self.count(Property::ExactlyOnceState);
                self.count(Property::OperatorPanic);
                exactly_once::replayed(self, at, task, channel, seq, record);
                self.judge_processing(at, task, channel, record);
            }
            Fact::Ended { task, state, .. } => self.check_state(at, task, state, "ended"),
            Fact::Misused { task, epoch, effect, why, .. } => {
                protocol_misuse::misused(self, at, task, epoch, effect, why);
            }
            Fact::Panicked { task, channel, record, .. } => operator_panic::panicked(self, at, task, channel, record),
            Fact::End { outcome, waits } => self.end(at, outcome, waits),
            _ => {}
        }
    }

    fn copied(&mut self, at: At, task: TaskId, epoch: Epoch, state: u64) {
        self.count(Property::ProtocolMisuse);
        if self.ledger.restoring {
            durable_restore::acted(self, at, task);
        }
        if !protocol_misuse::copied(self, at, task, epoch) {
            return;
        }
        self.check_state(at, task, state, "copied");
        let replica = self.deep.as_ref().and_then(|d| d.replica(task));
        self.ledger.copied(task, epoch, (state, replica), self.job);
    }

    fn completed(&mut self, at: At, epoch: Epoch) {
        self.counts[1] += 1;
        self.count(Property::ConsistentCut);
        self.count(Property::MinimalSnapshot);
        self.liveness.completed(at);
        if !self.ledger.pending.contains(&epoch) {
            let message = format!(
                "checkpoint {epoch} completed, but it had been aborted (or was never triggered): a checkpoint completes or aborts, never both"
            );
            self.violate(
                at,
                Property::Termination,
                "completed-after-abort",
                message,
                vec![("epoch", Evidence::Number(epoch))],
            );
        }
        consistent_cut::completed(self, at, epoch);
        self.ledger.completed(epoch);
        self.note_pending(at);
    }

    fn aborted(&mut self, at: At, epoch: Epoch, reason: &'static str) {
        self.counts[2] += 1;
        if !self.ledger.pending.contains(&epoch) {
            let message = format!(
                "checkpoint {epoch} was aborted, but it is not pending: a checkpoint completes or aborts, never both"
            );
            self.violate(
                at,
                Property::Termination,
                "aborted-after-end",
                message,
                vec![("epoch", Evidence::Number(epoch))],
            );
        }
        self.ledger.aborted(epoch);
        self.note_pending(at);
        if let Some((kind, message)) = self.liveness.aborted(at, epoch, reason) {
            self.stuck(at, kind, message, epoch);
        }
    }

    /// No checkpoint completes any more: the job cannot end, and what is triggered does not complete.
    #[cold]
    fn stuck(&mut self, at: At, kind: &'static str, message: String, epoch: Epoch) {
        for property in [Property::Progress, Property::Termination] {
            self.violate(at, property, kind, message.clone(), vec![("epoch", Evidence::Number(epoch))]);
        }
    }

    fn restarting(&mut self, at: At, epoch: Epoch, tasks: &[TaskId]) {
        self.attempts += 1;
        self.counts[3] += (epoch != 0) as u64;
        self.count(Property::DurableRestore);
        durable_restore::restarting(self, at, epoch);
        self.ledger.rewind(epoch);
        self.ledger.awaiting = tasks.iter().copied().collect();
        self.ledger.restoring = !tasks.is_empty();
        if let Some(deep) = &mut self.deep {
            deep.rewind(self.ledger.completed.as_deref().filter(|c| c.copies.epoch == epoch));
        }
        self.liveness.fault(at);
    }

    fn restored(&mut self, at: At, task: TaskId, epoch: Epoch, state: u64) {
        self.count(Property::ExactlyOnceState);
        durable_restore::restored(self, at, task, epoch);
        self.ledger.awaiting.remove(task);
        self.ledger.restoring = !self.ledger.awaiting.is_empty();
        exactly_once::restored(self, at, task, epoch, state);
    }

    /// Deep mode: a state that is told must be the replica's.
    fn check_state(&mut self, at: At, task: TaskId, state: u64, what: &'static str) {
        let Some(deep) = &mut self.deep else { return };
        if !deep.all_sent() {
            return self.missing_output(at);
        }
        if let Some(replica) = deep.replica(task) {
            let want = replica.state();
            self.judged[Property::ExactlyOnceState as usize] += 1;
            if want != state {
                exactly_once::wrong_fold(self, at, task, what, want, state);
            }
        }
    }

    #[inline(always)]
    fn judge_processing(&mut self, at: At, task: TaskId, channel: ChannelId, record: crate::base::Record) {
        if let Some(deep) = &mut self.deep {
            let complete = deep.all_sent();
            deep.process(task, channel, record);
            if !complete {
                self.missing_output(at);
            }
        } else {
            cold_path();
        }
    }

    #[cold]
    fn missing_output(&mut self, at: At) {
        let message = "a task went on without sending all that its operator gave: no failure-free execution does that"
            .to_string();
        self.violate(at, Property::FailureTransparency, "output-missing", message, Vec::new());
    }

    #[inline(always)]
    fn check_time(&mut self, at: At) {
        if self.liveness.is_overdue(at) {
            self.overdue(at);
        }
    }

    /// What is pending has changed.
    fn note_pending(&mut self, at: At) {
        self.liveness.set_pending(at, !self.ledger.pending.is_empty());
    }

    #[cold]
    fn overdue(&mut self, at: At) {
        let (kind, message) = self.liveness.overdue(at);
        let oldest = self.ledger.pending.first().copied().unwrap_or_default();
        self.stuck(at, kind, message, oldest);
    }

    fn end(&mut self, at: At, outcome: Outcome, waits: &[crate::trace::Wait]) {
        self.count(Property::Progress);
        match outcome {
            Outcome::Deadlock => {
                let (message, evidence) = super::liveness::deadlock(self.job, &self.ledger, waits);
                self.violate(at, Property::Progress, "deadlock", message.clone(), evidence.clone());
                if !self.ledger.pending.is_empty() {
                    self.violate(at, Property::Termination, "deadlock", message, evidence);
                }
            }
            Outcome::Limit => {
                self.inconclusive.insert(Property::Progress as u32);
                if !self.ledger.pending.is_empty() {
                    self.inconclusive.insert(Property::Termination as u32);
                }
            }
            Outcome::Finished | Outcome::Quiet => {
                if self.deep.as_ref().is_some_and(|d| !d.all_sent()) {
                    self.missing_output(at);
                }
                exactly_once::at_rest(self, at);
                if let Some(&epoch) = self.ledger.pending.first() {
                    let message = format!("the run is over, and checkpoint {epoch} neither completed nor was aborted");
                    let evidence = vec![("epoch", Evidence::Number(epoch))];
                    self.violate(at, Property::Termination, "open-at-the-end", message, evidence);
                }
            }
            Outcome::Violated => {}
        }
    }
}

impl Observer for Judge<'_> {
    /// Inlined everywhere: which arm it is, is known where the fact is made.
    #[inline(always)]
    fn see(&mut self, at: At, fact: Fact<'_>) {
        match fact {
            Fact::Sent { task, channel, seq, record, .. } => {
                let flow = &mut self.ledger.flows[channel as usize];
                flow.send(record);
                if flow.sent() != seq {
                    exactly_once::wrong_send(self, at, task, channel, seq, record);
                }
                if let Some(deep) = &mut self.deep {
                    self.judged[Property::FailureTransparency as usize] += 1;
                    if !deep.sent(channel, record) {
                        super::deep::unexpected(self, at, task, channel, seq, record);
                    }
                } else {
                    cold_path();
                }
            }
            Fact::Processed { task, channel, seq, record, .. } => {
                self.judged[Property::Fifo as usize] += 1;
                let flow = &mut self.ledger.flows[channel as usize];
                flow.receive(record);
                if (flow.received() != seq) | (seq > flow.sent()) | flow.drained_wrong() {
                    fifo::wrong_delivery(self, at, task, channel, seq, record);
                }
                if self.ledger.restoring {
                    cold_path();
                    durable_restore::acted(self, at, task);
                }
                self.judge_processing(at, task, channel, record);
            }
            Fact::Read { task, split, offset, .. } => {
                self.judged[Property::ExactlyOnceState as usize] += 1;
                exactly_once::read(self, at, task, split, offset);
                if self.ledger.restoring {
                    cold_path();
                    durable_restore::acted(self, at, task);
                }
                if let Some(deep) = &mut self.deep {
                    let complete = deep.all_sent();
                    deep.read(task, split, offset);
                    if !complete {
                        self.missing_output(at);
                    }
                } else {
                    cold_path();
                }
            }
            _ => self.rare(at, fact),
        }
    }

    #[inline]
    fn stop(&self) -> bool {
        !self.violations.is_empty()
    }
}

impl Monitor for Judge<'_> {
    fn digest(&self, d: &mut Digester) {
        self.ledger.digest(d);
        if let Some(deep) = &self.deep {
            deep.digest(d);
        }
        d.word(self.violations.len() as u64);
    }

    fn report(&self) -> Report {
        let judged = |p: Property| match p {
            // A delivery is counted once, and is an occasion for these too.
            Property::ExactlyOnceState | Property::OperatorPanic => {
                self.judged[p as usize] + self.judged[Property::Fifo as usize]
            }
            p => self.judged[p as usize],
        };
        let verdict = |p: Property| {
            if self.violations.iter().any(|v| v.property == p) {
                Verdict::Violated
            } else if self.inconclusive.contains(p as u32) {
                Verdict::Inconclusive
            } else if judged(p) == 0 {
                Verdict::Idle
            } else {
                Verdict::Holds
            }
        };
        Report {
            properties: Property::ALL.iter().map(|&p| (p, verdict(p), judged(p))).collect(),
            violations: self.violations.clone(),
            checkpoints: self.counts,
            attempts: self.attempts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::prelude::*;

    proptest::proptest! {
        /// Against the rule as it is said: waiting counts from the last moment at which none was pending, one completed or
        /// a fault struck, whichever came last.
        #[test]
        fn patience_is_at_its_end_when_so_much_time_has_gone_by(
            steps in proptest::collection::vec((0u8..8, 0u64..40), 0..60),
            ns in proptest::sample::select(vec![0u64, 20, 50, 120, u64::MAX]),
            calm in 0u64..100,
        ) {
            let job = JobBuilder::new().source("s", 1, Generator::new(1)).sink("sink", 1, Sink::default());
            let job = Simulation::of(job.hash("s", "sink")).expect("it is valid").plan.job;
            let patience = Patience { calm: Time(calm), epochs: 1_000, ns };
            let mut judge = Judge::new(&job, Mode::Shallow, &[], patience);
            let (mut now, mut since, mut pending, mut newest) = (0, calm, Vec::new(), 0);
            for (what, later) in steps {
                now += later;
                if pending.is_empty() {
                    since = since.max(now);
                }
                let overdue = now.saturating_sub(since) > ns;
                // (The oldest ends, or the newest; or one that never was.)
                let ends = if later % 2 == 0 { pending.first() } else { pending.last() }.copied().unwrap_or(1_000);
                let (task, attempt) = (1, 0);
                let fact = match what {
                    0 | 1 => {
                        newest += 1;
                        pending.push(newest);
                        Fact::Triggered { epoch: newest }
                    }
                    2 => Fact::Completed { epoch: ends },
                    3 => Fact::Aborted { epoch: ends, reason: "timeout" },
                    4 => Fact::Crashed { task, attempt, node: None },
                    5 => Fact::Restarting { attempt, epoch: 0, tasks: &[0, 1] },
                    _ => Fact::Declined { task, attempt, epoch: 1 },
                };
                if let Fact::Completed { .. } | Fact::Crashed { .. } | Fact::Restarting { .. } = fact {
                    since = since.max(now);
                }
                if let Fact::Completed { .. } | Fact::Aborted { .. } = fact {
                    pending.retain(|&e| e != ends);
                }
                judge.see(At { step: 0, time: Time(now) }, fact);
                let said = judge.violations().iter().any(|v| v.kind == "overdue");
                assert_eq!(said, overdue, "at {now}: {fact:?}");
                if said {
                    return Ok(());
                }
            }
        }
    }
}
