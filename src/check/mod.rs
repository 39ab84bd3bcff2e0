//! The judge: an observer that sees facts and knows the job, and nothing of protocols, coordinator or world.
//!
//! One ledger is walked once per fact ([`Judge`]); each property is a few lines on it, in a file of its own.
//! The first bad fact ends the judging, with evidence.
//!
//! | decision | reason |
//! |---|---|
//! | sequences are compared by counts, and by sums of record words | one addition a fact; order is checked by the numbers that records carry, so a transport that swaps contents under the same numbers would pass |
//! | what a task still owes is one word where it is one record on one channel | most tasks send one record at a time, by its key |
//! | facts are judged (and digested) inline, where they are made | which they are is known there: a tenth of a small run |
//! | when patience ends is worked out when checkpoints begin or cease to be pending, one completes, or a fault strikes | a fact asks only whether it is later than that |
//! | the digest holds differences, never histories | equal futures have equal digests, so a search can tell |
//! | only the newest completed cut is kept | a restart from any other is a violation by itself |

mod consistent_cut;
mod deep;
mod durable_restore;
mod exactly_once;
mod fifo;
mod judge;
mod ledger;
mod liveness;
mod minimal_snapshot;
mod operator_panic;
mod protocol_misuse;
mod result;
mod situations;
mod verdict;

pub use judge::{Judge, Mode, Monitor};
pub use liveness::Patience;
pub use situations::Situations;
pub use verdict::{Evidence, Property, Report, RunVerdict, Verdict, Violation};
