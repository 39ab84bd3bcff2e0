//! Keyed state: a number for each key.

use crate::base::fold;
use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::hint::cold_path;

/// Keys and their numbers, in the least memory: a look-up waits for that, and half of it fits twice as well.
#[derive(Debug)]
enum Map {
    /// By key, while keys are close together and numbers small, as counts of interned words are.
    Dense(Vec<u32>),
    /// While keys and numbers are small.
    Narrow(FxHashMap<u32, u32>),
    Wide(FxHashMap<u64, u64>),
}

/// In a dense map: the key is not there. (So a number as large as this is not small: it makes a map wide.)
const ABSENT: u32 = u32::MAX;

/// Keyed state: a number for each key, and the digest of the whole, always up to date.
#[derive(Debug)]
pub struct Table {
    map: Map,
    digest: u64,
}

impl Default for Table {
    fn default() -> Self {
        Table { map: Map::Dense(Vec::new()), digest: 0 }
    }
}

impl Clone for Table {
    fn clone(&self) -> Self {
        let map = match &self.map {
            Map::Dense(slots) => Map::Dense(slots.clone()),
            Map::Narrow(map) => Map::Narrow(map.clone()),
            Map::Wide(map) => Map::Wide(map.clone()),
        };
        Table { map, digest: self.digest }
    }
    fn clone_from(&mut self, other: &Self) {
        match (&mut self.map, &other.map) {
            (Map::Dense(a), Map::Dense(b)) => a.clone_from(b),
            // Their room stays: of which kind a map is, is no part of its content.
            (Map::Narrow(a), b) if b.is_empty() => a.clear(),
            (Map::Wide(a), b) if b.is_empty() => a.clear(),
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

/// Sets the number of a key. Small tables grow once, and the smallest stay small.
fn add<N: Eq + Hash>(map: &mut FxHashMap<N, N>, key: N, value: N) {
    if map.len() == map.capacity() && (1..28).contains(&map.len()) {
        map.reserve(28 - map.len());
    }
    map.insert(key, value);
}

/// How many slots a dense map has for keys up to this one, if it takes no more memory than a narrow map of `len` keys (or
/// of 28, to which small ones grow at once).
fn dense_room(key: u32, len: usize) -> Option<usize> {
    let slots = (key as u64 + 1).next_power_of_two().max(16);
    let buckets = (len as u64 * 8).div_ceil(7).next_power_of_two().max(32);
    let (slot, bucket) = (size_of::<u32>() as u64, 2 * size_of::<u32>() as u64 + 1);
    usize::try_from(slots).ok().filter(|_| slots * slot <= buckets * bucket)
}

impl Map {
    fn is_empty(&self) -> bool {
        match self {
            // It has slots for the sake of a key, and no key is ever taken out.
            Map::Dense(slots) => slots.is_empty(),
            Map::Narrow(map) => map.is_empty(),
            Map::Wide(map) => map.is_empty(),
        }
    }

    /// Where the number of a key is or, in a dense map, will be; if the map has such a place and is not wide.
    #[inline(always)]
    fn slot(&mut self, key: u64) -> Option<&mut u32> {
        match self {
            Map::Dense(slots) => place(key, slots.len()).map(|i| &mut slots[i]),
            Map::Narrow(map) => map.get_mut(&(key as u32)).filter(|_| key <= u32::MAX as u64),
            Map::Wide(_) => None,
        }
    }

    /// All entries, in any order.
    #[allow(clippy::disallowed_methods, reason = "whoever asks sorts them, or puts them into another map")]
    fn entries(&self) -> Vec<(u64, u64)> {
        match self {
            Map::Dense(slots) => {
                let there = |&(_, &v): &(u64, &u32)| v != ABSENT;
                (0..).zip(slots).filter(there).map(|(k, &v)| (k, v as u64)).collect()
            }
            Map::Narrow(map) => map.iter().map(|(&k, &v)| (k as u64, v as u64)).collect(),
            Map::Wide(map) => map.iter().map(|(&k, &v)| (k, v)).collect(),
        }
    }

    /// Inserts a key that is not there yet.
    fn insert(&mut self, key: u64, value: u64) {
        if value >= ABSENT as u64 || key > u32::MAX as u64 {
            return self.insert_wide(key, value);
        }
        let (key, value) = (key as u32, value as u32);
        match self {
            Map::Dense(slots) => match slots.get_mut(key as usize) {
                Some(slot) => *slot = value,
                None => self.grow_dense(key, value),
            },
            Map::Narrow(map) if map.len() == map.capacity() => self.grow_narrow(key, value),
            Map::Narrow(map) => add(map, key, value),
            Map::Wide(map) => add(map, key as u64, value as u64),
        }
    }

    /// Inserts a key that is larger than all others. If it is too far from them, the map is dense no more.
    #[cold]
    fn grow_dense(&mut self, key: u32, value: u32) {
        let Map::Dense(slots) = self else { return };
        let len = slots.iter().filter(|&&v| v != ABSENT).count();
        if let Some(room) = dense_room(key, len + 1) {
            slots.resize(room, ABSENT);
            slots[key as usize] = value;
        } else {
            let mut map = FxHashMap::default();
            self.entries().into_iter().for_each(|(k, v)| add(&mut map, k as u32, v as u32));
            add(&mut map, key, value);
            *self = Map::Narrow(map);
        }
    }

    /// Inserts a key for which there is no room. If by now the keys are close together, the map becomes dense.
    #[cold]
    fn grow_narrow(&mut self, key: u32, value: u32) {
        let entries = self.entries();
        let Map::Narrow(map) = self else { return };
        let largest = entries.iter().map(|e| e.0 as u32).fold(key, u32::max);
        let Some(room) = dense_room(largest, map.len() + 1) else { return add(map, key, value) };
        let mut slots = vec![ABSENT; room];
        entries.into_iter().for_each(|(k, v)| slots[k as usize] = v as u32);
        slots[key as usize] = value;
        *self = Map::Dense(slots);
    }

    /// Sets the number of a key. The map is wide from now on.
    #[cold]
    fn insert_wide(&mut self, key: u64, value: u64) {
        if !matches!(self, Map::Wide(_)) {
            *self = Map::Wide(self.entries().into_iter().collect());
        }
        let Map::Wide(map) = self else { return };
        add(map, key, value);
    }
}

impl Table {
    /// Sets the number of `key` to `f` of what it was; returns the new one.
    #[inline]
    pub fn update(&mut self, key: u64, f: impl FnOnce(Option<u64>) -> u64) -> u64 {
        let Some(slot) = self.map.slot(key) else { return self.update_otherwise(key, f) };
        let old = (*slot != ABSENT).then_some(*slot as u64);
        let new = f(old);
        if new < ABSENT as u64 {
            *slot = new as u32;
        } else {
            self.map.insert_wide(key, new);
        }
        self.change(key, old, new);
        new
    }

    /// The same, if the map has a slot for the key, is not wide and stays so. Otherwise `None`, and nothing is done.
    #[inline(always)]
    pub(super) fn update_quickly(&mut self, key: u64, f: impl FnOnce(Option<u64>) -> u64) -> Option<u64> {
        let Some(slot) = self.map.slot(key) else {
            cold_path();
            return None;
        };
        let old = (*slot != ABSENT).then_some(*slot as u64);
        let new = f(old);
        if new >= ABSENT as u64 {
            cold_path();
            return None;
        }
        *slot = new as u32;
        self.change(key, old, new);
        Some(new)
    }

    /// The same as [`update`](Table::update), for all that is not done quickly.
    #[inline(never)]
    pub(super) fn update_otherwise(&mut self, key: u64, f: impl FnOnce(Option<u64>) -> u64) -> u64 {
        if let Map::Wide(map) = &mut self.map {
            let slot = map.get_mut(&key);
            let old = slot.as_deref().copied();
            let new = f(old);
            match slot {
                Some(slot) => *slot = new,
                None => add(map, key, new),
            }
            self.change(key, old, new);
            return new;
        }
        let old = self.get(key);
        let new = f(old);
        self.change(key, old, new);
        match old {
            Some(_) => self.map.insert_wide(key, new),
            None => self.map.insert(key, new),
        }
        new
    }

    /// Brings the digest up to date.
    #[inline(always)]
    fn change(&mut self, key: u64, old: Option<u64>, new: u64) {
        let old = old.map_or(0, |old| entry_word(key, old));
        self.digest = self.digest.wrapping_sub(old).wrapping_add(entry_word(key, new));
    }

    /// The number of `key`.
    pub fn get(&self, key: u64) -> Option<u64> {
        let small = match &self.map {
            Map::Dense(slots) => place(key, slots.len()).map(|i| slots[i]).filter(|&v| v != ABSENT),
            Map::Narrow(map) => map.get(&u32::try_from(key).ok()?).copied(),
            Map::Wide(map) => return map.get(&key).copied(),
        };
        small.map(u64::from)
    }

    /// The digest of the whole table.
    #[inline]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// All entries, by key.
    pub fn entries(&self) -> Vec<(u64, u64)> {
        let mut list = self.map.entries();
        list.sort_unstable();
        list
    }
}

/// The place of a key among so many slots.
#[inline(always)]
fn place(key: u64, slots: usize) -> Option<usize> {
    (key < slots as u64).then_some(key as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A number, small or large, on both sides of what fits into half a word.
    fn number() -> impl proptest::strategy::Strategy<Value = u64> {
        const HALF: u64 = u32::MAX as u64;
        proptest::sample::select(vec![0, 1, 2, HALF - 1, HALF, HALF + 1, HALF + 2, HALF << 32, u64::MAX])
    }

    /// A key: one of those, or one that is close to others (closer or less close).
    fn key() -> impl proptest::strategy::Strategy<Value = u64> {
        proptest::prop_oneof![number(), 0u64..100, 0u64..5000]
    }

    #[test]
    fn a_map_takes_the_least_memory() {
        let of = |keys: &mut dyn Iterator<Item = u64>| {
            let mut table = Table::default();
            keys.for_each(|k| _ = table.update(k, |_| 1));
            match table.map {
                Map::Dense(slots) => ("dense", slots.len()),
                Map::Narrow(map) => ("narrow", map.len()),
                Map::Wide(map) => ("wide", map.len()),
            }
        };
        assert_eq!(of(&mut (0..60)), ("dense", 64));
        assert_eq!(of(&mut (0..4096).rev().step_by(4)), ("dense", 4096), "narrow at first");
        assert_eq!(of(&mut (0..4096).step_by(64)), ("narrow", 64));
        assert_eq!(of(&mut [1, 2, 3, 1_000_000].into_iter()), ("narrow", 4), "dense at first");
        assert_eq!(of(&mut [1, 2, u64::MAX].into_iter()), ("wide", 3));
    }

    #[test]
    fn a_number_that_becomes_too_large_is_asked_for_once() {
        for keys in [&[7u64][..], &[7, 1_000_000]] {
            let (mut table, asked) = (Table::default(), std::cell::Cell::new(0));
            keys.iter().for_each(|&k| _ = table.update(k, |_| ABSENT as u64 - 1));
            assert!(!matches!(table.map, Map::Wide(_)));
            let new = table.update(7, |old| {
                asked.set(asked.get() + 1);
                old.expect("it is there") + 1
            });
            assert_eq!((new, table.get(7), asked.get()), (ABSENT as u64, Some(ABSENT as u64), 1));
            assert!(matches!(table.map, Map::Wide(_)));
        }
    }

    #[test]
    fn a_table_becomes_what_another_is_whatever_kind_either_was() {
        let kinds: [&[(u64, u64)]; 6] = [
            &[],
            &[(3, 1), (1, 2)],
            &[(40, 1), (2, 2), (50, 3)],
            &[(1_000_000, 1), (5, 2)],
            &[(u64::MAX, 1), (5, 2)],
            &[(5, u64::MAX)],
        ];
        let make = |entries: &[(u64, u64)]| {
            let mut table = Table::default();
            entries.iter().for_each(|&(k, v)| _ = table.update(k, |_| v));
            table
        };
        for from in kinds {
            for to in kinds {
                let (mut used, fresh) = (make(from), make(to));
                used.clone_from(&fresh);
                assert_eq!((used.entries(), used.digest()), (fresh.entries(), fresh.digest()), "{from:?} to {to:?}");
                // And goes on like it.
                for (k, v) in [(3, 9), (5, 9), (70_000, 1), (1 << 40, 1)] {
                    used.update(k, |_| v);
                    assert_eq!(used.get(k), Some(v));
                }
                assert_eq!(used.digest(), make(&used.entries()).digest());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_table_is_a_map_and_its_digest_is_of_the_content(
            list in proptest::collection::vec((key(), number()), 0..200),
            copied in 0usize..200,
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
