//! The digest of a run: every fact, in order.

use super::fact::{At, Fact, Fields, Observer, Wait};
use crate::base::{ChannelId, Mix, Record, TaskId};

/// Folds every fact of a run into 64 bits: two runs with one digest told the same.
///
/// What other facts say is left out where it is told most: which task sends, takes or reads on a channel or a split, and
/// as which attempt; what a record is that is taken, since that was told when it was sent; when it is sent, since whoever
/// sends it took or read something at the same time; and which step it is.
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
        // The three facts of every record, by the shortest way.
        match fact {
            Fact::Processed { channel, seq, .. } => {
                self.0.pair(at.time.0 ^ 1 << 63, (channel as u64) << 32 ^ seq);
            }
            Fact::Sent { channel, seq, record, .. } => {
                self.0.word(record.word() ^ (channel as u64) << 32 ^ seq);
            }
            Fact::Read { task, split, offset, .. } => {
                let at = (at.time.0 ^ 1 << 62).wrapping_add(offset.wrapping_mul(WEIGHTS[0]));
                self.0.pair(at, (task as u64) << 32 ^ split as u64);
            }
            _ => self.rare(at, fact),
        }
    }
}

impl RunDigest {
    #[inline(always)]
    fn rare(&mut self, at: At, fact: Fact<'_>) {
        let mut words = Words { mix: self.0, sum: 0, nth: 0 };
        words.word(at.time.0);
        words.name(fact.name());
        fact.fields(&mut words);
        words.fold();
        self.0 = words.mix;
    }
}

/// Odd numbers without a pattern: digits of pi (with the last bit set).
const WEIGHTS: [u64; 12] = [
    0xA409_3822_299F_31D1,
    0x082E_FA98_EC4E_6C89,
    0x4528_21E6_38D0_1377,
    0xBE54_66CF_34E9_0C6D,
    0xC0AC_29B7_C97C_50DD,
    0x3F84_D5B5_B547_0917,
    0x9216_D5D9_8979_FB1B,
    0xD131_0BA6_98DF_B5AD,
    0x2FFD_72DB_D01A_DFB7,
    0xB8E1_AFED_6A26_7E97,
    0xBA7C_9045_F12C_7F99,
    0x24A1_9947_B391_6CF7,
];

/// Takes in the words of a fact as one: their sum, each weighted by its place. (What is known where the fact is told, its
/// name above all, is added up beforehand.)
///
/// Such a sum tells small numbers apart, and numbers that are mixed already. Two words that anybody chooses could make up
/// for one another, in their highest bits: a record is mixed first.
struct Words {
    mix: Mix,
    sum: u64,
    nth: usize,
}

impl Words {
    #[inline(always)]
    fn word(&mut self, w: u64) {
        if self.nth == WEIGHTS.len() {
            self.fold();
        }
        self.sum = self.sum.wrapping_add(w.wrapping_mul(WEIGHTS[self.nth]));
        self.nth += 1;
    }

