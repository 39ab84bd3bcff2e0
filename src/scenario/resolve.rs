//! From a [`Scenario`] to a [`Plan`]: everything is checked, and every problem is named with its path.

use super::kinds::{KINDS, settings_of};
use super::problem::{Problem, Problems};
use super::raw::{DelaySpec, EdgeSpec, FaultSpec, KeySpec, OperatorSpec, RecordsSpec, Scenario, ValueSpec};
use super::result;
use crate::base::{Ratio, Record, Time, parse_duration};
use crate::dataflow::{
    AnyOperator, AnySource, Behaviour, Collatz, Countdown, Filter, Generator, JobBuilder, Join, KeyBy, KeyedCount,
    KeyedFold, KeyedReduce, KeyedSum, List, Map, Reach, Reduction, Repeat, Sink, SplitWords, TableSink, Union,
};
use crate::engine::{Pace, Plan};
use crate::graph::{BackEdges, Partition, Place, Role};
use crate::world::{Crash, Decline, Delay, Point, Stall, Target, When};
use std::path::Path;

/// Puts the protocol with this name into a plan.
pub trait Registry {
    /// `false` if there is no protocol of this name.
    fn apply(&self, name: &str, plan: &mut Plan) -> bool;
    /// All names.
    fn names(&self) -> Vec<String>;
}

/// Checks a scenario and makes a plan of it. Paths are relative to `directory`.
///
/// # Errors
/// Everything that is wrong with it, together.
pub fn resolve(s: &Scenario, directory: &Path, registry: &dyn Registry) -> Result<Plan, Problems> {
    let mut r = Resolver { problems: Vec::new(), directory };
    let plan = r.plan(s, registry);
    match plan {
        Some(plan) if r.problems.is_empty() => Ok(plan),
        _ => Err(Problems(r.problems)),
    }
}

struct Resolver<'a> {
    problems: Vec<Problem>,
    directory: &'a Path,
}

