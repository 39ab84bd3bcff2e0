//! The checkpoint coordinator: triggers, collects acknowledgements, decides, aborts (`rules.md` 3).
//!
//! Periodic triggers, or triggers by position: when the first source passes its position r_k, the next id is
//! given; each source takes it at its own r_k, or at its end if that comes first. It knows nothing of
//! channels: that the job may end it learns from the cuts themselves (`algorithm.md`, "The end of a job").

use super::machine::Machine;
use crate::base::{Attempt, Bits, Digester, Epoch, TaskId, copy_list};
use std::rc::Rc;

/// Settings of the coordinator. Times in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct CoordinatorSettings {
    /// The number of tasks.
    pub tasks: u32,
    /// The sources among them.
    pub sources: Vec<TaskId>,
    /// Time between periodic triggers.
    pub every: Option<u64>,
    /// How many positions there are to trigger at.
    pub positions: u32,
    /// The most periodic checkpoints in flight; at least 1.
    pub max_concurrent: u32,
    /// Pause after a completion before the next periodic trigger.
    pub min_pause: u64,
    /// Pause before a checkpoint that is triggered because all sources have ended.
    pub final_pause: u64,
    /// After how long a pending checkpoint is aborted.
    pub timeout: Option<u64>,
    /// How many completed checkpoints are kept; at least 1.
    pub retain: u32,
}

/// What the coordinator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum CoordinatorInput {
    /// The run begins.
    Start,
    /// The timer of the triggers went off.
    Tick,
    /// The pause after a completion is over.
    Rested,
    /// A source has read the records before its position `position` (an index).
    Passed { task: TaskId, position: u32 },
    /// A source has nothing more to read: it `ended`, or fell silent.
    SourceDone { task: TaskId, attempt: Attempt, ended: bool },
    /// A task's part is durable. `at_end`: the task is a source that had ended in the copy; `empty`: it logged
    /// nothing.
    Acknowledge { task: TaskId, attempt: Attempt, epoch: Epoch, at_end: bool, empty: bool },
    /// A task will not deliver its part.
    Decline { task: TaskId, attempt: Attempt, epoch: Epoch },
    /// The timer of a pending checkpoint went off.
    Timeout { epoch: Epoch },
    /// The write of the metadata is durable: the decision.
    Written { epoch: Epoch },
    /// The failure of a task was detected.
    Failed,
    /// All tasks restart, with this attempt.
    Restarted { attempt: Attempt },
}

/// To whom a trigger goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Every task.
    All,
    /// Every task that is no source.
    Others,
    /// One task.
    Task(TaskId),
}

/// What the coordinator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum CoordinatorEffect {
    /// A new checkpoint begins.
    Begin {
        epoch: Epoch,
    },
    Trigger {
        epoch: Epoch,
        to: To,
    },
    /// Input [`CoordinatorInput::Tick`] after so long.
    TickAfter(u64),
    /// Input [`CoordinatorInput::Rested`] after so long.
    RestFor(u64),
    /// Input [`CoordinatorInput::Timeout`] for this epoch after so long.
    TimeoutAfter {
        epoch: Epoch,
        ns: u64,
    },
    /// Write the metadata of this checkpoint to the completed store.
    Write {
        epoch: Epoch,
    },
    /// The checkpoint is complete: tell all tasks.
    Complete {
        epoch: Epoch,
    },
    /// The checkpoint is given up; `tell`: all tasks are told.
    Abort {
        epoch: Epoch,
        reason: &'static str,
        tell: bool,
    },
    /// A completed checkpoint is no longer kept.
    Release {
        epoch: Epoch,
    },
    /// The job has ended with this checkpoint.
    Finish {
        epoch: Epoch,
    },
}

use CoordinatorEffect as Fx;

#[derive(Clone, Debug)]
struct Pending {
    epoch: Epoch,
    position: Option<u32>,
    /// The sources that have been given the trigger (by position only).
    given: Bits,
    acked: Bits,
    /// Sources that had ended in their copies.
    ended: u32,
    /// No log has anything in it.
    empty: bool,
    /// The metadata is being written: undecided, neither to be aborted nor deleted.
    writing: bool,
}

/// The shipped coordinator.
#[derive(Debug)]
pub struct Coordinator {
    settings: Rc<CoordinatorSettings>,
    attempt: Attempt,
    next: Epoch,
    /// Ascending.
    pending: Vec<Pending>,
    completed: Vec<Epoch>,
    /// Positions whose checkpoint completed.
    done_positions: Bits,
    /// Positions whose checkpoint was aborted: sources that passed by took it, so no new one begins there
    /// before a restart.
    lost_positions: Bits,
    /// Sources that ended, and those that fell silent.
    ended: Bits,
    silent: Bits,
    ticking: bool,
    /// Pauses after a completion that are not over: the last one counts.
    resting: u32,
    /// A periodic trigger waits for a place among those in flight.
    due: bool,
    finished: bool,
}

