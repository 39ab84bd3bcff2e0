//! Algorithm 2 as it is printed (`abs.md` 4): barriers carry no number, so a task has one log and one set of
//! marks. Ends are passed on, aborts are not known. Not the shipped algorithm, and no wrapper around it.

use crate::base::{Bits, Digester, Epoch};
use crate::engine::Variant;
use crate::graph::Role;
use crate::protocol::{AnyProtocol, Effect, Input, Protocol, ProtocolSpec, Shape};
use std::rc::Rc;

#[derive(Clone)]
struct Printed {
    source: bool,
    regular: Bits,
    back: Bits,
    inputs: Bits,
    /// Log a back-edge only until its barrier has come back: the correction of D1.
    until_return: bool,
    marked: Bits,
    held: Bits,
    logging: bool,
    /// Names the snapshot to the engine. The algorithm does not look at it.
    epoch: Epoch,
    ended: Bits,
    at_end: bool,
}

impl Printed {
    fn new(shape: &Shape, until_return: bool) -> Self {
        Printed {
            source: shape.role == Role::Source,
            regular: (0..shape.inputs).filter(|&i| !shape.back.contains(i)).collect(),
            back: shape.back.clone(),
            inputs: Bits::up_to(shape.inputs),
            until_return,
            marked: Bits::default(),
            held: Bits::default(),
            logging: false,
            epoch: 0,
            ended: Bits::default(),
            at_end: false,
        }
    }

    fn barrier(&mut self, c: Option<u32>, n: Epoch, fx: &mut Vec<Effect>) {
        if self.marked.is_empty() && !self.logging {
            self.epoch = n;
        }
        if let Some(input) = c {
            self.marked.insert(input);
            if self.regular.contains(input) && self.held.insert(input) {
                fx.push(Effect::Block { input, epoch: self.epoch });
            }
        }
        let epoch = self.epoch;
        if !self.logging && self.marked == self.regular {
            self.logging = true;
            fx.push(Effect::Copy(epoch));
            if !self.at_end {
                fx.push(Effect::Barrier(epoch));
            }
            fx.extend(self.held.iter().map(|input| Effect::Unblock { input, epoch }));
            self.held.clear();
        }
        if self.marked == self.inputs {
            self.marked.clear();
            if std::mem::take(&mut self.logging) {
                fx.push(Effect::Store(epoch));
            }
        }
    }

    fn end(&mut self, c: Option<u32>, fx: &mut Vec<Effect>) {
        c.map(|c| self.ended.insert(c));
        if !self.at_end && self.ended == self.inputs {
            self.at_end = true;
            fx.push(Effect::End);
        }
    }

    fn restored(&mut self, ended: Bits, at_end: bool) {
        self.marked.clear();
        self.held.clear();
        (self.logging, self.at_end, self.ended) = (false, at_end, ended);
    }
}

impl Protocol for Printed {
    fn record(&mut self, input: u32, fx: &mut Vec<Effect>) {
        let returned = self.until_return && self.marked.contains(input);
        if self.logging && self.back.contains(input) && !returned {
            fx.push(Effect::Log(self.epoch));
        }
    }

    fn handle(&mut self, input: Input, fx: &mut Vec<Effect>) {
        match input {
            Input::Trigger(n) if self.source => self.barrier(None, n, fx),
            Input::Barrier { input, epoch } => self.barrier(Some(input), epoch, fx),
            Input::End(c) => self.end(c, fx),
            Input::Stored(n) => fx.push(Effect::Acknowledge(n)),
            Input::Restored { ended, at_end, .. } => self.restored(ended, at_end),
            Input::Resumed if self.at_end => fx.push(Effect::End),
            Input::Resumed if !self.source => self.end(None, fx),
            _ => {}
        }
    }

    fn digest(&self, d: &mut Digester) {
        [&self.marked, &self.held, &self.ended].into_iter().for_each(|b| d.bits(b));
        d.word((self.logging as u64) << 1 | self.at_end as u64);
        d.epoch(if self.logging || !self.marked.is_empty() { self.epoch } else { 0 });
    }
}

struct Spec {
    until_return: bool,
}

impl ProtocolSpec for Spec {
    fn task(&self, shape: &Shape) -> AnyProtocol {
        AnyProtocol::custom(Printed::new(shape, self.until_return))
    }
}

/// The listing, to the letter.
pub(super) fn literal() -> Variant {
    Variant { protocol: Rc::new(Spec { until_return: false }), ..Variant::default() }
}

/// With D1 put right; what is left is that barriers carry no number.
pub(super) fn without_epochs() -> Variant {
    Variant { protocol: Rc::new(Spec { until_return: true }), ..Variant::default() }
}
