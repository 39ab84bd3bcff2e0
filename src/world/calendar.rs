//! The agenda in the order of time: a calendar queue.

use super::agenda::Agenda;
use super::networks::{merge_eights, sort_eight};
use crate::base::Time;
use crate::choice::Choices;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::{cold_path, select_unpredictable};

/// An event that is in no bucket: its turn among those of the same moment is kept with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Far {
    time: u64,
    seq: u64,
    node: u32,
}

/// An event, and the next one in its bucket (or among the nodes that are free).
#[derive(Clone, Copy, Debug)]
struct Node<E> {
    event: E,
    /// Its time, without what the bucket says of that; and whether it belongs to a group ([`GROUP`]: set on all but
    /// the first, and looked at only on the last, which stands for the group in the bucket's list).
    low: u32,
    next: u32,
}

const NIL: u32 = u32::MAX;
const GROUP: u32 = 1 << 31;
/// The place of a node has so many bits, and its turn in a [`packed`] word.
const PLACE_BITS: u32 = 30;
const TURN_BITS: u32 = 4;
/// How many buckets there are: a power of two.
const BUCKETS: usize = 4096;

/// In the order of (time, insertion): a calendar of buckets. What comes later than the calendar reaches waits in a
/// heap. A bucket with one or two entries gives them out as it is; another is opened, and sorted.
///
/// Events of one moment that follow one another directly are a group: in the bucket's list, they are one. (A slow
/// message holds back all that come after it on its channel.)
///
/// No event in a bucket carries its turn: its list has the newest first, and sorting keeps the order of those of one
/// moment. (What waits in the heap enters its bucket as soon as the calendar reaches that, before anything newer can.
/// What comes into a bucket that was opened comes after all that was in it at the same moment.)
#[derive(Debug)]
pub struct TimeOrder<E> {
    /// A bucket is 2^shift nanoseconds wide.
    shift: u32,
    /// 2^shift - 1.
    mask: u32,
    /// The number (time >> shift) of the first bucket that was not opened. (Some of it may have been given out.)
    from: u64,
    /// What was in the last that was opened, in order, each in a word (see [`packed`]); and what was put before all others.
    current: Vec<u64>,
    /// How many of them have had their turn.
    had: usize,
    /// The time from which theirs are counted.
    start: u64,
    /// An event of the bucket after it, most likely. While others have their turn, a glance goes from here to the end of
    /// that bucket, an event at a time: when it is opened, its events have come from memory. Nothing depends on it.
    glance: u32,
    /// Events that came into it after it was opened. (A heap: many may fall on the same instant.)
    late: BinaryHeap<Reverse<Far>>,
    /// The newest event of each bucket.
    heads: Box<[u32; BUCKETS]>,
    /// One bit a bucket: not empty.
    filled: [u64; BUCKETS / 64],
    nodes: Vec<Node<E>>,
    free: u32,
    /// Of the last of a group: the first.
    firsts: Vec<u32>,
    /// Of the group that has its turn: its time, and the next one (`NIL`: no group has it).
    turn: (u64, u32),
    beyond: BinaryHeap<Reverse<Far>>,
    /// The first bucket from which on the calendar reaches something of that.
    reaches: u64,
    seq: u64,
}

impl<E: Copy> Clone for TimeOrder<E> {
    fn clone(&self) -> Self {
        let mut copy = TimeOrder::new(0);
        copy.clone_from(self);
        copy
    }
    fn clone_from(&mut self, o: &Self) {
        self.current.clone_from(&o.current);
        (self.had, self.start) = (o.had, o.start);
        self.late.clone_from(&o.late);
        // Most buckets are empty, in both.
        for (word, (old, new)) in self.filled.iter().zip(&o.filled).enumerate() {
            let mut bits = old | new;
            while bits != 0 {
                let i = word * 64 + bits.trailing_zeros() as usize;
                self.heads[i] = o.heads[i];
                bits &= bits - 1;
            }
        }
        self.nodes.clone_from(&o.nodes);
        self.firsts.clone_from(&o.firsts);
        self.beyond.clone_from(&o.beyond);
        (self.shift, self.mask, self.from, self.filled) = (o.shift, o.mask, o.from, o.filled);
        (self.free, self.turn, self.reaches, self.seq) = (o.free, o.turn, o.reaches, o.seq);
        self.glance = NIL;
    }
}

