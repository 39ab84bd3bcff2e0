//! Faults as data: who breaks, and when.

use crate::base::{NodeId, Ratio, TaskId, Time};

/// Who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One task.
    Task(TaskId),
    /// A node, with all its tasks.
    Node(NodeId),
    /// Whichever task comes by (where the moment is a protocol point or a rate).
    Any,
}

/// A moment within the protocol: the step is cut short there. What was done before it holds; what comes
/// after it never happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// A barrier was received, and nothing done about it.
    OnBarrier,
    /// The state was copied; the barrier was not broadcast.
    CopyToBroadcast,
    /// The barrier was broadcast; the part is not durable.
    BroadcastToDurable,
    /// The part is durable; the coordinator was not told.
    DurableToAcknowledged,
    /// The last task has acknowledged; the checkpoint is not complete.
    AcknowledgedToCompleted,
    /// A task's state is back in place; its log is not replayed.
    Restore,
    /// A task is replaying its log.
    Replay,
    /// The copy was taken; its log is still open.
    OpenLog,
}

impl Point {
    /// All points, with their names in files.
    pub const NAMES: [(Point, &'static str); 8] = [
        (Point::OnBarrier, "on-barrier"),
        (Point::CopyToBroadcast, "copy-to-broadcast"),
        (Point::BroadcastToDurable, "broadcast-to-durable"),
        (Point::DurableToAcknowledged, "durable-to-acknowledged"),
        (Point::AcknowledgedToCompleted, "acknowledged-to-completed"),
        (Point::Restore, "restore"),
        (Point::Replay, "replay"),
        (Point::OpenLog, "open-log"),
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(p, _)| *p == self).map_or("", |(_, n)| n)
    }
}

/// When.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time.
    At(Time),
    /// When the target comes to this point for the `nth` time (from 1).
    Point {
        /// The point.
        point: Point,
        /// The how-manieth time.
        nth: u32,
    },
    /// At the target's `nth` delivery (from 1).
    Event {
        /// The how-manieth delivery.
        nth: u64,
    },
    /// At each delivery to the target with this probability, `most` times at most, until `until`.
    Rate {
        /// The probability.
        ratio: Ratio,
        /// How often at most.
        most: u32,
        /// From then on no more.
        until: Time,
    },
    /// At any moment (explored; in a timed run: never).
    Anytime,
}

/// A crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Who dies.
    pub target: Target,
    /// When.
    pub when: When,
}

/// A task that takes nothing for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Who.
    pub task: TaskId,
    /// From when.
    pub at: Time,
    /// How long, in nanoseconds.
    pub ns: u64,
}

/// A task that declines snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decline {
    /// Who (`None`: any task).
    pub task: Option<TaskId>,
    /// Each snapshot with this probability.
    pub ratio: Ratio,
    /// How often at most.
    pub most: u32,
}

/// Everything that is to go wrong in a run.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Crashes.
    pub crashes: Vec<Crash>,
    /// Stalls.
    pub stalls: Vec<Stall>,
    /// Declines.
    pub declines: Vec<Decline>,
}

impl Faults {
    /// The last moment for which a fault is scheduled by time.
    pub fn last(&self) -> Time {
        let crashes = self.crashes.iter().filter_map(|c| match c.when {
            When::At(t) => Some(t),
            When::Rate { until, .. } if until != Time(u64::MAX) => Some(until),
            _ => None,
        });
        crashes.chain(self.stalls.iter().map(|s| s.at.after(s.ns))).max().unwrap_or_default()
    }

    /// The last delivery of a task that a crash waits for (0: none does). After that, nobody needs to count.
    pub fn last_delivery(&self) -> u64 {
        let nths = self.crashes.iter().map(|c| if let When::Event { nth } = c.when { nth } else { 0 });
        nths.max().unwrap_or(0)
    }

    /// Whether any crash strikes at a protocol point.
    pub fn at_points(&self) -> bool {
        self.crashes.iter().any(|c| matches!(c.when, When::Point { .. }))
    }

    /// Whether any crash has to be asked for at each delivery.
    pub fn at_deliveries(&self) -> bool {
        self.crashes.iter().any(|c| matches!(c.when, When::Event { .. } | When::Rate { .. }))
    }
}
