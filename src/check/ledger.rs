//! The ledger: per channel what was sent and received, per task and epoch the cut. Data and the walk; what
//! is right and wrong is said elsewhere.

use crate::base::{Bits, ChannelId, Digester, Epoch, Kept, Record, Spare, TaskId, copy_option};
use crate::dataflow::{AnyOperator, Job};
use crate::graph::ExecutionGraph;
use std::rc::Rc;

/// One channel, in the history that leads here: how many records were sent and received, and the sums of the words that
/// stand for them. (Many channels are as much memory as a cache has: 24 bytes, not 32. The numbers are as wide as those
/// that records carry.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)] // what a record that is sent needs comes first: it is seldom in two cache lines
pub(super) struct Flow {
    sent_sum: u64,
    sent: u32,
    received: u32,
    received_sum: u64,
}

/// Number and sum in one word. Each record adds its own mixed word to the sum, and this to that: what is in doubt is
/// no more than whether two sums of such words can be equal.
fn counted(number: u64, sum: u64) -> u64 {
    sum.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl Flow {
    /// How many records were sent.
    #[inline(always)]
    pub fn sent(&self) -> u64 {
        self.sent as u64
    }
    /// How many were received.
    #[inline(always)]
    pub fn received(&self) -> u64 {
        self.received as u64
    }
    #[inline(always)]
    pub fn send(&mut self, r: Record) {
        self.sent += 1;
        self.sent_sum = self.sent_sum.wrapping_add(r.word());
    }
    #[inline(always)]
    pub fn receive(&mut self, r: Record) {
        self.received += 1;
        self.received_sum = self.received_sum.wrapping_add(r.word());
    }
    /// As many were received as were sent, but others. (Whether all were received is anybody's guess: no branch.)
    #[inline(always)]
    pub fn drained_wrong(&self) -> bool {
        (self.received == self.sent) & (self.received_sum != self.sent_sum)
    }
    /// What was received is what was sent.
    pub fn balanced(&self) -> bool {
        (self.sent, self.sent_sum) == (self.received, self.received_sum)
    }
    /// What was sent and not yet received.
    fn in_transit(&self) -> u64 {
        counted(self.sent().wrapping_sub(self.received()), self.sent_sum.wrapping_sub(self.received_sum))
    }
    /// What was sent between `then` and here.
    fn sent_since(&self, then: &Flow) -> u64 {
        counted(self.sent().wrapping_sub(then.sent()), self.sent_sum.wrapping_sub(then.sent_sum))
    }
    fn received_since(&self, then: &Flow) -> u64 {
        counted(self.received().wrapping_sub(then.received()), self.received_sum.wrapping_sub(then.received_sum))
    }
}

/// A record in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogEntry {
    pub channel: ChannelId,
    pub seq: u64,
    pub record: Record,
}

/// What a task had done when it took its copy. Never changed again, so copies of the judge share it.
#[derive(Default)]
pub(super) struct TaskCut {
    pub state: u64,
    pub offsets: Vec<u64>,
    /// Deep mode: the replayed operator at that moment.
    pub replica: Option<AnyOperator>,
}

/// A snapshot, as the facts tell it.
pub(super) struct Cut {
    pub copies: Kept<Copies>,
    /// For each channel: sent at the sender's copy, received at the receiver's.
    pub flows: Vec<Flow>,
}

/// What is in it, but for how far the channels were.
pub(super) struct Copies {
    pub epoch: Epoch,
    pub tasks: Vec<Option<Rc<TaskCut>>>,
    pub acked: Bits,
    pub log: Vec<LogEntry>,
}

impl Clone for Copies {
    fn clone(&self) -> Self {
        Copies { epoch: self.epoch, tasks: self.tasks.clone(), acked: self.acked.clone(), log: self.log.clone() }
    }
    fn clone_from(&mut self, o: &Self) {
        self.epoch = o.epoch;
        self.tasks.clone_from(&o.tasks);
        self.acked.clone_from(&o.acked);
        self.log.clone_from(&o.log);
    }
}

impl Copies {
    fn digest(&self, d: &mut Digester) {
        d.epoch(self.epoch);
        d.bits(&self.acked);
        for t in &self.tasks {
            d.word(t.as_ref().map_or(1, |t| t.state));
        }
        for l in &self.log {
            d.word(l.record.word());
            d.word(l.channel as u64);
        }
    }
}

impl Clone for Cut {
    fn clone(&self) -> Self {
        Cut { copies: self.copies.clone(), flows: self.flows.clone() }
    }
    fn clone_from(&mut self, o: &Self) {
        self.copies.clone_from(&o.copies);
        self.flows.clone_from(&o.flows);
    }
}

impl Cut {
    fn new(epoch: Epoch, g: &ExecutionGraph) -> Self {
        let tasks = (0..g.tasks.len()).map(|_| None).collect();
        let copies = Copies { epoch, tasks, acked: Bits::default(), log: Vec::new() };
        Cut { copies: Kept::new(copies), flows: vec![Flow::default(); g.channels.len()] }
    }
}

