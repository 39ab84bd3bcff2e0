//! A job: an execution graph, and what each operator computes.

use super::any::AnyOperator;
use super::source::{AnySource, Source};
use crate::base::{Symbols, TaskId};
use crate::graph::{BackEdges, ExecutionGraph, GraphError, JobEdge, JobGraph, OperatorNode, Partition, Role};

/// What an operator of the job computes.
#[derive(Clone)]
pub enum Behaviour {
    /// A source.
    Source(AnySource),
    /// Anything else; cloned for each instance.
    Operator(AnyOperator),
}

/// A validated job: what runs, and what it computes.
#[derive(Clone)]
pub struct Job {
    /// Tasks and channels.
    pub graph: ExecutionGraph,
    /// What each operator of the graph computes.
    pub behaviours: Vec<Behaviour>,
    /// The symbol table.
    pub symbols: Symbols,
    /// For each job edge, whether key and value of its records are symbols.
    pub spelled: Vec<(bool, bool)>,
    /// For each task, the splits that it reads (none unless it is a source's).
    pub splits: Vec<Vec<u32>>,
}

impl Job {
    /// What a task computes.
    #[inline]
    pub fn behaviour(&self, task: TaskId) -> &Behaviour {
        &self.behaviours[self.graph.tasks[task as usize].operator]
    }

    /// The source of a task, if it is one.
    #[inline]
    pub fn source(&self, task: TaskId) -> Option<&AnySource> {
        match self.behaviour(task) {
            Behaviour::Source(s) => Some(s),
            Behaviour::Operator(_) => None,
        }
    }

    /// The operator of a task in its first state, if it is no source.
    pub fn operator(&self, task: TaskId) -> Option<&AnyOperator> {
        match self.behaviour(task) {
            Behaviour::Source(_) => None,
            Behaviour::Operator(o) => Some(o),
        }
    }
}

/// Draws a job: operators by name, then edges between them.
#[derive(Clone, Default)]
pub struct JobBuilder {
    nodes: Vec<OperatorNode>,
    behaviours: Vec<Behaviour>,
    edges: Vec<JobEdge>,
    max_parallelism: Option<u32>,
    symbols: Symbols,
    unknown: Vec<String>,
}

impl JobBuilder {
    /// An empty job.
    pub fn new() -> Self {
        Self::default()
    }

    /// The job's symbol table.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// The number of key groups (128 unless said otherwise).
    pub fn max_parallelism(mut self, groups: u32) -> Self {
        self.max_parallelism = Some(groups);
        self
    }

    /// Adds an operator of any role.
    pub fn add(mut self, name: &str, parallelism: u32, role: Role, ports: Option<u32>, behaviour: Behaviour) -> Self {
        self.nodes.push(OperatorNode { name: name.to_string(), role, parallelism, ports });
        self.behaviours.push(behaviour);
        self
    }

    /// Adds a source.
    pub fn source(self, name: &str, parallelism: u32, source: impl Into<AnySource>) -> Self {
        self.add(name, parallelism, Role::Source, None, Behaviour::Source(source.into()))
    }

    /// Adds an operator.
    pub fn operator(self, name: &str, parallelism: u32, operator: impl Into<AnyOperator>) -> Self {
        let operator = operator.into();
        let ports = matches!(operator, AnyOperator::Join(_)).then_some(2);
        self.add(name, parallelism, Role::Operator, ports, Behaviour::Operator(operator))
    }

    /// Adds a sink.
    pub fn sink(self, name: &str, parallelism: u32, sink: impl Into<AnyOperator>) -> Self {
        self.add(name, parallelism, Role::Sink, None, Behaviour::Operator(sink.into()))
    }

    /// Adds an edge between two operators that were added before.
    pub fn edge(self, from: &str, to: &str, partition: Partition) -> Self {
        self.edge_named(from, to, partition, false)
    }

    /// Adds an edge that the user names a back-edge: if any is named, none is searched for.
    pub fn back_edge(self, from: &str, to: &str, partition: Partition) -> Self {
        self.edge_named(from, to, partition, true)
    }

    /// A hash edge.
    pub fn hash(self, from: &str, to: &str) -> Self {
        self.edge(from, to, Partition::Hash { salt: 0 })
    }

    /// A forward edge.
    pub fn forward(self, from: &str, to: &str) -> Self {
        self.edge(from, to, Partition::Forward)
    }

    /// A rebalance edge.
    pub fn rebalance(self, from: &str, to: &str) -> Self {
        self.edge(from, to, Partition::Rebalance)
    }

    /// A broadcast edge.
    pub fn broadcast(self, from: &str, to: &str) -> Self {
        self.edge(from, to, Partition::Broadcast)
    }

    fn edge_named(mut self, from: &str, to: &str, partition: Partition, back_edge: bool) -> Self {
        let place = |name: &str| self.nodes.iter().position(|n| n.name == name);
        match (place(from), place(to)) {
            (Some(from), Some(to)) => self.edges.push(JobEdge { from, to, partition, back_edge }),
            (found, _) => self.unknown.push(if found.is_none() { from } else { to }.to_string()),
        }
        self
    }

    /// Validates the job and expands it.
    ///
    /// # Errors
    /// Everything that is wrong with it, together.
    pub fn build(self, how: BackEdges) -> Result<Job, Vec<GraphError>> {
        let unknown = self.unknown.iter().map(|name| GraphError {
            place: crate::graph::Place::Job,
            message: format!("an edge names the operator {name:?}: expected one that was added before"),
        });
        let unknown: Vec<_> = unknown.collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let max_parallelism = self.max_parallelism.unwrap_or(128);
        let graph =
            ExecutionGraph::build(&JobGraph { operators: self.nodes, edges: self.edges, max_parallelism }, how)?;
        let behaviours: Vec<_> = graph.written.iter().map(|&w| self.behaviours[w].clone()).collect();
        let mut job = Job {
            spelled: vec![(false, false); graph.edges.len()],
            splits: Vec::new(),
            symbols: self.symbols,
            graph,
            behaviours,
        };
        job.assign_splits();
        job.spell_edges();
        Ok(job)
    }
}

impl Job {
    /// Split s goes to instance s mod p.
    fn assign_splits(&mut self) {
        let graph = &self.graph;
        let splits = graph.tasks.iter().enumerate().map(|(t, task)| match self.source(t as TaskId) {
            None => Vec::new(),
            Some(source) => {
                let p = graph.operators[task.operator].parallelism;
                (0..source.splits(p)).filter(|s| s % p == task.index).collect()
            }
        });
        self.splits = splits.collect();
    }

    /// Which edges carry symbols: followed along the graph, twice, since loops bring some round.
    fn spell_edges(&mut self) {
        for _ in 0..2 {
            for o in 0..self.graph.operators.len() {
                let inputs = self.graph.edges.iter().zip(&self.spelled).filter(|(e, _)| e.to == o);
                let input = inputs.map(|(_, &s)| s).fold((false, false), |a, b| (a.0 || b.0, a.1 || b.1));
                let sent = match &self.behaviours[o] {
                    Behaviour::Source(s) => s.symbols(),
                    Behaviour::Operator(op) => op.symbols(input),
                };
                for (e, spelled) in self.graph.edges.iter().zip(&mut self.spelled) {
                    if e.from == o {
                        *spelled = sent;
                    }
                }
            }
        }
    }
}
