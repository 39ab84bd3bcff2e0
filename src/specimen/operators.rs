//! Operators that break the contract of [`Operator`], and their way into a job. They are meant for timed runs:
//! what is shared by clones is shared by the branches of a search, too.

use crate::base::Record;
use crate::dataflow::{AnyOperator, Behaviour, Job, Operator, Out};
use std::cell::RefCell;
use std::rc::Rc;

/// An operator whose clones share its state once it has processed something. Before that a clone is a true
/// one: instances, and the judge's replicas, begin apart.
enum Aliased {
    Fresh(AnyOperator),
    Live(Rc<RefCell<AnyOperator>>),
}

impl Clone for Aliased {
    fn clone(&self) -> Self {
        match self {
            Aliased::Fresh(o) => Aliased::Fresh(o.clone()),
            Aliased::Live(shared) => Aliased::Live(Rc::clone(shared)),
        }
    }
}

impl Aliased {
    fn look<T>(&self, f: impl FnOnce(&AnyOperator) -> T) -> T {
        match self {
            Aliased::Fresh(o) => f(o),
            Aliased::Live(shared) => f(&shared.borrow()),
        }
    }
}

impl Operator for Aliased {
    fn process(&mut self, port: u32, r: Record, out: &mut Out) {
        if let Aliased::Fresh(o) = self {
            *self = Aliased::Live(Rc::new(RefCell::new(o.clone())));
        }
        if let Aliased::Live(shared) = self {
            _ = shared.borrow_mut().process(port, r, out);
        }
    }
    fn state(&self) -> u64 {
        self.look(AnyOperator::state)
    }
    fn entries(&self) -> Vec<(u64, u64)> {
        self.look(AnyOperator::entries)
    }
    fn symbols(&self, input: (bool, bool)) -> (bool, bool) {
        self.look(|o| o.symbols(input))
    }
}

/// Panics on some records: about one in 32.
#[derive(Clone)]
struct Panicking(AnyOperator);

impl Operator for Panicking {
    fn process(&mut self, port: u32, r: Record, out: &mut Out) {
        assert!(r.word() % 32 != 7, "this operator panics on purpose");
        _ = self.0.process(port, r, out);
    }
    fn state(&self) -> u64 {
        self.0.state()
    }
    fn entries(&self) -> Vec<(u64, u64)> {
        self.0.entries()
    }
    fn symbols(&self, input: (bool, bool)) -> (bool, bool) {
        self.0.symbols(input)
    }
}

/// Has the state of what is in it, and sends other values.
#[derive(Clone)]
pub(super) struct Echo(pub(super) AnyOperator);

impl Operator for Echo {
    fn process(&mut self, port: u32, r: Record, out: &mut Out) {
        let mut inner = Out::new(out.symbols().clone());
        _ = self.0.process(port, r, &mut inner);
        for &(edge, r) in inner.sends() {
            out.send(edge, Record::new(r.key, r.value ^ 1));
        }
    }
    fn state(&self) -> u64 {
        self.0.state()
    }
    fn entries(&self) -> Vec<(u64, u64)> {
        self.0.entries()
    }
    fn symbols(&self, input: (bool, bool)) -> (bool, bool) {
        self.0.symbols(input)
    }
}

fn replace(job: &mut Job, by: impl Fn(AnyOperator) -> AnyOperator) {
    for behaviour in &mut job.behaviours {
        if let Behaviour::Operator(o) = behaviour {
            *o = by(o.clone());
        }
    }
}

/// Every operator shares its state with its copies.
pub(super) fn alias(job: &mut Job) {
    replace(job, |o| AnyOperator::custom(Aliased::Fresh(o)));
}

/// Every operator panics on some records.
pub(super) fn panic(job: &mut Job) {
    replace(job, |o| AnyOperator::custom(Panicking(o)));
}
