//! Operators with a number for each key.

use super::any::{Operator, Out};
use crate::base::{Record, fold, mix};
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// Keys and their numbers: half as wide while all of them are small, as counts of interned words are. (Looking a key up
/// waits for memory, and half of it fits twice as well.)
#[derive(Debug)]
enum Map {
    Narrow(FxHashMap<u32, u32>),
    Wide(FxHashMap<u64, u64>),
}

/// Keyed state: a number for each key, and the digest of the whole, always up to date.
#[derive(Debug)]
pub struct Table {
    map: Map,
    digest: u64,
}

impl Default for Table {
    fn default() -> Self {
        Table { map: Map::Narrow(FxHashMap::default()), digest: 0 }
    }
}

impl Clone for Table {
    fn clone(&self) -> Self {
        let map = match &self.map {
            Map::Narrow(map) => Map::Narrow(map.clone()),
            Map::Wide(map) => Map::Wide(map.clone()),
        };
        Table { map, digest: self.digest }
    }
    fn clone_from(&mut self, other: &Self) {
        match (&mut self.map, &other.map) {
            // Their room stays; and what is empty is as well wide.
            (Map::Narrow(a), Map::Narrow(b)) if b.is_empty() => a.clear(),
            (Map::Wide(a), Map::Narrow(b)) if b.is_empty() => a.clear(),
            (Map::Narrow(a), Map::Narrow(b)) => a.clone_from(b),
            (Map::Wide(a), Map::Wide(b)) => a.clone_from(b),
            _ => self.map = other.clone().map,
        }
        self.digest = other.digest;
    }
}

#[inline]
fn entry_word(key: u64, value: u64) -> u64 {
    fold(key ^ 0x8BB8_4B93_962E_ACC9, value ^ 0x2D35_8DCC_AA6C_78A5)
}

/// Inserts a key that is not there yet. Small tables grow once, and the smallest stay small.
fn add<N: Eq + Hash>(map: &mut FxHashMap<N, N>, key: N, value: N) {
    if map.len() == map.capacity() && (1..28).contains(&map.len()) {
        map.reserve(28 - map.len());
    }
    map.insert(key, value);
}

impl Table {
    /// Sets the number of `key` to `f` of what it was; returns the new one.
    #[inline]
    pub fn update(&mut self, key: u64, f: impl FnOnce(Option<u64>) -> u64) -> u64 {
        let (old, new) = match &mut self.map {
            Map::Narrow(map) => match map.get_mut(&(key as u32)).filter(|_| key <= u32::MAX as u64) {
                Some(value) => {
                    let old = *value as u64;
                    let new = f(Some(old));
                    *value = new as u32;
                    (old, new)
                }
                None => return self.insert(key, f(None)),
            },
            Map::Wide(map) => match map.get_mut(&key) {
                Some(value) => {
                    let new = f(Some(*value));
                    (std::mem::replace(value, new), new)
                }
                None => return self.insert(key, f(None)),
            },
        };
        self.digest = self.digest.wrapping_sub(entry_word(key, old)).wrapping_add(entry_word(key, new));
        if new > u32::MAX as u64
            && let Map::Narrow(_) = self.map
        {
            self.put_wide(key, new);
        }
        new
    }

    /// A key that is not there yet.
    #[inline(never)]
    fn insert(&mut self, key: u64, value: u64) -> u64 {
        self.digest = self.digest.wrapping_add(entry_word(key, value));
        match &mut self.map {
            Map::Narrow(map) if key.max(value) <= u32::MAX as u64 => add(map, key as u32, value as u32),
            _ => self.put_wide(key, value),
        }
        value
    }

    /// Puts an entry into the map, which is wide from now on.
    #[cold]
    fn put_wide(&mut self, key: u64, value: u64) {
        match &mut self.map {
            Map::Narrow(map) => {
                #[allow(clippy::disallowed_methods, reason = "from one map into another")]
                let mut wide: FxHashMap<_, _> = map.drain().map(|(k, v)| (k as u64, v as u64)).collect();
                wide.insert(key, value);
                self.map = Map::Wide(wide);
            }
            Map::Wide(map) => add(map, key, value),
        }
    }

    /// The number of `key`.
    pub fn get(&self, key: u64) -> Option<u64> {
        match &self.map {
            Map::Narrow(map) => map.get(&u32::try_from(key).ok()?).map(|&value| value as u64),
            Map::Wide(map) => map.get(&key).copied(),
        }
    }

    /// The digest of the whole table.
    #[inline]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// All entries, by key.
    pub fn entries(&self) -> Vec<(u64, u64)> {
        #[allow(clippy::disallowed_methods, reason = "sorted at once")]
        let mut list: Vec<_> = match &self.map {
            Map::Narrow(map) => map.iter().map(|(&k, &v)| (k as u64, v as u64)).collect(),
            Map::Wide(map) => map.iter().map(|(&k, &v)| (k, v)).collect(),
        };
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
    use std::collections::BTreeMap;

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

    /// A number, small or large, on both sides of what fits into half a word.
    fn number() -> impl proptest::strategy::Strategy<Value = u64> {
        const HALF: u64 = u32::MAX as u64;
        proptest::sample::select(vec![0, 1, 2, HALF - 1, HALF, HALF + 1, HALF + 2, HALF << 32, u64::MAX])
    }

    proptest::proptest! {
        #[test]
        fn a_table_is_a_map_and_its_digest_is_of_the_content(
            list in proptest::collection::vec((number(), number()), 0..40),
            copied in 0usize..40,
        ) {
            let (mut table, mut copy, mut map) = (Table::default(), Table::default(), BTreeMap::new());
            for (i, &(k, v)) in list.iter().enumerate() {
                if i == copied { copy.clone_from(&table); }
                let old = map.insert(k, v);
                assert_eq!(table.get(k), old);
                assert_eq!(table.update(k, |was| { assert_eq!(was, old); v }), v);
                assert_eq!(table.get(k), Some(v));
            }
            assert_eq!(table.entries(), map.into_iter().collect::<Vec<_>>());
            let mut again = Table::default();
            for (k, v) in table.entries() { again.update(k, |_| v); }
            assert_eq!(table.digest(), again.digest());
            assert_eq!(table.entries(), again.entries());
            // What was copied goes its own way, also if one of the two is wide by now.
            for &(k, v) in list.iter().skip(copied) { copy.update(k, |_| v); }
            let copy = if copied < list.len() { copy } else { table.clone() };
            assert_eq!((copy.digest(), copy.entries()), (table.digest(), table.entries()));
            again.clone_from(&Table::default());
            assert_eq!((again.digest(), again.entries()), (0, vec![]));
        }
    }
}
