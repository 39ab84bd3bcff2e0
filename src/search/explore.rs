//! All schedules and fault placements of a small plan: depth first, over the engine's own step, under the
//! engine's own judge, pruned by the digest of both.

use super::seen::Seen;
use crate::base::Digester;
use crate::check::{Judge, Monitor, RunVerdict, Violation};
use crate::choice::Odometer;
use crate::engine::{Engine, Plan, Step, Workbench};
use crate::trace::{Observer, Outcome};
use crate::world::AnyOrder;

/// What an exploration found.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// Different states.
    pub states: u64,
    /// Steps between them.
    pub transitions: u64,
    /// Runs that came to their end (different final states).
    pub ends: u64,
    /// Bytes that the digests of the states take in memory.
    pub bytes: u64,
    /// Whether everything was seen.
    pub complete: bool,
    /// The first violation.
    pub violation: Option<Violation>,
}

/// Boxed: states are large, and move often.
type State<'p> = Box<(Engine<'p, AnyOrder>, Judge<'p>)>;

/// Explores every schedule of `plan`, up to `most` states; stops at the first violation.
pub fn explore<'p>(plan: &'p Plan, judge: Judge<'p>, most: u64) -> Explored {
    let mut seen = Seen::new();
    let mut found = Explored::default();
    let mut scratch = Digester::default();
    let mut odometer = Odometer::default();
    let first: State<'p> = Box::new((Engine::new(plan, AnyOrder), judge));
    let mut spare = Vec::new();
    let mut digest = |e: &Engine<'p, AnyOrder>, j: &Judge<'p>| {
        scratch.digest(|d| {
            e.digest(d);
            j.digest(d);
        })
    };
    seen.insert(digest(&first.0, &first.1));
    let mut stack = vec![first];
    found.states = 1;
    let mut whole = true;
    let mut bench = Workbench::new(&plan.job.symbols);
    let mut successors = Vec::new();
    // Where nothing is timed, no event is void; and without such faults, a step asks nothing but which event it is.
    // So its last answer is known beforehand.
    let foreseen = plan.faults.declines.is_empty() && !plan.faults.at_deliveries();
    while let Some(state) = stack.pop() {
        let (engine, judge) = &*state;
        if engine.outcome().is_some() {
            found.ends += 1;
        } else if engine.at_rest() {
            // Without a fault, the run ends here: what does the judge say of that?
            let (mut e, mut j) = (engine.clone(), judge.clone());
            e.end_here(&mut j);
            found.ends += 1;
            if bad(&j, &mut found) {
                return found;
            }
        }
        odometer.reset();
        let steps = engine.steps();
        let mut parent = Some(state);
        loop {
            // The last successor needs no copy.
            let last = foreseen && odometer.at_last();
            let next = if last { parent.take() } else { parent.as_deref().map(|p| copy(p, &mut spare)) };
            let mut next = next.expect("[cutline bug] a step asks more than was foreseen");
            let step = bench.step(&mut next.0, &mut odometer, &mut next.1);
            let over = matches!(step, Step::Over(_));
            whole &= step != Step::Over(Outcome::Limit);
            if over && !next.1.stop() && next.0.steps() == steps {
                spare.push(next); // nothing was enabled, or there may be no more steps
                break;
            }
            found.transitions += 1;
            if next.1.stop() && bad(&next.1, &mut found) {
                return found;
            }
            successors.push((digest(&next.0, &next.1), next));
            if !odometer.advance() {
                break;
            }
        }
        // The table is too large for any cache: all places are looked at before any, so that they are waited for
        // side by side.
        std::hint::black_box(successors.iter().fold(0, |all, (digest, _)| all ^ seen.look(*digest)));
        for (digest, next) in successors.drain(..) {
            if !seen.insert(digest) {
                spare.push(next);
                continue;
            }
            found.states += 1;
            if found.states >= most {
                return found;
            }
            stack.push(next);
        }
        spare.extend(parent);
    }
    found.complete = whole;
    found.bytes = seen.bytes();
    found
}

/// Into a spare one, if there is one: most of it is the same there already.
fn copy<'p>(of: &(Engine<'p, AnyOrder>, Judge<'p>), spare: &mut Vec<State<'p>>) -> State<'p> {
    let Some(mut state) = spare.pop() else { return Box::new(of.clone()) };
    state.0.clone_from(&of.0);
    state.1.clone_from(&of.1);
    state
}

fn bad(judge: &Judge<'_>, found: &mut Explored) -> bool {
    found.violation = judge.violations().first().cloned();
    debug_assert!(found.violation.is_some() == (judge.report().verdict() == RunVerdict::Violated));
    found.violation.is_some()
}
