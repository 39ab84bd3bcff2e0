//! A second judge, which reads a trace as anyone could: JSON Lines, and the text of the contract. It shares no
//! code with the library; what it knows of a run is what the file says.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

type Task = u64;
type Channel = u64;
type Epoch = u64;
/// A record, by its place among those that were seen.
type Rec = usize;

/// What is wrong with a trace, and in which line (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub line: usize,
    pub what: String,
}

/// What a trace amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub completed: u64,
    pub aborted: u64,
    pub restarts: u64,
    pub processed: u64,
    pub outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    Record(u64),
    Barrier(Epoch),
    Cancel(Epoch),
    End,
}

/// The history that leads to the present, rewound at each restart.
#[derive(Clone, Default)]
struct History {
    sent: BTreeMap<Channel, Vec<Rec>>,
    received: BTreeMap<Channel, Vec<Rec>>,
    offsets: BTreeMap<(Task, u64), u64>,
}

/// The part of a snapshot that one task has.
#[derive(Clone)]
struct Copy {
    state: String,
    /// Of this task's own channels and splits alone.
    history: History,
    log: Vec<(Channel, u64, Rec)>,
    acknowledged: bool,
}

#[derive(Default)]
struct TaskState {
    name: String,
    source: bool,
    attempt: u64,
    down: bool,
    /// What it must still replay, and whether its state is back.
    replay: VecDeque<(Channel, u64, Rec)>,
    restoring: bool,
    ended: BTreeSet<Channel>,
    /// The read that comes before what it sends: split and offset.
    reading: Option<(u64, u64)>,
    notified: BTreeMap<Epoch, String>,
}

#[derive(Default)]
struct ChannelState {
    from: Task,
    to: Task,
    transit: VecDeque<Message>,
    /// What was taken off it last.
    taken: Option<Message>,
    blocked: Option<Epoch>,
    /// The highest barrier or marker that was sent.
    highest: Epoch,
    closed: bool,
}

#[derive(Default)]
pub struct Checker {
    line: usize,
    wrong: Option<Wrong>,
    tasks: BTreeMap<Task, TaskState>,
    channels: BTreeMap<Channel, ChannelState>,
    logs: BTreeSet<Channel>,
    step: u64,
    at: u64,
    records: BTreeMap<String, Rec>,
    now: History,
    /// What a source read at (task, split, offset).
    read: BTreeMap<(Task, u64, u64), Rec>,
    first_states: BTreeMap<Task, String>,
    cuts: BTreeMap<Epoch, BTreeMap<Task, Copy>>,
    triggered: BTreeSet<Epoch>,
    completed: BTreeSet<Epoch>,
    aborted: BTreeSet<Epoch>,
    restored_from: Epoch,
    /// Records that were in transit at the last restart.
    refused: BTreeSet<(Channel, u64)>,
    handles: BTreeMap<u64, (Task, Epoch, bool)>,
    over: bool,
    summary: Summary,
}

fn number(v: &Value, name: &str) -> Result<u64, String> {
    let field = &v[name];
    let text = field.as_str().and_then(|t| t.parse().ok());
    field.as_u64().or(text).ok_or_else(|| format!("{name:?} is no number in {v}"))
}

fn text(v: &Value, name: &str) -> Result<String, String> {
    v[name].as_str().map(str::to_string).ok_or_else(|| format!("{name:?} is no text in {v}"))
}

fn list<'a>(v: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    v[name].as_array().ok_or_else(|| format!("{name:?} is no list in {v}"))
}

/// Fails with this message unless the condition holds.
macro_rules! want {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err(format!($($message)*));
        }
    };
}

impl Checker {
    /// Takes a line. After the first wrong one, nothing more is looked at.
    pub fn line(&mut self, line: &str) {
        self.line += 1;
        if self.wrong.is_none()
            && let Err(what) = self.take(line)
        {
            self.wrong = Some(Wrong { line: self.line, what });
        }
    }

    /// The file is over.
    pub fn finish(mut self) -> Result<Summary, Wrong> {
        if let Some(w) = self.wrong {
            return Err(w);
        }
        match self.over {
            true => Ok(self.summary),
            false => {
                self.line += 1;
                Err(Wrong { line: self.line, what: "the last line is not \"end\"".into() })
            }
        }
    }

