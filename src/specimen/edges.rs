//! Wrong sets of back-edges: what validation would refuse, or the shipped search never gives.

use crate::base::TaskId;
use crate::dataflow::Job;
use crate::graph::{ExecutionGraph, Role};

/// Every edge to a vertex that was visited before counts, cross and forward edges too (D4).
pub(super) fn visited(job: &mut Job) {
    let graph = &mut job.graph;
    let mut seen = vec![false; graph.tasks.len()];
    for root in (0..graph.tasks.len()).filter(|&t| graph.tasks[t].role == Role::Source) {
        let mut stack = vec![(root as TaskId, 0)];
        seen[root] = true;
        while let Some((task, next)) = stack.last_mut() {
            let Some(&c) = graph.outputs[*task as usize].get(*next) else {
                stack.pop();
                continue;
            };
            *next += 1;
            let to = graph.channels[c as usize].to;
            graph.channels[c as usize].back_edge = std::mem::replace(&mut seen[to as usize], true);
            if !graph.channels[c as usize].back_edge {
                stack.push((to, 0));
            }
        }
    }
}

/// Every channel on a cycle counts, as long as its receiver keeps a regular input (D5).
pub(super) fn whole_cycles(job: &mut Job) {
    let graph = &mut job.graph;
    for c in 0..graph.channels.len() {
        let (from, to) = (graph.channels[c].from, graph.channels[c].to);
        let regular = graph.inputs[to as usize].iter().filter(|&&i| !graph.channels[i as usize].back_edge);
        if regular.count() > 1 && reaches(graph, to, from) {
            graph.channels[c].back_edge = true;
        }
    }
}

fn reaches(graph: &ExecutionGraph, from: TaskId, to: TaskId) -> bool {
    let mut seen = vec![from];
    let mut i = 0;
    while let Some(&t) = seen.get(i) {
        i += 1;
        for &c in &graph.outputs[t as usize] {
            let next = graph.channels[c as usize].to;
            if !seen.contains(&next) {
                seen.push(next);
            }
        }
    }
    seen.contains(&to)
}
