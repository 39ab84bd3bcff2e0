//! Operators with a number for each key.

use super::any::{Give, Given, Operator, Out};
use super::table::Table;
use crate::base::{Record, mix};

macro_rules! keyed {
    ($(#[$doc:meta])* $name:ident { $($field:ident : $type:ty),* }, in_place: $here:literal, |$r:ident, $old:ident| $new:expr) => {
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

        impl $name {
            /// (With the arguments of `give`: they stay in their registers.)
            #[inline(never)]
            fn give_otherwise(&mut self, _: u32, $r: Record, _: &mut Out) -> Given {
                $(let $field = self.$field;)*
                Given::Value(self.table.update_otherwise($r.key, |$old| $new))
            }
        }

        impl Give for $name {
            const IN_PLACE: bool = $here;

            /// (Calls nothing but at its end, so that nothing has to be saved.)
            #[inline]
            fn give(&mut self, port: u32, $r: Record, out: &mut Out) -> Given {
                $(let $field = self.$field;)*
                match self.table.update_quickly($r.key, |$old| $new) {
                    Some(value) => Given::Value(value),
                    None => self.give_otherwise(port, $r, out),
                }
            }
        }

        impl Operator for $name {
            fn process(&mut self, port: u32, r: Record, out: &mut Out) {
                self.give(port, r, out).list(r.key, out);
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
    KeyedCount {}, in_place: true, |r, old| old.unwrap_or(0) + 1
);
keyed!(
    /// Adds up the values of each key (wrapping) and sends (key, new sum). State: the sums.
    KeyedSum {}, in_place: false, |r, old| old.unwrap_or(0).wrapping_add(r.value)
);
keyed!(
    /// Keeps the smallest or largest value of each key and sends (key, value so far). State: those values.
    KeyedReduce { reduction: Reduction }, in_place: false, |r, old| reduction.of(old, r.value)
);
keyed!(
    /// A rolling hash of the values of each key *in the order of their arrival*, sent after each record:
    /// every reordering, loss and duplicate shows for ever. State: the hashes.
    KeyedFold {}, in_place: false, |r, old| mix(r.value, old.unwrap_or(0))
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
}
