//! Reports: a JSON object, or text for people.

use super::load::Loaded;
use crate::base::{Record, format_ns};
use crate::check::{Evidence, Mode, Verdict, Violation};
use crate::engine::Plan;
use crate::search::{RunResult, evidence_json, violation_json};
use crate::trace::big;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// How to print.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub json: bool,
    pub colour: bool,
}

impl Style {
    fn paint(self, text: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    pub fn verdict(self, name: &str) -> String {
        match name {
            "holds" => self.paint(name, "32"),
            "violated" => self.paint(name, "1;31"),
            "inconclusive" => self.paint(name, "33"),
            other => self.paint(other, "2"),
        }
    }
}

/// The object of the contract.
pub fn run_json(l: &Loaded, plan: &Plan, seed: u64, r: &RunResult) -> Value {
    let [triggered, completed, aborted, restored] = r.report.checkpoints;
    let properties: Map<String, Value> =
        r.report.properties.iter().map(|(p, v, _)| (p.name().to_string(), v.name().into())).collect();
    let judged: Map<String, Value> =
        r.report.properties.iter().map(|(p, _, n)| (p.name().to_string(), big(*n))).collect();
    json!({
        "scenario": l.scenario.name, "seed": big(seed), "verdict": r.report.verdict().name(),
        "expected": l.expected(r), "checks": if l.mode == Mode::Full { "full" } else { "shallow" },
        "digest": format!("{:016x}", r.digest), "steps": r.steps, "deliveries": r.deliveries,
        "simulated_ns": big(r.simulated_ns), "attempts": r.report.attempts, "outcome": r.outcome.name(),
        "checkpoints": {"triggered": triggered, "completed": completed, "aborted": aborted, "restored": restored},
        "properties": properties, "judged": judged,
        "violation": violation_json(r, plan),
    })
}

fn spell(plan: &Plan, channel: u32, r: Record) -> (Value, Value) {
    let edge = plan.job.graph.channels.get(channel as usize).map_or(0, |c| c.edge as usize);
    let (key, value) = plan.job.spelled.get(edge).copied().unwrap_or_default();
    let word = |w: u64, symbol: bool| match plan.job.symbols.spell(w).filter(|_| symbol) {
        Some(text) => json!({ "text": text }),
        None => big(w),
    };
    (word(r.key, key), word(r.value, value))
}

/// 1234567 as 1,234,567.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// The report for people.
pub fn run_text(l: &Loaded, plan: &Plan, seed: u64, r: &RunResult, style: Style) -> String {
    let mut t = String::new();
    let verdict = r.report.verdict().name();
    let expected = match (l.expected(r), verdict) {
        (true, "holds") => "",
        (true, _) => " (as the scenario expects)",
        (false, _) => " (not what the scenario expects)",
    };
    let shallow = if l.mode == Mode::Shallow { "; checks: shallow, operators were not replayed" } else { "" };
    _ = writeln!(t, "{} (seed {seed}): {}{expected}{shallow}", l.scenario.name, style.verdict(verdict));
    let g = &plan.job.graph;
    _ = writeln!(
        t,
        "  simulated   {} tasks, {} channels, protocol {}: {} steps, {} deliveries, {} of virtual time, {} attempt(s); {}",
        g.tasks.len(),
        g.channels.len(),
        plan.variant.name,
        thousands(r.steps),
        thousands(r.deliveries),
        seconds(r.simulated_ns),
        r.report.attempts,
        r.outcome.name()
    );
    let [triggered, completed, aborted, restored] = r.report.checkpoints;
    _ = writeln!(
        t,
        "  snapshots   {triggered} triggered, {completed} completed, {aborted} aborted, {restored} restored"
    );
    if !plan.has_checkpoints() {
        _ = writeln!(t, "              no checkpoints: the run ended when nothing was left in transit");
    }
    for (i, (p, v, n)) in r.report.properties.iter().enumerate() {
        let head = if i == 0 { "properties" } else { "" };
        let judged =
            if *v == Verdict::Idle { "no occasion to judge".into() } else { format!("judged {}", thousands(*n)) };
        let pad = " ".repeat(14usize.saturating_sub(v.name().len()));
        _ = writeln!(t, "  {head:<11} {:<21} {}{pad}{judged}", p.name(), style.verdict(v.name()));
    }
    _ = writeln!(t, "  digest      {:016x}", r.digest);
    result_text(&mut t, plan, r);
    match r.report.violations.first() {
        Some(v) => violation_text(&mut t, v, plan, style),
        None => {
            if verdict == "inconclusive" {
                _ = writeln!(t, "  why         {}", why_inconclusive(r));
            }
        }
    }
    _ = writeln!(t, "  again with:\n{}", l.command(seed));
    t
}

fn why_inconclusive(r: &RunResult) -> String {
    if r.outcome == crate::trace::Outcome::Limit {
        return format!(
            "the run was ended after {} steps; \"max_steps\" in the scenario raises this limit",
            thousands(r.steps)
        );
    }
    "too little was judged: no record was processed, or no snapshot completed".to_string()
}

fn seconds(ns: u64) -> String {
    if ns < 1_000_000 { format_ns(ns) } else { format!("{}.{:03} ms", thousands(ns / 1_000_000), ns / 1_000 % 1_000) }
}

fn violation_text(t: &mut String, v: &Violation, plan: &Plan, style: Style) {
    let head = format!("{} violated", v.property.name());
    _ = writeln!(
        t,
        "  {} at step {} ({}):",
        style.verdict("violated").replace("violated", &head),
        v.at.step,
        seconds(v.at.time.0)
    );
    _ = writeln!(t, "    {}", v.message);
    let hidden = ["channel_id", "waits"];
    let list = v.evidence.iter().filter(|(n, _)| !hidden.contains(n));
    let list: Vec<String> = list.map(|(n, e)| format!("{n} {}", evidence_text(e, plan))).collect();
    if !list.is_empty() {
        _ = writeln!(t, "    evidence: {}", list.join(", "));
    }
}

fn evidence_text(e: &Evidence, plan: &Plan) -> String {
    match e {
        Evidence::Record(c, r) => {
            let (key, value) = spell(plan, *c, *r);
            let plain = |v: Value| v.get("text").map_or(v.to_string(), |t| t.to_string());
            format!("(key {}, value {})", plain(key), plain(value))
        }
        other => match evidence_json(other, plan) {
            Value::String(s) => s,
            v => v.to_string(),
        },
    }
}

/// The result that was compared with a direct computation; of a word count, the ten most frequent words.
fn result_text(t: &mut String, plan: &Plan, r: &RunResult) {
    let Some(check) = &plan.result else { return };
    let found = &r.found;
    if found.is_empty() {
        return;
    }
    if check.kind == "word-count" {
        let mut top: Vec<(u64, String)> =
            found.iter().map(|&(k, n)| (n, plan.job.symbols.spell(k).unwrap_or_default())).collect();
        top.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let list: Vec<String> = top.iter().take(10).map(|(n, w)| format!("{w} {}", thousands(*n))).collect();
        _ = writeln!(t, "  top words   {}", list.join(", "));
    }
    let total: u64 = found.iter().map(|e| e.1).sum();
    let same = if *found == check.entries { "the same" } else { "NOT THE SAME" };
    _ = writeln!(
        t,
        "  result      {} keys, {} in all; computed directly: {same}",
        thousands(found.len() as u64),
        thousands(total)
    );
}
