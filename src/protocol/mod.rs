//! The system's brains, pure: snapshot protocols, the coordinator, the recovery planner. Input in, effects
//! out: no clock, no queue, no generator and no record inside. One module of the engine carries effects out.
//!
//! [`Abs`] is the algorithm that is shipped. Read it beside the paper: on a graph without back-edges it is
//! Algorithm 1, fact for fact; with back-edges, Algorithm 2 with the corrections that are listed in its file.
//!
//! | decision | reason |
//! |---|---|
//! | a task's protocol sees numbers of inputs and epochs, and asks for logs instead of keeping them | it stays small, and the same for every container of records |
//! | every part can be replaced by a boxed twin behind an enum | what is wrong on purpose needs no flag in the clean code, and the shipped parts keep static dispatch |
//! | periodic triggers re-arm when they could be given, not by the clock alone | a run in which nothing can happen any more has an empty agenda, and is recognised as stuck |
//! | metadata of completed checkpoints is written one at a time, in the order of the ids | completion is linear, and an undecided checkpoint is never overtaken |

mod abs;
mod coordinator;
mod machine;
mod planner;
mod task;

pub use abs::Abs;
pub use coordinator::{Coordinator, CoordinatorEffect, CoordinatorInput, CoordinatorSettings, To};
pub use machine::{AnyMachine, DynMachine, Machine};
pub use planner::{Held, PlanEffect, PlanInput, Planner};
pub use task::{AbsSpec, AnyProtocol, DynProtocol, Effect, Guarantee, Input, Protocol, ProtocolSpec, Shape};

/// The coordinator in use: the shipped one, or another in its place.
pub type AnyCoordinator = AnyMachine<Coordinator, CoordinatorInput, CoordinatorEffect>;
/// The recovery planner in use: the shipped one, or another in its place.
pub type AnyPlanner = AnyMachine<Planner, PlanInput, PlanEffect>;
