//! The recovery planner: after a failure, from which checkpoint, and where each source goes on.
//!
//! Full restart: every task, from the newest checkpoint that is complete when it decides (`rules.md` 3.7).

use super::machine::Machine;
use crate::base::{Digester, Epoch, TaskId};

/// What the store holds of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub epoch: Epoch,
    /// Whether it is in the completed store; otherwise only parts of it are there.
    pub complete: bool,
}

/// What the planner is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanInput {
    /// A failure: what the store holds, ascending.
    Failure(Vec<Held>),
    /// In the part of the chosen checkpoint, this source's next offset of this split.
    Offset {
        /// The source.
        task: TaskId,
        /// The split.
        split: u32,
        /// The first record that is *not* covered by the copy.
        offset: u64,
    },
}

/// What the planner asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanEffect {
    /// Restart everything from this checkpoint (0: from the start).
    Restart(Epoch),
    /// The source reads this split from here on.
    Rewind {
        /// The source.
        task: TaskId,
        /// The split.
        split: u32,
        /// The offset of the first record to be read.
        offset: u64,
    },
}

/// The shipped planner.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planner;

impl Machine<PlanInput, PlanEffect> for Planner {
    fn handle(&mut self, input: PlanInput, fx: &mut Vec<PlanEffect>) {
        match input {
            PlanInput::Failure(held) => {
                let newest = held.iter().filter(|h| h.complete).map(|h| h.epoch).max();
                fx.push(PlanEffect::Restart(newest.unwrap_or(0)));
            }
            PlanInput::Offset { task, split, offset } => fx.push(PlanEffect::Rewind { task, split, offset }),
        }
    }

    fn digest(&self, _: &mut Digester) {}
}