impl Resolver<'_> {
    fn wrong(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    /// The value, or the default where it is wrong (which is noted).
    fn take<T: Default>(&mut self, path: &str, value: Result<T, String>) -> T {
        value.map_err(|m| self.wrong(path, m)).unwrap_or_default()
    }

    fn duration(&mut self, path: &str, text: &Option<String>, default: u64) -> u64 {
        match text {
            None => default,
            Some(t) => self.take(path, parse_duration(t)),
        }
    }

    fn optional(&mut self, path: &str, text: &Option<String>) -> Option<u64> {
        text.as_ref().map(|t| self.take(path, parse_duration(t)))
    }

    fn delay(&mut self, path: &str, spec: &DelaySpec) -> Delay {
        match spec {
            DelaySpec::Constant(t) => Delay::Constant(self.take(path, parse_duration(t))),
            DelaySpec::Uniform { uniform: (a, b) } => {
                let min = self.take(&format!("{path}.uniform[0]"), parse_duration(a));
                let max = self.take(&format!("{path}.uniform[1]"), parse_duration(b));
                if min > max {
                    self.wrong(format!("{path}.uniform"), "expected the shorter duration first");
                }
                Delay::uniform(min, max)
            }
            DelaySpec::Exponential { exponential, min } => Delay::Exponential {
                min: self.duration(&format!("{path}.min"), min, 0),
                mean: self.take(&format!("{path}.exponential"), parse_duration(exponential)),
            },
        }
    }

    fn plan(&mut self, s: &Scenario, registry: &dyn Registry) -> Option<Plan> {
        let mut b = JobBuilder::new();
        if let Some(groups) = s.max_parallelism {
            if !(1..=1 << 15).contains(&groups) {
                self.wrong("max_parallelism", format!("expected a number from 1 to 32768, found {groups}"));
            }
            b = b.max_parallelism(groups.clamp(1, 1 << 15));
        }
        let names: Vec<&String> = s.operators.keys().collect();
        let mut whole = true;
        for (name, spec) in &s.operators {
            let outs = s.edges.iter().filter(|e| e.from == *name).count() as u32;
            if let Some((role, behaviour)) = self.behaviour(name, spec, outs, b.symbols()) {
                let ports = (spec.kind == "join").then_some(2);
                b = b.add(name, spec.parallelism.unwrap_or(1).max(1), role, ports, behaviour);
            } else {
                whole = false;
            }
        }
        let before = self.problems.len();
        for (i, e) in s.edges.iter().enumerate() {
            b = self.edge(b, i, e, &names);
        }
        // Where a job can be drawn all the same, what is wrong with the rest is seen in the same run. (That it is empty
        // is said by the job itself.)
        if !whole || self.problems.len() > before && !names.is_empty() {
            self.others(s, registry);
            return None;
        }
        let how = match s.back_edges.as_deref() {
            None | Some("job-graph") => LOOPS,
            Some("execution-graph") => BackEdges::ExecutionGraph,
            Some(other) => {
                self.wrong("back_edges", format!("expected \"job-graph\" or \"execution-graph\", found {other:?}"));
                LOOPS
            }
        };
        let job = b.build(how).map_err(|errors| {
            for e in errors {
                let path = match e.place {
                    Place::Job => "operators".to_string(),
                    Place::Operator(i) => format!("operators.{}", names[i]),
                    Place::Edge(i) => format!("edges[{i}]"),
                };
                self.wrong(path, e.message);
            }
        });
        let Ok(job) = job else {
            self.others(s, registry);
            return None;
        };
        let mut plan = Plan::new(&s.name, job);
        self.settings(s, &mut plan);
        self.faults(s, &mut plan);
        self.expectations(s, registry, &mut plan);
        Some(plan)
    }

    /// Whatever can be checked without a job.
    fn others(&mut self, s: &Scenario, registry: &dyn Registry) {
        let empty = JobBuilder::new().source("x", 1, Generator::new(0)).build(BackEdges::Refused);
        if let Ok(job) = empty {
            let mut plan = Plan::new("", job);
            let without_job = Scenario { edges: Vec::new(), faults: Vec::new(), result: None, ..s.clone() };
            self.settings(&Scenario { operators: Default::default(), ..without_job.clone() }, &mut plan);
            self.expectations(&without_job, registry, &mut plan);
        }
    }

    fn edge(&mut self, b: JobBuilder, i: usize, e: &EdgeSpec, names: &[&String]) -> JobBuilder {
        for (end, name) in [("from", &e.from), ("to", &e.to)] {
            // In an empty job there is nothing to name, and that it is empty is said.
            if !names.contains(&name) && !names.is_empty() {
                let list = names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
                self.wrong(
                    format!("edges[{i}].{end}"),
                    format!("no operator is called {name:?}: expected one of {list}"),
                );
            }
        }
        let partition = match e.kind.as_str() {
            "forward" => Partition::Forward,
            "hash" => Partition::Hash { salt: e.salt.unwrap_or(0) },
            "broadcast" => Partition::Broadcast,
            "rebalance" => Partition::Rebalance,
            other => {
                let message = format!("expected forward, hash, broadcast or rebalance, found {other:?}");
                self.wrong(format!("edges[{i}].kind"), message);
                Partition::Forward
            }
        };
        if e.salt.is_some() && e.kind != "hash" {
            self.wrong(format!("edges[{i}].salt"), "only a hash edge has a salt");
        }
        if names.is_empty() {
            return b;
        }
        match e.back_edge {
            Some(true) => b.back_edge(&e.from, &e.to, partition),
            _ => b.edge(&e.from, &e.to, partition),
        }
    }

    fn behaviour(
        &mut self,
        name: &str,
        spec: &OperatorSpec,
        outs: u32,
        symbols: &crate::base::Symbols,
    ) -> Option<(Role, Behaviour)> {
        let at = |field: &str| format!("operators.{name}.{field}");
        let Some(kind) = KINDS.iter().find(|k| k.name == spec.kind) else {
            let list = KINDS.iter().map(|k| k.name).collect::<Vec<_>>().join(", ");
            self.wrong(at("kind"), format!("no operator is of kind {:?}: expected one of {list}", spec.kind));
            return None;
        };
        let there = settings_of(spec);
        for setting in &there {
            if !kind.settings.contains(&setting.as_str()) {
                let list = if kind.settings.is_empty() { "none".to_string() } else { kind.settings.join(", ") };
                self.wrong(at(setting), format!("is no setting of {:?}: expected {list}", spec.kind));
            }
        }
        for required in kind.required {
            if !there.iter().any(|s| s == required) {
                self.wrong(at(required), format!("is missing: {:?} needs it", spec.kind));
            }
        }
        if spec.parallelism == Some(0) {
            self.wrong(at("parallelism"), "expected at least 1, found 0");
        }
        if kind.role == Role::Source {
            return Some((Role::Source, Behaviour::Source(self.source(name, spec, symbols)?)));
        }
        Some((kind.role, Behaviour::Operator(self.operator(name, spec, outs)?)))
    }

    fn operator(&mut self, name: &str, spec: &OperatorSpec, outs: u32) -> Option<AnyOperator> {
        let at = |field: &str| format!("operators.{name}.{field}");
        let has_modulo = ["map", "filter"].contains(&spec.kind.as_str());
        if has_modulo && spec.modulo == Some(0) {
            self.wrong(at("modulo"), "expected at least 1, found 0");
        }
        Some(match spec.kind.as_str() {
            "split-words" => SplitWords.into(),
            "map" => Map {
                multiply: spec.multiply.unwrap_or(1),
                add: spec.add.unwrap_or(0),
                modulo: spec.modulo.unwrap_or(0),
                rekey: spec.rekey.unwrap_or(0),
            }
            .into(),
            "filter" => {
                let (modulo, remainder) = (spec.modulo.unwrap_or(0), spec.remainder.unwrap_or(0));
                // Without a modulo nothing can be said of the remainder.
                if modulo > 0 && remainder >= modulo {
                    self.wrong(
                        at("remainder"),
                        format!("expected a number below the modulo {modulo}, found {remainder}"),
                    );
                }
                Filter { modulo, remainder }.into()
            }
            "flat-map" => {
                let times = spec.times.unwrap_or(1);
                if times > 1000 {
                    self.wrong(at("times"), format!("expected at most 1000, found {times}"));
                }
                Repeat { times, spread: spec.spread.unwrap_or(false) }.into()
            }
            "keyed-count" => KeyedCount::default().into(),
            "keyed-sum" => KeyedSum::default().into(),
            "keyed-reduce" => match spec.keep.as_deref() {
                Some("min") => KeyedReduce::new(Reduction::Min).into(),
                Some("max") | None => KeyedReduce::new(Reduction::Max).into(),
                Some(other) => {
                    self.wrong(at("keep"), format!("expected \"min\" or \"max\", found {other:?}"));
                    return None;
                }
            },
            "keyed-fold" => KeyedFold::default().into(),
            "union" => Union::default().into(),
            "join" => Join::default().into(),
            "countdown" => {
                let copies = spec.copies.unwrap_or(1);
                if copies > 1000 {
                    self.wrong(at("copies"), format!("expected at most 1000, found {copies}"));
                }
                Countdown::new(copies.min(1000), spec.rekey.unwrap_or(0), outs).into()
            }
            "collatz" => Collatz::default().into(),
            "reach" => Reach::default().into(),
            "table-sink" => TableSink::default().into(),
            _ => Sink::default().into(),
        })
    }

    fn source(&mut self, name: &str, spec: &OperatorSpec, symbols: &crate::base::Symbols) -> Option<AnySource> {
        let at = |field: &str| format!("operators.{name}.{field}");
        let silent = spec.silent.unwrap_or(false);
        let splits = spec.splits.unwrap_or(spec.parallelism.unwrap_or(1));
        // What follows from the parallelism is said of the parallelism.
        if spec.splits.is_some() && !(1..=1 << 16).contains(&splits) {
            self.wrong(at("splits"), format!("expected a number from 1 to 65536, found {splits}"));
        }
        if spec.kind == "generator" {
            return self.generator(name, spec, silent).map(AnySource::from);
        }
        let (records, symbolic) = match spec.kind.as_str() {
            "records" => (spec.list.iter().flatten().map(Record::from).collect::<Vec<_>>(), (false, false)),
            "texts" => {
                let line = |(n, l): (u64, &String)| Record::new(n, symbols.intern(l));
                ((0..).zip(spec.lines.iter().flatten()).map(line).collect(), (false, true))
            }
            kind => {
                let path = self.directory.join(spec.path.as_deref()?);
                let text = match text_of(&path) {
                    Ok(text) => text,
                    Err(e) => {
                        self.wrong(at("path"), format!("cannot read the text file {}: {e}", path.display()));
                        return None;
                    }
                };
                match kind {
                    "pairs" => (self.pairs(&at("path"), &text)?, (false, false)),
                    _ => {
                        let line = |(n, l): (u64, &str)| Record::new(n, symbols.intern(l));
                        ((0..).zip(text.lines()).map(line).collect(), (false, true))
                    }
                }
            }
        };
        Some(List { records: records.into(), splits: splits.max(1), symbols: symbolic, silent }.into())
    }

    fn pairs(&mut self, path: &str, text: &str) -> Option<Vec<Record>> {
        let mut list = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            let mut numbers = line.split([' ', '\t', ',']).filter(|p| !p.is_empty()).map(str::parse::<u64>);
            match (numbers.next(), numbers.next(), numbers.next()) {
                (Some(Ok(a)), Some(Ok(b)), None) => list.push(Record::new(a, b)),
                _ => {
                    self.wrong(path, format!("line {}: expected two numbers, found {line:?}", n + 1));
                    return None;
                }
            }
        }
        Some(list)
    }

    fn generator(&mut self, name: &str, spec: &OperatorSpec, silent: bool) -> Option<Generator> {
        let at = |field: &str| format!("operators.{name}.{field}");
        let sizes = match &spec.records {
            Some(RecordsSpec::Each(n)) => vec![*n],
            Some(RecordsSpec::List(list)) if !list.is_empty() => list.clone(),
            Some(_) => {
                self.wrong(at("records"), "expected at least one number");
                return None;
            }
            None => return None,
        };
        let keys = match &spec.keys {
            None => KeyBy::Uniform(16),
            Some(KeySpec::Number(0)) => {
                self.wrong(at("keys"), "expected at least 1, found 0");
                return None;
            }
            Some(KeySpec::Number(n)) => KeyBy::Uniform(*n as u64),
            Some(KeySpec::Name(n)) if n == "split" => KeyBy::Split,
            Some(KeySpec::Name(n)) if n == "offset" => KeyBy::Offset,
            Some(KeySpec::Name(n)) => {
                self.wrong(at("keys"), format!("expected a number, \"split\" or \"offset\", found {n:?}"));
                return None;
            }
        };
        let values = match &spec.values {
            None => (1, 1),
            Some(ValueSpec::Range(low, high)) if low <= high => (*low, *high),
            Some(ValueSpec::Name(n)) if n == "key" => (1, 0),
            Some(_) => {
                self.wrong(at("values"), "expected [from, to] with from at most to, or \"key\"");
                return None;
            }
        };
        let seed = spec.seed.as_ref().map_or(0, |s| self.take(&at("seed"), s.value()));
        let splits = match &spec.records {
            Some(RecordsSpec::List(list)) if spec.splits.is_none() => list.len() as u32,
            _ => spec.splits.unwrap_or(0),
        };
        Some(Generator { sizes, splits, keys, values, seed, silent })
    }

    fn settings(&mut self, s: &Scenario, plan: &mut Plan) {
        let g = plan.job.graph.clone();
        for (i, &written) in g.written.iter().enumerate() {
            let Some((name, spec)) = s.operators.iter().nth(written) else { continue };
            let every = self.duration(&format!("operators.{name}.every"), &spec.every, 1_000);
            let start = self.duration(&format!("operators.{name}.start"), &spec.start, 0);
            plan.paces[i] = Pace { every: every.max(1), start };
        }
        let default = s.delay.as_ref().map(|d| self.delay("delay", d));
        for (e, edge) in s.edges.iter().enumerate() {
            let own = edge.delay.as_ref().map(|d| self.delay(&format!("edges[{e}].delay"), d));
            for (path, capacity) in [(format!("edges[{e}].capacity"), edge.capacity), ("capacity".into(), s.capacity)] {
                if capacity == Some(0) {
                    self.wrong(path, "expected at least 1, found 0");
                }
            }
            for (c, channel) in g.channels.iter().enumerate().filter(|(_, c)| c.edge as usize == e) {
                if let Some(d) = own.or(default) {
                    plan.delays[c] = d;
                }
                // Back-edges are unbounded unless they say otherwise (rules.md 2.6).
                let general = s.capacity.filter(|_| !channel.back_edge);
                plan.capacities[c] = edge.capacity.or(general).unwrap_or(u32::MAX);
            }
        }
        if let Some(n) = s.nodes {
            if n == 0 {
                self.wrong("nodes", "expected at least 1, found 0");
            }
            plan.nodes = g.tasks.iter().map(|t| t.index % n.max(1)).collect();
        }
        plan.write = s.write.as_ref().map(|d| self.delay("write", d));
        plan.control = s.control.as_ref().map(|d| self.delay("control", d));
        plan.detection = self.duration("detection", &s.detection, 10_000);
        plan.restart = self.duration("restart", &s.restart, 10_000);
        plan.max_steps = s.max_steps.unwrap_or(crate::engine::MAX_STEPS);
        if plan.max_steps == 0 || plan.max_steps > 1_000_000_000 {
            self.wrong("max_steps", format!("expected a number from 1 to 1000000000, found {}", plan.max_steps));
        }
        self.checkpoints(s, plan);
    }

    fn checkpoints(&mut self, s: &Scenario, plan: &mut Plan) {
        let Some(c) = &s.checkpoints else { return };
        let to = &mut plan.checkpoints;
        if c.every.is_some() != c.at.is_empty() {
            self.wrong("checkpoints", "expected either \"every\" (a duration) or \"at\" (a list of positions)");
        }
        if !c.at.is_sorted_by(|a, b| a < b) {
            self.wrong("checkpoints.at", "expected positions in ascending order");
        }
        to.every = self.optional("checkpoints.every", &c.every);
        if to.every == Some(0) && c.every.as_deref().is_some_and(|t| parse_duration(t).is_ok()) {
            self.wrong("checkpoints.every", "expected a duration above 0");
        }
        to.at.clone_from(&c.at);
        to.min_pause = self.duration("checkpoints.min_pause", &c.min_pause, 0);
        to.timeout = self.optional("checkpoints.timeout", &c.timeout);
        for (field, value) in [("max_concurrent", c.max_concurrent), ("retain", c.retain)] {
            if value == Some(0) {
                self.wrong(format!("checkpoints.{field}"), "expected at least 1, found 0");
            }
        }
        to.max_concurrent = c.max_concurrent.unwrap_or(1);
        to.retain = c.retain.unwrap_or(1);
    }

    fn faults(&mut self, s: &Scenario, plan: &mut Plan) {
        for (i, f) in s.faults.iter().enumerate() {
            let at = format!("faults[{i}]");
            for (field, value) in [("nth", f.nth.map(u64::from)), ("event", f.event), ("most", f.most.map(u64::from))] {
                if value == Some(0) {
                    self.wrong(format!("{at}.{field}"), "expected at least 1, found 0");
                }
            }
            match (&f.crash, &f.stall, &f.decline) {
                (Some(who), None, None) => self.crash(&at, who, f, plan),
                (None, Some(who), None) => self.stall(&at, who, f, plan),
                (None, None, Some(who)) => self.decline(&at, who, f, plan),
                _ => self.wrong(at, "expected exactly one of \"crash\", \"stall\" and \"decline\""),
            }
        }
    }

    fn task(&mut self, path: &str, name: &str, plan: &Plan) -> Option<u32> {
        let found = plan.job.graph.task_named(name);
        if found.is_none() {
            let names: Vec<&str> = plan.job.graph.tasks.iter().map(|t| t.name.as_str()).collect();
            let some = names[..names.len().min(8)].join(", ");
            let more = if names.len() > 8 { ", …" } else { "" };
            self.wrong(path, format!("no task is called {name:?}: expected one of {some}{more}"));
        }
        found
    }

    fn target(&mut self, path: &str, who: &str, plan: &Plan) -> Option<Target> {
        if who == "any" {
            return Some(Target::Any);
        }
        if let Some(n) = who.strip_prefix("node ") {
            let nodes = plan.nodes.iter().max().map_or(0, |n| n + 1);
            let node = n.trim().parse().ok().filter(|n| *n < nodes);
            if node.is_none() {
                let all = if nodes > 1 { format!(" to \"node {}\"", nodes - 1) } else { String::new() };
                self.wrong(path, format!("no node is called {who:?}: expected \"node 0\"{all}"));
            }
            return node.map(Target::Node);
        }
        self.task(path, who, plan).map(Target::Task)
    }

    /// Whether a fault has these settings alone, beside the one that says what it is.
    fn only(&mut self, at: &str, f: &FaultSpec, what: &str, allowed: &[&str]) {
        let there = serde_json::to_value(f).unwrap_or_default();
        let extra =
            |k: &&String| !["crash", "stall", "decline"].contains(&k.as_str()) && !allowed.contains(&k.as_str());
        for key in there.as_object().iter().flat_map(|o| o.keys().filter(extra)) {
            self.wrong(format!("{at}.{key}"), format!("is no setting of {what}: expected {}", allowed.join(", ")));
        }
    }

    fn crash(&mut self, at: &str, who: &str, f: &FaultSpec, plan: &mut Plan) {
        let target = self.target(&format!("{at}.crash"), who, plan);
        if f.anytime == Some(false) {
            return self.wrong(format!("{at}.anytime"), "expected true, or another moment, found false");
        }
        let given = [f.at.is_some(), f.point.is_some(), f.event.is_some(), f.rate.is_some(), f.anytime.is_some()];
        let kinds: [(&str, &[&str]); 5] = [
            ("a crash at a time", &["at"]),
            ("a crash at a point", &["point", "nth"]),
            ("a crash at an event", &["event"]),
            ("a crash with a rate", &["rate", "most", "until"]),
            ("a crash at any time", &["anytime"]),
        ];
        match given.iter().filter(|&&g| g).count() {
            1 => {
                let (what, allowed) = kinds[given.iter().position(|&g| g).unwrap_or(0)];
                self.only(at, f, what, allowed);
            }
            n => {
                let message = "expected exactly one of \"at\", \"point\", \"event\", \"rate\" and \"anytime\"";
                return self.wrong(at, format!("a crash needs a moment: {message}, found {n}"));
            }
        }
        let when = if let Some(t) = &f.at {
            When::At(Time(self.take(&format!("{at}.at"), parse_duration(t))))
        } else if let Some(name) = &f.point {
            let found = Point::NAMES.iter().find(|(_, n)| n == name).map(|(p, _)| *p);
            let Some(point) = found else {
                let list = Point::NAMES.map(|(_, n)| n).join(", ");
                return self.wrong(format!("{at}.point"), format!("expected one of {list}, found {name:?}"));
            };
            When::Point { point, nth: f.nth.unwrap_or(1).max(1) }
        } else if let Some(nth) = f.event {
            When::Event { nth: nth.max(1) }
        } else if let Some(rate) = &f.rate {
            let ratio = Ratio::parse(rate).map_err(|m| self.wrong(format!("{at}.rate"), m));
            let Ok(ratio) = ratio else { return };
            let until = self.optional(&format!("{at}.until"), &f.until);
            When::Rate { ratio, most: f.most.unwrap_or(1), until: Time(until.unwrap_or(u64::MAX)) }
        } else {
            When::Anytime
        };
        if target == Some(Target::Any) && matches!(when, When::At(_) | When::Anytime) {
            return self.wrong(format!("{at}.crash"), "\"any\" needs a \"point\", an \"event\" or a \"rate\"");
        }
        plan.faults.crashes.extend(target.map(|target| Crash { target, when }));
    }

    fn stall(&mut self, at: &str, who: &str, f: &FaultSpec, plan: &mut Plan) {
        self.only(at, f, "a stall", &["at", "for"]);
        let task = self.task(&format!("{at}.stall"), who, plan);
        let (Some(start), Some(lasts)) = (&f.at, &f.lasts) else {
            return self.wrong(at, "a stall needs \"at\" and \"for\"");
        };
        let start = Time(self.take(&format!("{at}.at"), parse_duration(start)));
        let ns = self.take(&format!("{at}.for"), parse_duration(lasts)).max(1);
        plan.faults.stalls.extend(task.map(|task| Stall { task, at: start, ns }));
    }

    fn decline(&mut self, at: &str, who: &str, f: &FaultSpec, plan: &mut Plan) {
        self.only(at, f, "a decline", &["rate", "most"]);
        let task = if who == "any" { None } else { self.task(&format!("{at}.decline"), who, plan) };
        let rate = f.rate.as_deref().unwrap_or("1/1");
        let ratio = Ratio::parse(rate).map_err(|m| self.wrong(format!("{at}.rate"), m));
        plan.faults.declines.extend(ratio.ok().map(|ratio| Decline { task, ratio, most: f.most.unwrap_or(1) }));
    }

    fn expectations(&mut self, s: &Scenario, registry: &dyn Registry, plan: &mut Plan) {
        if let Some(seed) = &s.seed {
            self.take("seed", seed.value());
        }
        if let Some(e) = &s.expect {
            if !["holds", "violated", "inconclusive"].contains(&e.verdict.as_str()) {
                self.wrong(
                    "expect.verdict",
                    format!("expected holds, violated or inconclusive, found {:?}", e.verdict),
                );
            }
            if let Some(p) = &e.property {
                if ["holds", "inconclusive"].contains(&e.verdict.as_str()) {
                    let message = "only a violated run has one: expected none beside the verdict";
                    self.wrong("expect.property", format!("{message} {:?}, found {p:?}", e.verdict));
                } else if crate::check::Property::named(p).is_none() {
                    let list = crate::check::Property::ALL.map(|p| p.name()).join(", ");
                    self.wrong("expect.property", format!("expected one of {list}, found {p:?}"));
                }
            }
        }
        if let Some(spec) = &s.result {
            plan.result = result::direct(spec, &plan.job).map_err(|p| self.problems.push(p)).ok();
        }
        let name = s.protocol.as_deref().unwrap_or("abs");
        if !registry.apply(name, plan) {
            let list = registry.names().join(", ");
            self.wrong("protocol", format!("no protocol is called {name:?}: expected one of {list}"));
        }
    }
}

