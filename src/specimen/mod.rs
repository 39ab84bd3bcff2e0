//! What is wrong on purpose: each specimen is the shipped system with one thing in it that is known to be
//! wrong, so that the harness itself is on trial. Through the public interface only: the clean code has no
//! flag for any of it.
//!
//! | decision | reason |
//! |---|---|
//! | most are the shipped part behind a function that tampers with what goes in or comes out | what is wrong is a few lines, and everything else stays as shipped |
//! | the algorithm as it is printed is a protocol of its own | it is wrong in its shape, not in a line |
//! | what an operator or a set of back-edges gets wrong is put into the job | a variant has no say there, and should not |

mod alignment;
mod cancels;
mod carried;
mod catalogue;
mod control;
mod edges;
mod logs;
mod operators;
mod printed;
mod protocols;
mod tampered;

use crate::check::Property;
use crate::dataflow::Job;
use crate::engine::{Plan, Variant};

pub use protocols::Protocols;

/// The shipped system with one thing wrong.
pub struct Specimen {
    /// The name in files.
    pub name: &'static str,
    /// What is wrong, in one sentence.
    pub about: &'static str,
    /// The property that must catch it.
    pub caught_by: Property,
    /// The finding or rule that it breaks.
    pub rule: &'static str,
    /// Whether it shows only where the graph has a loop.
    pub cyclic: bool,
    make: fn() -> Variant,
    /// What it does to the job, if its fault is there.
    tamper_job: Option<fn(&mut Job)>,
}

impl Specimen {
    /// The parts of the system, with the fault.
    pub fn variant(&self) -> Variant {
        Variant { name: self.name.to_string(), ..(self.make)() }
    }

    /// Puts the fault into a plan.
    pub fn apply(&self, plan: &mut Plan) {
        plan.variant = self.variant();
        if let Some(tamper) = self.tamper_job {
            tamper(&mut plan.job);
        }
    }
}

/// All specimens, those without loops first.
pub fn all() -> &'static [Specimen] {
    catalogue::ALL
}

/// The specimen with this name.
pub fn named(name: &str) -> Option<&'static Specimen> {
    all().iter().find(|s| s.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_kebab() {
        for (i, s) in all().iter().enumerate() {
            assert!(all()[..i].iter().all(|o| o.name != s.name), "{}", s.name);
            assert!(s.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", s.name);
            assert!(named(s.name).is_some_and(|found| found.about == s.about));
        }
        assert!(named("abs").is_none());
    }
}