pub(super) struct Ledger {
    pub flows: Vec<Flow>,
    /// The next offset of each split, task by task …
    pub offsets: Vec<u64>,
    /// … where those of each task begin, and which is its first split.
    places: Rc<[(u32, Option<u32>)]>,
    /// Snapshots under way, ascending.
    pub cuts: Vec<Cut>,
    /// The newest completed one.
    pub completed: Option<Rc<Cut>>,
    /// Triggered, and neither completed nor aborted.
    pub pending: Vec<Epoch>,
    /// Tasks that are restarting and have not been restored.
    pub awaiting: Bits,
    /// Whether there is any.
    pub restoring: bool,
    /// From where the last restart went on (0: from the start).
    pub restored_from: Epoch,
    spare: Used,
}

impl Clone for Ledger {
    fn clone(&self) -> Self {
        Ledger {
            flows: self.flows.clone(),
            offsets: self.offsets.clone(),
            places: Rc::clone(&self.places),
            cuts: self.cuts.clone(),
            completed: self.completed.clone(),
            pending: self.pending.clone(),
            awaiting: self.awaiting.clone(),
            restoring: self.restoring,
            restored_from: self.restored_from,
            spare: Used::default(),
        }
    }
    fn clone_from(&mut self, o: &Self) {
        self.flows.clone_from(&o.flows);
        self.offsets.clone_from(&o.offsets);
        // Cuts that are too many are kept to be used again.
        while self.cuts.len() > o.cuts.len() {
            self.cuts.pop().into_iter().for_each(|cut| self.spare.take_in(cut));
        }
        let more = o.cuts.len() - self.cuts.len();
        self.cuts.extend(std::iter::from_fn(|| self.spare.cuts.pop()).take(more));
        self.cuts.clone_from(&o.cuts);
        let old = std::mem::replace(&mut self.completed, o.completed.clone());
        if let Some(old) = old.filter(|old| Rc::strong_count(old) == 1) {
            let other = self.spare.room.replace(old).and_then(Rc::into_inner);
            other.into_iter().for_each(|cut| self.spare.take_in(cut));
        }
        self.pending.clone_from(&o.pending);
        self.awaiting.clone_from(&o.awaiting);
        (self.restoring, self.restored_from) = (o.restoring, o.restored_from);
    }
}

impl Ledger {
    pub fn new(g: &ExecutionGraph, splits: &[Vec<u32>]) -> Self {
        Ledger {
            flows: vec![Flow::default(); g.channels.len()],
            offsets: vec![0; splits.iter().map(Vec::len).sum()],
            places: splits
                .iter()
                .scan(0, |end, s| Some((std::mem::replace(end, *end + s.len() as u32), s.first().copied())))
                .collect(),
            cuts: Vec::new(),
            completed: None,
            pending: Vec::new(),
            awaiting: Bits::default(),
            restoring: false,
            restored_from: 0,
            spare: Used::default(),
        }
    }

    /// The next offset of a split of a task, if it is one of these.
    #[inline(always)]
    pub fn offset(&mut self, task: TaskId, split: u32, splits: &[Vec<u32>]) -> Option<&mut u64> {
        let (begin, first) = self.places[task as usize];
        if first == Some(split) {
            return self.offsets.get_mut(begin as usize);
        }
        self.other_offset(task, split, splits)
    }

    /// The same, if it is not the task's first split.
    #[cold]
    fn other_offset(&mut self, task: TaskId, split: u32, splits: &[Vec<u32>]) -> Option<&mut u64> {
        let begin = self.places[task as usize].0;
        let i = splits[task as usize].iter().position(|&s| s == split)?;
        self.offsets.get_mut(begin as usize + i)
    }

    /// Those of a task that has so many splits.
    pub fn offsets_of(&self, task: TaskId, splits: usize) -> &[u64] {
        let begin = self.places[task as usize].0 as usize;
        &self.offsets[begin..begin + splits]
    }

    /// The cut of `epoch`, made if it is not there.
    pub fn cut_mut(&mut self, epoch: Epoch, g: &ExecutionGraph) -> &mut Cut {
        Self::cut_among(&mut self.cuts, &mut self.spare.cuts, epoch, g)
    }

