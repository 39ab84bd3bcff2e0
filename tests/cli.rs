//! The command, as a shell sees it: exit statuses, what is said where, and the same bytes each time.
#![cfg(feature = "cli")]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn cutline(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutline"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the command starts")
}

fn out(o: &Output) -> String {
    String::from_utf8(o.stdout.clone()).expect("UTF-8")
}

fn err(o: &Output) -> String {
    String::from_utf8(o.stderr.clone()).expect("UTF-8")
}

/// A directory of its own for each test.
fn fresh(name: &str) -> PathBuf {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
    _ = std::fs::remove_dir_all(&at);
    std::fs::create_dir_all(&at).expect("a directory");
    at
}

fn write(at: &Path, name: &str, text: &str) -> String {
    let path = at.join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_string_lossy().into_owned()
}

/// A small valid scenario.
fn valid() -> Value {
    json!({
        "cutline_scenario": 1, "name": "small",
        "operators": {
            "numbers": {"kind": "generator", "records": 20, "every": "10us"},
            "counts": {"kind": "keyed-count", "parallelism": 2}
        },
        "edges": [{"from": "numbers", "to": "counts", "kind": "hash"}],
        "checkpoints": {"every": "50us"},
        "faults": [{"crash": "counts[0]", "at": "120us"}]
    })
}

/// Sets places of the small scenario (`null` takes them out), and writes it as text.
fn with(changes: &[(&str, Value)]) -> String {
    let mut s = valid();
    for (at, value) in changes {
        let (parent, key) = at.rsplit_once('/').expect("a path");
        match s.pointer_mut(parent).expect("a place") {
            Value::Object(o) if value.is_null() => _ = o.remove(key),
            Value::Object(o) => _ = o.insert(key.into(), value.clone()),
            Value::Array(a) => a[key.parse::<usize>().expect("an index")] = value.clone(),
            _ => panic!("{at}"),
        }
    }
    s.to_string()
}

/// `text` is refused; what is said on standard error names all of `said`, each on a line that begins with the file.
fn refused(name: &str, text: &str, said: &[&str]) {
    let at = fresh(name);
    let file = write(&at, "bad.json", text);
    for command in [&["run"][..], &["sweep", "--seeds", "0..2"]] {
        let o = cutline(&[command, &[&file]].concat());
        assert_eq!(o.status.code(), Some(2), "{name}: {}", err(&o));
        assert_eq!(out(&o), "", "{name}: standard output");
        for part in said {
            let line = err(&o).lines().find(|l| l.contains(part)).map(str::to_string);
            let line = line.unwrap_or_else(|| panic!("{name}: {part:?} is not said: {}", err(&o)));
            assert!(line.starts_with(&format!("cutline: {file}: ")), "{name}: the file comes first: {line}");
        }
        for line in err(&o).lines() {
            assert!(line.starts_with("cutline: "), "{name}: {line}");
            for foreign in ["struct ", "u32", "u64", "untagged", "invalid type", "invalid value", "panicked"] {
                assert!(
                    !line.replace(&file, "").contains(foreign),
                    "{name}: {foreign:?} is no word for a user: {line}"
                );
            }
        }
    }
}

/// Nothing but this is said.
fn refused_alone(name: &str, text: &str, said: &str) {
    refused(name, text, &[said]);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}")).join("bad.json");
    let o = cutline(&["run", &file.to_string_lossy()]);
    assert_eq!(err(&o), format!("cutline: {}: {said}\n", file.display()), "{name}");
}

