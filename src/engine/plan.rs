//! Everything a run is given: the job, the settings of the world, the faults, and the parts of the system.
//! Immutable while it runs.

use crate::base::{ChannelId, Epoch, NodeId, TaskId};
use crate::dataflow::Job;
use crate::engine::{Content, Message};
use crate::graph::Role;
use crate::protocol::{
    AbsSpec, AnyCoordinator, AnyMachine, AnyPlanner, Coordinator, CoordinatorSettings, DynMachine, Planner,
    ProtocolSpec,
};
use crate::world::{Delay, Faults};
use std::rc::Rc;

/// How fast a source reads. Instance i of p reads its n-th record at n · `every` + i · `every` / p.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Nanoseconds between two records of an instance.
    pub every: u64,
    /// Nanoseconds before the first one.
    pub start: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { every: 1_000, start: 0 }
    }
}

/// When checkpoints are triggered. Times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoints {
    /// Periodically.
    pub every: Option<u64>,
    /// By position: after so many records of a source (ascending).
    pub at: Vec<u64>,
    /// The most periodic checkpoints in flight.
    pub max_concurrent: u32,
    /// Pause after a completion.
    pub min_pause: u64,
    /// After how long a pending one is aborted.
    pub timeout: Option<u64>,
    /// How many completed ones are kept.
    pub retain: u32,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Checkpoints { every: None, at: Vec::new(), max_concurrent: 1, min_pause: 0, timeout: None, retain: 1 }
    }
}

/// A link that messages pass through on their way into a channel.
pub type AnyLink = Box<dyn DynMachine<(ChannelId, Message), (ChannelId, Message)>>;

/// A part of a snapshot on its way between a task and the store.
#[derive(Clone)]
#[allow(missing_docs)]
pub enum Access {
    /// Copy and closed log are about to be written.
    Write { task: TaskId, epoch: Epoch, content: Content },
    /// They were read, and are about to be put back.
    Read { task: TaskId, epoch: Epoch, content: Content },
}

/// A client of the snapshot store: hands on each part that it is given. What it keeps is not written, or was
/// not there.
pub type AnyClient = Box<dyn DynMachine<Access, Content>>;

/// The parts of the system under test. What is wrong on purpose replaces one of them.
#[derive(Clone)]
pub struct Variant {
    /// The name in files.
    pub name: String,
    /// The snapshot protocol.
    pub protocol: Rc<dyn ProtocolSpec>,
    /// Wraps the coordinator.
    pub coordinator: Option<Rc<dyn Fn(Coordinator) -> AnyCoordinator>>,
    /// Wraps the planner.
    pub planner: Option<Rc<dyn Fn(Planner) -> AnyPlanner>>,
    /// Carries the messages.
    pub link: Option<Rc<dyn Fn() -> AnyLink>>,
    /// Stands between the tasks and the store.
    pub client: Option<Rc<dyn Fn() -> AnyClient>>,
}

impl Default for Variant {
    fn default() -> Self {
        Variant {
            name: "abs".into(),
            protocol: Rc::new(AbsSpec),
            coordinator: None,
            planner: None,
            link: None,
            client: None,
        }
    }
}

/// Everything a run is given.
#[derive(Clone)]
pub struct Plan {
    /// Name of the scenario.
    pub name: String,
    /// What runs.
    pub job: Job,
    /// The parts of the system.
    pub variant: Variant,
    /// For each channel, how long a message takes.
    pub delays: Vec<Delay>,
    /// For each channel, how many records fit (`u32::MAX`: no bound).
    pub capacities: Vec<u32>,
    /// For each operator, how fast it reads (sources only).
    pub paces: Vec<Pace>,
    /// For each task, the node it runs on.
    pub nodes: Vec<NodeId>,
    /// How long a write of a part takes (`None`: none, it is durable within the step).
    pub write: Option<Delay>,
    /// How long a control message takes (`None`: none, it is handled within the step).
    pub control: Option<Delay>,
    /// When checkpoints are triggered.
    pub checkpoints: Checkpoints,
    /// What goes wrong.
    pub faults: Faults,
    /// Nanoseconds from a crash to its detection.
    pub detection: u64,
    /// Nanoseconds from the restart to the first record read.
    pub restart: u64,
    /// The most steps.
    pub max_steps: u64,
    /// What the job must arrive at.
    pub result: Option<ResultCheck>,
}

