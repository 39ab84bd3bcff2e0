//! `exactly-once-state`: on each channel of the surviving history every record is processed once, in order;
//! sources read on where their copy ends; a restored state is the copied one.

use super::judge::Judge;
use super::verdict::{Evidence, Property};
use crate::base::{ChannelId, Epoch, Record, TaskId};
use crate::dataflow::{Read, Source};
use crate::trace::At;
use std::hint::cold_path;

const P: Property = Property::ExactlyOnceState;

#[inline(always)]
pub(super) fn read(judge: &mut Judge<'_>, at: At, task: TaskId, split: u32, offset: u64) {
    match judge.ledger.offset(task, split, &judge.job.splits) {
        Some(next) if *next == offset => *next += 1,
        Some(next) => {
            cold_path();
            let want = std::mem::replace(next, offset + 1);
            wrong_read(judge, at, task, split, offset, Some(want));
        }
        None => {
            cold_path();
            wrong_read(judge, at, task, split, offset, None)
        }
    }
}

#[cold]
fn wrong_read(judge: &mut Judge<'_>, at: At, task: TaskId, split: u32, offset: u64, want: Option<u64>) {
    let name = judge.task(task).to_string();
    let (kind, message) = match want {
        None => ("foreign-split", format!("{name} reads split {split}, which belongs to another task")),
        Some(w) if w < offset => (
            "offset-too-far",
            format!("{name} reads offset {offset} of split {split}, where {w} comes next: record {w} is lost"),
        ),
        Some(w) => (
            "offset-too-near",
            format!(
                "{name} reads offset {offset} of split {split} again, where {w} comes next: record {offset} counts twice"
            ),
        ),
    };
    let mut evidence = vec![
        ("task", Evidence::Text(name)),
        ("split", Evidence::Number(split as u64)),
        ("offset", Evidence::Number(offset)),
    ];
    evidence.extend(want.map(|w| ("expected", Evidence::Number(w))));
    judge.violate(at, P, kind, message, evidence);
}

#[cold]
pub(super) fn wrong_send(judge: &mut Judge<'_>, at: At, task: TaskId, c: ChannelId, seq: u64, r: Record) {
    let want = judge.ledger.flows[c as usize].sent();
    let (name, channel) = (judge.task(task).to_string(), judge.job.graph.spell_channel(c));
    let message =
        format!("{name} sends record {seq} on {channel}, where record {want} comes next in the surviving history");
    judge.violate(at, P, "send-out-of-sequence", message, record_evidence(channel, seq, want, c, r));
}

pub(super) fn record_evidence(
    channel: String,
    seq: u64,
    want: u64,
    c: ChannelId,
    r: Record,
) -> Vec<(&'static str, Evidence)> {
    vec![
        ("channel", Evidence::Text(channel)),
        ("seq", Evidence::Number(seq)),
        ("expected", Evidence::Number(want)),
        ("record", Evidence::Record(c, r)),
    ]
}

pub(super) fn restored(judge: &mut Judge<'_>, at: At, task: TaskId, epoch: Epoch, state: u64) {
    let cut = judge.ledger.completed.as_ref().filter(|c| c.copies.epoch == epoch);
    let want = match (epoch, judge.job.operator(task)) {
        (0, Some(operator)) => Some(operator.state()),
        (0, None) => None,
        _ => cut.and_then(|c| c.copies.tasks[task as usize].as_ref()).map(|t| t.state),
    };
    if let Some(want) = want.filter(|&w| w != state) {
        let name = judge.task(task).to_string();
        let message = format!("{name} was restored from snapshot {epoch} with a state that is not the copied one");
        let evidence = vec![
            ("epoch", Evidence::Number(epoch)),
            ("task", Evidence::Text(name)),
            ("state", Evidence::Digest(state)),
            ("expected", Evidence::Digest(want)),
        ];
        judge.violate(at, P, "restored-other-state", message, evidence);
    }
}

pub(super) fn replayed(judge: &mut Judge<'_>, at: At, task: TaskId, c: ChannelId, seq: u64, r: Record) {
    let flow = &mut judge.ledger.flows[c as usize];
    flow.receive(r);
    let want = flow.received();
    let from = judge.ledger.restored_from;
    let cut = judge.ledger.completed.as_ref().filter(|cut| cut.copies.epoch == from);
    let logged = cut.and_then(|cut| cut.copies.log.iter().find(|l| l.channel == c && l.seq == seq));
    let (kind, story) = match logged {
        None => ("replayed-not-logged", "which is not in the log"),
        Some(l) if l.record != r => ("replayed-other-record", "with another content than the logged one"),
        Some(_) if seq != want => ("replayed-twice", "out of its turn"),
        Some(_) => return,
    };
    let (name, channel) = (judge.task(task).to_string(), judge.job.graph.spell_channel(c));
    let message = format!("{name} replays record {seq} of {channel}, {story}: record {want} comes next");
    judge.violate(at, P, kind, message, record_evidence(channel, seq, want, c, r));
}

#[cold]
pub(super) fn wrong_fold(judge: &mut Judge<'_>, at: At, task: TaskId, what: &str, want: u64, state: u64) {
    let name = judge.task(task).to_string();
    let message =
        format!("the state that {name} {what} is not the fold of its operator over the records it has processed");
    let evidence =
        vec![("task", Evidence::Text(name)), ("state", Evidence::Digest(state)), ("expected", Evidence::Digest(want))];
    judge.violate(at, P, "not-the-fold", message, evidence);
}

/// The run is over: nothing that can be read may be unread, and nothing that was sent may be missing.
pub(super) fn at_rest(judge: &mut Judge<'_>, at: At) {
    unread(judge, at);
    let lost = judge.ledger.flows.iter().position(|f| f.sent() != f.received());
    if let Some(c) = lost {
        let f = judge.ledger.flows[c];
        let channel = judge.job.graph.spell_channel(c as ChannelId);
        let message = format!(
            "the run is over, and of {} record(s) sent on {channel} only {} were processed",
            f.sent(),
            f.received()
        );
        let evidence = vec![
            ("channel", Evidence::Text(channel)),
            ("sent", Evidence::Number(f.sent())),
            ("received", Evidence::Number(f.received())),
        ];
        judge.violate(at, P, "lost-at-the-end", message, evidence);
    }
}

fn unread(judge: &mut Judge<'_>, at: At) {
    for t in 0..judge.job.splits.len() {
        let Some(source) = judge.job.source(t as TaskId) else { continue };
        let splits = &judge.job.splits[t];
        let mut splits = splits.iter().zip(judge.ledger.offsets_of(t as TaskId, splits.len()));
        let left = splits.find(|&(&split, &offset)| matches!(source.read(split, offset), Read::Record(_)));
        if let Some((&split, &offset)) = left {
            let name = judge.task(t as TaskId).to_string();
            let message = format!("the run is over, and {name} has not read record {offset} of split {split}");
            let evidence = vec![
                ("task", Evidence::Text(name)),
                ("split", Evidence::Number(split as u64)),
                ("offset", Evidence::Number(offset)),
            ];
            judge.violate(at, P, "unread-at-the-end", message, evidence);
        }
    }
}
