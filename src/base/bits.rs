//! A set of small numbers (the inputs of a task): one word inline, more only when a task has more than
//! 64 inputs. Not a general bit set: no removal of ranges, no complement.

/// A set of input numbers.
#[derive(Debug, Default)]
pub struct Bits {
    first: u64,
    rest: Vec<u64>,
}

impl Clone for Bits {
    #[inline]
    fn clone(&self) -> Self {
        Bits { first: self.first, rest: if self.rest.is_empty() { Vec::new() } else { self.rest.clone() } }
    }
    #[inline]
    fn clone_from(&mut self, o: &Self) {
        self.first = o.first;
        if !(self.rest.is_empty() && o.rest.is_empty()) {
            self.rest.clone_from(&o.rest);
        }
    }
}

impl Bits {
    /// The set `{0, …, n-1}`.
    pub fn up_to(n: u32) -> Self {
        (0..n).collect()
    }

    /// Adds `i`; says whether it is new.
    #[inline]
    pub fn insert(&mut self, i: u32) -> bool {
        let new = !self.contains(i);
        if i < 64 {
            self.first |= 1 << i;
        } else {
            let word = (i / 64 - 1) as usize;
            if self.rest.len() <= word {
                self.rest.resize(word + 1, 0);
            }
            self.rest[word] |= 1 << (i % 64);
        }
        new
    }

    /// Takes `i` out; says whether it was there.
    #[inline]
    pub fn remove(&mut self, i: u32) -> bool {
        let there = self.contains(i);
        if i < 64 {
            self.first &= !(1 << i);
        } else if let Some(word) = self.rest.get_mut((i / 64 - 1) as usize) {
            *word &= !(1 << (i % 64));
        }
        there
    }

    /// Whether `i` is in the set.
    #[inline]
    pub fn contains(&self, i: u32) -> bool {
        if i < 64 {
            self.first >> i & 1 != 0
        } else {
            self.rest.get((i / 64 - 1) as usize).is_some_and(|w| w >> (i % 64) & 1 != 0)
        }
    }

    /// Whether nothing is in the set.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first == 0 && self.rest.iter().all(|&w| w == 0)
    }

    /// How many numbers are in the set.
    pub fn len(&self) -> u32 {
        self.first.count_ones() + self.rest.iter().map(|w| w.count_ones()).sum::<u32>()
    }

    /// Whether all numbers below `n` are in the set.
    pub fn covers(&self, n: u32) -> bool {
        let low = |n: u32| if n < 64 { (1 << n) - 1 } else { u64::MAX };
        let word = |i: u32| self.rest.get(i as usize).copied().unwrap_or(0);
        low(n) & !self.first == 0 && (1..n.div_ceil(64)).all(|i| low(n - i * 64) & !word(i - 1) == 0)
    }

    /// Whether every member is in `a` or in `b`.
    #[inline]
    pub fn within(&self, a: &Bits, b: &Bits) -> bool {
        let word = |s: &Bits, i: usize| s.rest.get(i).copied().unwrap_or(0);
        self.first & !(a.first | b.first) == 0
            && (self.rest.iter().enumerate()).all(|(i, w)| w & !(word(a, i) | word(b, i)) == 0)
    }

    /// Empties the set.
    #[inline]
    pub fn clear(&mut self) {
        self.first = 0;
        self.rest.clear();
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (mut left, mut base, mut rest) = (self.first, 0, self.rest.iter());
        std::iter::from_fn(move || {
            while left == 0 {
                (left, base) = (*rest.next()?, base + 64);
            }
            let bit = left.trailing_zeros();
            left &= left - 1;
            Some(base + bit)
        })
    }

    /// The set as one word, if it is kept in one.
    #[inline(always)]
    pub fn small(&self) -> Option<u64> {
        self.rest.is_empty().then_some(self.first)
    }

    /// The words of the set, trailing zeros left out: equal sets give equal words.
    pub fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let used = self.rest.iter().rposition(|&w| w != 0).map_or(0, |p| p + 1);
        std::iter::once(self.first).chain(self.rest[..used].iter().copied())
    }
}

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.words().eq(other.words())
    }
}

impl Eq for Bits {}

impl FromIterator<u32> for Bits {
    fn from_iter<I: IntoIterator<Item = u32>>(items: I) -> Self {
        let mut bits = Bits::default();
        for i in items {
            bits.insert(i);
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    proptest::proptest! {
        #[test]
        fn behaves_as_a_set(steps in proptest::collection::vec((0u32..200, proptest::bool::ANY), 0..80)) {
            let (mut bits, mut set) = (Bits::default(), BTreeSet::new());
            for (i, add) in steps {
                if add { assert_eq!(bits.insert(i), set.insert(i)); } else { assert_eq!(bits.remove(i), set.remove(&i)); }
                assert_eq!(bits.len() as usize, set.len());
                assert_eq!(bits.iter().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>());
                assert_eq!(bits, set.iter().copied().collect::<Bits>());
                assert!(bits.within(&bits.clone(), &Bits::default()));
            }
        }

        #[test]
        fn covers_what_is_below(n in 0u32..200, gone in 0u32..200, more in 0u32..70) {
            let mut bits = Bits::up_to(n);
            assert!(bits.covers(n) && !bits.covers(n + 1));
            bits.insert(n + 1 + more);
            assert!(bits.covers(n) && !bits.covers(n + 1));
            bits.remove(gone);
            assert_eq!(bits.covers(n), gone >= n);
            assert!(bits.covers(n.min(gone)));
        }
    }
}
