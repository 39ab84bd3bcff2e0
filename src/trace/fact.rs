//! The closed vocabulary of facts, and the trait of those who listen.

use crate::base::{Attempt, ChannelId, Epoch, NodeId, Record, TaskId, Time};

/// When a fact happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The step of the run, from 1.
    pub step: u64,
    /// Virtual time.
    pub time: Time,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The job ended: a checkpoint completed in whose cut all sources had ended and all logs were empty.
    /// (Or, in a job without checkpoints, nothing was left in transit.)
    Finished,
    /// The sources fell silent, and nothing is left to happen.
    Quiet,
    /// The step limit was reached.
    Limit,
    /// Nothing is left to happen, and the job has not ended.
    Deadlock,
    /// The judge stopped the run.
    Violated,
}

impl Outcome {
    /// The name in traces.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Finished => "finished",
            Outcome::Quiet => "quiet",
            Outcome::Limit => "limit",
            Outcome::Deadlock => "deadlock",
            Outcome::Violated => "violated",
        }
    }
}

/// Who waits for whom at the end of a run that got stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// The task holds this input channel for `epoch`, and waits for the barrier on others.
    Alignment {
        /// Who waits.
        task: TaskId,
        /// An open input on which the barrier has not come.
        channel: ChannelId,
        /// The epoch that is being aligned.
        epoch: Epoch,
    },
    /// The task cannot send, since this output channel is full.
    Room {
        /// Who waits.
        task: TaskId,
        /// The full channel.
        channel: ChannelId,
    },
    /// A checkpoint waits for this task's acknowledgement.
    Acknowledgement {
        /// Who has not acknowledged.
        task: TaskId,
        /// The pending checkpoint.
        epoch: Epoch,
    },
}

/// One thing that happened. Lists are borrowed, so a fact costs nothing to make.
///
/// The field names are those of the trace file; `task` and `attempt` say who did it. `seq` numbers the data
/// records of a channel from 1 in the history that leads here: a restore rewinds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Fact<'a> {
    /// A source takes the record at `offset` of `split`.
    Read {
        task: TaskId,
        attempt: Attempt,
        split: u32,
        offset: u64,
    },
    Sent {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        seq: u64,
        record: Record,
    },
    Processed {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        seq: u64,
        record: Record,
    },
    BarrierSent {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        epoch: Epoch,
    },
    /// `channel` is absent when the barrier comes from the coordinator.
    BarrierReceived {
        task: TaskId,
        attempt: Attempt,
        channel: Option<ChannelId>,
        epoch: Epoch,
    },
    Blocked {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        epoch: Epoch,
    },
    Unblocked {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        epoch: Epoch,
    },
    /// The task's state for `epoch` is what it is now.
    Copied {
        task: TaskId,
        attempt: Attempt,
        epoch: Epoch,
        state: u64,
    },
    Logged {
        task: TaskId,
        attempt: Attempt,
        epoch: Epoch,
        channel: ChannelId,
        seq: u64,
        record: Record,
    },
    /// The task's part is durable, and the coordinator is being told.
    Acknowledged {
        task: TaskId,
        attempt: Attempt,
        epoch: Epoch,
    },
    /// The task's part never will be durable.
    Declined {
        task: TaskId,
        attempt: Attempt,
        epoch: Epoch,
    },
    Triggered {
        epoch: Epoch,
    },
    /// The decision is durable.
    Completed {
        epoch: Epoch,
    },
    Aborted {
        epoch: Epoch,
        reason: &'static str,
    },
    /// As handed to the operator: whether `epoch` completed or was aborted.
    Notified {
        task: TaskId,
        attempt: Attempt,
        epoch: Epoch,
        complete: bool,
    },
    Stored {
        task: TaskId,
        attempt: Attempt,
        epoch: Epoch,
        handle: u64,
    },
    Deleted {
        task: TaskId,
        attempt: Attempt,
        epoch: Epoch,
        handle: u64,
    },
    /// `node` where a whole node died.
    Crashed {
        task: TaskId,
        attempt: Attempt,
        node: Option<NodeId>,
    },
    EndSent {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
    },
    EndReceived {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
    },
    CancelSent {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        epoch: Epoch,
    },
    CancelReceived {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        epoch: Epoch,
    },
    /// The recovery plan is decided; `epoch` 0 is "from the start".
    Restarting {
        attempt: Attempt,
        epoch: Epoch,
        tasks: &'a [TaskId],
    },
    Restored {
        task: TaskId,
        attempt: Attempt,
        epoch: Epoch,
        state: u64,
    },
    /// A logged record is processed during restore, in place of `Processed`.
    Replayed {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        seq: u64,
        record: Record,
    },
    Discarded {
        task: TaskId,
        attempt: Attempt,
        channel: ChannelId,
        seq: u64,
        reason: &'static str,
    },
    /// The task has seen the end of all its inputs.
    Ended {
        task: TaskId,
        attempt: Attempt,
        state: u64,
    },
    /// An effect that makes no sense where it was asked for; it was not carried out.
    Misused {
        task: Option<TaskId>,
        attempt: Attempt,
        epoch: Epoch,
        effect: &'static str,
        why: &'static str,
    },
    /// The operator panicked on `record`.
    Panicked {
        task: TaskId,
        attempt: Attempt,
        channel: Option<ChannelId>,
        record: Record,
    },
    /// Always the last fact.
    End {
        outcome: Outcome,
        waits: &'a [Wait],
    },
}

