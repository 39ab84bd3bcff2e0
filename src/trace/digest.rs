//! The digest of a run: every fact with its step and time, in order.

use super::fact::{At, Fact, Fields, Observer, Wait};
use crate::base::{ChannelId, Mix, Record, TaskId, hash_text};

/// Folds every fact of a run into 64 bits. Two runs with one digest did the same.
#[derive(Clone, Debug, Default)]
pub struct RunDigest(Mix);

impl RunDigest {
    /// The digest so far.
    pub fn value(&self) -> u64 {
        self.0.value()
    }
}

impl Observer for RunDigest {
    /// Inlined everywhere: which arm it is, is known where the fact is made.
    #[inline(always)]
    fn see(&mut self, at: At, fact: Fact<'_>) {
        // The three facts of every record, by the shortest way: one or two foldings each.
        match fact {
            Fact::Processed { channel, seq, .. } => {
                self.0.word(at.time.0 ^ (channel as u64) << 40 ^ seq.rotate_left(20) ^ 1 << 63);
            }
            Fact::Sent { channel, seq, record, .. } => {
                self.0.word(record.word() ^ (channel as u64) << 40 ^ seq);
            }
            Fact::Read { task, split, offset, .. } => {
                self.0.word(at.time.0 ^ (task as u64) << 48 ^ (split as u64) << 32 ^ offset.rotate_left(8) ^ 1 << 62);
            }
            _ => self.rare(at, fact),
        }
    }
}

impl RunDigest {
    #[inline(never)]
    fn rare(&mut self, at: At, fact: Fact<'_>) {
        self.0.word(at.step);
        self.0.word(at.time.0);
        self.0.word(hash_text(fact.name()));
        fact.fields(&mut self.0);
    }
}

/// A name by eight letters at a time, rounded up with zeros: two words where FNV takes two dozen steps.
#[inline]
fn name(mix: &mut Mix, name: &str) {
    for letters in name.as_bytes().chunks(8) {
        mix.word(letters.iter().rev().fold(0, |w, &b| w << 8 | b as u64));
    }
}

impl Fields for Mix {
    fn number(&mut self, _: &'static str, n: u64) {
        self.word(n);
    }
    fn digest(&mut self, _: &'static str, d: u64) {
        self.word(d);
    }
    fn text(&mut self, _: &'static str, t: &'static str) {
        self.word(hash_text(t));
    }
    fn record(&mut self, _: &'static str, _: ChannelId, r: Record) {
        self.word(r.key);
        self.word(r.value);
    }
    fn list(&mut self, _: &'static str, l: &[TaskId]) {
        l.iter().for_each(|&t| self.word(t as u64));
    }
    fn waits(&mut self, _: &'static str, w: &[Wait]) {
        self.word(w.len() as u64);
    }
}
