//! Sources: they read, trigger at positions, end or fall silent.

use super::state::{Engine, Event, What};
use super::step::Cx;
use crate::base::{TaskId, Time};
use crate::choice::Choices;
use crate::dataflow::{Out, Read, Source};
use crate::protocol::{CoordinatorInput, Input};
use crate::trace::{Fact, Observer};
use crate::world::Agenda;

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// Sets a source going, `pause` nanoseconds from now. (Nothing happens for other tasks.)
    pub(super) fn start_source<C: Choices, O: Observer>(&mut self, t: TaskId, pause: u64, cx: &mut Cx<'_, C, O>) {
        let plan = self.plan;
        if plan.job.source(t).is_none() {
            return;
        }
        let info = &plan.job.graph.tasks[t as usize];
        let pace = plan.paces[info.operator];
        let stagger = pace.every * info.index as u64 / plan.job.graph.operators[info.operator].parallelism as u64;
        let start = if pause == 0 { pace.start } else { pause };
        self.set_timer(t, self.now.after(start).after(pace.every).after(stagger));
        self.fall_silent(t, cx);
    }

    fn set_timer(&mut self, t: TaskId, at: Time) {
        self.tasks[t as usize].due = at;
        self.schedule(at, What::Source, t);
    }

    fn position_due(&self, t: TaskId) -> bool {
        let task = &self.tasks[t as usize];
        (self.plan.checkpoints.at.get(task.taken as usize)).is_some_and(|&r| task.reads >= r)
    }

    pub(super) fn source_can_move(&self, t: TaskId) -> bool {
        let task = &self.tasks[t as usize];
        let source = task.operator.is_none();
        let more = !task.at_end && (!task.silent || self.position_due(t));
        source && task.up && more && task.full == 0 && task.stalled == Time(0)
    }

    /// What the source reads next. (Sources are pure: what was seen once is remembered.)
    #[inline]
    fn peek(&mut self, t: TaskId) -> (u32, Read) {
        if let Some(seen) = self.tasks[t as usize].seen {
            return seen;
        }
        let seen = self.look(t);
        self.tasks[t as usize].seen = Some(seen);
        seen
    }

    /// Of the splits that have something, the one that was read least.
    #[inline]
    fn look(&self, t: TaskId) -> (u32, Read) {
        let plan = self.plan;
        let offsets = &self.tasks[t as usize].offsets;
        let Some(source) = plan.job.source(t) else { return (0, Read::End) };
        let splits = &plan.job.splits[t as usize];
        if let [split] = splits[..] {
            return (0, source.read(split, offsets[0]));
        }
        let mut best = (0, Read::End);
        for (i, &split) in splits.iter().enumerate() {
            match (source.read(split, offsets[i]), best.1) {
                (Read::Record(_), Read::Record(_)) if offsets[i] >= offsets[best.0 as usize] => {}
                (Read::Record(r), _) => best = (i as u32, Read::Record(r)),
                (Read::Silent, Read::End) => best = (i as u32, Read::Silent),
                _ => {}
            }
        }
        best
    }

    /// The source's timer went off.
    pub(super) fn source_step<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) -> bool {
        let task = &mut self.tasks[t as usize];
        if A::TIMED && (!task.up || task.due != self.now || task.at_end) {
            return false;
        }
        if task.full > 0 || task.stalled > Time(0) {
            task.waiting = true;
            return false;
        }
        if self.position_due(t) {
            let position = self.tasks[t as usize].taken;
            self.tasks[t as usize].taken += 1;
            self.coordinate(CoordinatorInput::Passed { task: t, position }, cx);
            self.read_inbox(cx);
            self.next_read(t, cx);
            return true;
        }
        let task = &self.tasks[t as usize];
        if task.silent {
            return false;
        }
        let attempt = task.attempt;
        match self.peek(t) {
            (i, Read::Record(record)) => {
                let split = self.plan.job.splits[t as usize][i as usize];
                let task = &mut self.tasks[t as usize];
                let offset = task.offsets[i as usize];
                task.offsets[i as usize] += 1;
                task.reads += 1;
                task.seen = None;
                cx.tell(Fact::Read { task: t, attempt, split, offset });
                self.emit(t, attempt, Out::ALL, record, cx);
                self.next_read(t, cx);
            }
            (_, Read::Silent) => {
                self.fall_silent(t, cx);
                return false;
            }
            (_, Read::End) => self.source_ends(t, cx),
        }
        true
    }

    fn source_ends<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let attempt = self.tasks[t as usize].attempt;
        self.tasks[t as usize].at_end = true;
        self.instruct(t, Input::End(None), cx);
        self.tell_coordinator(CoordinatorInput::SourceDone { task: t, attempt, ended: true }, cx);
    }

    /// Falling silent costs no step: it is noticed as soon as there is nothing more to read.
    fn fall_silent<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let attempt = self.tasks[t as usize].attempt;
        let done = self.tasks[t as usize].silent || self.position_due(t);
        if !done && self.peek(t).1 == Read::Silent {
            self.tasks[t as usize].silent = true;
            self.tell_coordinator(CoordinatorInput::SourceDone { task: t, attempt, ended: false }, cx);
        }
    }

    #[inline]
    fn next_read<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let pace = self.plan.paces[self.plan.job.graph.tasks[t as usize].operator].every;
        if !self.plan.checkpoints.at.is_empty() && self.position_due(t) {
            return self.set_timer(t, self.now);
        }
        self.set_timer(t, self.now.after(pace));
        self.fall_silent(t, cx);
    }

    /// Sets a source going again that found no room, or stalled.
    pub(super) fn wake_source(&mut self, t: TaskId) {
        let task = &mut self.tasks[t as usize];
        if std::mem::take(&mut task.waiting) {
            self.set_timer(t, self.now);
        }
    }
}
