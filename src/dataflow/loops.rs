//! Operators for the bodies of loops. Output edge 0 leaves the loop, edge 1 and up go round.

use super::any::{Give, Operator, Out};
use super::table::Table;
use crate::base::{Record, fold, mix};
use rustc_hash::FxHashMap;

/// Sends a record of value 0 out on edge 0; any other goes round on every other edge, one lower, `copies`
/// times (so `copies` 2 multiplies, 0 drops). With `rekey`, a new key each round, which shuffles a hash edge. State: how many came, and
/// which.
#[derive(Clone, Copy, Debug)]
pub struct Countdown {
    copies: u32,
    rekey: u64,
    edges: u32,
    taken: u64,
    sum: u64,
}

impl Countdown {
    /// The body of a loop whose operator has `edges` output edges.
    pub fn new(copies: u32, rekey: u64, edges: u32) -> Self {
        Countdown { copies, rekey, edges, taken: 0, sum: 0 }
    }
}

impl Give for Countdown {}

impl Operator for Countdown {
    #[inline]
    fn process(&mut self, _: u32, r: Record, out: &mut Out) {
        self.taken += 1;
        self.sum = self.sum.wrapping_add(r.word());
        if r.value == 0 {
            return out.send(0, r);
        }
        for copy in 0..self.copies {
            let key = match self.rekey {
                0 => r.key,
                n => mix(r.key.wrapping_add(copy as u64), r.value) % n,
            };
            for edge in 1..self.edges.max(2) {
                out.send(edge, Record::new(key, r.value - 1));
            }
        }
    }
    #[inline]
    fn state(&self) -> u64 {
        fold(self.taken ^ 0x9E37_79B9_7F4A_7C15, self.sum ^ 0xBF58_476D_1CE4_E5B9)
    }
    fn symbols(&self, (key, _): (bool, bool)) -> (bool, bool) {
        (key && self.rekey == 0, false)
    }
}

/// Each number goes round until it is 1, and its steps are counted: n becomes n / 2 or 3n + 1, keyed by the
/// number it started as. (key, steps) leaves on edge 0. State: the steps of each key so far.
#[derive(Debug, Default)]
pub struct Collatz(Table);

impl Clone for Collatz {
    fn clone(&self) -> Self {
        Collatz(self.0.clone())
    }
    fn clone_from(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }
}

impl Collatz {
    /// One round: `None` where it ends.
    pub fn round(n: u64) -> Option<u64> {
        match n {
            0 | 1 => None,
            n if n % 2 == 0 => Some(n / 2),
            n => Some(n.wrapping_mul(3).wrapping_add(1)),
        }
    }
}

impl Give for Collatz {}

impl Operator for Collatz {
    fn process(&mut self, _: u32, r: Record, out: &mut Out) {
        match Collatz::round(r.value) {
            Some(next) => {
                self.0.update(r.key, |old| old.unwrap_or(0) + 1);
                out.send(1, Record::new(r.key, next));
            }
            None => {
                let steps = self.0.update(r.key, |old| old.unwrap_or(0));
                out.send(0, Record::new(r.key, steps));
            }
        }
    }
    fn state(&self) -> u64 {
        self.0.digest()
    }
    fn entries(&self) -> Vec<(u64, u64)> {
        self.0.entries()
    }
}

/// Reachability over edges that come in: port 0 brings edges (from, to), the loop brings visits (vertex,
/// root). A vertex that is reached visits its successors; an edge whose start is reached already sends the
/// visit at once. The vertex 0 is reached from the start. State: the edges, and the vertices reached.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    next: FxHashMap<u64, Vec<u64>>,
    reached: Table,
    digest: u64,
}

impl Give for Reach {}

impl Operator for Reach {
    fn process(&mut self, port: u32, r: Record, out: &mut Out) {
        let (vertex, visit) = (r.key, port != 0);
        if visit {
            if self.reached.get(vertex).is_none() {
                self.reached.update(vertex, |_| 1);
                out.send(0, Record::new(vertex, 1));
                for &to in self.next.get(&vertex).map_or(&[][..], |l| l) {
                    out.send(1, Record::new(to, vertex));
                }
            }
            return;
        }
        if vertex == 0 && self.reached.get(0).is_none() {
            self.reached.update(0, |_| 1);
            out.send(0, Record::new(0, 1));
        }
        let list = self.next.entry(vertex).or_default();
        self.digest = self.digest.wrapping_add(fold(r.word(), list.len() as u64 ^ 0x9E37_79B9_7F4A_7C15));
        list.push(r.value);
        if self.reached.get(vertex).is_some() {
            out.send(1, Record::new(r.value, vertex));
        }
    }
    fn state(&self) -> u64 {
        self.digest.wrapping_add(self.reached.digest())
    }
    fn entries(&self) -> Vec<(u64, u64)> {
        self.reached.entries()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(o: &mut impl Operator, first: &[Record]) -> Vec<(u64, u64)> {
        let mut left = Vec::new();
        let mut queue: std::collections::VecDeque<_> = first.iter().map(|&r| (0, r)).collect();
        while let Some((port, r)) = queue.pop_front() {
            let mut out = Out::default();
            o.process(port, r, &mut out);
            for &(edge, r) in out.sends() {
                if edge == 0 { left.push((r.key, r.value)) } else { queue.push_back((1, r)) }
            }
        }
        left
    }

    #[test]
    fn collatz_counts_steps() {
        assert_eq!(round_trip(&mut Collatz::default(), &[Record::new(6, 6), Record::new(1, 1)]), [(1, 0), (6, 8)]);
    }

    #[test]
    fn reach_finds_what_is_reachable() {
        let edges = [(3, 4), (0, 1), (1, 3), (7, 8)].map(|(a, b)| Record::new(a, b));
        let mut found = round_trip(&mut Reach::default(), &edges);
        found.sort();
        assert_eq!(found, [(0, 1), (1, 1), (3, 1), (4, 1)]);
    }

    #[test]
    fn a_countdown_multiplies_and_ends() {
        let out = round_trip(&mut Countdown::new(2, 0, 2), &[Record::new(5, 3)]);
        assert_eq!(out, [(5, 0); 8]);
        assert_eq!(round_trip(&mut Countdown::new(0, 0, 2), &[Record::new(5, 3)]), []);
    }
}
