//! Protocols that align wrongly: when they block, when they copy, when the barrier goes on. Cancelling is
//! elsewhere, and so is logging.

use super::tampered::{as_is, logged_as_is, protocol};
use crate::base::{Bits, Epoch};
use crate::engine::Variant;
use crate::protocol::{Abs, AbsSpec, AnyProtocol, Effect, Input, Protocol, ProtocolSpec, Shape};
use std::rc::Rc;

/// The first barrier counts as all of them.
pub(super) fn none() -> Variant {
    protocol::<()>(logged_as_is, |abs, _, shape, input, fx| match input {
        Input::Barrier { input, epoch } if !shape.back.contains(input) => {
            let regular = (0..shape.inputs).filter(|&i| !shape.back.contains(i));
            regular.for_each(|input| abs.handle(Input::Barrier { input, epoch }, fx));
            unblock(fx, |input| shape.back.contains(input));
        }
        other => abs.handle(other, fx),
    })
}

/// Takes out what would block an input, unless it `stays`.
fn unblock(fx: &mut Vec<Effect>, stays: impl Fn(u32) -> bool) {
    fx.retain(|e| match e {
        Effect::Block { input, .. } | Effect::Unblock { input, .. } => stays(*input),
        _ => true,
    });
}

/// The state is copied when the first barrier comes; everything else is as it should be.
pub(super) fn copied_first() -> Variant {
    protocol::<Vec<Epoch>>(logged_as_is, |abs, copied, _, input, fx| {
        for effect in asked(abs, input) {
            match effect {
                Effect::Block { epoch, .. } if !copied.contains(&epoch) => {
                    copied.push(epoch);
                    fx.extend([Effect::Copy(epoch), effect]);
                }
                Effect::Copy(n) if copied.contains(&n) => copied.retain(|&e| e != n),
                Effect::Decline(n) if copied.contains(&n) => {
                    copied.retain(|&e| e != n);
                    fx.extend([Effect::Drop(n), effect]);
                }
                _ => fx.push(effect),
            }
        }
    })
}

/// The barrier goes on when the first one comes; records that come before the copy are sent behind it.
pub(super) fn barrier_first() -> Variant {
    protocol::<Epoch>(logged_as_is, |abs, sent, shape, input, fx| {
        for effect in asked(abs, input) {
            match effect {
                Effect::Block { input, epoch } if epoch > *sent && !shape.back.contains(input) => {
                    *sent = epoch;
                    fx.extend([Effect::Barrier(epoch), effect]);
                }
                Effect::Barrier(n) | Effect::Cancel(n) if n <= *sent => {}
                _ => fx.push(effect),
            }
        }
    })
}

/// What the shipped protocol asks for.
pub(super) fn asked(abs: &mut Abs, input: Input) -> Vec<Effect> {
    let mut fx = Vec::new();
    abs.handle(input, &mut fx);
    fx
}

/// A back-edge whose barrier comes back before the copy is not held.
pub(super) fn early_edge() -> Variant {
    protocol::<()>(logged_as_is, |abs, _, shape, input, fx| {
        abs.handle(input, fx);
        unblock(fx, |input| !shape.back.contains(input));
    })
}

/// Logs for the epoch that is still being aligned.
pub(super) fn logs_before_copy() -> Variant {
    protocol::<Epoch>(
        |abs, aligning, _, input, fx| {
            abs.record(input, fx);
            if *aligning != 0 {
                fx.push(Effect::Log(*aligning));
            }
        },
        |abs, aligning, shape, input, fx| {
            as_is(abs, aligning, shape, input, fx);
            for effect in fx.iter() {
                match *effect {
                    Effect::Block { epoch, .. } => *aligning = epoch,
                    Effect::Copy(_) | Effect::Decline(_) => *aligning = 0,
                    _ => {}
                }
            }
        },
    )
}

/// Waits on a loop as on any other input.
struct AlgorithmOne;

impl ProtocolSpec for AlgorithmOne {
    fn task(&self, shape: &Shape) -> AnyProtocol {
        AnyProtocol::custom(Abs::new(&Shape { back: Bits::default(), ..shape.clone() }))
    }
}

/// Algorithm 1, whatever the graph.
pub(super) fn algorithm_1() -> Variant {
    Variant { protocol: Rc::new(AlgorithmOne), ..Variant::default() }
}

/// The shipped protocol, for specimens that are wrong elsewhere.
pub(super) fn shipped() -> Variant {
    Variant { protocol: Rc::new(AbsSpec), ..Variant::default() }
}
