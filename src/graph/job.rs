//! The job graph as it was written, and everything that can be wrong with it. All errors are found, not
//! the first alone.

use std::fmt;

/// What an operator is to the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Has no input channel: reads splits.
    Source,
    /// Has inputs.
    Operator,
    /// Has no output channel.
    Sink,
}

impl Role {
    /// The name in files and traces.
    pub fn name(self) -> &'static str {
        match self {
            Role::Source => "source",
            Role::Operator => "operator",
            Role::Sink => "sink",
        }
    }
}

/// How the records of an edge find the receiver's instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// Instance i to instance i; both sides have the same parallelism.
    Forward,
    /// By key group of the key; edges with different salts partition independently.
    Hash {
        /// Mixed into the hash of the key.
        salt: u64,
    },
    /// Each record to every instance.
    Broadcast,
    /// Round robin: the n-th record of this sender on this edge goes to instance (sender + n) mod p.
    Rebalance,
}

impl Partition {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Partition::Forward => "forward",
            Partition::Hash { .. } => "hash",
            Partition::Broadcast => "broadcast",
            Partition::Rebalance => "rebalance",
        }
    }
}

/// An operator of the job graph.
#[derive(Clone, Debug)]
pub struct OperatorNode {
    /// Unique within the job.
    pub name: String,
    /// What it is to the protocol.
    pub role: Role,
    /// How many instances run.
    pub parallelism: u32,
    /// The exact number of edges that must come in, where the operator has such (a join: 2).
    pub ports: Option<u32>,
}

/// An edge of the job graph; operators by their index.
#[derive(Clone, Copy, Debug)]
pub struct JobEdge {
    /// The sender.
    pub from: usize,
    /// The receiver.
    pub to: usize,
    /// How records find their instance.
    pub partition: Partition,
    /// Named as a back-edge by the user.
    pub back_edge: bool,
}

/// What the user drew.
#[derive(Clone, Debug)]
pub struct JobGraph {
    /// The operators, in any order.
    pub operators: Vec<OperatorNode>,
    /// The edges, in the order that numbers ports and outputs.
    pub edges: Vec<JobEdge>,
    /// The number of key groups; no operator behind a hash edge has more instances.
    pub max_parallelism: u32,
}

/// The most tasks and channels that a job may have.
pub const MOST_TASKS: u64 = 4096;
/// See [`MOST_TASKS`].
pub const MOST_CHANNELS: u64 = 1 << 20;

/// Where in the job graph an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The job as a whole.
    Job,
    /// The operator with this index.
    Operator(usize),
    /// The edge with this index.
    Edge(usize),
}

/// What is wrong with a job graph, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphError {
    /// Where.
    pub place: Place,
    /// What, and what was expected.
    pub message: String,
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Job => write!(f, "job: {}", self.message),
            Place::Operator(i) => write!(f, "operator {i}: {}", self.message),
            Place::Edge(i) => write!(f, "edge {i}: {}", self.message),
        }
    }
}

impl std::error::Error for GraphError {}

impl JobGraph {
    /// Everything that is wrong with single operators and edges. (What concerns paths is found when the
    /// order is computed.)
    pub(super) fn local_errors(&self) -> Vec<GraphError> {
        let mut errors = Vec::new();
        let mut err = |place, message: String| errors.push(GraphError { place, message });
        if self.operators.is_empty() {
            err(Place::Job, "the job is empty: expected at least one operator, a source".into());
        } else if !self.operators.iter().any(|o| o.role == Role::Source) {
            err(Place::Job, "the job has no source: expected at least one".into());
        }
        let tasks: u64 = self.operators.iter().map(|o| o.parallelism as u64).sum();
        if tasks > MOST_TASKS {
            err(Place::Job, format!("{tasks} tasks: expected at most {MOST_TASKS}"));
        }
        for (i, o) in self.operators.iter().enumerate() {
            let place = Place::Operator(i);
            if o.parallelism == 0 {
                err(place, "parallelism is 0: expected at least 1".into());
            }
            if self.operators[..i].iter().any(|other| other.name == o.name) {
                err(place, format!("a second operator is called {:?}: expected unique names", o.name));
            }
            let ins = self.edges.iter().filter(|e| e.to == i).count() as u32;
            let outs = self.edges.iter().filter(|e| e.from == i).count();
            match o.role {
                Role::Source if ins > 0 => err(place, "a source has an input: expected none".into()),
                Role::Sink if outs > 0 => err(place, "a sink has an output: expected none".into()),
                _ => {}
            }
            if let Some(want) = o.ports
                && want != ins
            {
                err(place, format!("has {ins} incoming edge(s): expected exactly {want}"));
            }
        }
        let mut channels = 0u64;
        for (i, e) in self.edges.iter().enumerate() {
            let (from, to) = (&self.operators[e.from], &self.operators[e.to]);
            channels += match e.partition {
                Partition::Forward => from.parallelism as u64,
                _ => from.parallelism as u64 * to.parallelism as u64,
            };
            if e.partition == Partition::Forward && from.parallelism != to.parallelism {
                let (p, q) = (from.parallelism, to.parallelism);
                err(
                    Place::Edge(i),
                    format!(
                        "a forward edge joins parallelism {p} ({}) and {q} ({}): expected the same on both sides",
                        from.name, to.name
                    ),
                );
            }
            if matches!(e.partition, Partition::Hash { .. }) && to.parallelism > self.max_parallelism {
                err(
                    Place::Edge(i),
                    format!(
                        "a hash edge goes to {} instances of {}: expected at most max_parallelism = {}",
                        to.parallelism, to.name, self.max_parallelism
                    ),
                );
            }
        }
        if channels > MOST_CHANNELS {
            err(Place::Job, format!("{channels} channels: expected at most {MOST_CHANNELS}"));
        }
        errors
    }
}
