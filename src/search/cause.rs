//! At which step did a failure become certain? The run is repeated up to a step, and goes on with fresh seeds;
//! the rate of failure along the run jumps where it was decided.

use super::case::{Case, Context, Failure};
use crate::choice::{Choices, Odds, Picked, Seeded, Site, Tape};
use crate::engine::{Cx, Engine, Plan};
use crate::world::TimeOrder;

/// A tape up to a position, a generator from then on.
struct Prefix<'a> {
    tape: Tape<'a>,
    after: Seeded,
    left: u64,
}

impl Choices for Prefix<'_> {
    fn choose(&mut self, site: Site, odds: Odds) -> u32 {
        if self.left > 0 {
            self.left -= 1;
            return self.tape.choose(site, odds);
        }
        self.after.choose(site, odds)
    }
}

/// Counts questions.
struct Counting<C> {
    inner: C,
    asked: u64,
}

impl<C: Choices> Choices for Counting<C> {
    fn choose(&mut self, site: Site, odds: Odds) -> u32 {
        self.asked += 1;
        self.inner.choose(site, odds)
    }
}

/// The rate of failure after each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// (step, how many of [`Cause::seeds`] runs failed that repeat the run up to this step).
    pub rates: Vec<(u64, u32)>,
    /// How many runs each rate is of.
    pub seeds: u32,
    /// The step at which the rate jumps most.
    pub decided_at: u64,
}

/// How many questions had been asked after each step of the run.
fn questions(plan: &Plan, picks: &[Picked], steps: u64) -> Vec<u64> {
    let mut choices = Counting { inner: Tape::new(picks), asked: 0 };
    let mut engine = Engine::new(plan, TimeOrder::new(super::run::horizon_of(plan)));
    let mut asked = vec![0];
    for _ in 0..steps {
        let mut nobody = ();
        let mut cx = Cx::new(&plan.job.symbols, &mut choices, &mut nobody);
        engine.step(&mut cx);
        asked.push(choices.asked);
    }
    asked
}

/// Finds where `failure` was decided: `seeds` runs for each of at most 60 steps along the run.
pub fn cause(context: Context<'_>, case: &Case, failure: Failure, seeds: u32) -> Option<Cause> {
    let mut plan = context.plan(&case.scenario).ok()?;
    let (r, ..) = context.runner(&plan).replay(&case.picks);
    // A run that does not fail soon does not fail here; without a bound, one that goes on for ever would.
    plan.max_steps = plan.max_steps.min(r.steps * 3 + 2_000);
    let asked = questions(&plan, &case.picks, r.steps);
    let stride = (r.steps / 60).max(1);
    let (mut rates, mut runner) = (Vec::new(), context.runner(&plan));
    let mut step = 0;
    while step <= r.steps {
        let left = asked[step as usize];
        let mut fails = |seed: u32| {
            let mut choices = Prefix { tape: Tape::new(&case.picks), after: Seeded::new(seed as u64), left };
            let again = runner.run(&mut choices, &mut ());
            Failure::of(&again) == Some(failure)
        };
        rates.push((step, (0..seeds).filter(|&s| fails(s)).count() as u32));
        step += stride;
    }
    let jump = |w: &[(u64, u32)]| w[1].1.saturating_sub(w[0].1);
    let most = rates.windows(2).map(jump).max().unwrap_or(0);
    let decided = rates.windows(2).find(|w| most > 0 && jump(w) == most).map(|w| w[1].0);
    Some(Cause { decided_at: decided.unwrap_or(0), rates, seeds })
}
