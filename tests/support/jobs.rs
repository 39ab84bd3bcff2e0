//! Random jobs, as scenarios: the graph, how long things take, when checkpoints are triggered, what breaks.
//!
//! Every number is drawn so that 0 is the dull one: shrinking takes things away.

use cutline::scenario::{
    CheckpointSpec, DelaySpec, EdgeSpec, FaultSpec, KeySpec, OperatorSpec, RecordsSpec, Registry, Scenario, SeedSpec,
    ValueSpec,
};
use cutline::{engine::Plan, scenario};
use proptest::prelude::*;
use std::fmt;
use std::path::Path;

/// The plan of a scenario under the shipped protocol.
pub fn plan_of(scenario: &Scenario, directory: &Path) -> Plan {
    scenario::resolve(scenario, directory, &Shipped).unwrap_or_else(|e| panic!("{e}"))
}

/// A scenario that prints as the file that `cutline run` takes.
#[derive(Clone)]
pub struct Case(pub Scenario);

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json())
    }
}

/// The shipped protocol alone.
struct Shipped;

impl Registry for Shipped {
    fn apply(&self, name: &str, _: &mut Plan) -> bool {
        name == "abs"
    }
    fn names(&self) -> Vec<String> {
        vec!["abs".into()]
    }
}

impl Case {
    pub fn json(&self) -> String {
        serde_json::to_string(&self.0).unwrap()
    }

    pub fn seed(&self) -> u64 {
        self.0.seed.as_ref().unwrap().value().unwrap()
    }

    /// The plan, by way of the text of the file: what is run is what a user would run.
    pub fn plan(&self) -> Plan {
        let scenario = scenario::read(&self.json(), &[], Path::new("")).unwrap_or_else(|e| panic!("{e}\n{self:?}"));
        plan_of(&scenario, Path::new(""))
    }

    /// The same job, in a world where nothing fails and nothing is snapshotted.
    pub fn undisturbed(&self) -> Case {
        let mut scenario = self.0.clone();
        (scenario.faults, scenario.checkpoints) = (Vec::new(), None);
        Case(scenario)
    }

    /// Whether what a record becomes depends on nothing but itself: then how many records come out is known.
    pub fn stateless(&self) -> bool {
        const STATELESS: [&str; 8] =
            ["generator", "union", "map", "filter", "flat-map", "countdown", "sink", "table-sink"];
        self.0.operators.values().all(|o| STATELESS.contains(&o.kind.as_str()))
    }

    /// Whether every source ends.
    pub fn ends(&self) -> bool {
        !self.0.operators.values().any(|o| o.silent == Some(true))
    }
}

#[derive(Clone, Debug)]
struct Source {
    parallelism: u32,
    records: Vec<u64>,
    every: u32,
    start: u32,
    extra_splits: u32,
    keys: u32,
}

#[derive(Clone, Debug)]
struct Input {
    from: u8,
    kind: u8,
    delay: u8,
    capacity: u8,
}

#[derive(Clone, Debug)]
struct Node {
    kind: u8,
    parallelism: u32,
    inputs: Vec<Input>,
    detail: u8,
    /// Names decide the canonical order, so they must not follow the order of the graph.
    letter: u8,
}

#[derive(Clone, Debug)]
struct World {
    delay: u8,
    write: u8,
    control: u8,
    nodes: u8,
    detection: u8,
    restart: u8,
    ends: u8,
    search: bool,
    bounded: bool,
}

#[derive(Clone, Debug)]
struct Checkpoints {
    kind: u8,
    every: u32,
    at: Vec<u64>,
    max_concurrent: u32,
    min_pause: u8,
    timeout: u8,
    retain: u32,
}

#[derive(Clone, Debug)]
struct Fault {
    kind: u8,
    who: u16,
    at: u32,
    nth: u32,
    point: u8,
}

fn source() -> impl Strategy<Value = Source> {
    (1u32..=3, prop::collection::vec(0u64..60, 1..3), 1u32..50, 0u32..300, 0u32..2, 1u32..8).prop_map(
        |(parallelism, records, every, start, extra_splits, keys)| Source {
            parallelism,
            records,
            every,
            start,
            extra_splits,
            keys,
        },
    )
}

fn input() -> impl Strategy<Value = Input> {
    (any::<u8>(), 0u8..8, 0u8..8, 0u8..8).prop_map(|(from, kind, delay, capacity)| Input {
        from,
        kind,
        delay,
        capacity,
    })
}

fn node() -> impl Strategy<Value = Node> {
    (0u8..18, 1u32..=4, prop::collection::vec(input(), 1..4), any::<u8>(), 0u8..26)
        .prop_map(|(kind, parallelism, inputs, detail, letter)| Node { kind, parallelism, inputs, detail, letter })
}

