//! What the tasks compute: pure operators and sources, and the job that joins them to a graph.
//!
//! An operator is a function of (state, record) to (state, records); a source a function of (split, offset)
//! to a record. No clock, no generator, no knowledge of snapshots: the engine copies states, keeps offsets
//! and rewinds both, so rewinding is right by construction.
//!
//! | decision | reason |
//! |---|---|
//! | built-in operators are variants of one enum, users' are boxed behind the same enum | static dispatch on the hot path, and one instance of the engine for both |
//! | a built-in operator that keeps each record's key hands its one value back; a list is for all else | a word in a register, instead of a list that is read right after it was written |
//! | a [`Sink`] and a [`KeyedCount`] take a record where operators are told apart, all others in a function of their own | a sink adds up the word of each record, which with checks on was worked out right before: 2 % of W with P = 4; for counts, the most usual, no call: 2 % of small runs, 1 % of W with P = 64 (and P = 4 pays 2 %) |
//! | the digest of keyed state is a sum over its entries, kept up to date | asking for it costs nothing, however large the state; no order of a hash map can leak |
//! | keyed state is a plain map, copied by `clone` | beats every persistent map that was measured, up to thousands of keys |
//! | that map is an array while keys are close together, a hash map of 32-bit ones while keys and numbers are small, and one of 64-bit ones otherwise | the least memory for each look-up to wait for: a tenth of a run's speed |

mod any;
mod flow;
mod job;
mod keyed;
mod loops;
mod source;
mod stateless;
mod table;

pub(crate) use any::Given;
pub use any::{AnyOperator, DynOperator, Operator, Out, Panic, in_operator};
pub use flow::{Join, Sink, TableSink, Union};
pub use job::{Behaviour, Job, JobBuilder};
pub use keyed::{KeyedCount, KeyedFold, KeyedReduce, KeyedSum, Reduction};
pub use loops::{Collatz, Countdown, Reach};
pub use source::{AnySource, Generator, KeyBy, List, Read, Source};
pub use stateless::{Filter, Map, Repeat, SplitWords};
pub use table::Table;
