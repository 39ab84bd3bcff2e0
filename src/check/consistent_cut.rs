//! `consistent-cut`: for each channel of each completed snapshot, sent = received, then logged (`abs.md` 2).
//! Speaks when a snapshot completes, without any crash.

use super::judge::Judge;
use super::verdict::{Evidence, Property};
use crate::base::{ChannelId, Epoch, TaskId};
use crate::trace::At;

pub(super) fn completed(judge: &mut Judge<'_>, at: At, epoch: Epoch) {
    let graph = &judge.job.graph;
    let Some(cut) = judge.ledger.cut(epoch) else {
        return missing(judge, at, epoch, 0);
    };
    let tasks = 0..graph.tasks.len() as TaskId;
    if let Some(t) = tasks.clone().find(|&t| cut.copies.tasks[t as usize].is_none()) {
        return missing(judge, at, epoch, t);
    }
    if let Some(t) = tasks.clone().find(|&t| !cut.copies.acked.contains(t)) {
        return unacknowledged(judge, at, epoch, t);
    }
    if cut.copies.log.is_empty() {
        if let Some(c) = cut.flows.iter().position(|f| !f.balanced()) {
            differs(judge, at, epoch, c as ChannelId);
        }
        return;
    }
    let mut with_log = cut.flows.clone();
    let mut out_of_order = None;
    for l in &cut.copies.log {
        let f = &mut with_log[l.channel as usize];
        f.receive(l.record);
        if f.received() != l.seq {
            out_of_order.get_or_insert(l.channel);
        }
    }
    let c = with_log.iter().position(|f| !f.balanced()).map(|c| c as ChannelId).or(out_of_order);
    if let Some(c) = c {
        differs(judge, at, epoch, c);
    }
}

#[cold]
fn missing(judge: &mut Judge<'_>, at: At, epoch: Epoch, t: TaskId) {
    let task = judge.task(t).to_string();
    let message = format!("snapshot {epoch} completed without a copy of {task}");
    let evidence = vec![("epoch", Evidence::Number(epoch)), ("task", Evidence::Text(task))];
    judge.violate(at, Property::ConsistentCut, "copy-missing", message, evidence);
}

#[cold]
fn unacknowledged(judge: &mut Judge<'_>, at: At, epoch: Epoch, t: TaskId) {
    let task = judge.task(t).to_string();
    let message =
        format!("snapshot {epoch} completed although {task} had not acknowledged it: its part need not be durable");
    let evidence = vec![("epoch", Evidence::Number(epoch)), ("task", Evidence::Text(task))];
    judge.violate(at, Property::ConsistentCut, "not-acknowledged", message, evidence);
}

#[cold]
fn differs(judge: &mut Judge<'_>, at: At, epoch: Epoch, c: ChannelId) {
    let Some(cut) = judge.ledger.cut(epoch) else { return };
    let channel = &judge.job.graph.channels[c as usize];
    let (from, to) = (judge.task(channel.from), judge.task(channel.to));
    let f = cut.flows[c as usize];
    let logged: Vec<u64> = cut.copies.log.iter().filter(|l| l.channel == c).map(|l| l.seq).collect();
    let n = logged.len() as u64;
    let (kind, seq, story) = if let Some(&seq) = logged.iter().find(|&&s| s <= f.received()) {
        ("in-state-and-log", seq, format!("record {seq} is in the snapshot twice: in {to}'s state and in its log"))
    } else if f.received() > f.sent() {
        let seq = f.sent() + 1;
        (
            "received-not-sent",
            seq,
            format!(
                "record {seq} was processed before {to} took its copy, but sent after {from} took its own: after a restart it is sent again, and counts twice"
            ),
        )
    } else if f.received() + n > f.sent() {
        let seq = logged.iter().copied().find(|&s| s > f.sent()).unwrap_or(f.sent() + 1);
        (
            "logged-not-sent",
            seq,
            format!(
                "record {seq} is in {to}'s log, but was sent after {from} took its copy: after a restart it is replayed and sent again, and counts twice"
            ),
        )
    } else if f.received() + n < f.sent() {
        let held = |s: u64| s <= f.received() || logged.contains(&s);
        let seq = (1..=f.sent()).rev().find(|&s| !held(s)).unwrap_or(f.sent());
        (
            "sent-not-received",
            seq,
            format!(
                "record {seq} was sent before {from} took its copy, and is neither in {to}'s state nor in a log: after a restart it is lost"
            ),
        )
    } else {
        let seq = logged.last().copied().unwrap_or(f.sent());
        (
            "other-content",
            seq,
            format!("what {to} has is not what {from} sent: the records differ, or their order in the log"),
        )
    };
    let spelled = judge.job.graph.spell_channel(c);
    let message = format!(
        "snapshot {epoch} is no consistent cut at {spelled}: {from} had sent {} record(s), {to} had processed {} and logged {n}; {story}",
        f.sent(),
        f.received()
    );
    let evidence = vec![
        ("epoch", Evidence::Number(epoch)),
        ("channel", Evidence::Text(spelled)),
        ("channel_id", Evidence::Number(c as u64)),
        ("seq", Evidence::Number(seq)),
        ("sent", Evidence::Number(f.sent())),
        ("received", Evidence::Number(f.received())),
        ("logged", Evidence::Number(n)),
        ("expected", Evidence::Text("sent = received + logged".into())),
    ];
    judge.violate(at, Property::ConsistentCut, kind, message, evidence);
}
