//! Operators with a number for each key.

use super::any::{Operator, Out};
use crate::base::{Record, fold, mix};
use rustc_hash::FxHashMap;

/// Keyed state: a number for each key, and the digest of the whole, always up to date.
#[derive(Debug, Default)]
pub struct Table {
    map: FxHashMap<u64, u64>,
    digest: u64,
}

impl Clone for Table {
    fn clone(&self) -> Self {
        Table { map: self.map.clone(), digest: self.digest }
    }
    fn clone_from(&mut self, other: &Self) {
        self.map.clone_from(&other.map);
        self.digest = other.digest;
    }
}

#[inline]
fn entry_word(key: u64, value: u64) -> u64 {
    fold(key ^ 0x8BB8_4B93_962E_ACC9, value ^ 0x2D35_8DCC_AA6C_78A5)
}

impl Table {
    /// Sets the number of `key` to `f` of what it was; returns the new one.
    #[inline]
    pub fn update(&mut self, key: u64, f: impl FnOnce(Option<u64>) -> u64) -> u64 {
        if let Some(value) = self.map.get_mut(&key) {
            let old = *value;
            let new = f(Some(old));
            *value = new;
            self.digest = self.digest.wrapping_sub(entry_word(key, old)).wrapping_add(entry_word(key, new));
            return new;
        }
        let new = f(None);
        self.insert(key, new);
        new
    }

    /// A key that is not there yet.
    #[inline(never)]
    fn insert(&mut self, key: u64, value: u64) {
        if self.map.len() == self.map.capacity() && (1..28).contains(&self.map.len()) {
            self.map.reserve(28 - self.map.len()); // small tables grow once, and the smallest stay small
        }
        self.digest = self.digest.wrapping_add(entry_word(key, value));
        self.map.insert(key, value);
    }

    /// The number of `key`.
    pub fn get(&self, key: u64) -> Option<u64> {
        self.map.get(&key).copied()
    }

    /// The digest of the whole table.
    #[inline]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// All entries, by key.
    pub fn entries(&self) -> Vec<(u64, u64)> {
        #[allow(clippy::disallowed_methods, reason = "sorted at once")]
        let mut list: Vec<_> = self.map.iter().map(|(&k, &v)| (k, v)).collect();
        list.sort_unstable();
        list
    }
}

macro_rules! keyed {
    ($(#[$doc:meta])* $name:ident { $($field:ident : $type:ty),* }, |$this:ident, $r:ident, $old:ident| $new:expr) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        #[allow(missing_docs)]
        pub struct $name { table: Table, $(pub $field: $type),* }

        impl Clone for $name {
            fn clone(&self) -> Self {
                $name { table: self.table.clone(), $($field: self.$field),* }
            }
            fn clone_from(&mut self, other: &Self) {
                self.table.clone_from(&other.table);
                $(self.$field = other.$field;)*
            }
        }

        impl Operator for $name {
            #[inline]
            fn process(&mut self, _: u32, $r: Record, out: &mut Out) {
                $(let $field = self.$field;)*
                let $this = &mut self.table;
                let value = $this.update($r.key, |$old| $new);
                out.emit(Record::new($r.key, value));
            }
            #[inline]
            fn state(&self) -> u64 {
                self.table.digest()
            }
            fn entries(&self) -> Vec<(u64, u64)> {
                self.table.entries()
            }
            fn symbols(&self, (key, _): (bool, bool)) -> (bool, bool) {
                (key, false)
            }
        }
    };
}

keyed!(
    /// Counts the records of each key and sends (key, new count). State: the counts.
    KeyedCount {}, |table, r, old| old.unwrap_or(0) + 1
);
keyed!(
    /// Adds up the values of each key (wrapping) and sends (key, new sum). State: the sums.
    KeyedSum {}, |table, r, old| old.unwrap_or(0).wrapping_add(r.value)
);
keyed!(
    /// Keeps the smallest or largest value of each key and sends (key, value so far). State: those values.
    KeyedReduce { reduction: Reduction }, |table, r, old| reduction.of(old, r.value)
);
keyed!(
    /// A rolling hash of the values of each key *in the order of their arrival*, sent after each record:
    /// every reordering, loss and duplicate shows for ever. State: the hashes.
    KeyedFold {}, |table, r, old| mix(r.value, old.unwrap_or(0))
);

/// What [`KeyedReduce`] keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// The smallest value.
    Min,
    /// The largest value.
    #[default]
    Max,
}

impl Reduction {
    fn of(self, old: Option<u64>, new: u64) -> u64 {
        match (old, self) {
            (None, _) => new,
            (Some(old), Reduction::Min) => old.min(new),
            (Some(old), Reduction::Max) => old.max(new),
        }
    }
}

impl KeyedReduce {
    /// An operator that keeps this of each key.
    pub fn new(reduction: Reduction) -> Self {
        KeyedReduce { table: Table::default(), reduction }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(o: &mut impl Operator, records: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut out = Out::default();
        records.iter().for_each(|&(k, v)| o.process(0, Record::new(k, v), &mut out));
        out.sends().iter().map(|(_, r)| (r.key, r.value)).collect()
    }

    #[test]
    fn each_does_what_its_doc_says() {
        let input = [(1, 5), (2, 7), (1, 3)];
        assert_eq!(feed(&mut KeyedCount::default(), &input), [(1, 1), (2, 1), (1, 2)]);
        assert_eq!(feed(&mut KeyedSum::default(), &input), [(1, 5), (2, 7), (1, 8)]);
        assert_eq!(feed(&mut KeyedReduce::new(Reduction::Min), &input), [(1, 5), (2, 7), (1, 3)]);
        assert_eq!(feed(&mut KeyedReduce::new(Reduction::Max), &input), [(1, 5), (2, 7), (1, 5)]);
    }

    #[test]
    fn a_fold_sees_order_and_duplicates() {
        let of = |list: &[(u64, u64)]| {
            let mut f = KeyedFold::default();
            feed(&mut f, list);
            f.state()
        };
        assert_ne!(of(&[(1, 5), (1, 6)]), of(&[(1, 6), (1, 5)]));
        assert_ne!(of(&[(1, 5)]), of(&[(1, 5), (1, 5)]));
        assert_eq!(of(&[(1, 5), (2, 6)]), of(&[(2, 6), (1, 5)]));
    }

    proptest::proptest! {
        #[test]
        fn the_digest_is_of_the_content(list in proptest::collection::vec((0u64..6, 0u64..4), 0..40)) {
            let mut table = Table::default();
            for &(k, v) in &list { table.update(k, |_| v); }
            let mut again = Table::default();
            for (k, v) in table.entries() { again.update(k, |_| v); }
            assert_eq!(table.digest(), again.digest());
            assert_eq!(table.entries(), again.entries());
        }
    }
}
