//! The bottom room: ids, virtual time, ratios, records, symbols, digests, sets of inputs, and parts of a state that keep
//! what is known of them.
//!
//! Everything here is a small value without behaviour of its own. Nothing here knows what a task, a
//! protocol or a fault is.

mod bits;
mod digest;
mod kept;
mod spare;
mod symbols;
mod time;

pub use bits::Bits;
pub use digest::{Digester, Mix, Mixer, fold, hash_text, mix};
pub use kept::Kept;
pub use spare::Spare;
pub use symbols::Symbols;
pub use time::{Ratio, Time, format_ns, parse_duration};

/// Index of a task (one parallel instance of an operator) in the execution graph.
pub type TaskId = u32;
/// Index of a channel in the execution graph.
pub type ChannelId = u32;
/// Index of a node (a machine that hosts tasks).
pub type NodeId = u32;
/// Number of a snapshot; 1, 2, 3, … in the order of their triggers. 0 means "from the start".
pub type Epoch = u64;
/// Number of an incarnation of a task: 1 at first, raised by each restart.
pub type Attempt = u32;

/// One data record. Both fields are numbers, or symbols of the job's [`Symbols`] table.
///
/// 16 bytes and `Copy`: a text in the record would quarter the speed of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// What hash edges partition by, and keyed state is kept by.
    pub key: u64,
    /// The payload.
    pub value: u64,
}

impl Record {
    /// A record of two numbers (or symbols).
    #[inline]
    pub fn new(key: u64, value: u64) -> Self {
        Record { key, value }
    }

    /// One word that stands for the record in sums and digests.
    #[inline]
    pub fn word(self) -> u64 {
        fold(self.key ^ 0xA076_1D64_78BD_642F, self.value ^ 0xE703_7ED1_A0B4_28DB)
    }
}

/// `to` becomes what `from` is, in the memory that it has.
pub fn copy_option<T: Clone>(to: &mut Option<T>, from: Option<&T>) {
    match (to, from) {
        (Some(to), Some(from)) => to.clone_from(from),
        (None, None) => {} // (as below; but that moves the whole of nothing)
        (to, from) => *to = from.cloned(),
    }
}

/// `to` becomes what `from` is. Most lists of a state are empty, and stay so: that costs nothing here.
#[inline(always)]
pub fn copy_list<T: Clone>(to: &mut Vec<T>, from: &Vec<T>) {
    if !(to.is_empty() && from.is_empty()) {
        to.clone_from(from);
    }
}
