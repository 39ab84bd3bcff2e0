//! From text to a [`Scenario`]: form alone is checked. Reading goes on after an error, with the offending place
//! left out, so that all errors are seen.

use super::problem::{Problem, Problems};
use super::raw::Scenario;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::fmt;
use std::path::Path;

/// An override of one place: `operators.lines.path=my.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The place: names and list indices, with dots between them.
    pub key: String,
    /// What it is set to: JSON, or else a text.
    pub value: String,
}

impl Setting {
    /// Reads `KEY=VALUE`.
    ///
    /// # Errors
    /// If there is no `=`, or no key.
    pub fn parse(text: &str) -> Result<Setting, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Setting { key: key.into(), value: value.into() }),
            _ => Err(format!("expected KEY=VALUE (such as operators.lines.path=my.txt), found {text:?}")),
        }
    }

    /// Carries it out. Paths are relative to `directory`.
    fn apply(&self, root: &mut Value, directory: &Path) -> Result<(), Problem> {
        let wrong = |message: String| Problem::new(format!("--set {}", self.key), message);
        let mut value = serde_json::from_str(&self.value).unwrap_or_else(|_| Value::String(self.value.clone()));
        if self.key.ends_with(".path") {
            value = Value::String(directory.join(&self.value).to_string_lossy().into_owned());
        }
        let known: Vec<String> =
            root.get("operators").and_then(Value::as_object).into_iter().flatten().map(|(k, _)| k.clone()).collect();
        if let Some(name) =
            self.key.strip_prefix("operators.").and_then(|rest| rest.split_once('.')).map(|(name, _)| name)
            && !known.iter().any(|k| k == name)
        {
            return Err(wrong(format!("no operator is called {name:?}: expected one of {}", known.join(", "))));
        }
        let mut at = root;
        for name in self.key.split('.') {
            at = match at {
                Value::Array(list) => {
                    let n = list.len();
                    let item = name.parse().ok().and_then(|i: usize| list.get_mut(i));
                    item.ok_or_else(|| wrong(format!("expected an index below {n}, found {name:?}")))?
                }
                Value::Object(map) => map.entry(name).or_insert_with(|| Value::Object(Map::new())),
                _ => return Err(wrong(format!("{name:?} names a place inside a value that has none"))),
            };
        }
        *at = value;
        Ok(())
    }
}

/// Reads a scenario, with these overrides; `directory` is where their paths begin.
///
/// # Errors
/// Everything that is wrong with its form, together.
pub fn read(text: &str, settings: &[Setting], directory: &Path) -> Result<Scenario, Problems> {
    let doubled = RefCell::new(Vec::new());
    let mut json = serde_json::Deserializer::from_str(text);
    let seed = Unique { path: String::new(), doubled: &doubled };
    let parsed = seed.deserialize(&mut json).and_then(|v| json.end().map(|()| v));
    let mut value = parsed.map_err(|e| {
        let message = e.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_string();
        Problems(vec![Problem::new(
            format!("line {}, column {}", e.line(), e.column()),
            format!("this is no JSON: {message}"),
        )])
    })?;
    let mut problems: Vec<Problem> = doubled.into_inner();
    for setting in settings {
        problems.extend(setting.apply(&mut value, directory).err());
    }
    read_checked(value, problems)
}

/// Reads a scenario from a JSON value.
///
/// # Errors
/// Everything that is wrong with its form, together.
pub fn read_value(value: Value) -> Result<Scenario, Problems> {
    read_checked(value, Vec::new())
}

