//! The schema of scenario files, and the reader of scenario files, say the same.
#![cfg(feature = "cli")]

use cutline::check::Property;
use cutline::cli::Protocols;
use cutline::scenario::{KINDS, SCHEMA, read_value, resolve};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

fn validator() -> Validator {
    jsonschema::meta::validate(&schema()).expect("the schema is a schema");
    jsonschema::validator_for(&schema()).expect("the schema compiles")
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn scenarios() -> Vec<(String, Value)> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(directory()).expect("scenarios/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "json") {
            let text = std::fs::read_to_string(&path).expect("a file");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            list.push((name, serde_json::from_str(&text).expect("JSON")));
        }
    }
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

/// What the reader says: nothing wrong; wrong in form; wrong when looked at as a whole.
#[derive(Clone, Debug, PartialEq)]
enum Read {
    Valid,
    Form(String),
    Whole(String),
}

fn reader(value: &Value) -> Read {
    match read_value(value.clone()) {
        Err(p) => Read::Form(p.to_string()),
        Ok(s) => match resolve(&s, &directory(), &Protocols) {
            Err(p) => Read::Whole(p.to_string()),
            Ok(_) => Read::Valid,
        },
    }
}

/// A scenario that uses what the shipped ones do not.
fn everything() -> Value {
    json!({
        "cutline_scenario": 1, "name": "everything", "about": "x", "seed": "0xff", "protocol": "abs",
        "expect": {"verdict": "violated", "property": "fifo"}, "nodes": 2, "max_parallelism": 64,
        "capacity": 5, "back_edges": "execution-graph", "max_steps": 1000, "detection": "1us", "restart": "1us",
        "operators": {
            "g": {"kind": "generator", "parallelism": 2, "every": "1us", "start": "1us", "silent": false, "splits": 2,
                  "records": [1, 2], "keys": "split", "values": "key", "seed": 3},
            "x": {"kind": "texts", "lines": ["to be", "or not"], "splits": 1},
            "r": {"kind": "records", "list": [[1, 2], [3, 4]], "splits": 1},
            "p": {"kind": "pairs", "path": "data/words-that-follow.txt"},
            "m": {"kind": "map", "multiply": 1, "add": 1, "modulo": 9, "rekey": 5},
            "f": {"kind": "flat-map", "times": 2, "spread": true},
            "w": {"kind": "filter", "modulo": 2, "remainder": 1},
            "k": {"kind": "keyed-reduce", "keep": "min"},
            "c": {"kind": "countdown", "copies": 1, "rekey": 7},
            "j": {"kind": "join"},
            "t": {"kind": "table-sink"}
        },
        "edges": [
            {"from": "g", "to": "m", "kind": "rebalance", "capacity": 3},
            {"from": "r", "to": "j", "kind": "hash", "salt": 2, "delay": {"exponential": "1us", "min": "1us"}},
            {"from": "p", "to": "j", "kind": "hash", "delay": "5us"},
            {"from": "j", "to": "m", "kind": "forward"}, {"from": "m", "to": "f", "kind": "forward"},
            {"from": "f", "to": "w", "kind": "forward"}, {"from": "w", "to": "k", "kind": "forward"},
            {"from": "k", "to": "c", "kind": "broadcast"}, {"from": "c", "to": "t", "kind": "forward"},
            {"from": "c", "to": "c", "kind": "forward", "back_edge": true}
        ],
        "delay": {"uniform": ["1us", "2us"]}, "write": "1us", "control": {"exponential": "1us"},
        "checkpoints": {"every": "5us", "max_concurrent": 2, "min_pause": "1us", "timeout": "9us", "retain": 2},
        "faults": [
            {"crash": "m[0]", "at": "1us"}, {"crash": "any", "point": "restore", "nth": 2}, {"crash": "node 1", "event": 3},
            {"crash": "any", "rate": "1/5", "most": 2, "until": "9us"}, {"crash": "m[0]", "anytime": true},
            {"stall": "m[0]", "at": "1us", "for": "2us"}, {"decline": "any", "rate": "1/2", "most": 3}
        ],
        "result": {"kind": "reach", "of": "p", "in": "t"}
    })
}

