//! Every scenario that is shipped does what it says of its own seed, twice in the same way.
#![cfg(feature = "cli")]

use cutline::check::{Mode, RunVerdict};
use cutline::cli::Protocols;
use cutline::scenario::{Scenario, read, resolve};
use cutline::search::run_seed;
use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// All of them, by name.
fn scenarios() -> Vec<(PathBuf, Scenario)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory())
        .expect("scenarios/")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    paths.sort();
    let load = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a file");
        let scenario = read(&text, &[], &directory()).unwrap_or_else(|p| panic!("{}: {p}", path.display()));
        (path, scenario)
    };
    paths.into_iter().map(load).collect()
}

#[test]
fn each_scenario_does_what_it_says() {
    let mut wrong = Vec::new();
    for (path, s) in scenarios() {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert_eq!(s.name, name, "a scenario is called as its file is");
        assert!(s.about.is_some() && s.seed.is_some(), "{name}: says what it is about, and its seed");
        let plan = || resolve(&s, &directory(), &Protocols).unwrap_or_else(|p| panic!("{name}: {p}"));
        let seed = s.seed.as_ref().and_then(|s| s.value().ok()).unwrap_or(0);
        let [first, second] =
            [run_seed(&plan(), Mode::Full, seed, &mut ()), run_seed(&plan(), Mode::Full, seed, &mut ())];
        assert_eq!(
            (first.digest, first.steps),
            (second.digest, second.steps),
            "{name}: the second run went another way"
        );
        let (verdict, property) = match &s.expect {
            None => ("holds", None),
            Some(e) => (e.verdict.as_str(), e.property.as_deref()),
        };
        let violation = first.report.violations.first();
        let found = violation.map(|v| v.property.name());
        if first.report.verdict().name() != verdict || (property.is_some() && property != found) {
            let message = violation.map_or("", |v| &v.message);
            wrong.push(format!(
                "{name}: expected {verdict} {property:?}: {} {found:?} {message}",
                first.report.verdict().name()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn those_that_hold_hold_for_other_seeds() {
    for (path, s) in scenarios().into_iter().filter(|(_, s)| s.expect.is_none() && s.name != "word-count") {
        let plan = resolve(&s, &directory(), &Protocols).expect("valid");
        for seed in 0..20 {
            let r = run_seed(&plan, Mode::Full, seed, &mut ());
            let what = r.report.violations.first().map(|v| v.message.clone());
            assert_eq!(r.report.verdict(), RunVerdict::Holds, "{}, seed {seed}: {what:?}", path.display());
        }
    }
}

/// What is wrong in a scenario of faults is that none strikes: each of these crashes, and restores.
#[test]
fn crashes_strike_and_snapshots_are_restored() {
    for (path, s) in scenarios().into_iter().filter(|(_, s)| s.faults.iter().any(|f| f.crash.is_some())) {
        let plan = resolve(&s, &directory(), &Protocols).expect("valid");
        let seed = s.seed.as_ref().and_then(|s| s.value().ok()).unwrap_or(0);
        let report = run_seed(&plan, Mode::Full, seed, &mut ()).report;
        assert!(report.attempts > 1, "{}: no crash strikes", path.display());
        let early = s.name == "crash-before-first-checkpoint";
        assert_eq!(report.checkpoints[3] > 0, !early, "{}: {:?}", path.display(), report.checkpoints);
    }
}

/// `data/ORIGIN.md` says how the graph was made of the text.
#[test]
fn the_graph_of_words_is_what_its_origin_says() {
    let data = |name: &str| std::fs::read_to_string(directory().join("data").join(name)).expect("a file");
    let text = data("northanger-abbey.txt");
    let (_, rest) = text.split_once("CHAPTER 1\n").expect("chapter 1");
    let (chapter, _) = rest.split_once("CHAPTER 2\n").expect("chapter 2");
    let (mut numbers, mut edges): (Vec<String>, Vec<[String; 2]>) = (Vec::new(), Vec::new());
    for sentence in chapter.split(|c| ".!?;:".contains(c)) {
        let words = sentence.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| w.len() >= 6);
        let words: Vec<String> = words.map(str::to_lowercase).collect();
        for w in &words {
            if !numbers.contains(w) {
                numbers.push(w.clone());
            }
        }
        edges.extend(words.windows(2).filter(|w| w[0] != w[1]).map(|w| [w[0].clone(), w[1].clone()]));
    }
    edges.sort();
    edges.dedup();
    let number = |w: &String| numbers.iter().position(|n| n == w).expect("a number");
    let made: Vec<String> = edges.iter().map(|[a, b]| format!("{} {} # {a} {b}", number(a), number(b))).collect();
    let shipped = data("words-that-follow.txt");
    let shipped: Vec<&str> = shipped.lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!((numbers.len(), made.len()), (298, 319));
    assert_eq!(made, shipped);
}

/// D7: back-edges found on the expanded execution graph are another set, and as good.
#[test]
fn loops_hold_with_back_edges_of_the_execution_graph_too() {
    let mut loops = 0;
    for (path, mut s) in scenarios() {
        let plan = resolve(&s, &directory(), &Protocols).expect("valid");
        let cyclic = plan.job.graph.channels.iter().any(|c| c.back_edge);
        let named = s.edges.iter().any(|e| e.back_edge == Some(true));
        if !cyclic
            || named
            || s.expect.is_some()
            || s.capacity.is_some()
            || s.edges.iter().any(|e| e.capacity.is_some())
        {
            continue;
        }
        loops += 1;
        s.back_edges = Some("execution-graph".into());
        let plan = resolve(&s, &directory(), &Protocols).expect("valid");
        for seed in 0..10 {
            let report = run_seed(&plan, Mode::Full, seed, &mut ()).report;
            assert_eq!(report.violations, [], "{}, seed {seed}", path.display());
        }
    }
    assert!(loops >= 16, "{loops} loops");
}
