//! Messages arrive, records are processed and sent.

use super::state::{Engine, Event, Message, Packed, What};
use super::step::Cx;
use crate::base::{ChannelId, Record, TaskId};
use crate::choice::{Choices, Kind};
use crate::dataflow::{AnyOperator, Out};
use crate::graph::Partition;
use crate::protocol::{Effect, Input};
use crate::trace::{Fact, Observer};
use crate::world::{Agenda, Point, flag};

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// A message of the channel has arrived; `false` if that changes nothing yet.
    #[inline]
    pub(super) fn deliver<C: Choices, O: Observer>(&mut self, c: ChannelId, cx: &mut Cx<'_, C, O>) -> bool {
        let ch = &self.channels.list[c as usize];
        if A::TIMED && ch.flags != 0 && !self.take_in(c) {
            return false;
        }
        let ch = &self.channels.list[c as usize];
        let (t, input, bounded) = (ch.to, ch.input as u32, ch.bounded);
        let message = self.channels.pop(c);
        debug_assert!(message.is_some(), "[cutline bug] an arrival on an empty channel");
        let Some(packed) = message else { return false };
        if let Some((seq, record)) = packed.record() {
            self.delivered += 1;
            if bounded {
                self.make_room(c);
            }
            if self.watched && self.crash_at_delivery(t, cx) {
                return true;
            }
            self.process(t, c, input, seq, record, cx);
            return true;
        }
        self.take_control(c, t, input, packed.message(), cx)
    }

    /// Something that is no record has arrived.
    #[inline(never)]
    fn take_control<C: Choices, O: Observer>(
        &mut self,
        c: ChannelId,
        t: TaskId,
        input: u32,
        message: Message,
        cx: &mut Cx<'_, C, O>,
    ) -> bool {
        match message {
            Message::Record { .. } => {}
            Message::Barrier(epoch) => {
                self.delivered += 1;
                if self.watched && self.crash_at_delivery(t, cx) {
                    return true;
                }
                let attempt = self.tasks[t as usize].attempt;
                cx.tell(Fact::BarrierReceived { task: t, attempt, channel: Some(c), epoch });
                if self.cut(Point::OnBarrier, t, cx) {
                    return true;
                }
                self.consider_decline(t, epoch, cx);
                self.instruct(t, Input::Barrier { input, epoch }, cx);
            }
            Message::Cancel(epoch) => {
                let attempt = self.tasks[t as usize].attempt;
                cx.tell(Fact::CancelReceived { task: t, attempt, channel: c, epoch });
                self.instruct(t, Input::Cancel { input, epoch }, cx);
            }
            Message::End => {
                let task = &mut self.tasks[t as usize];
                task.ended.insert(input);
                cx.tell(Fact::EndReceived { task: t, attempt: task.attempt, channel: c });
                self.instruct(t, Input::End(Some(input)), cx);
            }
        }
        true
    }

    /// An arrival where something is in the way: `true` if it can be taken all the same.
    #[cold]
    fn take_in(&mut self, c: ChannelId) -> bool {
        let rest = &mut self.channels.rest[c as usize];
        if rest.stale > 0 {
            rest.stale -= 1;
            if rest.stale == 0 {
                self.channels.list[c as usize].flags &= !flag::STALE;
            }
            return false;
        }
        if self.blocked(c) {
            self.channels.rest[c as usize].held += 1;
            return false;
        }
        true
    }

    fn blocked(&self, c: ChannelId) -> bool {
        match self.channels.list[c as usize].flags & !flag::STALE {
            0 => false,
            flag::NO_ROOM => self.channels.peek(c).is_some_and(|m| m.record().is_some()),
            _ => true,
        }
    }

    pub(super) fn can_deliver(&self, c: ChannelId) -> bool {
        !self.channels.is_empty(c) && !self.blocked(c)
    }

    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn process<C: Choices, O: Observer>(
        &mut self,
        t: TaskId,
        c: ChannelId,
        input: u32,
        seq: u64,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let task = &mut self.tasks[t as usize];
        let attempt = task.attempt;
        task.protocol.record(input, &mut cx.scratch.fx);
        if !cx.scratch.fx.is_empty() {
            self.log(t, c, seq, record, cx);
            if self.cut(Point::OpenLog, t, cx) {
                return;
            }
        }
        cx.tell(Fact::Processed { task: t, attempt, channel: c, seq, record });
        self.compute(t, Some(c), self.port(c), record, cx);
    }

    /// Lets the operator of `t` take `record`, and sends what it gives.
    #[inline]
    pub(super) fn compute<C: Choices, O: Observer>(
        &mut self,
        t: TaskId,
        c: Option<ChannelId>,
        port: u32,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let task = &mut self.tasks[t as usize];
        let attempt = task.attempt;
        let Some(operator) = &mut task.operator else { return };
        let out = &mut cx.scratch.out;
        out.sends.clear();
        if operator.process(port, record, out).is_err() {
            return cx.tell(Fact::Panicked { task: t, attempt, channel: c, record });
        }
        let mut i = 0;
        while let Some(&(edge, r)) = cx.scratch.out.sends.get(i) {
            self.emit(t, attempt, edge, r, cx);
            i += 1;
        }
    }

    /// Sends a record on an output edge (or all).
    #[inline]
    pub(super) fn emit<C: Choices, O: Observer>(
        &mut self,
        t: TaskId,
        attempt: u32,
        edge: u32,
        r: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let routes = &self.plan.job.graph.routes[t as usize];
        let routes = if edge == Out::ALL {
            &routes[..]
        } else {
            routes.get(edge as usize).map_or(&[][..], std::slice::from_ref)
        };
        for route in routes {
            match route.partition {
                Partition::Forward => self.send(t, attempt, route.first, r, cx),
                Partition::Hash { .. } => self.send(t, attempt, route.by_key(r.key), r, cx),
                Partition::Broadcast => {
                    for c in route.first..route.first + route.count {
                        self.send(t, attempt, c, r, cx);
                    }
                }
                Partition::Rebalance => {
                    // The turn follows from what was sent on the edge, so that a restore brings it back.
                    let sent = |c: ChannelId| self.channels.list[c as usize].sent as u64;
                    let index = self.plan.job.graph.tasks[t as usize].index as u64;
                    let turn = (index + route.channels().map(sent).sum::<u64>()) % route.count as u64;
                    self.send(t, attempt, route.first + turn as u32, r, cx);
                }
            }
        }
    }

    #[inline]
    fn send<C: Choices, O: Observer>(
        &mut self,
        t: TaskId,
        attempt: u32,
        c: ChannelId,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let ch = &mut self.channels.list[c as usize];
        ch.sent += 1;
        let seq = ch.sent as u64;
        cx.tell(Fact::Sent { task: t, attempt, channel: c, seq, record });
        self.put(c, Message::Record { seq, record }, cx);
    }

    /// A message on its way: through the link, if there is one.
    #[inline]
    pub(super) fn put<C: Choices, O: Observer>(&mut self, c: ChannelId, m: Message, cx: &mut Cx<'_, C, O>) {
        if self.link.is_some() {
            return self.put_through_link(c, m, cx);
        }
        self.enqueue(c, m, cx);
    }

    #[cold]
    fn put_through_link<C: Choices, O: Observer>(&mut self, c: ChannelId, m: Message, cx: &mut Cx<'_, C, O>) {
        let mut carried = Vec::new();
        if let Some(link) = &mut self.link {
            link.handle((c, m), &mut carried);
        }
        for (c, m) in carried {
            self.enqueue(c, m, cx);
        }
    }

    #[inline]
    fn enqueue<C: Choices, O: Observer>(&mut self, c: ChannelId, m: Message, cx: &mut Cx<'_, C, O>) {
        self.channels.push(c, Packed::new(m));
        let ch = &mut self.channels.list[c as usize];
        let bounded = ch.bounded;
        if A::TIMED {
            let delay = self.delay.unwrap_or_else(|| self.plan.delays[c as usize]);
            let delay = delay.draw(Kind::Delay, c, ch.nth, cx.choices);
            let at = self.now.after(delay).max(ch.last);
            ch.last = at;
            self.agenda.schedule(at, Event::new(What::Deliver, c));
        }
        if bounded && matches!(m, Message::Record { .. }) {
            self.take_room(c);
        }
    }

    /// A record was put into a bounded channel: its sender may have to wait.
    #[cold]
    fn take_room(&mut self, c: ChannelId) {
        let rest = &mut self.channels.rest[c as usize];
        rest.records += 1;
        if rest.records == rest.capacity {
            let from = rest.from;
            self.tasks[from as usize].full += 1;
            if self.tasks[from as usize].full == 1 {
                self.set_flags(from, flag::NO_ROOM, true);
            }
        }
    }

    /// A record was taken from a bounded channel: its sender may go on.
    #[cold]
    fn make_room(&mut self, c: ChannelId) {
        let rest = &mut self.channels.rest[c as usize];
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
            let task = &mut self.tasks[t as usize];
            let attempt = task.attempt;
            let Effect::Log(epoch) = effect else {
                let why = "in answer to a record, only logging makes sense";
                cx.tell(Fact::Misused { task: Some(t), attempt, epoch: 0, effect: effect.name(), why });
                continue;
            };
            let Some((_, content)) = task.open.iter_mut().find(|(e, _)| *e == epoch) else {
                let why = "no copy was taken for this epoch";
                cx.tell(Fact::Misused { task: Some(t), attempt, epoch, effect: "log", why });
                continue;
            };
            content.log.push(super::state::Logged { channel: c, seq, record });
            cx.tell(Fact::Logged { task: t, attempt, epoch, channel: c, seq, record });
        }
        cx.scratch.fx = fx;
    }

    /// The number of the channel's job edge among those that enter the receiver.
    #[inline]
    pub(super) fn port(&self, c: ChannelId) -> u32 {
        if self.ports { self.plan.job.graph.channels[c as usize].port } else { 0 }
    }

    /// The operator of a task, to look at.
    pub fn operator(&self, t: TaskId) -> Option<&AnyOperator> {
        self.tasks[t as usize].operator.as_ref()
    }
}
