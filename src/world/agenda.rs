//! Who is next. Two agendas: in the order of time, or in any order.

use crate::base::Time;
use crate::choice::{Choices, Kind, Odds, Site};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Decides which event comes next. `E` is small and `Copy`.
pub trait Agenda<E: Copy>: Clone {
    /// Whether events have a time. If not, `schedule` is never called, and what can come next is asked.
    const TIMED: bool;
    /// Puts an event into the future (not before the event that was last returned).
    fn schedule(&mut self, at: Time, e: E);
    /// The next event and its time; `None` if there is none. `enabled` lists what can happen now.
    fn next(
        &mut self,
        now: Time,
        scratch: &mut Vec<E>,
        enabled: impl FnOnce(&mut Vec<E>),
        choices: &mut impl Choices,
    ) -> Option<(Time, E)>;
}

/// Any enabled event can be next: chosen. No time passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyOrder;

impl<E: Copy> Agenda<E> for AnyOrder {
    const TIMED: bool = false;
    fn schedule(&mut self, _: Time, _: E) {}
    fn next(
        &mut self,
        now: Time,
        scratch: &mut Vec<E>,
        enabled: impl FnOnce(&mut Vec<E>),
        choices: &mut impl Choices,
    ) -> Option<(Time, E)> {
        scratch.clear();
        enabled(scratch);
        if scratch.is_empty() {
            return None;
        }
        let pick = choices.choose(Site { kind: Kind::Next, at: 0, nth: 0 }, Odds::Even(scratch.len() as u32));
        Some((now, scratch[pick as usize]))
    }
}

/// An event far away: its turn among those of the same moment is kept with it.
#[derive(Clone, Copy, Debug)]
struct Far<E> {
    time: u64,
    seq: u64,
    event: E,
}

impl<E> PartialEq for Far<E> {
    fn eq(&self, o: &Self) -> bool {
        (self.time, self.seq) == (o.time, o.seq)
    }
}
impl<E> Eq for Far<E> {}
impl<E> PartialOrd for Far<E> {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl<E> Ord for Far<E> {
    fn cmp(&self, o: &Self) -> std::cmp::Ordering {
        (self.time, self.seq).cmp(&(o.time, o.seq))
    }
}

/// 16 bytes: an event in a bucket's list.
#[derive(Clone, Copy, Debug)]
struct Node<E> {
    time: u64,
    event: E,
    next: u32,
}

const NIL: u32 = u32::MAX;
/// A bucket with more events is crowded.
const CROWD: usize = 16;

/// In the order of (time, insertion): a calendar of buckets, each sorted when it is opened. Events beyond
/// the calendar wait in a heap. Crowded buckets make the calendar finer.
///
/// No event carries its turn: all events of one moment are in one place, a bucket's list has the newest
/// first, and sorting keeps their order. (What waits in the heap enters its bucket as soon as the calendar
/// reaches that, before anything newer can.)
#[derive(Clone, Debug)]
pub struct TimeOrder<E> {
    /// A bucket is 2^shift nanoseconds wide.
    shift: u32,
    mask: u64,
    /// The number of the open bucket (time >> shift).
    open: u64,
    /// Its entries, the next one last.
    current: Vec<(u64, E)>,
    /// Events that came into the open bucket after it was opened. (A heap: many may fall on the same instant.)
    late: BinaryHeap<Reverse<Far<E>>>,
    heads: Vec<u32>,
    /// One bit a bucket: not empty.
    filled: Vec<u64>,
    nodes: Vec<Node<E>>,
    free: u32,
    /// How many events are in buckets that are not open.
    waiting: usize,
    beyond: BinaryHeap<Reverse<Far<E>>>,
    seq: u64,
    crowded: u32,
}

impl<E: Copy> TimeOrder<E> {
    /// An empty agenda; most events come at most `horizon` nanoseconds after they were scheduled.
    pub fn new(horizon: u64) -> Self {
        let shift = (horizon / 96).max(1).ilog2();
        let mut agenda = TimeOrder {
            shift,
            mask: 0,
            open: 0,
            current: Vec::new(),
            late: BinaryHeap::new(),
            heads: Vec::new(),
            filled: Vec::new(),
            nodes: Vec::new(),
            free: NIL,
            waiting: 0,
            beyond: BinaryHeap::new(),
            seq: 0,
            crowded: 0,
        };
        agenda.lay_out(((horizon >> shift) + 2).next_power_of_two().clamp(64, 1 << 12));
        agenda
    }