#[test]
fn what_is_wrong_with_the_form_is_refused() {
    refused("empty", "", &["line 1, column 0: this is no JSON"]);
    refused("malformed", "{\"cutline_scenario\": 1,\n  \"name\": }", &["line 2, column 11: this is no JSON"]);
    refused("more", &format!("{} {{}}", valid()), &["this is no JSON: trailing characters"]);
    refused("no-object", "[1]", &["this is no scenario: expected a JSON object with \"cutline_scenario\": 1"]);
    refused("version", &with(&[("/cutline_scenario", json!(2))]), &["cutline_scenario: expected version 1, found 2"]);
    refused("no-version", &with(&[("/cutline_scenario", json!(null))]), &["cutline_scenario: is missing"]);
    refused("no-name", &with(&[("/name", json!(null))]), &["name: is missing"]);
    refused("no-operators", &with(&[("/operators", json!(null))]), &["operators: is missing"]);
    refused(
        "unknown-key",
        &with(&[("/checkpoint", json!({}))]),
        &["checkpoint: unknown key \"checkpoint\": expected one of"],
    );
    refused(
        "list",
        &with(&[("/checkpoints", json!(["1us"]))]),
        &["checkpoints: expected an object with named keys, found [\"1us\"]"],
    );
    let null = with(&[]).replace("\"name\":\"small\"", "\"name\":\"small\",\"nodes\":null");
    refused("null", &null, &["nodes: expected a value, found null: leave the key out"]);
    let nameless = with(&[]).replace("\"name\":\"small\"", "\"name\":null");
    refused_alone("null-name", &nameless, "name: expected a value, found null");
    let words = with(&[("/result", json!({"kind": "word-count", "of": "numbers", "in": "counts"}))]);
    refused_alone(
        "words-of-numbers",
        &words,
        "result.of: words are counted in lines of text, and those of \"numbers\" are numbers",
    );
    refused("type", &with(&[("/edges/0/to", json!(5))]), &["edges[0].to: expected a string, found 5"]);
    refused(
        "number",
        &with(&[("/nodes", json!("two"))]),
        &["nodes: expected a whole number from 0 to 2^32 - 1, found \"two\""],
    );
    refused(
        "negative",
        &with(&[("/nodes", json!(-1))]),
        &["nodes: expected a whole number from 0 to 2^32 - 1, found -1"],
    );
    refused(
        "seed",
        &with(&[("/seed", json!("twelve"))]),
        &["seed: expected a seed (a whole number below 2^64, decimal or 0x…), found \"twelve\""],
    );
    refused("seed-type", &with(&[("/seed", json!(1.5))]), &["seed: expected a seed", "found 1.5"]);
    refused("seed-size", &with(&[("/seed", json!("18446744073709551616"))]), &["seed: expected a seed"]);
    let doubled = with(&[]).replace("\"operators\":{", "\"operators\":{\"counts\":{\"kind\":\"union\"},");
    refused("doubled", &doubled, &["operators.counts: \"counts\" is there twice: expected unique names"]);
}

#[test]
fn durations_are_checked() {
    let cases = [
        ("-5ms", "expected a duration that is not negative, found \"-5ms\""),
        ("99999999999999999999s", "expected a duration of at most 366 days"),
        ("31622401s", "expected a duration of at most 366 days"),
        ("5", "expected a duration such as \"5ms\""),
        ("1.5ms", "expected a duration such as \"5ms\""),
        ("", "expected a duration such as \"5ms\""),
    ];
    for (i, (text, said)) in cases.into_iter().enumerate() {
        refused(&format!("duration-{i}"), &with(&[("/detection", json!(text))]), &[&format!("detection: {said}")]);
        let at = |path: &str| format!("{path}: {said}");
        let change = [
            ("/checkpoints/every", json!(text)),
            ("/delay", json!({"uniform": ["1us", text]})),
            ("/operators/numbers/every", json!(text)),
            ("/faults/0/at", json!(text)),
        ];
        let said = [at("checkpoints.every"), at("delay.uniform[1]"), at("operators.numbers.every"), at("faults[0].at")];
        refused(&format!("durations-{i}"), &with(&change), &said.each_ref().map(String::as_str));
    }
}