fn read_checked(mut value: Value, mut problems: Vec<Problem>) -> Result<Scenario, Problems> {
    if !value.is_object() {
        return Err(Problems(vec![Problem::new(
            "",
            "this is no scenario: expected a JSON object with \"cutline_scenario\": 1",
        )]));
    }
    if value.get("cutline_capsule").is_some() {
        return Err(Problems(vec![Problem::new(
            "",
            "this is a capsule, not a scenario: run it with `cutline replay`",
        )]));
    }
    match value.get("cutline_scenario") {
        None => problems.push(Problem::new("cutline_scenario", "is missing: expected \"cutline_scenario\": 1")),
        Some(v) if *v == 1 => {}
        Some(v) => problems.push(Problem::new("cutline_scenario", format!("expected version 1, found {v}"))),
    }
    value["cutline_scenario"] = 1.into();
    no_nulls(&mut value, "", &mut problems);
    only_objects(&mut value, &mut problems);
    loop {
        let e = match serde_path_to_error::deserialize::<_, Scenario>(&value) {
            Ok(scenario) if problems.is_empty() => return Ok(scenario),
            Ok(_) => return Err(Problems(problems)),
            Err(e) => e,
        };
        let problem = problem_of_form(&value, &e);
        // A null where there must be something was taken out, and is missing: that is said once.
        match problems.iter_mut().find(|p| p.path == problem.path && p.message == NULL) {
            Some(said) => said.message = "expected a value, found null".into(),
            None => problems.push(problem),
        }
        if !mend(&mut value, e.path(), &e.inner().to_string()) || problems.len() > 50 {
            return Err(Problems(problems));
        }
    }
}

/// What serde finds wrong with the form of `value`, in our words.
pub(crate) fn problem_of_form(value: &Value, e: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = e.path().to_string();
    let path = if path == "." { String::new() } else { path };
    let inner = e.inner().to_string();
    let Some(field) = inner.strip_prefix("missing field ") else {
        let found = look(value, e.path()).map(brief);
        return Problem::new(path, friendly(&inner, found.as_deref()));
    };
    let dot = if path.is_empty() { "" } else { "." };
    Problem::new(format!("{path}{dot}{}", field.trim_matches('`')), "is missing")
}

const NULL: &str = "expected a value, found null: leave the key out";

/// serde takes a null for a key that is absent. A file that has one means something else.
fn no_nulls(value: &mut Value, path: &str, problems: &mut Vec<Problem>) {
    let mut found = |path: &str| problems.push(Problem::new(path, NULL));
    match value {
        Value::Object(map) => {
            let join = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
            map.iter().filter(|(_, v)| v.is_null()).for_each(|(key, _)| found(&join(key)));
            map.retain(|_, v| !v.is_null());
            map.iter_mut().for_each(|(key, v)| no_nulls(v, &join(key), problems));
        }
        Value::Array(list) => {
            list.iter_mut().enumerate().for_each(|(i, v)| no_nulls(v, &format!("{path}[{i}]"), problems))
        }
        _ => {}
    }
}

/// Where an object is expected there is one. (serde takes a list too, its items in the order of the definition.) What
/// takes the place of anything else is valid in form, so that reading goes on.
fn only_objects(value: &mut Value, problems: &mut Vec<Problem>) {
    let mut check = |path: String, value: &mut Value, instead: Value| {
        if !value.is_object() {
            let found = brief(value);
            problems.push(Problem::new(path, format!("expected an object with named keys, found {found}")));
            *value = instead;
        }
    };
    let Value::Object(map) = value else { return };
    for (key, value) in map.iter_mut() {
        match (key.as_str(), value) {
            ("operators", Value::Object(operators)) => {
                let instead = || json!({"kind": ""});
                operators.iter_mut().for_each(|(name, v)| check(format!("operators.{name}"), v, instead()));
            }
            (list @ ("edges" | "faults"), Value::Array(items)) => {
                let instead = || if list == "faults" { json!({}) } else { json!({"from": "", "to": "", "kind": ""}) };
                items.iter_mut().enumerate().for_each(|(i, v)| check(format!("{list}[{i}]"), v, instead()));
            }
            ("operators" | "checkpoints", v) => check(key.clone(), v, json!({})),
            ("expect", v) => check(key.clone(), v, json!({"verdict": ""})),
            ("result", v) => check(key.clone(), v, json!({"kind": "", "of": "", "in": ""})),
            _ => {}
        }
    }
}