fn world() -> impl Strategy<Value = World> {
    let bounded = prop::bool::weighted(0.3);
    (0u8..6, 0u8..4, 0u8..4, 0u8..4, 0u8..4, 0u8..4, 0u8..5, any::<bool>(), bounded).prop_map(
        |(delay, write, control, nodes, detection, restart, ends, search, bounded)| World {
            delay,
            write,
            control,
            nodes,
            detection,
            restart,
            ends,
            search,
            bounded,
        },
    )
}

fn checkpoints() -> impl Strategy<Value = Checkpoints> {
    (0u8..16, 0u32..300, prop::collection::btree_set(0u64..60, 1..5), 1u32..=4, 0u8..4, 0u8..8, 1u32..=3).prop_map(
        |(kind, every, at, max_concurrent, min_pause, timeout, retain)| Checkpoints {
            kind,
            every,
            at: at.into_iter().collect(),
            max_concurrent,
            min_pause,
            timeout,
            retain,
        },
    )
}

fn fault() -> impl Strategy<Value = Fault> {
    (0u8..20, any::<u16>(), 0u32..2500, 1u32..12, 0u8..8).prop_map(|(kind, who, at, nth, point)| Fault {
        kind,
        who,
        at,
        nth,
        point,
    })
}

/// Jobs without a loop.
pub fn acyclic() -> impl Strategy<Value = Case> {
    let nodes = (
        prop::collection::vec(source(), 1..=3),
        prop::collection::vec(node(), 0..=5),
        prop::collection::vec(node(), 1..=2),
    );
    (nodes, world(), checkpoints(), prop::collection::vec(fault(), 0..=5), any::<u32>()).prop_map(
        |((sources, operators, sinks), world, checkpoints, faults, seed)| {
            let mut b = Builder { bounded: world.bounded, ..Builder::default() };
            b.sources(&sources, &world);
            b.operators(&operators);
            b.sinks(&sinks);
            b.finish(&world, &checkpoints, &faults, seed)
        },
    )
}

/// Jobs with loops: any number of them, nested and overlapping.
pub fn cyclic() -> impl Strategy<Value = Case> {
    let nodes = (
        prop::collection::vec(source(), 1..=2),
        prop::collection::vec(node(), 0..=1),
        prop::collection::vec(node(), 1..=4),
        prop::collection::vec((input(), any::<u8>()), 1..=4),
        prop::collection::vec(node(), 0..=2),
        prop::collection::vec(node(), 1..=2),
        0u64..7,
    );
    (nodes, world(), checkpoints(), prop::collection::vec(fault(), 0..=5), any::<u32>()).prop_map(
        |((sources, before, region, back, after, sinks, rounds), world, checkpoints, faults, seed)| {
            let mut b = Builder { rounds, bounded: world.bounded, ..Builder::default() };
            b.sources(&sources, &world);
            b.operators(&before);
            b.loops(&region, &back);
            b.operators(&after);
            b.sinks(&sinks);
            b.finish(&world, &checkpoints, &faults, seed)
        },
    )
}

#[derive(Default)]
struct Builder {
    names: Vec<String>,
    specs: Vec<OperatorSpec>,
    edges: Vec<EdgeSpec>,
    /// The nodes of the loops, and which of them count down.
    region: Vec<usize>,
    heads: Vec<usize>,
    /// The highest value that enters a loop.
    rounds: u64,
    bounded: bool,
    slow: bool,
}

impl Builder {
    fn add(&mut self, letter: u8, spec: OperatorSpec) -> usize {
        self.names.push(format!("{}{}", (b'a' + letter % 26) as char, self.names.len()));
        self.specs.push(spec);
        self.specs.len() - 1
    }

    fn place(&self, name: &str) -> usize {
        self.names.iter().position(|n| n == name).unwrap()
    }

    fn edge(&mut self, from: usize, to: usize, i: &Input, bounded: bool) {
        let (p, q) = (self.specs[from].parallelism, self.specs[to].parallelism);
        let kind = match i.kind {
            0..=2 if p == q => "forward",
            0..=4 => "hash",
            5 => "broadcast",
            _ => "rebalance",
        };
        let delay = match i.delay {
            0..=4 => None,
            5 => Some(DelaySpec::Constant("1us".into())),
            6 => Some(DelaySpec::Exponential { exponential: "30us".into(), min: Some("1us".into()) }),
            _ => {
                self.slow = true;
                Some(DelaySpec::Uniform { uniform: ("100us".into(), "600us".into()) })
            }
        };
        let capacity = [None, None, None, None, Some(1), Some(2), Some(3), Some(8)][i.capacity as usize];
        self.edges.push(EdgeSpec {
            from: self.names[from].clone(),
            to: self.names[to].clone(),
            kind: kind.into(),
            salt: (kind == "hash" && i.kind == 4).then_some(7),
            delay,
            capacity: capacity.filter(|_| bounded && self.bounded),
            back_edge: None,
        });
    }

