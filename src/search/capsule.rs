//! A capsule: a failure (or a run that must hold) in one readable file: scenario, seed, choices, verdict.

use super::case::{Case, Context};
use super::run::RunResult;
use crate::check::Evidence;
use crate::choice::{Divergence, Kind, Picked, Site};
use crate::engine::Plan;
use crate::scenario::{Problem, Problems, Scenario, SeedSpec, problem_of_form, read_value};
use crate::trace::big;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The version of the format.
pub const VERSION: u32 = 1;

/// A capsule as it is in its file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capsule {
    /// The version of the format.
    pub cutline_capsule: u32,
    /// The scenario; it names no file.
    pub scenario: Scenario,
    /// The seed it was found with. The replay goes by the choices.
    pub seed: SeedSpec,
    /// The choices that were not dull.
    pub choices: Vec<Choice>,
    /// The verdict that was recorded.
    pub verdict: String,
    /// The first violation, if there was one.
    pub violation: Option<Value>,
    /// The digest of the run.
    pub digest: String,
}

/// A choice that was not dull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The how-manieth question of the run this answers.
    pub position: u64,
    /// Who asked: what was decided, …
    pub kind: String,
    /// … where (channel, task, store), …
    pub at: u32,
    /// … and for the how-manieth time.
    pub nth: u32,
    /// How many options there were.
    pub options: u32,
    /// Which was picked.
    pub picked: u32,
}

impl From<&Picked> for Choice {
    fn from(p: &Picked) -> Self {
        let Site { kind, at, nth } = p.site;
        Choice { position: p.position, kind: kind.name().into(), at, nth, options: p.options, picked: p.picked }
    }
}

/// A violation as JSON, with its evidence.
pub fn violation_json(r: &RunResult, plan: &Plan) -> Option<Value> {
    let v = r.report.violations.first()?;
    let evidence: Map<String, Value> =
        v.evidence.iter().map(|(n, e)| (n.to_string(), evidence_json(e, plan))).collect();
    Some(json!({
        "property": v.property.name(), "kind": v.kind, "at_step": v.at.step, "at_ns": big(v.at.time.0),
        "message": v.message, "evidence": evidence,
    }))
}

/// A piece of evidence as JSON; symbols are spelled out.
pub fn evidence_json(e: &Evidence, plan: &Plan) -> Value {
    match e {
        Evidence::Number(n) => big(*n),
        Evidence::Text(t) => t.as_str().into(),
        Evidence::Digest(d) => format!("{d:016x}").into(),
        Evidence::Record(channel, r) => {
            let edge = plan.job.graph.channels.get(*channel as usize).map_or(0, |c| c.edge as usize);
            let (key, value) = plan.job.spelled.get(edge).copied().unwrap_or_default();
            let word = |w: u64, symbol: bool| match plan.job.symbols.spell(w).filter(|_| symbol) {
                Some(text) => json!({ "text": text }),
                None => big(w),
            };
            json!({"key": word(r.key, key), "value": word(r.value, value)})
        }
    }
}

impl Capsule {
    /// The capsule of a case and its run.
    pub fn new(case: &Case, seed: u64, r: &RunResult, plan: &Plan) -> Capsule {
        Capsule {
            cutline_capsule: VERSION,
            scenario: case.scenario.clone(),
            seed: if seed > 1 << 53 { SeedSpec::Text(seed.to_string()) } else { SeedSpec::Number(seed) },
            choices: case.picks.iter().map(Choice::from).collect(),
            verdict: r.report.verdict().name().into(),
            violation: violation_json(r, plan),
            digest: format!("{:016x}", r.digest),
        }
    }

    /// The form alone. What is wrong with the scenario is named with its path in the capsule.
    fn read(mut value: Value) -> Result<Capsule, Problems> {
        let mut problems = Vec::new();
        let nothing = json!({"cutline_scenario": 1, "name": "", "operators": {}});
        if let Some(scenario) = value.get("scenario")
            && let Err(found) = read_value(scenario.clone())
        {
            problems = found.within("scenario").0;
            value["scenario"] = nothing.clone();
        }
        // What takes the place of a key is valid in form, so that reading goes on.
        for (key, expected, instead) in [
            ("scenario", "an object, the scenario", nothing),
            ("seed", "the seed that it was found with", json!(0)),
            ("choices", "a list of the choices that were not dull", json!([])),
            ("verdict", "holds, violated or inconclusive", json!("")),
            ("digest", "a string, the digest of the run", json!("")),
        ] {
            if value.get(key).is_none() {
                problems.push(Problem::new(key, format!("is missing: expected {expected}")));
                value[key] = instead;
            }
        }
        // serde would take a list for an object, key by key.
        let choices = value["choices"].as_array_mut().into_iter().flatten().enumerate();
        for (i, choice) in choices.filter(|(_, choice)| choice.is_array()) {
            let message = "expected an object with named keys, found a list";
            problems.push(Problem::new(format!("choices[{i}]"), message));
            *choice = json!({"position": 0, "kind": "", "at": 0, "nth": 0, "options": 1, "picked": 0});
        }
        let read = serde_path_to_error::deserialize(&value).map_err(|e| problems.push(problem_of_form(&value, &e)));
        read.ok().filter(|_| problems.is_empty()).ok_or(Problems(problems))
    }

