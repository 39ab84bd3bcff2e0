//! The system under test: tasks and coordinator wired to the world. The only interpreter of effects, and one
//! [`Engine::step`] for every way of running: timed, replayed, explored.
//!
//! The engine carries out; it does not judge. What it does, it says in facts.
//!
//! | decision | reason |
//! |---|---|
//! | an engine borrows its [`Plan`] | cloning one for a search copies state alone |
//! | control messages without delay are carried out within the step, in order, from an inbox | exploring X needs copy, acknowledgement and completion in one step; the timed run gets the same code |
//! | a source's position trigger is a step of its own | it is one in the model that X is compared with |
//! | a message that cannot be taken waits in its channel, and is scheduled anew when it can be | no search for what is ready, and FIFO holds by construction |
//! | tasks, coordinator and shelves of the store are parts that keep their digest until they are borrowed to be changed ([`Kept`](crate::base::Kept)) | an exploration copies and digests what changed, a third less in all; in tests each is walked again and compared |
//! | a task begins with what a record needs, then what a read needs, then the operator; of one split alone the offset is the number of reads | two cache lines a step instead of five |
//! | a protocol that does not listen is not told of records | a flag in the task's first line, instead of a look at the protocol |
//! | copies that were deleted are filled again, and a run can begin again in the memory of another | a sweep of short runs allocates once: half as fast again |
//! | a record is taken in one place, however it came; where many messages wait for the one before them, as in small jobs, they are put into the agenda in one | half of a small run's code is run once or twice: what is there twice does not fit the instruction cache |
//! | events are handed on as words, inputs and letters are made where they are read | what is copied right after it was written is waited for |
//! | where fewer than half of the messages have to wait for the one before them on their channel, nobody asks which do | that would be anybody's guess, and a wrong guess costs more than a group of events saves: 6 % of W with P = 64 |
//! | there, most records are put into the agenda where they are sent | saving registers for a call is 3 % of W with P = 64; small runs lose 1 to 2 % by the longer code |
//! | which half of the edges a record has come by is asked before its channel and its task are looked at, and nothing depends on the answer | who takes a record is anybody's guess, and a misprediction is seen only when the operator has come from memory; after this question, the branch predictor knows: 3 to 5 % of W with P = 64 (nothing in a job of one edge) |
//! | on the way of a record, what W does not need is marked cold ([`cold_path`](std::hint::cold_path)): several outputs, edges that are not by key, bounded channels, logs | the rest lies in one piece: W with P = 64 jumps 60 times a record instead of 85; other jobs pay a jump |
//! | effects are carried out on a borrow that the compiler cannot see through (`black_box`) | it would look up beforehand what any kind of effect needs, and keep it in memory: 2,000 instructions a small run |
//! | step and time of what happens are handed on to where a record's facts are told | read from memory there, they are copied each time: 1 % |
//! | the delays of all channels, if they are uniform and alike, are one | no look at the channel's own; other kinds take a call more |
//! | the faults are the plan's, or others | one job can be tried under many without being built anew |
//! | a full restart is one step; ingestion goes on after the restart delay | nothing can happen in between |

mod control;
mod deliver;
mod effects;
mod event;
mod network;
mod plan;
mod quiet;
mod recovery;
mod slots;
mod source;
mod state;
mod step;
mod task;

pub use event::{Event, Message};
pub use plan::{Access, AnyClient, AnyLink, Checkpoints, MAX_STEPS, Pace, Plan, ResultCheck, Variant};
pub use state::Engine;
pub use step::{Cx, Step, Workbench};
pub use task::{Content, Logged};
