//! The network between the tasks: what leaves one, and when it arrives at the other. It knows nothing of tasks but
//! their numbers, and judges nothing.

use super::event::{Event, Message};
use super::plan::{AnyLink, Plan};
use super::step::Cx;
use crate::base::{Attempt, ChannelId, Record, TaskId, Time};
use crate::choice::{Choices, Kind};
use crate::dataflow::Out;
use crate::graph::{Partition, Route};
use crate::trace::{At, Fact, Observer};
use crate::world::{Agenda, ChannelOf, ChannelStart, Channels, Delay};
use std::hint::cold_path;

/// Agenda and channels, and the way from the one to the other.
pub(super) struct Network<'p, A> {
    pub agenda: A,
    pub channels: Channels<Event>,
    pub link: Option<AnyLink>,
    /// Virtual time.
    pub now: Time,
    /// Senders of a channel that has become full, not yet told.
    pub filled: Vec<TaskId>,
    /// No link, and no channel is bounded: records need no second look.
    plain: bool,
    delays: &'p [Delay],
    /// All of them, if they are uniform and alike.
    delay: SameDelay,
    /// Messages sent since this was last looked at, and how many of them did not have to wait for the one before them on
    /// their channel; and whether those were more than half the last time. (A guess: it decides how messages are put
    /// into the agenda, not when they come.)
    sent: u32,
    apart: u32,
    sparse: bool,
}

/// So many that do not have to wait, or twice as many messages, are enough to look at.
const SOME: u32 = 256;

impl<A: Clone> Clone for Network<'_, A> {
    fn clone(&self) -> Self {
        Network {
            agenda: self.agenda.clone(),
            channels: self.channels.clone(),
            link: self.link.as_ref().map(|l| l.boxed()),
            filled: Vec::new(),
            ..*self
        }
    }
    fn clone_from(&mut self, o: &Self) {
        debug_assert!(o.filled.is_empty(), "[cutline bug] a sender was not told");
        self.filled.clear(); // of a run that was left in the middle of a step, by a panic
        self.agenda.clone_from(&o.agenda);
        self.channels.clone_from(&o.channels);
        self.link = o.link.as_ref().map(|l| l.boxed());
        self.now = o.now;
        (self.sent, self.apart, self.sparse) = (o.sent, o.apart, o.sparse);
    }
}

impl<'p, A: Agenda<Event>> Network<'p, A> {
    pub fn new(plan: &'p Plan, agenda: A) -> Self {
        let list = plan.job.graph.channels.iter().zip(&plan.capacities);
        let unbounded = plan.capacities.iter().all(|&c| c == u32::MAX);
        Network {
            plain: plan.variant.link.is_none() && unbounded,
            agenda,
            channels: Channels::new(list.map(|(c, &capacity)| ChannelOf {
                from: c.from,
                to: c.to,
                input: c.input,
                capacity,
            })),
            link: plan.variant.link.as_ref().map(|make| make()),
            now: Time(0),
            filled: Vec::new(),
            delays: &plan.delays,
            delay: SameDelay::of(&plan.delays),
            sent: 0,
            apart: 0,
            sparse: false,
        }
    }

    /// Sends a record on an output edge of a task (or all).
    #[inline(always)]
    pub fn emit<C: Choices, O: Observer>(
        &mut self,
        at: At,
        from: (TaskId, Attempt),
        routes: &[Route],
        edge: u32,
        r: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        match routes {
            [route] if edge == Out::ALL => self.send_on::<true, C, O>(at, from, route, r, cx),
            _ => {
                cold_path();
                self.emit_on(from, routes, edge, r, cx)
            }
        }
    }

    #[inline(never)]
    fn emit_on<C: Choices, O: Observer>(
        &mut self,
        from: (TaskId, Attempt),
        routes: &[Route],
        edge: u32,
        r: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let to = if edge == Out::ALL {
            routes
        } else {
            routes.get(edge as usize..).map_or(&[][..], |r| &r[..r.len().min(1)])
        };
        to.iter().for_each(|route| self.send_on::<false, C, O>(cx.scratch.at, from, route, r, cx));
    }