impl Fact<'_> {
    /// The name in traces.
    #[inline(always)]
    pub fn name(&self) -> &'static str {
        use Fact::*;
        match self {
            Read { .. } => "read",
            Sent { .. } => "sent",
            Processed { .. } => "processed",
            BarrierSent { .. } => "barrier-sent",
            BarrierReceived { .. } => "barrier-received",
            Blocked { .. } => "blocked",
            Unblocked { .. } => "unblocked",
            Copied { .. } => "copied",
            Logged { .. } => "logged",
            Acknowledged { .. } => "acknowledged",
            Declined { .. } => "declined",
            Triggered { .. } => "triggered",
            Completed { .. } => "completed",
            Aborted { .. } => "aborted",
            Notified { .. } => "notified",
            Stored { .. } => "stored",
            Deleted { .. } => "deleted",
            Crashed { .. } => "crashed",
            EndSent { .. } => "end-sent",
            EndReceived { .. } => "end-received",
            CancelSent { .. } => "cancel-sent",
            CancelReceived { .. } => "cancel-received",
            Restarting { .. } => "restarting",
            Restored { .. } => "restored",
            Replayed { .. } => "replayed",
            Discarded { .. } => "discarded",
            Ended { .. } => "ended",
            Misused { .. } => "misused",
            Panicked { .. } => "panicked",
            End { .. } => "end",
        }
    }

    /// The fields of the fact, by the names of the trace file. One place that knows them: digest, file and
    /// views all walk it.
    #[inline(always)]
    pub fn fields(&self, v: &mut impl Fields) {
        use Fact::*;
        let mut who = |task: TaskId, attempt: Attempt| {
            v.number("task", task as u64);
            v.number("attempt", attempt as u64);
        };
        match *self {
            Read { task, attempt, split, offset } => {
                who(task, attempt);
                v.number("split", split as u64);
                v.number("offset", offset);
            }
            Sent { task, attempt, channel, seq, record } | Replayed { task, attempt, channel, seq, record } => {
                who(task, attempt);
                v.number("channel", channel as u64);
                v.number("seq", seq);
                v.record("record", channel, record);
            }
            Processed { task, attempt, channel, seq, .. } => {
                who(task, attempt);
                v.number("channel", channel as u64);
                v.number("seq", seq);
            }
            BarrierSent { task, attempt, channel, epoch }
            | Blocked { task, attempt, channel, epoch }
            | Unblocked { task, attempt, channel, epoch }
            | CancelSent { task, attempt, channel, epoch }
            | CancelReceived { task, attempt, channel, epoch } => {
                who(task, attempt);
                v.number("channel", channel as u64);
                v.number("epoch", epoch);
            }
            BarrierReceived { task, attempt, channel, epoch } => {
                who(task, attempt);
                channel.inspect(|&c| v.number("channel", c as u64));
                v.number("epoch", epoch);
            }
            Copied { task, attempt, epoch, state } | Restored { task, attempt, epoch, state } => {
                who(task, attempt);
                v.number("epoch", epoch);
                v.digest("state", state);
            }
            Logged { task, attempt, epoch, channel, seq, record } => {
                who(task, attempt);
                v.number("epoch", epoch);
                v.number("channel", channel as u64);
                v.number("seq", seq);
                v.record("record", channel, record);
            }
            Acknowledged { task, attempt, epoch } | Declined { task, attempt, epoch } => {
                who(task, attempt);
                v.number("epoch", epoch);
            }
            Triggered { epoch } | Completed { epoch } => v.number("epoch", epoch),
            Aborted { epoch, reason } => {
                v.number("epoch", epoch);
                v.text("reason", reason);
            }
            Notified { task, attempt, epoch, complete } => {
                who(task, attempt);
                v.number("epoch", epoch);
                v.text("outcome", if complete { "complete" } else { "abort" });
            }
            Stored { task, attempt, epoch, handle } | Deleted { task, attempt, epoch, handle } => {
                who(task, attempt);
                v.number("epoch", epoch);
                v.number("handle", handle);
            }
            Crashed { task, attempt, node } => {
                who(task, attempt);
                node.inspect(|&n| v.number("node", n as u64));
            }
            EndSent { task, attempt, channel } | EndReceived { task, attempt, channel } => {
                who(task, attempt);
                v.number("channel", channel as u64);
            }
            Restarting { attempt, epoch, tasks } => {
                v.number("attempt", attempt as u64);
                v.number("epoch", epoch);
                v.list("tasks", tasks);
            }
            Discarded { task, attempt, channel, seq, reason } => {
                who(task, attempt);
                v.number("channel", channel as u64);
                v.number("seq", seq);
                v.text("reason", reason);
            }
            Ended { task, attempt, state } => {
                who(task, attempt);
                v.digest("state", state);
            }
            Misused { task, attempt, epoch, effect, why } => {
                if let Some(task) = task {
                    who(task, attempt);
                }
                v.number("epoch", epoch);
                v.text("effect", effect);
                v.text("why", why);
            }
            Panicked { task, attempt, channel, record } => {
                who(task, attempt);
                channel.inspect(|&c| v.number("channel", c as u64));
                v.record("record", channel.unwrap_or(0), record);
            }
            End { outcome, waits } => {
                v.text("outcome", outcome.name());
                v.waits("waits", waits);
            }
        }
    }
}