#[test]
fn every_scenario_is_valid_under_the_schema() {
    let validator = validator();
    let all = scenarios();
    assert!(all.len() > 50, "{} scenarios", all.len());
    for (name, value) in all.iter().chain([&("everything".to_string(), everything())]) {
        let errors: Vec<String> = validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        assert_eq!(reader(value), Read::Valid, "{name}");
    }
}

#[test]
fn a_property_is_expected_of_a_violated_run_alone() {
    let mut s = everything();
    for (verdict, valid) in [("violated", true), ("holds", false), ("inconclusive", false)] {
        s["expect"]["verdict"] = json!(verdict);
        assert_eq!((validator().is_valid(&s), reader(&s) == Read::Valid), (valid, valid), "{verdict}");
    }
}

/// Calls `f` with every copy of `value` in which one place is changed: replaced by a value of each type, left
/// out, or, where it is an object, with an unknown key. `f` is told what was done.
fn mutants(value: &Value, f: &mut impl FnMut(Value, &str)) {
    let mut places = Vec::new();
    walk(value, String::new(), &mut places);
    for at in places {
        let others = [json!(null), json!(true), json!(-1), json!(0), json!(1.5), json!("?"), json!([]), json!({})];
        for other in others {
            let mut copy = value.clone();
            let what = format!("{at} = {other}");
            *copy.pointer_mut(&at).expect("a place") = other;
            f(copy, &what);
        }
        let (parent, key) = at.rsplit_once('/').unwrap_or(("", ""));
        let mut copy = value.clone();
        if let Some(Value::Object(map)) = copy.pointer_mut(parent)
            && map.remove(key).is_some()
        {
            f(copy, &format!("{at} left out"));
        }
        let mut copy = value.clone();
        if let Some(Value::Object(map)) = copy.pointer_mut(&at) {
            map.insert("unheard-of".into(), json!(1));
            f(copy, &format!("{at}/unheard-of = 1"));
        }
    }
}

fn walk(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| walk(v, format!("{at}/{k}"), places)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| walk(v, format!("{at}/{i}"), places)),
        _ => {}
    }
    places.push(at);
}

#[test]
fn what_one_of_them_refuses_the_other_refuses() {
    let validator = validator();
    // Reading the novel ten thousand times would take a while; what is in that file is in the others.
    let small = scenarios().into_iter().filter(|(name, _)| name != "word-count.json");
    let mut valid = 0;
    let mut seen = BTreeSet::new();
    for (name, value) in small.chain([("everything".to_string(), everything())]) {
        mutants(&value, &mut |mutant, what| {
            // The same change at places of the same form says the same: once for each kind of operator or fault.
            let place = what.split(' ').next().unwrap_or("").rsplit_once('/').unwrap_or(("", "")).0;
            let around = value
                .pointer(place)
                .and_then(Value::as_object)
                .map(|o| (o.get("kind").cloned(), o.keys().cloned().collect::<Vec<_>>()));
            let place: Vec<&str> = what.split('/').filter(|s| s.parse::<u32>().is_err()).collect();
            let place = if place.get(1) == Some(&"operators") && place.len() > 3 { place[3..].to_vec() } else { place };
            if name != "everything" && !seen.insert(format!("{place:?} {around:?}")) {
                return;
            }
            let (by_schema, by_reader) = (validator.is_valid(&mutant), reader(&mutant));
            match (by_schema, &by_reader) {
                (false, Read::Valid) => panic!("{name}: {what}: refused by the schema alone"),
                (true, Read::Form(why)) => panic!("{name}: {what}: refused by the reader alone: {why}"),
                (true, Read::Valid) => valid += 1,
                _ => {}
            }
            if let Read::Form(why) | Read::Whole(why) = by_reader {
                let path_first = why.lines().all(|l| l.contains(": "));
                assert!(!why.is_empty() && path_first, "{name}: {what}: {why}");
            }
        });
    }
    assert!(valid > 100, "only {valid} mutants are valid");
}