#[test]
fn what_is_wrong_with_the_job_is_refused() {
    let text = json!({"kind": "text-lines", "path": "nowhere.txt"});
    refused(
        "no-text",
        &with(&[("/operators/numbers", text)]),
        &["operators.numbers.path: cannot read the text file", "nowhere.txt"],
    );
    refused(
        "kind",
        &with(&[("/operators/counts/kind", json!("keyed-cuont"))]),
        &["operators.counts.kind: no operator is of kind \"keyed-cuont\": expected one of generator, "],
    );
    refused(
        "parallelism",
        &with(&[("/operators/counts/parallelism", json!(0))]),
        &["operators.counts.parallelism: expected at least 1, found 0"],
    );
    refused("too-many", &with(&[("/operators/counts/parallelism", json!(4_000_000_000u64))]), &["expected at most"]);
    refused(
        "setting",
        &with(&[("/operators/counts/times", json!(2))]),
        &["operators.counts.times: is no setting of \"keyed-count\": expected none"],
    );
    refused(
        "required",
        &with(&[("/operators/numbers/records", json!(null))]),
        &["operators.numbers.records: is missing: \"generator\" needs it"],
    );
    refused(
        "join",
        &with(&[("/operators/counts/kind", json!("join"))]),
        &["operators.counts: has 1 incoming edge(s): expected exactly 2"],
    );
    refused(
        "forward",
        &with(&[("/edges/0/kind", json!("forward"))]),
        &["edges[0]: a forward edge joins parallelism 1 (numbers) and 2 (counts): expected the same on both sides"],
    );
    refused(
        "unreachable",
        &with(&[("/operators/alone", json!({"kind": "union"}))]),
        &["operators.alone: no path leads here from a source: expected one"],
    );
    refused(
        "empty-job",
        &with(&[("/operators", json!({})), ("/edges", json!([])), ("/faults", json!([]))]),
        &["operators: the job is empty: expected at least one operator, a source"],
    );
    refused(
        "edge",
        &with(&[("/edges/0/to", json!("count"))]),
        &["edges[0].to: no operator is called \"count\": expected one of counts, numbers"],
    );
    refused(
        "salt",
        &with(&[("/edges/0/kind", json!("rebalance")), ("/edges/0/salt", json!(1))]),
        &["edges[0].salt: only a hash edge has a salt"],
    );
    refused(
        "protocol",
        &with(&[("/protocol", json!("abc"))]),
        &["protocol: no protocol is called \"abc\": expected one of abs"],
    );
    refused("capacity", &with(&[("/capacity", json!(0))]), &["capacity: expected at least 1, found 0"]);
    refused(
        "property",
        &with(&[("/expect", json!({"verdict": "violated", "property": "luck"}))]),
        &["expect.property: expected one of consistent-cut, "],
    );
    for verdict in ["holds", "inconclusive"] {
        refused_alone(
            &format!("property-{verdict}"),
            &with(&[("/expect", json!({"verdict": verdict, "property": "fifo"}))]),
            &format!(
                "expect.property: only a violated run has one: expected none beside the verdict {verdict:?}, found \"fifo\""
            ),
        );
    }
}

#[test]
fn what_follows_from_another_error_is_not_said() {
    let counts = |spec: Value| with(&[("/operators/counts", spec)]);
    let (one, bad) = ("expected at least 1, found 0", json!({"kind": "filter", "modulo": 0, "remainder": 3}));
    let cases = [
        (
            with(&[("/operators", json!({}))]),
            "operators: the job is empty: expected at least one operator, a source".to_string(),
        ),
        (with(&[("/operators/numbers/parallelism", json!(0))]), format!("operators.numbers.parallelism: {one}")),
        (
            with(&[("/operators/numbers/parallelism", json!(70_000))]),
            "operators: 70002 tasks: expected at most 4096".into(),
        ),
        (counts(bad), format!("operators.counts.modulo: {one}")),
        (counts(json!({"kind": "map", "modulo": 0})), format!("operators.counts.modulo: {one}")),
        (
            counts(json!({"kind": "filter", "remainder": 3})),
            "operators.counts.modulo: is missing: \"filter\" needs it".into(),
        ),
        (
            counts(json!({"kind": "union", "modulo": 0})),
            "operators.counts.modulo: is no setting of \"union\": expected none".into(),
        ),
    ];
    for (i, (text, said)) in cases.iter().enumerate() {
        refused_alone(&format!("alone-{i}"), text, said);
    }
    let empty = with(&[("/operators", json!({})), ("/edges/0/kind", json!("hush")), ("/protocol", json!("x"))]);
    refused("empty-and-more", &empty, &["operators: the job is empty", "edges[0].kind: ", "protocol: "]);
}

