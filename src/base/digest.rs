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

/// Digest of a state in which epochs count only by their *rank* among those still named: a state that
/// differs from another only in how many epochs came before has the same digest.
///
/// The state is walked once; what it named is mixed when all epochs are known.
#[derive(Clone, Debug, Default)]
pub struct Digester {
    words: Vec<u64>,
    /// Where in `words` an epoch stands.
    places: Vec<u32>,
    named: Vec<Epoch>,
}

impl Digester {
    /// The 128-bit digest of what `walk` names. `self` is only scratch space and can be used again.
    pub fn digest(&mut self, mut walk: impl FnMut(&mut Digester)) -> u128 {
        self.words.clear();
        self.places.clear();
        self.named.clear();
        walk(self);
        self.named.sort_unstable();
        for &place in &self.places {
            if let Some(word) = self.words.get_mut(place as usize) {
                *word = 1 + self.named.iter().take_while(|&e| e < word).count() as u64;
            }
        }
        if !self.words.len().is_multiple_of(2) {
            self.words.push(0);
        }
        self.mixed()
    }

    /// Two words at a time, in two chains that wait for nothing but themselves.
    fn mixed(&self) -> u128 {
        let (mut low, mut high) = (0x4528_21E6_38D0_1377 ^ self.words.len() as u64, 0xBE54_66CF_34E9_0C6C);
        for pair in self.words.chunks_exact(2) {
            let (a, b) = (pair[0], pair[1]);
            low = fold(low ^ a, b ^ 0x9E37_79B9_7F4A_7C15).wrapping_add(a);
            high = fold(high ^ b, a ^ 0xBF58_476D_1CE4_E5B9).wrapping_add(b);
        }
        let (low, high) = (mix(low, high), mix(high, low.rotate_left(32)));
        (high as u128) << 64 | low as u128
    }

    /// Takes one word in.
    #[inline]
    pub fn word(&mut self, w: u64) {
        self.words.push(w);
    }

    /// Takes an epoch in, by its rank. 0 ("none") and `Epoch::MAX` ("for ever") stand for themselves.
    #[inline(always)]
    pub fn epoch(&mut self, e: Epoch) {
        if e != 0 && e != Epoch::MAX {
            self.name(e);
        }
        self.words.push(e);
    }

    /// The next word is this epoch.
    #[inline(never)]
    fn name(&mut self, e: Epoch) {
        self.places.push(self.words.len() as u32);
        if !self.named.contains(&e) {
            self.named.push(e);
        }
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
