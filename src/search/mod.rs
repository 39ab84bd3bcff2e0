//! Ways of running: once, many times in the same memory, again from a tape, everything. No thread and no clock here.

mod capsule;
mod case;
mod cause;
mod explore;
mod reduce;
mod run;
mod seen;
mod shrink;
mod story;
mod twice;

pub use capsule::{Capsule, Choice, Replayed, evidence_json, replay, violation_json};
pub use case::{Case, Context, Failure};
pub use cause::{Cause, cause};
pub use explore::{Explored, explore};
pub use run::{RunResult, Runner, add_record, logs_of, patience_of, run_plan, run_seed};
pub use shrink::{Shrunk, shrink, shrink_until};
pub use story::story;
pub use twice::{Difference, twice};
