//! Texts by content: a symbol is the 64-bit hash of a text, and the job's table spells it out.
//!
//! The table only grows and is no part of any digest. Two texts with one hash are refused.

use super::hash_text;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;

/// The symbol table of a job; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Symbols(Rc<RefCell<FxHashMap<u64, Rc<str>>>>);

impl Symbols {
    /// The symbol of `text`, which the table knows from now on.
    ///
    /// # Panics
    /// If another text with the same hash is in the table.
    pub fn intern(&self, text: &str) -> u64 {
        let symbol = hash_text(text);
        let mut table = self.0.borrow_mut();
        let known = table.entry(symbol).or_insert_with(|| text.into());
        assert_eq!(&**known, text, "two texts with one hash: this job cannot be simulated");
        symbol
    }

    /// Hands the text of `symbol` to `f`; `None` if it is no symbol of this table.
    pub fn with<R>(&self, symbol: u64, f: impl FnOnce(&str) -> R) -> Option<R> {
        let text = self.0.borrow().get(&symbol).cloned();
        text.map(|t| f(&t))
    }

    /// The text of `symbol`; `None` if it is no symbol of this table.
    pub fn spell(&self, symbol: u64) -> Option<String> {
        self.with(symbol, str::to_owned)
    }
}