impl Clone for Coordinator {
    fn clone(&self) -> Self {
        let mut copy = Coordinator::fresh(Rc::clone(&self.settings));
        copy.clone_from(self);
        copy
    }
    /// Everything but the settings: they never change.
    fn clone_from(&mut self, o: &Self) {
        (self.attempt, self.next) = (o.attempt, o.next);
        copy_list(&mut self.pending, &o.pending);
        copy_list(&mut self.completed, &o.completed);
        self.done_positions.clone_from(&o.done_positions);
        self.lost_positions.clone_from(&o.lost_positions);
        self.ended.clone_from(&o.ended);
        self.silent.clone_from(&o.silent);
        (self.ticking, self.resting, self.due, self.finished) = (o.ticking, o.resting, o.due, o.finished);
    }
}

impl Coordinator {
    /// A coordinator before the run begins.
    pub fn new(settings: CoordinatorSettings) -> Self {
        Coordinator::fresh(Rc::new(settings))
    }

    fn fresh(settings: Rc<CoordinatorSettings>) -> Self {
        Coordinator {
            settings,
            attempt: 1,
            next: 0,
            pending: Vec::new(),
            completed: Vec::new(),
            done_positions: Bits::default(),
            lost_positions: Bits::default(),
            ended: Bits::default(),
            silent: Bits::default(),
            ticking: false,
            resting: 0,
            due: false,
            finished: false,
        }
    }

    fn begin(&mut self, position: Option<u32>, fx: &mut Vec<Fx>) -> Epoch {
        self.next += 1;
        let epoch = self.next;
        let fresh = Bits::default;
        self.pending.push(Pending {
            epoch,
            position,
            given: fresh(),
            acked: fresh(),
            ended: 0,
            empty: true,
            writing: false,
        });
        fx.push(Fx::Begin { epoch });
        if let Some(ns) = self.settings.timeout {
            fx.push(Fx::TimeoutAfter { epoch, ns });
        }
        epoch
    }

    fn begin_everywhere(&mut self, fx: &mut Vec<Fx>) {
        let epoch = self.begin(None, fx);
        fx.push(Fx::Trigger { epoch, to: To::All });
    }

    fn tick(&mut self, fx: &mut Vec<Fx>) {
        self.ticking = false;
        if self.finished {
            return;
        }
        if self.settings.every.is_none() {
            return if self.may_begin_final() {
                self.begin_everywhere(fx)
            };
        }
        self.due = true;
        self.trigger_if_due(fx);
    }

    fn trigger_if_due(&mut self, fx: &mut Vec<Fx>) {
        let room = (self.pending.len() as u32) < self.settings.max_concurrent;
        if !self.due || !room || self.resting > 0 || self.finished {
            return;
        }
        self.due = false;
        self.begin_everywhere(fx);
        self.rearm(fx);
    }

    /// The next periodic trigger, unless every source is silent or ended and not all ended: then nothing
    /// would ever be new.
    fn rearm(&mut self, fx: &mut Vec<Fx>) {
        let sources = self.settings.sources.len() as u32;
        let quiet = !self.silent.is_empty() && self.silent.len() + self.ended.len() == sources;
        if let Some(ns) = self.settings.every
            && !self.ticking
            && !quiet
        {
            self.ticking = true;
            fx.push(Fx::TickAfter(ns));
        }
    }

    /// By position, the coordinator goes on by itself once all sources have ended.
    fn may_begin_final(&self) -> bool {
        !self.finished && self.pending.is_empty() && self.ended.len() == self.settings.sources.len() as u32
    }

    fn arm_final(&mut self, fx: &mut Vec<Fx>) {
        if self.settings.every.is_none() && self.settings.positions > 0 && self.may_begin_final() && !self.ticking {
            self.ticking = true;
            fx.push(Fx::TickAfter(self.settings.final_pause));
        }
    }

    fn passed(&mut self, task: TaskId, position: u32, fx: &mut Vec<Fx>) {
        if self.done_positions.contains(position) || self.lost_positions.contains(position) {
            return;
        }
        if let Some(p) = self.pending.iter_mut().find(|p| p.position == Some(position)) {
            if p.given.insert(task) {
                fx.push(Fx::Trigger { epoch: p.epoch, to: To::Task(task) });
            }
            return;
        }
        let epoch = self.begin(Some(position), fx);
        fx.push(Fx::Trigger { epoch, to: To::Others });
        let at_end = self.settings.sources.iter().filter(|&&s| self.ended.contains(s) || self.silent.contains(s));
        let p = self.pending.len() - 1;
        for &t in at_end.chain([&task]) {
            if self.pending[p].given.insert(t) {
                fx.push(Fx::Trigger { epoch, to: To::Task(t) });
            }
        }
    }

