//! Deep mode: every operator is replayed beside the run. A state that is told must be the replica's
//! (`exactly-once-state`); every record that is sent must be one that the replica sends (`failure-transparency`).
//!
//! Rewound at each restart, this is exactly the question whether the history that survives is a failure-free
//! execution; no reference run is needed, so it also serves jobs whose result depends on how channels merge.

use super::judge::Judge;
use super::ledger::Cut;
use super::verdict::{Evidence, Property};
use crate::base::{ChannelId, Digester, Kept, Record, TaskId, copy_option};
use crate::dataflow::{AnyOperator, AnySource, Given, Job, Out, Read, Source};
use crate::graph::{Partition, Route};
use crate::trace::At;
use std::hint::cold_path;
use std::rc::Rc;

/// What the task that acted last must still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owes {
    Nothing,
    /// The one record `want`, on the one channel `only`.
    One,
    /// What is in `out`.
    More,
}

pub(super) struct Deep<'j> {
    job: &'j Job,
    /// Task by task, what it reads. (Lists of their own: what a record needs of all tasks is little.)
    sources: Rc<[Option<&'j AnySource>]>,
    /// The only route of each, if records go on one edge, by their key.
    by_key: Rc<[Option<&'j Route>]>,
    replicas: Vec<Kept<Option<AnyOperator>>>,
    owes: Owes,
    want: Record,
    only: ChannelId,
    /// What must be sent …
    out: Out,
    /// … on these edges …
    routes: &'j [Route],
    /// … and how far it got: (output, route, channel of the route).
    next: (usize, u32, u32),
    /// Whether any operator has more than one input edge.
    ports: bool,
}

impl Clone for Deep<'_> {
    fn clone(&self) -> Self {
        let (sources, by_key) = (Rc::clone(&self.sources), Rc::clone(&self.by_key));
        Deep { sources, by_key, replicas: self.replicas.clone(), out: self.out.clone(), ..*self }
    }
    fn clone_from(&mut self, o: &Self) {
        self.replicas.clone_from(&o.replicas);
        self.out.sends.clone_from(&o.out.sends);
        (self.routes, self.next) = (o.routes, o.next);
        (self.owes, self.want, self.only) = (o.owes, o.want, o.only);
    }
}

