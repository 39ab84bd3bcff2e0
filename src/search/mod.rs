//! Ways of running: once, again from a tape, everything. No thread and no clock here.

mod explore;
mod run;

pub use explore::{Explored, explore};
pub use run::{RunResult, add_record, logs_of, patience_of, run_plan, run_seed};
