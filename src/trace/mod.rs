//! What is observable: the closed vocabulary of facts, who listens to them, the digest of a run, and the
//! trace file (JSON Lines).
//!
//! The judge sees facts and nothing else; so does a reader of the file. Nothing here knows who causes a
//! fact, or whether it is right.

mod digest;
mod fact;
mod history;
mod json;

pub use digest::RunDigest;
pub use fact::{At, Fact, Fields, Observer, Outcome, Wait};
pub use history::History;
pub use json::{TraceHeader, TraceWriter, big};
