//! A scenario as it was written. Nothing here is checked beyond its form.

use crate::base::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A scenario file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The version of the format: 1.
    pub cutline_scenario: u32,
    /// The name.
    pub name: String,
    /// What it is about, for a reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The seed of a run without `--seed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<SeedSpec>,
    /// The snapshot protocol (`abs` unless said otherwise).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// What is expected of the scenario's own seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// The operators of the job, by name.
    pub operators: BTreeMap<String, OperatorSpec>,
    /// The edges between them; their order numbers ports and outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeSpec>,
    /// How long a message takes, where the edge says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<DelaySpec>,
    /// How many records fit on a channel, where the edge says nothing (back-edges: no bound).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// The number of key groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallelism: Option<u32>,
    /// Where back-edges are searched: `job-graph` or `execution-graph`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_edges: Option<String>,
    /// The number of nodes; instance i of each operator runs on node i modulo this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// How long a write to the store takes; none: it is instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<DelaySpec>,
    /// How long a control message takes; none: it is instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<DelaySpec>,
    /// When checkpoints are triggered; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<CheckpointSpec>,
    /// What goes wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultSpec>,
    /// From a crash to its detection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<String>,
    /// From the restart to the first record read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
    /// The most steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// A direct computation that the final state is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultSpec>,
}

/// What is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `holds`, `violated` or `inconclusive`.
    pub verdict: String,
    /// The property that is violated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
}

/// A seed: a number, or a text (`"0x…"`, or digits above 2⁵³).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a seed: a number from 0 to 2^64-1, or a string of digits or \"0x…\"")]
pub enum SeedSpec {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

impl SeedSpec {
    /// The number.
    ///
    /// # Errors
    /// If the text is none; the message says what was expected.
    pub fn value(&self) -> Result<u64, String> {
        match self {
            SeedSpec::Number(n) => Ok(*n),
            SeedSpec::Text(t) => parse_seed(t),
        }
    }
}

/// Reads a seed: decimal, or `0x…`.
///
/// # Errors
/// If it is no number; the message says what was expected.
pub fn parse_seed(text: &str) -> Result<u64, String> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |hex| (hex, 16));
    let signed = digits.starts_with('+'); // Rust would read that
    u64::from_str_radix(digits, radix)
        .ok()
        .filter(|_| !signed)
        .ok_or_else(|| format!("expected a seed (a whole number below 2^64, decimal or 0x…), found {text:?}"))
}

/// An operator. Which settings make sense depends on its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct OperatorSpec {
    /// What it does (see [`KINDS`](super::KINDS)).
    pub kind: String,
    /// How many instances run; 1 unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordsSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeySpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<ValueSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<SeedSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<(u64, u64)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiply: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modulo: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remainder: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rekey: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<u32>,
}

/// How many records each split has: one number for all, or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of records, or a list of them, one for each split")]
#[allow(missing_docs)]
pub enum RecordsSpec {
    Each(u64),
    List(Vec<u64>),
}

/// Keys of a generator: so many, or `split`, or `offset`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of keys, \"split\" or \"offset\"")]
#[allow(missing_docs)]
pub enum KeySpec {
    Number(u32),
    Name(String),
}

/// Values of a generator: from, to (both included), or `key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a range of values such as [1, 5], or \"key\"")]
#[allow(missing_docs)]
pub enum ValueSpec {
    Range(u64, u64),
    Name(String),
}

/// An edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeSpec {
    /// The sender.
    pub from: String,
    /// The receiver.
    pub to: String,
    /// `forward`, `hash`, `broadcast` or `rebalance`.
    pub kind: String,
    /// Hash edges with different salts partition independently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<u64>,
    /// How long a message takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<DelaySpec>,
    /// How many records fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Named as a back-edge: then none is searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_edge: Option<bool>,
}

/// A duration, or a distribution of durations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a delay: a duration such as \"5ms\", {\"uniform\": [\"10us\", \"110us\"]} or {\"exponential\": \"20us\", \"min\": \"1us\"}"
)]
#[allow(missing_docs)]
pub enum DelaySpec {
    Constant(String),
    Uniform {
        uniform: (String, String),
    },
    Exponential {
        exponential: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<String>,
    },
}

/// When checkpoints are triggered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct CheckpointSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_pause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain: Option<u32>,
}

/// A fault: one of `crash`, `stall` and `decline`, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct FaultSpec {
    /// `"counts[1]"`, `"node 1"` or `"any"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<String>,
    /// At this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// At this protocol point, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<String>,
    /// … for the n-th time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
    /// At the n-th delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// At each delivery (decline: at each snapshot) with this probability, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// … so often at most, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
    /// … and not after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// At any moment (only where all schedules are explored).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anytime: Option<bool>,
    /// How long a stall lasts.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
}

/// A direct computation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultSpec {
    /// `word-count`, `reach` or `collatz`.
    pub kind: String,
    /// The source whose records are computed on.
    pub of: String,
    /// The operator whose state at the end is compared.
    #[serde(rename = "in")]
    pub operator: String,
}

impl From<&(u64, u64)> for Record {
    fn from(&(key, value): &(u64, u64)) -> Self {
        Record::new(key, value)
    }
}
