//! What can come next, and what travels on a channel: small values, packed. Who carries them out is elsewhere.

use crate::base::{ChannelId, Epoch, Record};

/// What travels on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The `seq`-th data record of the channel.
    Record {
        /// From 1.
        seq: u64,
        /// The record.
        record: Record,
    },
    /// A barrier.
    Barrier(Epoch),
    /// A cancel marker.
    Cancel(Epoch),
    /// The end of the channel.
    End,
}

/// What can come next, for an agenda or a channel to carry: 24 bytes. Of messages, the content; of all else, whom it
/// is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    key: u64,
    value: u64,
    seq: u32,
    /// Kind (4 bits) and index (28).
    what: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum What {
    /// A record has travelled its channel.
    Record,
    /// A barrier has.
    Barrier,
    /// A cancel marker has.
    Cancel,
    /// The end of the channel has.
    End,
    /// The channel can be looked at again: so many messages that wait in it may be taken.
    Waiting,
    /// A source's timer.
    Source,
    /// A control message arrives.
    Letter,
    /// A write becomes durable.
    Durable,
    /// Everything restarts.
    Recover,
    /// A fault that is scheduled.
    Crash,
    Stall,
    /// A stalled task goes on.
    Resume,
}

impl Event {
    const KINDS: [What; 16] = {
        use What::*;
        [
            Record, Barrier, Cancel, End, Waiting, Source, Letter, Durable, Recover, Crash, Stall, Resume, Resume,
            Resume, Resume, Resume,
        ]
    };

    #[inline(always)]
    pub(super) fn new(what: What, index: u32) -> Self {
        debug_assert!(index < 1 << 28, "[cutline bug] an event's index is too large");
        Event { key: 0, value: 0, seq: 0, what: (what as u32) << 28 | index }
    }
    /// A record that travels the channel `c`.
    #[inline(always)]
    pub(super) fn of_record(c: ChannelId, seq: u64, record: Record) -> Self {
        Event { key: record.key, value: record.value, seq: seq as u32, what: (What::Record as u32) << 28 | c }
    }
    /// So many messages that wait in the channel `c` may be taken.
    pub(super) fn waiting(c: ChannelId, count: u32) -> Self {
        Event { seq: count, ..Event::new(What::Waiting, c) }
    }
    /// Of waiting messages: how many.
    pub(super) fn count(self) -> u32 {
        self.seq
    }
    /// A message that travels the channel `c`.
    pub(super) fn message(c: ChannelId, m: Message) -> Self {
        match m {
            Message::Record { seq, record } => Event::of_record(c, seq, record),
            Message::Barrier(e) => Event { key: e, ..Event::new(What::Barrier, c) },
            Message::Cancel(e) => Event { key: e, ..Event::new(What::Cancel, c) },
            Message::End => Event::new(What::End, c),
        }
    }
    #[inline(always)]
    pub(super) fn what(self) -> What {
        Self::KINDS[(self.what >> 28) as usize]
    }
    #[inline(always)]
    pub(super) fn index(self) -> u32 {
        self.what & 0xFFF_FFFF
    }
    /// Whether it is about what is in transit on a channel.
    #[inline(always)]
    pub(super) fn in_transit(self) -> bool {
        self.what >> 28 <= What::Waiting as u32
    }
    /// The epoch of a barrier or a cancel marker.
    pub(super) fn epoch(self) -> Epoch {
        self.key
    }
    #[inline(always)]
    pub(super) fn is_record(self) -> bool {
        self.what >> 28 == What::Record as u32
    }
    /// As words, to be handed on in registers: an event that is handed on as a whole lies in memory, and so do all
    /// copies of it.
    #[inline(always)]
    pub(super) fn words(self) -> (u64, u64, u64) {
        (self.key, self.value, (self.what as u64) << 32 | self.seq as u64)
    }
    /// The event with these words.
    #[inline(always)]
    pub(super) fn of_words((key, value, rest): (u64, u64, u64)) -> Self {
        Event { key, value, seq: rest as u32, what: (rest >> 32) as u32 }
    }
    /// Of a record: its number on the channel.
    #[inline(always)]
    pub(super) fn seq(self) -> u64 {
        self.seq as u64
    }
    /// Of a record: its content.
    #[inline(always)]
    pub(super) fn content(self) -> Record {
        Record::new(self.key, self.value)
    }
}
