//! Stable digests. The step is wyhash's folded multiply (`mum`, with fixed odd constants); texts are
//! hashed by FNV-1a, 64 bits. Both give the same number on every machine and in every release; neither
//! withstands an adversary, and nothing here needs that.

use super::kept::Sum;
use super::{Bits, Epoch, Kept};

/// wyhash's `mum`: the two halves of the 128-bit product, xored.
#[inline]
pub fn fold(a: u64, b: u64) -> u64 {
    let p = a as u128 * b as u128;
    (p as u64) ^ (p >> 64) as u64
}

/// Mixes numbers well; each salt gives an independent mixing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mixer(u64, u64);

impl Mixer {
    /// The mixing of this salt.
    #[inline(always)]
    pub fn new(salt: u64) -> Self {
        Mixer(salt.wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ 0x94D0_49BB_1331_11EB, 0x9E37_79B9_7F4A_7C15 ^ salt)
    }

    /// A number, mixed.
    #[inline(always)]
    pub fn mix(self, x: u64) -> u64 {
        let z = fold(x ^ 0x9E37_79B9_7F4A_7C15, self.0);
        fold(z ^ 0xD6E8_FEB8_6659_FD93, self.1)
    }
}

/// A number well mixed; `salt` gives independent mixings.
#[inline]
pub fn mix(x: u64, salt: u64) -> u64 {
    Mixer::new(salt).mix(x)
}

/// FNV-1a, 64 bits, of a text's UTF-8 bytes.
pub fn hash_text(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ b as u64).wrapping_mul(0x0000_0100_0000_01B3))
}

/// A running digest over words: 64 bits, order-sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix(u64);

impl Default for Mix {
    fn default() -> Self {
        Mix(0x243F_6A88_85A3_08D3)
    }
}

impl Mix {
    /// Takes one word in.
    #[inline]
    pub fn word(&mut self, w: u64) {
        self.0 = fold(self.0 ^ w, 0x9E37_79B9_7F4A_7C15).wrapping_add(w.rotate_left(32) ^ 0x1319_8A2E_0370_7344);
    }

    /// Takes two words in.
    #[inline]
    pub fn pair(&mut self, a: u64, b: u64) {
        self.0 = fold(self.0 ^ a, b ^ 0x9E37_79B9_7F4A_7C15).wrapping_add(a.rotate_left(32) ^ 0x1319_8A2E_0370_7344);
    }

    /// The digest so far.
    #[inline]
    pub fn value(self) -> u64 {
        self.0
    }
}

/// The members of a set of numbers below 64, ascending.
#[inline(always)]
fn members(mut set: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let first = (set != 0).then(|| set.trailing_zeros() as u64)?;
        set &= set - 1;
        Some(first)
    })
}

/// Digest of a state in which epochs count only by their *rank* among those still named: a state that
/// differs from another only in how many epochs came before has the same digest.
///
/// The state is walked once: words are mixed at once, epochs when all are known, in the order in which they were
/// named. Parts that have not changed since the last time are not walked again.
#[derive(Clone, Debug, Default)]
pub struct Digester {
    low: u64,
    high: u64,
    epochs: Vec<Epoch>,
    /// Those of them that are real, as a set; 0 for those that are too large for it.
    named: u64,
    /// For parts.
    inner: Option<Box<Digester>>,
}

impl Digester {
    /// The 128-bit digest of what `walk` names. `self` is only scratch space and can be used again.
    pub fn digest(&mut self, walk: impl FnOnce(&mut Digester)) -> u128 {
        let [low, high] = self.walked(walk);
        (mix(high, low.rotate_left(32)) as u128) << 64 | mix(low, high) as u128
    }

    #[inline(always)]
    fn walked(&mut self, walk: impl FnOnce(&mut Digester)) -> [u64; 2] {
        (self.low, self.high) = (0x4528_21E6_38D0_1377, 0xBE54_66CF_34E9_0C6C);
        self.epochs.clear();
        self.named = 0;
        walk(self);
        self.word(self.epochs.len() as u64);
        if self.named & 1 != 0 {
            self.rank_large()
        } else {
            self.rank()
        }
        [self.low, self.high]
    }

    /// Mixes the epochs in, by rank among those that were named.
    fn rank(&mut self) {
        let mut ranks = [0u8; 64];
        for (rank, e) in (1..).zip(members(self.named)) {
            ranks[e as usize] = rank;
        }
        self.mix_ranks(|e| ranks.get(e as usize).copied().unwrap_or(0xFF)); // the last: for ever
    }

    /// The same, if any of them has a large number.
    #[cold]
    fn rank_large(&mut self) {
        let named = self.real();
        if named.len() >= 0xFF {
            for i in 0..self.epochs.len() {
                let e = self.epochs[i];
                self.word(if e == 0 || e == Epoch::MAX { e } else { 1 + named.partition_point(|&n| n < e) as u64 });
            }
            return;
        }
        self.mix_ranks(|e| match e {
            0 => 0,
            Epoch::MAX => 0xFF,
            e => 1 + named.partition_point(|&n| n < e) as u8,
        });
    }

