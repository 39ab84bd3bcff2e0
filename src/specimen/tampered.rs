//! The two wrappers that most specimens are made of: a shipped part, and functions that tamper with what goes
//! in or comes out. What is wrong is in the functions; nothing here is. A function finds its list of effects
//! empty: what was asked for before is on its way, and not its business.

use crate::base::{Digester, Epoch};
use crate::engine::Variant;
use crate::protocol::{
    Abs, AnyMachine, AnyProtocol, Coordinator, CoordinatorEffect, CoordinatorInput, Effect, Input, Machine, Planner,
    Protocol, ProtocolSpec, Shape,
};
use std::rc::Rc;

/// What a specimen remembers for its own purposes, beside what the shipped part does.
pub(super) trait Memory: Clone + Default + 'static {
    /// Names everything that the future can depend on.
    fn digest(&self, d: &mut Digester);
}

impl Memory for () {
    fn digest(&self, _: &mut Digester) {}
}

impl Memory for Epoch {
    fn digest(&self, d: &mut Digester) {
        d.epoch(*self);
    }
}

impl Memory for Vec<Epoch> {
    fn digest(&self, d: &mut Digester) {
        self.iter().for_each(|&e| d.epoch(e));
        d.word(self.len() as u64);
    }
}

/// What is done in place of [`Protocol::record`].
pub(super) type OnRecord<S> = fn(&mut Abs, &mut S, &Shape, u32, &mut Vec<Effect>);
/// What is done in place of [`Protocol::handle`].
pub(super) type OnInput<S> = fn(&mut Abs, &mut S, &Shape, Input, &mut Vec<Effect>);

/// As shipped.
pub(super) fn as_is<S>(abs: &mut Abs, _: &mut S, _: &Shape, input: Input, fx: &mut Vec<Effect>) {
    abs.handle(input, fx);
}

/// As shipped.
pub(super) fn logged_as_is<S>(abs: &mut Abs, _: &mut S, _: &Shape, input: u32, fx: &mut Vec<Effect>) {
    abs.record(input, fx);
}

/// The shipped protocol behind two functions.
#[derive(Clone)]
struct Tampered<S> {
    abs: Abs,
    shape: Rc<Shape>,
    memory: S,
    record: OnRecord<S>,
    handle: OnInput<S>,
}

impl<S: Memory> Protocol for Tampered<S> {
    fn record(&mut self, input: u32, fx: &mut Vec<Effect>) {
        let mut mine = Vec::new();
        (self.record)(&mut self.abs, &mut self.memory, &self.shape, input, &mut mine);
        fx.append(&mut mine);
    }

    fn handle(&mut self, input: Input, fx: &mut Vec<Effect>) {
        if matches!(input, Input::Restored { .. }) {
            self.memory = S::default();
        }
        let mut mine = Vec::new();
        (self.handle)(&mut self.abs, &mut self.memory, &self.shape, input, &mut mine);
        fx.append(&mut mine);
    }

    fn digest(&self, d: &mut Digester) {
        self.abs.digest(d);
        self.memory.digest(d);
    }
}

struct Spec<S>(OnRecord<S>, OnInput<S>);

impl<S: Memory> ProtocolSpec for Spec<S> {
    fn task(&self, shape: &Shape) -> AnyProtocol {
        AnyProtocol::custom(Tampered {
            abs: Abs::new(shape),
            shape: Rc::new(shape.clone()),
            memory: S::default(),
            record: self.0,
            handle: self.1,
        })
    }
}

/// The shipped system, but for what its protocol does at a record and at anything else.
pub(super) fn protocol<S: Memory>(record: OnRecord<S>, handle: OnInput<S>) -> Variant {
    Variant { protocol: Rc::new(Spec(record, handle)), ..Variant::default() }
}

/// A machine behind a function; `()` inside where nothing is wrapped.
pub(super) struct Altered<M, S, I, E> {
    inner: M,
    memory: S,
    handle: fn(&mut M, &mut S, I, &mut Vec<E>),
}

impl<M, S: Default, I, E> Altered<M, S, I, E> {
    pub(super) fn new(inner: M, handle: fn(&mut M, &mut S, I, &mut Vec<E>)) -> Self {
        Altered { inner, memory: S::default(), handle }
    }
}

impl<M: Clone, S: Clone, I, E> Clone for Altered<M, S, I, E> {
    fn clone(&self) -> Self {
        Altered { inner: self.inner.clone(), memory: self.memory.clone(), handle: self.handle }
    }
}

/// What is inside an [`Altered`].
pub(super) trait Inside: Clone + 'static {
    fn digest(&self, d: &mut Digester);
}

impl Inside for () {
    fn digest(&self, _: &mut Digester) {}
}

impl Inside for Coordinator {
    fn digest(&self, d: &mut Digester) {
        Machine::digest(self, d);
    }
}

impl Inside for Planner {
    fn digest(&self, d: &mut Digester) {
        Machine::digest(self, d);
    }
}

impl<M: Inside, S: Memory, I: 'static, E: 'static> Machine<I, E> for Altered<M, S, I, E> {
    fn handle(&mut self, input: I, fx: &mut Vec<E>) {
        let mut mine = Vec::new();
        (self.handle)(&mut self.inner, &mut self.memory, input, &mut mine);
        fx.append(&mut mine);
    }

    fn digest(&self, d: &mut Digester) {
        self.inner.digest(d);
        self.memory.digest(d);
    }
}

/// What is done in place of the coordinator.
pub(super) type OnControl<S> = fn(&mut Coordinator, &mut S, CoordinatorInput, &mut Vec<CoordinatorEffect>);

/// The shipped system, but for its coordinator.
pub(super) fn coordinator<S: Memory>(handle: OnControl<S>) -> Variant {
    let wrap = move |shipped| AnyMachine::Boxed(Box::new(Altered::new(shipped, handle)) as _);
    Variant { coordinator: Some(Rc::new(wrap)), ..Variant::default() }
}
