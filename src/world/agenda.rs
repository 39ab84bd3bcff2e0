//! Who is next. Two agendas: in the order of time, or in any order.

use crate::base::Time;
use crate::choice::{Choices, Kind, Odds, Site};

/// Decides which event comes next. `E` is small and `Copy`.
pub trait Agenda<E: Copy>: Clone {
    /// Whether events have a time. If not, `schedule` is never called, and what can come next is asked.
    const TIMED: bool;
    /// Puts an event into the future (not before the event that was last returned).
    fn schedule(&mut self, at: Time, e: E);
    /// The same, for an event that comes at the moment of one that was scheduled before, most likely right behind it.
    fn schedule_behind(&mut self, at: Time, e: E) {
        self.schedule(at, e);
    }
    /// Puts an event before all others, at the present time.
    fn first(&mut self, now: Time, e: E);
    /// The next event and its time; `None` if there is none. `enabled` lists what can happen now.
    fn next(
        &mut self,
        now: Time,
        scratch: &mut Vec<E>,
        enabled: impl FnOnce(&mut Vec<E>),
        choices: &mut impl Choices,
    ) -> Option<(Time, E)>;
    /// Takes out the events of which `gone` says so, and hands them back in the order in which they were to come.
    fn withdraw(&mut self, gone: impl FnMut(&E) -> bool) -> Vec<E>;
}

/// Any enabled event can be next: chosen. No time passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyOrder;

impl<E: Copy> Agenda<E> for AnyOrder {
    const TIMED: bool = false;
    fn schedule(&mut self, _: Time, _: E) {}
    fn first(&mut self, _: Time, _: E) {}
    fn next(
        &mut self,
        now: Time,
        scratch: &mut Vec<E>,
        enabled: impl FnOnce(&mut Vec<E>),
        choices: &mut impl Choices,
    ) -> Option<(Time, E)> {
        scratch.clear();
        enabled(scratch);
        if scratch.is_empty() {
            return None;
        }
        let pick = choices.choose(Site { kind: Kind::Next, at: 0, nth: 0 }, Odds::Even(scratch.len() as u32));
        Some((now, scratch[pick as usize]))
    }
    fn withdraw(&mut self, _: impl FnMut(&E) -> bool) -> Vec<E> {
        Vec::new()
    }
}