    fn lay_out(&mut self, buckets: u64) {
        self.mask = buckets - 1;
        self.heads = vec![NIL; buckets as usize];
        self.filled = vec![0; (buckets / 64) as usize];
    }

    #[inline]
    fn put(&mut self, time: u64, event: E) {
        let bucket = time >> self.shift;
        // From 0: the bucket after the open one. (The open one, and any before it, wrap around.)
        if bucket.wrapping_sub(self.open).wrapping_sub(1) < self.mask {
            let i = (bucket & self.mask) as usize;
            let node = Node { time, event, next: self.heads[i] };
            let place = self.free;
            if let Some(spare) = self.nodes.get_mut(place as usize) {
                self.free = std::mem::replace(spare, node).next;
                self.heads[i] = place;
            } else {
                self.heads[i] = self.nodes.len() as u32;
                self.nodes.push(node);
            }
            self.filled[i >> 6] |= 1 << (i & 63);
            self.waiting += 1;
        } else {
            self.put_elsewhere(time, event);
        }
    }

    fn put_elsewhere(&mut self, time: u64, event: E) {
        if time >> self.shift <= self.open {
            self.insert(time, event);
        } else {
            self.seq += 1;
            self.beyond.push(Reverse(Far { time, seq: self.seq, event }));
        }
    }

    /// Into the open bucket, behind what has the same time.
    #[inline]
    fn insert(&mut self, time: u64, event: E) {
        self.seq += 1;
        self.late.push(Reverse(Far { time, seq: self.seq, event }));
    }

    /// The next of those that came late, if none of the bucket comes before it.
    #[cold]
    fn late_one(&mut self) -> Option<(Time, E)> {
        let time = self.late.peek()?.0.time;
        if self.current.last().is_some_and(|e| e.0 <= time) {
            return None;
        }
        self.late.pop().map(|Reverse(e)| (Time(e.time), e.event))
    }

    /// Takes in from the heap what the calendar reaches by now.
    #[cold]
    fn reach(&mut self) {
        while let Some(Reverse(e)) = self.beyond.peek().copied() {
            if (e.time >> self.shift).saturating_sub(self.open) > self.mask {
                break;
            }
            self.beyond.pop();
            self.put(e.time, e.event);
        }
    }

    /// Opens the next bucket that is not empty; `false` if nothing is left.
    fn advance(&mut self) -> bool {
        if self.waiting == 0 {
            let Some(Reverse(e)) = self.beyond.peek() else { return false };
            self.open = e.time >> self.shift;
            self.reach();
            return true;
        }
        let start = ((self.open + 1) & self.mask) as usize;
        let mut word = start >> 6;
        let mut bits = self.filled[word] & (!0 << (start & 63));
        while bits == 0 {
            word = (word + 1) & (self.filled.len() - 1);
            bits = self.filled[word];
        }
        let i = (word << 6) + bits.trailing_zeros() as usize;
        self.open += 1 + ((i as u64).wrapping_sub(start as u64) & self.mask);
        self.filled[word] &= !(1 << (i & 63));
        let first = std::mem::replace(&mut self.heads[i], NIL);
        let (mut at, mut last) = (first, first);
        while let Some(node) = self.nodes.get(at as usize) {
            self.current.push((node.time, node.event));
            (last, at) = (at, node.next);
        }
        self.nodes[last as usize].next = std::mem::replace(&mut self.free, first);
        self.waiting -= self.current.len();
        self.sort();
        if !self.beyond.is_empty() {
            self.reach();
        }
        if self.crowded > 16 && self.shift > 0 && self.mask < 1 << 14 {
            self.refine();
        }
        true
    }

    /// The latest first; what has the same time keeps its order.
    #[inline]
    fn sort(&mut self) {
        let list = &mut self.current[..];
        if list.len() > CROWD {
            self.crowded += 1;
        }
        if list.len() > 2 * CROWD {
            return list.sort_by_key(|e| Reverse(e.0));
        }
        for i in 1..list.len() {
            let (e, mut j) = (list[i], i);
            while j > 0 && list[j - 1].0 < e.0 {
                list[j] = list[j - 1];
                j -= 1;
            }
            list[j] = e;
        }
    }

