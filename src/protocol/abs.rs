//! Asynchronous Barrier Snapshotting on any graph, several snapshots in flight: what is shipped.
//!
//! Without back-edges this is Algorithm 1 of the paper (arXiv 1506.08603): block the inputs on which the
//! barrier has come; when it has come on all, copy, broadcast, unblock. With back-edges it is Algorithm 2,
//! corrected: barriers carry an epoch and every open epoch has its own log (D2); a back-edge is logged only
//! until its barrier has come back (D1); one that comes back before the copy was taken is held (D10).
//!
//! What it is not: it keeps no record, no state and no clock. It asks for logs and copies.

use super::task::{Effect, Input, Protocol, Shape};
use crate::base::{Bits, Digester, Epoch, copy_list};
use crate::graph::Role;

/// A copy whose log is not closed yet.
#[derive(Clone, Debug)]
struct Open {
    epoch: Epoch,
    /// The back-edges on which its barrier is still out.
    waits: Bits,
}

/// The protocol of one task.
#[derive(Debug)]
pub struct Abs {
    source: bool,
    inputs: u32,
    regular: Bits,
    back: Bits,
    /// Highest epoch whose alignment ended here: copied, abandoned, or cancelled in band.
    last: Epoch,
    /// The one epoch that is being aligned (0: none) …
    cur: Epoch,
    /// … and the inputs held for it.
    got: Bits,
    /// Epochs above `last` that the coordinator aborted: a set, not a maximum.
    dead: Vec<Epoch>,
    /// Epochs above `last` that were triggered.
    known: Vec<Epoch>,
    /// Epochs whose barrier was faster than their trigger: copied, and the trigger is still to come.
    early: Vec<Epoch>,
    ended: Bits,
    /// A source at its end.
    at_end: bool,
    /// The end was broadcast: from now on copy and acknowledge, and send nothing.
    closed: bool,
    /// For each input that is a back-edge, the highest epoch whose barrier or marker came on it.
    back_at: Vec<Epoch>,
    open: Vec<Open>,
    /// Epochs whose part is at the store and not yet durable.
    writing: Vec<Epoch>,
}

/// On a back-edge that ended, every barrier has come.
const FOR_EVER: Epoch = Epoch::MAX;

impl Clone for Abs {
    fn clone(&self) -> Self {
        Abs {
            got: self.got.clone(),
            regular: self.regular.clone(),
            back: self.back.clone(),
            dead: self.dead.clone(),
            known: self.known.clone(),
            early: self.early.clone(),
            ended: self.ended.clone(),
            back_at: self.back_at.clone(),
            open: self.open.clone(),
            writing: self.writing.clone(),
            ..*self
        }
    }
    fn clone_from(&mut self, o: &Self) {
        // Everything but the shape: a task's shape never changes.
        (self.last, self.cur, self.at_end, self.closed) = (o.last, o.cur, o.at_end, o.closed);
        self.got.clone_from(&o.got);
        copy_list(&mut self.dead, &o.dead);
        copy_list(&mut self.known, &o.known);
        copy_list(&mut self.early, &o.early);
        self.ended.clone_from(&o.ended);
        copy_list(&mut self.back_at, &o.back_at);
        copy_list(&mut self.open, &o.open);
        copy_list(&mut self.writing, &o.writing);
    }
}

impl Abs {
    /// The protocol of a task of this shape, before the first snapshot.
    pub fn new(shape: &Shape) -> Self {
        let back_at = if shape.back.is_empty() { Vec::new() } else { vec![0; shape.inputs as usize] };
        Abs {
            source: shape.role == Role::Source,
            inputs: shape.inputs,
            regular: (0..shape.inputs).filter(|&i| !shape.back.contains(i)).collect(),
            back: shape.back.clone(),
            last: 0,
            cur: 0,
            got: Bits::default(),
            dead: Vec::new(),
            known: Vec::new(),
            early: Vec::new(),
            ended: Bits::default(),
            at_end: false,
            closed: false,
            back_at,
            open: Vec::new(),
            writing: Vec::new(),
        }
    }

