//! The digest of a run: every fact with its step and time, in order.

use super::fact::{At, Fact, Fields, Observer, Wait};
use crate::base::{ChannelId, Mix, Record, TaskId};

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
    #[inline(always)]
    fn rare(&mut self, at: At, fact: Fact<'_>) {
        let mut words = Pairs { mix: self.0, half: None };
        words.word(at.step);
        words.word(at.time.0);
        words.name(fact.name());
        fact.fields(&mut words);
        self.0 = words.end();
    }
}

/// Folds two words at a time.
struct Pairs {
    mix: Mix,
    half: Option<u64>,
}

impl Pairs {
    #[inline(always)]
    fn word(&mut self, w: u64) {
        match self.half.take() {
            None => self.half = Some(w),
            Some(first) => self.mix.pair(first, w),
        }
    }

    /// By eight letters at a time.
    #[inline(always)]
    fn name(&mut self, name: &str) {
        let (eights, rest) = name.as_bytes().as_chunks::<8>();
        eights.iter().for_each(|letters| self.word(u64::from_le_bytes(*letters)));
        if !rest.is_empty() {
            self.word(rest.iter().rev().fold(0, |w, &b| w << 8 | b as u64));
        }
    }

    #[inline(always)]
    fn end(mut self) -> Mix {
        if let Some(last) = self.half {
            self.mix.word(last);
        }
        self.mix
    }
}

impl Fields for Pairs {
    #[inline(always)]
    fn number(&mut self, _: &'static str, n: u64) {
        self.word(n);
    }
    #[inline(always)]
    fn digest(&mut self, _: &'static str, d: u64) {
        self.word(d);
    }
    #[inline(always)]
    fn text(&mut self, _: &'static str, t: &'static str) {
        self.name(t);
    }
    #[inline(always)]
    fn record(&mut self, _: &'static str, _: ChannelId, r: Record) {
        self.word(r.key);
        self.word(r.value);
    }
    #[inline(always)]
    fn list(&mut self, _: &'static str, l: &[TaskId]) {
        l.iter().for_each(|&t| self.word(t as u64));
    }
    #[inline(always)]
    fn waits(&mut self, _: &'static str, w: &[Wait]) {
        self.word(w.len() as u64);
    }
}
