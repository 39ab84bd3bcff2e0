//! The one shape of everything that decides, off the path of records: a machine from input to effects. A
//! broken variant is a wrapper that tampers with inputs or effects.

use crate::base::Digester;

/// A deterministic state machine.
pub trait Machine<I, E>: Clone {
    /// Takes an input, pushes effects.
    fn handle(&mut self, input: I, fx: &mut Vec<E>);
    /// Names everything that the future can depend on.
    fn digest(&self, d: &mut Digester);
}

/// The object-safe twin of [`Machine`]; implemented for every machine.
#[allow(missing_docs)]
pub trait DynMachine<I, E> {
    fn handle(&mut self, input: I, fx: &mut Vec<E>);
    fn digest(&self, d: &mut Digester);
    fn boxed(&self) -> Box<dyn DynMachine<I, E>>;
}

impl<I, E, M: Machine<I, E> + 'static> DynMachine<I, E> for M {
    fn handle(&mut self, input: I, fx: &mut Vec<E>) {
        Machine::handle(self, input, fx);
    }
    fn digest(&self, d: &mut Digester) {
        Machine::digest(self, d);
    }
    fn boxed(&self) -> Box<dyn DynMachine<I, E>> {
        Box::new(self.clone())
    }
}

/// The shipped machine `M`, or any other in its place.
#[allow(missing_docs)]
pub enum AnyMachine<M, I, E> {
    Shipped(M),
    Boxed(Box<dyn DynMachine<I, E>>),
}

impl<M: Machine<I, E>, I, E> AnyMachine<M, I, E> {
    /// See [`Machine::handle`].
    pub fn handle(&mut self, input: I, fx: &mut Vec<E>) {
        match self {
            AnyMachine::Shipped(m) => m.handle(input, fx),
            AnyMachine::Boxed(m) => m.handle(input, fx),
        }
    }
    /// See [`Machine::digest`].
    pub fn digest(&self, d: &mut Digester) {
        match self {
            AnyMachine::Shipped(m) => m.digest(d),
            AnyMachine::Boxed(m) => m.digest(d),
        }
    }
}

impl<M: Clone, I, E> Clone for AnyMachine<M, I, E> {
    fn clone(&self) -> Self {
        match self {
            AnyMachine::Shipped(m) => AnyMachine::Shipped(m.clone()),
            AnyMachine::Boxed(m) => AnyMachine::Boxed(m.boxed()),
        }
    }
    fn clone_from(&mut self, other: &Self) {
        match (self, other) {
            (AnyMachine::Shipped(a), AnyMachine::Shipped(b)) => a.clone_from(b),
            (a, b) => *a = b.clone(),
        }
    }
}
