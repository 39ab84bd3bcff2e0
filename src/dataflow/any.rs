//! The operator trait, where its output goes, and the enum of all operators.

use super::flow::{Join, Sink, TableSink, Union};
use super::keyed::{KeyedCount, KeyedFold, KeyedReduce, KeyedSum};
use super::loops::{Collatz, Countdown, Reach};
use super::stateless::{Filter, Map, Repeat, SplitWords};
use crate::base::{Record, Symbols};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Where an operator puts the records it sends.
#[derive(Clone, Debug, Default)]
pub struct Out {
    pub(crate) sends: Vec<(u32, Record)>,
    symbols: Symbols,
}

impl Out {
    /// The number that stands for all output edges.
    pub const ALL: u32 = u32::MAX;

    /// An empty output of a job with these symbols.
    pub fn new(symbols: Symbols) -> Self {
        Out { sends: Vec::new(), symbols }
    }

    /// Sends `r` on every output edge.
    #[inline]
    pub fn emit(&mut self, r: Record) {
        if self.sends.len() == self.sends.capacity() {
            return self.emit_with_more_room(r);
        }
        self.sends.push((Out::ALL, r));
    }

    /// (A call at the end of `emit`: operators have nothing to save for it.)
    #[cold]
    #[inline(never)]
    fn emit_with_more_room(&mut self, r: Record) {
        self.sends.push((Out::ALL, r));
    }

    /// Sends `r` on the output edge with this number (among the operator's own, in the order of the job).
    /// An edge that does not exist takes nothing.
    #[inline]
    pub fn send(&mut self, edge: u32, r: Record) {
        self.sends.push((edge, r));
    }

    /// The job's symbols, to intern and to spell.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// What was sent so far: (edge or [`Out::ALL`], record).
    pub fn sends(&self) -> &[(u32, Record)] {
        &self.sends
    }
}

/// A deterministic function of state and record.
///
/// `clone` is what a snapshot takes: it must be a true copy.
pub trait Operator: Clone {
    /// Takes `r`, which came in on the job edge with number `port` (among the operator's own, in the order
    /// of the job).
    fn process(&mut self, port: u32, r: Record, out: &mut Out);
    /// A digest of the state: equal for equal states, on every machine.
    fn state(&self) -> u64;
    /// What the state says of each key, in any order, for reports. May be empty.
    fn entries(&self) -> Vec<(u64, u64)> {
        Vec::new()
    }
    /// Whether key and value of what is sent are symbols, if those of what comes in are.
    fn symbols(&self, input: (bool, bool)) -> (bool, bool) {
        input
    }
}

/// The object-safe twin of [`Operator`]; implemented for every operator.
pub trait DynOperator {
    #[allow(missing_docs)]
    fn process(&mut self, port: u32, r: Record, out: &mut Out);
    #[allow(missing_docs)]
    fn state(&self) -> u64;
    #[allow(missing_docs)]
    fn entries(&self) -> Vec<(u64, u64)>;
    #[allow(missing_docs)]
    fn symbols(&self, input: (bool, bool)) -> (bool, bool);
    #[allow(missing_docs)]
    fn boxed(&self) -> Box<dyn DynOperator>;
}

impl<O: Operator + 'static> DynOperator for O {
    fn process(&mut self, port: u32, r: Record, out: &mut Out) {
        Operator::process(self, port, r, out);
    }
    fn state(&self) -> u64 {
        Operator::state(self)
    }
    fn entries(&self) -> Vec<(u64, u64)> {
        Operator::entries(self)
    }
    fn symbols(&self, input: (bool, bool)) -> (bool, bool) {
        Operator::symbols(self, input)
    }
    fn boxed(&self) -> Box<dyn DynOperator> {
        Box::new(self.clone())
    }
}

/// That a user's operator panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panic;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a user's operator is running on this thread: a panic now is a verdict, and needs no message.
pub fn in_operator() -> bool {
    GUARDED.get()
}

#[inline(never)]
fn guarded(o: &mut dyn DynOperator, port: u32, r: Record, out: &mut Out) -> Result<(), Panic> {
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(|| o.process(port, r, out))).map_err(|_| Panic);
    GUARDED.set(before);
    result
}

/// What an operator gives for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Nothing,
    /// One record on all output edges: this value, under the key of the one that came in.
    Value(u64),
    /// What is in the list.
    Listed,
}

impl Given {
    /// Puts it into the list, if it is not there.
    pub(super) fn list(self, key: u64, out: &mut Out) {
        if let Given::Value(value) = self {
            out.emit(Record::new(key, value));
        }
    }
}

/// How a built-in operator gives what its [`process`](Operator::process) sends. One that keeps the key of each record
/// hands the value back: what is in a list was written just before it is read, and is waited for; a word comes back in a
/// register.
pub(super) trait Give: Operator {
    /// Whether `give` is done where operators are told apart. (See the decisions in `mod.rs`.)
    const IN_PLACE: bool = false;

    #[inline]
    fn give(&mut self, port: u32, r: Record, out: &mut Out) -> Given {
        out.sends.clear();
        self.process(port, r, out);
        Given::Listed
    }
}

/// In place, or in a function of its own.
#[inline(always)]
fn give<O: Give>(o: &mut O, port: u32, r: Record, out: &mut Out) -> Given {
    if O::IN_PLACE { o.give(port, r, out) } else { give_elsewhere(o, port, r, out) }
}

/// One function for each operator: where they are told apart, nothing is saved for those that need it.
#[inline(never)]
fn give_elsewhere<O: Give>(o: &mut O, port: u32, r: Record, out: &mut Out) -> Given {
    o.give(port, r, out)
}

