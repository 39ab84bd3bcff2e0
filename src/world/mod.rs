//! The environment: what happens next, what is in transit, what is durable, what breaks. Generic over what
//! it carries; nothing here knows what a snapshot is.
//!
//! The fault contract: channels are FIFO and lose nothing between live tasks; a message to a dead task waits
//! in its channel; a crash loses everything the task had not stored; the store keeps what it said is durable;
//! nodes die as a whole. Whatever breaks this contract is a specimen.
//!
//! | decision | reason |
//! |---|---|
//! | the queue is a calendar whose buckets are lists in one slab | beats a binary heap by half on long runs |
//! | events of one moment that follow one another directly are one entry of a bucket | a slow message holds back those behind it on its channel: more than half of W's, with P = 4 |
//! | a bucket with one or two entries is not opened; one with up to sixteen is sorted by networks | most buckets have few; which of two comes first is anybody's guess, so no branch is made of it |
//! | while one bucket has its turn, a glance goes through the next | with thousands of messages in transit, the list of a bucket is slow to come from memory: 6 % of a run's speed |
//! | in a timed run a message travels in the queue, with its content, and enters its channel only if it cannot be taken at once | one place for it instead of two; most messages never touch a channel's list |
//! | a channel's receiver and its flags are one word of 32 bits | with thousands of channels the table fits the cache; 2^24 tasks are enough |
//! | what a sender touches of a channel is apart from what a receiver looks at | with thousands of channels, half as many cache lines |
//! | a channel's place at its receiver and the list of what waits in it are 16 bytes, apart from the rest | with thousands of channels, each barrier waited for two far places in memory: 1 to 3 % of W with P = 64 |

mod agenda;
mod calendar;
mod channels;
mod delay;
mod faults;
mod networks;
mod store;

pub use agenda::{Agenda, AnyOrder};
pub use calendar::TimeOrder;
pub use channels::{ChannelEnd, ChannelOf, ChannelQueue, ChannelRest, ChannelStart, Channels, flag};
pub use delay::Delay;
pub use faults::{Crash, Decline, Faults, Point, Stall, Target, When};
pub use store::{Part, Store};