/// The settings of an operator kind, and which are required, as the schema has them.
fn kinds_of_the_schema() -> Vec<(String, BTreeSet<String>, BTreeSet<String>)> {
    let schema = schema();
    let mut list = Vec::new();
    for alternative in schema["$defs"]["operator"]["oneOf"].as_array().expect("a list") {
        let name = alternative["$ref"].as_str().expect("a reference").trim_start_matches("#/$defs/");
        let of = &schema["$defs"][name];
        assert_eq!(of["additionalProperties"], json!(false), "{name}");
        let keys = |o: &Map<String, Value>| o.keys().cloned().collect::<BTreeSet<_>>();
        let mut settings = keys(of["properties"].as_object().expect("properties"));
        let mut required: BTreeSet<String> = serde_json::from_value(of["required"].clone()).expect("names");
        for key in ["kind", "parallelism"] {
            settings.remove(key);
            required.remove(key);
        }
        let kind = &of["properties"]["kind"];
        let several = kind["oneOf"].as_array().cloned().unwrap_or_else(|| vec![kind.clone()]);
        for one in several {
            list.push((one["const"].as_str().expect("a name").to_string(), settings.clone(), required.clone()));
        }
    }
    list.sort();
    list
}

#[test]
fn the_kinds_of_operators_are_the_same() {
    let names = |list: &[&str]| list.iter().map(|s| s.to_string()).collect::<BTreeSet<_>>();
    let mut known: Vec<_> = KINDS.iter().map(|k| (k.name.to_string(), names(k.settings), names(k.required))).collect();
    known.sort();
    assert_eq!(known, kinds_of_the_schema(), "src/scenario/kinds.rs and src/scenario/schema.json differ");
}

#[test]
fn each_setting_belongs_to_the_kinds_that_have_it_and_to_no_other() {
    let validator = validator();
    let samples = json!({
        "every": "1us", "start": "1us", "silent": true, "splits": 1, "records": 3, "keys": 2, "values": [1, 2],
        "seed": 1, "path": "data/words-that-follow.txt", "lines": ["a b"], "list": [[1, 2]], "multiply": 2, "add": 2, "modulo": 2, "remainder": 1,
        "rekey": 2, "times": 2, "spread": true, "keep": "min", "copies": 2
    });
    let samples = samples.as_object().expect("an object");
    let all: BTreeSet<&str> = KINDS.iter().flat_map(|k| k.settings).copied().collect();
    assert_eq!(all, samples.keys().map(String::as_str).collect(), "this test lacks a sample");
    for kind in KINDS {
        for (setting, value) in samples {
            let mut spec = json!({"kind": kind.name});
            kind.required.iter().for_each(|r| spec[r] = samples[*r].clone());
            spec[setting] = value.clone();
            let source = kind.role == cutline::graph::Role::Source;
            let mut s = json!({"cutline_scenario": 1, "name": "x", "operators": {"x": spec}});
            if !source {
                s["operators"]["s"] = json!({"kind": "generator", "records": 1});
                s["edges"] = json!([{"from": "s", "to": "x", "kind": "rebalance"}]);
            }
            if kind.name == "join" {
                s["edges"] = json!([s["edges"][0], s["edges"][0]]);
            }
            let has = kind.settings.contains(&setting.as_str());
            assert_eq!(validator.is_valid(&s), has, "{}.{setting}: schema", kind.name);
            assert_eq!(reader(&s) == Read::Valid, has, "{}.{setting}: {:?}", kind.name, reader(&s));
        }
    }
}

#[test]
fn the_names_that_are_enumerated_are_the_same() {
    let schema = schema();
    let listed = |at: &str| -> BTreeSet<String> {
        serde_json::from_value(schema.pointer(at).expect("a list").clone()).expect("names")
    };
    let properties = Property::ALL.map(|p| p.name().to_string()).into_iter().collect();
    assert_eq!(listed("/$defs/expect/properties/property/enum"), properties, "the properties in the schema");
    let points = cutline::world::Point::NAMES.map(|(_, n)| n.to_string()).into_iter().collect();
    assert_eq!(listed("/$defs/fault/oneOf/1/properties/point/enum"), points, "the protocol points in the schema");
}
