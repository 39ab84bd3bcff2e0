//! Every fact of a run, kept. Only the second run of a failing seed does this.

use super::fact::{At, Fact, Observer};

/// Keeps every fact (lists inside facts are dropped), to look things up after the run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The facts in order.
    pub facts: Vec<(At, Fact<'static>)>,
}

impl Observer for History {
    fn see(&mut self, at: At, fact: Fact<'_>) {
        use Fact::*;
        let fact: Fact<'static> = match fact {
            Restarting { attempt, epoch, .. } => Restarting { attempt, epoch, tasks: &[] },
            End { outcome, .. } => End { outcome, waits: &[] },
            Read { task, attempt, split, offset } => Read { task, attempt, split, offset },
            Sent { task, attempt, channel, seq, record } => Sent { task, attempt, channel, seq, record },
            Processed { task, attempt, channel, seq, record } => Processed { task, attempt, channel, seq, record },
            BarrierSent { task, attempt, channel, epoch } => BarrierSent { task, attempt, channel, epoch },
            BarrierReceived { task, attempt, channel, epoch } => BarrierReceived { task, attempt, channel, epoch },
            Blocked { task, attempt, channel, epoch } => Blocked { task, attempt, channel, epoch },
            Unblocked { task, attempt, channel, epoch } => Unblocked { task, attempt, channel, epoch },
            Copied { task, attempt, epoch, state } => Copied { task, attempt, epoch, state },
            Logged { task, attempt, epoch, channel, seq, record } => {
                Logged { task, attempt, epoch, channel, seq, record }
            }
            Acknowledged { task, attempt, epoch } => Acknowledged { task, attempt, epoch },
            Declined { task, attempt, epoch } => Declined { task, attempt, epoch },
            Triggered { epoch } => Triggered { epoch },
            Completed { epoch } => Completed { epoch },
            Aborted { epoch, reason } => Aborted { epoch, reason },
            Notified { task, attempt, epoch, complete } => Notified { task, attempt, epoch, complete },
            Stored { task, attempt, epoch, handle } => Stored { task, attempt, epoch, handle },
            Deleted { task, attempt, epoch, handle } => Deleted { task, attempt, epoch, handle },
            Crashed { task, attempt, node } => Crashed { task, attempt, node },
            EndSent { task, attempt, channel } => EndSent { task, attempt, channel },
            EndReceived { task, attempt, channel } => EndReceived { task, attempt, channel },
            CancelSent { task, attempt, channel, epoch } => CancelSent { task, attempt, channel, epoch },
            CancelReceived { task, attempt, channel, epoch } => CancelReceived { task, attempt, channel, epoch },
            Restored { task, attempt, epoch, state } => Restored { task, attempt, epoch, state },
            Replayed { task, attempt, channel, seq, record } => Replayed { task, attempt, channel, seq, record },
            Discarded { task, attempt, channel, seq, reason } => Discarded { task, attempt, channel, seq, reason },
            Ended { task, attempt, state } => Ended { task, attempt, state },
            Misused { task, attempt, epoch, effect, why } => Misused { task, attempt, epoch, effect, why },
            Panicked { task, attempt, channel, record } => Panicked { task, attempt, channel, record },
        };
        self.facts.push((at, fact));
    }
}