#[test]
fn what_is_wrong_with_the_faults_is_refused() {
    let fault = |f: Value| with(&[("/faults/0", f)]);
    refused(
        "no-task",
        &fault(json!({"crash": "counts[2]", "at": "1us"})),
        &["faults[0].crash: no task is called \"counts[2]\": expected one of numbers[0], counts[0], counts[1]"],
    );
    refused(
        "no-node",
        &fault(json!({"crash": "node 7", "at": "1us"})),
        &["faults[0].crash: no node is called \"node 7\": expected \"node 0\" to \"node 1\""],
    );
    refused(
        "point",
        &fault(json!({"crash": "any", "point": "lunch"})),
        &["faults[0].point: expected one of on-barrier, "],
    );
    refused(
        "rate",
        &fault(json!({"crash": "any", "rate": "3/2"})),
        &["faults[0].rate: expected a ratio between 0 and 1, found \"3/2\""],
    );
    refused("when", &fault(json!({"crash": "any"})), &["faults[0]: a crash needs a moment: expected exactly one of"]);
    refused(
        "which",
        &fault(json!({"at": "1us"})),
        &["faults[0]: expected exactly one of \"crash\", \"stall\" and \"decline\""],
    );
    refused(
        "extra",
        &fault(json!({"crash": "counts[0]", "at": "1us", "nth": 2})),
        &["faults[0].nth: is no setting of a crash at a time: expected at"],
    );
    refused("zero", &fault(json!({"crash": "any", "event": 0})), &["faults[0].event: expected at least 1, found 0"]);
}

#[test]
fn all_errors_of_all_files_are_reported_together() {
    let bad = with(&[
        ("/nodes", json!("x")),
        ("/operators/counts/kind", json!(7)),
        ("/edges/0/capacity", json!(-3)),
        ("/what", json!(1)),
    ]);
    refused("several-forms", &bad, &["nodes: ", "operators.counts.kind: ", "edges[0].capacity: ", "what: unknown key"]);
    // Also behind a place that is in a list, and behind one that is missing; and each of them once.
    let bad = with(&[
        ("/name", json!(5)),
        ("/edges/0", json!(7)),
        ("/delay", json!({"uniform": ["1us"]})),
        ("/checkpoints", json!({"at": [5, "x"]})),
        ("/operators/numbers/kind", json!(null)),
        ("/operators/counts", json!("union")),
        ("/write", json!(5)),
    ]);
    let places = [
        "name: ",
        "edges[0]: ",
        "delay: ",
        "checkpoints.at[1]: ",
        "operators.numbers.kind: is missing",
        "operators.counts: ",
        "write: ",
    ];
    refused("more-forms", &bad, &places);
    let at = fresh("count");
    let o = cutline(&["run", &write(&at, "bad.json", &bad)]);
    assert_eq!(err(&o).lines().count(), places.len(), "{}", err(&o));
    let bad = with(&[
        ("/operators/counts/parallelism", json!(0)),
        ("/edges/0/kind", json!("hush")),
        ("/detection", json!("-1us")),
        ("/protocol", json!("x")),
    ]);
    refused("several", &bad, &["operators.counts.parallelism: ", "edges[0].kind: ", "detection: ", "protocol: "]);
    let at = fresh("files");
    let one = write(&at, "one.json", &with(&[("/protocol", json!("x"))]));
    let two = write(&at, "two.json", "{");
    let good = write(&at, "good.json", &with(&[]));
    let missing = at.join("missing.json").to_string_lossy().into_owned();
    let o = cutline(&["run", &good, &one, &two, &missing]);
    assert_eq!((o.status.code(), out(&o)), (Some(2), String::new()), "nothing runs before all is valid");
    for file in [&one, &two, &missing] {
        assert!(err(&o).lines().any(|l| l.starts_with(&format!("cutline: {file}: "))), "{}", err(&o));
    }
    assert!(!err(&o).contains("good.json"), "{}", err(&o));
}

