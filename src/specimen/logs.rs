//! Protocols that log wrongly: too much, too little, or for the wrong snapshot. What happens to a log once it is
//! closed is elsewhere.

use super::tampered::{as_is, protocol};
use crate::base::Epoch;
use crate::engine::Variant;
use crate::protocol::{Effect, Input, Protocol};

/// Nothing is logged.
pub(super) fn none() -> Variant {
    protocol::<()>(|_, _, _, _, _| {}, as_is)
}

/// Each log begins one record late.
pub(super) fn one_late() -> Variant {
    protocol::<Vec<Epoch>>(
        |abs, begun, _, input, fx| {
            abs.record(input, fx);
            fx.retain(|e| match e {
                Effect::Log(n) if !begun.contains(n) => {
                    begun.push(*n);
                    false
                }
                _ => true,
            });
        },
        |abs, begun, _, input, fx| {
            abs.handle(input, fx);
            forget_closed(begun, fx);
        },
    )
}

fn forget_closed(epochs: &mut Vec<Epoch>, fx: &[Effect]) {
    for effect in fx {
        if let Effect::Store(n) | Effect::Drop(n) = effect {
            epochs.retain(|e| e != n);
        }
    }
}

/// While a log is open, regular inputs are logged too.
pub(super) fn everywhere() -> Variant {
    protocol::<Vec<Epoch>>(
        |abs, open, shape, input, fx| match shape.back.contains(input) {
            true => abs.record(input, fx),
            false => fx.extend(open.iter().map(|&n| Effect::Log(n))),
        },
        |abs, open, _, input, fx| {
            abs.handle(input, fx);
            open.extend(fx.iter().filter_map(|e| if let Effect::Copy(n) = e { Some(*n) } else { None }));
            forget_closed(open, fx);
        },
    )
}

/// There is one log: it belongs to the oldest open snapshot.
pub(super) fn one_for_all() -> Variant {
    protocol::<()>(
        |abs, _, _, input, fx| {
            abs.record(input, fx);
            fx.truncate(1);
        },
        as_is,
    )
}

/// While a log is open, every back-edge is logged, also one whose barrier has come back (D1).
pub(super) fn after_return() -> Variant {
    protocol::<Vec<Epoch>>(
        |_, open, shape, input, fx| {
            if shape.back.contains(input) {
                fx.extend(open.iter().map(|&n| Effect::Log(n)));
            }
        },
        |abs, open, _, input, fx| {
            let restored = matches!(input, Input::Restored { .. });
            abs.handle(input, fx);
            debug_assert!(!restored || open.is_empty(), "[cutline bug] a restore forgets what was open");
            open.extend(fx.iter().filter_map(|e| if let Effect::Copy(n) = e { Some(*n) } else { None }));
            forget_closed(open, fx);
        },
    )
}