impl<'j> Deep<'j> {
    pub fn new(job: &'j Job) -> Self {
        let tasks = 0..job.graph.tasks.len() as TaskId;
        let by_key = |routes: &'j Vec<Route>| match &routes[..] {
            [route] => Some(route).filter(|r| r.is_by_key()),
            _ => None,
        };
        Deep {
            job,
            sources: tasks.clone().map(|t| job.source(t)).collect(),
            by_key: job.graph.routes.iter().map(by_key).collect(),
            replicas: tasks.map(|t| Kept::new(job.operator(t).cloned())).collect(),
            owes: Owes::Nothing,
            want: Record::default(),
            only: 0,
            out: Out::new(job.symbols.clone()),
            routes: &[],
            next: (0, 0, 0),
            ports: job.graph.channels.iter().any(|c| c.port != 0),
        }
    }

    pub fn replica(&self, t: TaskId) -> Option<&AnyOperator> {
        self.replicas[t as usize].as_ref()
    }

    /// Replays the processing of a record.
    #[inline(always)]
    pub fn process(&mut self, t: TaskId, c: ChannelId, r: Record) {
        let Some(operator) = &mut *self.replicas[t as usize] else {
            cold_path();
            return self.owes = Owes::Nothing;
        };
        let port = if self.ports {
            cold_path();
            self.job.graph.channels[c as usize].port
        } else {
            0
        };
        match operator.give(port, r, &mut self.out) {
            Ok(Given::Nothing) => self.owes = Owes::Nothing,
            Ok(Given::Value(value)) => self.begin_with(t, Record::new(r.key, value)),
            // A panic is told by a fact of its own.
            Ok(Given::Listed) | Err(_) => {
                cold_path();
                self.begin(t)
            }
        }
    }

    /// Replays a read.
    #[inline(always)]
    pub fn read(&mut self, t: TaskId, split: u32, offset: u64) {
        match self.sources[t as usize].map(|s| s.read(split, offset)) {
            Some(Read::Record(r)) => self.begin_with(t, r),
            _ => {
                cold_path();
                self.owes = Owes::Nothing
            }
        }
    }

    #[inline(never)]
    fn begin(&mut self, t: TaskId) {
        match self.out.sends[..] {
            [] => self.owes = Owes::Nothing,
            [(Out::ALL, r)] => self.begin_with(t, r),
            _ => self.begin_otherwise(t),
        }
    }

    /// Most tasks send one record at a time, on one edge, by its key.
    #[inline(always)]
    fn begin_with(&mut self, t: TaskId, r: Record) {
        if let Some(route) = self.by_key[t as usize]
            && let Some(c) = route.by_key(r.key)
        {
            return (self.owes, self.only, self.want) = (Owes::One, c, r);
        }
        cold_path();
        self.out.sends.clear();
        self.out.emit(r);
        self.begin_otherwise(t);
    }

    #[inline(never)]
    fn begin_otherwise(&mut self, t: TaskId) {
        self.routes = &self.job.graph.routes[t as usize];
        self.next = (0, 0, 0);
        self.skip_nowhere();
    }

    /// Passes over outputs to edges that do not exist.
    #[inline(never)]
    fn skip_nowhere(&mut self) {
        while let Some(&(edge, _)) = self.out.sends.get(self.next.0) {
            if (edge as usize) < self.routes.len() || (edge == Out::ALL && !self.routes.is_empty()) {
                return self.owes = Owes::More;
            }
            self.next = (self.next.0 + 1, 0, 0);
        }
        self.owes = Owes::Nothing;
    }

    /// Whether everything that the last task had to send was sent.
    #[inline(always)]
    pub fn all_sent(&self) -> bool {
        self.owes == Owes::Nothing
    }

    /// Whether this is what must be sent next.
    #[inline(always)]
    pub fn sent(&mut self, c: ChannelId, r: Record) -> bool {
        if self.owes != Owes::One {
            cold_path();
            return self.owes == Owes::More && self.sent_next(c, r);
        }
        if c != self.only || r != self.want {
            return false;
        }
        self.owes = Owes::Nothing;
        true
    }

    /// The same, where it takes a look at the routes. (The channels of a route are all its sender's.)
    #[inline(never)]
    fn sent_next(&mut self, c: ChannelId, r: Record) -> bool {
        let (i, route_of_all, _) = self.next;
        let Some(&(edge, want)) = self.out.sends.get(i) else { return false };
        let Some(route) = self.routes.get(if edge == Out::ALL { route_of_all } else { edge } as usize) else {
            return false;
        };
        if r != want {
            return false;
        }
        match route.by_key(r.key) {
            Some(there) if c != there => return false,
            Some(_) => self.pass(edge),
            None => return self.sent_otherwise(edge, route, c),
        }
        true
    }

    fn sent_otherwise(&mut self, edge: u32, route: &Route, c: ChannelId) -> bool {
        let last = match route.partition {
            Partition::Rebalance if route.channels().contains(&c) => true,
            // To all (forward: to the one), in their order.
            Partition::Broadcast | Partition::Forward if c == route.first + self.next.2 => {
                self.next.2 + 1 == route.count
            }
            _ => return false,
        };
        if last {
            self.pass(edge);
        } else {
            self.next.2 += 1;
        }
        true
    }

    /// What was to be sent on one route was sent.
    fn pass(&mut self, edge: u32) {
        let (i, route_of_all, _) = self.next;
        if edge == Out::ALL && (route_of_all as usize) + 1 < self.routes.len() {
            self.next = (i, route_of_all + 1, 0);
        } else {
            self.next = (i + 1, 0, 0);
            self.skip_nowhere();
        }
    }

    /// Back to the cut (`None`: to the start).
    pub fn rewind(&mut self, cut: Option<&Cut>) {
        for (t, replica) in self.replicas.iter_mut().enumerate() {
            let kept = cut.and_then(|c| c.copies.tasks[t].as_ref()?.replica.as_ref());
            copy_option(replica, kept.or_else(|| self.job.operator(t as TaskId)));
        }
        self.owes = Owes::Nothing;
    }

    pub fn digest(&self, d: &mut Digester) {
        for replica in self.replicas.iter().filter(|r| r.is_some()) {
            d.kept(replica, |o, d| d.word(o.as_ref().map_or(0, |o| o.state())));
        }
        // What the last task still has to send is an open obligation.
        d.word(match self.owes {
            Owes::Nothing => 0,
            Owes::One => 1,
            Owes::More => self.out.sends.len().saturating_sub(self.next.0) as u64,
        });
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
