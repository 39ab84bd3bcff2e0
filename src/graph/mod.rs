//! From what the user drew to what runs: job graph → validation → back-edges → execution graph.
//!
//! A *job graph* has operators and edges; the *execution graph* has tasks (parallel instances) and
//! channels, numbered in a canonical order that depends on the job alone: operators in reverse postorder of
//! a depth-first search from the sources (names break ties; without cycles this is a topological order),
//! edges as they were written, channels by (edge, sender, receiver).
//!
//! Nothing here knows what an operator computes.

mod execution;
mod job;
mod order;

pub use execution::{Channel, ExecutionGraph, Route, Task, key_group};
pub use job::{GraphError, JobEdge, JobGraph, OperatorNode, Partition, Place, Role};
pub use order::BackEdges;
