//! Sweeps cut into shards: each writes one file, and `cutline merge` gives what one sweep would have given.

use super::args::{MergeArgs, SweepArgs};
use super::files::{Output, SHARD, directory};
use super::load::Loaded;
use super::output::Style;
use super::sweep::{One, Range};
use super::totals::{Ending, Totals};
use super::{Refusal, Status, say};
use crate::check::Mode;
use crate::scenario::{Scenario, Setting};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Shard `index` (from 1) of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub index: u64,
    pub of: u64,
}

impl Shard {
    /// Reads `i/n`.
    pub fn parse(text: &str) -> Result<Shard, String> {
        let expected = || format!("expected i/n with 1 <= i <= n, found {text:?}");
        let (i, n) = text.split_once('/').ok_or_else(expected)?;
        let (index, of) = (i.parse().map_err(|_| expected())?, n.parse().map_err(|_| expected())?);
        if index == 0 || index > of { Err(expected()) } else { Ok(Shard { index, of }) }
    }
}

/// The first line of a shard's file: what all shards of a sweep share, and which one this is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    cutline_shard: u32,
    shard: Shard,
    first: u64,
    end: u64,
    shallow: bool,
    settings: Vec<(String, String)>,
    scenarios: Vec<(String, serde_json::Value)>,
}

/// A shard's file that is being written.
pub struct ShardFile {
    out: Output,
    path: PathBuf,
}

impl ShardFile {
    pub fn create(dir: &Path, shard: Shard, args: &SweepArgs, loaded: &[Loaded]) -> Result<ShardFile, Refusal> {
        directory(dir)?;
        let path = dir.join(format!("shard-{}-of-{}.jsonl", shard.index, shard.of));
        let mut out = Output::create(&path, SHARD)?;
        let mut scenarios = Vec::new();
        for l in loaded {
            let text = serde_json::to_value(l.inlined()?).map_err(|e| Refusal(e.to_string()))?;
            scenarios.push((l.file.to_string_lossy().into_owned(), text));
        }
        let header = Header {
            cutline_shard: 1,
            shard,
            first: args.seeds.0,
            end: args.seeds.1,
            shallow: loaded.iter().any(|l| l.mode == Mode::Shallow),
            settings: args.scenarios.settings.iter().map(|s| (s.key.clone(), s.value.clone())).collect(),
            scenarios,
        };
        writeln!(out, "{}", serde_json::to_string(&header).map_err(|e| Refusal(e.to_string()))?)?;
        Ok(ShardFile { out, path })
    }

    pub fn add(&mut self, one: &One) -> Result<(), Refusal> {
        let line = serde_json::to_string(one).map_err(|e| Refusal(e.to_string()))?;
        Ok(writeln!(self.out, "{line}")?)
    }

    pub fn finish(self) -> Result<PathBuf, Refusal> {
        self.out.finish().map(|()| self.path)
    }
}

fn read(path: &Path) -> Result<(Header, Vec<One>), Refusal> {
    let at = |line: usize, m: String| Refusal(format!("{}: line {line}: {m}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| Refusal(format!("{}: {e}", path.display())))?;
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    if !first.as_bytes().starts_with(SHARD) {
        return Err(at(1, "this is no shard of a sweep: expected a file that `cutline sweep --shard` wrote".into()));
    }
    let header: Header = serde_json::from_str(first).map_err(|e| at(1, e.to_string()))?;
    if header.cutline_shard != 1 {
        return Err(at(1, format!("cutline_shard: expected version 1, found {}", header.cutline_shard)));
    }
    let runs = lines.enumerate().map(|(i, l)| serde_json::from_str(l).map_err(|e| at(i + 2, e.to_string())));
    Ok((header, runs.collect::<Result<_, _>>()?))
}

/// Gives what one sweep over everything would have given.
pub fn merge(args: &MergeArgs, style: Style) -> Result<Status, Refusal> {
    let mut shards: Vec<(Header, Vec<One>)> = Vec::new();
    for path in &args.files {
        let (header, runs) = read(path)?;
        if let Some((first, _)) = shards.first() {
            let shard = Shard { of: header.shard.of, ..first.shard };
            if (Header { shard, ..header.clone() }) != *first {
                return Err(Refusal(format!(
                    "{}: is a shard of another sweep than {}",
                    path.display(),
                    args.files[0].display()
                )));
            }
        }
        if shards.iter().any(|(h, _)| h.shard == header.shard) {
            let Shard { index, of } = header.shard;
            return Err(Refusal(format!("{}: shard {index}/{of} is there twice", path.display())));
        }
        shards.push((header, runs));
    }
    let Some((header, _)) = shards.first().cloned() else { return Ok(Status::Held) };
    let of = header.shard.of;
    let missing: Vec<String> =
        (1..=of).filter(|i| !shards.iter().any(|(h, _)| h.shard.index == *i)).map(|i| format!("{i}/{of}")).collect();
    if !missing.is_empty() {
        return Err(Refusal(format!("shards are missing: {}", missing.join(", "))));
    }
    let loaded = loaded_of(&header)?;
    let per = header.end - header.first;
    let all = per * loaded.len() as u64;
    let range = Range { first: header.first, per, all, shard: Shard { index: 1, of: 1 } };
    let mut runs: Vec<One> = shards.into_iter().flat_map(|(_, r)| r).collect();
    runs.sort_by_key(|r| r.index);
    if !runs.iter().map(|r| r.index).eq(0..all) {
        return Err(Refusal("the shards do not hold every run exactly once".into()));
    }
    let ending =
        Ending { out: args.out.clone(), shrink: !args.no_shrink, junit: args.junit.clone(), ..Ending::default() };
    ending.check()?;
    let mut totals = Totals::new(all);
    for one in &runs {
        let (which, seed) = range.which(one.index);
        say(&totals.take(&loaded[which], seed, one, style))?;
    }
    totals.finish(&loaded, range, style, &ending)
}

fn loaded_of(header: &Header) -> Result<Vec<Loaded>, Refusal> {
    let settings: Vec<Setting> =
        header.settings.iter().map(|(k, v)| Setting { key: k.clone(), value: v.clone() }).collect();
    let mode = if header.shallow { Mode::Shallow } else { Mode::Full };
    let one = |(place, (file, value)): (usize, &(String, serde_json::Value))| {
        let scenario: Scenario = serde_json::from_value(value.clone()).map_err(|e| Refusal(format!("{file}: {e}")))?;
        let l = Loaded { place, file: file.into(), scenario, settings: settings.clone(), mode };
        l.plan().map(|_| l)
    };
    header.scenarios.iter().enumerate().map(one).collect()
}
