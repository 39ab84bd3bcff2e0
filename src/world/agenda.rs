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

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    time: u64,
    seq: u32,
    event: E,
}

impl<E> Entry<E> {
    #[inline]
    fn key(&self) -> u128 {
        (self.time as u128) << 32 | self.seq as u128
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, o: &Self) -> bool {
        self.key() == o.key()
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl<E> Ord for Entry<E> {
    fn cmp(&self, o: &Self) -> std::cmp::Ordering {
        self.key().cmp(&o.key())
    }
}

const NIL: u32 = u32::MAX;

/// In the order of (time, insertion): a calendar of buckets, each sorted when it is opened. Events beyond
/// the calendar wait in a heap. Crowded buckets make the calendar finer.
#[derive(Clone, Debug)]
pub struct TimeOrder<E> {
    /// A bucket is 2^shift nanoseconds wide.
    shift: u32,
    mask: u64,
    /// The number of the open bucket (time >> shift).
    open: u64,
    /// Its entries, the next one last.
    current: Vec<Entry<E>>,
    heads: Vec<u32>,
    /// One bit a bucket: not empty.
    filled: Vec<u64>,
    nodes: Vec<(Entry<E>, u32)>,
    free: u32,
    waiting: usize,
    beyond: BinaryHeap<Reverse<Entry<E>>>,
    seq: u32,
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
    fn put(&mut self, e: Entry<E>) {
        let bucket = e.time >> self.shift;
        if bucket <= self.open {
            let mut j = self.current.len();
            self.current.push(e);
            while j > 0 && self.current[j - 1].key() < e.key() {
                self.current[j] = self.current[j - 1];
                j -= 1;
            }
            self.current[j] = e;
        } else if bucket - self.open <= self.mask {
            let i = (bucket & self.mask) as usize;
            let node = (e, self.heads[i]);
            if self.free == NIL {
                self.heads[i] = self.nodes.len() as u32;
                self.nodes.push(node);
            } else {
                self.heads[i] = self.free;
                self.free = std::mem::replace(&mut self.nodes[self.heads[i] as usize], node).1;
            }
            self.filled[i >> 6] |= 1 << (i & 63);
            self.waiting += 1;
        } else {
            self.beyond.push(Reverse(e));
        }
    }

    /// Takes in from the heap what the calendar reaches by now.
    #[cold]
    fn reach(&mut self) {
        while let Some(Reverse(e)) = self.beyond.peek().copied() {
            if (e.time >> self.shift).saturating_sub(self.open) > self.mask {
                break;
            }
            self.beyond.pop();
            self.put(e);
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
        let mut node = std::mem::replace(&mut self.heads[i], NIL);
        while node != NIL {
            let (e, next) = self.nodes[node as usize];
            self.nodes[node as usize].1 = self.free;
            self.free = node;
            self.current.push(e);
            node = next;
        }
        self.waiting -= self.current.len();
        if self.current.len() > 24 {
            self.current.sort_unstable_by_key(|e| Reverse(e.key()));
            self.crowded += 1;
        } else {
            for i in 1..self.current.len() {
                let (e, mut j) = (self.current[i], i);
                while j > 0 && self.current[j - 1].key() < e.key() {
                    self.current[j] = self.current[j - 1];
                    j -= 1;
                }
                self.current[j] = e;
            }
        }
        if !self.beyond.is_empty() {
            self.reach();
        }
        if self.crowded > 16 && self.shift > 0 && self.mask < 1 << 14 {
            self.refine();
        }
        true
    }

    /// Halves the width of the buckets.
    #[cold]
    fn refine(&mut self) {
        let mut all = std::mem::take(&mut self.current);
        all.sort_unstable_by_key(|e| Reverse(e.key()));
        let now = all.last().map_or(0, |e| e.time);
        for head in &self.heads {
            let mut node = *head;
            while node != NIL {
                all.push(self.nodes[node as usize].0);
                node = self.nodes[node as usize].1;
            }
        }
        all.extend(self.beyond.drain().map(|Reverse(e)| e));
        self.shift -= 1;
        self.open = now >> self.shift;
        self.lay_out((self.mask + 1) * 2);
        self.nodes.clear();
        (self.free, self.waiting, self.crowded) = (NIL, 0, 0);
        all.into_iter().for_each(|e| self.put(e));
    }
}

impl<E: Copy> Agenda<E> for TimeOrder<E> {
    const TIMED: bool = true;

    #[inline]
    fn schedule(&mut self, at: Time, event: E) {
        self.seq += 1;
        assert!(self.seq != u32::MAX, "[cutline bug] more than 4 billion events in one run");
        let e = Entry { time: at.0, seq: self.seq, event };
        self.put(e);
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
            if let Some(e) = self.current.pop() {
                return Some((Time(e.time), e.event));
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