    #[inline(always)]
    fn fold(&mut self) {
        // (Their number too: a last one that is 0 adds nothing.)
        self.mix.word(self.sum.wrapping_add(self.nth as u64));
        (self.sum, self.nth) = (0, 0);
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
}

impl Fields for Words {
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
    /// (Mixed: whoever writes a job chooses key and value, and they can be as large as they like.)
    #[inline(always)]
    fn record(&mut self, _: &'static str, _: ChannelId, r: Record) {
        self.word(r.word());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{NodeId, Time};
    use crate::trace::Outcome;
    use std::collections::{BTreeMap, BTreeSet};

    fn digest(facts: &[(u64, Fact<'_>)]) -> u64 {
        let mut digest = RunDigest::default();
        facts.iter().for_each(|&(time, fact)| digest.see(At { step: 1, time: Time(time) }, fact));
        digest.value()
    }

    /// One of each shape, with these numbers.
    fn shapes(n: [u32; 7]) -> Vec<Fact<'static>> {
        let [task, attempt, channel, epoch, seq, key, value] = n;
        let (split, node, channels) = (channel, channel as NodeId, [Some(channel), None]);
        let (epoch, seq, record) = (epoch as u64, seq as u64, Record::new(key as u64, value as u64));
        let (offset, state, handle) = (seq, key as u64, key as u64);
        let mut list = vec![
            Fact::Read { task, attempt, split, offset },
            Fact::Sent { task, attempt, channel, seq, record },
            Fact::Processed { task, attempt, channel, seq, record },
            Fact::Replayed { task, attempt, channel, seq, record },
            Fact::Logged { task, attempt, epoch, channel, seq, record },
            Fact::BarrierSent { task, attempt, channel, epoch },
            Fact::CancelSent { task, attempt, channel, epoch },
            Fact::CancelReceived { task, attempt, channel, epoch },
            Fact::Blocked { task, attempt, channel, epoch },
            Fact::Unblocked { task, attempt, channel, epoch },
            Fact::Copied { task, attempt, epoch, state },
            Fact::Restored { task, attempt, epoch, state },
            Fact::Ended { task, attempt, state },
            Fact::Stored { task, attempt, epoch, handle },
            Fact::Deleted { task, attempt, epoch, handle },
            Fact::Acknowledged { task, attempt, epoch },
            Fact::Declined { task, attempt, epoch },
            Fact::Notified { task, attempt, epoch, complete: true },
            Fact::Notified { task, attempt, epoch, complete: false },
            Fact::Triggered { epoch },
            Fact::Completed { epoch },
            Fact::Aborted { epoch, reason: "timeout" },
            Fact::Aborted { epoch, reason: "declined" },
            Fact::EndSent { task, attempt, channel },
            Fact::EndReceived { task, attempt, channel },
            Fact::Discarded { task, attempt, channel, seq, reason: "attempt" },
            Fact::Discarded { task, attempt, channel, seq, reason: "a reason that is rather long, or not that short" },
            Fact::Misused { task: Some(task), attempt, epoch, effect: "copy", why: "so" },
            Fact::Misused { task: None, attempt: 0, epoch, effect: "copy", why: "so" },
            Fact::Crashed { task, attempt, node: Some(node) },
            Fact::Crashed { task, attempt, node: None },
        ];
        for channel in channels {
            list.push(Fact::BarrierReceived { task, attempt, channel, epoch });
            list.push(Fact::Panicked { task, attempt, channel, record });
        }
        list
    }

    /// Runs of one fact: those that tell the same have one digest, and no others.
    #[test]
    fn whatever_is_told_counts() {
        let mut seen = BTreeMap::new();
        let mut tell = |time: u64, fact: Fact<'_>| {
            // What is left out, as the doc says.
            let (time, told) = match fact {
                Fact::Sent { channel, seq, record, .. } => (0, format!("sent {channel} {seq} {record:?}")),
                Fact::Processed { channel, seq, .. } => (time, format!("processed {channel} {seq}")),
                Fact::Read { task, split, offset, .. } => (time, format!("read {task} {split} {offset}")),
                _ => (time, format!("{fact:?}")),
            };
            let run = format!("{told} at {time}");
            let other = seen.entry(digest(&[(time, fact)])).or_insert_with(|| run.clone());
            assert_eq!(*other, run);
        };
        for base in [[0; 7], [1; 7], [3, 1, 2, 5, 7, 9, 11]] {
            for i in 0..base.len() {
                for change in (0..28).map(|bit| 1 << bit) {
                    let mut numbers = base;
                    numbers[i] ^= change;
                    shapes(numbers).into_iter().for_each(|fact| tell(5, fact));
                }
            }
            for time in (0..60).map(|bit| 1 << bit) {
                shapes(base).into_iter().for_each(|fact| tell(time, fact));
            }
        }
        assert!(seen.len() > 8_000, "{}", seen.len());
    }

    #[test]
    fn the_order_of_facts_counts() {
        let facts = shapes([3, 1, 2, 5, 7, 9, 11]);
        let mut seen = BTreeSet::new();
        for a in &facts {
            for b in &facts {
                assert!(seen.insert(digest(&[(5, *a), (5, *b)])), "{a:?}, {b:?}");
            }
        }
    }

    #[test]
    fn a_list_of_any_length_counts_and_so_does_its_order() {
        let of = |tasks: &[u32]| digest(&[(1, Fact::Restarting { attempt: 2, epoch: 3, tasks })]);
        let mut seen = BTreeSet::new();
        for len in 0..40 {
            let tasks: Vec<u32> = (0..len).collect();
            assert!(seen.insert(of(&tasks)), "{tasks:?}");
            for i in 0..tasks.len() {
                let mut other = tasks.clone();
                other[i] += 1_000;
                assert!(seen.insert(of(&other)), "{other:?}");
                for j in 0..i {
                    let mut other = tasks.clone();
                    other.swap(i, j);
                    assert!(seen.insert(of(&other)), "{other:?}");
                }
            }
        }
        let ends = [Outcome::Finished, Outcome::Quiet, Outcome::Limit, Outcome::Deadlock, Outcome::Violated];
        let waits = [Wait::Room { task: 1, channel: 2 }; 3];
        let of = |waits| move |outcome| digest(&[(1, Fact::End { outcome, waits })]);
        let each: BTreeSet<u64> = (0..3).flat_map(|n| ends.map(of(&waits[..n]))).collect();
        assert_eq!(each.len(), 15);
    }
}
