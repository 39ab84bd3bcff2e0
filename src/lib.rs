//! **cutline** is a deterministic simulator in which a small but complete stream processor runs, and a verifier
//! that judges what it did. It finds broken snapshot protocols in seconds, and gives a seed that always brings
//! the failure back.
//!
//! # The problem
//!
//! A stream processor promises that after a crash every record counts exactly once. It keeps the promise by
//! snapshots. *Barriers* flow with the data; a task that has received the barrier of snapshot *n* on all its
//! inputs copies its state, and sends the barrier on. Inputs on which the barrier came early are blocked until
//! then: this is *alignment*. Together the copies are a *cut* through the execution:
//!
//! ```text
//!   source  ──r1──r2──▐──r3──r4──      ▐ barrier of snapshot 1
//!                      ╲
//!   count   ────r1──r2──▐───r3──r4     copies its state at ▐: it holds r1 and r2
//! ```
//!
//! The cut is *consistent* if on every channel what was sent before it is what was received before it, or is
//! kept in a log: one equation, `sent = received, then logged`. After a crash everything restarts from the newest
//! snapshot that is complete, and the sources read on where their copies end. One record on the wrong side of the
//! line, and it counts twice, or never.
//!
//! Such protocols look simple and have been wrong in every engine. So here the equation is checked at every
//! snapshot of every run, without waiting for a crash that would show the damage; and every run can be repeated.
//!
//! # A first run
//!
//! ```
//! use cutline::prelude::*;
//!
//! let job = JobBuilder::new()
//!     .source("numbers", 2, Generator::new(100))
//!     .operator("counts", 2, KeyedCount::default())
//!     .sink("sink", 1, Sink::default())
//!     .hash("numbers", "counts")
//!     .hash("counts", "sink");
//! let run = Simulation::of(job)?.checkpoint_every("20us").crash("counts[1]", "90us").run(42);
//! assert_eq!(run.verdict(), RunVerdict::Holds, "{run}");
//! assert_eq!(run.report.attempts, 2, "it crashed, and was restarted");
//! # Ok::<(), Vec<GraphError>>(())
//! ```
//!
//! The same with a protocol that does not align, over many seeds:
//!
//! ```
//! # use cutline::prelude::*;
//! # let job = JobBuilder::new()
//! #     .source("numbers", 2, Generator::new(100)).operator("counts", 2, KeyedCount::default())
//! #     .sink("sink", 1, Sink::default()).hash("numbers", "counts").hash("counts", "sink");
//! let broken = Simulation::of(job)?.checkpoint_every("20us").protocol("no-alignment");
//! let (seed, run) = broken.find(0..1000).expect("some seed fails");
//! assert_eq!(run.report.violations[0].property, Property::ConsistentCut, "seed {seed}: {run}");
//! # Ok::<(), Vec<GraphError>>(())
//! ```
//!
//! # The tour, bottom to top
//!
//! A room names only rooms above it in this list (a test holds it to that).
//!
//! | room | holds |
//! |---|---|
//! | [`base`] | ids, virtual time, records, symbols, digests |
//! | [`choice`] | the one source of nondeterminism: seeded, recorded, replayed, enumerated |
//! | [`graph`] | job graph → validation → back-edges → execution graph |
//! | [`trace`] | the closed vocabulary of facts, the digest of a run, the trace file |
//! | [`dataflow`] | operators and sources: pure |
//! | [`protocol`] | the snapshot protocol, coordinator and recovery planner: pure state machines |
//! | [`world`] | agenda, channels, delays, store, faults |
//! | [`engine`] | the system under test, wired to the world: one [`step`](engine::Engine::step) for every way of running |
//! | [`check`] | the judge: one ledger, one file a property; knows facts and the job, and nothing of the accused |
//! | [`scenario`] | JSON files ⇄ plans |
//! | [`search`] | run, run again, replay, explore; no thread and no clock |
//! | [`specimen`] | what is wrong on purpose: the harness on trial |
//! | [`testing`] | the entry point of users' tests |
//! | `cli` | the command |
//!
//! # Decisions
//!
//! | decision | reason |
//! |---|---|
//! | every nondeterministic decision is asked of one trait, [`Choices`](choice::Choices); option 0 is dull | replay, exploration and shrinking need no second engine |
//! | the judge sees facts alone, as they happen | what is judged is what a trace file shows; nothing is recorded in a first run |
//! | a record is 16 bytes and `Copy`; texts are interned | a text in the record quarters the speed |
//! | no float, no wall clock, no thread, no iteration of a hash map below `cli` (clippy's list) | the same seed gives the same bytes, everywhere |
//! | no `unsafe` | speed comes from layout |
//!
//! # Limits
//!
//! Recovery is a full restart; sinks are idempotent (no transactions); the control plane neither loses nor
//! doubles messages; operators have no timers. A simulated failure is a failure of the simulated system: the
//! model is as good as its fault contract (see [`world`]).

pub mod base;
pub mod check;
pub mod choice;
#[cfg(feature = "cli")]
pub mod cli;
pub mod dataflow;
pub mod engine;
pub mod graph;
pub mod protocol;
pub mod scenario;
pub mod search;
pub mod specimen;
pub mod testing;
pub mod trace;
pub mod world;

/// What a test needs.
pub mod prelude {
    pub use crate::base::{Record, Time};
    pub use crate::check::{Property, RunVerdict, Verdict};
    pub use crate::dataflow::{
        AnyOperator, AnySource, Generator, JobBuilder, KeyedCount, KeyedFold, KeyedSum, Operator, Out, Read, Sink,
        Source, TableSink,
    };
    pub use crate::graph::{GraphError, Partition};
    pub use crate::testing::{Run, Simulation};
}