    fn source_done(&mut self, task: TaskId, ended: bool, fx: &mut Vec<Fx>) {
        if ended {
            self.ended.insert(task)
        } else {
            self.silent.insert(task)
        };
        for p in self.pending.iter_mut().filter(|p| p.position.is_some()) {
            if p.given.insert(task) {
                fx.push(Fx::Trigger { epoch: p.epoch, to: To::Task(task) });
            }
        }
        self.arm_final(fx);
    }

    fn acknowledge(&mut self, task: TaskId, epoch: Epoch, at_end: bool, empty: bool, fx: &mut Vec<Fx>) {
        let Some(p) = self.pending.iter_mut().find(|p| p.epoch == epoch) else { return };
        if !p.acked.insert(task) {
            return;
        }
        p.ended += at_end as u32;
        p.empty &= empty;
        self.write_next(fx);
    }

    /// Writes the oldest fully acknowledged checkpoint, unless one is being written.
    fn write_next(&mut self, fx: &mut Vec<Fx>) {
        let tasks = self.settings.tasks;
        if self.pending.iter().any(|p| p.writing) {
            return;
        }
        if let Some(p) = self.pending.iter_mut().find(|p| p.acked.covers(tasks)) {
            p.writing = true;
            fx.push(Fx::Write { epoch: p.epoch });
        }
    }

    fn written(&mut self, epoch: Epoch, fx: &mut Vec<Fx>) {
        let Some(i) = self.pending.iter().position(|p| p.epoch == epoch) else { return };
        let done = self.pending.remove(i);
        while self.pending.first().is_some_and(|p| p.epoch < epoch) {
            let epoch = self.pending.remove(0).epoch;
            fx.push(Fx::Abort { epoch, reason: "subsumed", tell: false });
        }
        self.completed.push(epoch);
        if let Some(position) = done.position {
            self.done_positions.insert(position);
        }
        fx.push(Fx::Complete { epoch });
        if self.completed.len() as u32 > self.settings.retain.max(1) {
            let epoch = self.completed.remove(0);
            fx.push(Fx::Release { epoch });
        }
        if done.ended == self.settings.sources.len() as u32 && done.empty {
            self.finished = true;
            // Nobody waits for what is still open: the job is over.
            let open = self.pending.drain(..);
            fx.extend(open.map(|p| Fx::Abort { epoch: p.epoch, reason: "finished", tell: false }));
            fx.push(Fx::Finish { epoch });
            return;
        }
        if self.settings.min_pause > 0 {
            self.resting += 1;
            fx.push(Fx::RestFor(self.settings.min_pause));
        }
        self.write_next(fx);
        self.go_on(fx);
    }

    fn go_on(&mut self, fx: &mut Vec<Fx>) {
        self.trigger_if_due(fx);
        self.arm_final(fx);
    }

    fn abort(&mut self, epoch: Epoch, reason: &'static str, fx: &mut Vec<Fx>) {
        let Some(i) = self.pending.iter().position(|p| p.epoch == epoch && !p.writing) else { return };
        if let Some(position) = self.pending.remove(i).position {
            self.lost_positions.insert(position);
        }
        fx.push(Fx::Abort { epoch, reason, tell: true });
        self.go_on(fx);
    }

    fn failed(&mut self, fx: &mut Vec<Fx>) {
        for p in self.pending.extract_if(.., |p| !p.writing) {
            fx.push(Fx::Abort { epoch: p.epoch, reason: "failure", tell: true });
        }
    }

    fn restarted(&mut self, attempt: Attempt, fx: &mut Vec<Fx>) {
        self.attempt = attempt;
        self.lost_positions.clear();
        self.ended.clear();
        self.silent.clear();
        self.go_on(fx);
        if !self.due {
            self.rearm(fx);
        }
    }
}

