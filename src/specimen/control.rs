//! Coordinators and planners that decide wrongly. The tasks do what they should.

use super::tampered::{Altered, coordinator};
use crate::base::Epoch;
use crate::engine::Variant;
use crate::protocol::{
    AnyMachine, CoordinatorEffect as Fx, CoordinatorInput as In, Machine, PlanEffect, PlanInput, Planner,
};
use std::rc::Rc;

/// What task 0 acknowledges never arrives.
pub(super) fn loses_acknowledgements() -> Variant {
    coordinator::<()>(|inner, _, input, fx| {
        if !matches!(input, In::Acknowledge { task: 0, .. }) {
            inner.handle(input, fx);
        }
    })
}

/// Only the oldest pending snapshot counts its acknowledgements.
pub(super) fn counts_the_oldest() -> Variant {
    coordinator::<Vec<Epoch>>(|inner, pending, input, fx| {
        if !matches!(input, In::Acknowledge { epoch, .. } if pending.first().is_some_and(|&oldest| oldest < epoch)) {
            inner.handle(input, fx);
        }
        for effect in fx.iter() {
            match *effect {
                Fx::Begin { epoch } => pending.push(epoch),
                Fx::Complete { epoch } | Fx::Abort { epoch, .. } => pending.retain(|&e| e != epoch),
                _ => {}
            }
        }
    })
}

/// The next snapshot that completes takes the one that was aborted before it along.
pub(super) fn completes_what_it_aborted() -> Variant {
    coordinator::<Epoch>(|inner, aborted, input, fx| {
        inner.handle(input, fx);
        for i in 0..fx.len() {
            match fx[i] {
                Fx::Abort { epoch, .. } => *aborted = epoch,
                Fx::Complete { .. } if *aborted != 0 => fx.push(Fx::Complete { epoch: std::mem::take(aborted) }),
                _ => {}
            }
        }
    })
}

fn planner(handle: fn(&mut Planner, &mut (), PlanInput, &mut Vec<PlanEffect>)) -> Variant {
    let wrap = move |shipped| AnyMachine::Boxed(Box::new(Altered::new(shipped, handle)) as _);
    Variant { planner: Some(Rc::new(wrap)), ..Variant::default() }
}

fn move_offsets(fx: &mut [PlanEffect], by: fn(u64) -> u64) {
    for effect in fx {
        if let PlanEffect::Rewind { offset, .. } = effect {
            *offset = by(*offset);
        }
    }
}

/// Sources go on one record too late.
pub(super) fn too_far() -> Variant {
    planner(|inner, _, input, fx| {
        inner.handle(input, fx);
        move_offsets(fx, |offset| offset + 1);
    })
}

/// Sources go on one record too early.
pub(super) fn too_near() -> Variant {
    planner(|inner, _, input, fx| {
        inner.handle(input, fx);
        move_offsets(fx, |offset| offset.saturating_sub(1));
    })
}

/// Takes the newest snapshot of which the store has anything.
pub(super) fn takes_incomplete() -> Variant {
    planner(|inner, _, input, fx| match input {
        PlanInput::Failure(mut held) => {
            held.iter_mut().for_each(|h| h.complete = true);
            inner.handle(PlanInput::Failure(held), fx);
        }
        other => inner.handle(other, fx),
    })
}
