//! The state of a run: everything that a step can change.

use super::event::{Event, What};
use super::network::Network;
use super::plan::{AnyClient, Plan};
use super::slots::Slots;
use super::task::{Content, TaskState, source_state};
use crate::base::{
    Attempt, Bits, ChannelId, Digester, Epoch, Kept, Record, Spare, TaskId, Time, copy_list, copy_option,
};
use crate::graph::{Partition, Route};
use crate::protocol::{AnyCoordinator, AnyPlanner, CoordinatorInput, Shape};
use crate::trace::Outcome;
use crate::world::{Agenda, Faults, Store};
use std::rc::Rc;

/// A control message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Trigger { task: TaskId, attempt: Attempt, epoch: Epoch },
    Abort { task: TaskId, attempt: Attempt, epoch: Epoch },
    Completed { task: TaskId, attempt: Attempt, epoch: Epoch },
    ToCoordinator(CoordinatorInput),
}

/// A run in progress.
pub struct Engine<'p, A> {
    pub(super) plan: &'p Plan,
    /// What goes wrong: the plan's faults, or others.
    pub(super) faults: &'p Faults,
    pub(super) net: Network<'p, A>,
    /// Steps made, and the most there can be.
    pub(super) steps: u64,
    pub(super) most: u64,
    pub(super) delivered: u64,
    pub(super) tasks: Vec<Kept<TaskState<'p>>>,
    pub(super) store: Store<Content>,
    /// Copies that were deleted.
    pub(super) spare: Spare<Content>,
    pub(super) coordinator: Kept<AnyCoordinator>,
    pub(super) planner: AnyPlanner,
    pub(super) client: Option<AnyClient>,
    pub(super) letters: Slots<Letter>,
    /// Writes under way: (epoch, task; `None`: the metadata).
    pub(super) writes: Slots<(Epoch, Option<TaskId>)>,
    /// Checkpoints that are neither complete nor aborted, with the tasks whose acknowledgement arrived.
    pub(super) begun: Vec<(Epoch, Bits)>,
    pub(super) attempt: Attempt,
    /// A restart is on its way.
    pub(super) failing: bool,
    /// The restart waits for the outcome of a write.
    pub(super) undecided: bool,
    /// For each crash of the plan, how often it has struck, and how often its point was reached.
    pub(super) struck: Vec<(u32, u32)>,
    pub(super) declined: Vec<u32>,
    pub(super) asked: u32,
    pub(super) outcome: Option<Outcome>,
    /// Whether it has begun and is not over.
    pub(super) running: bool,
    /// Whether any fault must be asked for at each delivery.
    pub(super) watched: bool,
    /// Whether any is planned at a protocol point.
    pub(super) pointed: bool,
    /// No channel is bounded, no fault must be asked for at a delivery, and no operator has more than one input edge.
    pub(super) plain: bool,
    /// The first channel of the second half of the edges; of an odd number, the middle one belongs to the first half. (A
    /// hint to the branch predictor: nothing depends on it.)
    pub(super) halfway: ChannelId,
}

