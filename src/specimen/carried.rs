//! Links and store clients that break what they carry. Protocol, coordinator and planner are as shipped.

use super::operators::Echo;
use super::tampered::{Altered, Memory};
use crate::base::{ChannelId, Digester, TaskId};
use crate::dataflow::AnyOperator;
use crate::engine::{Access, Content, Message, Variant};
use std::rc::Rc;

/// What a link holds back: (channel, message); and how many records it has seen.
#[derive(Clone, Default)]
struct Held {
    back: Vec<(ChannelId, Message)>,
    seen: u64,
}

impl Memory for Held {
    fn digest(&self, d: &mut Digester) {
        d.word(self.seen % 8);
        for (c, m) in &self.back {
            d.word(*c as u64);
            if let Message::Record { record, .. } = m {
                d.word(record.word());
            }
        }
    }
}

type Carried = (ChannelId, Message);

/// Every eighth record lets the one behind it pass.
fn swap(_: &mut (), held: &mut Held, (c, m): Carried, out: &mut Vec<Carried>) {
    let place = held.back.iter().position(|(of, _)| *of == c);
    let before = place.map(|i| held.back.remove(i).1);
    match (before, m) {
        (Some(Message::Record { seq: first, .. }), Message::Record { seq, .. }) if seq == first + 1 => {
            out.push((c, m));
            out.extend(before.map(|b| (c, b)));
        }
        // A record that a restart has made void is not sent.
        (Some(Message::Record { seq: first, .. }), Message::Record { seq, .. }) if seq <= first => out.push((c, m)),
        (Some(b), _) => out.extend([(c, b), (c, m)]),
        (None, Message::Record { .. }) => {
            held.seen += 1;
            if held.seen.is_multiple_of(8) { held.back.push((c, m)) } else { out.push((c, m)) }
        }
        (None, _) => out.push((c, m)),
    }
}

/// Two records of a channel change places, now and then.
pub(super) fn swapping() -> Variant {
    let link = || Box::new(Altered::new((), swap)) as _;
    Variant { link: Some(Rc::new(link)), ..Variant::default() }
}

fn client<S: Memory>(handle: fn(&mut (), &mut S, Access, &mut Vec<Content>)) -> Variant {
    let make = move || Box::new(Altered::new((), handle)) as _;
    Variant { client: Some(Rc::new(make)), ..Variant::default() }
}

/// Tampers with what is read.
fn on_read(access: Access, out: &mut Vec<Content>, tamper: impl FnOnce(&mut Content)) {
    match access {
        Access::Read { mut content, .. } => {
            tamper(&mut content);
            out.push(content);
        }
        Access::Write { content, .. } => out.push(content),
    }
}

/// Every logged record comes twice.
pub(super) fn log_twice() -> Variant {
    client::<()>(|_, _, access, out| on_read(access, out, |content| content.log.extend_from_within(..)))
}

/// The newest logged record comes first.
pub(super) fn log_reversed() -> Variant {
    client::<()>(|_, _, access, out| on_read(access, out, |content| content.log.reverse()))
}

/// The last logged record is not written.
pub(super) fn log_cut_short() -> Variant {
    client::<()>(|_, _, access, out| match access {
        Access::Write { mut content, .. } => {
            content.log.pop();
            out.push(content);
        }
        Access::Read { content, .. } => out.push(content),
    })
}

/// What is restored has the copied state, and sends something else.
pub(super) fn phantom() -> Variant {
    client::<()>(|_, _, access, out| {
        on_read(access, out, |content| {
            content.operator = content.operator.take().map(|o| AnyOperator::custom(Echo(o)));
        });
    })
}

/// For each task that replays a log, its state before that: the next copy is taken there.
#[derive(Clone, Default)]
struct Before(Vec<(TaskId, AnyOperator)>);

impl Memory for Before {
    fn digest(&self, d: &mut Digester) {
        for (task, operator) in &self.0 {
            d.word(*task as u64);
            d.word(operator.state());
        }
    }
}

fn keep_before(_: &mut (), before: &mut Before, access: Access, out: &mut Vec<Content>) {
    match access {
        Access::Read { task, content, .. } => {
            before.0.retain(|(t, _)| *t != task);
            if let Some(operator) = content.operator.clone().filter(|_| !content.log.is_empty()) {
                before.0.push((task, operator));
            }
            out.push(content);
        }
        Access::Write { task, mut content, .. } => {
            if let Some(i) = before.0.iter().position(|(t, _)| *t == task) {
                content.operator = Some(before.0.remove(i).1);
            }
            out.push(content);
        }
    }
}

/// The first copy after a restore is of the state before the log was replayed.
pub(super) fn copies_during_replay() -> Variant {
    client::<Before>(keep_before)
}
