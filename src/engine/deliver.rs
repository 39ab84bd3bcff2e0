//! Messages arrive, records are processed and sent.

use super::event::{Event, Message, What};
use super::network::Network;
use super::state::Engine;
use super::step::{Came, Cx, Handled};
use super::task::TaskState;
use crate::base::{ChannelId, Epoch, Record, TaskId};
use crate::choice::Choices;
use crate::dataflow::{AnyOperator, Given, Out};
use crate::protocol::{Effect, Input};
use crate::trace::{At, Fact, Observer};
use crate::world::{Agenda, Point, flag};
use std::hint::cold_path;
use std::rc::Rc;

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// A message that has travelled its channel and may have to wait there, or some that have waited: the first of the
    /// channel is taken, if nothing is in its way. If it is a record, it is handed back for that.
    #[inline(never)]
    pub(super) fn take_in_turn<C: Choices, O: Observer>(
        &mut self,
        key: u64,
        value: u64,
        rest: u64,
        cx: &mut Cx<'_, C, O>,
    ) -> Came {
        let m = Event::of_words((key, value, rest));
        let c = m.index();
        let count = if m.what() == What::Waiting {
            m.count()
        } else {
            self.net.channels.push(c, m);
            1
        };
        match self.take_waiting(c, count) {
            None => Came::Handled(Handled::Void),
            Some(m) if m.is_record() => Came::Record(m),
            Some(m) => self.take_control(c, m.what(), m.epoch(), cx),
        }
    }

    /// Of what waits in the channel, `count` messages may be taken, one a step and one after the other: the first, if
    /// nothing is in the way. (Held messages can be many, and room for one at a time: they are one event.)
    fn take_waiting(&mut self, c: ChannelId, count: u32) -> Option<Event> {
        if self.blocked(c) {
            self.net.channels.queues[c as usize].held += count;
            return None;
        }
        if count > 1 {
            self.net.agenda.first(self.net.now, Event::waiting(c, count - 1));
        }
        let first = self.net.channels.pop(c);
        debug_assert!(first.is_some(), "[cutline bug] nothing waits in the channel");
        first
    }

    /// The receiver, if this is a record, and nothing is in its way.
    #[inline(always)]
    pub(super) fn free_way(&self, m: Event) -> Option<TaskId> {
        if !m.is_record() {
            return None;
        }
        let c = m.index();
        // Who takes it is anybody's guess. Asked here, where nothing has to come from the channel or the task, a
        // misprediction is seen soon and costs little; and what is asked later of the same is predicted right. (Both ways
        // lead to the next instruction: what counts is that the branch predictor's history has the answer. `black_box`
        // keeps the compiler from dropping the question; if it did, only speed would be lost.)
        if c >= self.halfway {
            std::hint::black_box(());
        }
        let end = self.net.channels.ends[c as usize];
        if end.is_flagged() {
            cold_path();
            return None;
        }
        Some(end.to())
    }

    /// The receiver takes a record.
    #[inline(always)]
    pub(super) fn take<C: Choices, O: Observer>(
        &mut self,
        at: At,
        t: TaskId,
        m: Event,
        cx: &mut Cx<'_, C, O>,
    ) -> Handled {
        let (c, seq, record) = (m.index(), m.seq(), m.content());
        self.delivered += 1;
        if self.plain {
            return self.process(at, t, (c, 0), seq, record, cx);
        }
        cold_path();
        self.take_otherwise(t, c, seq, record, cx)
    }

    /// Where channels are bounded, a fault may be asked for, or an operator has several inputs.
    #[inline(never)]
    fn take_otherwise<C: Choices, O: Observer>(
        &mut self,
        t: TaskId,
        c: ChannelId,
        seq: u64,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) -> Handled {
        if self.net.channels.bounded {
            self.make_room(c);
        }
        if self.watched && self.crash_at_delivery(t, cx) {
            return Handled::Done;
        }
        let port = self.plan.job.graph.channels[c as usize].port;
        self.process(cx.scratch.at, t, (c, port), seq, record, cx)
    }

    /// Something that is no record has arrived.
    #[inline(never)]
    pub(super) fn take_control<C: Choices, O: Observer>(
        &mut self,
        c: ChannelId,
        what: What,
        epoch: Epoch,
        cx: &mut Cx<'_, C, O>,
    ) -> Came {
        const DONE: Came = Came::Handled(Handled::Done);
        let (t, input) = (self.net.channels.ends[c as usize].to(), self.net.channels.queues[c as usize].input);
        match what {
            What::Barrier => {
                self.delivered += 1;
                if self.watched && self.crash_at_delivery(t, cx) {
                    return DONE;
                }
                let attempt = self.tasks[t as usize].attempt;
                cx.tell(Fact::BarrierReceived { task: t, attempt, channel: Some(c), epoch });
                if self.cut(Point::OnBarrier, t, cx) {
                    return DONE;
                }
                self.consider_decline(t, epoch, cx);
                self.instruct(t, Input::Barrier { input, epoch }, cx);
            }
            What::Cancel => {
                let attempt = self.tasks[t as usize].attempt;
                cx.tell(Fact::CancelReceived { task: t, attempt, channel: c, epoch });
                self.instruct(t, Input::Cancel { input, epoch }, cx);
            }
            What::End => {
                let task = &mut *self.tasks[t as usize];
                task.ended.insert(input);
                cx.tell(Fact::EndReceived { task: t, attempt: task.attempt, channel: c });
                self.instruct(t, Input::End(Some(input)), cx);
            }
            _ => debug_assert!(false, "[cutline bug] {what:?} is no marker"),
        }
        DONE
    }

    fn blocked(&self, c: ChannelId) -> bool {
        match self.net.channels.ends[c as usize].flags() & !flag::QUEUE {
            0 => false,
            flag::NO_ROOM => self.net.channels.peek(c).is_some_and(Event::is_record),
            _ => true,
        }
    }

    pub(super) fn can_deliver(&self, c: ChannelId) -> bool {
        !self.net.channels.is_empty(c) && !self.blocked(c)
    }

    #[inline(always)]
    fn process<C: Choices, O: Observer>(
        &mut self,
        at: At,
        t: TaskId,
        (c, port): (ChannelId, u32),
        seq: u64,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) -> Handled {
        let task = &mut *self.tasks[t as usize];
        debug_assert_eq!(task.listens, task.protocol.listens(), "[cutline bug] somebody else told the protocol");
        if task.listens {
            cold_path();
            cx.scratch.fx.clear(); // of a step that a panic cut short
            let input = self.net.channels.queues[c as usize].input;
            task.protocol.record(input, &mut cx.scratch.fx);
            if !cx.scratch.fx.is_empty() {
                self.process_logged(t, c, seq, record, cx);
                return Handled::Done;
            }
        }
        cx.tell_at(at, Fact::Processed { task: t, attempt: task.attempt, channel: c, seq, record });
        task.compute(at, &mut self.net, t, (c, port), record, cx);
        self.note_filled();
        Handled::Calm
    }

    /// The protocol wants the record in a log.
    #[inline(never)]
    fn process_logged<C: Choices, O: Observer>(
        &mut self,
        t: TaskId,
        c: ChannelId,
        seq: u64,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        self.log(t, c, seq, record, cx);
        if !self.cut(Point::OpenLog, t, cx) {
            cx.tell(Fact::Processed { task: t, attempt: self.tasks[t as usize].attempt, channel: c, seq, record });
            self.compute(t, c, record, cx);
        }
    }

    /// Lets the operator of `t` take `record`, and sends what it gives.
    pub(super) fn compute<C: Choices, O: Observer>(
        &mut self,
        t: TaskId,
        c: ChannelId,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let port = self.plan.job.graph.channels[c as usize].port;
        self.tasks[t as usize].compute(cx.scratch.at, &mut self.net, t, (c, port), record, cx);
        self.note_filled();
    }

    /// A message that a task sends on one of its channels.
    pub(super) fn put<C: Choices, O: Observer>(&mut self, c: ChannelId, m: Message, cx: &mut Cx<'_, C, O>) {
        self.net.put(c, m, cx.choices);
        self.note_filled();
    }

    /// Senders of channels that have become full have to wait.
    #[inline(always)]
    pub(super) fn note_filled(&mut self) {
        if !self.net.filled.is_empty() {
            self.hold_back();
        }
    }

    #[cold]
    fn hold_back(&mut self) {
        while let Some(from) = self.net.filled.pop() {
            self.tasks[from as usize].full += 1;
            if self.tasks[from as usize].full == 1 {
                self.set_flags(from, flag::NO_ROOM, true);
            }
        }
    }

    /// A record was taken from a bounded channel: its sender may go on.
    #[cold]
    fn make_room(&mut self, c: ChannelId) {
        let rest = &mut self.net.channels.rest[c as usize];
        rest.records -= 1;
        if rest.records + 1 == rest.capacity {
            let from = rest.from;
            let sender = &mut self.tasks[from as usize];
            sender.full = sender.full.saturating_sub(1);
            if sender.full == 0 {
                self.set_flags(from, flag::NO_ROOM, false);
                self.wake_source(from);
            }
        }
    }

    /// Appends the record in hand to the logs that the protocol named.
    #[cold]
    fn log<C: Choices, O: Observer>(
        &mut self,
        t: TaskId,
        c: ChannelId,
        seq: u64,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let mut fx = std::mem::take(&mut cx.scratch.fx);
        for effect in fx.drain(..) {
            let Effect::Log(epoch) = effect else {
                self.misused(t, effect, 0, "in answer to a record, only logging makes sense", cx);
                continue;
            };
            let task = &mut *self.tasks[t as usize];
            let attempt = task.attempt;
            let Some((_, content)) = task.open.iter_mut().find(|(e, _)| *e == epoch) else {
                self.misused(t, effect, epoch, "no copy was taken for this epoch", cx);
                continue;
            };
            Rc::make_mut(content).log.push(super::task::Logged { channel: c, seq, record });
            cx.tell(Fact::Logged { task: t, attempt, epoch, channel: c, seq, record });
        }
        cx.scratch.fx = fx;
    }

    /// The operator of a task, to look at.
    pub fn operator(&self, t: TaskId) -> Option<&AnyOperator> {
        self.tasks[t as usize].operator.as_ref()
    }
}

impl TaskState<'_> {
    /// Lets the operator take a record that came in on a port, and sends what it gives.
    #[inline(always)]
    fn compute<'p, A: Agenda<Event>, C: Choices, O: Observer>(
        &mut self,
        at: At,
        net: &mut Network<'p, A>,
        task: TaskId,
        (c, port): (ChannelId, u32),
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let attempt = self.attempt;
        let Some(operator) = &mut self.operator else {
            cold_path();
            return;
        };
        let (edge, r) = match operator.give(port, record, &mut cx.scratch.out) {
            Ok(Given::Nothing) => return,
            Ok(Given::Value(value)) => (Out::ALL, Record::new(record.key, value)),
            Ok(Given::Listed) => {
                cold_path();
                match cx.scratch.out.sends[..] {
                    [] => return,
                    [one] => one,
                    _ => return net.emit_each((task, attempt), self.routes, cx),
                }
            }
            Err(_) => return cx.tell(Fact::Panicked { task, attempt, channel: Some(c), record }),
        };
        net.emit(at, (task, attempt), self.routes, edge, r, cx);
    }
}