    /// Sends all that the operator gave.
    #[inline(never)]
    pub fn emit_each<C: Choices, O: Observer>(
        &mut self,
        from: (TaskId, Attempt),
        routes: &[Route],
        cx: &mut Cx<'_, C, O>,
    ) {
        let mut i = 0;
        while let Some(&(edge, r)) = cx.scratch.out.sends.get(i) {
            self.emit_on(from, routes, edge, r, cx);
            i += 1;
        }
    }

    /// `HOT`: see [`set_out`](Network::set_out).
    #[inline(always)]
    fn send_on<const HOT: bool, C: Choices, O: Observer>(
        &mut self,
        at: At,
        from: (TaskId, Attempt),
        route: &Route,
        r: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        match route.by_key(r.key) {
            Some(c) => self.send::<HOT, C, O>(at, from, c, r, cx),
            None => {
                cold_path();
                self.send_otherwise(from, route, r, cx)
            }
        }
    }

    #[inline(never)]
    fn send_otherwise<C: Choices, O: Observer>(
        &mut self,
        from: (TaskId, Attempt),
        route: &Route,
        r: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        match route.partition {
            Partition::Rebalance => self.send::<false, C, O>(cx.scratch.at, from, self.turn(route), r, cx),
            _ => route.channels().for_each(|c| self.send::<false, C, O>(cx.scratch.at, from, c, r, cx)),
        }
    }

    /// Whose turn it is: follows from what was sent on the edge, so that a restore brings it back.
    fn turn(&self, route: &Route) -> ChannelId {
        let sent = route.channels().map(|c| self.channels.starts[c as usize].sent as u64).sum::<u64>();
        route.first + ((route.sender as u64 + sent) % route.count as u64) as u32
    }

    #[inline(always)]
    fn send<const HOT: bool, C: Choices, O: Observer>(
        &mut self,
        at: At,
        (task, attempt): (TaskId, Attempt),
        c: ChannelId,
        record: Record,
        cx: &mut Cx<'_, C, O>,
    ) {
        let start = &mut self.channels.starts[c as usize];
        start.sent += 1;
        let seq = start.sent as u64;
        cx.tell_at(at, Fact::Sent { task, attempt, channel: c, seq, record });
        if A::TIMED && self.plain {
            self.set_out::<HOT, C>(c, Event::of_record(c, seq, record), cx.choices);
        } else {
            if A::TIMED {
                cold_path();
            }
            self.put_record(c, seq, record, cx.choices);
        }
    }

    #[inline(never)]
    fn put_record<C: Choices>(&mut self, c: ChannelId, seq: u64, record: Record, choices: &mut C) {
        self.put(c, Message::Record { seq, record }, choices);
    }

    /// A message on its way: through the link, if there is one.
    #[inline(never)]
    pub fn put<C: Choices>(&mut self, c: ChannelId, m: Message, choices: &mut C) {
        if self.link.is_none() {
            return self.enqueue(c, m, choices);
        }
        self.put_through(c, m, choices);
    }

    #[cold]
    fn put_through<C: Choices>(&mut self, c: ChannelId, m: Message, choices: &mut C) {
        let Some(link) = &mut self.link else { return };
        let mut carried = Vec::new();
        link.handle((c, m), &mut carried);
        for (c, m) in carried {
            self.enqueue(c, m, choices);
        }
    }

    #[inline(always)]
    fn enqueue<C: Choices>(&mut self, c: ChannelId, m: Message, choices: &mut C) {
        let event = Event::message(c, m);
        if A::TIMED {
            self.set_out::<false, C>(c, event, choices);
        } else {
            self.channels.push(c, event);
        }
        if self.channels.bounded && matches!(m, Message::Record { .. }) {
            let rest = &mut self.channels.rest[c as usize];
            rest.records += 1;
            if rest.records == rest.capacity {
                self.filled.push(rest.from);
            }
        }
    }

