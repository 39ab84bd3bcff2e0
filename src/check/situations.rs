//! Interesting situations, counted: whether a sweep has been where bugs live. Judges nothing.

use crate::base::{Bits, Epoch, TaskId};
use crate::trace::{At, Fact, Observer, Outcome};
use std::collections::BTreeMap;

/// Counts runs in which a situation came up.
#[derive(Clone, Debug, Default)]
pub struct Situations {
    seen: BTreeMap<&'static str, u64>,
    pending: Vec<Epoch>,
    copied: Vec<(Epoch, u32)>,
    acked: Vec<(Epoch, u32)>,
    tasks: u32,
    aligning: Bits,
    restarting: bool,
    crashed_since_restart: u32,
    completed: u64,
}

impl Situations {
    /// For a run of a job with so many tasks.
    pub fn new(tasks: usize) -> Self {
        Situations { tasks: tasks as u32, ..Self::default() }
    }

    /// Situation → how often it came up.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.seen
    }

    fn note(&mut self, name: &'static str) {
        *self.seen.entry(name).or_insert(0) += 1;
    }

    fn bump(list: &mut Vec<(Epoch, u32)>, epoch: Epoch) -> u32 {
        match list.iter_mut().find(|(e, _)| *e == epoch) {
            Some((_, n)) => {
                *n += 1;
                *n
            }
            None => {
                list.push((epoch, 1));
                1
            }
        }
    }

    fn forget(&mut self, epoch: Epoch) {
        self.pending.retain(|&e| e != epoch);
        self.copied.retain(|(e, _)| *e != epoch);
        self.acked.retain(|(e, _)| *e != epoch);
    }

    fn crashed(&mut self, _: TaskId) {
        self.note("crash");
        if self.acked.iter().any(|&(_, n)| n == self.tasks) {
            self.note("crash-between-last-acknowledgement-and-completion");
        }
        if self.copied.iter().any(|&(_, n)| n > 0 && n < self.tasks) {
            self.note("crash-while-some-have-copied");
        }
        if !self.aligning.is_empty() {
            self.note("crash-during-alignment");
        }
        if self.restarting {
            self.note("crash-during-restore");
        }
        self.crashed_since_restart += 1;
        if self.crashed_since_restart == 2 {
            self.note("second-crash-before-restart");
        }
        if self.completed == 0 {
            self.note("crash-before-first-checkpoint");
        }
    }
}

impl Observer for Situations {
    #[inline]
    fn see(&mut self, at: At, fact: Fact<'_>) {
        if !matches!(fact, Fact::Sent { .. } | Fact::Processed { .. } | Fact::Read { .. }) {
            self.rare(at, fact);
        }
    }
}

impl Situations {
    fn rare(&mut self, _: At, fact: Fact<'_>) {
        match fact {
            Fact::Triggered { epoch } => {
                if !self.pending.is_empty() {
                    self.note("overlapping-epochs");
                }
                self.pending.push(epoch);
            }
            Fact::Blocked { task, .. } => {
                self.aligning.insert(task);
            }
            Fact::Unblocked { task, .. } => {
                self.aligning.remove(task);
            }
            Fact::Copied { epoch, .. } => {
                Self::bump(&mut self.copied, epoch);
            }
            Fact::Acknowledged { epoch, .. } => {
                Self::bump(&mut self.acked, epoch);
            }
            Fact::Completed { epoch } => {
                self.completed += 1;
                self.forget(epoch);
            }
            Fact::Aborted { epoch, reason } => {
                self.note(match reason {
                    "subsumed" => "abort-subsumed",
                    "timeout" => "abort-timeout",
                    "declined" => "abort-declined",
                    "finished" => "abort-finished",
                    _ => "abort-failure",
                });
                self.forget(epoch);
            }
            Fact::EndReceived { task, .. } if self.aligning.contains(task) => self.note("end-during-alignment"),
            Fact::Logged { .. } => self.note("logged"),
            Fact::Replayed { .. } => self.note("replayed"),
            Fact::CancelSent { .. } => self.note("cancel-marker"),
            Fact::Crashed { task, .. } => self.crashed(task),
            Fact::Restarting { epoch, .. } => {
                self.note(if epoch == 0 { "restart-from-the-start" } else { "restart-from-a-checkpoint" });
                self.restarting = true;
                self.crashed_since_restart = 0;
                self.aligning.clear();
            }
            Fact::Read { .. } | Fact::Processed { .. } => {}
            Fact::Restored { task, .. } => self.restarting = task + 1 < self.tasks,
            Fact::End { outcome: Outcome::Finished, .. } => self.note("finished"),
            _ => {}
        }
    }
}
