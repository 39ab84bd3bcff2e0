//! `protocol-misuse`: every effect makes sense where it is asked for.

use super::judge::Judge;
use super::verdict::{Evidence, Property};
use crate::base::{Epoch, TaskId};
use crate::trace::At;

#[cold]
pub(super) fn misused(
    judge: &mut Judge<'_>,
    at: At,
    task: Option<TaskId>,
    epoch: Epoch,
    effect: &'static str,
    why: &'static str,
) {
    let who = task.map_or("the coordinator or planner".to_string(), |t| judge.task(t).to_string());
    let message = format!("{who} asks for {effect:?} (epoch {epoch}), which makes no sense here: {why}");
    let evidence = vec![
        ("task", Evidence::Text(who)),
        ("effect", Evidence::Text(effect.into())),
        ("epoch", Evidence::Number(epoch)),
        ("expected", Evidence::Text(why.into())),
    ];
    judge.violate(at, Property::ProtocolMisuse, effect, message, evidence);
}

fn has_copy(judge: &Judge<'_>, task: TaskId, epoch: Epoch) -> bool {
    judge.ledger.cut(epoch).is_some_and(|c| c.copies.tasks[task as usize].is_some())
}

/// Whether a copy makes sense here.
pub(super) fn copied(judge: &mut Judge<'_>, at: At, task: TaskId, epoch: Epoch) -> bool {
    let twice = has_copy(judge, task, epoch);
    if twice {
        misused(judge, at, Some(task), epoch, "copy", "a copy was taken for this epoch already");
    }
    // After an abort that has not reached the task a copy is late, not wrong; it is nobody's any more.
    !twice && judge.ledger.pending.contains(&epoch)
}

/// Whether logging makes sense here.
pub(super) fn logged(judge: &mut Judge<'_>, at: At, task: TaskId, epoch: Epoch) -> bool {
    if !judge.ledger.pending.contains(&epoch) {
        return false;
    }
    let closed = judge.ledger.cut(epoch).is_some_and(|c| c.copies.acked.contains(task));
    if !has_copy(judge, task, epoch) {
        misused(judge, at, Some(task), epoch, "log", "no copy was taken for this epoch");
    } else if closed {
        misused(judge, at, Some(task), epoch, "log", "the part of this epoch was acknowledged already");
    }
    has_copy(judge, task, epoch) && !closed
}

/// Whether an acknowledgement makes sense here.
pub(super) fn acknowledged(judge: &mut Judge<'_>, at: At, task: TaskId, epoch: Epoch) -> bool {
    if !judge.ledger.pending.contains(&epoch) {
        return false;
    }
    let copied = has_copy(judge, task, epoch);
    if !copied {
        misused(judge, at, Some(task), epoch, "acknowledge", "no copy was taken for this epoch");
    }
    copied
}
