//! The smallest case that still fails in the same way.
//!
//! A tape does not survive a change of the scenario, a bug does: each smaller scenario is tried with the tape as
//! it is, and then with fresh seeds. The choices are zeroed in between. Both go on until neither finds anything,
//! so that shrinking twice changes nothing. Deterministic: the fresh seeds are 0, 1, 2, …

use super::case::{Case, Context, Failure};
use super::reduce::reductions;
use crate::choice::Picked;
use crate::engine::Plan;
use crate::scenario::Scenario;
use crate::search::RunResult;
use rustc_hash::FxHashSet;

/// What shrinking arrived at.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The small case.
    pub case: Case,
    /// Its run.
    pub result: RunResult,
    /// How many runs it took.
    pub runs: u64,
}

/// The most fresh seeds for one smaller scenario.
const SEEDS: u64 = 300;
/// Steps that may be spent on the fresh seeds of one smaller scenario.
const STEPS: u64 = 400_000;

struct Shrinker<'a> {
    context: Context<'a>,
    failure: Failure,
    case: Case,
    steps: u64,
    runs: u64,
    /// Scenarios that did not fail, by digest: with the same tape they never will.
    tried: FxHashSet<(u64, u64)>,
}

/// Shrinks `case`, which fails with `failure`. `None` if it does not.
pub fn shrink(context: Context<'_>, case: Case, failure: Failure) -> Option<Shrunk> {
    let plan = context.plan(&case.scenario).ok()?;
    let (result, picks, _) = context.replay(&plan, &case.picks);
    if Failure::of(&result) != Some(failure) {
        return None;
    }
    let case = Case { scenario: case.scenario, picks };
    let mut s = Shrinker { context, failure, case, steps: result.steps, runs: 1, tried: FxHashSet::default() };
    loop {
        let smaller = s.scenario();
        let duller = s.choices();
        if !smaller && !duller {
            break;
        }
    }
    let plan = s.context.plan(&s.case.scenario).ok()?;
    let (result, picks, _) = s.context.replay(&plan, &s.case.picks);
    s.case.picks = picks;
    Some(Shrunk { case: s.case, result, runs: s.runs })
}

impl Shrinker<'_> {
    fn bounded(&self, scenario: &Scenario) -> Option<Plan> {
        let mut plan = self.context.plan(scenario).ok()?;
        plan.max_steps = plan.max_steps.min(self.steps * 3 + 2_000);
        Some(plan)
    }

    /// Makes the scenario smaller as long as that goes; `true` if it went at all.
    fn scenario(&mut self) -> bool {
        let mut any = false;
        loop {
            let found = reductions(&self.case.scenario).into_iter().find_map(|smaller| self.fails(smaller));
            let Some((case, steps)) = found else { return any };
            (self.case, self.steps, any) = (case, steps, true);
        }
    }

    fn fails(&mut self, scenario: Scenario) -> Option<(Case, u64)> {
        let key = (digest_of(&scenario), digest_of_picks(&self.case.picks));
        if self.tried.contains(&key) {
            return None;
        }
        let plan = self.bounded(&scenario)?;
        self.runs += 1;
        let (r, picks, _) = self.context.replay(&plan, &self.case.picks);
        if Failure::of(&r) == Some(self.failure) {
            return Some((Case { scenario, picks }, r.steps));
        }
        let seeds = (STEPS / r.steps.max(1)).clamp(12, SEEDS);
        for seed in 0..seeds {
            self.runs += 1;
            let (r, picks) = self.context.record(&plan, seed);
            if Failure::of(&r) == Some(self.failure) {
                return Some((Case { scenario, picks }, r.steps));
            }
        }
        self.tried.insert(key);
        None
    }

    /// Makes choices dull as long as that goes; `true` if it went at all.
    fn choices(&mut self) -> bool {
        let Some(plan) = self.bounded(&self.case.scenario) else { return false };
        let before = self.case.picks.clone();
        let mut chunk = self.case.picks.len();
        while chunk > 0 {
            let mut at = 0;
            while at < self.case.picks.len() {
                let mut fewer = self.case.picks.clone();
                fewer.drain(at..(at + chunk).min(fewer.len()));
                if !self.still(&plan, fewer) {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
        for i in 0..self.case.picks.len() {
            for smaller in [|n: u32| 1.min(n), |n| n / 16, |n| n / 4, |n| n / 2] {
                let Some(&p) = self.case.picks.get(i) else { break };
                let picked = smaller(p.picked);
                if picked > 0 && picked < p.picked {
                    let mut lower = self.case.picks.clone();
                    lower[i].picked = picked;
                    self.still(&plan, lower);
                }
            }
        }
        self.case.picks != before
    }

    fn still(&mut self, plan: &Plan, picks: Vec<Picked>) -> bool {
        self.runs += 1;
        let (r, recorded, _) = self.context.replay(plan, &picks);
        let weight = |p: &[Picked]| (p.len(), p.iter().map(|p| p.picked as u64).sum::<u64>());
        let fails = Failure::of(&r) == Some(self.failure) && weight(&recorded) < weight(&self.case.picks);
        if fails {
            (self.case.picks, self.steps) = (recorded, r.steps);
        }
        fails
    }
}

fn digest_of(s: &Scenario) -> u64 {
    crate::base::hash_text(&serde_json::to_string(s).unwrap_or_default())
}

fn digest_of_picks(picks: &[Picked]) -> u64 {
    let mut m = crate::base::Mix::default();
    for p in picks {
        m.word(p.position);
        m.word((p.site.kind as u64) << 32 | p.site.at as u64);
        m.word((p.options as u64) << 32 | p.picked as u64);
    }
    m.value()
}
