//! One task: its state, and what it contributes to a snapshot.

use crate::base::{Attempt, Bits, ChannelId, Digester, Epoch, Record, Time, copy_list, copy_option, fold};
use crate::dataflow::{AnyOperator, AnySource};
use crate::graph::Route;
use crate::protocol::{AnyProtocol, Effect, Input};
use std::rc::Rc;

/// A logged record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The back-edge.
    pub channel: ChannelId,
    /// Its number on that channel.
    pub seq: u64,
    /// The record.
    pub record: Record,
}

/// What a task contributes to a snapshot.
#[derive(Clone, Default)]
pub struct Content {
    /// The copy of the operator (`None`: a source).
    pub operator: Option<AnyOperator>,
    /// The digest of the state when the copy was taken.
    pub state: u64,
    /// For each split of a source, the first offset that is not covered.
    pub offsets: Vec<u64>,
    /// Positions at which the source has triggered.
    pub taken: u32,
    /// Whether the source was at its end.
    pub at_end: bool,
    /// The inputs that had ended.
    pub ended: Bits,
    /// For each output channel, the number of the last record sent.
    pub sent: Vec<u64>,
    /// The log, in order.
    pub log: Vec<Logged>,
}

impl Content {
    pub(super) fn digest(&self, d: &mut Digester) {
        d.word(self.state);
        self.offsets.iter().for_each(|&o| d.word(o));
        d.word((self.taken as u64) << 1 | self.at_end as u64);
        d.bits(&self.ended);
        // Positions count only as rank: the log's place follows from what is logged.
        self.log.iter().for_each(|l| d.word(fold(l.channel as u64 + 1, l.record.word())));
    }
}

/// What a source finds when it looks ahead: a [`Read`](crate::dataflow::Read), with the record beside it. (Together they
/// would go through memory at each record.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    Record,
    Silent,
    End,
}

/// One task: with the mark before it ([`Kept`](crate::base::Kept)), a cache line of what every record needs, one of what
/// a read needs, and then the operator.
#[repr(C)]
pub(super) struct TaskState<'p> {
    pub attempt: Attempt,
    pub up: bool,
    /// The protocol wants to hear of records.
    pub listens: bool,
    pub at_end: bool,
    pub silent: bool,
    /// Where its records go.
    pub routes: &'p [Route],
    /// What it reads, if it is a source …
    pub source: Option<&'p AnySource>,
    /// … so many nanoseconds apart.
    pub pace: u64,
    /// Full output channels.
    pub full: u32,
    /// From which of its splits it reads next, and what, if that was looked at. (Sources are pure: it stays.)
    pub next_split: u32,
    pub next: Option<Ahead>,
    /// The timer went off while there was no room.
    pub waiting: bool,
    pub next_record: Record,
    /// Records read (the sum of the offsets).
    pub reads: u64,
    /// Where the next position is (`u64::MAX`: there is none).
    pub position: u64,
    /// When the source's timer goes off; other timer events of it are void.
    pub due: Time,
    /// Until when it stalls.
    pub stalled: Time,
    /// The only split, if there is one alone: its offset is `reads`.
    pub only_split: Option<u32>,
    /// When the last trigger arrives. (Here, since the operator begins a cache line after it.)
    pub told: Time,
    pub operator: Option<AnyOperator>,
    /// The offsets of more splits than one. (See [`offsets`](TaskState::offsets).)
    pub each_offset: Vec<u64>,
    /// The splits of a source.
    pub splits: &'p [u32],
    pub protocol: AnyProtocol,
    /// How many positions were passed.
    pub taken: u32,
    pub ended: Bits,
    /// Whether the end was broadcast.
    pub closed: bool,
    /// Copies whose part is not at the store yet.
    pub open: Vec<(Epoch, Rc<Content>)>,
    /// Highest epoch for which a decline was considered.
    pub asked: Epoch,
    /// Deliveries so far (only counted where a fault asks).
    pub deliveries: u64,
}

const _: () = assert!(8 + std::mem::offset_of!(TaskState<'_>, operator) == 128, "the operator begins a cache line");

impl Clone for TaskState<'_> {
    fn clone(&self) -> Self {
        TaskState {
            operator: self.operator.clone(),
            protocol: self.protocol.clone(),
            each_offset: self.each_offset.clone(),
            ended: self.ended.clone(),
            open: self.open.clone(),
            ..*self
        }
    }
    fn clone_from(&mut self, o: &Self) {
        copy_option(&mut self.operator, o.operator.as_ref());
        self.protocol.clone_from(&o.protocol);
        copy_list(&mut self.each_offset, &o.each_offset);
        self.ended.clone_from(&o.ended);
        copy_list(&mut self.open, &o.open);
        (self.up, self.attempt, self.reads, self.taken) = (o.up, o.attempt, o.reads, o.taken);
        self.listens = o.listens;
        (self.at_end, self.silent, self.due, self.waiting) = (o.at_end, o.silent, o.due, o.waiting);
        (self.stalled, self.closed, self.full) = (o.stalled, o.closed, o.full);
        (self.asked, self.deliveries, self.told) = (o.asked, o.deliveries, o.told);
        (self.next, self.next_record, self.next_split, self.position) =
            (o.next, o.next_record, o.next_split, o.position);
    }
}

impl TaskState<'_> {
    /// For each split of a source, the offset that is read next.
    pub fn offsets(&self) -> &[u64] {
        if self.only_split.is_some() { std::slice::from_ref(&self.reads) } else { &self.each_offset }
    }

    /// Tells the protocol something.
    #[inline]
    pub fn tell_protocol(&mut self, input: Input, fx: &mut Vec<Effect>) {
        self.protocol.handle(input, fx);
        self.listens = self.protocol.listens();
    }
}

/// The digest of a source's state: its offsets.
pub(super) fn source_state(offsets: &[u64]) -> u64 {
    offsets.iter().fold(0x6A09_E667_F3BC_C908, |d, &o| fold(d ^ o, 0x9E37_79B9_7F4A_7C15).wrapping_add(o))
}
