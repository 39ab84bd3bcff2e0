//! The smallest case that still fails in the same way.
//!
//! A tape does not survive a change of the scenario, a bug does: each smaller scenario is tried with the tape as
//! it is, and then with fresh seeds. The choices are zeroed in between. Both go on until neither finds anything,
//! so that shrinking twice changes nothing. Deterministic: the fresh seeds are 0, 1, 2, …

use super::case::{Case, Context, Failure};
use super::reduce::{reductions, weight};
use crate::choice::Picked;
use crate::engine::Plan;
use crate::scenario::Scenario;
use crate::search::{RunResult, Runner};
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
/// As many where all has been tried before, with another setting.
const FEW_SEEDS: u64 = 30;
/// Steps that may be spent on the fresh seeds of one smaller scenario.
const STEPS: u64 = 400_000;

/// Failing fresh seeds whose choices are made dull, for one scenario.
const ZEROED: u32 = 2;

/// How large a case is: tasks, records, faults, edges, snapshots; then steps and choices (a choice weighs as much as
/// four steps); then settings; then how far the choices are from dull. Every move lowers it.
type Measure = ([u64; 5], u64, u64, u64);

fn measure(s: &Scenario, r: &RunResult, picks: &[Picked]) -> Measure {
    let (tasks, records, faults, edges, settings) = weight(s);
    let sum = picks.iter().map(|p| p.picked as u64).sum();
    ([tasks, records, faults, edges, r.report.checkpoints[0]], r.steps + 4 * picks.len() as u64, settings, sum)
}

struct Shrinker<'a> {
    context: Context<'a>,
    failure: Failure,
    enough: &'a dyn Fn() -> bool,
    case: Case,
    measure: Measure,
    steps: u64,
    runs: u64,
    /// Scenarios that did not help, by digest: with the same tape they never will.
    tried: FxHashSet<(u64, u64, u64)>,
}

/// Shrinks `case`, which fails with `failure`. `None` if it does not.
pub fn shrink(context: Context<'_>, case: Case, failure: Failure) -> Option<Shrunk> {
    shrink_until(context, case, failure, &|| false)
}

/// The same, with what there is as soon as `enough` says so. (It is asked before each run: then, how small the case gets
/// depends on when that was.)
pub fn shrink_until<'a>(
    context: Context<'a>,
    case: Case,
    failure: Failure,
    enough: &'a dyn Fn() -> bool,
) -> Option<Shrunk> {
    let plan = context.plan(&case.scenario).ok()?;
    let (r, picks, _) = context.runner(&plan).replay(&case.picks);
    if Failure::of(&r) != Some(failure) {
        return None;
    }
    let measure = measure(&case.scenario, &r, &picks);
    let case = Case { scenario: case.scenario, picks };
    let (steps, tried) = (r.steps, FxHashSet::default());
    let mut s = Shrinker { context, failure, enough, case, measure, steps, runs: 1, tried };
    while s.scenario() | s.choices() {}
    let plan = s.context.plan(&s.case.scenario).ok()?;
    let (result, picks, _) = s.context.runner(&plan).replay(&s.case.picks);
    s.case.picks = picks;
    Some(Shrunk { case: s.case, result, runs: s.runs })
}