    /// Checks a whole file.
    pub fn check<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Summary, Wrong> {
        let mut checker = Checker::default();
        lines.into_iter().for_each(|l| checker.line(l));
        checker.finish()
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let v: Value = serde_json::from_str(line).map_err(|e| format!("no JSON: {e}"))?;
        if self.line == 1 {
            return self.header(&v);
        }
        want!(!self.over, "a line after \"end\"");
        let (step, at) = (number(&v, "step")?, number(&v, "at_ns")?);
        want!(step >= self.step && at >= self.at, "step or time goes back");
        (self.step, self.at) = (step, at);
        let fact = text(&v, "fact")?;
        if v["task"].is_null() {
            return self.coordinator(&fact, &v);
        }
        let (t, attempt) = (number(&v, "task")?, number(&v, "attempt")?);
        let Some(task) = self.tasks.get(&t) else { return Err(format!("there is no task {t}")) };
        want!(attempt <= task.attempt, "attempt {attempt} of {} has not begun", task.name);
        if ["stored", "deleted", "discarded"].contains(&fact.as_str()) {
            return self.world(&fact, t, &v);
        }
        if attempt < task.attempt {
            return Ok(()); // a zombie's: belongs to no history
        }
        want!(!task.down || fact == "restored", "{} is dead, and has a line ({fact})", task.name);
        let waits = task.restoring && fact != "restored" && fact != "crashed";
        want!(!waits, "{} has a line ({fact}) between its restart and its restore", task.name);
        let replays = task.replay.is_empty() || ["restored", "replayed", "sent", "crashed"].contains(&fact.as_str());
        want!(replays, "{} has a line ({fact}) before it has replayed its log", task.name);
        if let Ok(c) = number(&v, "channel") {
            let channel = self.channels.get(&c).ok_or(format!("there is no channel {c}"))?;
            let sends = ["sent", "barrier-sent", "cancel-sent", "end-sent"].contains(&fact.as_str());
            want!(if sends { channel.from } else { channel.to } == t, "channel {c} is none of task {t}'s");
        }
        if fact.ends_with("-sent") || fact == "sent" { self.sends(&fact, t, &v) } else { self.own(&fact, t, &v) }
    }

    fn header(&mut self, v: &Value) -> Result<(), String> {
        want!(number(v, "cutline_trace")? == 1, "unknown version");
        for name in ["scenario", "protocol"] {
            text(v, name)?;
        }
        number(v, "seed")?;
        want!(text(v, "guarantee")? == "exactly-once", "this judge knows exactly-once alone");
        for t in list(v, "tasks")? {
            let role = text(t, "role")?;
            want!(["source", "operator", "sink"].contains(&role.as_str()), "unknown role {role}");
            let state =
                TaskState { name: text(t, "name")?, source: role == "source", attempt: 1, ..Default::default() };
            self.tasks.insert(number(t, "id")?, state);
        }
        for c in list(v, "channels")? {
            let (from, to) = (number(c, "from")?, number(c, "to")?);
            want!(self.tasks.contains_key(&from) && self.tasks.contains_key(&to), "a channel from or to nowhere");
            want!(c["back_edge"].is_boolean(), "a channel that does not say whether it is a back-edge");
            self.channels.insert(number(c, "id")?, ChannelState { from, to, ..Default::default() });
        }
        self.logs = list(v, "logs")?.iter().filter_map(Value::as_u64).collect();
        Ok(())
    }

    fn record(&mut self, v: &Value) -> Result<Rec, String> {
        want!(v["record"].is_object(), "no record in {v}");
        let next = self.records.len();
        Ok(*self.records.entry(v["record"].to_string()).or_insert(next))
    }

    fn name(&self, t: Task) -> &str {
        &self.tasks[&t].name
    }

