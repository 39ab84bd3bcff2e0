//! x
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
pub mod trace;
pub mod world;
