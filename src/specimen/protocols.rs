//! The names of protocols that scenarios can use.

use crate::engine::Plan;
use crate::scenario::Registry;

/// The shipped protocol, and everything that is wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Protocols;

impl Registry for Protocols {
    fn apply(&self, name: &str, plan: &mut Plan) -> bool {
        if name == "abs" {
            return true;
        }
        match super::named(name) {
            Some(specimen) => {
                specimen.apply(plan);
                plan.variant.name = name.to_string();
                true
            }
            None => false,
        }
    }

    fn names(&self) -> Vec<String> {
        let wrong = super::all().iter().map(|s| s.name.to_string());
        std::iter::once("abs".to_string()).chain(wrong).collect()
    }
}