    /// What the coordinator does.
    fn coordinator(&mut self, fact: &str, v: &Value) -> Result<(), String> {
        match fact {
            "triggered" => {
                let e = number(v, "epoch")?;
                want!(self.triggered.last().is_none_or(|&last| last < e), "epoch {e} does not grow");
                self.triggered.insert(e);
            }
            "completed" => {
                let e = number(v, "epoch")?;
                want!(self.triggered.contains(&e), "{e} completes, and was never triggered");
                want!(!self.aborted.contains(&e), "{e} completes after it was aborted");
                self.consistent(e)?;
                want!(self.completed.insert(e), "{e} completes twice");
                self.summary.completed += 1;
            }
            "aborted" => {
                let e = number(v, "epoch")?;
                text(v, "reason")?;
                want!(self.triggered.contains(&e), "{e} is aborted, and was never triggered");
                want!(!self.completed.contains(&e), "{e} is aborted after it completed");
                want!(self.aborted.insert(e), "{e} is aborted twice");
                self.summary.aborted += 1;
            }
            "restarting" => self.restarting(v)?,
            "end" => {
                self.over = true;
                self.summary.outcome = text(v, "outcome")?;
                if self.summary.outcome == "quiet" {
                    self.no_leaks()?;
                }
                if ["finished", "quiet"].contains(&self.summary.outcome.as_str()) {
                    for &c in self.channels.keys() {
                        let (s, r) = (self.now.sent.get(&c), self.now.received.get(&c));
                        let rest = s.map_or(0, Vec::len).saturating_sub(r.map_or(0, Vec::len));
                        want!(s == r || rest == 0, "{rest} record(s) on channel {c} were never processed");
                    }
                }
            }
            "crashed" => {} // the coordinator's own
            other => return Err(format!("{other:?} is no fact of the coordinator's")),
        }
        Ok(())
    }

    /// Where nothing is on its way, the store holds parts of completed snapshots, and no other.
    fn no_leaks(&self) -> Result<(), String> {
        let leak = self.handles.iter().find(|(_, (_, e, gone))| !gone && !self.completed.contains(e));
        want!(leak.is_none(), "the store holds what no completed snapshot refers to: {leak:?}");
        Ok(())
    }

    /// The equation: on each channel, sent = received, then logged.
    fn consistent(&self, e: Epoch) -> Result<(), String> {
        let none = BTreeMap::new();
        let cut = self.cuts.get(&e).unwrap_or(&none);
        for (t, task) in &self.tasks {
            let copy = cut.get(t).ok_or(format!("{e} completes without a copy of {}", task.name))?;
            want!(copy.acknowledged, "{e} completes, and {} has not acknowledged", task.name);
        }
        for (c, channel) in &self.channels {
            let sent = cut[&channel.from].history.sent.get(c).cloned().unwrap_or_default();
            let to = &cut[&channel.to];
            let mut got = to.history.received.get(c).cloned().unwrap_or_default();
            for &(_, seq, r) in to.log.iter().filter(|(l, ..)| l == c) {
                got.push(r);
                want!(seq == got.len() as u64, "the log of {e} has record {seq} of channel {c} out of its turn");
            }
            want!(
                sent == got,
                "{e} is no consistent cut: on channel {c}, {} had sent {} record(s), {} had {}",
                self.name(channel.from),
                sent.len(),
                self.name(channel.to),
                got.len()
            );
        }
        Ok(())
    }

    fn restarting(&mut self, v: &Value) -> Result<(), String> {
        let (attempt, e) = (number(v, "attempt")?, number(v, "epoch")?);
        self.no_leaks()?;
        let newest = self.completed.last().copied().unwrap_or(0);
        want!(e == newest, "restarts from {e}, but {newest} is the newest complete one");
        let tasks: BTreeSet<Task> = list(v, "tasks")?.iter().filter_map(Value::as_u64).collect();
        want!(tasks.len() == self.tasks.len(), "this judge knows full restarts alone");
        for (_, (t, epoch, gone)) in self.handles.iter().filter(|(_, (_, epoch, _))| *epoch == e) {
            want!(!gone, "restarts from {epoch}, and {}'s part is deleted", self.name(*t));
        }
        self.cuts.retain(|epoch, _| self.completed.contains(epoch));
        self.now = History::default();
        self.refused.clear();
        for (&c, channel) in &mut self.channels {
            let records = channel.transit.drain(..).filter_map(|m| match m {
                Message::Record(seq) => Some((c, seq)),
                _ => None,
            });
            self.refused.extend(records);
            (channel.blocked, channel.highest, channel.closed, channel.taken) = (None, 0, false, None);
        }
        for (&t, task) in &mut self.tasks {
            want!(attempt > task.attempt, "attempt {attempt} of {} is not new", task.name);
            (task.attempt, task.down, task.restoring) = (attempt, false, true);
            task.ended.clear();
            task.replay.clear();
            task.reading = None;
            if let Some(copy) = self.cuts.get(&e).and_then(|cut| cut.get(&t)) {
                let h = copy.history.clone();
                self.now.sent.extend(h.sent);
                self.now.received.extend(h.received);
                self.now.offsets.extend(h.offsets);
                task.replay = copy.log.iter().copied().collect();
            }
        }
        self.restored_from = e;
        self.summary.restarts += 1;
        Ok(())
    }