    #[inline(always)]
    fn cut_among<'a>(cuts: &'a mut Vec<Cut>, spare: &mut Vec<Cut>, epoch: Epoch, g: &ExecutionGraph) -> &'a mut Cut {
        // Mostly it is the newest.
        let i = match cuts.last() {
            Some(newest) if newest.copies.epoch == epoch => cuts.len() - 1,
            _ => Self::place_among(cuts, spare, epoch, g),
        };
        &mut cuts[i]
    }

    #[inline(never)]
    fn place_among(cuts: &mut Vec<Cut>, spare: &mut Vec<Cut>, epoch: Epoch, g: &ExecutionGraph) -> usize {
        let older = cuts.iter().rposition(|c| c.copies.epoch <= epoch);
        match older {
            Some(i) if cuts[i].copies.epoch == epoch => i,
            _ => {
                let mut cut = spare.pop().unwrap_or_else(|| Cut::new(epoch, g));
                cut.copies.epoch = epoch;
                let i = older.map_or(0, |i| i + 1);
                cuts.insert(i, cut);
                i
            }
        }
    }

    pub fn cut(&self, epoch: Epoch) -> Option<&Cut> {
        self.cuts.iter().find(|c| c.copies.epoch == epoch)
    }

    /// Takes the copy of a task into the cut: the digest of its state, and its replica at that moment.
    pub fn copied(&mut self, task: TaskId, epoch: Epoch, copy: (u64, Option<&AnyOperator>), job: &Job) {
        let Ledger { flows, offsets, places, cuts, spare, .. } = self;
        let copy = spare.copies.fill(task, |cut| {
            cut.state = copy.0;
            cut.offsets.clear();
            let begin = places[task as usize].0 as usize;
            cut.offsets.extend_from_slice(&offsets[begin..begin + job.splits[task as usize].len()]);
            copy_option(&mut cut.replica, copy.1);
        });
        let cut = Self::cut_among(cuts, &mut spare.cuts, epoch, &job.graph);
        for &c in &job.graph.outputs[task as usize] {
            let (to, from) = (&mut cut.flows[c as usize], &flows[c as usize]);
            (to.sent, to.sent_sum) = (from.sent, from.sent_sum);
        }
        for &c in &job.graph.inputs[task as usize] {
            let (to, from) = (&mut cut.flows[c as usize], &flows[c as usize]);
            (to.received, to.received_sum) = (from.received, from.received_sum);
        }
        cut.copies.tasks[task as usize] = Some(copy);
    }

    pub fn aborted(&mut self, epoch: Epoch) {
        self.pending.retain(|&e| e != epoch);
        self.recycle(|c| c.copies.epoch == epoch);
    }

    pub fn completed(&mut self, epoch: Epoch) {
        self.pending.retain(|&e| e != epoch);
        if let Some(i) = self.cuts.iter().position(|c| c.copies.epoch == epoch) {
            let cut = self.cuts.remove(i);
            if self.completed.as_ref().is_none_or(|old| old.copies.epoch < epoch) {
                let before = self.completed.take().filter(|old| Rc::strong_count(old) == 1);
                let mut room = before.or_else(|| self.spare.room.take());
                if let Some(before) = room.as_mut().and_then(Rc::get_mut) {
                    self.spare.take_in(std::mem::replace(before, cut));
                    self.completed = room;
                } else {
                    self.completed = Some(Rc::new(cut));
                }
            }
        }
    }

    fn recycle(&mut self, gone: impl Fn(&Cut) -> bool) {
        while let Some(i) = self.cuts.iter().position(&gone) {
            let cut = self.cuts.remove(i);
            self.spare.take_in(cut);
        }
    }

    /// Everything is as it was in the cut (`None`: at the start). What was logged counts as in transit.
    pub fn rewind(&mut self, from: Epoch) {
        self.recycle(|_| true);
        self.restored_from = from;
        match self.completed.as_ref().filter(|c| c.copies.epoch == from && from != 0) {
            Some(cut) => {
                self.flows.clone_from(&cut.flows);
                for (&(begin, _), task) in self.places.iter().zip(&cut.copies.tasks) {
                    if let Some(task) = task {
                        let begin = begin as usize;
                        self.offsets[begin..begin + task.offsets.len()].copy_from_slice(&task.offsets);
                    }
                }
            }
            None => {
                self.flows.iter_mut().for_each(|f| *f = Flow::default());
                self.offsets.fill(0);
            }
        }
    }

    pub fn digest(&self, d: &mut Digester) {
        self.flows.iter().for_each(|f| d.word(f.in_transit()));
        for cut in self.cuts.iter().chain(self.completed.as_deref()) {
            d.kept(&cut.copies, Copies::digest);
            for (f, now) in cut.flows.iter().zip(&self.flows) {
                d.word(f.sent_since(now));
                d.word(f.received_since(now));
            }
        }
        self.pending.iter().for_each(|&e| d.epoch(e));
        d.bits(&self.awaiting);
        if !self.awaiting.is_empty() {
            d.epoch(self.restored_from);
        }
    }
}

/// Cuts that are over, and what was in them, to be used again. (No part of a state.)
#[derive(Default)]
struct Used {
    cuts: Vec<Cut>,
    /// One that was the completed cut and is nobody else's, with its `Rc`: the next is put in its place.
    room: Option<Rc<Cut>>,
    copies: Spare<TaskCut>,
}

impl Used {
    fn take_in(&mut self, mut cut: Cut) {
        cut.flows.iter_mut().for_each(|f| *f = Flow::default());
        let copies = &mut *cut.copies;
        for (t, copy) in (0..).zip(&mut copies.tasks) {
            copy.take().into_iter().for_each(|copy| self.copies.keep(t, copy));
        }
        copies.acked.clear();
        copies.log.clear();
        self.cuts.push(cut);
    }
}
