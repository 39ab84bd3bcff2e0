//! Sources: they read, trigger at positions, end or fall silent.

use super::event::{Event, What};
use super::state::Engine;
use super::step::{Cx, Handled};
use super::task::{Ahead, TaskState};
use crate::base::{TaskId, Time};
use crate::choice::Choices;
use crate::dataflow::{AnySource, Out, Read, Source};
use crate::protocol::{CoordinatorInput, Input};
use crate::trace::{At, Fact, Observer};
use crate::world::Agenda;
use std::hint::cold_path;

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// Sets a source going, `pause` nanoseconds from now. (Nothing happens for other tasks.)
    pub(super) fn start_source<C: Choices, O: Observer>(&mut self, t: TaskId, pause: u64, cx: &mut Cx<'_, C, O>) {
        let plan = self.plan;
        if self.tasks[t as usize].source.is_none() {
            return;
        }
        let info = &plan.job.graph.tasks[t as usize];
        let pace = plan.paces[info.operator];
        let stagger = pace.every * info.index as u64 / plan.job.graph.operators[info.operator].parallelism as u64;
        let start = if pause == 0 { pace.start } else { pause };
        self.set_timer(t, self.net.now.after(start).after(pace.every).after(stagger));
        self.fall_silent(t, cx);
    }

    #[inline(always)]
    fn set_timer(&mut self, t: TaskId, at: Time) {
        self.tasks[t as usize].due = at;
        self.schedule(at, What::Source, t);
    }

    pub(super) fn source_can_move(&self, t: TaskId) -> bool {
        let task = &self.tasks[t as usize];
        let more = !task.at_end && (!task.silent || task.position_due());
        task.source.is_some() && task.up && more && task.full == 0 && task.stalled == Time(0)
    }

    /// The source's timer went off.
    #[inline(always)]
    pub(super) fn source_step<C: Choices, O: Observer>(&mut self, at: At, t: TaskId, cx: &mut Cx<'_, C, O>) -> Handled {
        let task = &mut *self.tasks[t as usize];
        if A::TIMED && (!task.up || task.due != self.net.now || task.at_end) {
            return Handled::Void;
        }
        if task.full > 0 || task.stalled > Time(0) {
            task.waiting = true;
            return Handled::Void;
        }
        if task.position_due() {
            self.pass_position(t, cx);
            return Handled::Done;
        }
        if task.silent {
            return Handled::Void;
        }
        // (Mostly it is known: one question.)
        if task.next != Some(Ahead::Record) {
            cold_path();
            if task.peek() != Ahead::Record {
                return self.reads_nothing(t, cx);
            }
        }
        let record = task.next_record;
        let (split, offset) = task.advance();
        let (attempt, routes) = (task.attempt, task.routes);
        let next = task.look();
        let calm = next != Ahead::Silent && !task.position_due();
        let due = self.net.now.after(task.pace);
        if calm {
            task.due = due;
        }
        cx.tell_at(at, Fact::Read { task: t, attempt, split, offset });
        self.net.emit(at, (t, attempt), routes, Out::ALL, record, cx);
        self.note_filled();
        if calm {
            if A::TIMED {
                self.net.agenda.schedule(due, Event::new(What::Source, t));
            }
            return Handled::Calm;
        }
        cold_path();
        self.next_read(t, cx);
        Handled::Done
    }

    /// There is no record to read. (Out of line: it comes once in a source's life, or never.)
    #[inline(never)]
    fn reads_nothing<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) -> Handled {
        if self.tasks[t as usize].peek() == Ahead::End {
            self.source_ends(t, cx);
            return Handled::Done;
        }
        self.fall_silent(t, cx);
        Handled::Void
    }

    #[inline(never)]
    fn pass_position<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let task = &mut *self.tasks[t as usize];
        let position = task.taken;
        task.taken += 1;
        task.position = self.plan.position(task.taken);
        self.coordinate(CoordinatorInput::Passed { task: t, position }, cx);
        self.read_inbox(cx);
        self.next_read(t, cx);
    }

    fn source_ends<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let attempt = self.tasks[t as usize].attempt;
        self.tasks[t as usize].at_end = true;
        self.instruct(t, Input::End(None), cx);
        self.tell_coordinator(CoordinatorInput::SourceDone { task: t, attempt, ended: true }, cx);
    }

    /// Falling silent costs no step: it is noticed as soon as there is nothing more to read.
    fn fall_silent<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let task = &mut *self.tasks[t as usize];
        if task.peek() == Ahead::Silent && !task.silent && !task.position_due() {
            task.silent = true;
            let done = CoordinatorInput::SourceDone { task: t, attempt: task.attempt, ended: false };
            self.tell_coordinator(done, cx);
        }
    }

    /// What comes after a read, or a position.
    #[inline(never)]
    fn next_read<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let task = &self.tasks[t as usize];
        if task.position_due() {
            return self.set_timer(t, self.net.now);
        }
        let at = self.net.now.after(task.pace);
        self.set_timer(t, at);
        self.fall_silent(t, cx);
    }

    /// Sets a source going again that found no room, or stalled.
    pub(super) fn wake_source(&mut self, t: TaskId) {
        let task = &mut *self.tasks[t as usize];
        if std::mem::take(&mut task.waiting) {
            self.set_timer(t, self.net.now);
        }
    }
}

impl TaskState<'_> {
    /// Whether the source has come to a position at which it triggers.
    #[inline(always)]
    fn position_due(&self) -> bool {
        self.reads >= self.position
    }

    /// What the source reads next. (Out of line: it looks ahead with each read, so that only its first look comes here.)
    #[inline(never)]
    fn peek(&mut self) -> Ahead {
        match self.next {
            Some(next) => next,
            None => self.look(),
        }
    }

    /// Of the splits that have something, the one that was read least.
    #[inline(always)]
    fn look(&mut self) -> Ahead {
        let read = match (self.source, self.only_split) {
            (Some(source), Some(split)) => source.read(split, self.reads),
            (Some(source), None) => {
                cold_path();
                self.look_around(source)
            }
            (None, _) => {
                cold_path();
                Read::End
            }
        };
        let next = match read {
            Read::Record(r) => {
                (self.next_record.key, self.next_record.value) = (r.key, r.value);
                Ahead::Record
            }
            Read::Silent => Ahead::Silent,
            Read::End => Ahead::End,
        };
        self.next = Some(next);
        next
    }

    #[inline(never)]
    fn look_around(&mut self, source: &AnySource) -> Read {
        let mut best = (0, Read::End);
        for (i, &split) in self.splits.iter().enumerate() {
            match (source.read(split, self.each_offset[i]), best.1) {
                (Read::Record(_), Read::Record(_)) if self.each_offset[i] >= self.each_offset[best.0] => {}
                (Read::Record(r), _) => best = (i, Read::Record(r)),
                (Read::Silent, Read::End) => best = (i, Read::Silent),
                _ => {}
            }
        }
        self.next_split = best.0 as u32;
        best.1
    }

    /// The record was taken: its split and offset.
    #[inline(always)]
    fn advance(&mut self) -> (u32, u64) {
        self.next = None;
        self.reads += 1;
        if let Some(split) = self.only_split {
            return (split, self.reads - 1);
        }
        cold_path();
        let i = self.next_split as usize;
        self.each_offset[i] += 1;
        (self.splits[i], self.each_offset[i] - 1)
    }
}
