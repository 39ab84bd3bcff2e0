//! Stable digests. The step is wyhash's folded multiply (`mum`, with fixed odd constants); texts are
//! hashed by FNV-1a, 64 bits. Both give the same number on every machine and in every release; neither
//! withstands an adversary, and nothing here needs that.

use super::{Bits, Epoch};

/// wyhash's `mum`: the two halves of the 128-bit product, xored.
#[inline]
pub fn fold(a: u64, b: u64) -> u64 {
    let p = a as u128 * b as u128;
    (p as u64) ^ (p >> 64) as u64
}

/// A number well mixed; `salt` gives independent mixings.
#[inline]
pub fn mix(x: u64, salt: u64) -> u64 {
    let z = fold(x ^ 0x9E37_79B9_7F4A_7C15, salt.wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ 0x94D0_49BB_1331_11EB);
    fold(z ^ 0xD6E8_FEB8_6659_FD93, 0x9E37_79B9_7F4A_7C15 ^ salt)
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

    /// The digest so far.
    #[inline]
    pub fn value(self) -> u64 {
        self.0
    }
}

/// Digest of a state in which epochs count only by their *rank* among those still named: a state that
/// differs from another only in how many epochs came before has the same digest.
///
/// The state is walked twice: first to collect the epochs, then to mix.
#[derive(Clone, Debug, Default)]
pub struct Digester {
    low: u64,
    high: u64,
    named: Vec<Epoch>,
    collecting: bool,
}

impl Digester {
    /// The 128-bit digest of what `walk` names. `self` is only scratch space and can be used again.
    pub fn digest(&mut self, mut walk: impl FnMut(&mut Digester)) -> u128 {
        self.named.clear();
        self.collecting = true;
        walk(self);
        self.collecting = false;
        (self.low, self.high) = (0x4528_21E6_38D0_1377, 0xBE54_66CF_34E9_0C6C);
        walk(self);
        (self.high as u128) << 64 | self.low as u128
    }

    /// Takes one word in.
    #[inline]
    pub fn word(&mut self, w: u64) {
        if !self.collecting {
            self.low = fold(self.low ^ w, 0x9E37_79B9_7F4A_7C15).wrapping_add(w);
            self.high = fold(self.high.wrapping_add(w), 0xBF58_476D_1CE4_E5B9) ^ self.low.rotate_left(29);
        }
    }

    /// Takes an epoch in, by its rank. 0 ("none") and `Epoch::MAX` ("for ever") stand for themselves.
    #[inline]
    pub fn epoch(&mut self, e: Epoch) {
        if e == 0 || e == Epoch::MAX {
            return self.word(e);
        }
        match self.named.binary_search(&e) {
            Ok(rank) => self.word(1 + rank as u64),
            Err(at) => {
                debug_assert!(self.collecting, "[cutline bug] a digest names other epochs in its second pass");
                self.named.insert(at, e);
            }
        }
    }

    /// Takes a set in.
    #[inline]
    pub fn bits(&mut self, b: &Bits) {
        if !self.collecting {
            b.words().for_each(|w| self.word(w));
            self.word(0x5EED);
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