impl<E: Copy> TimeOrder<E> {
    /// An empty agenda; most events come at most `horizon` nanoseconds after they were scheduled.
    pub fn new(horizon: u64) -> Self {
        let shift = (u64::BITS - (horizon / BUCKETS as u64).leading_zeros()).min(30);
        TimeOrder {
            shift,
            mask: (1 << shift) - 1,
            from: 0,
            current: Vec::with_capacity(32),
            had: 0,
            start: 0,
            glance: NIL,
            late: BinaryHeap::new(),
            heads: Box::new([NIL; BUCKETS]),
            filled: [0; BUCKETS / 64],
            nodes: Vec::with_capacity(64),
            free: NIL,
            firsts: Vec::new(),
            turn: (0, NIL),
            beyond: BinaryHeap::new(),
            reaches: u64::MAX,
            seq: 0,
        }
    }

    /// A node with this in it.
    #[inline(always)]
    fn node(&mut self, event: E, low: u32, next: u32) -> u32 {
        let (place, node) = (self.free, Node { event, low, next });
        if let Some(spare) = self.nodes.get_mut(place as usize) {
            self.free = spare.next;
            *spare = node;
            return place;
        }
        cold_path();
        assert!(self.nodes.len() < 1 << PLACE_BITS, "there can be at most 2^30 events at a time");
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    /// What is in the node, which is free from now on.
    #[inline(always)]
    fn take(&mut self, place: u32) -> E {
        let node = &mut self.nodes[place as usize];
        node.next = std::mem::replace(&mut self.free, place);
        node.event
    }

    /// A time, without what its bucket says of it.
    #[inline(always)]
    fn low(&self, time: u64) -> u32 {
        time as u32 & self.mask
    }

    #[inline(always)]
    fn put(&mut self, time: u64, event: E) {
        let bucket = time >> self.shift;
        let i = bucket as usize % BUCKETS;
        let place = self.node(event, self.low(time), self.heads[i]);
        // (Those that were opened wrap around.)
        if bucket.wrapping_sub(self.from) < BUCKETS as u64 {
            self.heads[i] = place;
            self.filled[i / 64] |= 1 << (i % 64);
        } else {
            self.put_elsewhere(time, place);
        }
    }

    /// If the newest of its bucket comes at the same moment: into one group with that.
    #[inline(always)]
    fn put_behind(&mut self, time: u64, event: E) {
        let bucket = time >> self.shift;
        let i = bucket as usize % BUCKETS;
        let low = self.low(time);
        let newest = self.heads[i];
        let node = match self.nodes.get(newest as usize) {
            Some(node) if node.low & !GROUP == low && bucket.wrapping_sub(self.from) < BUCKETS as u64 => node,
            _ => return self.put_alone(time, event),
        };
        let (alone, older) = (node.low & GROUP == 0, node.next);
        let place = self.node(event, low | GROUP, older);
        // (Either is as likely as the other: no branch.)
        let known = self.firsts.get(newest as usize).copied().unwrap_or(NIL);
        let first = select_unpredictable(alone, newest, known);
        match self.firsts.get_mut(place as usize) {
            Some(of_place) => *of_place = first,
            None => self.more_firsts(place, first),
        }
        self.nodes[newest as usize].next = place;
        self.heads[i] = place;
    }

    /// `put`, where it is seldom called.
    #[cold]
    #[inline(never)]
    fn put_alone(&mut self, time: u64, event: E) {
        self.put(time, event);
    }

    /// Room for as many as there is room for nodes.
    #[cold]
    fn more_firsts(&mut self, place: u32, first: u32) {
        self.firsts.resize(self.nodes.capacity(), NIL);
        self.firsts[place as usize] = first;
    }

    /// An event has its turn, or the first of a group.
    #[inline(always)]
    fn turn(&mut self, time: u64, mut place: u32) -> E {
        let node = &mut self.nodes[place as usize];
        if node.low & GROUP != 0 {
            node.next = NIL; // the group ends here
            place = self.firsts[place as usize];
            self.turn = (time, self.nodes[place as usize].next);
        }
        self.take(place)
    }

    /// The next one of the group that has its turn.
    #[inline(always)]
    fn next_of_group(&mut self) -> Option<(u64, E)> {
        let (time, place) = self.turn;
        let next = self.nodes.get(place as usize)?.next;
        self.turn.1 = next;
        Some((time, self.take(place)))
    }

    /// Into the bucket that was opened, behind what has the same time; or beyond the last one.
    #[cold]
    fn put_elsewhere(&mut self, time: u64, node: u32) {
        self.seq += 1;
        let far = Reverse(Far { time, seq: self.seq, node });
        if time >> self.shift < self.from {
            return self.late.push(far);
        }
        self.beyond.push(far);
        self.look_beyond();
    }

    fn look_beyond(&mut self) {
        let first = self.beyond.peek().map(|Reverse(far)| far.time >> self.shift);
        self.reaches = first.map_or(u64::MAX, |bucket| bucket - (BUCKETS as u64 - 1));
    }

    /// The next of those that came late, if none of the bucket comes before it.
    #[cold]
    fn late_one(&mut self) -> Option<(u64, u32)> {
        let time = self.late.peek()?.0.time;
        // At the same time, what was there when the bucket was opened comes first.
        if self.current.get(self.had).is_some_and(|&e| self.unpacked(e).0 <= time) {
            return None;
        }
        self.late.pop().map(|Reverse(far)| (far.time, far.node))
    }

    /// Takes in from the heap what the calendar reaches by now.
    #[cold]
    fn reach(&mut self) {
        while self.reaches <= self.from
            && let Some(Reverse(far)) = self.beyond.pop()
        {
            let event = self.take(far.node);
            self.put(far.time, event);
            self.look_beyond();
        }
    }

    /// Goes on to the first event beyond the calendar, which is empty; `false` if nothing is left.
    #[cold]
    fn leap(&mut self) -> bool {
        let Some(Reverse(far)) = self.beyond.peek() else { return false };
        self.from = far.time >> self.shift;
        self.reach();
        true
    }

    /// The number of the bucket that comes next, if it is soon enough to be found at once.
    #[inline(always)]
    fn soon(&self) -> Option<u64> {
        let bits = self.filled[self.from as usize / 64 % (BUCKETS / 64)] & (!0 << (self.from % 64));
        (bits != 0).then(|| self.from - self.from % 64 + bits.trailing_zeros() as u64)
    }

    /// The same wherever it is, if `soon` has not found it.
    #[inline(never)]
    fn search(&self) -> Option<u64> {
        // In its own word, nothing comes after the start: what is there comes last.
        let first = self.from as usize % BUCKETS / 64 + 1;
        for n in first..first + BUCKETS / 64 {
            let w = n % (BUCKETS / 64);
            if self.filled[w] != 0 {
                let i = (w * 64) as u64 + self.filled[w].trailing_zeros() as u64;
                return Some(self.from + i.wrapping_sub(self.from) % BUCKETS as u64);
            }
        }
        None
    }

    /// If the next bucket has one or two events, as most have: the next of them. The bucket is not opened for that.
    #[inline(always)]
    fn quick(&mut self) -> Option<(u64, u32)> {
        // (Not `or_else`, which would ask twice.)
        let bucket = match self.soon() {
            Some(bucket) => bucket,
            None => self.search()?,
        };
        let i = bucket as usize % BUCKETS;
        if bucket >= self.reaches {
            return None;
        }
        let newest = self.heads[i];
        let node = self.nodes.get(newest as usize)?;
        let (low, older) = (node.low & !GROUP, node.next);
        let start = bucket << self.shift;
        let Some(node) = self.nodes.get(older as usize) else {
            self.from = bucket;
            self.heads[i] = NIL;
            self.filled[i / 64] &= !(1 << (i % 64));
            return Some((start + low as u64, newest));
        };
        if node.next != NIL {
            return None;
        }
        self.from = bucket;
        if node.low & !GROUP <= low {
            let low = node.low & !GROUP;
            self.nodes[newest as usize].next = NIL;
            return Some((start + low as u64, older));
        }
        self.heads[i] = older;
        Some((start + low as u64, newest))
    }

    /// Opens the next bucket that is not empty; or, before that, takes in what the calendar reaches from there.
    /// `false` if nothing is left.
    #[inline(never)]
    fn advance(&mut self) -> bool {
        let Some(bucket) = self.soon().or_else(|| self.search()) else { return self.leap() };
        let i = bucket as usize % BUCKETS;
        if bucket >= self.reaches && !self.beyond.is_empty() {
            self.from = bucket;
            self.reach();
            return true;
        }
        self.from = bucket.wrapping_add(1);
        self.filled[i / 64] &= !(1 << (i % 64));
        self.start = bucket << self.shift;
        let newest = std::mem::replace(&mut self.heads[i], NIL);
        debug_assert!(self.had == self.current.len(), "[cutline bug] a bucket is opened while another is");
        self.collect(newest);
        if self.from >= self.reaches {
            self.reach();
        }
        self.glance = self.soon().map_or(NIL, |bucket| self.heads[bucket as usize % BUCKETS]);
        true
    }

    /// Collects and sorts a list that has the newest event first; what has the same time keeps its order.
    #[inline(always)]
    fn collect(&mut self, newest: u32) {
        self.had = 0;
        self.current.clear();
        let (mut few, count, at) = self.eight_from(newest, 15);
        if at != NIL {
            return self.collect_many(few, at);
        }
        // Which of two comes first is anybody's guess: no branch.
        sort_eight(&mut few);
        self.current.extend_from_slice(&few);
        self.current.truncate(count);
    }

    /// Up to eight events of a list, the first with this turn; how many; and the rest of the list. What is not used is
    /// larger than all.
    #[inline(always)]
    fn eight_from(&self, mut at: u32, turn: u64) -> ([u64; 8], usize, u32) {
        let (mut few, mut count) = ([u64::MAX; 8], 0);
        while count < few.len()
            && let Some(node) = self.nodes.get(at as usize)
        {
            few[count] = packed(node.low, turn - count as u64, at);
            count += 1;
            at = node.next;
        }
        (few, count, at)
    }

    /// The same for more than these.
    #[inline(never)]
    fn collect_many(&mut self, mut first: [u64; 8], at: u32) {
        let (mut second, count, mut at) = self.eight_from(at, 7);
        if at == NIL {
            sort_eight(&mut first);
            sort_eight(&mut second);
            self.current.extend_from_slice(&merge_eights(&first, &second));
            self.current.truncate(8 + count);
            return;
        }
        self.current.extend_from_slice(&first);
        self.current.extend_from_slice(&second);
        while let Some(node) = self.nodes.get(at as usize) {
            self.current.push(packed(node.low, 0, at));
            at = node.next;
        }
        self.current.reverse();
        self.current.sort_by_key(|e| e >> (PLACE_BITS + TURN_BITS));
    }

    /// An event before all others, and then the rest of a group, of the same moment.
    #[cold]
    fn put_back(&mut self, first: u64, group: u32) {
        let mut front = vec![first];
        let mut at = group;
        while let Some(node) = self.nodes.get_mut(at as usize) {
            node.low = 0;
            front.push(first >> PLACE_BITS << PLACE_BITS | at as u64);
            at = node.next;
        }
        self.current.splice(..std::mem::take(&mut self.had), front);
    }

    /// Time and node of an event of the open bucket.
    #[inline(always)]
    fn unpacked(&self, e: u64) -> (u64, u32) {
        (self.start + (e >> (PLACE_BITS + TURN_BITS)), (e & ((1 << PLACE_BITS) - 1)) as u32)
    }

    /// The next event, and its time.
    #[inline(always)]
    fn next_one(&mut self) -> Option<(u64, E)> {
        if let Some(one) = self.next_of_group() {
            return Some(one);
        }
        loop {
            if let Some((time, place)) = self.pop().or_else(|| self.quick()) {
                return Some((time, self.turn(time, place)));
            }
            if !self.advance() {
                return None;
            }
        }
    }

    /// The next event of the open bucket.
    #[inline(always)]
    fn pop(&mut self) -> Option<(u64, u32)> {
        if !self.late.is_empty()
            && let Some(late) = self.late_one()
        {
            return Some(late);
        }
        let next = *self.current.get(self.had)?;
        self.had += 1;
        // (Where the list ends is anybody's guess: no branch. There is a node: one has its turn.)
        let there = (self.glance as usize) < self.nodes.len();
        let seen = &self.nodes[select_unpredictable(there, self.glance as usize, 0)];
        self.glance = select_unpredictable(there, seen.next, NIL);
        Some(self.unpacked(next))
    }
}

/// An event of an open bucket in one word: its time in the bucket (30 bits, without [`GROUP`]), its turn among those of
/// one moment (4 bits) and its place.
#[inline(always)]
fn packed(low: u32, turn: u64, place: u32) -> u64 {
    ((low & !GROUP) as u64) << (PLACE_BITS + TURN_BITS) | turn << PLACE_BITS | place as u64
}

impl<E: Copy> Agenda<E> for TimeOrder<E> {
    const TIMED: bool = true;

