//! `durable-restore`: a recovery takes the newest checkpoint that is complete when it decides, and nobody acts
//! between restart and restore.

use super::judge::Judge;
use super::verdict::{Evidence, Property};
use crate::base::{Epoch, TaskId};
use crate::trace::At;

const P: Property = Property::DurableRestore;

pub(super) fn restarting(judge: &mut Judge<'_>, at: At, epoch: Epoch) {
    let newest = judge.ledger.completed.as_ref().map_or(0, |c| c.copies.epoch);
    if epoch == newest {
        return;
    }
    let (kind, story) = if epoch > newest {
        ("incomplete", format!("snapshot {epoch} never completed"))
    } else {
        ("too-old", format!("snapshot {newest} is complete"))
    };
    let message = format!("recovery restarts from snapshot {epoch}, but {story}: the newest complete one is {newest}");
    let evidence = vec![("epoch", Evidence::Number(epoch)), ("expected", Evidence::Number(newest))];
    judge.violate(at, P, kind, message, evidence);
}

pub(super) fn restored(judge: &mut Judge<'_>, at: At, task: TaskId, epoch: Epoch) {
    let want = judge.ledger.restored_from;
    if epoch != want || !judge.ledger.awaiting.contains(task) {
        let name = judge.task(task).to_string();
        let message = format!("{name} is restored from snapshot {epoch}, where the plan says {want} (once)");
        let evidence = vec![
            ("task", Evidence::Text(name)),
            ("epoch", Evidence::Number(epoch)),
            ("expected", Evidence::Number(want)),
        ];
        judge.violate(at, P, "other-epoch", message, evidence);
    }
}

#[cold]
pub(super) fn acted(judge: &mut Judge<'_>, at: At, task: TaskId) {
    if judge.ledger.awaiting.contains(task) {
        let name = judge.task(task).to_string();
        let message = format!("{name} acts between its restart and its restore");
        judge.violate(at, P, "acted-before-restore", message, vec![("task", Evidence::Text(name))]);
    }
}