    fn sources(&mut self, list: &[Source], world: &World) {
        for (n, s) in list.iter().enumerate() {
            let silent = world.ends == 4 || (world.ends == 3 && n % 2 == 0);
            let records = match s.records[..] {
                [one] => RecordsSpec::Each(one),
                _ => RecordsSpec::List(s.records.clone()),
            };
            let spec = OperatorSpec {
                kind: "generator".into(),
                parallelism: Some(s.parallelism),
                every: Some(format!("{}us", s.every)),
                start: (s.start >= 100).then(|| format!("{}us", s.start)),
                silent: silent.then_some(true),
                records: Some(records),
                splits: Some(s.parallelism + s.extra_splits),
                keys: Some(KeySpec::Number(s.keys)),
                values: Some(ValueSpec::Range(0, 9)),
                seed: Some(SeedSpec::Number(n as u64)),
                ..OperatorSpec::default()
            };
            self.add(s.start as u8, spec);
        }
    }

    fn operators(&mut self, list: &[Node]) {
        for n in list {
            let named = |kind: &str| OperatorSpec {
                kind: kind.into(),
                parallelism: Some(n.parallelism),
                ..OperatorSpec::default()
            };
            let d = n.detail as u64;
            let spec = match n.kind {
                0..=2 => named("union"),
                3 => OperatorSpec { add: Some(d), modulo: Some(17), rekey: Some(d % 5 + 1), ..named("map") },
                4 | 5 => OperatorSpec { modulo: Some(d % 3 + 1), ..named("filter") },
                6 | 7 => OperatorSpec { times: Some(d % 3 + 1), spread: Some(d > 99), ..named("flat-map") },
                8 => named("keyed-count"),
                9 => named("keyed-sum"),
                10 => OperatorSpec { keep: Some(if d > 99 { "min" } else { "max" }.into()), ..named("keyed-reduce") },
                11..=14 => named("keyed-fold"),
                _ => named("join"),
            };
            let (to, join) = (self.add(n.letter, spec), n.kind >= 15);
            for i in 0..if join { 2 } else { n.inputs.len() } {
                let input = &n.inputs[i % n.inputs.len()];
                self.edge((input.from as usize + i) % to, to, input, true);
            }
        }
    }

    /// A map that makes values small; then the nodes of the loops. Records die out: every cycle leads through a
    /// head that counts down, nothing else in it makes a value larger, and what leaves a head never comes back.
    fn loops(&mut self, list: &[Node], back: &[(Input, u8)]) {
        let first = self.specs.len();
        let enter = OperatorSpec { kind: "map".into(), parallelism: Some(1), ..OperatorSpec::default() };
        let enter = self.add(list[0].detail, enter);
        for from in 0..first {
            if !self.edges.iter().any(|e| e.from == self.names[from]) {
                self.edge(from, enter, &list[0].inputs[0], true);
            }
        }
        for (n, node) in list.iter().enumerate() {
            let named = |kind: &str| OperatorSpec {
                kind: kind.into(),
                parallelism: Some(node.parallelism.min(3)),
                ..OperatorSpec::default()
            };
            let d = node.detail;
            let rekey = (d % 2 == 1).then_some(d as u64 % 7 + 2);
            let head = n == 0 || node.kind < 9;
            let spec = match node.kind {
                _ if head => OperatorSpec { copies: Some(1 + (d > 170) as u32), rekey, ..named("countdown") },
                9..=12 => named("union"),
                13 => OperatorSpec { rekey, ..named("map") },
                14 => OperatorSpec { modulo: Some(1 + d as u64 % 2), ..named("filter") },
                _ => OperatorSpec { keep: Some("min".into()), ..named("keyed-reduce") },
            };
            let to = self.add(node.letter, spec);
            for i in &node.inputs {
                let from = enter + i.from as usize % (to - enter);
                self.edge(from, to, i, from == enter);
            }
            self.region.push(to);
            if head {
                self.heads.push(to);
            }
        }
        for (i, to) in back {
            let from = self.region[i.from as usize % self.region.len()];
            let heads: Vec<usize> = self.heads.iter().copied().filter(|&h| h <= from).collect();
            self.edge(from, heads[*to as usize % heads.len()], i, false);
        }
    }

