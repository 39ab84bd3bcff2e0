//! Operators without state: one record in, some out.

use super::any::{Give, Given, Operator, Out};
use crate::base::Record;

macro_rules! stateless {
    ($name:ty, |$this:ident, $r:ident, $out:ident| $body:block $(, symbols |$s:ident, $in:ident| $symbols:expr)?) => {
        impl Give for $name {}

        impl Operator for $name {
            #[inline]
            fn process(&mut self, _: u32, $r: Record, $out: &mut Out) {
                let $this = self;
                $body
            }
            fn state(&self) -> u64 {
                0
            }
            $(fn symbols(&self, $in: (bool, bool)) -> (bool, bool) {
                let $s = self;
                $symbols
            })?
        }
    };
}

/// Replaces value v by (v · multiply + add), wrapping, then modulo `modulo` if that is not 0; and the key by
/// the new value modulo `rekey` if that is not 0. State: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Map {
    pub multiply: u64,
    pub add: u64,
    pub modulo: u64,
    pub rekey: u64,
}

impl Default for Map {
    fn default() -> Self {
        Map { multiply: 1, add: 0, modulo: 0, rekey: 0 }
    }
}

stateless!(
    Map,
    |this, r, out| {
        let value = r.value.wrapping_mul(this.multiply).wrapping_add(this.add);
        let value = value.checked_rem(this.modulo).unwrap_or(value);
        out.emit(Record::new(value.checked_rem(this.rekey).unwrap_or(r.key), value));
    },
    symbols | this,
    input | {
        let same = *this == Map { rekey: this.rekey, ..Map::default() };
        (input.0 && this.rekey == 0, input.1 && same)
    }
);

/// Keeps records whose value modulo `modulo` is `remainder`, drops all others. State: none.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Filter {
    pub modulo: u64,
    pub remainder: u64,
}

impl Give for Filter {
    #[inline]
    fn give(&mut self, _: u32, r: Record, _: &mut Out) -> Given {
        let keeps = r.value.checked_rem(self.modulo) == Some(self.remainder);
        if keeps { Given::Value(r.value) } else { Given::Nothing }
    }
}

impl Operator for Filter {
    fn process(&mut self, port: u32, r: Record, out: &mut Out) {
        self.give(port, r, out).list(r.key, out);
    }
    fn state(&self) -> u64 {
        0
    }
}

/// Sends each record `times` times (a flat map; 0 drops everything), the i-th copy with i added to its value
/// and, with `spread`, to its key. State: none.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Repeat {
    pub times: u64,
    pub spread: bool,
}

stateless!(
    Repeat,
    |this, r, out| {
        for i in 0..this.times {
            let key = if this.spread { r.key.wrapping_add(i) } else { r.key };
            out.emit(Record::new(key, r.value.wrapping_add(i)));
        }
    },
    symbols | this,
    input | (input.0 && !this.spread, input.1 && this.times < 2)
);

/// Takes the value as a symbol, and sends (word, 1) for each word of its text, lower-cased. A word is a
/// longest run of letters, digits and apostrophes, without apostrophes at its ends. State: none.
#[derive(Clone, Copy, Debug, Default)]
pub struct SplitWords;

impl SplitWords {
    /// The words of a text.
    pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
        text.split(|c: char| !(c.is_alphanumeric() || c == '\''))
            .map(|w| w.trim_matches('\''))
            .filter(|w| !w.is_empty())
            .map(str::to_lowercase)
    }
}

stateless!(
    SplitWords,
    |_this, r, out| {
        if let Some(text) = out.symbols().spell(r.value) {
            for word in SplitWords::words(&text) {
                let key = out.symbols().intern(&word);
                out.emit(Record::new(key, 1));
            }
        }
    },
    symbols | _this,
    _input | (true, false)
);

#[cfg(test)]
mod tests {
    use super::*;

    fn values(o: &mut impl Operator, r: Record) -> Vec<(u64, u64)> {
        let mut out = Out::default();
        o.process(0, r, &mut out);
        out.sends().iter().map(|(_, r)| (r.key, r.value)).collect()
    }

    #[test]
    fn each_does_what_its_doc_says() {
        let r = Record::new(1, 10);
        assert_eq!(values(&mut Map { multiply: 3, add: 1, modulo: 7, rekey: 2 }, r), [(1, 3)]);
        assert_eq!(values(&mut Map::default(), r), [(1, 10)]);
        assert_eq!(values(&mut Filter { modulo: 5, remainder: 0 }, r), [(1, 10)]);
        assert_eq!(values(&mut Filter { modulo: 3, remainder: 0 }, r), []);
        assert_eq!(values(&mut Repeat { times: 2, spread: true }, r), [(1, 10), (2, 11)]);
        assert_eq!(values(&mut Repeat { times: 0, spread: true }, r), []);
    }

    #[test]
    fn words_are_lower_case_and_keep_inner_apostrophes() {
        let words: Vec<_> = SplitWords::words("\"Don't,\" said CATHERINE; 'tis--well").collect();
        assert_eq!(words, ["don't", "said", "catherine", "tis", "well"]);
    }
}
