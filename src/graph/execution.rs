//! The execution graph: tasks and channels, and where each record goes.

use super::job::{GraphError, JobEdge, JobGraph, OperatorNode, Partition, Role};
use super::order::{BackEdges, arrange, search};
use crate::base::{ChannelId, Mixer, TaskId};
use std::rc::Rc;

/// A parallel instance of an operator.
#[derive(Clone, Debug)]
pub struct Task {
    /// Index of the operator in [`ExecutionGraph::operators`].
    pub operator: usize,
    /// Which instance: 0 to parallelism − 1.
    pub index: u32,
    /// The operator's role.
    pub role: Role,
    /// `operator[index]`.
    pub name: String,
}

/// A channel: FIFO, one sender, one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// The sending task.
    pub from: TaskId,
    /// The receiving task.
    pub to: TaskId,
    /// Index of the job edge.
    pub edge: u32,
    /// The number of the job edge among those that leave the sender.
    pub out: u32,
    /// The number of the job edge among those that enter the receiver.
    pub port: u32,
    /// The channel's place among the receiver's inputs.
    pub input: u32,
    /// Whether the protocol may log here.
    pub back_edge: bool,
}

/// Where the records that a task sends on one job edge go.
#[repr(align(64))] // a cache line: where records go is looked up with each
#[derive(Clone, Debug)]
pub struct Route {
    /// Index of the job edge.
    pub edge: u32,
    /// How they find their instance.
    pub partition: Partition,
    /// Which instance of its operator the sender is.
    pub sender: u32,
    /// The first channel; the others follow it.
    pub first: ChannelId,
    /// How many channels there are.
    pub count: u32,
    /// Key group → offset from `first`, shared by all senders; empty where the partition is not by hash.
    groups: Rc<[u32]>,
    hash: KeyHash,
}

impl Route {
    /// Its channels.
    #[inline]
    pub fn channels(&self) -> std::ops::Range<ChannelId> {
        self.first..self.first + self.count
    }

    /// Whether records go by their key alone.
    pub fn is_by_key(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The channel of a record with this key, if it goes by the key alone.
    #[inline(always)]
    pub fn by_key(&self, key: u64) -> Option<ChannelId> {
        let groups = self.groups.len() as u64;
        if groups == 0 { None } else { Some(self.first + self.groups[self.hash.group(key, groups) as usize]) }
    }
}

/// The fixed hash of a key ([`mix`]), with what depends on the salt alone worked out beforehand.
#[derive(Clone, Copy, Debug)]
struct KeyHash(Mixer);

impl KeyHash {
    #[inline(always)]
    fn group(self, key: u64, groups: u64) -> u64 {
        ((self.0.mix(key) >> 32) * groups) >> 32
    }
}

/// The key group of a key: a fixed hash, so that state can move by whole groups (`rules.md` 7).
pub fn key_group(key: u64, salt: u64, max_parallelism: u32) -> u32 {
    KeyHash(Mixer::new(salt)).group(key, max_parallelism as u64) as u32
}

/// What runs: validated, expanded, in canonical order.
#[derive(Clone, Debug)]
pub struct ExecutionGraph {
    /// The operators in canonical order.
    pub operators: Vec<OperatorNode>,
    /// For each operator, its index in the job graph.
    pub written: Vec<usize>,
    /// The job's edges as written, with operators by their canonical index.
    pub edges: Vec<JobEdge>,
    /// The tasks; those of one operator follow one another.
    pub tasks: Vec<Task>,
    /// The channels; those of one sender on one edge follow one another.
    pub channels: Vec<Channel>,
    /// The input channels of each task, in the order of their place.
    pub inputs: Vec<Vec<ChannelId>>,
    /// The output channels of each task.
    pub outputs: Vec<Vec<ChannelId>>,
    /// For each task, its outgoing job edges.
    pub routes: Vec<Vec<Route>>,
    /// The number of key groups.
    pub max_parallelism: u32,
}

impl ExecutionGraph {
    /// Validates a job and expands it.
    ///
    /// # Errors
    /// Everything that is wrong with the job, together.
    pub fn build(job: &JobGraph, how: BackEdges) -> Result<Self, Vec<GraphError>> {
        let (order, back) = arrange(job, how)?;
        let place = |written: usize| order.iter().position(|&o| o == written).unwrap_or(0);
        let mut g = ExecutionGraph {
            operators: order.iter().map(|&o| job.operators[o].clone()).collect(),
            edges: job.edges.iter().map(|e| JobEdge { from: place(e.from), to: place(e.to), ..*e }).collect(),
            written: order,
            tasks: Vec::new(),
            channels: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            routes: Vec::new(),
            max_parallelism: job.max_parallelism,
        };
        g.expand(&back);
        if how == BackEdges::ExecutionGraph {
            g.search_channels();
        }
        Ok(g)
    }