impl Machine<CoordinatorInput, CoordinatorEffect> for Coordinator {
    fn handle(&mut self, input: CoordinatorInput, fx: &mut Vec<CoordinatorEffect>) {
        use CoordinatorInput::*;
        match input {
            Start => self.rearm(fx),
            Tick => self.tick(fx),
            Rested => {
                self.resting -= 1;
                self.trigger_if_due(fx);
            }
            Passed { task, position } => self.passed(task, position, fx),
            // What a previous attempt sends is refused.
            SourceDone { attempt, .. } | Acknowledge { attempt, .. } | Decline { attempt, .. }
                if attempt != self.attempt => {}
            SourceDone { task, ended, .. } => self.source_done(task, ended, fx),
            Acknowledge { task, epoch, at_end, empty, .. } => self.acknowledge(task, epoch, at_end, empty, fx),
            Decline { epoch, .. } => self.abort(epoch, "declined", fx),
            Timeout { epoch } => self.abort(epoch, "timeout", fx),
            Written { epoch } => self.written(epoch, fx),
            Failed => self.failed(fx),
            Restarted { attempt } => self.restarted(attempt, fx),
        }
        debug_assert!(self.pending.is_sorted_by(|a, b| a.epoch < b.epoch), "[cutline bug] pending ids not ascending");
        debug_assert!(self.pending.iter().filter(|p| p.writing).count() <= 1, "[cutline bug] two undecided");
    }

    fn digest(&self, d: &mut Digester) {
        for p in &self.pending {
            d.epoch(p.epoch);
            d.word(p.position.map_or(0, |k| k as u64 + 1));
            d.bits(&p.given);
            d.bits(&p.acked);
            d.word((p.ended as u64) << 2 | (p.empty as u64) << 1 | p.writing as u64);
        }
        self.completed.iter().for_each(|&e| d.epoch(e));
        d.bits(&self.done_positions);
        d.bits(&self.lost_positions);
        d.bits(&self.ended);
        d.bits(&self.silent);
        let flags = [self.ticking, self.resting > 0, self.due, self.finished];
        d.word(flags.iter().fold(0, |w, &f| w << 1 | f as u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_whose_checkpoint_was_aborted_waits_for_a_restart() {
        let settings = CoordinatorSettings { tasks: 2, sources: vec![0, 1], positions: 1, ..Default::default() };
        let mut c = Coordinator::new(settings);
        let mut told = |input| {
            let mut fx = Vec::new();
            c.handle(input, &mut fx);
            fx
        };
        assert!(told(CoordinatorInput::Passed { task: 0, position: 0 }).contains(&Fx::Begin { epoch: 1 }));
        told(CoordinatorInput::Decline { task: 0, attempt: 1, epoch: 1 });
        assert_eq!(told(CoordinatorInput::Passed { task: 1, position: 0 }), [], "source 0 is past it");
        told(CoordinatorInput::Restarted { attempt: 2 });
        assert!(told(CoordinatorInput::Passed { task: 1, position: 0 }).contains(&Fx::Begin { epoch: 2 }));
    }

    #[test]
    fn at_the_end_of_the_job_what_is_still_open_is_aborted() {
        let (sources, every) = (vec![0], Some(5));
        let settings = CoordinatorSettings { tasks: 1, sources, every, max_concurrent: 2, ..Default::default() };
        let mut c = Coordinator::new(settings);
        let mut fx = Vec::new();
        let ack = CoordinatorInput::Acknowledge { task: 0, attempt: 1, epoch: 1, at_end: true, empty: true };
        let inputs = [CoordinatorInput::Start, CoordinatorInput::Tick, CoordinatorInput::Tick, ack];
        inputs.into_iter().for_each(|i| c.handle(i, &mut fx));
        fx.clear();
        c.handle(CoordinatorInput::Written { epoch: 1 }, &mut fx);
        let abort = Fx::Abort { epoch: 2, reason: "finished", tell: false };
        assert_eq!(fx, [Fx::Complete { epoch: 1 }, abort, Fx::Finish { epoch: 1 }]);
    }

    #[test]
    fn a_pause_counts_from_the_last_completion() {
        let settings = CoordinatorSettings {
            tasks: 1,
            sources: vec![0],
            every: Some(5),
            max_concurrent: 2,
            min_pause: 100,
            ..CoordinatorSettings::default()
        };
        let mut c = Coordinator::new(settings);
        let mut told = |input| {
            let mut fx = Vec::new();
            c.handle(input, &mut fx);
            fx
        };
        told(CoordinatorInput::Start);
        told(CoordinatorInput::Tick);
        told(CoordinatorInput::Tick);
        for epoch in [1, 2] {
            let input = CoordinatorInput::Acknowledge { task: 0, attempt: 1, epoch, at_end: false, empty: true };
            assert_eq!(told(input), [Fx::Write { epoch }]);
            assert!(told(CoordinatorInput::Written { epoch }).contains(&Fx::RestFor(100)));
        }
        assert_eq!(told(CoordinatorInput::Tick), []);
        assert_eq!(told(CoordinatorInput::Rested), [], "the pause of the first completion: the second one's goes on");
        assert!(told(CoordinatorInput::Rested).contains(&Fx::Begin { epoch: 3 }));
    }
}
