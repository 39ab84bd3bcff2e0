//! Every combination of the picks inside one step, one after the other.

use super::{Choices, Odds, Site};

/// Enumerates all combinations of answers to the questions of one step: run the step, then
/// [`advance`](Odometer::advance), until that says no. Starts with all answers 0.
#[derive(Clone, Debug, Default)]
pub struct Odometer {
    wheels: Vec<(u32, u32)>,
    asked: usize,
}

impl Odometer {
    /// Starts the enumeration anew.
    pub fn reset(&mut self) {
        self.wheels.clear();
        self.asked = 0;
    }

    /// Whether it stands at the last combination of those known so far.
    pub fn at_last(&self) -> bool {
        !self.wheels.is_empty() && self.wheels.iter().all(|&(pick, options)| pick + 1 == options)
    }

    /// Moves on to the next combination; `false` when all have been.
    pub fn advance(&mut self) -> bool {
        self.wheels.truncate(self.asked);
        self.asked = 0;
        while let Some((pick, options)) = self.wheels.last_mut() {
            *pick += 1;
            if pick < options {
                return true;
            }
            self.wheels.pop();
        }
        false
    }
}

impl Choices for Odometer {
    #[inline]
    fn choose(&mut self, _: Site, odds: Odds) -> u32 {
        if self.asked == self.wheels.len() {
            self.wheels.push((0, odds.options()));
        }
        self.asked += 1;
        self.wheels[self.asked - 1].0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn every_combination_comes_once() {
        let mut o = Odometer::default();
        let mut seen = Vec::new();
        loop {
            let mut ask = |n| o.choose(Site { kind: Kind::Next, at: 0, nth: 0 }, Odds::Even(n));
            let a = ask(3);
            let b = if a == 1 { ask(2) } else { 0 };
            seen.push((a, b));
            if !o.advance() {
                break;
            }
            assert_eq!(o.at_last(), [a, b] == [1, 1], "of what is known");
        }
        assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (2, 0)]);
    }
}
