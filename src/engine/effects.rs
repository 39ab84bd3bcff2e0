//! The one place where a protocol's effects are carried out, and where crashes cut between them.

use super::event::{Event, Message, What};
use super::plan::Access;
use super::state::{Engine, Letter};
use super::step::Cx;
use super::task::Content;
use crate::base::{Epoch, TaskId, Time};
use crate::choice::{Choices, Kind, Odds, Site};
use crate::protocol::{CoordinatorInput, Effect, Input};
use crate::trace::{Fact, Observer};
use crate::world::{Agenda, Delay, Point, Target, When, flag};
use std::hint::black_box;
use std::rc::Rc;

/// [`Vec::remove`]. (Mostly it is the last one: nothing has to be moved, and nobody called for that.)
fn remove<T>(list: &mut Vec<T>, i: usize) -> T {
    let last = if i + 1 == list.len() { list.pop() } else { None };
    last.unwrap_or_else(|| list.remove(i))
}

impl Effect {
    /// The name in facts and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Effect::Block { .. } => "block",
            Effect::Unblock { .. } => "unblock",
            Effect::Copy(_) => "copy",
            Effect::Barrier(_) => "barrier",
            Effect::Cancel(_) => "cancel",
            Effect::End => "end",
            Effect::Log(_) => "log",
            Effect::Store(_) => "store",
            Effect::Acknowledge(_) => "acknowledge",
            Effect::Decline(_) => "decline",
            Effect::Drop(_) => "drop",
        }
    }
}

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// Tells a task's protocol something, and carries out what it asks for. (Inlined, so that the input is made where the
    /// protocol reads it: a copy right after would wait for it.)
    #[inline(always)]
    pub(super) fn instruct<C: Choices, O: Observer>(&mut self, t: TaskId, input: Input, cx: &mut Cx<'_, C, O>) {
        cx.scratch.fx.clear(); // of a step that a panic cut short
        self.tasks[t as usize].tell_protocol(input, &mut cx.scratch.fx);
        if !cx.scratch.fx.is_empty() {
            self.carry_out_all(t, cx);
        }
    }

    /// All effects in the list, where they stand. (Storing in no time adds to it.)
    #[inline(never)]
    fn carry_out_all<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let mut i = 0;
        // (`black_box`: see the decisions in `mod.rs`.)
        while let Some(&effect) = cx.scratch.fx.get(i)
            && black_box(&mut *self).carry_out(t, effect, cx)
        {
            i += 1;
        }
        cx.scratch.fx.clear();
    }

    /// `false` if the task crashed before the effect could be carried out, or right after it.
    #[inline(always)]
    fn carry_out<C: Choices, O: Observer>(&mut self, t: TaskId, effect: Effect, cx: &mut Cx<'_, C, O>) -> bool {
        let plan = self.plan;
        let graph = &plan.job.graph;
        let attempt = self.tasks[t as usize].attempt;
        match effect {
            Effect::Block { input, epoch } | Effect::Unblock { input, epoch } => {
                let on = matches!(effect, Effect::Block { .. });
                let Some(&channel) = graph.inputs[t as usize].get(input as usize) else {
                    self.misused(t, effect, epoch, "there is no such input", cx);
                    return true;
                };
                let blocked = self.net.channels.ends[channel as usize].flags() & flag::BLOCKED != 0;
                if blocked == on {
                    let why = if on { "the input is blocked already" } else { "the input is not blocked" };
                    self.misused(t, effect, epoch, why, cx);
                    return true;
                }
                // (Which fact it is must be known where it is told: then its name costs nothing.)
                if on {
                    cx.tell(Fact::Blocked { task: t, attempt, channel, epoch });
                } else {
                    cx.tell(Fact::Unblocked { task: t, attempt, channel, epoch });
                }
                self.set_flag(channel, flag::BLOCKED, on);
            }
            Effect::Copy(epoch) => {
                if self.tasks[t as usize].open.iter().any(|(e, _)| *e == epoch) || self.store.part(epoch, t).is_some() {
                    self.misused(t, effect, epoch, "a copy was taken for this epoch already", cx);
                    return true;
                }
                let content = self.content(t);
                cx.tell(Fact::Copied { task: t, attempt, epoch, state: content.state });
                self.tasks[t as usize].open.push((epoch, content));
                return !self.cut(Point::CopyToBroadcast, t, cx);
            }
            Effect::Barrier(epoch) => {
                for &c in &graph.outputs[t as usize] {
                    cx.tell(Fact::BarrierSent { task: t, attempt, channel: c, epoch });
                    self.put(c, Message::Barrier(epoch), cx);
                }
            }
            Effect::Cancel(epoch) => {
                for &c in &graph.outputs[t as usize] {
                    cx.tell(Fact::CancelSent { task: t, attempt, channel: c, epoch });
                    self.put(c, Message::Cancel(epoch), cx);
                }
            }
            Effect::End => {
                self.tasks[t as usize].closed = true;
                for &c in &graph.outputs[t as usize] {
                    cx.tell(Fact::EndSent { task: t, attempt, channel: c });
                    self.put(c, Message::End, cx);
                }
                cx.tell(Fact::Ended { task: t, attempt, state: self.state_of(t) });
            }
            Effect::Log(epoch) => self.misused(t, effect, epoch, "there is no record in hand", cx),
            Effect::Store(epoch) => {
                let open = &mut self.tasks[t as usize].open;
                let Some(i) = open.iter().position(|(e, _)| *e == epoch) else {
                    self.misused(t, effect, epoch, "no copy was taken for this epoch", cx);
                    return true;
                };
                if self.cut(Point::BroadcastToDurable, t, cx) {
                    return false;
                }
                let content = remove(&mut self.tasks[t as usize].open, i).1;
                let write = |content| Access::Write { task: t, epoch, content };
                let Some(content) = self.on_its_way(t, content, write) else { return true };
                self.store.put(epoch, t, attempt, content);
                match plan.write {
                    None => {
                        self.becomes_durable(epoch, t, cx);
                        self.tasks[t as usize].tell_protocol(Input::Stored(epoch), &mut cx.scratch.fx);
                    }
                    Some(delay) => {
                        let slot = self.writes.put((epoch, Some(t)));
                        if A::TIMED {
                            let nth = self.count();
                            let ns = delay.draw(Kind::Write, t, nth, cx.choices);
                            self.schedule(self.net.now.after(ns), What::Durable, slot);
                        }
                    }
                }
            }
            Effect::Acknowledge(epoch) => {
                let Some(part) = self.store.part(epoch, t).filter(|p| p.durable) else {
                    self.misused(t, effect, epoch, "no part of this epoch is durable", cx);
                    return true;
                };
                let (at_end, empty) = (part.content.at_end, part.content.log.is_empty());
                if self.cut(Point::DurableToAcknowledged, t, cx) {
                    return false;
                }
                cx.tell(Fact::Acknowledged { task: t, attempt, epoch });
                self.tell_coordinator(CoordinatorInput::Acknowledge { task: t, attempt, epoch, at_end, empty }, cx);
            }
            Effect::Decline(epoch) => {
                cx.tell(Fact::Declined { task: t, attempt, epoch });
                self.tell_coordinator(CoordinatorInput::Decline { task: t, attempt, epoch }, cx);
            }
            Effect::Drop(epoch) => {
                self.tasks[t as usize].open.retain(|(e, _)| *e != epoch);
                // What is still being written has no handle yet: that write is refused when it ends.
                let keep = self.store.completed.contains(&epoch);
                if !keep && self.store.forget(epoch, t).is_some_and(|p| p.durable) {
                    cx.tell(Fact::Deleted { task: t, attempt, epoch, handle: self.handle_of(epoch, t) });
                }
            }
        }
        true
    }

    /// The protocol asked for what makes no sense. (Seldom: out of the way of what does.)
    #[cold]
    #[inline(never)]
    pub(super) fn misused<C, O: Observer>(
        &self,
        t: TaskId,
        effect: Effect,
        epoch: Epoch,
        why: &'static str,
        cx: &mut Cx<'_, C, O>,
    ) {
        let attempt = self.tasks[t as usize].attempt;
        cx.tell(Fact::Misused { task: Some(t), attempt, epoch, effect: effect.name(), why });
    }

    /// A part goes through the client of the store, if there is one.
    pub(super) fn on_its_way(
        &mut self,
        t: TaskId,
        content: Rc<Content>,
        access: impl FnOnce(Content) -> Access,
    ) -> Option<Rc<Content>> {
        let Some(client) = &mut self.client else { return Some(content) };
        let mut passed = Vec::new();
        client.handle(access(Rc::unwrap_or_clone(content)), &mut passed);
        // In spare memory: what is given back to that must have come from there.
        let content = passed.pop()?;
        Some(self.spare.fill(t, |to| *to = content))
    }

    pub(super) fn handle_of(&self, epoch: Epoch, t: TaskId) -> u64 {
        epoch * self.tasks.len() as u64 + t as u64
    }

    pub(super) fn count(&mut self) -> u32 {
        self.asked += 1;
        self.asked
    }

    /// Begins to write the metadata of a checkpoint; `true` if it is durable at once.
    pub(super) fn write_metadata<C: Choices, O: Observer>(&mut self, epoch: Epoch, cx: &mut Cx<'_, C, O>) -> bool {
        let Some(delay) = self.plan.write else { return true };
        let slot = self.writes.put((epoch, None));
        if A::TIMED {
            let nth = self.count();
            let ns = delay.draw(Kind::Write, u32::MAX, nth, cx.choices);
            self.schedule(self.net.now.after(ns), What::Durable, slot);
        }
        false
    }

    fn becomes_durable<C, O: Observer>(&mut self, epoch: Epoch, t: TaskId, cx: &mut Cx<'_, C, O>) {
        let handle = self.handle_of(epoch, t);
        if let Some(attempt) = self.store.durable(epoch, t) {
            cx.tell(Fact::Stored { task: t, attempt, epoch, handle });
        }
    }

    /// A write has become durable.
    pub(super) fn write_ends<C: Choices, O: Observer>(&mut self, slot: u32, cx: &mut Cx<'_, C, O>) -> bool {
        let Some((epoch, task)) = self.writes.take(slot, A::TIMED) else { return false };
        let Some(t) = task else {
            self.coordinate(CoordinatorInput::Written { epoch }, cx);
            return true;
        };
        let Some(writer) = self.store.part(epoch, t).map(|p| p.attempt) else { return true };
        self.becomes_durable(epoch, t, cx);
        let task = &self.tasks[t as usize];
        if !self.begun.iter().any(|(e, _)| *e == epoch) && !self.store.completed.contains(&epoch) {
            // Aborted meanwhile, or written by a dead attempt: nothing refers to it.
            self.store.forget(epoch, t);
            cx.tell(Fact::Deleted { task: t, attempt: writer, epoch, handle: self.handle_of(epoch, t) });
        } else if task.up && task.attempt == writer {
            self.instruct(t, Input::Stored(epoch), cx);
        }
        true
    }

    /// Whether the task refuses the snapshot that it hears of now. Asked once for each.
    #[inline(always)]
    pub(super) fn consider_decline<C: Choices, O: Observer>(&mut self, t: TaskId, epoch: Epoch, cx: &mut Cx<'_, C, O>) {
        if !self.faults.declines.is_empty() && self.tasks[t as usize].asked < epoch {
            self.may_decline(t, epoch, cx);
        }
    }

    #[cold]
    fn may_decline<C: Choices, O: Observer>(&mut self, t: TaskId, epoch: Epoch, cx: &mut Cx<'_, C, O>) {
        self.tasks[t as usize].asked = epoch;
        let attempt = self.tasks[t as usize].attempt;
        for (i, d) in self.faults.declines.iter().enumerate() {
            if d.task.is_some_and(|of| of != t) || self.declined[i] >= d.most {
                continue;
            }
            let nth = self.count();
            if cx.choices.choose(Site { kind: Kind::Decline, at: t, nth }, Odds::Rare(d.ratio)) == 1 {
                self.declined[i] += 1;
                self.instruct(t, Input::Abort(epoch), cx);
                cx.tell(Fact::Declined { task: t, attempt, epoch });
                self.tell_coordinator(CoordinatorInput::Decline { task: t, attempt, epoch }, cx);
                return;
            }
        }
    }

    /// A protocol point: crashes the task if a fault is planned here; `true` if it did.
    #[inline]
    pub(super) fn cut<C: Choices, O: Observer>(&mut self, point: Point, t: TaskId, cx: &mut Cx<'_, C, O>) -> bool {
        self.pointed && self.cut_here(point, t, cx)
    }

    #[cold]
    fn cut_here<C: Choices, O: Observer>(&mut self, point: Point, t: TaskId, cx: &mut Cx<'_, C, O>) -> bool {
        for (i, crash) in self.faults.crashes.iter().enumerate() {
            let When::Point { point: at, nth } = crash.when else { continue };
            if at != point || !self.hits(crash.target, t) {
                continue;
            }
            if self.comes_up(i, nth) {
                self.crash(crash.target, t, cx);
                return !self.tasks[t as usize].up;
            }
        }
        false
    }

    /// The point of the `i`-th crash is reached: whether for the `nth` time. After that, nobody counts. (A count that
    /// went on would be another state each time.)
    fn comes_up(&mut self, i: usize, nth: u32) -> bool {
        let (struck, reached) = &mut self.struck[i];
        if *reached >= nth {
            return false;
        }
        *reached += 1;
        let now = *reached == nth;
        *struck += now as u32;
        now
    }

    fn hits(&self, target: Target, t: TaskId) -> bool {
        match target {
            Target::Any => true,
            Target::Task(of) => of == t,
            Target::Node(n) => self.plan.nodes[t as usize] == n,
        }
    }

    /// The moment between the last acknowledgement and the write of the decision.
    pub(super) fn cut_before_decision<C: Choices, O: Observer>(&mut self, cx: &mut Cx<'_, C, O>) {
        for (i, crash) in self.faults.crashes.iter().enumerate() {
            let When::Point { point: Point::AcknowledgedToCompleted, nth } = crash.when else { continue };
            if self.comes_up(i, nth) {
                let victim = match crash.target {
                    Target::Task(t) => t,
                    _ => 0,
                };
                self.crash(crash.target, victim, cx);
            }
        }
    }

    /// Faults that are asked for at each delivery; `true` if the task died.
    #[cold]
    pub(super) fn crash_at_delivery<C: Choices, O: Observer>(&mut self, t: TaskId, cx: &mut Cx<'_, C, O>) -> bool {
        let counted = &mut self.tasks[t as usize].deliveries;
        *counted = (*counted + 1).min(self.faults.last_delivery() + 1);
        let deliveries = *counted;
        for (i, crash) in self.faults.crashes.iter().enumerate() {
            if !self.hits(crash.target, t) {
                continue;
            }
            let strikes = match crash.when {
                When::Event { nth } => deliveries == nth && self.struck[i].0 == 0,
                When::Rate { ratio, most, until } => {
                    self.struck[i].0 < most && self.net.now < until && {
                        let nth = self.count();
                        cx.choices.choose(Site { kind: Kind::Crash, at: t, nth }, Odds::Rare(ratio)) == 1
                    }
                }
                _ => false,
            };
            if strikes {
                self.struck[i].0 += 1;
                self.crash(crash.target, t, cx);
                return true;
            }
        }
        false
    }

    pub(super) fn scheduled_crash<C: Choices, O: Observer>(&mut self, i: usize, cx: &mut Cx<'_, C, O>) -> bool {
        let crash = self.faults.crashes[i];
        self.struck[i].0 += 1;
        let victim = match crash.target {
            Target::Task(t) => t,
            _ => 0,
        };
        self.crash(crash.target, victim, cx)
    }

    /// Kills the target (`Any`: the task that came by). What is volatile is lost.
    fn crash<C: Choices, O: Observer>(&mut self, target: Target, t: TaskId, cx: &mut Cx<'_, C, O>) -> bool {
        let (first, last, node) = match target {
            Target::Node(n) => (0, self.tasks.len() as TaskId, Some(n)),
            Target::Task(of) => (of, of + 1, None),
            Target::Any => (t, t + 1, None),
        };
        let mut any = false;
        for victim in first..last {
            let task = &mut self.tasks[victim as usize];
            if !task.up || node.is_some_and(|n| self.plan.nodes[victim as usize] != n) {
                continue;
            }
            any = true;
            task.up = false;
            task.stalled = Time(0);
            task.waiting = false;
            task.open.drain(..).for_each(|(_, copy)| self.spare.keep(victim, copy));
            cx.tell(Fact::Crashed { task: victim, attempt: task.attempt, node });
            self.set_flags(victim, flag::DOWN, true);
        }
        if any && !self.failing {
            self.failing = true;
            self.schedule(self.net.now.after(self.plan.detection), What::Recover, 0);
        }
        any
    }
}

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    /// Sends a control message: within the step if it takes no time. (It is made where it is put.)
    #[inline(always)]
    pub(super) fn post<C: Choices, O: Observer>(&mut self, letter: impl FnOnce() -> Letter, cx: &mut Cx<'_, C, O>) {
        match self.plan.control {
            None => cx.scratch.inbox.push(letter()),
            Some(delay) => self.post_later(letter(), delay, cx),
        }
    }

    #[inline(never)]
    fn post_later<C: Choices, O: Observer>(&mut self, letter: Letter, delay: Delay, cx: &mut Cx<'_, C, O>) {
        let slot = self.letters.put(letter);
        if A::TIMED {
            let nth = self.count();
            let ns = delay.draw(Kind::Control, 0, nth, cx.choices);
            let mut at = self.net.now.after(ns);
            if let Letter::Trigger { task, .. } = letter {
                // Triggers keep their order, as over one connection; aborts and notifications are out of band.
                let last = &mut self.tasks[task as usize].told;
                at = at.max(*last);
                *last = at;
            }
            self.schedule(at, What::Letter, slot);
        }
    }
}