/// Who walks the fields of a fact.
#[allow(missing_docs)]
pub trait Fields {
    fn number(&mut self, name: &'static str, n: u64);
    fn digest(&mut self, name: &'static str, d: u64);
    fn text(&mut self, name: &'static str, t: &'static str);
    fn record(&mut self, name: &'static str, channel: ChannelId, r: Record);
    fn list(&mut self, name: &'static str, l: &[TaskId]);
    fn waits(&mut self, name: &'static str, w: &[Wait]);
}

/// Who listens to a run. `()` listens to nothing, and costs nothing.
pub trait Observer {
    /// Takes a fact.
    fn see(&mut self, at: At, fact: Fact<'_>);
    /// Asked once a step: whether the run should stop here.
    fn stop(&self) -> bool {
        false
    }
}

impl Observer for () {
    #[inline(always)]
    fn see(&mut self, _: At, _: Fact<'_>) {}
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    #[inline(always)]
    fn see(&mut self, at: At, fact: Fact<'_>) {
        self.0.see(at, fact);
        self.1.see(at, fact);
    }
    #[inline]
    fn stop(&self) -> bool {
        self.0.stop() || self.1.stop()
    }
}

impl<A: Observer> Observer for Option<A> {
    #[inline(always)]
    fn see(&mut self, at: At, fact: Fact<'_>) {
        if let Some(a) = self {
            a.see(at, fact);
        }
    }
    #[inline]
    fn stop(&self) -> bool {
        self.as_ref().is_some_and(A::stop)
    }
}

impl<A: Observer> Observer for &mut A {
    #[inline(always)]
    fn see(&mut self, at: At, fact: Fact<'_>) {
        (**self).see(at, fact);
    }
    #[inline]
    fn stop(&self) -> bool {
        (**self).stop()
    }
}