impl<A: Clone> Clone for Engine<'_, A> {
    fn clone(&self) -> Self {
        Engine {
            net: self.net.clone(),
            tasks: self.tasks.clone(),
            store: self.store.clone(),
            spare: self.spare.clone(),
            coordinator: self.coordinator.clone(),
            planner: self.planner.clone(),
            client: self.client.as_ref().map(|c| c.boxed()),
            letters: self.letters.clone(),
            writes: self.writes.clone(),
            begun: self.begun.clone(),
            struck: self.struck.clone(),
            declined: self.declined.clone(),
            ..*self
        }
    }
    fn clone_from(&mut self, o: &Self) {
        self.net.clone_from(&o.net);
        self.tasks.clone_from(&o.tasks);
        self.store.clone_from(&o.store);
        self.coordinator.clone_from(&o.coordinator);
        self.planner.clone_from(&o.planner);
        self.client = o.client.as_ref().map(|c| c.boxed());
        self.letters.clone_from(&o.letters);
        self.writes.clone_from(&o.writes);
        self.begun.clone_from(&o.begun);
        copy_list(&mut self.struck, &o.struck);
        copy_list(&mut self.declined, &o.declined);
        (self.steps, self.delivered, self.asked) = (o.steps, o.delivered, o.asked);
        (self.attempt, self.failing, self.undecided) = (o.attempt, o.failing, o.undecided);
        (self.outcome, self.running) = (o.outcome, o.running);
        (self.faults, self.watched, self.pointed, self.plain) = (o.faults, o.watched, o.pointed, o.plain);
    }
}

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// A run before its first step.
    pub fn new(plan: &'p Plan, agenda: A) -> Self {
        let graph = &plan.job.graph;
        let tasks = (0..graph.tasks.len()).map(|t| {
            let protocol = plan.variant.protocol.task(&Shape::of(graph, t));
            TaskState {
                source: plan.job.source(t as TaskId),
                splits: &plan.job.splits[t],
                only_split: if let [only] = plan.job.splits[t][..] { Some(only) } else { None },
                pace: plan.paces[graph.tasks[t].operator].every,
                routes: &graph.routes[t],
                up: true,
                listens: protocol.listens(),
                attempt: 1,
                operator: plan.job.operator(t as TaskId).cloned(),
                protocol,
                each_offset: vec![0; plan.job.splits[t].len()],
                reads: 0,
                next: None,
                next_record: Record::default(),
                next_split: 0,
                taken: 0,
                position: plan.position(0),
                at_end: false,
                silent: false,
                due: Time(0),
                waiting: false,
                stalled: Time(0),
                ended: Bits::default(),
                closed: false,
                full: 0,
                open: Vec::new(),
                told: Time(0),
                asked: 0,
                deliveries: 0,
            }
        });
        debug_assert!(graph.channels.is_sorted_by_key(|c| c.edge), "[cutline bug] channels are in the order of edges");
        let mut engine = Engine {
            plan,
            faults: &plan.faults,
            net: Network::new(plan, agenda),
            steps: 0,
            most: plan.max_steps,
            delivered: 0,
            tasks: tasks.map(Kept::new).collect(),
            store: Store::new(graph.tasks.len()),
            spare: Spare::default(),
            coordinator: Kept::new(plan.coordinator()),
            planner: plan.planner(),
            client: plan.variant.client.as_ref().map(|make| make()),
            letters: Slots::default(),
            writes: Slots::default(),
            begun: Vec::new(),
            attempt: 1,
            failing: false,
            undecided: false,
            struck: Vec::new(),
            declined: Vec::new(),
            asked: 0,
            outcome: None,
            running: false,
            watched: false,
            pointed: false,
            plain: false,
            halfway: graph.channels.partition_point(|c| c.edge as usize * 2 < graph.edges.len()) as ChannelId,
        };
        debug_assert!(
            (0..)
                .zip(graph.channels.iter().zip(&engine.net.channels.queues))
                .all(|(c, (channel, queue))| graph.inputs[channel.to as usize][queue.input as usize] == c),
            "[cutline bug] a channel is not where its receiver has it"
        );
        engine.set_faults(&plan.faults);
        engine
    }

    /// Lets these things go wrong, instead of the plan's. Before the first step.
    pub fn set_faults(&mut self, faults: &'p Faults) {
        self.faults = faults;
        self.struck.clear();
        self.struck.resize(faults.crashes.len(), (0, 0));
        self.declined.clear();
        self.declined.resize(faults.declines.len(), 0);
        self.watched = faults.at_deliveries();
        self.pointed = faults.at_points();
        self.plain = !self.watched
            && self.plan.capacities.iter().all(|&c| c == u32::MAX)
            && self.plan.job.graph.channels.iter().all(|c| c.port == 0);
    }

    /// Becomes what `o` is, in the memory that it has. What its copies took is kept for the next ones.
    pub fn begin_again_from(&mut self, o: &Self) {
        for (t, task) in (0..).zip(&mut self.tasks) {
            task.open.drain(..).for_each(|(_, copy)| self.spare.keep(t, copy));
        }
        while let Some(epoch) = self.store.epochs().last() {
            self.store.delete(epoch, |t, part| self.spare.keep(t, part.content));
        }
        self.clone_from(o);
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }
    /// Virtual time.
    pub fn now(&self) -> Time {
        self.net.now
    }
    /// Records and barriers handed to tasks so far.
    pub fn deliveries(&self) -> u64 {
        self.delivered
    }
    /// How the run ended, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }
    /// For each operator of the graph, what the states of its tasks say of each key, by key.
    pub fn entries(&self, operator: usize) -> Vec<(u64, u64)> {
        let tasks = self.plan.job.graph.tasks_of(operator);
        let mut all = Vec::new();
        for state in tasks.filter_map(|t| self.tasks[t as usize].operator.as_ref()) {
            all.append(&mut state.entries());
        }
        all.sort(); // a few lists by key (see `AnyOperator::entries`): the stable sort merges them
        all
    }

    /// A digest of the state: what the future can depend on, and nothing else. Not in it: time, steps,
    /// attempts, running numbers.
    /// Only where nothing is timed: there, all that is in transit is in the channels.
    pub fn digest(&self, d: &mut Digester) {
        debug_assert!(!A::TIMED, "[cutline bug] what is in transit is in the agenda");
        for (i, t) in self.tasks.iter().enumerate() {
            d.kept(t, |t, d| self.digest_task(i, t, d));
            if t.up {
                self.digest_turns(i, |c| self.net.channels.starts[c as usize].sent as u64, d);
            }
        }
        for c in 0..self.net.channels.ends.len() as ChannelId {
            for m in self.net.channels.iter(c) {
                match m.what() {
                    What::Record => d.word(m.content().word()),
                    What::Barrier => {
                        d.word(1);
                        d.epoch(m.epoch());
                    }
                    What::Cancel => {
                        d.word(2);
                        d.epoch(m.epoch());
                    }
                    _ => d.word(3),
                }
            }
            d.word(4);
        }
        self.store.digest(d, |task, content, d| {
            content.digest(d);
            self.digest_turns(task as usize, |c| self.sent_by(task as usize, c, content), d);
        });
        self.store.completed.iter().for_each(|&e| d.epoch(e));
        for (epoch, acked) in &self.begun {
            d.epoch(*epoch);
            d.bits(acked);
        }
        d.kept(&self.coordinator, |c, d| c.digest(d));
        self.planner.digest(d);
        if let Some(l) = &self.net.link {
            l.digest(d);
        }
        if let Some(c) = &self.client {
            c.digest(d);
        }
        self.digest_control(d);
        self.struck.iter().for_each(|&(n, m)| d.word((n as u64) << 32 | m as u64));
        self.declined.iter().for_each(|&n| d.word(n as u64));
        d.word((self.failing as u64) << 1 | self.undecided as u64);
    }

    fn digest_task(&self, i: usize, t: &TaskState<'_>, d: &mut Digester) {
        let flags = t.up as u64 | (t.at_end as u64) << 1 | (t.silent as u64) << 2 | (t.closed as u64) << 3;
        d.word(flags | if t.up { (t.taken as u64) << 4 } else { 0 });
        if !t.up {
            return;
        }
        d.word(t.operator.as_ref().map_or(1, |o| o.state()));
        t.offsets().iter().for_each(|&o| d.word(o));
        if self.watched {
            d.word(t.deliveries);
        }
        if !self.declined.is_empty() {
            d.epoch(t.asked);
        }
        d.bits(&t.ended);
        t.protocol.digest(d);
        for (epoch, content) in &t.open {
            d.epoch(*epoch);
            content.digest(d);
            self.digest_turns(i, |c| self.sent_by(i, c, content), d);
        }
    }

    /// Whose turn it is on the edges of a task that deal their records out: the one thing that depends on how many
    /// records were ever sent.
    fn digest_turns(&self, t: usize, sent: impl Fn(ChannelId) -> u64, d: &mut Digester) {
        let dealt = |r: &&Route| r.partition == Partition::Rebalance && r.count > 1;
        for route in self.tasks[t].routes.iter().filter(dealt) {
            d.word(route.channels().map(&sent).sum::<u64>() % route.count as u64);
        }
    }

    /// How many records the task had sent on `c` when it took this copy.
    fn sent_by(&self, t: usize, c: ChannelId, content: &Content) -> u64 {
        let place = self.plan.job.graph.outputs[t].iter().position(|&o| o == c);
        place.and_then(|i| content.sent.get(i)).copied().unwrap_or(0)
    }

    /// Letters and writes on their way. Of an attempt it counts whether it is the present one.
    fn digest_control(&self, d: &mut Digester) {
        let alive = |t: TaskId, attempt| (attempt == self.tasks[t as usize].attempt) as u64;
        d.word((self.letters.iter().count() as u64) << 32 | self.writes.iter().count() as u64);
        for letter in self.letters.iter() {
            let (kind, word, epoch) = match *letter {
                Letter::Trigger { task, attempt, epoch } => (1, (task as u64) << 1 | alive(task, attempt), epoch),
                Letter::Abort { task, attempt, epoch } => (2, (task as u64) << 1 | alive(task, attempt), epoch),
                Letter::Completed { task, attempt, epoch } => (3, (task as u64) << 1 | alive(task, attempt), epoch),
                Letter::ToCoordinator(input) => self.coordinator_letter(input),
            };
            d.word(kind);
            d.word(word);
            d.epoch(epoch);
        }
        for (epoch, task) in self.writes.iter() {
            d.epoch(*epoch);
            d.word(task.map_or(0, |t| t as u64 + 1));
        }
    }

    /// Kind, content and epoch of what is on its way to the coordinator.
    fn coordinator_letter(&self, input: CoordinatorInput) -> (u64, u64, Epoch) {
        use CoordinatorInput::*;
        let of = |t: TaskId, attempt, flags: u64| (t as u64) << 3 | ((attempt == self.attempt) as u64) << 2 | flags;
        match input {
            Start => (4, 0, 0),
            Tick => (5, 0, 0),
            Rested => (6, 0, 0),
            Failed => (7, 0, 0),
            Passed { task, position } => (8, (task as u64) << 32 | position as u64, 0),
            SourceDone { task, attempt, ended } => (9, of(task, attempt, ended as u64), 0),
            Acknowledge { task, attempt, epoch, at_end, empty } => {
                (10, of(task, attempt, (at_end as u64) << 1 | empty as u64), epoch)
            }
            Decline { task, attempt, epoch } => (11, of(task, attempt, 0), epoch),
            Timeout { epoch } => (12, 0, epoch),
            Written { epoch } => (13, 0, epoch),
            Restarted { attempt } => (14, (attempt == self.attempt) as u64, 0),
        }
    }

    /// A copy of what the task contributes to a snapshot.
    pub(super) fn content(&mut self, t: TaskId) -> Rc<Content> {
        let (task, state) = (&self.tasks[t as usize], self.state_of(t));
        let outputs = &self.plan.job.graph.outputs[t as usize];
        self.spare.fill(t, |content| {
            copy_option(&mut content.operator, task.operator.as_ref());
            content.state = state;
            content.offsets.clear();
            content.offsets.extend_from_slice(task.offsets());
            (content.taken, content.at_end) = (task.taken, task.at_end);
            content.ended.clone_from(&task.ended);
            content.sent.clear();
            content.sent.extend(outputs.iter().map(|&c| self.net.channels.starts[c as usize].sent as u64));
            content.log.clear();
        })
    }

    /// The digest of a task's state; a source's is that of its offsets.
    pub(super) fn state_of(&self, t: TaskId) -> u64 {
        let task = &self.tasks[t as usize];
        match &task.operator {
            Some(o) => o.state(),
            None => source_state(task.offsets()),
        }
    }

    /// What a task begins with, as a copy.
    pub(super) fn first_content(&mut self, t: TaskId) -> Rc<Content> {
        let job = &self.plan.job;
        self.spare.fill(t, |content| {
            copy_option(&mut content.operator, job.operator(t));
            content.offsets.clear();
            content.offsets.resize(job.splits[t as usize].len(), 0);
            content.state = job.operator(t).map_or_else(|| source_state(&content.offsets), |o| o.state());
            (content.taken, content.at_end) = (0, false);
            content.ended.clear();
            content.sent.clear();
            content.sent.resize(job.graph.outputs[t as usize].len(), 0);
            content.log.clear();
        })
    }

    pub(super) fn part(&self, epoch: Epoch, t: TaskId) -> Option<Rc<Content>> {
        self.store.part(epoch, t).map(|p| Rc::clone(&p.content))
    }
}
