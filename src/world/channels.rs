//! Channels: FIFO queues as lists in one slab, and why nothing is taken from them.
//!
//! In a timed run a message travels in the agenda, and comes here only if it cannot be taken when it arrives. Where
//! any order is possible, everything in transit is here.

use crate::base::{ChannelId, TaskId, Time};

/// Why nothing is delivered from a channel.
pub mod flag {
    /// The receiver blocks it.
    pub const BLOCKED: u8 = 1;
    /// The receiver is dead.
    pub const DOWN: u8 = 2;
    /// The receiver has no room for its own output: takes no record.
    pub const NO_ROOM: u8 = 4;
    /// The receiver stalls.
    pub const STALLED: u8 = 8;
    /// Messages are in it: what arrives queues up behind them. (No reason by itself.)
    pub const QUEUE: u8 = 16;
}

const NIL: u32 = u32::MAX;

/// Where a channel begins: what its sender touches with every message.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub struct ChannelStart {
    /// When the last message arrives (in a timed run).
    pub last: Time,
    /// `seq` of the record that was sent last.
    pub sent: u32,
    /// How many messages were ever sent on it (in a timed run).
    pub nth: u32,
}

/// Where a channel ends: what its receiver looks at with every message. The receiver (24 bits), and why nothing is
/// delivered (8 bits, see [`flag`]).
#[derive(Clone, Copy, Debug)]
pub struct ChannelEnd(u32);

impl ChannelEnd {
    /// The receiver.
    #[inline(always)]
    pub fn to(self) -> TaskId {
        self.0 & 0xFF_FFFF
    }
    /// Whether any flag is set.
    #[inline(always)]
    pub fn is_flagged(self) -> bool {
        self.0 > 0xFF_FFFF
    }
    /// The flags.
    pub fn flags(self) -> u8 {
        (self.0 >> 24) as u8
    }
    /// Sets or clears a flag.
    pub fn set(&mut self, flag: u8, on: bool) {
        let bit = (flag as u32) << 24;
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }
}

/// What waits in a channel, and where its receiver has it: what is needed with a message that is no plain record, or
/// that has to wait.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub struct ChannelQueue {
    /// The channel's place among the receiver's inputs.
    pub input: u32,
    head: u32,
    tail: u32,
    /// Messages that could not be taken, and for which nothing is scheduled.
    pub held: u32,
}

const _: () = assert!(size_of::<ChannelStart>() == 16 && size_of::<ChannelQueue>() == 16, "a quarter of a cache line");

/// What is seldom needed of a channel.
#[derive(Clone, Copy, Debug)]
pub struct ChannelRest {
    /// The sender.
    pub from: TaskId,
    /// Records in transit (only counted where any channel is bounded).
    pub records: u32,
    /// The most records that fit (`u32::MAX`: no bound).
    pub capacity: u32,
}

/// Whose a new channel is.
#[derive(Clone, Copy, Debug)]
pub struct ChannelOf {
    /// The sender.
    pub from: TaskId,
    /// The receiver.
    pub to: TaskId,
    /// The channel's place among the receiver's inputs.
    pub input: u32,
    /// The most records that fit (`u32::MAX`: no bound).
    pub capacity: u32,
}

/// All channels, and what is in them. `M` is a message.
#[derive(Debug)]
pub struct Channels<M> {
    /// Their beginnings …
    pub starts: Vec<ChannelStart>,
    /// … and ends …
    pub ends: Vec<ChannelEnd>,
    /// … and what waits in them …
    pub queues: Vec<ChannelQueue>,
    /// … and the rest of what is known of each.
    pub rest: Vec<ChannelRest>,
    /// Whether only so many records fit into any of them.
    pub bounded: bool,
    nodes: Vec<(M, u32)>,
    free: u32,
}

impl<M: Copy> Clone for Channels<M> {
    fn clone(&self) -> Self {
        Channels {
            starts: self.starts.clone(),
            ends: self.ends.clone(),
            queues: self.queues.clone(),
            rest: self.rest.clone(),
            nodes: self.nodes.clone(),
            ..*self
        }
    }
    fn clone_from(&mut self, o: &Self) {
        self.starts.clone_from(&o.starts);
        self.ends.clone_from(&o.ends);
        self.queues.clone_from(&o.queues);
        self.rest.clone_from(&o.rest);
        self.nodes.clone_from(&o.nodes);
        self.free = o.free;
    }
}

impl<M: Copy> Channels<M> {
    /// Empty channels.
    ///
    /// # Panics
    /// If there are more than 2^24 tasks or 2^28 channels.
    pub fn new(channels: impl ExactSizeIterator<Item = ChannelOf>) -> Self {
        let starts = vec![ChannelStart { last: Time(0), sent: 0, nth: 0 }; channels.len()];
        let mut ends = Vec::with_capacity(channels.len());
        let mut queues = Vec::with_capacity(channels.len());
        let mut rest = Vec::with_capacity(channels.len());
        for ChannelOf { from, to, input, capacity } in channels {
            assert!(ends.len() < 1 << 28, "there can be at most 2^28 channels");
            assert!(to < 1 << 24, "there can be at most 2^24 tasks");
            ends.push(ChannelEnd(to));
            queues.push(ChannelQueue { input, head: NIL, tail: NIL, held: 0 });
            rest.push(ChannelRest { from, records: 0, capacity });
        }
        let bounded = rest.iter().any(|r| r.capacity != u32::MAX);
        Channels { starts, ends, queues, rest, bounded, nodes: Vec::new(), free: NIL }
    }

