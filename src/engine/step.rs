//! One step: the next event, and everything that belongs to it.

use super::event::{Event, What};
use super::state::{Engine, Letter};
use crate::base::{ChannelId, Symbols, TaskId, Time};
use crate::choice::Choices;
use crate::dataflow::Out;
use crate::protocol::{CoordinatorEffect, CoordinatorInput, Effect};
use crate::trace::{At, Fact, Observer, Outcome};
use crate::world::{Agenda, Target, When, flag};

/// Whether the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A step was made.
    Went,
    /// The run is over.
    Over(Outcome),
}

/// What an event came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handled {
    /// Nothing: it makes no step.
    Void,
    /// One task took or read a record: the run goes on, and nobody was written to.
    Calm,
    /// Anything.
    Done,
}

/// What came of an event.
pub(super) enum Came {
    Handled(Handled),
    /// A record that its receiver takes now.
    Record(Event),
}

/// What a step uses and is no state: choices, observer, scratch space.
pub struct Cx<'a, C, O> {
    /// Who decides.
    pub choices: &'a mut C,
    /// Who listens.
    pub observer: &'a mut O,
    pub(super) scratch: Scratch,
}

pub(super) struct Scratch {
    pub fx: Vec<Effect>,
    pub coordinator: Vec<CoordinatorEffect>,
    pub out: Out,
    pub inbox: Vec<Letter>,
    pub events: Vec<Event>,
    pub at: At,
}

impl<'a, C, O> Cx<'a, C, O> {
    /// A context for runs of a job with these symbols.
    pub fn new(symbols: &Symbols, choices: &'a mut C, observer: &'a mut O) -> Self {
        Cx { choices, observer, scratch: Scratch::new(symbols) }
    }
}

impl Scratch {
    fn new(symbols: &Symbols) -> Self {
        Scratch {
            fx: Vec::with_capacity(16),
            coordinator: Vec::with_capacity(16),
            out: Out::new(symbols.clone()),
            inbox: Vec::with_capacity(16),
            events: Vec::new(),
            at: At::default(),
        }
    }
}

/// A context's scratch space, to be used for one step or run after another with other choices and observers.
pub struct Workbench(Option<Scratch>);

impl Workbench {
    /// Scratch space for runs of a job with these symbols.
    pub fn new(symbols: &Symbols) -> Self {
        Workbench(Some(Scratch::new(symbols)))
    }

    /// One step of `engine`.
    pub fn step<'p, A: Agenda<Event>, C: Choices, O: Observer>(
        &mut self,
        engine: &mut Engine<'p, A>,
        choices: &mut C,
        observer: &mut O,
    ) -> Step {
        self.lend(engine, choices, observer, |engine, cx| engine.step(cx))
    }

    /// A run of `engine` up to its end.
    pub fn run<'p, A: Agenda<Event>, C: Choices, O: Observer>(
        &mut self,
        engine: &mut Engine<'p, A>,
        choices: &mut C,
        observer: &mut O,
    ) -> Outcome {
        // A run can be over in the middle of a step.
        if let Some(scratch) = &mut self.0 {
            scratch.fx.clear();
            scratch.coordinator.clear();
            scratch.out.sends.clear();
            scratch.inbox.clear();
        }
        self.lend(engine, choices, observer, |engine, cx| engine.run(cx))
    }

    #[inline(always)]
    fn lend<'p, A: Agenda<Event>, C, O, T>(
        &mut self,
        engine: &mut Engine<'p, A>,
        choices: &mut C,
        observer: &mut O,
        work: impl FnOnce(&mut Engine<'p, A>, &mut Cx<'_, C, O>) -> T,
    ) -> T {
        let scratch = self.0.take().unwrap_or_else(|| Scratch::new(&engine.plan.job.symbols));
        let mut cx = Cx { choices, observer, scratch };
        let came = work(engine, &mut cx);
        self.0 = Some(cx.scratch);
        came
    }
}

