//! What a judge says: properties, verdicts, violations with their evidence, and the verdict of a run.

use crate::base::{ChannelId, Record};
use crate::trace::At;

/// The properties that are checked (`rules.md` section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Property {
    /// For each channel of each completed snapshot: sent = received, then logged.
    ConsistentCut,
    /// Nothing is logged on a channel that the protocol does not log.
    MinimalSnapshot,
    /// Every record of the surviving history is processed once, in order; a restored state is the copied one.
    ExactlyOnceState,
    /// The surviving history is a failure-free execution.
    FailureTransparency,
    /// Every checkpoint completes or aborts.
    Termination,
    /// Once faults stop, the job ends.
    Progress,
    /// Recovery takes the newest completed checkpoint.
    DurableRestore,
    /// Channels keep their promise.
    Fifo,
    /// Every effect makes sense where it is asked for.
    ProtocolMisuse,
    /// No operator panics.
    OperatorPanic,
    /// The final result is what a direct computation gives.
    Result,
}

impl Property {
    /// All properties of this build.
    pub const ALL: [Property; 11] = [
        Property::ConsistentCut,
        Property::MinimalSnapshot,
        Property::ExactlyOnceState,
        Property::FailureTransparency,
        Property::Termination,
        Property::Progress,
        Property::DurableRestore,
        Property::Fifo,
        Property::ProtocolMisuse,
        Property::OperatorPanic,
        Property::Result,
    ];

    /// The name in files and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Property::ConsistentCut => "consistent-cut",
            Property::MinimalSnapshot => "minimal-snapshot",
            Property::ExactlyOnceState => "exactly-once-state",
            Property::FailureTransparency => "failure-transparency",
            Property::Termination => "termination",
            Property::Progress => "progress",
            Property::DurableRestore => "durable-restore",
            Property::Fifo => "fifo",
            Property::ProtocolMisuse => "protocol-misuse",
            Property::OperatorPanic => "operator-panic",
            Property::Result => "result",
        }
    }

    /// The property with this name.
    pub fn named(name: &str) -> Option<Property> {
        Property::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// What a property says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It met occasions to judge, and all were right.
    Holds,
    /// A bad fact was seen.
    Violated,
    /// A limit ended the run while it waited for something.
    Inconclusive,
    /// It met no occasion to judge.
    Idle,
}

impl Verdict {
    /// The name in files and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Violated => "violated",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Idle => "idle",
        }
    }
}

/// The verdict of a whole run: never idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunVerdict {
    /// Everything that was judged held, and enough was judged.
    Holds,
    /// A limit was reached, or too little was judged.
    Inconclusive,
    /// Some property is violated.
    Violated,
}

impl RunVerdict {
    /// The name in files and on screen.
    pub fn name(self) -> &'static str {
        match self {
            RunVerdict::Holds => "holds",
            RunVerdict::Inconclusive => "inconclusive",
            RunVerdict::Violated => "violated",
        }
    }
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A number: an epoch, a sequence number, a count.
    Number(u64),
    /// A name or a sentence.
    Text(String),
    /// A record that was on a channel (which says how to spell it).
    Record(ChannelId, Record),
    /// A digest.
    Digest(u64),
}

/// A bad fact, and why it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which property.
    pub property: Property,
    /// What kind of bad fact: with the property, what makes two failures the same.
    pub kind: &'static str,
    /// When.
    pub at: At,
    /// One sentence for a person.
    pub message: String,
    /// The details, by name.
    pub evidence: Vec<(&'static str, Evidence)>,
}

/// What a judge says at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Each property's verdict, and how much it judged.
    pub properties: Vec<(Property, Verdict, u64)>,
    /// What was violated; the first is the one that counts.
    pub violations: Vec<Violation>,
    /// Checkpoints triggered, completed, aborted, and restarts from a completed one.
    pub checkpoints: [u64; 4],
    /// 1 plus the number of restarts.
    pub attempts: u64,
}

impl Report {
    /// The verdict of the run.
    pub fn verdict(&self) -> RunVerdict {
        let of = |p: Property| self.properties.iter().find(|(q, ..)| *q == p).map(|(_, v, _)| *v);
        let any = |v: Verdict| self.properties.iter().any(|(_, w, _)| *w == v);
        let unseen = self.checkpoints[0] > 0 && of(Property::ConsistentCut) == Some(Verdict::Idle);
        if any(Verdict::Violated) {
            RunVerdict::Violated
        } else if any(Verdict::Inconclusive) || of(Property::ExactlyOnceState) == Some(Verdict::Idle) || unseen {
            RunVerdict::Inconclusive
        } else {
            RunVerdict::Holds
        }
    }
}