    /// What the world does with what is the task's.
    fn world(&mut self, fact: &str, t: Task, v: &Value) -> Result<(), String> {
        if fact == "discarded" {
            let (c, seq) = (number(v, "channel")?, number(v, "seq")?);
            want!(text(v, "reason")? == "attempt", "this judge knows full restarts alone");
            want!(self.refused.remove(&(c, seq)), "record {seq} of channel {c} was not in transit, and is discarded");
            return Ok(());
        }
        let (handle, e) = (number(v, "handle")?, number(v, "epoch")?);
        if fact == "stored" {
            let old = self.handles.insert(handle, (t, e, false));
            want!(old.is_none(), "handle {handle} is stored twice");
        } else {
            let known = self.handles.get_mut(&handle).filter(|h| (h.0, h.1, h.2) == (t, e, false));
            let Some(known) = known else { return Err(format!("handle {handle} is deleted, and not there")) };
            known.2 = true;
        }
        Ok(())
    }

    /// What a task puts on a channel.
    fn sends(&mut self, fact: &str, t: Task, v: &Value) -> Result<(), String> {
        let c = number(v, "channel")?;
        let closed = self.channels[&c].closed;
        want!(!closed, "{} sends ({fact}) on channel {c}, which has ended", self.name(t));
        let message = match fact {
            "sent" => {
                let (seq, r) = (number(v, "seq")?, self.record(v)?);
                let sent = self.now.sent.entry(c).or_default();
                sent.push(r);
                want!(seq == sent.len() as u64, "record {seq} is sent on channel {c}, {} comes next", sent.len());
                if self.tasks[&t].source {
                    let Some((split, offset)) = self.tasks[&t].reading else {
                        return Err(format!("{} sends what it has not read", self.name(t)));
                    };
                    let read = *self.read.entry((t, split, offset)).or_insert(r);
                    want!(read == r, "{} sends another record than it read at {offset}", self.name(t));
                }
                Message::Record(seq)
            }
            "end-sent" => Message::End,
            _ => {
                let e = number(v, "epoch")?;
                let channel = self.channels.get_mut(&c).unwrap();
                want!(e > channel.highest, "{fact} {e} on channel {c} after {}", channel.highest);
                channel.highest = e;
                let copied = self.cuts.get(&e).is_some_and(|cut| cut.contains_key(&t));
                want!(fact != "barrier-sent" || copied, "{} sends barrier {e} before its copy", self.name(t));
                want!(fact != "cancel-sent" || !copied, "{} cancels {e} after its copy", self.name(t));
                if fact == "barrier-sent" { Message::Barrier(e) } else { Message::Cancel(e) }
            }
        };
        let channel = self.channels.get_mut(&c).unwrap();
        channel.closed = message == Message::End;
        channel.transit.push_back(message);
        Ok(())
    }

    /// Takes a message off a channel: it must be the next one.
    fn arrives(&mut self, c: Channel, m: Message) -> Result<(), String> {
        let channel = self.channels.get_mut(&c).unwrap();
        want!(channel.blocked.is_none(), "{m:?} is taken from channel {c}, which is blocked");
        let next = channel.transit.pop_front();
        want!(next.as_ref() == Some(&m), "channel {c} delivers {m:?}, and {next:?} comes next");
        channel.taken = next;
        Ok(())
    }