/// The same scenario without a file beside it: texts and lists are put into it.
///
/// # Errors
/// If a file cannot be read.
pub fn inline(s: &Scenario, directory: &Path) -> Result<Scenario, Problems> {
    let mut s = s.clone();
    let mut r = Resolver { problems: Vec::new(), directory };
    for (name, spec) in &mut s.operators {
        let Some(path) = spec.path.take() else { continue };
        let at = format!("operators.{name}.path");
        let text = text_of(&directory.join(&path)).map_err(|e| r.wrong(&at, e.to_string()));
        let Ok(text) = text else { continue };
        if spec.kind == "pairs" {
            let list = r.pairs(&at, &text).unwrap_or_default();
            spec.kind = "records".into();
            spec.list = Some(list.iter().map(|r| (r.key, r.value)).collect());
        } else {
            spec.kind = "texts".into();
            spec.lines = Some(text.lines().map(str::to_string).collect());
        }
    }
    if r.problems.is_empty() { Ok(s) } else { Err(Problems(r.problems)) }
}

/// The largest text that is read, in bytes.
const LARGEST_TEXT: u64 = 1 << 30;

fn text_of(path: &Path) -> std::io::Result<String> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() || about.len() > LARGEST_TEXT {
        return Err(std::io::Error::other("expected a regular file of at most 1 GiB"));
    }
    std::fs::read_to_string(path)
}

/// Where back-edges come from, unless a file says otherwise.
const LOOPS: BackEdges = BackEdges::JobGraph;
