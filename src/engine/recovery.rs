//! Recovery: the plan is asked for, and everything restarts.

use super::event::Event;
use super::plan::Access;
use super::state::Engine;
use super::step::Cx;
use super::task::Content;
use crate::base::{ChannelId, Epoch, TaskId, Time, copy_option};
use crate::choice::Choices;
use crate::protocol::{CoordinatorInput, Held, Input, PlanEffect, PlanInput};
use crate::trace::{Fact, Observer};
use crate::world::{Agenda, Point};
use std::rc::Rc;

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// A failure was detected: everything restarts from where the planner says.
    #[inline(never)]
    pub(super) fn recover<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) -> bool {
        if !self.failing {
            return false;
        }
        if self.deciding() {
            self.undecided = true; // recovery waits for the outcome of the write
            return false;
        }
        self.failing = false;
        // The store as the failure finds it: aborting what is pending deletes parts.
        let held = self.store.epochs().map(|epoch| Held { epoch, complete: self.store.completed.contains(&epoch) });
        let held = held.collect();
        self.coordinate(CoordinatorInput::Failed, cx);
        self.sweep(cx);
        let mut plan = Vec::new();
        self.planner.handle(PlanInput::Failure(held), &mut plan);
        let Some(&PlanEffect::Restart(epoch)) = plan.first() else {
            let why = "the planner gave no plan";
            cx.tell(Fact::Misused { task: None, attempt: 0, epoch: 0, effect: "restart", why });
            return true;
        };
        self.restart(epoch, cx);
        true
    }

    /// Whether the metadata of a checkpoint are being written.
    fn deciding(&self) -> bool {
        self.writes.iter().any(|(_, task)| task.is_none())
    }

    /// Whether a restart can come next.
    pub(super) fn can_recover(&self) -> bool {
        self.failing && !self.undecided && !self.deciding()
    }

    fn restart<C: Choices, O: Observer>(&mut self, epoch: Epoch, cx: &mut Cx<'_, C, O>) {
        self.attempt += 1;
        let all: Vec<TaskId> = (0..self.tasks.len() as TaskId).collect();
        cx.tell(Fact::Restarting { attempt: self.attempt, epoch, tasks: &all });
        self.discard_in_transit(cx);
        cx.scratch.inbox.clear(); // what was said to or by dead attempts
        let contents: Vec<Rc<Content>> = all.iter().map(|&t| self.read_part(t, epoch)).collect();
        for (&t, content) in all.iter().zip(&contents) {
            self.put_back(t, epoch, content);
        }
        for (&t, content) in all.iter().zip(&contents) {
            let attempt = self.attempt;
            cx.tell(Fact::Restored { task: t, attempt, epoch, state: self.state_of(t) });
            if self.cut(Point::Restore, t, cx) {
                continue;
            }
            self.replay(t, content, cx);
        }
        // What was made for this alone.
        all.iter().zip(contents).for_each(|(&t, content)| self.spare.keep(t, content));
        self.coordinate(CoordinatorInput::Restarted { attempt: self.attempt }, cx);
        for &t in &all {
            if self.tasks[t as usize].up {
                self.start_again(t, cx);
            }
        }
    }

    /// The part of a task; where there is none, what it begins with.
    fn read_part(&mut self, task: TaskId, epoch: Epoch) -> Rc<Content> {
        let read = |content| Access::Read { task, epoch, content };
        let part = self.part(epoch, task).and_then(|part| self.on_its_way(task, part, read));
        part.unwrap_or_else(|| self.first_content(task))
    }

    /// Records that a dead attempt sent, and nobody has processed, are refused.
    fn discard_in_transit<C, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) {
        // What waits in a channel was sent before what still travels it.
        for m in self.net.agenda.withdraw(|e| e.in_transit()) {
            self.net.channels.push(m.index(), m);
        }
        for c in 0..self.net.channels.ends.len() as ChannelId {
            let from = self.net.channels.rest[c as usize].from;
            let attempt = self.tasks[from as usize].attempt;
            for m in self.net.channels.iter(c).filter(|m| m.is_record()) {
                let task = self.net.channels.ends[c as usize].to();
                cx.tell(Fact::Discarded { task, attempt, channel: c, seq: m.seq(), reason: "attempt" });
            }
            self.net.channels.clear(c);
        }
    }

    /// The state of a task is what it was in the copy.
    fn put_back(&mut self, t: TaskId, epoch: Epoch, content: &Content) {
        let mut plan = Vec::new();
        let splits = self.plan.job.splits[t as usize].iter().zip(&content.offsets);
        for (&split, &offset) in splits {
            self.planner.handle(PlanInput::Offset { task: t, split, offset }, &mut plan);
        }
        let task = &mut *self.tasks[t as usize];
        copy_option(&mut task.operator, content.operator.as_ref());
        task.each_offset.clone_from(&content.offsets);
        for effect in plan {
            if let PlanEffect::Rewind { split, offset, .. } = effect
                && let Some(i) = self.plan.job.splits[t as usize].iter().position(|&s| s == split)
            {
                task.each_offset[i] = offset;
            }
        }
        (task.up, task.attempt) = (true, self.attempt);
        debug_assert_eq!(task.each_offset.len(), task.splits.len(), "a part that is another task's");
        task.reads = task.each_offset.iter().sum();
        task.next = None;
        (task.taken, task.at_end, task.silent) = (content.taken, content.at_end, false);
        task.position = self.plan.position(task.taken);
        (task.stalled, task.waiting, task.closed, task.full) = (Time(0), false, false, 0);
        task.ended.clone_from(&content.ended);
        task.open.drain(..).for_each(|(_, copy)| self.spare.keep(t, copy));
        for (&c, &sent) in self.plan.job.graph.outputs[t as usize].iter().zip(&content.sent) {
            self.net.channels.starts[c as usize].sent = sent as u32;
        }
        let input = Input::Restored { epoch, ended: content.ended.clone(), at_end: content.at_end };
        let mut fx = Vec::new();
        task.tell_protocol(input, &mut fx);
        debug_assert!(fx.is_empty(), "[cutline bug] a restore asks for nothing");
    }

    /// The log, in its order, before any input.
    fn replay<C: Choices, O: Observer>(&mut self, t: TaskId, content: &Content, cx: &mut Cx<'_, C, O>) {
        let attempt = self.attempt;
        for l in &content.log {
            cx.tell(Fact::Replayed { task: t, attempt, channel: l.channel, seq: l.seq, record: l.record });
            self.compute(t, l.channel, l.record, cx);
            if self.cut(Point::Replay, t, cx) {
                return;
            }
        }
        // On a back-edge the sequence goes on where the log ends: its sender's count is part of its copy.
        self.instruct(t, Input::Resumed, cx);
    }

    fn start_again<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        if self.tasks[t as usize].at_end {
            let attempt = self.attempt;
            self.tell_coordinator(CoordinatorInput::SourceDone { task: t, attempt, ended: true }, cx);
        } else {
            self.start_source(t, self.plan.restart.max(1), cx);
        }
    }
}