    /// Puts a message at the end.
    #[inline(always)]
    pub fn push(&mut self, c: ChannelId, m: M) {
        let mut node = self.free;
        if let Some(spare) = self.nodes.get_mut(node as usize) {
            self.free = std::mem::replace(spare, (m, NIL)).1;
        } else {
            node = self.nodes.len() as u32;
            self.nodes.push((m, NIL));
        }
        let ch = &mut self.queues[c as usize];
        if ch.head == NIL {
            ch.head = node;
            self.ends[c as usize].set(flag::QUEUE, true);
        } else {
            self.nodes[ch.tail as usize].1 = node;
        }
        ch.tail = node;
    }

    /// The message at the head.
    #[inline]
    pub fn peek(&self, c: ChannelId) -> Option<M> {
        let head = self.queues[c as usize].head;
        (head != NIL).then(|| self.nodes[head as usize].0)
    }

    /// Takes the message at the head out.
    pub fn pop(&mut self, c: ChannelId) -> Option<M> {
        let ch = &mut self.queues[c as usize];
        let head = ch.head;
        let node = self.nodes.get_mut(head as usize)?;
        let (m, next) = *node;
        ch.head = next;
        if next == NIL {
            self.ends[c as usize].set(flag::QUEUE, false);
        }
        node.1 = std::mem::replace(&mut self.free, head);
        Some(m)
    }

    /// Whether nothing is in the channel.
    #[inline]
    pub fn is_empty(&self, c: ChannelId) -> bool {
        self.queues[c as usize].head == NIL
    }

    /// What is in the channel, in order.
    pub fn iter(&self, c: ChannelId) -> impl Iterator<Item = M> + '_ {
        let mut at = self.queues[c as usize].head;
        std::iter::from_fn(move || {
            let (m, next) = *self.nodes.get(at as usize)?;
            at = next;
            Some(m)
        })
    }

    /// Nothing is in the channel, and nothing in its way.
    pub fn clear(&mut self, c: ChannelId) {
        let ch = &mut self.queues[c as usize];
        // Its list goes before those that are free.
        if let Some(last) = self.nodes.get_mut(ch.tail as usize).filter(|_| ch.head != NIL) {
            last.1 = std::mem::replace(&mut self.free, ch.head);
        }
        (ch.head, ch.held) = (NIL, 0);
        self.rest[c as usize].records = 0;
        self.ends[c as usize].set(u8::MAX, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    proptest::proptest! {
        #[test]
        fn channels_are_queues(steps in proptest::collection::vec((0u32..3, 0u8..6), 0..200)) {
            let of = |i: u32| ChannelOf { from: i + 20, to: i + 10, input: i + 5, capacity: 4 };
            let (mut channels, mut used) = (Channels::new((0..3).map(of)), Channels::new((0..3).map(of)));
            let (mut model, mut most) = (vec![VecDeque::new(); 3], 0);
            for (n, (c, what)) in steps.into_iter().enumerate() {
                match what {
                    0 | 1 => { channels.push(c, n); model[c as usize].push_back(n); }
                    2 => assert_eq!(channels.pop(c), model[c as usize].pop_front()),
                    3 => {
                        channels.queues[c as usize].held = 1;
                        channels.rest[c as usize].records = 1;
                        channels.ends[c as usize].set(flag::BLOCKED, true);
                        channels.clear(c);
                        let (queue, rest) = (&channels.queues[c as usize], &channels.rest[c as usize]);
                        assert_eq!((queue.held, rest.records, channels.ends[c as usize].flags()), (0, 0, 0));
                        model[c as usize].clear();
                    }
                    4 => {
                        used.clone_from(&channels);
                        std::mem::swap(&mut used, &mut channels);
                    }
                    _ => channels = channels.clone(),
                }
                most = most.max(model.iter().map(VecDeque::len).sum());
                assert_eq!(channels.nodes.len(), most, "room is used again");
                for c in 0..3 {
                    let (end, queue, rest) = (channels.ends[c as usize], &channels.queues[c as usize], &channels.rest[c as usize]);
                    assert_eq!((rest.from, end.to(), queue.input, rest.capacity), (c + 20, c + 10, c + 5, 4));
                    assert_eq!(end.flags() & flag::QUEUE != 0, !model[c as usize].is_empty());
                    assert_eq!(channels.iter(c).collect::<VecDeque<_>>(), model[c as usize]);
                    assert_eq!(channels.peek(c), model[c as usize].front().copied());
                    assert_eq!(channels.is_empty(c), model[c as usize].is_empty());
                }
            }
        }
    }
}