    /// Eight to a word.
    #[inline(always)]
    fn mix_ranks(&mut self, rank: impl Fn(Epoch) -> u8) {
        let (mut word, mut n) = (0, 0);
        for i in 0..self.epochs.len() {
            word = word << 8 | rank(self.epochs[i]) as u64;
            n += 1;
            if n % 8 == 0 {
                self.word(word);
            }
        }
        self.word(word);
    }

    /// The epochs that were named, in their order, once each.
    fn real(&self) -> Vec<Epoch> {
        let mut named: Vec<Epoch> = self.epochs.iter().copied().filter(|&e| e != 0 && e != Epoch::MAX).collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    /// Takes a part in: its digest, and the epochs that it names.
    #[inline(always)]
    pub fn kept<T>(&mut self, part: &Kept<T>, walk: impl FnOnce(&T, &mut Digester)) {
        match part.known() {
            Some(sum) => {
                debug_assert_eq!(
                    sum,
                    self.walk_again(part, walk),
                    "a part of the state changed without being borrowed for it: does an operator or a protocol share state with its copies?"
                );
                self.sum(&sum);
            }
            None => self.walk_part(part, walk),
        }
    }

    /// What the part is if it is walked now.
    fn walk_again<T>(&mut self, part: &Kept<T>, walk: impl FnOnce(&T, &mut Digester)) -> Sum {
        let mut inner = self.inner.take().unwrap_or_default();
        let words = inner.walked(|d| walk(part, d));
        let sum = Sum { words, named: inner.named };
        self.inner = Some(inner);
        sum
    }

    fn walk_part<T>(&mut self, part: &Kept<T>, walk: impl FnOnce(&T, &mut Digester)) {
        let sum = self.walk_again(part, walk);
        if sum.named & 1 == 0 {
            part.keep(Some(sum));
            return self.sum(&sum);
        }
        // An epoch with a large number is not in the set.
        part.keep(None);
        sum.words.into_iter().for_each(|w| self.word(w));
        let named = self.inner.as_ref().map_or(Vec::new(), |inner| inner.real());
        named.into_iter().for_each(|e| self.name(e));
    }

    #[inline(always)]
    fn sum(&mut self, sum: &Sum) {
        sum.words.into_iter().for_each(|w| self.word(w));
        self.named |= sum.named;
        self.epochs.extend(members(sum.named));
    }

    /// Takes one word in: into two chains that do not wait for one another.
    #[inline(always)]
    pub fn word(&mut self, w: u64) {
        self.low = fold(self.low ^ w, 0x9E37_79B9_7F4A_7C15).wrapping_add(w);
        self.high = (self.high ^ w).wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(29);
    }

    /// Takes an epoch in, by its rank. 0 ("none") and `Epoch::MAX` ("for ever") stand for themselves.
    #[inline(always)]
    pub fn epoch(&mut self, e: Epoch) {
        self.low = self.low.wrapping_add(0xA076_1D64_78BD_642F); // that there is one, between these two words
        self.name(e);
    }

    #[inline]
    fn name(&mut self, e: Epoch) {
        self.named |= match e {
            0 | Epoch::MAX => 0,
            1..64 => 1 << e,
            _ => 1,
        };
        self.epochs.push(e);
    }

    /// Takes a set in.
    #[inline]
    pub fn bits(&mut self, b: &Bits) {
        match b.small() {
            Some(word) => self.word(word),
            None => self.large(b),
        }
    }

    #[cold]
    fn large(&mut self, b: &Bits) {
        let mut words = b.words();
        self.word(words.next().unwrap_or(0));
        let more = words.fold((0, 0), |(n, d), w| (n + 1, fold(d ^ w, 0x9E37_79B9_7F4A_7C15).wrapping_add(w)));
        if more.0 > 0 {
            self.word(more.0);
            self.word(more.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_count_by_rank() {
        let of = |list: &[Epoch]| Digester::default().digest(|d| list.iter().for_each(|&e| d.epoch(e)));
        assert_eq!(of(&[3, 7, 3]), of(&[1, 2, 1]));
        assert_ne!(of(&[3, 7, 3]), of(&[1, 2, 2]));
        assert_ne!(of(&[0, 7]), of(&[1, 2]));
    }

    #[test]
    fn digests_are_fixed_for_ever() {
        assert_eq!(hash_text("a"), 0xAF63_DC4C_8601_EC8C, "the published value of FNV-1a");
        let mut m = Mix::default();
        m.word(1);
        m.word(2);
        let once = m.value();
        let mut n = Mix::default();
        n.word(2);
        n.word(1);
        assert_ne!(once, n.value());
    }
}
