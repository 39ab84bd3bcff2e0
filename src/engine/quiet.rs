//! What it means that nothing is left to happen, and who waits for whom.

use super::event::Event;
use super::state::Engine;
use crate::base::{ChannelId, TaskId};
use crate::trace::{Outcome, Wait};
use crate::world::{Agenda, flag};

impl<'p, A: Agenda<Event>> Engine<'p, A> {
    pub(super) fn outcome_at_rest(&self) -> Outcome {
        let empty = (0..self.net.channels.ends.len() as ChannelId).all(|c| self.net.channels.is_empty(c));
        let blocked = self.net.channels.ends.iter().any(|c| c.flags() & flag::BLOCKED != 0);
        let open = !self.begun.is_empty() || self.tasks.iter().any(|t| !t.up || !t.open.is_empty());
        if !empty || blocked || open {
            return Outcome::Deadlock;
        }
        if self.tasks.iter().any(|t| t.silent) {
            return Outcome::Quiet;
        }
        let ended = self.tasks.iter().all(|t| t.operator.is_some() || t.at_end);
        if ended && !self.plan.has_checkpoints() { Outcome::Finished } else { Outcome::Deadlock }
    }

    /// Who waits for whom.
    pub(super) fn waits(&self) -> Vec<Wait> {
        let mut waits = Vec::new();
        let graph = &self.plan.job.graph;
        for (t, task) in (0..).zip(&self.tasks) {
            let inputs = &graph.inputs[t as usize];
            let state = |c: ChannelId| &self.net.channels.ends[c as usize];
            if inputs.iter().any(|&c| state(c).flags() & flag::BLOCKED != 0) {
                let epoch = self.begun.first().map_or(0, |(e, _)| *e);
                let ended = |c: ChannelId| task.ended.contains(self.net.channels.queues[c as usize].input);
                let out = |&&c: &&ChannelId| state(c).flags() & flag::BLOCKED == 0 && !ended(c);
                waits.extend(inputs.iter().filter(out).map(|&channel| Wait::Alignment { task: t, channel, epoch }));
            }
            let full = |&&c: &&ChannelId| {
                let rest = &self.net.channels.rest[c as usize];
                rest.records >= rest.capacity
            };
            let outputs = graph.outputs[t as usize].iter();
            waits.extend(outputs.filter(full).map(|&channel| Wait::Room { task: t, channel }));
        }
        for (epoch, acked) in &self.begun {
            let missing = (0..self.tasks.len() as TaskId).filter(|&t| !acked.contains(t));
            waits.extend(missing.map(|task| Wait::Acknowledgement { task, epoch: *epoch }));
        }
        waits
    }
}