#[test]
fn wrong_arguments_are_refused() {
    let s = "scenarios/chain.json";
    let cases: [&[&str]; 9] = [
        &["run"],
        &["run", s, "--seed", "many"],
        &["run", s, "--seed", "-1"],
        &["run", s, "--set", "nodes"],
        &["sweep", s],
        &["sweep", s, "--seeds", "5..5"],
        &["sweep", s, "--seeds", "9"],
        &["walk", s],
        &["run", s, "scenarios/join.json", "--trace", "x.jsonl"],
    ];
    for args in cases {
        let o = cutline(args);
        assert_eq!((o.status.code(), out(&o)), (Some(2), String::new()), "{args:?}");
        assert!(!err(&o).is_empty(), "{args:?}");
    }
    let o = cutline(&["run", s, "--set", "operators.triple.kind=nothing"]);
    assert_eq!(o.status.code(), Some(2));
    assert!(err(&o).contains("operators.triple.kind: no operator is of kind \"nothing\""), "{}", err(&o));
    for option in ["--jobs", "--failures"] {
        for text in ["0", "some"] {
            let o = cutline(&["sweep", s, "--seeds", "0..2", option, text]);
            assert_eq!((o.status.code(), out(&o)), (Some(2), String::new()), "{option} {text}");
            let said = format!("expected a whole number, at least 1, found {text:?}");
            assert!(err(&o).contains(&said), "{}", err(&o));
        }
    }
}

#[test]
fn each_line_about_a_capsule_begins_with_its_file() {
    let mut capsule: Value = serde_json::from_str(include_str!("golden/capsule-v1.json")).expect("JSON");
    let at = fresh("capsule");
    let mut refused = |place: &str, value: Value, said: &[&str]| {
        *capsule.pointer_mut(place).expect("a place") = value;
        let file = write(&at, "bad.json", &capsule.to_string());
        let expected: String = said.iter().map(|s| format!("cutline: {file}: {s}\n")).collect();
        for command in ["replay", "shrink"] {
            let o = cutline(&[command, &file]);
            assert_eq!((o.status.code(), out(&o), err(&o)), (Some(2), String::new(), expected.clone()), "{command}");
        }
    };
    let from_one = ["scenario.max_steps: expected a number from 1 to 1000000000, found 0"];
    refused(
        "/scenario",
        json!({"cutline_scenario": 1, "name": "x", "max_steps": 0, "operators": {"s": {"kind": "generator", "records": 1}}}),
        &from_one,
    );
    let empty = "scenario.operators: the job is empty: expected at least one operator, a source";
    refused("/scenario/operators", json!({}), &[empty, from_one[0]]);
    let missing = ["scenario.name: expected a string, found 5", "scenario.operators.s.kind: is missing"];
    refused("/scenario", json!({"cutline_scenario": 1, "name": 5, "operators": {"s": {}}}), &missing);
}

#[test]
fn a_crash_at_any_time_that_no_seed_places_is_noted() {
    let at = fresh("anytime");
    let never = write(&at, "never.json", &with(&[("/faults", json!([]))]));
    let faults = json!([{"stall": "counts[0]", "at": "1s", "for": "1us"}, {"crash": "counts[0]", "anytime": true}]);
    let anytime = write(&at, "anytime.json", &with(&[("/faults", faults)]));
    let note = "faults[1] is \"anytime\": only an exhaustive search places it; here it never strikes";
    for command in [&["run"][..], &["sweep", "--seeds", "0..3"]] {
        let (without, o) = (cutline(&[command, &[&never]].concat()), cutline(&[command, &[&anytime]].concat()));
        let expected = out(&without).replace("never.json", "anytime.json");
        assert_eq!((o.status.code(), out(&o)), (Some(0), expected), "standard output is the same");
        let notes = |o: &Output| err(o).lines().filter(|l| l.starts_with("note: ")).collect::<Vec<_>>().join("\n");
        assert_eq!((notes(&without), notes(&o)), (String::new(), format!("note: {anytime}: {note}")));
    }
}