    /// A message sets out on its channel, to arrive never before the one before it. `HOT`: most records come by here, and
    /// where few have to wait they travel in place, since saving registers for a call takes longer than that is worth.
    #[inline(always)]
    fn set_out<const HOT: bool, C: Choices>(&mut self, c: ChannelId, m: Event, choices: &mut C) {
        let (key, value, rest) = m.words();
        match self.sparse {
            false => self.travel(c, key, value, rest, choices),
            true if HOT => self.travel_apart_in_place(c, m, choices),
            true => self.travel_apart(c, key, value, rest, choices),
        }
    }

    /// A message travels a channel on which many have to wait for the one before them. (In one place for all who send:
    /// this is much of what a small run has to have in the instruction cache.)
    #[inline(never)]
    fn travel<C: Choices>(&mut self, c: ChannelId, key: u64, value: u64, rest: u64, choices: &mut C) {
        let m = Event::of_words((key, value, rest));
        let start = &mut self.channels.starts[c as usize];
        let at = self.now.after(self.delay.draw(start, c, self.delays, choices));
        self.sent = self.sent.wrapping_add(1);
        if at > start.last {
            start.last = at;
            self.agenda.schedule(at, m);
            self.apart += 1;
            if self.apart == SOME {
                self.review();
            }
        } else {
            let at = start.last;
            self.agenda.schedule_behind(at, m);
        }
    }

    /// The same where few have to wait; out of line.
    #[inline(never)]
    fn travel_apart<C: Choices>(&mut self, c: ChannelId, key: u64, value: u64, rest: u64, choices: &mut C) {
        self.travel_apart_in_place(c, Event::of_words((key, value, rest)), choices);
    }

    /// A message travels a channel on which few have to wait for the one before them: which do is anybody's guess, and
    /// asking costs more than it gains.
    #[inline(always)]
    fn travel_apart_in_place<C: Choices>(&mut self, c: ChannelId, m: Event, choices: &mut C) {
        let start = &mut self.channels.starts[c as usize];
        let at = self.now.after(self.delay.draw(start, c, self.delays, choices));
        self.sent = self.sent.wrapping_add(1);
        let waits = at <= start.last;
        let at = at.max(start.last);
        start.last = at;
        self.agenda.schedule(at, m);
        self.apart += !waits as u32;
        if self.sent == 2 * SOME {
            self.review();
        }
    }

    #[cold]
    fn review(&mut self) {
        self.sparse = 2 * self.apart > self.sent;
        (self.apart, self.sent) = (0, 0);
    }
}

/// The delay of every channel, where all are uniform and alike, as in most jobs: one question, and no look at the channel's
/// own.
#[derive(Clone, Copy)]
struct SameDelay {
    min: u64,
    step: u64,
    /// How many options; 0: each channel has a delay of its own, or another kind.
    options: u32,
}

impl SameDelay {
    fn of(delays: &[Delay]) -> Self {
        match delays {
            &[first @ Delay::Uniform { min, step, options }, ref rest @ ..] if rest.iter().all(|&d| d == first) => {
                SameDelay { min, step, options }
            }
            _ => SameDelay { min: 0, step: 0, options: 0 },
        }
    }

    /// Draws how long the next message of the channel `c` takes. `each`: the delays of all channels.
    #[inline(always)]
    fn draw<C: Choices>(self, start: &mut ChannelStart, c: ChannelId, each: &[Delay], choices: &mut C) -> u64 {
        start.nth += 1;
        let SameDelay { min, step, options } = self;
        if options == 0 {
            cold_path();
            return draw_otherwise(each[c as usize], c, start.nth, choices);
        }
        Delay::Uniform { min, step, options }.draw(Kind::Delay, c, start.nth, choices)
    }
}

