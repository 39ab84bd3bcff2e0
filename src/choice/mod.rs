//! The one source of nondeterminism: every decision that could have gone otherwise is asked of
//! [`Choices`]. A generator, a tape and an enumerator answer; replay, shrinking and exploration follow
//! from that and need no second engine.
//!
//! Option 0 is always the dull one (shortest delay, no fault, first in order). So a tape that ends early
//! means "and then nothing odd happens".
//!
//! | decision | reason |
//! |---|---|
//! | one ChaCha8 stream per [`Kind`] | one more draw in one place does not move all others |
//! | draws are bounded by multiply-and-shift on 32 bits | 2.5 ns, the same on every machine; the bias (below n / 2³²) is of no consequence here |
//! | the tape goes by position, the site is for the story | a site can be asked in another order after a change; then the tape says so |

mod odometer;
mod seeded;
mod tape;

pub use odometer::Odometer;
pub use seeded::Seeded;
pub use tape::{Divergence, Picked, Recorder, Tape};

use crate::base::Ratio;

/// What is being decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// Which of the enabled events comes next (only where the agenda has no time).
    Next,
    /// How long a message takes on a channel.
    Delay,
    /// How long a write to the store takes.
    Write,
    /// How long a control message takes.
    Control,
    /// Whether a task or node dies here.
    Crash,
    /// Whether a task declines a snapshot.
    Decline,
    /// Whether, and how long, a task stalls.
    Stall,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Kind; 7] =
        [Kind::Next, Kind::Delay, Kind::Write, Kind::Control, Kind::Crash, Kind::Decline, Kind::Stall];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Next => "next",
            Kind::Delay => "delay",
            Kind::Write => "write",
            Kind::Control => "control",
            Kind::Crash => "crash",
            Kind::Decline => "decline",
            Kind::Stall => "stall",
        }
    }
}

/// Who asks: part of the question, so that a tape can say where it went astray, and a story can name
/// the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// What is decided.
    pub kind: Kind,
    /// Channel, task or store: whatever the kind is about.
    pub at: u32,
    /// The running number of this question at this place.
    pub nth: u32,
}

/// The options, and how likely a generator makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odds {
    /// `n ≥ 1` options, 0 to n − 1, all alike.
    Even(u32),
    /// No (0) or yes (1); yes with this probability.
    Rare(Ratio),
}

impl Odds {
    /// How many options there are.
    #[inline]
    pub fn options(self) -> u32 {
        match self {
            Odds::Even(n) => n,
            Odds::Rare(_) => 2,
        }
    }
}

/// Who decides.
pub trait Choices {
    /// One of the options of `odds`: a number below `odds.options()`.
    fn choose(&mut self, site: Site, odds: Odds) -> u32;
}

impl<C: Choices> Choices for &mut C {
    #[inline]
    fn choose(&mut self, site: Site, odds: Odds) -> u32 {
        (**self).choose(site, odds)
    }
}

/// Decides nothing: every choice is the dull one.
impl Choices for () {
    fn choose(&mut self, _: Site, _: Odds) -> u32 {
        0
    }
}