    fn trigger(&mut self, n: Epoch, fx: &mut Vec<Effect>) {
        if let Some(i) = self.early.iter().position(|&e| e == n) {
            self.early.remove(i);
        } else if n <= self.last {
            fx.push(Effect::Decline(n)); // passed over, never copied: it cannot complete
        } else if !self.known.contains(&n) {
            self.known.push(n);
            if self.source || self.no_regular_input_is_open() {
                self.arrive(None, n, fx);
            }
        }
    }

    fn no_regular_input_is_open(&self) -> bool {
        self.regular.within(&self.ended, &Bits::default())
    }

    /// A barrier of `n` arrived on an input, or (None) from the coordinator.
    fn arrive(&mut self, c: Option<u32>, n: Epoch, fx: &mut Vec<Effect>) {
        if let Some(c) = c.filter(|&c| self.back.contains(c)) {
            self.came_back(c, n, fx);
        }
        if n <= self.last || self.cur > n {
            return; // stale for alignment: blocks nothing
        }
        if self.cur != 0 && self.cur < n {
            self.abandon(fx); // the barrier of the older one was skipped on c: subsumed
        }
        if self.dead.contains(&n) {
            self.pass(n);
            self.broadcast(Effect::Cancel(n), fx); // the marker goes in the barrier's place
            return;
        }
        self.cur = n;
        if let Some(input) = c
            && self.got.insert(input)
        {
            fx.push(Effect::Block { input, epoch: n }); // an early back-edge is held too (D10)
        }
        self.try_copy(fx);
    }

    /// The barrier of `n` came back on the back-edge `c`: closes its log there.
    fn came_back(&mut self, c: u32, n: Epoch, fx: &mut Vec<Effect>) {
        let at = &mut self.back_at[c as usize];
        *at = n.max(*at);
        while let Some(m) = self.open.iter().find(|o| o.epoch < n && o.waits.contains(c)).map(|o| o.epoch) {
            self.drop_part(m, fx); // FIFO: the barrier of m was skipped on c, so m cannot complete
            fx.push(Effect::Decline(m));
        }
        if let Some(i) = self.open.iter().position(|o| o.epoch == n)
            && self.open[i].waits.remove(c)
            && self.open[i].waits.is_empty()
        {
            self.finish(i, fx);
        }
    }

    fn try_copy(&mut self, fx: &mut Vec<Effect>) {
        let n = self.cur;
        if n == 0 || !self.regular.within(&self.got, &self.ended) {
            return;
        }
        fx.push(Effect::Copy(n));
        self.broadcast(Effect::Barrier(n), fx); // one atomic step with the copy
        self.cur = 0;
        if !self.known.contains(&n) {
            self.early.push(n);
        }
        self.pass(n);
        self.release(n, fx);
        let waits: Bits = self.back.iter().filter(|&e| self.back_at[e as usize] < n).collect();
        if waits.is_empty() {
            return self.store(n, fx); // no back-edges: this is Algorithm 1
        }
        debug_assert!(self.open.iter().all(|o| o.epoch < n), "[cutline bug] open epochs are not ascending");
        self.open.push(Open { epoch: n, waits });
    }

    /// Alignment of everything up to `n` has ended.
    fn pass(&mut self, n: Epoch) {
        debug_assert!(n > self.last, "[cutline bug] alignment goes backwards");
        self.last = n;
        self.dead.retain(|&e| e > n);
        self.known.retain(|&e| e > n);
    }

    /// Unblocks everything that was held for `n`.
    fn release(&mut self, n: Epoch, fx: &mut Vec<Effect>) {
        fx.extend(self.got.iter().map(|input| Effect::Unblock { input, epoch: n }));
        self.got.clear();
    }

    /// Gives the current alignment up.
    fn abandon(&mut self, fx: &mut Vec<Effect>) {
        let m = std::mem::take(&mut self.cur);
        self.release(m, fx);
        self.pass(m);
        fx.push(Effect::Decline(m));
    }

