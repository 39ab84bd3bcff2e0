//! Smaller scenarios: every single way of making a scenario a little or a lot smaller, the big steps first. Whether
//! one is smaller indeed is for the caller to measure.

use crate::scenario::{CheckpointSpec, OperatorSpec, RecordsSpec, Scenario};

/// How large a scenario is: tasks, records, faults, edges, settings. Every reduction lowers it.
pub(super) fn weight(s: &Scenario) -> (u64, u64, u64, u64, u64) {
    let tasks = s.operators.values().map(|o| o.parallelism.unwrap_or(1) as u64).sum();
    let records = s.operators.values().map(records_of).sum();
    let settings = serde_json::to_string(s).map_or(0, |t| t.len() as u64);
    let positions: u64 = s.checkpoints.iter().flat_map(|c| &c.at).sum();
    (tasks, records, s.faults.len() as u64, s.edges.len() as u64, settings + positions)
}

/// Records of a source (0 for others).
pub(super) fn records_of(o: &OperatorSpec) -> u64 {
    let listed = o.list.as_ref().map_or(0, |l| l.len()) + o.lines.as_ref().map_or(0, |l| l.len());
    match &o.records {
        None => listed as u64,
        Some(RecordsSpec::Each(n)) => n.saturating_mul(o.splits.unwrap_or(o.parallelism.unwrap_or(1)) as u64),
        Some(RecordsSpec::List(l)) => l.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)),
    }
}

/// All reductions of `s`, the big ones first.
pub(super) fn reductions(s: &Scenario) -> Vec<Scenario> {
    let mut list = Vec::new();
    let mut to = |change: &dyn Fn(&mut Scenario)| {
        let mut smaller = s.clone();
        change(&mut smaller);
        list.push(smaller);
    };
    to(&|t| t.operators.values_mut().for_each(|o| _ = o.parallelism.take()));
    to(&|t| t.operators.values_mut().for_each(|o| shrink_records(o, |_| 1)));
    to(&|t| t.operators.values_mut().for_each(|o| shrink_records(o, |n| n / 4)));
    to(&|t| t.operators.values_mut().for_each(|o| shrink_records(o, |n| n / 2)));
    to(&|t| t.faults.clear());
    for i in 0..s.faults.len() {
        to(&|t| forget(t.faults.remove(i)));
    }
    for name in s.operators.keys() {
        to(&|t| remove_operator(t, name));
        to(&|t| bypass_operator(t, name));
    }
    for i in 0..s.edges.len() {
        to(&|t| forget(t.edges.remove(i)));
    }
    for (name, o) in &s.operators {
        let p = o.parallelism.unwrap_or(1);
        for less in [1, p / 2, p - 1] {
            if less >= 1 && less < p {
                to(&|t| set_parallelism(t, name, less));
            }
        }
        let n = records_of(o);
        if n > 0 {
            for part in [1, 2, 3, 4, 8] {
                to(&|t| with(t, name, |o| shrink_records(o, |n| n / part - (part == 1 && n > 0) as u64)));
            }
            to(&|t| with(t, name, |o| shrink_records(o, |_| 1)));
        }
        for l in 0..o.list.as_ref().map_or(0, |l| l.len()).min(64) {
            to(&|t| with(t, name, |o| forget(o.list.as_mut().map(|list| list.remove(l)))));
        }
        for l in 0..o.lines.as_ref().map_or(0, |l| l.len()).min(64) {
            to(&|t| with(t, name, |o| forget(o.lines.as_mut().map(|list| list.remove(l)))));
        }
        if let Some(RecordsSpec::List(sizes)) = &o.records {
            for (i, &size) in sizes.iter().enumerate() {
                for less in [0, size / 2, size.saturating_sub(1)] {
                    to(&|t| with(t, name, |o| set_size(o, i, less)));
                }
            }
        }
        operator_settings(name, o, &mut to);
    }
    for part in [16, 4, 2] {
        // Fewer records, and everything that happens by time as much earlier.
        to(&|t| {
            t.operators.values_mut().for_each(|o| shrink_records(o, |n| n.div_ceil(part)));
            (0..t.faults.len()).for_each(|i| hasten(t, i, 1, part));
            if let Some(c) = &mut t.checkpoints
                && let Some(Ok(ns)) = c.every.as_deref().map(crate::base::parse_duration)
            {
                c.every = Some(crate::base::format_ns((ns / part).max(1)));
            }
        });
    }
    checkpoints(s, &mut to);
    settings(s, &mut to);
    for i in 0..s.faults.len() {
        for (num, den) in [(1, 16), (1, 4), (1, 2), (3, 4), (7, 8)] {
            to(&|t| hasten(t, i, num, den));
        }
    }
    // The scenario itself: another seed may fail in fewer steps.
    list.push(s.clone());
    list
}

