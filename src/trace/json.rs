//! The trace file: JSON Lines. The first line describes the run, every other line is one fact.
//!
//! In records, a symbol is spelled out, and a number above 2⁵³ is a string of digits, so that every JSON
//! reader sees the same one.

use super::fact::{At, Fact, Fields, Observer, Wait};
use crate::base::{ChannelId, Record, Symbols, TaskId};
use crate::graph::ExecutionGraph;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// A number as JSON: above 2⁵³ as a string of digits.
pub fn big(n: u64) -> Value {
    if n > 1 << 53 { Value::String(n.to_string()) } else { Value::from(n) }
}

/// What the first line says of the run.
#[derive(Clone, Debug)]
pub struct TraceHeader {
    /// Name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Name of the protocol.
    pub protocol: String,
    /// Whether the protocol promises exactly-once, or at-least-once.
    pub guarantee: &'static str,
    /// The channels on which the protocol may log.
    pub logs: Vec<ChannelId>,
    /// For each job edge, whether key and value of its records are symbols.
    pub symbols: Vec<(bool, bool)>,
    /// For each operator, its role (a sink: its kind).
    pub roles: Vec<&'static str>,
}

impl TraceHeader {
    fn line(&self, g: &ExecutionGraph) -> Value {
        let tasks = g.tasks.iter().enumerate().map(|(i, t)| {
            let operator = &g.operators[t.operator];
            let mut line = json!({"id": i, "name": t.name, "operator": operator.name, "role": operator.role.name()});
            if self.roles[t.operator] != operator.role.name() {
                line["kind"] = json!(self.roles[t.operator]);
            }
            line
        });
        let channels = g.channels.iter().enumerate();
        let channels = channels.map(|(i, c)| json!({"id": i, "from": c.from, "to": c.to, "back_edge": c.back_edge}));
        json!({
            "scenario": self.scenario, "seed": big(self.seed), "protocol": self.protocol,
            "guarantee": self.guarantee, "fallback": false, "logs": self.logs,
            "tasks": tasks.collect::<Vec<_>>(), "channels": channels.collect::<Vec<_>>(),
        })
    }
}

/// Writes a trace. The first error ends the writing; [`TraceWriter::finish`] returns it.
pub struct TraceWriter<'a, W: Write> {
    out: W,
    graph: &'a ExecutionGraph,
    symbols: Symbols,
    spelled: Vec<(bool, bool)>,
    failed: Option<io::Error>,
}

impl<'a, W: Write> TraceWriter<'a, W> {
    /// Writes the first line.
    pub fn new(out: W, header: &TraceHeader, graph: &'a ExecutionGraph, symbols: Symbols) -> Self {
        let mut writer = TraceWriter { out, graph, symbols, spelled: header.symbols.clone(), failed: None };
        // The version comes first, so that the file is known by how it begins.
        let line = header.line(graph).to_string();
        writer.line(format_args!("{{\"cutline_trace\":1,{}", &line[1..]));
        writer
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        if self.failed.is_none()
            && let Err(e) = writeln!(self.out, "{line}")
        {
            self.failed = Some(e);
        }
    }

    /// Flushes; hands back what was written to, or the first error.
    ///
    /// # Errors
    /// If any write failed.
    pub fn finish(mut self) -> io::Result<W> {
        match self.failed.take() {
            Some(e) => Err(e),
            None => self.out.flush().map(|()| self.out),
        }
    }
}

impl<W: Write> Observer for TraceWriter<'_, W> {
    fn see(&mut self, at: At, fact: Fact<'_>) {
        let mut map = Map::new();
        map.insert("step".into(), at.step.into());
        map.insert("at_ns".into(), at.time.0.into());
        map.insert("fact".into(), fact.name().into());
        let mut object = Object { map, graph: self.graph, symbols: &self.symbols, spelled: &self.spelled };
        fact.fields(&mut object);
        let line = Value::Object(object.map);
        self.line(format_args!("{line}"));
    }
}

struct Object<'a> {
    map: Map<String, Value>,
    graph: &'a ExecutionGraph,
    symbols: &'a Symbols,
    spelled: &'a [(bool, bool)],
}

impl Object<'_> {
    fn word(&self, w: u64, symbol: bool) -> Value {
        match self.symbols.spell(w).filter(|_| symbol) {
            Some(text) => json!({ "text": text }),
            None => big(w),
        }
    }
}

impl Fields for Object<'_> {
    fn number(&mut self, name: &'static str, n: u64) {
        self.map.insert(name.into(), big(n));
    }
    fn digest(&mut self, name: &'static str, d: u64) {
        self.map.insert(name.into(), format!("{d:016x}").into());
    }
    fn text(&mut self, name: &'static str, t: &'static str) {
        self.map.insert(name.into(), t.into());
    }
    fn record(&mut self, name: &'static str, channel: ChannelId, r: Record) {
        let edge = self.graph.channels.get(channel as usize).map_or(0, |c| c.edge);
        let (key, value) = self.spelled.get(edge as usize).copied().unwrap_or_default();
        let record = json!({"key": self.word(r.key, key), "value": self.word(r.value, value)});
        self.map.insert(name.into(), record);
    }
    fn list(&mut self, name: &'static str, l: &[TaskId]) {
        self.map.insert(name.into(), l.into());
    }
    fn waits(&mut self, name: &'static str, w: &[Wait]) {
        if !w.is_empty() {
            let line = |w: &Wait| match *w {
                Wait::Alignment { task, channel, epoch } => json!({"task": task, "barrier": epoch, "channel": channel}),
                Wait::Room { task, channel } => json!({"task": task, "room": channel}),
                Wait::Acknowledgement { task, epoch } => json!({"task": task, "acknowledgement": epoch}),
            };
            self.map.insert(name.into(), w.iter().map(line).collect());
        }
    }
}
