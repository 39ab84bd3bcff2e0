//! Where records come from: pure functions of split and offset.

use crate::base::{Record, mix};
use std::hint::cold_path;
use std::rc::Rc;

/// What a split has at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A record; the next offset is one higher.
    Record(Record),
    /// Nothing, and nothing more will come, but the source does not end.
    Silent,
    /// The split is exhausted.
    End,
}

/// A source reads its splits deterministically from an offset (`rules.md` 4.1).
pub trait Source {
    /// How many splits there are, for an operator of this parallelism.
    fn splits(&self, parallelism: u32) -> u32 {
        parallelism
    }
    /// What is at `offset` of `split`.
    fn read(&self, split: u32, offset: u64) -> Read;
    /// Whether keys and values are symbols.
    fn symbols(&self) -> (bool, bool) {
        (false, false)
    }
}

/// What the keys of a [`Generator`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyBy {
    /// Uniform in 0 to n − 1.
    Uniform(u64),
    /// The number of the split.
    Split,
    /// Split and offset together: unique.
    Offset,
}

/// Records computed from a seed: the n-th of a split is a fixed function of (seed, split, n).
#[derive(Clone, Debug)]
pub struct Generator {
    /// How many records each split has; the last entry stands for all further splits.
    pub sizes: Vec<u64>,
    /// How many splits; 0: one for each instance.
    pub splits: u32,
    /// What the keys are.
    pub keys: KeyBy,
    /// Values are uniform in `low` to `high`, both included; where `low > high`, the value is the key.
    pub values: (u64, u64),
    /// Different seeds, different records.
    pub seed: u64,
    /// Whether the splits fall silent instead of ending.
    pub silent: bool,
}

impl Generator {
    /// `size` records in each split, 16 keys, value 1; the splits end.
    pub fn new(size: u64) -> Self {
        Generator { sizes: vec![size], splits: 0, keys: KeyBy::Uniform(16), values: (1, 1), seed: 0, silent: false }
    }
}

impl Generator {
    #[inline(never)]
    fn value(&self, key: u64, word: u64) -> u64 {
        let (low, high) = self.values;
        match high.checked_sub(low) {
            None => key,
            Some(u64::MAX) => word,
            Some(span) => low + mix(word, 1) % (span + 1),
        }
    }
}

impl Source for Generator {
    fn splits(&self, parallelism: u32) -> u32 {
        if self.splits == 0 { parallelism } else { self.splits }
    }
    #[inline(always)]
    fn read(&self, split: u32, offset: u64) -> Read {
        // (Which split is read is anybody's guess: no branch depends on it.)
        let last = self.sizes.len().wrapping_sub(1);
        let size = self.sizes.get(last.min(split as usize)).copied().unwrap_or(0);
        if offset >= size {
            cold_path();
            return if self.silent { Read::Silent } else { Read::End };
        }
        let word = mix(offset, self.seed.wrapping_add((split as u64) << 40));
        let key = match self.keys {
            KeyBy::Uniform(n) => ((word >> 32) * n) >> 32,
            KeyBy::Split => {
                cold_path();
                split as u64
            }
            KeyBy::Offset => {
                cold_path();
                ((split as u64) << 32) + offset + 1
            }
        };
        let (low, high) = self.values;
        let value = if low == high {
            low
        } else {
            cold_path();
            self.value(key, word)
        };
        Read::Record(Record::new(key, value))
    }
}

/// Records that are given: split s of n has every n-th of them, from the s-th on.
#[derive(Clone, Debug)]
pub struct List {
    /// The records.
    pub records: Rc<[Record]>,
    /// How many splits.
    pub splits: u32,
    /// Whether keys and values are symbols.
    pub symbols: (bool, bool),
    /// Whether the splits fall silent instead of ending.
    pub silent: bool,
}

impl Source for List {
    fn splits(&self, _: u32) -> u32 {
        self.splits
    }
    #[inline]
    fn read(&self, split: u32, offset: u64) -> Read {
        match self.records.get((offset * self.splits as u64 + split as u64) as usize) {
            Some(&r) => Read::Record(r),
            None if self.silent => Read::Silent,
            None => Read::End,
        }
    }
    fn symbols(&self) -> (bool, bool) {
        self.symbols
    }
}

/// Any source: the built-in ones by static dispatch, a user's own shared.
#[derive(Clone)]
#[non_exhaustive]
#[allow(missing_docs)]
#[repr(u8)] // for speed, and no promise: see `AnyOperator`
pub enum AnySource {
    Generator(Generator),
    List(List),
    Custom(Rc<dyn Source>),
}

impl From<Generator> for AnySource {
    fn from(g: Generator) -> Self {
        AnySource::Generator(g)
    }
}

impl From<List> for AnySource {
    fn from(l: List) -> Self {
        AnySource::List(l)
    }
}

impl Source for AnySource {
    fn splits(&self, parallelism: u32) -> u32 {
        match self {
            AnySource::Generator(s) => s.splits(parallelism),
            AnySource::List(s) => s.splits(parallelism),
            AnySource::Custom(s) => s.splits(parallelism),
        }
    }
    /// In place: what comes back is larger than two registers.
    #[inline(always)]
    fn read(&self, split: u32, offset: u64) -> Read {
        match self {
            AnySource::Generator(s) => s.read(split, offset),
            AnySource::List(s) => s.read(split, offset),
            AnySource::Custom(s) => {
                cold_path();
                s.read(split, offset)
            }
        }
    }
    fn symbols(&self) -> (bool, bool) {
        match self {
            AnySource::Generator(s) => s.symbols(),
            AnySource::List(s) => s.symbols(),
            AnySource::Custom(s) => s.symbols(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn splits_partition_a_list(n in 0u64..50, splits in 1u32..6) {
            let records: Rc<[Record]> = (0..n).map(|i| Record::new(i, i)).collect();
            let list = List { records, splits, symbols: (false, false), silent: false };
            let mut seen = Vec::new();
            for s in 0..splits {
                let mut offset = 0;
                while let Read::Record(r) = list.read(s, offset) { seen.push(r.key); offset += 1; }
                assert_eq!(list.read(s, offset + 1), Read::End);
            }
            seen.sort();
            assert_eq!(seen, (0..n).collect::<Vec<_>>());
        }

        #[test]
        fn the_last_size_stands_for_all_further_splits(sizes in proptest::collection::vec(0u64..5, 0..4)) {
            let g = Generator { sizes: sizes.clone(), ..Generator::new(0) };
            for split in 0..6 {
                let size = sizes.get(split as usize).or(sizes.last()).copied().unwrap_or(0);
                for offset in 0..6 {
                    assert_eq!(matches!(g.read(split, offset), Read::Record(_)), offset < size);
                }
            }
        }

        #[test]
        fn a_generator_stays_in_its_bounds(seed: u64, low in 0u64..9, more in 0u64..9) {
            let g = Generator { values: (low, low + more), seed, ..Generator::new(20) };
            for offset in 0..20 {
                let Read::Record(r) = g.read(1, offset) else { panic!() };
                assert!(r.key < 16 && (low..=low + more).contains(&r.value));
            }
            assert_eq!(g.read(1, 20), Read::End);
        }
    }
}