    /// What a task does.
    fn own(&mut self, fact: &str, t: Task, v: &Value) -> Result<(), String> {
        let channel = number(v, "channel");
        let epoch = number(v, "epoch");
        match fact {
            "read" => {
                let (split, offset) = (number(v, "split")?, number(v, "offset")?);
                let next = self.now.offsets.entry((t, split)).or_insert(0);
                want!(*next == offset, "offset {offset} of split {split} is read, and {next} comes next");
                *next += 1;
                want!(self.tasks[&t].source, "{} is no source, and reads", self.name(t));
                self.tasks.get_mut(&t).unwrap().reading = Some((split, offset));
            }
            "processed" => {
                let (c, seq) = (channel?, number(v, "seq")?);
                self.arrives(c, Message::Record(seq))?;
                self.received(c, seq, None)?;
                self.summary.processed += 1;
            }
            "replayed" => {
                let (c, seq, r) = (channel?, number(v, "seq")?, self.record(v)?);
                let next = self.tasks.get_mut(&t).unwrap().replay.pop_front();
                want!(next == Some((c, seq, r)), "replays record {seq} of channel {c}, and {next:?} comes next");
                self.received(c, seq, Some(r))?;
            }
            "barrier-received" => match channel {
                Ok(c) => self.arrives(c, Message::Barrier(epoch?))?,
                Err(_) => want!(self.triggered.contains(&epoch?), "a trigger that was never given"),
            },
            "cancel-received" => self.arrives(channel?, Message::Cancel(epoch?))?,
            "end-received" => {
                let c = channel?;
                self.arrives(c, Message::End)?;
                self.tasks.get_mut(&t).unwrap().ended.insert(c);
            }
            "blocked" | "unblocked" => {
                let (c, e) = (channel?, epoch?);
                let channel = self.channels.get_mut(&c).unwrap();
                let before = if fact == "blocked" { None } else { Some(e) };
                want!(channel.blocked == before, "channel {c} is {fact} for {e}, and was {:?}", channel.blocked);
                let begins = fact == "blocked";
                want!(
                    !begins || channel.taken == Some(Message::Barrier(e)),
                    "channel {c} is blocked without a barrier"
                );
                channel.blocked = begins.then_some(e);
            }
            "copied" => self.copied(t, epoch?, text(v, "state")?)?,
            "logged" => {
                let (c, e, seq, r) = (channel?, epoch?, number(v, "seq")?, self.record(v)?);
                want!(self.logs.contains(&c), "channel {c} is not logged, says the first line");
                let inherited = self.now.received.get(&c).map_or(0, Vec::len) as u64;
                let known = self.now.sent.get(&c).and_then(|s| s.get(seq as usize - 1)) == Some(&r);
                want!(known, "record {seq} of channel {c} is logged with a content that was never sent");
                want!(
                    seq == inherited + 1 || seq == inherited,
                    "record {seq} of channel {c} is logged out of its turn"
                );
                let copy = self.cuts.get_mut(&e).and_then(|cut| cut.get_mut(&t));
                let Some(copy) = copy else { return Err(format!("logs for {e} before its copy")) };
                want!(!copy.acknowledged, "logs for {e} after its acknowledgement");
                copy.log.push((c, seq, r));
            }
            "acknowledged" => {
                let e = epoch?;
                let durable = self.handles.values().any(|h| *h == (t, e, false));
                want!(durable, "{} acknowledges {e}, and its part is not durable", self.name(t));
                let copy = self.cuts.get_mut(&e).and_then(|cut| cut.get_mut(&t));
                let Some(copy) = copy else { return Err(format!("acknowledges {e} without a copy")) };
                want!(!std::mem::replace(&mut copy.acknowledged, true), "acknowledges {e} twice");
            }
            "declined" => {
                let e = epoch?;
                let acknowledged = self.cuts.get(&e).and_then(|cut| cut.get(&t)).is_some_and(|c| c.acknowledged);
                want!(!acknowledged, "{} declines {e} after its acknowledgement", self.name(t));
            }
            "notified" => {
                let (e, outcome) = (epoch?, text(v, "outcome")?);
                let (set, name) = match outcome.as_str() {
                    "complete" => (&self.completed, "complete"),
                    _ => (&self.aborted, "aborted"),
                };
                want!(set.contains(&e), "{} is told that {e} is {name}, which it is not", self.name(t));
                let old = self.tasks.get_mut(&t).unwrap().notified.insert(e, outcome.clone());
                want!(old.is_none_or(|o| o == outcome), "{} is told two things of {e}", self.name(t));
            }
            "crashed" => {
                let task = self.tasks.get_mut(&t).unwrap();
                task.down = true;
                task.restoring = false;
                task.replay.clear();
                for channel in self.channels.values_mut().filter(|c| c.to == t) {
                    channel.blocked = None;
                }
            }
            "restored" => self.restored(t, epoch?, text(v, "state")?)?,
            "ended" => {
                text(v, "state")?;
                let mut inputs = self.channels.iter().filter(|(_, c)| c.to == t).map(|(c, _)| c);
                // After a restore, an end that is in the copy need not come again.
                let all = inputs.all(|c| self.tasks[&t].ended.contains(c)) || self.restored_from > 0;
                want!(all, "{} ends, and not all of its inputs have", self.name(t));
            }
            other => return Err(format!("{other:?} is no fact of a task's")),
        }
        Ok(())
    }