/// (Out of line: few jobs have it.)
#[inline(never)]
fn draw_otherwise<C: Choices>(delay: Delay, c: ChannelId, nth: u32, choices: &mut C) -> u64 {
    delay.draw(Kind::Delay, c, nth, choices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Seeded;
    use crate::dataflow::{Generator, JobBuilder, KeyedCount, Sink};
    use crate::engine::Engine;
    use crate::graph::BackEdges;
    use crate::trace::RunDigest;
    use crate::world::{Crash, Target, TimeOrder, When};

    /// Whether messages were put into the agenda in the one way or the other, or now in this way, now in that: the same
    /// run, to the digest of all facts.
    #[test]
    fn how_messages_are_put_into_the_agenda_changes_nothing() {
        for (p, others) in [(1, false), (3, false), (8, false), (3, true)] {
            let mut job = JobBuilder::new()
                .source("numbers", p, Generator::new(600))
                .operator("counts", p, KeyedCount::default())
                .sink("sink", 2, Sink::default())
                .hash("numbers", "counts")
                .hash("counts", "sink");
            if others {
                job = job.sink("more", 2, Sink::default()).rebalance("counts", "more").broadcast("numbers", "more");
            }
            let job = job.build(BackEdges::Refused).expect("it is valid");
            let mut plan = Plan::new("any", job);
            plan.delays.iter_mut().for_each(|d| *d = Delay::uniform(100, 20_000));
            plan.checkpoints.every = Some(20_000);
            plan.faults.crashes = vec![Crash { target: Target::Task(p), when: When::At(Time(90_000)) }];
            let ways: [fn(u64) -> Option<bool>; 4] =
                [|_| None, |_| Some(false), |_| Some(true), |step| Some(step % 3 == 0)];
            let runs = ways.map(|way| {
                let (mut choices, mut digest) = (Seeded::new(p as u64), RunDigest::default());
                let mut engine = Engine::new(&plan, TimeOrder::new(20_000));
                let mut cx = Cx::new(&plan.job.symbols, &mut choices, &mut digest);
                let mut went = 0;
                engine.net.sparse = way(0).unwrap_or(engine.net.sparse);
                while engine.step(&mut cx) == crate::engine::Step::Went {
                    engine.net.sparse = way(went).unwrap_or(engine.net.sparse);
                    went += 1;
                }
                (went, engine.now(), digest.value())
            });
            assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
            assert!(runs[0].1 > Time(90_000), "it was struck");
        }
    }

    #[test]
    fn a_message_takes_what_its_channel_takes() {
        let kinds = [
            Delay::Constant(7),
            Delay::uniform(10, 1_000),
            Delay::uniform(10, 1_001),
            Delay::Exponential { min: 3, mean: 1_000 },
            Delay::Uniform { min: 5, step: 1, options: 0 },
        ];
        assert_eq!(SameDelay::of(&[kinds[1]; 3]).options, 990, "these are one");
        // All channels alike, and each pair of kinds on two.
        for (a, b) in kinds.into_iter().flat_map(|a| kinds.map(|b| (a, b))) {
            let each = [a, b, a];
            let same = SameDelay::of(&each);
            let (mut choices, mut others) = (Seeded::new(5), Seeded::new(5));
            let mut starts = [ChannelStart { last: Time(0), sent: 0, nth: 0 }; 3];
            for nth in 1..200 {
                for (c, start) in (0..).zip(&mut starts) {
                    let want = each[c as usize].draw(Kind::Delay, c, nth, &mut others);
                    assert_eq!(same.draw(start, c, &each, &mut choices), want, "{each:?}");
                    assert_eq!(start.nth, nth);
                }
            }
        }
    }

    #[test]
    fn what_is_the_rule_is_noticed() {
        let job = JobBuilder::new()
            .source("numbers", 1, Generator::new(4_000))
            .sink("sink", 1, Sink::default())
            .forward("numbers", "sink")
            .build(BackEdges::Refused)
            .expect("it is valid");
        // One message in a microsecond; each takes less than that, or a hundred times as long.
        for (longest, apart) in [(900, true), (100_000, false)] {
            let mut plan = Plan::new("any", job.clone());
            plan.delays.iter_mut().for_each(|d| *d = Delay::uniform(100, longest));
            plan.paces.iter_mut().for_each(|pace| pace.every = 1_000);
            let (mut choices, mut nobody) = (Seeded::new(1), ());
            let mut engine = Engine::new(&plan, TimeOrder::new(longest));
            engine.run(&mut Cx::new(&plan.job.symbols, &mut choices, &mut nobody));
            assert_eq!(engine.net.sparse, apart);
        }
    }
}