    fn expand(&mut self, back: &[bool]) {
        for (operator, node) in self.operators.iter().enumerate() {
            for index in 0..node.parallelism {
                let name = format!("{}[{index}]", node.name);
                self.tasks.push(Task { operator, index, role: node.role, name });
            }
        }
        self.inputs = vec![Vec::new(); self.tasks.len()];
        self.outputs = vec![Vec::new(); self.tasks.len()];
        self.routes = vec![Vec::new(); self.tasks.len()];
        for (i, e) in self.edges.clone().into_iter().enumerate() {
            let port = self.edges[..i].iter().filter(|o| o.to == e.to).count() as u32;
            let receivers = self.operators[e.to].parallelism;
            let (senders, targets) = (self.tasks_of(e.from), self.tasks_of(e.to));
            let groups: Rc<[u32]> = match e.partition {
                Partition::Hash { .. } => {
                    let share = |group| (group as u64 * receivers as u64 / self.max_parallelism as u64) as u32;
                    (0..self.max_parallelism).map(share).collect()
                }
                _ => Rc::default(),
            };
            for (k, from) in senders.enumerate() {
                let first = self.channels.len() as ChannelId;
                let to: Vec<TaskId> = match e.partition {
                    Partition::Forward => vec![targets.start + k as TaskId],
                    _ => targets.clone().collect(),
                };
                let out = self.routes[from as usize].len() as u32;
                let count = to.len() as u32;
                for to in to {
                    let id = self.channels.len() as ChannelId;
                    let input = self.inputs[to as usize].len() as u32;
                    self.channels.push(Channel { from, to, edge: i as u32, out, port, input, back_edge: back[i] });
                    self.inputs[to as usize].push(id);
                    self.outputs[from as usize].push(id);
                }
                let (edge, partition, sender, groups) = (i as u32, e.partition, k as u32, Rc::clone(&groups));
                let salt = if let Partition::Hash { salt } = partition { salt } else { 0 };
                let hash = KeyHash(Mixer::new(salt));
                let route = Route { edge, partition, sender, first, count, groups, hash };
                self.routes[from as usize].push(route);
            }
        }
    }

    /// Marks the back-edges that a search of the expanded graph finds, instead of the job graph's.
    fn search_channels(&mut self) {
        let mut roots: Vec<usize> = (0..self.tasks.len()).filter(|&t| self.tasks[t].role == Role::Source).collect();
        roots.reverse();
        let mut pairs: Vec<_> = self.channels.iter().map(|c| (c.from as usize, c.to as usize)).collect();
        pairs.sort();
        let found = search(self.tasks.len(), &roots, &pairs);
        for c in &mut self.channels {
            c.back_edge = found.back.contains(&(c.from as usize, c.to as usize));
        }
    }

    /// The tasks of the operator with this (canonical) index.
    pub fn tasks_of(&self, operator: usize) -> std::ops::Range<TaskId> {
        let first = self.operators[..operator].iter().map(|o| o.parallelism).sum();
        first..first + self.operators[operator].parallelism
    }

    /// The task with this name (`counts[1]`).
    pub fn task_named(&self, name: &str) -> Option<TaskId> {
        self.tasks.iter().position(|t| t.name == name).map(|t| t as TaskId)
    }

    /// `sender -> receiver` of a channel, by the names of the tasks.
    pub fn spell_channel(&self, c: ChannelId) -> String {
        let c = &self.channels[c as usize];
        format!("{}->{}", self.tasks[c.from as usize].name, self.tasks[c.to as usize].name)
    }
}
