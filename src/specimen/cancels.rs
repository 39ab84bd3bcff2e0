//! Protocols that take an abort wrongly. The harm is to *other* snapshots than the one that is aborted.

use super::alignment::asked;
use super::tampered::{logged_as_is, protocol};
use crate::base::Epoch;
use crate::engine::Variant;
use crate::protocol::{Effect, Input, Protocol};

/// The marker leaves when the abort comes, ahead of barriers of older snapshots.
pub(super) fn overtakes() -> Variant {
    protocol::<Epoch>(logged_as_is, |abs, last, _, input, fx| {
        let abort = if let Input::Abort(n) = input { Some(n) } else { None };
        let effects = asked(abs, input);
        if let Some(n) = abort.filter(|&n| effects.is_empty() && n > *last) {
            fx.push(Effect::Cancel(n));
        }
        for effect in effects {
            match effect {
                Effect::Copy(n) | Effect::Cancel(n) | Effect::Decline(n) => *last = n.max(*last),
                Effect::End => *last = Epoch::MAX,
                _ => {}
            }
            fx.push(effect);
        }
    })
}

/// An abort of n makes everything up to n stale, as if it had been aligned.
pub(super) fn one_number() -> Variant {
    protocol::<Epoch>(logged_as_is, |abs, high, shape, input, fx| match input {
        Input::Abort(n) => {
            let effects = asked(abs, input);
            if effects.is_empty() {
                *high = n.max(*high);
            }
            fx.extend(effects);
        }
        Input::Barrier { input, epoch } if epoch <= *high && !shape.back.contains(input) => {}
        other => abs.handle(other, fx),
    })
}

/// An abort of one snapshot ends the logs of all.
pub(super) fn all_logs() -> Variant {
    protocol::<Vec<Epoch>>(
        |abs, ended, _, input, fx| {
            abs.record(input, fx);
            fx.retain(|e| !matches!(e, Effect::Log(n) if ended.contains(n)));
        },
        |abs, ended, shape, input, fx| {
            let abort = if let Input::Abort(n) = input { Some(n) } else { None };
            abs.handle(input, fx);
            if let Some(n) = abort {
                // Which logs are open is asked of a copy of the protocol: what would it log now?
                let mut open = Vec::new();
                shape.back.iter().for_each(|edge| abs.clone().record(edge, &mut open));
                let open = open.into_iter().filter_map(|e| if let Effect::Log(m) = e { Some(m) } else { None });
                *ended = open.filter(|&m| m != n).collect();
                ended.sort_unstable();
                ended.dedup();
            }
        },
    )
}
