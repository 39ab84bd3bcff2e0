//! `cutline replay` and `cutline shrink`.

use super::args::{ReplayArgs, ShrinkArgs};
use super::failures::{record, shrunk};
use super::files::{CAPSULE, Output};
use super::load::{load, quoted, refused};
use super::output::Style;
use super::{Refusal, Status, say};
use crate::check::Mode;
use crate::choice::{Divergence, Picked};
use crate::engine::Plan;
use crate::search::{Capsule, Case, Context, Failure, Replayed, RunResult, cause, replay, story};
use crate::specimen::Protocols;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const CONTEXT: Context<'static> = Context { registry: &Protocols, mode: Mode::Full };

fn read(path: &Path) -> Result<Capsule, Refusal> {
    let at = |m: String| Refusal(format!("{}: {m}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| at(format!("cannot read the capsule: {e}")))?;
    Capsule::parse(&text).map_err(|m| refused(path, &m))
}

/// Runs capsules.
pub fn replays(args: &ReplayArgs, style: Style) -> Result<Status, Refusal> {
    let capsules: Vec<Capsule> = args.files.iter().map(|f| read(f)).collect::<Result<_, _>>()?;
    if args.out.is_some() && (!args.rebase || args.files.len() > 1) {
        return Err(Refusal("--out: expected --rebase and a single capsule beside it".into()));
    }
    let mut ran = Vec::new();
    for (path, capsule) in args.files.iter().zip(&capsules) {
        ran.push(replay(CONTEXT, capsule).map_err(|m| refused(path, &m))?);
    }
    let mut status = Status::Held;
    for ((path, capsule), (plan, r)) in args.files.iter().zip(&capsules).zip(&ran) {
        let one = status_of(capsule, r);
        status = status.worse(one);
        print_one(path, capsule, plan, r, style)?;
        if args.story && !style.json {
            say(&story(CONTEXT, plan, &r.picks))?;
        }
        if args.cause {
            print_cause(capsule, r, style)?;
        }
        if args.rebase && one == Status::Inconclusive {
            rebase(path, capsule, args.out.as_deref())?;
        }
    }
    Ok(status)
}

fn status_of(capsule: &Capsule, r: &Replayed) -> Status {
    match (r.divergence.is_some() || !r.verdict_back, capsule.verdict.as_str()) {
        (true, _) => Status::Inconclusive,
        (_, "violated") => Status::Violated,
        (_, "holds") => Status::Held,
        _ => Status::Inconclusive,
    }
}

fn spelled(d: &Divergence, plan: &Plan) -> String {
    let place = |kind: crate::choice::Kind, at: u32| match kind {
        crate::choice::Kind::Delay if (at as usize) < plan.job.graph.channels.len() => plan.job.graph.spell_channel(at),
        _ => at.to_string(),
    };
    let r = &d.recorded;
    let recorded = format!(
        "{} at {} (number {}, {} options)",
        r.site.kind.name(),
        place(r.site.kind, r.site.at),
        r.site.nth,
        r.options
    );
    match d.asked {
        None => format!("choice {}: recorded {recorded}, but the run was over before", r.position),
        Some((s, n)) => {
            let asked = format!("{} at {} (number {}, {n} options)", s.kind.name(), place(s.kind, s.at), s.nth);
            format!("choice {}: recorded {recorded}, asked {asked}", r.position)
        }
    }
}

fn print_one(path: &Path, capsule: &Capsule, plan: &Plan, r: &Replayed, style: Style) -> Result<(), Refusal> {
    let verdict = r.result.report.verdict().name();
    let message = r.result.report.violations.first().map(|v| v.message.clone());
    let divergence = r.divergence.as_ref().map(|d| spelled(d, plan));
    if style.json {
        let line = json!({
            "capsule": path.to_string_lossy(), "verdict": verdict, "recorded": capsule.verdict,
            "came_back": r.verdict_back && divergence.is_none(), "digest": format!("{:016x}", r.result.digest),
            "digest_came_back": r.digest_back, "divergence": divergence, "message": message, "steps": r.result.steps,
        });
        return say(&format!("{line}\n")).map(drop);
    }
    let name = path.display();
    let mut t = match (&divergence, r.verdict_back) {
        (Some(d), _) => format!(
            "{name}: the replay went astray at step {}: {d}; its verdict is {}\n",
            r.result.steps,
            style.verdict(verdict)
        ),
        (None, true) => format!("{name}: {} came back{}\n", style.verdict(&capsule.verdict), digest_text(r)),
        (None, false) if capsule.verdict == "violated" && verdict != "violated" => {
            format!("{name}: no longer fails: recorded {}, now {}\n", capsule.verdict, style.verdict(verdict))
        }
        (None, false) => {
            let recorded = recorded_failure(capsule);
            format!("{name}: recorded {}{recorded}, now {}\n", capsule.verdict, style.verdict(verdict))
        }
    };
    if let Some(m) = message {
        t += &format!("  {}: {m}\n", r.result.report.violations[0].property.name());
    }
    say(&t).map(drop)
}

fn recorded_failure(capsule: &Capsule) -> String {
    let of = |field: &str| capsule.violation.as_ref().and_then(|v| v.get(field)?.as_str());
    of("property").map_or(String::new(), |p| format!(" ({p}, {})", of("kind").unwrap_or("no kind")))
}

fn digest_text(r: &Replayed) -> &'static str {
    if r.digest_back {
        ", with the same digest"
    } else {
        ", but the digest is another: facts beside the failure differ, or another version of cutline saved the capsule"
    }
}

fn print_cause(capsule: &Capsule, r: &Replayed, style: Style) -> Result<(), Refusal> {
    let Some(failure) = Failure::of(&r.result) else { return Ok(()) };
    let case = Case { scenario: capsule.scenario.clone(), picks: r.picks.clone() };
    let Some(found) = cause(CONTEXT, &case, failure, 40) else { return Ok(()) };
    if style.json {
        let rates: Vec<_> = found.rates.iter().map(|(s, n)| json!({"step": s, "failing": n})).collect();
        let line = json!({"cause": {"decided_at": found.decided_at, "seeds": found.seeds, "rates": rates}});
        return say(&format!("{line}\n")).map(drop);
    }
    let mut t = format!(
        "rate of failure when the run is repeated up to a step and goes on with {} fresh seeds:\n",
        found.seeds
    );
    for (step, n) in &found.rates {
        let percent = n * 100 / found.seeds.max(1);
        let mark = if *step == found.decided_at { "   <- decided here" } else { "" };
        t += &format!("  step {step:<5} {percent:>3} %  {}{mark}\n", "#".repeat(percent as usize / 4));
    }
    say(&t).map(drop)
}

/// Looks for the same failure nearby, and writes a new capsule.
fn rebase(path: &Path, capsule: &Capsule, out: Option<&Path>) -> Result<(), Refusal> {
    let want = |field: &str| capsule.violation.as_ref().and_then(|v| v.get(field)?.as_str());
    let (property, kind) = (want("property"), want("kind"));
    let plan = CONTEXT.plan(&capsule.scenario).map_err(|p| Refusal(p.to_string()))?;
    let same = |(r, _): &(RunResult, Vec<Picked>)| {
        Failure::of(r).is_some_and(|f| Some(f.property.name()) == property && Some(f.kind) == kind)
    };
    let picks = capsule.picks().map_err(Refusal)?;
    let mut runner = CONTEXT.runner(&plan);
    let (r, near, _) = runner.replay(&picks);
    let found = Some((r, near)).filter(same).or_else(|| (0..1000).map(|seed| runner.record(seed)).find(same));
    let Some((r, picks)) = found else {
        eprintln!("{}: the same failure was not found nearby (1,000 fresh seeds)", path.display());
        return Ok(());
    };
    let case = Case { scenario: capsule.scenario.clone(), picks };
    let seed = capsule.seed.value().unwrap_or(0);
    let target = out.map_or_else(|| path.with_extension("rebased.json"), PathBuf::from);
    let mut file = Output::create(&target, CAPSULE)?;
    file.write_all(Capsule::new(&case, seed, &r, &plan).text().as_bytes())?;
    file.finish()?;
    eprintln!("{}: the same failure, rebased: {}", path.display(), target.display());
    Ok(())
}

/// The smallest capsule that still fails in the same way.
pub fn shrinks(args: &ShrinkArgs, style: Style) -> Result<Status, Refusal> {
    let file = &args.scenarios.files[0];
    if args.scenarios.files.len() > 1 {
        return Err(Refusal("expected a single scenario or capsule".into()));
    }
    let begins = std::fs::read_to_string(file).map_err(|e| Refusal(format!("{}: {e}", file.display())))?;
    let is_capsule =
        serde_json::from_str::<serde_json::Value>(&begins).is_ok_and(|v| v.get("cutline_capsule").is_some());
    let (case, failure, seed) = if is_capsule {
        let capsule = read(file)?;
        let (_, r) = replay(CONTEXT, &capsule).map_err(|m| refused(file, &m))?;
        let failure = Failure::of(&r.result).ok_or(Refusal(format!("{}: does not fail (any more)", file.display())))?;
        (Case { scenario: capsule.scenario.clone(), picks: r.picks }, failure, capsule.seed.value().unwrap_or(0))
    } else {
        let loaded = load(&args.scenarios)?;
        let seed = args.seed.unwrap_or_else(|| loaded[0].own_seed());
        let found = record(&loaded[0], seed)?;
        let (case, failure) = found.ok_or(Refusal(format!("{}: seed {seed} does not fail", file.display())))?;
        (case, failure, seed)
    };
    let output = args.out.as_deref().map(|p| Output::create(p, CAPSULE)).transpose()?;
    let asked = Arc::new(AtomicBool::new(false));
    let handler = asked.clone();
    _ = ctrlc::set_handler(move || handler.store(true, Ordering::SeqCst));
    if std::io::stderr().is_terminal() {
        eprintln!("shrinking; Ctrl-C: leave it as it is by then");
    }
    let (capsule, told, minimal) = shrunk(CONTEXT, case, failure, seed, &|| asked.load(Ordering::SeqCst))?;
    match style.json {
        true => say(&format!(
            "{}\n",
            json!({"failure": {"property": failure.property.name(), "kind": failure.kind}, "minimal": minimal})
        ))?,
        false => say(&told)?,
    };
    match (output, &args.out) {
        (Some(mut out), Some(path)) => {
            out.write_all(capsule.text().as_bytes())?;
            out.finish()?;
            if !style.json {
                say(&format!("cutline replay {} --story\n", quoted(&path.to_string_lossy())))?;
            }
        }
        _ => eprintln!("no capsule is written: name one with --out FILE"),
    }
    Ok(Status::Violated)
}