/// Only the effect counts.
fn forget<T>(_: T) {}

type To<'a> = dyn FnMut(&dyn Fn(&mut Scenario)) + 'a;

fn with(s: &mut Scenario, name: &str, change: impl FnOnce(&mut OperatorSpec)) {
    if let Some(o) = s.operators.get_mut(name) {
        change(o);
    }
}

fn set_size(o: &mut OperatorSpec, i: usize, n: u64) {
    if let Some(RecordsSpec::List(sizes)) = &mut o.records {
        sizes[i] = n;
    }
}

fn shrink_records(o: &mut OperatorSpec, to: impl Fn(u64) -> u64) {
    let less = |n: u64| to(n).min(n);
    match &mut o.records {
        Some(RecordsSpec::Each(n)) => *n = less(*n),
        Some(RecordsSpec::List(sizes)) => sizes.iter_mut().for_each(|n| *n = less(*n)),
        None => {}
    }
    if let Some(list) = &mut o.list {
        list.truncate(less(list.len() as u64) as usize);
    }
    if let Some(list) = &mut o.lines {
        list.truncate(less(list.len() as u64) as usize);
    }
}

/// Both ends of a forward edge have the same parallelism: they shrink together.
fn set_parallelism(s: &mut Scenario, name: &str, p: u32) {
    let mut group = vec![name.to_string()];
    let mut i = 0;
    while i < group.len() {
        for e in s.edges.iter().filter(|e| e.kind == "forward") {
            for (a, b) in [(&e.from, &e.to), (&e.to, &e.from)] {
                if *a == group[i] && !group.contains(b) {
                    group.push(b.clone());
                }
            }
        }
        i += 1;
    }
    for name in group {
        with(s, &name, |o| o.parallelism = (p > 1).then_some(p));
    }
}

/// Lets a fault strike at this part of its time, or of its count.
fn hasten(s: &mut Scenario, i: usize, num: u64, den: u64) {
    let sooner = |n: u64| n.saturating_mul(num) / den;
    let f = &mut s.faults[i];
    for time in [&mut f.at, &mut f.until].into_iter().flatten() {
        if let Ok(ns) = crate::base::parse_duration(time) {
            *time = crate::base::format_ns(sooner(ns));
        }
    }
    f.event = f.event.map(|n| sooner(n).max(1));
    f.nth = f.nth.map(|n| (sooner(n as u64) as u32).max(1));
}

fn remove_operator(s: &mut Scenario, name: &str) {
    s.operators.remove(name);
    s.edges.retain(|e| e.from != name && e.to != name);
}

/// Takes an operator out, and joins what came in to what went out.
fn bypass_operator(s: &mut Scenario, name: &str) {
    let (ins, outs): (Vec<_>, Vec<_>) = (
        s.edges.iter().filter(|e| e.to == name && e.from != name).cloned().collect(),
        s.edges.iter().filter(|e| e.from == name && e.to != name).cloned().collect(),
    );
    remove_operator(s, name);
    for i in &ins {
        for o in &outs {
            let mut e = i.clone();
            e.to.clone_from(&o.to);
            if e.kind == "forward" {
                e.kind.clone_from(&o.kind);
                e.salt = o.salt;
            }
            s.edges.push(e);
        }
    }
}