    fn sinks(&mut self, list: &[Node]) {
        let first = self.specs.len();
        let mut sinks = Vec::new();
        for (n, node) in list.iter().enumerate() {
            let kind = if node.detail % 2 == 0 { "sink" } else { "table-sink" };
            let spec =
                OperatorSpec { kind: kind.into(), parallelism: Some(node.parallelism), ..OperatorSpec::default() };
            let to = self.add(node.letter, spec);
            sinks.push(to);
            for i in &node.inputs[..if n == 0 { 1 } else { node.inputs.len() }] {
                self.edge(i.from as usize % first, to, i, true);
            }
        }
        // Edge 0 of a head leaves the loop: it must be the first.
        for (n, &head) in self.heads.clone().iter().enumerate() {
            let node = &list[n % list.len()];
            self.edge(head, sinks[n % list.len()], &node.inputs[0], node.detail.is_multiple_of(3));
            let exit = self.edges.pop().unwrap();
            self.edges.insert(0, exit);
        }
        for from in 0..first {
            if !self.edges.iter().any(|e| e.from == self.names[from]) {
                self.edge(from, sinks[from % sinks.len()], &list[0].inputs[0], true);
            }
        }
    }

    /// About how many deliveries a record of this value causes from here on, at most.
    fn work(&self, at: usize, value: u64) -> f64 {
        let spec = &self.specs[at];
        let head = self.heads.contains(&at);
        let times = match spec.kind.as_str() {
            "flat-map" => spec.times.unwrap_or(1) as f64,
            "join" => 6.0,
            _ => 1.0,
        };
        let mut work = 1.0;
        for (n, e) in self.edges.iter().filter(|e| e.from == self.names[at]).enumerate() {
            let to = self.place(&e.to);
            let copies = match (head, n) {
                (true, 0) if value == 0 => 1,
                (true, 1..) if value > 0 => spec.copies.unwrap_or(1),
                (true, _) => continue,
                _ => 1,
            };
            let width = if e.kind == "broadcast" { self.specs[to].parallelism.unwrap_or(1) } else { 1 };
            work += times * (copies * width) as f64 * self.work(to, if head { value.saturating_sub(1) } else { value });
            if work > 1e6 {
                return work;
            }
        }
        work
    }

    /// Makes the job small enough for a test.
    fn tame(&mut self) {
        loop {
            let mut total = 0.0;
            for at in 0..self.specs.len() {
                let splits = self.specs[at].splits.unwrap_or(0) as usize;
                let records: u64 = match &self.specs[at].records {
                    Some(RecordsSpec::Each(n)) => n * splits as u64,
                    Some(RecordsSpec::List(l)) => (0..splits).map(|s| l[s.min(l.len() - 1)]).sum(),
                    None => 0,
                };
                total += if records > 0 { records as f64 * self.work(at, self.rounds) } else { 0.0 };
            }
            if total < 2500.0 {
                break;
            }
            if self.rounds > 1 && total > 10_000.0 {
                self.rounds -= 1;
                continue;
            }
            for spec in &mut self.specs {
                match &mut spec.records {
                    Some(RecordsSpec::Each(n)) => *n /= 2,
                    Some(RecordsSpec::List(l)) => l.iter_mut().for_each(|n| *n /= 2),
                    None => {}
                }
            }
        }
        if let Some(&first) = self.region.first() {
            self.specs[first - 1].modulo = Some(self.rounds + 1);
        }
    }