/// serde's words, made into ours: what was expected, then what was found.
fn friendly(inner: &str, found: Option<&str>) -> String {
    if let Some(rest) = inner.strip_prefix("unknown field ") {
        let (name, expected) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let expected = expected.replace("one of ", "").replace('`', "");
        return format!("unknown key {}: expected one of {expected}", name.replace('`', "\""));
    }
    let expected = match inner.rsplit_once("expected ") {
        Some((_, "u64")) => "a whole number from 0 to 2^64 - 1",
        Some((_, "u32")) => "a whole number from 0 to 2^32 - 1",
        Some((_, "a tuple of size 2")) => "a list of two",
        Some((_, "a sequence")) => "a list",
        Some((_, "a boolean")) => "true or false",
        Some((_, what)) if what == "a map" || what.starts_with("struct ") => "an object with named keys",
        _ => inner.strip_prefix("expected ").or(inner.rsplit_once(", expected ").map(|p| p.1)).unwrap_or(inner),
    };
    match found {
        Some(found) => format!("expected {}, found {found}", expected.replace('`', "\"")),
        None => format!("expected {}", expected.replace('`', "\"")),
    }
}

/// A value, in at most forty characters.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 { text } else { text.chars().take(39).chain(['…']).collect() }
}

/// The place at `path`.
fn look<'a>(value: &'a Value, path: &serde_path_to_error::Path) -> Option<&'a Value> {
    use serde_path_to_error::Segment;
    path.iter().try_fold(value, |at, s| match s {
        Segment::Map { key } => at.get(key),
        Segment::Seq { index } => at.get(index),
        _ => None,
    })
}

/// Makes the place at `path` valid in form, or takes it out, so that reading can go on; `false` if that fails.
fn mend(value: &mut Value, path: &serde_path_to_error::Path, inner: &str) -> bool {
    use serde_path_to_error::Segment;
    let mut segments: Vec<_> = path.iter().collect();
    if let Some(field) = inner.strip_prefix("missing field ") {
        let stub = if field == "`operators`" { json!({}) } else { json!("") };
        let Some(Value::Object(map)) = look_mut(value, &segments) else { return false };
        return map.insert(field.trim_matches('`').into(), stub).is_none();
    }
    if inner.ends_with("expected a string") {
        return look_mut(value, &segments).map(|at| *at = json!("")).is_some();
    }
    // Not an item out of a list, but the list: the items behind it would get other paths.
    while let Some(Segment::Seq { .. }) = segments.last() {
        segments.pop();
    }
    match segments.pop() {
        Some(Segment::Map { key }) => match look_mut(value, &segments) {
            Some(Value::Object(map)) => map.remove(key).is_some(),
            _ => false,
        },
        _ => false,
    }
}

fn look_mut<'a>(value: &'a mut Value, segments: &[&serde_path_to_error::Segment]) -> Option<&'a mut Value> {
    use serde_path_to_error::Segment;
    segments.iter().try_fold(value, |at, s| match s {
        Segment::Map { key } => at.get_mut(key),
        Segment::Seq { index } => at.get_mut(index),
        _ => None,
    })
}

/// Reads any JSON, and notes keys that an object has twice.
struct Unique<'a> {
    path: String,
    doubled: &'a RefCell<Vec<Problem>>,
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;
    fn deserialize<D: de::Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let item = Unique { path: format!("{}[{}]", self.path, list.len()), doubled: self.doubled };
            match seq.next_element_seed(item)? {
                Some(v) => list.push(v),
                None => return Ok(Value::Array(list)),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            let value = map.next_value_seed(Unique { path: path.clone(), doubled: self.doubled })?;
            if object.insert(key.clone(), value).is_some() {
                let message = format!("{key:?} is there twice: expected unique names");
                self.doubled.borrow_mut().push(Problem::new(path, message));
            }
        }
        Ok(Value::Object(object))
    }
}