impl Shrinker<'_> {
    fn bounded(&self, scenario: &Scenario) -> Option<Plan> {
        let mut plan = self.context.plan(scenario).ok()?;
        plan.max_steps = plan.max_steps.min(self.steps * 3 + 2_000);
        Some(plan)
    }

    /// Makes the scenario smaller as long as that goes; `true` if it went at all. After a task, record, fault, edge or
    /// snapshot has gone the big reductions come first again; after anything else, when their turn comes.
    fn scenario(&mut self) -> bool {
        let (mut any, mut at, mut in_vain) = (false, 0, 0);
        let mut list = reductions(&self.case.scenario);
        while in_vain < list.len() && !(self.enough)() {
            at %= list.len();
            let size = self.measure.0;
            if self.try_scenario(list[at].clone(), SEEDS) {
                (any, in_vain) = (true, 0);
                if self.measure.0 == size {
                    self.try_big_ones_again();
                }
                if self.measure.0 < size {
                    at = 0;
                }
                list = reductions(&self.case.scenario);
            } else {
                (at, in_vain) = (at + 1, in_vain + 1);
            }
        }
        any
    }

    /// A setting has gone: what did not go before may go now. A few seeds tell.
    fn try_big_ones_again(&mut self) {
        let (tasks, records, faults, edges, _) = weight(&self.case.scenario);
        let big = |s: &Scenario| {
            let (t, r, f, e, _) = weight(s);
            (t, r, f, e) < (tasks, records, faults, edges)
        };
        let mut list = reductions(&self.case.scenario).into_iter().filter(big);
        _ = list.any(|smaller| self.try_scenario(smaller, FEW_SEEDS));
    }

    /// The scenario with the tape as it is, then with fresh seeds.
    fn try_scenario(&mut self, scenario: Scenario, most_seeds: u64) -> bool {
        let (tasks, records, faults, edges, _) = weight(&scenario);
        if [tasks, records, faults, edges][..] > self.measure.0[..4] {
            return false;
        }
        let key = (digest_of(&scenario), digest_of_picks(&self.case.picks, self.steps), most_seeds);
        if self.tried.contains(&key) {
            return false;
        }
        let Some(plan) = self.bounded(&scenario) else { return false };
        self.runs += 1;
        let mut runner = self.context.runner(&plan);
        let (r, picks, _) = runner.replay(&self.case.picks);
        if self.take(&scenario, &r, picks) {
            return true;
        }
        let seeds = (STEPS / r.steps.max(1)).clamp(12, SEEDS).min(most_seeds);
        let mut zeroed = 0;
        let enough = self.enough;
        for seed in (0..seeds).take_while(|_| !enough()) {
            self.runs += 1;
            let (r, picks) = runner.record(seed);
            if Failure::of(&r) != Some(self.failure) {
                continue;
            }
            if self.take(&scenario, &r, picks.clone()) {
                return true;
            }
            // No larger but for its choices, which nobody has made dull yet.
            if zeroed < ZEROED && measure(&scenario, &r, &[]) < self.measure {
                zeroed += 1;
                let (r, picks) = self.dull(&mut runner, &scenario, r, picks);
                if self.take(&scenario, &r, picks) {
                    return true;
                }
            }
        }
        self.tried.insert(key);
        false
    }

    /// Goes over to a case that fails in the same way, if it is smaller.
    fn take(&mut self, scenario: &Scenario, r: &RunResult, picks: Vec<Picked>) -> bool {
        if Failure::of(r) != Some(self.failure) || measure(scenario, r, &picks) >= self.measure {
            return false;
        }
        (self.measure, self.steps) = (measure(scenario, r, &picks), r.steps);
        self.case = Case { scenario: scenario.clone(), picks };
        true
    }

    /// Makes the choices of the case dull as long as that goes; `true` if it went at all.
    fn choices(&mut self) -> bool {
        let Some(plan) = self.bounded(&self.case.scenario) else { return false };
        let scenario = self.case.scenario.clone();
        let mut runner = self.context.runner(&plan);
        let (r, picks, _) = runner.replay(&self.case.picks);
        let (r, picks) = self.dull(&mut runner, &scenario, r, picks);
        self.take(&scenario, &r, picks)
    }

    /// Leaves choices out, many at a time and then one by one, and lowers those that must stay.
    fn dull(
        &mut self,
        runner: &mut Runner<'_>,
        s: &Scenario,
        mut r: RunResult,
        mut picks: Vec<Picked>,
    ) -> (RunResult, Vec<Picked>) {
        let mut chunk = picks.len();
        while chunk > 0 && !(self.enough)() {
            let mut at = 0;
            while at < picks.len() && !(self.enough)() {
                let mut fewer = picks.clone();
                fewer.drain(at..(at + chunk).min(fewer.len()));
                if !self.duller(runner, s, fewer, &mut r, &mut picks) {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
        for i in 0..picks.len() {
            if (self.enough)() {
                break;
            }
            for smaller in [|n: u32| 1.min(n), |n| n / 16, |n| n / 4, |n| n / 2] {
                let Some(&p) = picks.get(i) else { break };
                let picked = smaller(p.picked);
                if picked > 0 && picked < p.picked {
                    let mut lower = picks.clone();
                    lower[i].picked = picked;
                    self.duller(runner, s, lower, &mut r, &mut picks);
                }
            }
        }
        (r, picks)
    }

    fn duller(
        &mut self,
        runner: &mut Runner<'_>,
        s: &Scenario,
        tape: Vec<Picked>,
        r: &mut RunResult,
        picks: &mut Vec<Picked>,
    ) -> bool {
        self.runs += 1;
        let (other, recorded, _) = runner.replay(&tape);
        let better = Failure::of(&other) == Some(self.failure) && measure(s, &other, &recorded) < measure(s, r, picks);
        if better {
            (*r, *picks) = (other, recorded);
        }
        better
    }
}

fn digest_of(s: &Scenario) -> u64 {
    crate::base::hash_text(&serde_json::to_string(s).unwrap_or_default())
}

/// Of a tape, and of how many steps it takes: a try may take so much longer.
fn digest_of_picks(picks: &[Picked], steps: u64) -> u64 {
    let mut m = crate::base::Mix::default();
    m.word(steps);
    for p in picks {
        m.word(p.position);
        m.word((p.site.kind as u64) << 32 | p.site.at as u64);
        m.word((p.options as u64) << 32 | p.picked as u64);
    }
    m.value()
}