    fn finish(mut self, world: &World, c: &Checkpoints, faults: &[Fault], seed: u32) -> Case {
        self.tame();
        let uniform = |a: &str, b: &str| DelaySpec::Uniform { uniform: (a.into(), b.into()) };
        let delay = match world.delay {
            0 => DelaySpec::Constant("10us".into()),
            1 => DelaySpec::Exponential { exponential: "20us".into(), min: None },
            2 => uniform("1us", "20us"),
            _ => uniform("10us", "110us"),
        };
        let write = [None, None, Some(uniform("1us", "60us")), Some(DelaySpec::Constant("90us".into()))]
            [world.write as usize]
            .clone();
        let control =
            [None, None, Some(uniform("1us", "40us")), Some(uniform("1us", "150us"))][world.control as usize].clone();
        // How long a checkpoint takes if it is not held up: a message on every edge in turn, at most.
        let longest = if self.slow { 600 } else { 140 };
        let lasts = longest * (self.specs.len() as u64 + 2) + 500;
        // Back-pressure lets a barrier wait as long as records are in front of it.
        let bounded = self.edges.iter().any(|e| e.capacity.is_some());
        let checkpoints = CheckpointSpec {
            // Triggers that overtake one another kill one another: they must not do so all the time.
            every: (c.kind >= 6).then(|| format!("{}us", c.every.max([20, 20, 40, 150][world.control as usize]))),
            at: if c.kind < 6 { c.at.clone() } else { Vec::new() },
            max_concurrent: (c.max_concurrent > 1).then_some(c.max_concurrent),
            min_pause: (c.min_pause == 3).then(|| "70us".into()),
            timeout: [None, None, None, None, None, Some(lasts / 2), Some(lasts), Some(lasts * 2)][c.timeout as usize]
                .map(|us| format!("{}us", if bounded { us * 40 } else { us })),
            retain: (c.retain > 1).then_some(c.retain),
        };
        let tasks: Vec<String> = self
            .names
            .iter()
            .zip(&self.specs)
            .flat_map(|(name, spec)| (0..spec.parallelism.unwrap_or(1)).map(move |i| format!("{name}[{i}]")))
            .collect();
        let nodes = self.specs.iter().filter_map(|s| s.parallelism).max().unwrap_or(1);
        let nodes = if world.nodes > 0 { nodes.min(world.nodes as u32) } else { nodes };
        Case(Scenario {
            cutline_scenario: 1,
            name: "random".into(),
            about: None,
            seed: Some(SeedSpec::Number(seed as u64)),
            protocol: None,
            expect: None,
            operators: self.names.iter().cloned().zip(self.specs).collect(),
            edges: self.edges,
            delay: Some(delay),
            capacity: None,
            max_parallelism: None,
            back_edges: world.search.then(|| "execution-graph".into()),
            nodes: (world.nodes > 0).then_some(nodes),
            write,
            control,
            checkpoints: (c.kind != 15).then_some(checkpoints),
            faults: faults.iter().flat_map(|f| f.specs(&tasks, nodes, lasts)).collect(),
            detection: [None, None, Some("1us".into()), Some("150us".into())][world.detection as usize].clone(),
            restart: [None, None, Some("1us".into()), Some("100us".into())][world.restart as usize].clone(),
            max_steps: Some(60_000),
            result: None,
        })
    }
}

impl Fault {
    fn specs(&self, tasks: &[String], nodes: u32, lasts: u64) -> Vec<FaultSpec> {
        let task = tasks[self.who as usize % tasks.len()].clone();
        let who = match self.who / 97 % 4 {
            0 => format!("node {}", self.who as u32 % nodes),
            1 => "any".into(),
            _ => task.clone(),
        };
        let timed = FaultSpec {
            crash: Some(if who == "any" { task.clone() } else { who.clone() }),
            at: Some(format!("{}us", self.at)),
            ..FaultSpec::default()
        };
        let any = FaultSpec { crash: Some("any".into()), ..FaultSpec::default() };
        let crash = FaultSpec { crash: Some(who), ..FaultSpec::default() };
        let at = |point: &str, nth: u32, of: &FaultSpec| FaultSpec {
            point: Some(point.into()),
            nth: Some(nth),
            ..of.clone()
        };
        let (point, often) = [
            ("on-barrier", 9),
            ("copy-to-broadcast", 5),
            ("broadcast-to-durable", 5),
            ("durable-to-acknowledged", 5),
            ("acknowledged-to-completed", 1),
            ("open-log", 6),
            ("open-log", 2),
            ("acknowledged-to-completed", 1),
        ][self.point as usize];
        vec![match self.kind {
            0..=2 => timed,
            3..=8 if self.who / 97 % 4 == 1 => at(point, self.nth * often, &crash),
            3..=8 => at(point, self.nth, &crash),
            9 => FaultSpec { event: Some(self.nth as u64 * self.nth as u64), ..crash },
            10 => FaultSpec { rate: Some("1/150".into()), most: Some(self.nth % 3 + 1), ..crash },
            11..=13 => FaultSpec {
                stall: Some(task),
                at: timed.at,
                lasts: Some(format!("{}us", lasts * self.nth as u64 / 4)),
                ..FaultSpec::default()
            },
            14..=16 => FaultSpec {
                decline: Some(if self.who.is_multiple_of(2) { "any".into() } else { task }),
                rate: Some(["1/1", "1/2", "1/5"][self.nth as usize % 3].into()),
                most: Some(self.nth % 4 + 1),
                ..FaultSpec::default()
            },
            // A crash, and another one while everything restarts.
            17 => return vec![timed, at("replay", self.nth % 3 + 1, &any)],
            _ => return vec![timed, at("restore", self.nth, &any)],
        }]
    }
}
