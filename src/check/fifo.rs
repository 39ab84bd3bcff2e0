//! `fifo`: each channel delivers in order, without gap or repetition: the transport's own promise. Where the
//! transport kept it and a record is still missing or double, a restart did it, and `exactly-once-state` says so.

use super::exactly_once::record_evidence;
use super::judge::Judge;
use super::verdict::Property;
use crate::base::{ChannelId, Record, TaskId};
use crate::trace::At;

#[cold]
pub(super) fn wrong_delivery(judge: &mut Judge<'_>, at: At, task: TaskId, c: ChannelId, seq: u64, r: Record) {
    let flow = judge.ledger.flows[c as usize];
    let want = flow.received();
    // What the sender had sent when its copy was taken is not sent again: after a restart the transport begins
    // behind it. If the receiver expects less, it should have replayed a log.
    let from = judge.ledger.restored_from;
    let cut = judge.ledger.completed.as_ref().filter(|cut| cut.copies.epoch == from && from != 0);
    let begins = cut.map_or(0, |cut| cut.flows[c as usize].sent());
    let restart = seq == begins + 1 && want <= begins;
    let (name, channel) = (judge.task(task).to_string(), judge.job.graph.spell_channel(c));
    let (property, kind, story) = if restart {
        (Property::ExactlyOnceState, "log-not-replayed", format!("record {want} was logged and not replayed"))
    } else if seq > flow.sent() {
        (Property::Fifo, "never-sent", "it was never sent".to_string())
    } else if seq > want {
        (Property::Fifo, "gap", format!("record {want} comes next"))
    } else if seq < want {
        (Property::Fifo, "repetition", format!("record {want} comes next"))
    } else {
        (
            Property::Fifo,
            "other-content",
            "the channel is drained, and what came out is not what was put in".to_string(),
        )
    };
    let message = format!("{channel} delivers record {seq} to {name}: {story}");
    judge.violate(at, property, kind, message, record_evidence(channel, seq, want, c, r));
}
