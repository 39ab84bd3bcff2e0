//! The seam between a task's snapshot protocol and the engine: what comes in, what is asked for.

use super::abs::Abs;
use crate::base::{Bits, ChannelId, Digester, Epoch};
use crate::graph::{ExecutionGraph, Role};

/// What a task's protocol is told. Inputs by their place among the task's input channels.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// The coordinator triggers a snapshot (sent to every task).
    Trigger(Epoch),
    /// A barrier came in.
    Barrier {
        /// On this input.
        input: u32,
        /// Of this snapshot.
        epoch: Epoch,
    },
    /// A cancel marker came in.
    Cancel {
        /// On this input.
        input: u32,
        /// For this snapshot.
        epoch: Epoch,
    },
    /// An input ended; `None`: the source itself is at its end.
    End(Option<u32>),
    /// The coordinator aborts a snapshot, out of band: may be late or doubled.
    Abort(Epoch),
    /// A snapshot completed.
    Completed(Epoch),
    /// Copy and log of a snapshot are durable.
    Stored(Epoch),
    /// The state is back in place (epoch 0: the first state). The log is replayed next.
    Restored {
        /// From which snapshot.
        epoch: Epoch,
        /// The inputs that had ended when the copy was taken.
        ended: Bits,
        /// Whether the task is a source that was at its end then.
        at_end: bool,
    },
    /// The log has been replayed; ingestion comes next.
    Resumed,
}

/// What a task's protocol asks for. Effects are carried out in their order; a crash can cut between any two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Take nothing from this input …
    Block {
        /// The input.
        input: u32,
        /// The snapshot for which it is held.
        epoch: Epoch,
    },
    /// … until here.
    Unblock {
        /// The input.
        input: u32,
        /// The snapshot for which it was held.
        epoch: Epoch,
    },
    /// Copy the state (and offsets, positions, ends) as it is now.
    Copy(Epoch),
    /// A barrier on every output.
    Barrier(Epoch),
    /// A cancel marker on every output.
    Cancel(Epoch),
    /// An end on every output: the task has seen the end of all its inputs.
    End,
    /// Append the record in hand to the log of this snapshot. Only in answer to a record.
    Log(Epoch),
    /// Write copy and log to the store, as one unit.
    Store(Epoch),
    /// Tell the coordinator that the part is durable.
    Acknowledge(Epoch),
    /// Tell the coordinator that there will be no part.
    Decline(Epoch),
    /// Forget copy and log.
    Drop(Epoch),
}

/// A snapshot protocol, as one task runs it: a pure state machine.
pub trait Protocol: Clone {
    /// A data record is about to be processed: says which logs it belongs to ([`Effect::Log`]).
    fn record(&mut self, input: u32, fx: &mut Vec<Effect>);
    /// Whether it has to hear of records. Asked after each [`handle`](Protocol::handle): if not,
    /// [`record`](Protocol::record) is not called until the next.
    fn listens(&self) -> bool {
        true
    }
    /// Anything else.
    fn handle(&mut self, input: Input, fx: &mut Vec<Effect>);
    /// Names everything that the future can depend on.
    fn digest(&self, d: &mut Digester);
}

/// The place of a task in the graph, as its protocol sees it.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What the task is.
    pub role: Role,
    /// How many inputs it has.
    pub inputs: u32,
    /// Those of them that are back-edges.
    pub back: Bits,
}

impl Shape {
    /// The shape of a task of a graph.
    pub fn of(g: &ExecutionGraph, task: usize) -> Shape {
        let inputs = &g.inputs[task];
        let back = inputs.iter().map(|&c| g.channels[c as usize]).filter(|c| c.back_edge).map(|c| c.input);
        Shape { role: g.tasks[task].role, inputs: inputs.len() as u32, back: back.collect() }
    }
}

/// What a protocol promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Every record counts once.
    ExactlyOnce,
    /// Every record counts once or more.
    AtLeastOnce,
}