    /// Copy and log are complete: they are stored as one unit.
    fn finish(&mut self, i: usize, fx: &mut Vec<Effect>) {
        let n = self.open.remove(i).epoch;
        self.store(n, fx);
    }

    fn store(&mut self, n: Epoch, fx: &mut Vec<Effect>) {
        self.writing.push(n);
        fx.push(Effect::Store(n));
    }

    fn drop_part(&mut self, m: Epoch, fx: &mut Vec<Effect>) {
        self.open.retain(|o| o.epoch != m);
        self.writing.retain(|&e| e != m);
        fx.push(Effect::Drop(m));
    }

    fn has_part(&self, n: Epoch) -> bool {
        self.open.iter().any(|o| o.epoch == n) || self.writing.contains(&n)
    }

    fn cancel(&mut self, c: u32, n: Epoch, fx: &mut Vec<Effect>) {
        if self.back.contains(c) {
            let at = &mut self.back_at[c as usize];
            *at = n.max(*at);
            while let Some(m) = self.open.iter().find(|o| o.epoch <= n && o.waits.contains(c)).map(|o| o.epoch) {
                self.drop_part(m, fx);
                fx.push(Effect::Decline(m));
            }
        }
        if n <= self.last {
            return;
        }
        if self.cur != 0 && self.cur <= n {
            self.abandon(fx);
        }
        if n > self.last {
            self.pass(n);
        }
        self.broadcast(Effect::Cancel(n), fx);
        // A newer alignment than n, if there is one, goes on.
    }

    fn abort(&mut self, n: Epoch, fx: &mut Vec<Effect>) {
        if self.has_part(n) {
            self.drop_part(n, fx); // only n's copy and log; the loop stays live
        } else if self.cur == n {
            self.abandon(fx);
            self.broadcast(Effect::Cancel(n), fx);
        } else if n > self.last && !self.dead.contains(&n) {
            self.dead.push(n); // no marker yet; an alignment of an older epoch is untouched
        }
    }

    fn end(&mut self, c: Option<u32>, fx: &mut Vec<Effect>) {
        match c {
            None if self.at_end => return,
            None => self.at_end = true,
            Some(c) if !self.ended.insert(c) => return,
            Some(c) if self.back.contains(c) => {
                self.back_at[c as usize] = FOR_EVER;
                let mut i = 0;
                while i < self.open.len() {
                    if self.open[i].waits.remove(c) && self.open[i].waits.is_empty() {
                        self.finish(i, fx);
                    } else {
                        i += 1;
                    }
                }
            }
            Some(_) => {}
        }
        self.try_copy(fx);
        if self.no_regular_input_is_open() {
            let mut known = self.known.clone();
            known.sort_unstable();
            known.into_iter().for_each(|n| self.arrive(None, n, fx));
        }
        self.end_if_all_ended(fx);
    }

    fn end_if_all_ended(&mut self, fx: &mut Vec<Effect>) {
        if self.at_end || (!self.source && self.ended.len() == self.inputs) {
            self.closed = true;
            fx.push(Effect::End);
        }
    }

    /// A message on every output, unless they have ended.
    fn broadcast(&mut self, message: Effect, fx: &mut Vec<Effect>) {
        if !self.closed {
            fx.push(message);
        }
    }

    fn restored(&mut self, n: Epoch, ended: Bits, at_end: bool) {
        (self.last, self.cur, self.at_end, self.closed) = (n, 0, at_end, false);
        self.got.clear();
        self.dead.clear();
        self.known.clear();
        self.early.clear();
        self.open.clear();
        self.writing.clear();
        for e in self.back.iter() {
            self.back_at[e as usize] = if ended.contains(e) { FOR_EVER } else { n };
        }
        self.ended = ended;
    }

    /// What must hold between any two inputs.
    fn invariants(&self) {
        debug_assert!(self.cur == 0 || self.cur > self.last, "[cutline bug] aligns what ended");
        debug_assert!(self.cur != 0 || self.got.is_empty(), "[cutline bug] holds inputs for nothing");
        debug_assert!(self.open.iter().all(|o| o.epoch <= self.last), "[cutline bug] open epoch above the last");
        debug_assert!(self.open.iter().all(|o| !o.waits.is_empty()), "[cutline bug] a closed log is not stored");
        debug_assert!(self.dead.iter().all(|&e| e > self.last), "[cutline bug] remembers an abort for ever");
    }
}