/// What a direct computation says that the states of an operator must hold at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultCheck {
    /// The computation.
    pub kind: String,
    /// The operator (its place in the graph).
    pub operator: usize,
    /// Key and value, by key.
    pub entries: Vec<(u64, u64)>,
}

/// The most steps, unless said otherwise.
pub const MAX_STEPS: u64 = 20_000_000;

impl Plan {
    /// A plan with dull settings: delays from 10 µs to 110 µs, one node for each instance number, an instant
    /// store and control plane, no checkpoints, no faults.
    pub fn new(name: &str, job: Job) -> Self {
        let channels = job.graph.channels.len();
        let nodes = job.graph.tasks.iter().map(|t| t.index).collect();
        Plan {
            name: name.to_string(),
            variant: Variant::default(),
            delays: vec![Delay::uniform(10_000, 110_000); channels],
            capacities: vec![u32::MAX; channels],
            paces: vec![Pace::default(); job.graph.operators.len()],
            nodes,
            write: None,
            control: None,
            checkpoints: Checkpoints::default(),
            faults: Faults::default(),
            detection: 10_000,
            restart: 10_000,
            max_steps: MAX_STEPS,
            result: None,
            job,
        }
    }

    /// The longest that a single thing takes in this plan, with these faults, in nanoseconds. That a source comes to its position
    /// is one: a checkpoint by position is pending from the first source to the last.
    pub fn longest_delay(&self, faults: &Faults) -> u64 {
        let delays = self.delays.iter().chain(&self.write).chain(&self.control).map(|d| d.longest());
        // By position, a checkpoint waits until the slowest source is there.
        let reads = self.checkpoints.at.last().map_or(1, |r| r.saturating_add(1));
        let paces = self.paces.iter().map(|p| p.every.saturating_mul(reads).max(p.start));
        let stalls = faults.stalls.iter().map(|s| s.ns);
        let c = &self.checkpoints;
        let other = [self.detection, self.restart, c.every.unwrap_or(0), c.min_pause, c.timeout.unwrap_or(0)];
        let longest = delays.chain(paces).chain(stalls).chain(other).max().unwrap_or(0);
        longest.max(self.longest_way()).max(self.longest_path())
    }

    /// The time that a barrier takes through a graph as deep as it has operators.
    fn longest_path(&self) -> u64 {
        let hop = self.delays.iter().map(|d| d.longest()).max().unwrap_or(0);
        hop.saturating_mul(self.job.graph.operators.len() as u64)
    }

    /// The time that the slowest source takes to its last position. Behind bounded channels a record may have to
    /// wait for room.
    fn longest_way(&self) -> u64 {
        let bounded = self.capacities.iter().zip(&self.delays).filter(|(c, _)| **c != u32::MAX);
        let room = bounded.map(|(_, d)| d.longest());
        let record = self.paces.iter().map(|p| p.every).chain(room).max().unwrap_or(0);
        self.checkpoints.at.last().map_or(0, |&position| position.saturating_mul(record))
    }

    /// Where a source triggers that has passed so many positions (`u64::MAX`: nowhere any more).
    pub(super) fn position(&self, taken: u32) -> u64 {
        self.checkpoints.at.get(taken as usize).copied().unwrap_or(u64::MAX)
    }

    /// Whether there are checkpoints at all.
    pub fn has_checkpoints(&self) -> bool {
        self.checkpoints.every.is_some() || !self.checkpoints.at.is_empty()
    }

    pub(super) fn coordinator(&self) -> AnyCoordinator {
        let roles = (0..).zip(&self.job.graph.tasks);
        let c = &self.checkpoints;
        let shipped = Coordinator::new(CoordinatorSettings {
            tasks: self.job.graph.tasks.len() as u32,
            sources: roles.filter(|(_, t)| t.role == Role::Source).map(|(i, _)| i as TaskId).collect(),
            every: c.every,
            positions: c.at.len() as u32,
            max_concurrent: c.max_concurrent.max(1),
            min_pause: c.min_pause,
            final_pause: c.min_pause.max(self.delays.iter().map(|d| d.longest()).max().unwrap_or(0)),
            timeout: c.timeout,
            retain: c.retain,
        });
        match &self.variant.coordinator {
            None => AnyMachine::Shipped(shipped),
            Some(wrap) => wrap(shipped),
        }
    }

    pub(super) fn planner(&self) -> AnyPlanner {
        match &self.variant.planner {
            None => AnyMachine::Shipped(Planner),
            Some(wrap) => wrap(Planner),
        }
    }
}
