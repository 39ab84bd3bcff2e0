//! Deep mode: every operator is replayed beside the run. A state that is told must be the replica's
//! (`exactly-once-state`); every record that is sent must be one that the replica sends (`failure-transparency`).
//!
//! Rewound at each restart, this is exactly the question whether the history that survives is a failure-free
//! execution; no reference run is needed, so it also serves jobs whose result depends on how channels merge.

use super::judge::Judge;
use super::ledger::Cut;
use super::verdict::{Evidence, Property};
use crate::base::{ChannelId, Digester, Record, TaskId};
use crate::dataflow::{AnyOperator, Job, Out, Read, Source};
use crate::graph::Partition;
use crate::trace::At;

pub(super) struct Deep {
    replicas: Vec<Option<AnyOperator>>,
    /// What the task that acted last must send, and how far it got: (output, route, channel of the route).
    out: Out,
    task: TaskId,
    next: (u32, u32, u32),
    /// Whether any operator has more than one input edge.
    ports: bool,
}

impl Clone for Deep {
    fn clone(&self) -> Self {
        Deep { replicas: self.replicas.clone(), out: self.out.clone(), ..*self }
    }
    fn clone_from(&mut self, o: &Self) {
        for (a, b) in self.replicas.iter_mut().zip(&o.replicas) {
            match (a, b) {
                (Some(a), Some(b)) => a.clone_from(b),
                (a, b) => *a = b.clone(),
            }
        }
        self.out.sends.clone_from(&o.out.sends);
        (self.task, self.next) = (o.task, o.next);
    }
}

impl Deep {
    pub fn new(job: &Job) -> Self {
        let replicas = (0..job.graph.tasks.len() as TaskId).map(|t| job.operator(t).cloned());
        Deep {
            replicas: replicas.collect(),
            out: Out::new(job.symbols.clone()),
            task: 0,
            next: (0, 0, 0),
            ports: job.graph.channels.iter().any(|c| c.port != 0),
        }
    }

    pub fn replica(&self, t: TaskId) -> Option<&AnyOperator> {
        self.replicas[t as usize].as_ref()
    }

    #[inline]
    pub fn process(&mut self, job: &Job, t: TaskId, c: ChannelId, r: Record) {
        self.out.sends.clear();
        if let Some(operator) = &mut self.replicas[t as usize] {
            // A panic is told by a fact of its own.
            let port = if self.ports { job.graph.channels[c as usize].port } else { 0 };
            _ = operator.process(port, r, &mut self.out);
        }
        self.begin(job, t);
    }

    #[inline]
    pub fn read(&mut self, job: &Job, t: TaskId, split: u32, offset: u64) {
        self.out.sends.clear();
        if let Some(Read::Record(r)) = job.source(t).map(|s| s.read(split, offset)) {
            self.out.emit(r);
        }
        self.begin(job, t);
    }

    #[inline]
    fn begin(&mut self, job: &Job, t: TaskId) {
        self.task = t;
        self.next = (0, 0, 0);
        if job.graph.routes[t as usize].is_empty() {
            self.out.sends.clear();
        }
        self.skip_nowhere(job);
    }

    /// Passes over outputs to edges that do not exist.
    #[inline]
    fn skip_nowhere(&mut self, job: &Job) {
        let routes = job.graph.routes[self.task as usize].len() as u32;
        while let Some(&(edge, _)) = self.out.sends.get(self.next.0 as usize) {
            if edge == Out::ALL || edge < routes {
                return;
            }
            self.next = (self.next.0 + 1, 0, 0);
        }
    }

    /// Whether everything that the last task had to send was sent.
    #[inline]
    pub fn all_sent(&self, _: &Job) -> bool {
        self.next.0 as usize >= self.out.sends.len()
    }

    /// Whether this is what must be sent next.
    #[inline]
    pub fn sent(&mut self, job: &Job, c: ChannelId, r: Record) -> bool {
        let (i, route_of_all, k) = self.next;
        let Some(&(edge, want)) = self.out.sends.get(i as usize) else { return false };
        let (all, at) = (edge == Out::ALL, if edge == Out::ALL { route_of_all } else { edge });
        let routes = &job.graph.routes[self.task as usize];
        let Some(route) = routes.get(at as usize) else { return false };
        let place = match route.partition {
            Partition::Forward => c == route.first,
            Partition::Hash { .. } => c == route.by_key(r.key),
            Partition::Broadcast => c == route.first + k,
            Partition::Rebalance => c >= route.first && c < route.first + route.count,
        };
        // (The channels of a route are all its sender's.)
        if !place || r != want {
            return false;
        }
        let more = route.partition == Partition::Broadcast && k + 1 < route.count;
        self.next = if more {
            (i, route_of_all, k + 1)
        } else if all && (at as usize) + 1 < routes.len() {
            (i, at + 1, 0)
        } else {
            (i + 1, 0, 0)
        };
        if self.next.0 != i {
            self.skip_nowhere(job);
        }
        true
    }

    /// Back to the cut (`None`: to the start).
    pub fn rewind(&mut self, job: &Job, cut: Option<&Cut>) {
        for (t, replica) in self.replicas.iter_mut().enumerate() {
            let kept = cut.and_then(|c| c.tasks[t].as_ref()?.replica.clone());
            *replica = kept.or_else(|| job.operator(t as TaskId).cloned());
        }
        self.out.sends.clear();
        self.next = (0, 0, 0);
    }

    pub fn digest(&self, d: &mut Digester) {
        self.replicas.iter().flatten().for_each(|o| d.word(o.state()));
        // What the last task still has to send is an open obligation.
        d.word((self.out.sends.len() as u64).saturating_sub(self.next.0 as u64));
    }
}

/// A record that no failure-free execution sends here.
#[cold]
pub(super) fn unexpected(judge: &mut Judge<'_>, at: At, task: TaskId, c: ChannelId, seq: u64, r: Record) {
    let channel = judge.job.graph.spell_channel(c);
    let name = judge.task(task).to_string();
    let message = format!(
        "{name} sent record {seq} on {channel}, which its operator, replayed over its history, does not send there: no failure-free execution does that"
    );
    let evidence = vec![
        ("task", Evidence::Text(name)),
        ("channel", Evidence::Text(channel)),
        ("seq", Evidence::Number(seq)),
        ("record", Evidence::Record(c, r)),
    ];
    judge.violate(at, Property::FailureTransparency, "unexpected-record", message, evidence);
}