    /// Reads a capsule.
    ///
    /// # Errors
    /// If it is none, or of another version; the message says where, with a line for each problem.
    pub fn parse(text: &str) -> Result<Capsule, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|e| format!("line {}: this is no JSON: {e}", e.line()))?;
        match value.get("cutline_capsule") {
            Some(v) if *v == VERSION => {}
            Some(v) => return Err(format!("cutline_capsule: expected version {VERSION}, found {v}")),
            None => return Err(format!("this is no capsule: expected an object with \"cutline_capsule\": {VERSION}")),
        }
        let capsule = Capsule::read(value).map_err(|p| p.to_string())?;
        capsule.seed.value().map_err(|m| format!("seed: {m}"))?;
        capsule.picks()?;
        if !["holds", "violated", "inconclusive"].contains(&capsule.verdict.as_str()) {
            return Err(format!("verdict: expected holds, violated or inconclusive, found {:?}", capsule.verdict));
        }
        let named = capsule.violation.as_ref().and_then(|v| v.get("property")?.as_str());
        if (capsule.verdict == "violated") != named.is_some_and(|p| crate::check::Property::named(p).is_some()) {
            return Err(
                "violation: expected an object with the violated property, where the verdict is violated".into()
            );
        }
        Ok(capsule)
    }

    /// The text of the file. The version comes first, so that the file is known by how it begins; a choice is a
    /// line.
    pub fn text(&self) -> String {
        let pretty = |v: &Value| serde_json::to_string_pretty(v).unwrap_or_default().replace('\n', "\n  ");
        let scenario = serde_json::to_value(&self.scenario).unwrap_or_default();
        let lines: Vec<String> =
            self.choices.iter().map(|c| format!("    {}", serde_json::to_string(c).unwrap_or_default())).collect();
        let choices = if lines.is_empty() { "[]".into() } else { format!("[\n{}\n  ]", lines.join(",\n")) };
        let seed = serde_json::to_value(&self.seed).unwrap_or_default();
        format!(
            "{{\n  \"cutline_capsule\": {},\n  \"verdict\": {},\n  \"violation\": {},\n  \"digest\": {},\n  \"seed\": {seed},\n  \"choices\": {choices},\n  \"scenario\": {}\n}}\n",
            self.cutline_capsule,
            json!(self.verdict),
            pretty(&self.violation.clone().unwrap_or(Value::Null)),
            json!(self.digest),
            pretty(&scenario),
        )
    }

    /// The choices.
    ///
    /// # Errors
    /// If one is of no known kind, or they are out of order.
    pub fn picks(&self) -> Result<Vec<Picked>, String> {
        let pick = |(i, c): (usize, &Choice)| {
            let kind = Kind::ALL.into_iter().find(|k| k.name() == c.kind);
            let kind = kind.ok_or(format!("choices[{i}].kind: {:?} is none", c.kind))?;
            if c.picked == 0 || c.picked >= c.options {
                return Err(format!("choices[{i}].picked: expected 1 to options - 1, found {}", c.picked));
            }
            let site = Site { kind, at: c.at, nth: c.nth };
            Ok(Picked { position: c.position, site, options: c.options, picked: c.picked })
        };
        let picks: Vec<Picked> = self.choices.iter().enumerate().map(pick).collect::<Result<_, String>>()?;
        match picks.is_sorted_by(|a, b| a.position < b.position) {
            true => Ok(picks),
            false => Err("choices: expected ascending positions".into()),
        }
    }
}

/// What a replay gave.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The run.
    pub result: RunResult,
    /// Where it went another way than the recording.
    pub divergence: Option<Divergence>,
    /// Whether the recorded verdict (and violation) came back.
    pub verdict_back: bool,
    /// Whether the recorded digest came back.
    pub digest_back: bool,
    /// The choices of this run.
    pub picks: Vec<Picked>,
}

/// Runs a capsule.
///
/// # Errors
/// If its scenario is not valid (any more).
pub fn replay(context: Context<'_>, capsule: &Capsule) -> Result<(Plan, Replayed), String> {
    let plan = context.plan(&capsule.scenario).map_err(|p| p.within("scenario").to_string())?;
    let picks = capsule.picks()?;
    let (result, picks, divergence) = context.runner(&plan).replay(&picks);
    let property = |v: &Option<Value>, field: &str| v.as_ref().and_then(|v| v.get(field)?.as_str().map(str::to_string));
    let found = violation_json(&result, &plan);
    let same = ["property", "kind"].iter().all(|f| property(&found, f) == property(&capsule.violation, f));
    let replayed = Replayed {
        verdict_back: result.report.verdict().name() == capsule.verdict && same,
        digest_back: format!("{:016x}", result.digest) == capsule.digest,
        result,
        divergence,
        picks,
    };
    Ok((plan, replayed))
}
