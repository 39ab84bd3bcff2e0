//! The kinds of operators that a file can name, and which settings each has.

use super::raw::OperatorSpec;
use crate::graph::Role;

/// A kind of operator.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// The name in files.
    pub name: &'static str,
    /// What it is to the protocol.
    pub role: Role,
    /// The settings that it has, beside `kind` and `parallelism`.
    pub settings: &'static [&'static str],
    /// Those that it must have.
    pub required: &'static [&'static str],
    /// What it does.
    pub about: &'static str,
}

macro_rules! kinds {
    ($($name:literal $role:ident [$($setting:literal)*] [$($required:literal)*] $about:literal)*) => {
        /// All kinds.
        pub const KINDS: &[KindInfo] = &[$(KindInfo {
            name: $name, role: Role::$role, settings: &[$($setting),*], required: &[$($required),*], about: $about,
        }),*];
    };
}

kinds! {
    "generator" Source ["every" "start" "silent" "records" "splits" "keys" "values" "seed"] ["records"] "seeded records"
    "text-lines" Source ["every" "start" "silent" "splits" "path"] ["path"] "the lines of a text file, as symbols"
    "texts" Source ["every" "start" "silent" "splits" "lines"] ["lines"] "the texts given, as symbols"
    "pairs" Source ["every" "start" "silent" "splits" "path"] ["path"] "pairs of numbers from a text file, one pair a line"
    "records" Source ["every" "start" "silent" "splits" "list"] ["list"] "the records given"
    "split-words" Operator [] [] "(word, 1) for each word of a text"
    "map" Operator ["multiply" "add" "modulo" "rekey"] [] "a linear function of the value"
    "filter" Operator ["modulo" "remainder"] ["modulo"] "keeps values with this remainder, drops all others"
    "flat-map" Operator ["times" "spread"] ["times"] "several records for one"
    "keyed-count" Operator [] [] "counts the records of each key"
    "keyed-sum" Operator [] [] "adds up the values of each key"
    "keyed-reduce" Operator ["keep"] ["keep"] "keeps the smallest or largest value of each key"
    "keyed-fold" Operator [] [] "a rolling hash of the values of each key in the order of arrival"
    "union" Operator [] [] "passes on what comes in on any input"
    "join" Operator [] [] "joins two inputs by key, and remembers both sides"
    "countdown" Operator ["copies" "rekey"] [] "sends each record round until its value is 0"
    "collatz" Operator [] [] "sends each number round until it is 1, and counts its steps"
    "reach" Operator [] [] "what can be reached from vertex 0 over the edges that come in"
    "sink" Sink [] [] "takes everything"
    "table-sink" Sink [] [] "keeps the last value of each key"
}

/// The names of the settings that `spec` has.
pub(super) fn settings_of(spec: &OperatorSpec) -> Vec<String> {
    let value = serde_json::to_value(spec).unwrap_or_default();
    let names = value.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    names.into_iter().filter(|n| n != "kind" && n != "parallelism").collect()
}
