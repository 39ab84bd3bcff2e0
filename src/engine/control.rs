//! The control plane: letters between coordinator and tasks, and what the coordinator asks for.

use super::event::{Event, What};
use super::state::{Engine, Letter};
use super::step::Cx;
use crate::base::{Attempt, Bits, Epoch, TaskId};
use crate::choice::Choices;
use crate::graph::Role;
use crate::protocol::{CoordinatorEffect as Fx, CoordinatorInput, Input, To};
use crate::trace::{Fact, Observer, Outcome};
use crate::world::Agenda;

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// A message to the coordinator.
    #[inline(always)]
    pub(super) fn tell_coordinator<C: Choices, O: Observer>(&mut self, input: CoordinatorInput, cx: &mut Cx<'_, C, O>) {
        self.post(|| Letter::ToCoordinator(input), cx);
    }

    /// Carries out what takes no time, in order, until nothing is left.
    #[inline(always)]
    pub(super) fn read_inbox<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) {
        if !cx.scratch.inbox.is_empty() {
            self.read_all(cx);
        }
    }

    #[inline(never)]
    fn read_all<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) {
        let mut read = 0;
        while let Some(&letter) = cx.scratch.inbox.get(read) {
            read += 1;
            self.open_letter(letter, cx);
        }
        debug_assert!(read == cx.scratch.inbox.len(), "[cutline bug] the inbox was emptied while it was read");
        cx.scratch.inbox.clear();
    }

    pub(super) fn letter_arrives<C: Choices, O: Observer>(&mut self, slot: u32, cx: &mut Cx<'_, C, O>) -> bool {
        // By way of the inbox, so that letters are opened in one place.
        debug_assert!(cx.scratch.inbox.is_empty(), "[cutline bug] a step left a letter unread");
        let letter = self.letters.take(slot, A::TIMED);
        cx.scratch.inbox.extend(letter);
        self.read_inbox(cx);
        letter.is_some()
    }

    #[inline(always)]
    fn open_letter<C: Choices, O: Observer>(&mut self, letter: Letter, cx: &mut Cx<'_, C, O>) {
        let here = |e: &Self, t: TaskId, attempt| e.tasks[t as usize].up && e.tasks[t as usize].attempt == attempt;
        match letter {
            Letter::ToCoordinator(input) => self.coordinate(input, cx),
            Letter::Trigger { task, attempt, epoch } if here(self, task, attempt) => {
                if self.tasks[task as usize].operator.is_none() {
                    cx.tell(Fact::BarrierReceived { task, attempt, channel: None, epoch });
                    self.consider_decline(task, epoch, cx);
                }
                self.instruct(task, Input::Trigger(epoch), cx);
            }
            Letter::Abort { task, attempt, epoch } if here(self, task, attempt) => {
                cx.tell(Fact::Notified { task, attempt, epoch, complete: false });
                self.instruct(task, Input::Abort(epoch), cx);
            }
            Letter::Completed { task, attempt, epoch } if here(self, task, attempt) => {
                cx.tell(Fact::Notified { task, attempt, epoch, complete: true });
                self.instruct(task, Input::Completed(epoch), cx);
            }
            _ => {} // to a task that is dead, or was
        }
    }

    /// Hands the coordinator an input, and carries out what it asks for.
    pub(super) fn coordinate<C: Choices, O: Observer>(&mut self, input: CoordinatorInput, cx: &mut Cx<'_, C, O>) {
        if let CoordinatorInput::Acknowledge { task, epoch, attempt, .. } = input {
            match self.begun.iter_mut().find(|(e, _)| *e == epoch) {
                Some((_, acked)) if attempt == self.tasks[task as usize].attempt => _ = acked.insert(task),
                Some(_) => {}
                None => self.refuse_late_part(task, epoch, cx),
            }
        }
        cx.scratch.coordinator.clear(); // of a step that a panic cut short
        self.coordinator.handle(input, &mut cx.scratch.coordinator);
        // (A write that takes no time adds to the list.)
        let mut i = 0;
        while let Some(&effect) = cx.scratch.coordinator.get(i) {
            self.decide(effect, cx);
            i += 1;
        }
        cx.scratch.coordinator.clear();
    }

    #[inline(always)]
    fn decide<C: Choices, O: Observer>(&mut self, effect: Fx, cx: &mut Cx<'_, C, O>) {
        match effect {
            Fx::Begin { epoch } => {
                self.begun.push((epoch, Bits::default()));
                cx.tell(Fact::Triggered { epoch });
            }
            Fx::Trigger { epoch, to } => self.trigger(epoch, to, cx),
            Fx::TickAfter(ns) => self.wake_coordinator(CoordinatorInput::Tick, ns),
            Fx::RestFor(ns) => self.wake_coordinator(CoordinatorInput::Rested, ns),
            Fx::TimeoutAfter { epoch, ns } => self.wake_coordinator(CoordinatorInput::Timeout { epoch }, ns),
            Fx::Write { epoch } => {
                self.cut_before_decision(cx);
                if self.write_metadata(epoch, cx) {
                    self.coordinator.handle(CoordinatorInput::Written { epoch }, &mut cx.scratch.coordinator);
                }
            }
            Fx::Complete { epoch } => self.complete(epoch, cx),
            Fx::Abort { epoch, reason, tell } => {
                self.begun.retain(|(e, _)| *e != epoch);
                cx.tell(Fact::Aborted { epoch, reason });
                self.delete_parts(epoch, cx);
                if tell {
                    self.tell_all(cx, |task, attempt| Letter::Abort { task, attempt, epoch });
                }
            }
            Fx::Release { epoch } => {
                self.store.completed.retain(|&e| e != epoch);
                self.delete_parts(epoch, cx);
            }
            Fx::Finish { .. } => self.outcome = Some(Outcome::Finished),
        }
    }

    fn trigger<C: Choices, O: Observer>(&mut self, epoch: Epoch, to: To, cx: &mut Cx<'_, C, O>) {
        if let To::Task(task) = to {
            // By position: the source is there now, and takes it before anything else.
            if let Some(attempt) = self.tasks.get(task as usize).map(|t| t.attempt) {
                cx.scratch.inbox.push(Letter::Trigger { task, attempt, epoch });
            }
            return;
        }
        for task in 0..self.tasks.len() as TaskId {
            if to == To::All || self.plan.job.graph.tasks[task as usize].role != Role::Source {
                let attempt = self.tasks[task as usize].attempt;
                self.post(|| Letter::Trigger { task, attempt, epoch }, cx);
            }
        }
    }

    fn tell_all<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>, letter: impl Fn(TaskId, Attempt) -> Letter) {
        for task in 0..self.tasks.len() as TaskId {
            let attempt = self.tasks[task as usize].attempt;
            self.post(|| letter(task, attempt), cx);
        }
    }

    /// The decision is durable.
    fn complete<C: Choices, O: Observer>(&mut self, epoch: Epoch, cx: &mut Cx<'_, C, O>) {
        self.begun.retain(|(e, _)| *e != epoch);
        self.store.completed.push(epoch);
        self.store.completed.sort_unstable();
        cx.tell(Fact::Completed { epoch });
        self.tell_all(cx, |task, attempt| Letter::Completed { task, attempt, epoch });
        if std::mem::take(&mut self.undecided) {
            self.schedule(self.net.now, What::Recover, 0);
        }
    }

    fn delete_parts<C, O: Observer>(&mut self, epoch: Epoch, cx: &mut Cx<'_, C, O>) {
        let first = self.handle_of(epoch, 0);
        self.store.delete(epoch, |task, part| {
            if part.durable {
                let handle = first + task as u64;
                cx.tell(Fact::Deleted { task, attempt: part.attempt, epoch, handle });
            }
            self.spare.keep(task, part.content);
        });
    }

    /// An acknowledgement that comes when its checkpoint is not pending any more leads to the deletion of the part that it
    /// tells of, unless that completed.
    fn refuse_late_part<C, O: Observer>(&mut self, task: TaskId, epoch: Epoch, cx: &mut Cx<'_, C, O>) {
        if self.store.completed.contains(&epoch) {
            return;
        }
        if let Some(part) = self.store.forget(epoch, task).filter(|p| p.durable) {
            let handle = self.handle_of(epoch, task);
            cx.tell(Fact::Deleted { task, attempt: part.attempt, epoch, handle });
        }
    }

    /// Parts that nothing refers to are swept when everything restarts: their writers are dead.
    pub(super) fn sweep<C, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) {
        let epochs: Vec<Epoch> = self.store.epochs().filter(|e| !self.store.completed.contains(e)).collect();
        epochs.into_iter().for_each(|e| self.delete_parts(e, cx));
    }

    /// Input for the coordinator, later.
    fn wake_coordinator(&mut self, input: CoordinatorInput, ns: u64) {
        let slot = self.letters.put(Letter::ToCoordinator(input));
        self.schedule(self.net.now.after(ns), What::Letter, slot);
    }
}