/// A protocol as a whole: one machine for each task.
pub trait ProtocolSpec {
    /// The machine of a task.
    fn task(&self, shape: &Shape) -> AnyProtocol;
    /// The channels on which records may be logged: the back-edges, unless said otherwise.
    fn logs(&self, g: &ExecutionGraph) -> Vec<ChannelId> {
        (0..).zip(&g.channels).filter(|(_, c)| c.back_edge).map(|(i, _)| i).collect()
    }
    /// What it promises.
    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }
}

/// The shipped protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct AbsSpec;

impl ProtocolSpec for AbsSpec {
    fn task(&self, shape: &Shape) -> AnyProtocol {
        AnyProtocol::Abs(Abs::new(shape))
    }
}

/// The object-safe twin of [`Protocol`]; implemented for every protocol.
#[allow(missing_docs)]
pub trait DynProtocol {
    fn record(&mut self, input: u32, fx: &mut Vec<Effect>);
    fn listens(&self) -> bool;
    fn handle(&mut self, input: Input, fx: &mut Vec<Effect>);
    fn digest(&self, d: &mut Digester);
    fn boxed(&self) -> Box<dyn DynProtocol>;
}

impl<P: Protocol + 'static> DynProtocol for P {
    fn record(&mut self, input: u32, fx: &mut Vec<Effect>) {
        Protocol::record(self, input, fx);
    }
    fn listens(&self) -> bool {
        Protocol::listens(self)
    }
    fn handle(&mut self, input: Input, fx: &mut Vec<Effect>) {
        Protocol::handle(self, input, fx);
    }
    fn digest(&self, d: &mut Digester) {
        Protocol::digest(self, d);
    }
    fn boxed(&self) -> Box<dyn DynProtocol> {
        Box::new(self.clone())
    }
}

/// Any protocol: the shipped one by static dispatch, others boxed.
#[non_exhaustive]
#[allow(missing_docs)]
#[allow(clippy::large_enum_variant, reason = "the large one is the one in use: a box would cost a jump a record")]
pub enum AnyProtocol {
    Abs(Abs),
    Custom(Box<dyn DynProtocol>),
}

impl AnyProtocol {
    /// Another protocol than the shipped one.
    pub fn custom(p: impl Protocol + 'static) -> Self {
        AnyProtocol::Custom(Box::new(p))
    }
    /// See [`Protocol::listens`].
    pub fn listens(&self) -> bool {
        match self {
            AnyProtocol::Abs(p) => Protocol::listens(p),
            AnyProtocol::Custom(p) => p.listens(),
        }
    }
    /// See [`Protocol::record`].
    pub fn record(&mut self, input: u32, fx: &mut Vec<Effect>) {
        match self {
            AnyProtocol::Abs(p) => Protocol::record(p, input, fx),
            AnyProtocol::Custom(p) => p.record(input, fx),
        }
    }
    /// See [`Protocol::handle`].
    #[inline]
    pub fn handle(&mut self, input: Input, fx: &mut Vec<Effect>) {
        match self {
            AnyProtocol::Abs(p) => Protocol::handle(p, input, fx),
            AnyProtocol::Custom(p) => p.handle(input, fx),
        }
    }
    /// See [`Protocol::digest`].
    pub fn digest(&self, d: &mut Digester) {
        match self {
            AnyProtocol::Abs(p) => Protocol::digest(p, d),
            AnyProtocol::Custom(p) => p.digest(d),
        }
    }
}

impl Clone for AnyProtocol {
    fn clone(&self) -> Self {
        match self {
            AnyProtocol::Abs(p) => AnyProtocol::Abs(p.clone()),
            AnyProtocol::Custom(p) => AnyProtocol::Custom(p.boxed()),
        }
    }
    fn clone_from(&mut self, other: &Self) {
        match (self, other) {
            (AnyProtocol::Abs(a), AnyProtocol::Abs(b)) => a.clone_from(b),
            (a, b) => *a = b.clone(),
        }
    }
}