macro_rules! any_operator {
    ($($name:ident),*) => {
        /// Any operator: the built-in ones by static dispatch, a user's own boxed.
        #[non_exhaustive]
        #[allow(missing_docs)]
        #[repr(u8)] // for speed, and no promise: the kind is a number of its own, not worked out from what is inside
        pub enum AnyOperator { $($name($name),)* Custom(Box<dyn DynOperator>) }

        $(impl From<$name> for AnyOperator {
            fn from(o: $name) -> Self { AnyOperator::$name(o) }
        })*

        impl Clone for AnyOperator {
            fn clone(&self) -> Self {
                match self {
                    $(AnyOperator::$name(o) => AnyOperator::$name(o.clone()),)*
                    AnyOperator::Custom(o) => AnyOperator::Custom(o.boxed()),
                }
            }
            #[inline]
            fn clone_from(&mut self, other: &Self) {
                match (self, other) {
                    $((AnyOperator::$name(a), AnyOperator::$name(b)) => a.clone_from(b),)*
                    (a, b) => *a = b.clone(),
                }
            }
        }

        impl AnyOperator {
            /// See [`Operator::process`].
            ///
            /// # Errors
            /// If it is a user's operator, and panicked.
            pub fn process(&mut self, port: u32, r: Record, out: &mut Out) -> Result<(), Panic> {
                match self {
                    $(AnyOperator::$name(o) => Operator::process(o, port, r, out),)*
                    AnyOperator::Custom(o) => return guarded(&mut **o, port, r, out),
                }
                Ok(())
            }
            /// The same, where nothing was sent before: what is [`Listed`](Given::Listed) is all that `out` holds.
            #[inline(always)]
            pub(crate) fn give(&mut self, port: u32, r: Record, out: &mut Out) -> Result<Given, Panic> {
                match self {
                    $(AnyOperator::$name(o) => Ok(give(o, port, r, out)),)*
                    AnyOperator::Custom(o) => {
                        out.sends.clear();
                        guarded(&mut **o, port, r, out).map(|()| Given::Listed)
                    }
                }
            }
            /// See [`Operator::state`].
            #[inline]
            pub fn state(&self) -> u64 {
                match self {
                    $(AnyOperator::$name(o) => Operator::state(o),)*
                    AnyOperator::Custom(o) => o.state(),
                }
            }
            /// See [`Operator::entries`]; in the order of the keys.
            pub fn entries(&self) -> Vec<(u64, u64)> {
                let mut list = match self {
                    $(AnyOperator::$name(o) => Operator::entries(o),)*
                    AnyOperator::Custom(o) => o.entries(),
                };
                list.sort_unstable();
                list
            }
            /// See [`Operator::symbols`].
            pub fn symbols(&self, input: (bool, bool)) -> (bool, bool) {
                match self {
                    $(AnyOperator::$name(o) => Operator::symbols(o, input),)*
                    AnyOperator::Custom(o) => o.symbols(input),
                }
            }
        }
    };
}

any_operator!(
    KeyedCount,
    KeyedSum,
    KeyedReduce,
    KeyedFold,
    Map,
    Filter,
    Repeat,
    SplitWords,
    Union,
    Join,
    Sink,
    TableSink,
    Countdown,
    Collatz,
    Reach
);

impl AnyOperator {
    /// A user's own operator.
    pub fn custom(o: impl Operator + 'static) -> Self {
        AnyOperator::Custom(Box::new(o))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::mix;

    /// One of each kind (but `SplitWords`, which needs words).
    fn of_each_kind() -> Vec<AnyOperator> {
        vec![
            KeyedCount::default().into(),
            KeyedSum::default().into(),
            KeyedReduce::new(super::super::Reduction::Min).into(),
            KeyedFold::default().into(),
            Map { multiply: 3, add: 1, modulo: 0, rekey: 5 }.into(),
            Filter { modulo: 3, remainder: 1 }.into(),
            Repeat { times: 2, spread: true }.into(),
            Union::default().into(),
            Join::default().into(),
            Sink::default().into(),
            TableSink::default().into(),
            Countdown::new(2, 5, 3).into(),
            Collatz::default().into(),
            Reach::default().into(),
        ]
    }

    #[test]
    fn what_is_given_is_what_is_sent() {
        for operator in of_each_kind() {
            let (mut one, mut other) = (operator.clone(), operator);
            let (mut sent, mut listed) = (Out::default(), Out::default());
            for i in 0..3_000u64 {
                // Small keys and values first, then such as do not fit into half a word.
                let (w, large) = (mix(i, 7), i > 2_000);
                let key = if large && w & 1 == 0 { w } else { w % 50 };
                let value = if large && w & 2 == 0 { u32::MAX as u64 - 2 + w % 5 } else { w >> 9 & 7 };
                let (port, r) = ((w >> 5) as u32 & 1, Record::new(key, value));
                sent.sends.clear();
                assert_eq!(one.process(port, r, &mut sent), Ok(()));
                match other.give(port, r, &mut listed) {
                    Ok(Given::Listed) => assert_eq!(sent.sends(), listed.sends()),
                    Ok(Given::Value(value)) => assert_eq!(sent.sends(), [(Out::ALL, Record::new(key, value))]),
                    Ok(Given::Nothing) => assert_eq!(sent.sends(), []),
                    Err(Panic) => unreachable!("it is built in"),
                }
                assert_eq!(one.state(), other.state());
            }
        }
    }
}
