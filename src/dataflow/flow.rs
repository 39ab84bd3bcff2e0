//! Operators of several inputs, and sinks.

use super::any::{Give, Given, Operator, Out};
use super::table::Table;
use crate::base::{Record, fold};
use rustc_hash::FxHashMap;

/// Passes on what comes in on any input. State: how many records came in on each of the first two ports,
/// and on all others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Union {
    taken: [u64; 3],
}

impl Operator for Union {
    fn process(&mut self, port: u32, r: Record, out: &mut Out) {
        self.give(port, r, out).list(r.key, out);
    }
    fn state(&self) -> u64 {
        self.taken.iter().fold(1, |d, &n| fold(d ^ n, 0x9E37_79B9_7F4A_7C15))
    }
}

impl Give for Union {
    #[inline]
    fn give(&mut self, port: u32, r: Record, _: &mut Out) -> Given {
        self.taken[port.min(2) as usize] += 1;
        Given::Value(r.value)
    }
}

/// Joins two inputs by key and remembers both sides for ever: a record of value v sends (key, v + w) for
/// each value w that came in on the other side with its key, in the order of their arrival. State: the values
/// of both sides.
#[derive(Clone, Debug, Default)]
pub struct Join {
    sides: [FxHashMap<u64, Vec<u64>>; 2],
    digest: u64,
}

impl Give for Join {}

impl Operator for Join {
    fn process(&mut self, port: u32, r: Record, out: &mut Out) {
        let port = (port & 1) as usize;
        let mine = self.sides[port].entry(r.key).or_default();
        let word = fold(r.word() ^ port as u64, mine.len() as u64 ^ 0x9E37_79B9_7F4A_7C15);
        self.digest = self.digest.wrapping_add(word);
        mine.push(r.value);
        for &w in self.sides[1 - port].get(&r.key).map_or(&[][..], |l| l) {
            out.emit(Record::new(r.key, r.value.wrapping_add(w)));
        }
    }
    fn state(&self) -> u64 {
        self.digest
    }
    fn symbols(&self, (key, _): (bool, bool)) -> (bool, bool) {
        (key, false)
    }
}

/// Takes everything. State: how many records, and which, without their order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sink {
    taken: u64,
    sum: u64,
}

impl Give for Sink {
    const IN_PLACE: bool = true;

    #[inline]
    fn give(&mut self, port: u32, r: Record, out: &mut Out) -> Given {
        self.process(port, r, out);
        Given::Nothing
    }
}

impl Operator for Sink {
    #[inline]
    fn process(&mut self, _: u32, r: Record, _: &mut Out) {
        self.taken += 1;
        self.sum = self.sum.wrapping_add(r.word());
    }
    #[inline]
    fn state(&self) -> u64 {
        fold(self.taken ^ 0x9E37_79B9_7F4A_7C15, self.sum ^ 0xBF58_476D_1CE4_E5B9)
    }
    fn entries(&self) -> Vec<(u64, u64)> {
        vec![(0, self.taken)]
    }
}

/// An idempotent sink: for each key, the value that was written last. State: those values.
#[derive(Debug, Default)]
pub struct TableSink(Table);

impl Clone for TableSink {
    fn clone(&self) -> Self {
        TableSink(self.0.clone())
    }
    fn clone_from(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }
}

impl Give for TableSink {
    #[inline]
    fn give(&mut self, port: u32, r: Record, out: &mut Out) -> Given {
        self.process(port, r, out);
        Given::Nothing
    }
}

impl Operator for TableSink {
    #[inline]
    fn process(&mut self, _: u32, r: Record, _: &mut Out) {
        self.0.update(r.key, |_| r.value);
    }
    #[inline]
    fn state(&self) -> u64 {
        self.0.digest()
    }
    fn entries(&self) -> Vec<(u64, u64)> {
        self.0.entries()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_remembers_both_sides() {
        let (mut j, mut out) = (Join::default(), Out::default());
        for (port, k, v) in [(0, 1, 10), (1, 1, 100), (1, 2, 200), (0, 1, 20), (1, 1, 300)] {
            j.process(port, Record::new(k, v), &mut out);
        }
        let sent: Vec<_> = out.sends().iter().map(|(_, r)| r.value).collect();
        assert_eq!(sent, [110, 120, 310, 320]);
        let mut other = Join::default();
        other.process(1, Record::new(1, 10), &mut out);
        let mut same = Join::default();
        same.process(0, Record::new(1, 10), &mut out);
        assert_ne!(same.state(), other.state(), "the side counts");
    }

    #[test]
    fn a_sink_counts_and_a_table_keeps_the_last() {
        let mut out = Out::default();
        let (mut s, mut t) = (Sink::default(), TableSink::default());
        for v in [3, 4] {
            s.process(0, Record::new(1, v), &mut out);
            t.process(0, Record::new(1, v), &mut out);
        }
        assert_eq!(Operator::entries(&s), [(0, 2)]);
        assert_eq!(Operator::entries(&t), [(1, 4)]);
        assert!(out.sends().is_empty());
    }
}