impl<C, O: Observer> Cx<'_, C, O> {
    #[inline(always)]
    pub(super) fn tell(&mut self, fact: Fact<'_>) {
        self.observer.see(self.scratch.at, fact);
    }

    /// [`tell`](Self::tell) where step and time are at hand: from memory, they would be copied each time.
    #[inline(always)]
    pub(super) fn tell_at(&mut self, at: At, fact: Fact<'_>) {
        debug_assert!(at == self.scratch.at, "[cutline bug] a fact of another step");
        self.observer.see(at, fact);
    }
}

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// Makes the next step.
    #[inline(always)]
    pub fn step<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) -> Step {
        self.steps_from_here::<true, C, O>(cx)
    }

    /// Makes one step (`ONE`), or all that are left.
    #[inline(always)]
    fn steps_from_here<const ONE: bool, C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) -> Step {
        if !self.running {
            if let Some(outcome) = self.outcome {
                return Step::Over(outcome);
            }
            self.start(cx);
        }
        loop {
            let step = self.steps + 1;
            if step > self.most {
                return self.finish_before_step(Outcome::Limit, cx);
            }
            let Some((time, event)) = self.next_event(cx) else {
                return self.finish_before_step(self.outcome_at_rest(), cx);
            };
            self.net.now = time;
            self.steps = step;
            let at = At { step, time };
            cx.scratch.at = at;
            match self.handle(at, event, cx) {
                Handled::Void => {
                    debug_assert!(A::TIMED, "[cutline bug] what is enabled comes to nothing");
                    self.steps -= 1; // it was none
                }
                Handled::Calm if !cx.observer.stop() => {
                    debug_assert!(
                        cx.scratch.inbox.is_empty() && self.outcome.is_none(),
                        "[cutline bug] calm, but not all"
                    );
                    if ONE {
                        return Step::Went;
                    }
                }
                _ => {
                    let step = self.end_of_step(cx);
                    if ONE || step != Step::Went {
                        return step;
                    }
                }
            }
        }
    }

    #[inline(never)]
    fn end_of_step<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) -> Step {
        self.read_inbox(cx);
        if cx.observer.stop() {
            return self.finish(Outcome::Violated, cx);
        }
        match self.outcome {
            Some(outcome) => self.finish(outcome, cx),
            None => Step::Went,
        }
    }

    /// The run up to its end.
    pub fn run<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) -> Outcome {
        // Once round: only a single step can say that it went.
        loop {
            if let Step::Over(outcome) = self.steps_from_here::<false, C, O>(cx) {
                return outcome;
            }
        }
    }

    #[inline(always)]
    fn next_event<C: Choices, O>(&mut self, cx: &mut Cx<'_, C, O>) -> Option<(Time, Event)> {
        if A::TIMED {
            return self.net.agenda.next(self.net.now, &mut cx.scratch.events, |_| {}, cx.choices);
        }
        let mut agenda = self.net.agenda.clone();
        agenda.next(self.net.now, &mut cx.scratch.events, |list| self.enabled(list), cx.choices)
    }

    /// The step that would come next does not come.
    #[cold]
    fn finish_before_step<C, O: Observer>(&mut self, outcome: Outcome, cx: &mut Cx<'_, C, O>) -> Step {
        cx.scratch.at.step = self.steps + 1;
        self.finish(outcome, cx)
    }

    #[cold]
    fn finish<C, O: Observer>(&mut self, outcome: Outcome, cx: &mut Cx<'_, C, O>) -> Step {
        self.outcome = Some(outcome);
        self.running = false;
        let waits = if outcome == Outcome::Deadlock { self.waits() } else { Vec::new() };
        cx.tell(Fact::End { outcome, waits: &waits });
        Step::Over(outcome)
    }

    /// (A record is taken here alone, however it came: small runs miss the instruction cache, and would miss it more.)
    #[inline(always)]
    fn handle<C: Choices, O: Observer>(&mut self, at: At, event: Event, cx: &mut Cx<'_, C, O>) -> Handled {
        let (to, record) = match self.free_way(event) {
            Some(to) => (to, event),
            None if event.what() == What::Source => return self.source_step(at, event.index(), cx),
            None => {
                let (key, value, rest) = event.words();
                match self.handle_rare(key, value, rest, cx) {
                    Came::Record(record) => (self.net.channels.ends[record.index() as usize].to(), record),
                    Came::Handled(handled) => return handled,
                }
            }
        };
        self.take(at, to, record, cx)
    }

    /// (Calls nothing but at its end, so that nothing has to be saved for what arrives.)
    #[inline(never)]
    fn handle_rare<C: Choices, O: Observer>(&mut self, key: u64, value: u64, rest: u64, cx: &mut Cx<'_, C, O>) -> Came {
        let event = Event::of_words((key, value, rest));
        if !event.in_transit() {
            return self.happens(event.what(), event.index(), cx);
        }
        let end = self.net.channels.ends[event.index() as usize];
        if event.what() == What::Waiting || end.is_flagged() {
            return self.take_in_turn(key, value, rest, cx);
        }
        // Nothing is in its way: a record would have been taken.
        debug_assert!(!event.is_record(), "[cutline bug] a record is taken for a marker");
        self.take_control(event.index(), event.what(), event.epoch(), cx)
    }

    #[inline(never)]
    fn happens<C: Choices, O: Observer>(&mut self, what: What, i: u32, cx: &mut Cx<'_, C, O>) -> Came {
        let done = match what {
            What::Letter => self.letter_arrives(i, cx),
            What::Durable => self.write_ends(i, cx),
            What::Recover => self.recover(cx),
            What::Crash => self.scheduled_crash(i as usize, cx),
            What::Stall => self.stall(i as usize),
            What::Resume => self.resume(i),
            // handled before
            What::Record | What::Barrier | What::Cancel | What::End | What::Waiting | What::Source => false,
        };
        Came::Handled(if done { Handled::Done } else { Handled::Void })
    }

    #[inline]
    pub(super) fn schedule(&mut self, at: Time, what: What, index: u32) {
        if A::TIMED {
            self.net.agenda.schedule(at, Event::new(what, index));
        }
    }

    #[cold]
    fn start<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) {
        self.running = true;
        cx.scratch.at = At::default();
        for t in 0..self.tasks.len() as TaskId {
            self.start_source(t, 0, cx);
        }
        for (i, crash) in self.faults.crashes.iter().enumerate() {
            if let When::At(at) = crash.when {
                self.schedule(at, What::Crash, i as u32);
            }
        }
        for (i, s) in self.faults.stalls.iter().enumerate() {
            self.schedule(s.at, What::Stall, i as u32);
        }
        self.tell_coordinator(CoordinatorInput::Start, cx);
        self.read_inbox(cx);
    }

    fn stall(&mut self, i: usize) -> bool {
        let s = self.faults.stalls[i];
        let task = &mut self.tasks[s.task as usize];
        if !task.up {
            return false;
        }
        task.stalled = self.net.now.after(s.ns);
        let until = task.stalled;
        self.set_flags(s.task, flag::STALLED, true);
        self.schedule(until, What::Resume, s.task);
        true
    }

    fn resume(&mut self, t: TaskId) -> bool {
        let task = &mut *self.tasks[t as usize];
        if task.stalled > self.net.now || task.stalled == Time(0) {
            return false;
        }
        task.stalled = Time(0);
        self.set_flags(t, flag::STALLED, false);
        self.wake_source(t);
        true
    }

    /// Sets or clears a flag on all inputs of a task; what was held is scheduled again.
    pub(super) fn set_flags(&mut self, t: TaskId, flag: u8, on: bool) {
        let plan = self.plan;
        for &c in &plan.job.graph.inputs[t as usize] {
            self.set_flag(c, flag, on);
        }
    }

    #[inline(always)]
    pub(super) fn set_flag(&mut self, c: ChannelId, flag: u8, on: bool) {
        self.net.channels.ends[c as usize].set(flag, on);
        if A::TIMED && !on && self.net.channels.queues[c as usize].held > 0 {
            self.schedule_held(c);
        }
    }

    #[inline(never)]
    fn schedule_held(&mut self, c: ChannelId) {
        let held = std::mem::take(&mut self.net.channels.queues[c as usize].held);
        self.net.agenda.schedule(self.net.now, Event::waiting(c, held));
    }

    /// Everything that can happen now, in canonical order; faults last.
    pub(super) fn enabled(&self, list: &mut Vec<Event>) {
        for t in 0..self.tasks.len() as TaskId {
            if self.source_can_move(t) {
                list.push(Event::new(What::Source, t));
            }
        }
        for c in 0..self.net.channels.ends.len() as ChannelId {
            if self.can_deliver(c) {
                list.push(Event::waiting(c, 1));
            }
        }
        list.extend(self.letters.used().map(|i| Event::new(What::Letter, i)));
        list.extend(self.writes.used().map(|i| Event::new(What::Durable, i)));
        if self.can_recover() {
            list.push(Event::new(What::Recover, 0));
        }
        for (i, crash) in self.faults.crashes.iter().enumerate() {
            let up = |t: TaskId| self.tasks[t as usize].up;
            let can = match crash.target {
                Target::Task(t) => up(t),
                Target::Node(n) => (0..).zip(&self.plan.nodes).any(|(t, &m)| m == n && up(t)),
                Target::Any => false,
            };
            if crash.when == When::Anytime && can && self.struck[i].0 == 0 {
                list.push(Event::new(What::Crash, i as u32));
            }
        }
    }

    /// Whether nothing but a fault can happen any more: without one, the run is over here.
    /// Only where nothing is timed: there, all that is in transit is in the channels.
    pub fn at_rest(&self) -> bool {
        debug_assert!(!A::TIMED, "[cutline bug] what is in transit is in the agenda");
        !((0..self.tasks.len() as TaskId).any(|t| self.source_can_move(t))
            || (0..self.net.channels.ends.len() as ChannelId).any(|c| self.can_deliver(c))
            || self.letters.iter().next().is_some()
            || self.writes.iter().next().is_some()
            || self.can_recover())
    }

    /// Ends the run here, as it ends if nothing more happens.
    /// Only where nothing is timed: there, all that is in transit is in the channels.
    pub fn end_here(&mut self, observer: &mut impl Observer) {
        debug_assert!(!A::TIMED, "[cutline bug] what is in transit is in the agenda");
        let outcome = self.outcome.unwrap_or_else(|| self.outcome_at_rest());
        let mut choices = ();
        let mut cx = Cx::new(&self.plan.job.symbols, &mut choices, observer);
        cx.scratch.at = At { step: self.steps, time: self.net.now };
        self.finish(outcome, &mut cx);
    }
}
