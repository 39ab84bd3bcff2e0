//! `operator-panic`: no operator panics; the verdict names task and record.

use super::judge::Judge;
use super::verdict::{Evidence, Property};
use crate::base::{ChannelId, Record, TaskId};
use crate::trace::At;

#[cold]
pub(super) fn panicked(judge: &mut Judge<'_>, at: At, task: TaskId, channel: Option<ChannelId>, r: Record) {
    let name = judge.task(task).to_string();
    let from = channel.map_or(String::new(), |c| format!(" of {}", judge.job.graph.spell_channel(c)));
    let message = format!("the operator of {name} panicked on a record{from}");
    let mut evidence = vec![("task", Evidence::Text(name))];
    evidence.extend(channel.map(|c| ("record", Evidence::Record(c, r))));
    judge.violate(at, Property::OperatorPanic, "panicked", message, evidence);
}
