//! `result`: what the job arrived at is what a direct computation gives. Judged once, when a run is over.

use super::verdict::{Evidence, Property, Report, Verdict, Violation};
use crate::dataflow::Job;
use crate::trace::At;

impl Report {
    /// Compares key by key; both lists are sorted by key.
    pub fn compare(&mut self, at: At, job: &Job, kind: &str, want: &[(u64, u64)], got: &[(u64, u64)]) {
        let differs = want.iter().zip(got).position(|(w, g)| w != g);
        let differs = differs.or_else(|| (want.len() != got.len()).then_some(want.len().min(got.len())));
        let verdict = match (differs, want.len()) {
            (Some(_), _) => Verdict::Violated,
            (None, 0) => Verdict::Idle,
            (None, _) => Verdict::Holds,
        };
        for p in self.properties.iter_mut().filter(|p| p.0 == Property::Result) {
            (p.1, p.2) = (verdict, want.len() as u64);
        }
        let Some(i) = differs else { return };
        let key = match (want.get(i), got.get(i)) {
            (Some(w), Some(g)) => w.0.min(g.0),
            (w, g) => w.or(g).map_or(0, |e| e.0),
        };
        let of = |list: &[(u64, u64)]| list.iter().find(|e| e.0 == key).map_or(0, |e| e.1);
        let (expected, found) = (of(want), of(got));
        let name = job.symbols.spell(key).map_or_else(|| key.to_string(), |text| format!("{text:?}"));
        let message =
            format!("the {kind} of {name} is {found} in the simulated job, and {expected} when computed directly");
        let evidence = vec![
            ("key", Evidence::Text(name)),
            ("found", Evidence::Number(found)),
            ("expected", Evidence::Number(expected)),
        ];
        self.violations.push(Violation { property: Property::Result, kind: "other-result", at, message, evidence });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::{Generator, JobBuilder};
    use crate::graph::BackEdges;

    #[test]
    fn a_count_that_is_off_by_one_is_named_with_both_numbers() {
        let job = JobBuilder::new().source("s", 1, Generator::new(1)).build(BackEdges::Refused).expect("valid");
        let empty = || Report {
            properties: vec![(Property::Result, Verdict::Idle, 0)],
            violations: Vec::new(),
            checkpoints: [0; 4],
            attempts: 1,
        };
        let judged = |want: &[(u64, u64)], got: &[(u64, u64)]| {
            let mut r = empty();
            r.compare(At::default(), &job, "count", want, got);
            (r.properties[0].1, r.violations.first().map(|v| v.message.clone()))
        };
        assert_eq!(judged(&[(1, 5), (2, 6)], &[(1, 5), (2, 6)]), (Verdict::Holds, None));
        assert_eq!(judged(&[], &[]), (Verdict::Idle, None));
        let (verdict, message) = judged(&[(1, 5), (2, 6)], &[(1, 5), (2, 7)]);
        assert_eq!(verdict, Verdict::Violated);
        assert_eq!(message.as_deref(), Some("the count of 2 is 7 in the simulated job, and 6 when computed directly"));
        for (want, got) in [(&[(1, 5), (2, 6)][..], &[(1, 5)][..]), (&[(2, 6)], &[(1, 5), (2, 6)])] {
            assert_eq!(judged(want, got).0, Verdict::Violated, "a key that is missing, and one too many");
        }
    }
}