fn operator_settings(name: &str, o: &OperatorSpec, to: &mut To<'_>) {
    macro_rules! forget {
        ($($field:ident)*) => {$(
            if o.$field.is_some() {
                to(&|t| with(t, name, |o| o.$field = None));
            }
        )*};
    }
    forget!(every start splits keys values seed silent multiply add rekey remainder spread keep copies);
    if let Some(n) = o.times.filter(|n| *n > 1) {
        to(&|t| with(t, name, |o| o.times = Some(n - 1)));
    }
    if let Some(crate::scenario::ValueSpec::Range(low, high)) = o.values {
        for to_high in [low, (low + high) / 2] {
            to(&|t| with(t, name, |o| o.values = Some(crate::scenario::ValueSpec::Range(to_high.min(low), to_high))));
        }
        to(&|t| with(t, name, |o| o.values = Some(crate::scenario::ValueSpec::Range(1, 1))));
    }
    if let Some(crate::scenario::KeySpec::Number(n)) = o.keys {
        for less in [1, 2, n / 2] {
            to(&|t| with(t, name, |o| o.keys = Some(crate::scenario::KeySpec::Number(less.max(1)))));
        }
    }
    // A record that is named is easier to see than a seeded one.
    if o.kind == "union" || o.kind.starts_with("keyed-") && o.kind != "keyed-count" {
        to(&|t| {
            with(t, name, |o| {
                *o = OperatorSpec { kind: "union".into(), parallelism: o.parallelism, ..Default::default() }
            })
        });
    }
}

fn checkpoints(s: &Scenario, to: &mut To<'_>) {
    let Some(c) = &s.checkpoints else { return };
    for i in 0..c.at.len() {
        to(&|t| forget(t.checkpoints.as_mut().map(|c| c.at.remove(i))));
    }
    for i in 0..c.at.len() {
        let floor = if i == 0 { 0 } else { c.at[i - 1] + 1 };
        for lower in [floor, floor + 1, c.at[i] / 2, c.at[i].saturating_sub(1)] {
            if lower >= floor && lower < c.at[i] {
                to(&|t| forget(t.checkpoints.as_mut().map(|c| c.at[i] = lower)));
            }
        }
    }
    if c.at.len() > 2 {
        to(&|t| forget(t.checkpoints.as_mut().map(|c| c.at.truncate(1))));
        to(&|t| forget(t.checkpoints.as_mut().map(|c| c.at.truncate(2))));
    }
    if let Some(ns) = c.every.as_ref().and_then(|t| crate::base::parse_duration(t).ok()) {
        for longer in [16u64, 4, 2].map(|n| ns.saturating_mul(n)) {
            let text = crate::base::format_ns(longer);
            to(&|t| forget(t.checkpoints.as_mut().map(|c| c.every = Some(text.clone()))));
        }
        for at in [vec![1], vec![1, 2], vec![0], vec![0, 1]] {
            let by_position = CheckpointSpec { every: None, at, ..c.clone() };
            to(&|t| t.checkpoints = Some(by_position.clone()));
        }
    }
    macro_rules! forget {
        ($($field:ident)*) => {$(
            if c.$field.is_some() {
                to(&|t| forget(t.checkpoints.as_mut().map(|c| c.$field = None)));
            }
        )*};
    }
    forget!(min_pause timeout retain max_concurrent);
    if let Some(n) = c.max_concurrent.filter(|n| *n > 2) {
        to(&|t| forget(t.checkpoints.as_mut().map(|c| c.max_concurrent = Some(n / 2))));
    }
}

fn settings(s: &Scenario, to: &mut To<'_>) {
    macro_rules! forget {
        ($($field:ident)*) => {$(
            if s.$field.is_some() {
                to(&|t| t.$field = None);
            }
        )*};
    }
    forget!(about capacity max_parallelism nodes write control detection restart max_steps result);
    if s.delay.is_some() {
        to(&|t| t.delay = None);
    }
    for i in 0..s.edges.len() {
        if s.edges[i].delay.is_some() {
            to(&|t| t.edges[i].delay = None);
        }
        if s.edges[i].capacity.is_some() {
            to(&|t| t.edges[i].capacity = None);
        }
        if s.edges[i].salt.is_some() {
            to(&|t| t.edges[i].salt = None);
        }
        if s.edges[i].kind != "forward" {
            to(&|t| {
                t.edges[i].kind = "forward".into();
                t.edges[i].salt = None;
            });
        }
    }
    for i in 0..s.faults.len() {
        if s.faults[i].nth.is_some_and(|n| n > 1) {
            to(&|t| t.faults[i].nth = None);
        }
        if s.faults[i].most.is_some() {
            to(&|t| t.faults[i].most = None);
        }
    }
}