    /// Halves the width of the buckets.
    #[cold]
    fn refine(&mut self) {
        let mut all = std::mem::take(&mut self.current);
        all.reverse();
        while let Some(Reverse(e)) = self.late.pop() {
            all.push((e.time, e.event));
        }
        all.sort_by_key(|e| e.0);
        let now = all.first().map_or(0, |e| e.0);
        for head in &self.heads {
            let (start, mut at) = (all.len(), *head);
            while let Some(node) = self.nodes.get(at as usize) {
                all.push((node.time, node.event));
                at = node.next;
            }
            all[start..].reverse(); // the oldest first
        }
        while let Some(Reverse(e)) = self.beyond.pop() {
            all.push((e.time, e.event));
        }
        self.shift -= 1;
        self.open = now >> self.shift;
        self.lay_out((self.mask + 1) * 2);
        self.nodes.clear();
        (self.free, self.waiting, self.crowded) = (NIL, 0, 0);
        all.into_iter().for_each(|(time, e)| self.put(time, e));
    }
}

impl<E: Copy> Agenda<E> for TimeOrder<E> {
    const TIMED: bool = true;

    #[inline]
    fn schedule(&mut self, at: Time, event: E) {
        self.put(at.0, event);
    }

    #[inline]
    fn next(
        &mut self,
        _: Time,
        _: &mut Vec<E>,
        _: impl FnOnce(&mut Vec<E>),
        _: &mut impl Choices,
    ) -> Option<(Time, E)> {
        loop {
            // At the same time, what was there when the bucket was opened comes first.
            if !self.late.is_empty()
                && let Some(event) = self.late_one()
            {
                return Some(event);
            }
            if let Some((time, event)) = self.current.pop() {
                return Some((Time(time), event));
            }
            if !self.advance() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Odometer;

    proptest::proptest! {
        /// Against the obvious queue, for any mixture of near and far events.
        #[test]
        fn events_come_in_the_order_of_time_and_insertion(
            steps in proptest::collection::vec((0u64..4, 0u64..500_000, 0u8..3), 1..800),
            horizon in 1u64..200_000,
        ) {
            let mut agenda = TimeOrder::new(horizon);
            let mut model: Vec<(u64, u32)> = Vec::new();
            let (mut now, mut n, mut c) = (0, 0u32, Odometer::default());
            for (scale, delay, pops) in steps {
                let at = now + (delay >> (scale * 5));
                agenda.schedule(Time(at), n);
                model.push((at, n));
                n += 1;
                for _ in 0..pops {
                    let want = model.iter().min().copied();
                    model.retain(|e| Some(*e) != want);
                    let got = agenda.next(Time(now), &mut Vec::new(), |_| {}, &mut c);
                    assert_eq!(got.map(|(t, e)| (t.0, e)), want);
                    now = want.map_or(now, |w| w.0);
                }
            }
        }
    }

    #[test]
    fn many_events_on_one_instant_take_no_longer_than_as_many_on_others() {
        let (mut agenda, mut c) = (TimeOrder::new(100_000), Odometer::default());
        agenda.schedule(Time(5), 0);
        for i in 0..300_000u32 {
            let (t, e) = agenda.next(Time(5), &mut Vec::new(), |_| {}, &mut c).expect("one is there");
            assert_eq!((t, e), (Time(5), i));
            agenda.schedule(Time(5), i + 1);
            if i == 0 {
                (1..300_000).for_each(|_| agenda.schedule(Time(6), 0)); // quadratic, this would take minutes
            }
        }
    }

    #[test]
    fn crowded_buckets_get_finer_and_lose_nothing() {
        let mut agenda = TimeOrder::new(100_000);
        let (mut last, mut popped, mut c) = (0, 0, Odometer::default());
        for i in 0..100_000u64 {
            agenda.schedule(Time(last + i * 7919 % 100_000), i as u32);
            if i > 20_000 {
                let (t, _) = agenda.next(Time(last), &mut Vec::new(), |_| {}, &mut c).unwrap();
                assert!(t.0 >= last);
                (last, popped) = (t.0, popped + 1);
            }
        }
        while let Some((t, _)) = agenda.next(Time(last), &mut Vec::new(), |_| {}, &mut c) {
            assert!(t.0 >= last);
            (last, popped) = (t.0, popped + 1);
        }
        assert_eq!(popped, 100_000);
    }
}
