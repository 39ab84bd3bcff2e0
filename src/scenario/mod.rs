//! Scenario files: what was written (JSON), then what is valid (a [`Plan`](crate::engine::Plan)).
//!
//! A file is a test: it names its seed, its protocol and what it expects. Errors are collected and reported
//! together, each with its place in the file and what was expected. The names of protocols come from a registry
//! that is handed in, so that nothing here knows what is wrong on purpose.
//!
//! | decision | reason |
//! |---|---|
//! | operators are one flat object with optional settings, checked against their kind afterwards | every error gets its exact path, and `--set` reaches every place |
//! | reading goes on after an error, with the offending place left out | all errors of a file are seen in one run |

mod kinds;
mod problem;
mod raw;
mod read;
mod resolve;
mod result;

pub use kinds::KINDS;
pub use problem::{Problem, Problems};
pub use raw::{
    CheckpointSpec, DelaySpec, EdgeSpec, Expect, FaultSpec, KeySpec, OperatorSpec, RecordsSpec, ResultSpec, Scenario,
    SeedSpec, ValueSpec, parse_seed,
};
pub(crate) use read::problem_of_form;
pub use read::{Setting, read, read_value};
pub use resolve::{Registry, inline, resolve};

/// The JSON Schema of a scenario.
pub const SCHEMA: &str = include_str!("schema.json");
