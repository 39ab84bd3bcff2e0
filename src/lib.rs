//! x
pub mod base;
pub mod check;
pub mod choice;
pub mod dataflow;
pub mod engine;
pub mod graph;
pub mod protocol;
pub mod search;
pub mod trace;
pub mod world;