#[test]
fn the_same_command_prints_the_same_bytes() {
    let at = fresh("determinism");
    let trace = |name: &str| at.join(name).to_string_lossy().into_owned();
    for format in ["human", "json"] {
        for s in ["scenarios/crash-storm.json", "scenarios/loop-crash-storm.json", "scenarios/loop-deadlock.json"] {
            let plain = cutline(&["run", s, "--seed", "7", "--format", format]);
            let again = cutline(&["run", s, "--seed", "0x7", "--format", format]);
            assert_eq!((out(&plain), plain.status.code()), (out(&again), again.status.code()), "{s}");
            let (a, b) = (trace("a.jsonl"), trace("b.jsonl"));
            for file in [&a, &b] {
                let traced = cutline(&["run", s, "--seed", "7", "--format", format, "--trace", file]);
                assert_eq!(out(&plain), out(&traced), "{s}: with a trace");
            }
            let [first, second] = [&a, &b].map(|f| std::fs::read(f).expect("a trace"));
            assert!(first == second && first.starts_with(b"{\"cutline_trace\":1"), "{s}: traces");
        }
        let sweep = |jobs: &str| {
            let o = cutline(&[
                "sweep",
                "scenarios/loop-2x2.json",
                "scenarios/loop-deadlock.json",
                "--seeds",
                "3..40",
                "--jobs",
                jobs,
                "--format",
                format,
            ]);
            (out(&o), o.status.code())
        };
        let alone = sweep("1");
        assert_eq!(alone, sweep("4"), "{format}");
        assert_eq!(alone, sweep("1"), "{format}");
    }
}

#[test]
fn a_trace_replaces_nothing_that_is_not_ours() {
    let at = fresh("trace");
    let foreign = write(&at, "letter.txt", "Dear Catherine");
    let o = cutline(&["run", "scenarios/chain.json", "--trace", &foreign]);
    assert_eq!((o.status.code(), out(&o)), (Some(2), String::new()));
    assert!(err(&o).contains("letter.txt: is no file of cutline's"), "{}", err(&o));
    assert_eq!(std::fs::read_to_string(&foreign).expect("still there"), "Dear Catherine");
    let empty = write(&at, "empty.jsonl", "");
    for _ in 0..2 {
        let o = cutline(&["run", "scenarios/chain.json", "--trace", &empty]);
        assert_eq!(o.status.code(), Some(0), "an empty file, and then a trace of ours, are replaced: {}", err(&o));
    }
    let trace = std::fs::read_to_string(&empty).expect("a trace");
    let lines: Vec<Value> = trace.lines().map(|l| serde_json::from_str(l).expect("a line of JSON")).collect();
    assert_eq!(lines[0]["scenario"], "chain");
    assert_eq!(
        (&lines[lines.len() - 1]["fact"], &lines[lines.len() - 1]["outcome"]),
        (&json!("end"), &json!("finished"))
    );
    let directory = at.to_string_lossy().into_owned();
    assert_eq!(cutline(&["run", "scenarios/chain.json", "--trace", &directory]).status.code(), Some(2));
    let left = std::fs::read_dir(&at).expect("a directory").count();
    assert_eq!(left, 2, "no temporary file is left");
}

fn lines(o: &Output) -> Vec<Value> {
    out(o).lines().map(|l| serde_json::from_str(l).expect("a line of JSON")).collect()
}