    #[inline(always)]
    fn schedule(&mut self, at: Time, event: E) {
        self.put(at.0, event);
    }

    #[inline(always)]
    fn schedule_behind(&mut self, at: Time, event: E) {
        self.put_behind(at.0, event);
    }

    fn first(&mut self, now: Time, event: E) {
        if self.had == self.current.len() {
            self.start = now.0;
        }
        debug_assert!(now.0 - self.start < 1 << 30, "[cutline bug] the present is not in the open bucket");
        // A group that has its turn waits. (Its time is the present one.)
        let (_, group) = std::mem::replace(&mut self.turn, (0, NIL));
        let place = self.node(event, 0, NIL);
        let one = packed((now.0 - self.start) as u32, 0, place);
        // Mostly there is room where another was.
        if group == NIL && self.had > 0 {
            self.had -= 1;
            self.current[self.had] = one;
        } else {
            self.put_back(one, group);
        }
    }

    #[inline(always)]
    fn next(
        &mut self,
        _: Time,
        _: &mut Vec<E>,
        _: impl FnOnce(&mut Vec<E>),
        _: &mut impl Choices,
    ) -> Option<(Time, E)> {
        self.next_one().map(|(time, event)| (Time(time), event))
    }

    fn withdraw(&mut self, mut gone: impl FnMut(&E) -> bool) -> Vec<E> {
        let from = self.from;
        let (mut out, mut kept) = (Vec::with_capacity(self.nodes.len()), Vec::new());
        while let Some((time, e)) = self.next_one() {
            if gone(&e) { out.push(e) } else { kept.push((time, e)) }
        }
        self.from = from; // time has not gone on
        kept.into_iter().for_each(|(time, e)| self.put(time, e));
        out
    }
}

#[cfg(test)]
mod tests;