impl Protocol for Abs {
    #[inline]
    fn record(&mut self, input: u32, fx: &mut Vec<Effect>) {
        for o in &self.open {
            if o.waits.contains(input) {
                fx.push(Effect::Log(o.epoch));
            }
        }
    }

    fn listens(&self) -> bool {
        !self.open.is_empty()
    }

    fn handle(&mut self, input: Input, fx: &mut Vec<Effect>) {
        match input {
            Input::Trigger(n) => self.trigger(n, fx),
            Input::Barrier { input, epoch } => self.arrive(Some(input), epoch, fx),
            Input::Cancel { input, epoch } => self.cancel(input, epoch, fx),
            Input::End(c) => self.end(c, fx),
            Input::Abort(n) => self.abort(n, fx),
            Input::Stored(n) => {
                let before = self.writing.len();
                self.writing.retain(|&e| e != n);
                if self.writing.len() < before {
                    fx.push(Effect::Acknowledge(n));
                }
            }
            Input::Completed(n) => {
                let open = self.open.iter().map(|o| o.epoch);
                let older: Vec<Epoch> = open.chain(self.writing.iter().copied()).filter(|&m| m < n).collect();
                older.into_iter().for_each(|m| self.drop_part(m, fx));
            }
            Input::Restored { epoch, ended, at_end } => self.restored(epoch, ended, at_end),
            Input::Resumed => self.end_if_all_ended(fx),
        }
        self.invariants();
    }

    fn digest(&self, d: &mut Digester) {
        d.epoch(self.last);
        d.epoch(self.cur);
        d.bits(&self.got);
        d.bits(&self.ended);
        let lists = [&self.dead, &self.known, &self.early, &self.writing];
        debug_assert!(lists.iter().all(|l| l.len() < 1 << 14), "[cutline bug] too many epochs in flight");
        let lengths = lists.iter().fold(0, |word, list| word << 14 | list.len() as u64);
        d.word(lengths << 2 | (self.closed as u64) << 1 | self.at_end as u64);
        lists.into_iter().flatten().for_each(|&e| d.epoch(e));
        for e in self.back.iter() {
            d.epoch(self.back_at[e as usize]);
        }
        for o in &self.open {
            d.epoch(o.epoch);
            d.bits(&o.waits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(p: &mut Abs, input: Input) -> Vec<Effect> {
        let mut fx = Vec::new();
        p.handle(input, &mut fx);
        fx
    }

    #[test]
    fn a_trigger_that_is_slower_than_its_barrier_changes_nothing() {
        let shape = Shape { role: Role::Operator, inputs: 1, back: Bits::default() };
        let mut p = Abs::new(&shape);
        let copy = [Effect::Copy(1), Effect::Barrier(1), Effect::Store(1)];
        let fx = told(&mut p, Input::Barrier { input: 0, epoch: 1 });
        assert!(copy.iter().all(|e| fx.contains(e)), "{fx:?}");
        assert_eq!(told(&mut p, Input::Trigger(1)), [], "copied already: no reason to decline");
        told(&mut p, Input::Barrier { input: 0, epoch: 3 });
        assert_eq!(told(&mut p, Input::Trigger(2)), [Effect::Decline(2)], "passed over: it cannot complete");
        assert_eq!(told(&mut p, Input::Trigger(3)), []);
    }

    #[test]
    fn a_channel_that_has_ended_carries_no_marker() {
        let mut p = Abs::new(&Shape { role: Role::Source, inputs: 0, back: Bits::default() });
        assert_eq!(told(&mut p, Input::End(None)), [Effect::End]);
        assert_eq!(told(&mut p, Input::Abort(1)), []);
        assert_eq!(told(&mut p, Input::Trigger(1)), [], "it is aborted already, and the channels have ended");
    }
}