#[test]
fn a_run_has_the_keys_of_the_contract() {
    let o = cutline(&["run", "scenarios/chain.json", "scenarios/loop-deadlock.json", "--format", "json"]);
    let [held, violated] = &lines(&o)[..] else { panic!("two runs: {}", out(&o)) };
    assert_eq!(o.status.code(), Some(1), "the exit status follows the verdict, expected or not");
    for run in [held, violated] {
        let keys = [
            "scenario",
            "seed",
            "verdict",
            "expected",
            "checks",
            "digest",
            "steps",
            "deliveries",
            "simulated_ns",
            "attempts",
            "checkpoints",
            "properties",
            "judged",
            "violation",
        ];
        keys.iter().for_each(|k| assert!(run.get(k).is_some(), "{k} in {run}"));
        for k in ["triggered", "completed", "aborted", "restored"] {
            assert!(run["checkpoints"][k].is_u64(), "{k} in {run}");
        }
        let names = cutline::check::Property::ALL.map(|p| p.name());
        for list in ["properties", "judged"] {
            assert!(names.iter().all(|n| run[list].get(n).is_some()), "{list} in {run}");
        }
        assert_eq!((&run["expected"], &run["checks"]), (&json!(true), &json!("full")));
    }
    assert_eq!(
        (&held["scenario"], &held["verdict"], &held["violation"]),
        (&json!("chain"), &json!("holds"), &json!(null))
    );
    assert_eq!(violated["verdict"], "violated");
    let v = &violated["violation"];
    assert_eq!(v["property"], "progress");
    for key in ["at_step", "at_ns", "message", "evidence"] {
        assert!(v.get(key).is_some(), "{key} in {v}");
    }
    assert_eq!(v["evidence"]["cycle"], "a[0] -> b[0] -> a[0]");
    let o = cutline(&[
        "run",
        "scenarios/chain.json",
        "--seed",
        "0xffffffffffffffff",
        "--format",
        "json",
        "--checks",
        "shallow",
    ]);
    assert_eq!((&lines(&o)[0]["seed"], &lines(&o)[0]["checks"]), (&json!("18446744073709551615"), &json!("shallow")));
}

#[test]
fn a_sweep_prints_scenario_by_scenario_and_seed_by_seed() {
    let o = cutline(&[
        "sweep",
        "scenarios/join.json",
        "scenarios/chain.json",
        "--seeds",
        "5..25",
        "--jobs",
        "3",
        "--format",
        "json",
    ]);
    let mut list = lines(&o);
    let summary = list.pop().expect("a last line");
    let order: Vec<(String, u64)> = list
        .iter()
        .map(|r| (r["scenario"].as_str().expect("a name").to_string(), r["seed"].as_u64().expect("a seed")))
        .collect();
    let expected: Vec<(String, u64)> =
        ["join", "chain"].iter().flat_map(|s| (5..25).map(|n| (s.to_string(), n))).collect();
    assert_eq!(order, expected);
    assert_eq!((&summary["cutline_sweep"], &summary["runs"], &summary["holds"]), (&json!(1), &json!(40), &json!(40)));
    assert!(summary["situations"]["crash"].as_u64() > Some(0), "{summary}");
    let alone = cutline(&["run", "scenarios/chain.json", "--seed", "9", "--format", "json"]);
    assert_eq!(lines(&alone)[0], list[24], "a run of a sweep is the run of its seed");
}

#[test]
fn the_exit_status_is_that_of_the_worst_verdict() {
    let code = |args: &[&str]| cutline(args).status.code();
    let (holds, fails) = ("scenarios/chain.json", "scenarios/loop-deadlock.json");
    assert_eq!(code(&["run", holds]), Some(0));
    assert_eq!(code(&["run", fails]), Some(1));
    assert_eq!(code(&["run", holds, "--set", "max_steps=50"]), Some(3));
    assert_eq!(code(&["run", fails, holds]), Some(1));
    assert_eq!(code(&["sweep", holds, "--seeds", "0..9"]), Some(0));
    assert_eq!(code(&["sweep", fails, holds, "--seeds", "0..3"]), Some(1));
    assert_eq!(code(&["sweep", holds, "--seeds", "0..3", "--set", "max_steps=50"]), Some(3));
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["--version"]), Some(0));
}

#[test]
fn a_run_that_fails_ends_with_the_command_that_repeats_it() {
    let o = cutline(&["run", "scenarios/loop-deadlock.json", "--seed", "4"]);
    let text = out(&o);
    let last = text.lines().last().expect("a line");
    assert_eq!(last, "cutline run scenarios/loop-deadlock.json --seed 4");
    let args: Vec<&str> = last.split(' ').skip(1).collect();
    assert_eq!(out(&cutline(&args)), text);
    assert_eq!(cutline(&[&args[..], &["--format", "json"]].concat()).status.code(), Some(1));
}

#[test]
fn the_schema_that_is_printed_is_the_schema() {
    let o = cutline(&["schema"]);
    assert_eq!((o.status.code(), out(&o).as_str()), (Some(0), cutline::scenario::SCHEMA));
}
