//! Depth-first search on petgraph: the canonical order of the operators, and the back-edges.
//!
//! A back-edge goes to a vertex *on the depth-first stack* (D4), in a canonical order (D7): roots are the
//! sources by name, successors by name. petgraph lists neighbours in the reverse order of insertion, so
//! edges are inserted in the reverse of the order wanted.

use super::job::{GraphError, JobGraph, Place, Role};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Control, DfsEvent, depth_first_search};

/// Where the set of back-edges comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackEdges {
    /// A cycle is an error.
    Refused,
    /// Those that the job names; found on the job graph if it names none.
    #[default]
    JobGraph,
    /// Found on the expanded execution graph, channel by channel (D7's other variant).
    ExecutionGraph,
}

/// What the search found.
pub(super) struct Searched {
    /// Vertices in reverse postorder; those that no root reaches are missing.
    pub order: Vec<usize>,
    /// Pairs (from, to) that close a cycle.
    pub back: Vec<(usize, usize)>,
    parent: Vec<Option<usize>>,
}

impl Searched {
    /// The cycle that the back-edge (from, to) closes: to, …, from.
    pub fn cycle(&self, (from, to): (usize, usize)) -> Vec<usize> {
        let mut path = vec![from];
        while path[path.len() - 1] != to {
            match self.parent[path[path.len() - 1]] {
                Some(p) => path.push(p),
                None => break,
            }
        }
        path.reverse();
        path
    }
}

/// Depth-first search from `roots`, in the order given; `edges` are followed in the order given.
pub(super) fn search(n: usize, roots: &[usize], edges: &[(usize, usize)]) -> Searched {
    let mut g: DiGraph<(), ()> = DiGraph::with_capacity(n, edges.len());
    (0..n).for_each(|_| _ = g.add_node(()));
    for &(from, to) in edges.iter().rev() {
        g.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
    }
    let mut found = Searched { order: Vec::new(), back: Vec::new(), parent: vec![None; n] };
    let starts: Vec<_> = roots.iter().map(|&r| NodeIndex::new(r)).collect();
    depth_first_search(&g, starts, |event| {
        match event {
            DfsEvent::TreeEdge(a, b) => found.parent[b.index()] = Some(a.index()),
            DfsEvent::BackEdge(a, b) => found.back.push((a.index(), b.index())),
            DfsEvent::Finish(v, _) => found.order.push(v.index()),
            _ => {}
        }
        Control::<()>::Continue
    });
    found.order.reverse();
    found
}

/// The order of the operators, and which edges are back-edges of the job graph; or every error.
pub(super) fn arrange(job: &JobGraph, how: BackEdges) -> Result<(Vec<usize>, Vec<bool>), Vec<GraphError>> {
    let mut errors = job.local_errors();
    if job.operators.is_empty() {
        return Err(errors);
    }
    let n = job.operators.len();
    let name = |i: usize| job.operators[i].name.as_str();
    let mut roots: Vec<usize> = (0..n).filter(|&i| job.operators[i].role == Role::Source).collect();
    roots.sort_by_key(|&i| name(i));
    roots.reverse(); // the last root to be searched comes first in reverse postorder
    let named = job.edges.iter().any(|e| e.back_edge);
    let pairs = |all: bool| {
        let kept = job.edges.iter().filter(|e| all || !e.back_edge);
        let mut list: Vec<_> = kept.map(|e| (e.from, e.to)).collect();
        list.sort_by_key(|&(from, to)| (name(from), std::cmp::Reverse(name(to))));
        list
    };
    let found = search(n, &roots, &pairs(!named));
    let reached = search(n, &roots, &pairs(true));
    for i in 0..n {
        if !reached.order.contains(&i) {
            let message = "no path leads here from a source: expected one".to_string();
            errors.push(GraphError { place: Place::Operator(i), message });
        } else if !found.order.contains(&i)
            && let Some(e) = job.edges.iter().position(|e| e.back_edge && e.to == i)
        {
            let message = format!(
                "is named a back-edge, but only back-edges lead to {}: expected a regular input, on a path from a source",
                name(i)
            );
            errors.push(GraphError { place: Place::Edge(e), message });
        }
    }
    let spelled = |pair| {
        let cycle = found.cycle(pair);
        let names: Vec<_> = cycle.iter().chain(cycle.first()).map(|&i| name(i)).collect();
        names.join(" -> ")
    };
    let edge_of = |(from, to)| job.edges.iter().position(|e| !(named && e.back_edge) && (e.from, e.to) == (from, to));
    if how == BackEdges::Refused || named {
        for &pair in &found.back {
            let want = if named { "expected the edges that are no back-edges to form none" } else { "expected none" };
            let message = format!("closes the cycle {}: {want}", spelled(pair));
            let place = edge_of(pair).map_or(Place::Job, Place::Edge);
            errors.push(GraphError { place, message });
        }
    }
    if named && how == BackEdges::Refused {
        let place = Place::Edge(job.edges.iter().position(|e| e.back_edge).unwrap_or(0));
        errors.push(GraphError { place, message: "is named a back-edge: expected none".into() });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let back = job.edges.iter().map(|e| if named { e.back_edge } else { found.back.contains(&(e.from, e.to)) });
    let back = back.collect();
    Ok((found.order, back))
}