    fn received(&mut self, c: Channel, seq: u64, content: Option<Rec>) -> Result<(), String> {
        let sent = self.now.sent.get(&c).and_then(|s| s.get((seq as usize).checked_sub(1)?));
        let Some(&r) = sent else { return Err(format!("record {seq} of channel {c} was never sent")) };
        want!(content.is_none_or(|x| x == r), "record {seq} of channel {c} is not what was sent");
        let received = self.now.received.entry(c).or_default();
        received.push(r);
        want!(seq == received.len() as u64, "record {seq} of channel {c} is taken, {} comes next", received.len());
        Ok(())
    }

    fn copied(&mut self, t: Task, e: Epoch, state: String) -> Result<(), String> {
        want!(self.triggered.contains(&e), "a copy for {e}, which was never triggered");
        let of = |from: bool| {
            let mine = self.channels.iter().filter(move |(_, c)| if from { c.from == t } else { c.to == t });
            mine.map(|(c, _)| *c)
        };
        let part = |all: &BTreeMap<Channel, Vec<Rec>>, from| {
            of(from).filter_map(|c| Some((c, all.get(&c)?.clone()))).collect::<BTreeMap<_, _>>()
        };
        let offsets = self.now.offsets.iter().filter(|((task, _), _)| *task == t);
        let history = History {
            sent: part(&self.now.sent, true),
            received: part(&self.now.received, false),
            offsets: offsets.map(|(k, v)| (*k, *v)).collect(),
        };
        let newer = self.cuts.range(e + 1..).find(|(_, cut)| cut.contains_key(&t)).map(|(e, _)| *e);
        want!(newer.is_none(), "{} copies for {e} after {newer:?}", self.name(t));
        let copy = Copy { state, history, log: Vec::new(), acknowledged: false };
        let old = self.cuts.entry(e).or_default().insert(t, copy);
        want!(old.is_none(), "{} copies twice for {e}", self.name(t));
        // Only the newest completed cut is ever gone back to.
        if let Some(&newest) = self.completed.last() {
            self.cuts.retain(|&e, _| e >= newest);
        }
        Ok(())
    }

    fn restored(&mut self, t: Task, e: Epoch, state: String) -> Result<(), String> {
        let from = self.restored_from;
        let task = self.tasks.get_mut(&t).unwrap();
        want!(std::mem::take(&mut task.restoring), "{} is restored, and was not to be", task.name);
        want!(e == from, "{} is restored from {e}, where the plan says {from}", task.name);
        let name = task.name.clone();
        if e == 0 {
            let first = self.first_states.entry(t).or_insert(state.clone());
            want!(*first == state, "the first state of {name} is not always the same");
        } else {
            let copied = self.cuts.get(&e).and_then(|cut| cut.get(&t)).map(|c| &c.state);
            want!(copied == Some(&state), "{name} is restored from {e} with another state than the copied one");
        }
        Ok(())
    }
}
