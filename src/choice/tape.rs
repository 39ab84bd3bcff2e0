//! Recording what was picked, and playing it back.
//!
//! A tape is sparse: only picks that are not 0 are kept, each with its position (the how-manieth question
//! of the run it answers). What is absent is 0.

use super::{Choices, Odds, Site};

/// One recorded pick that was not dull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picked {
    /// The how-manieth question of the run this answers, from 0.
    pub position: u64,
    /// Who asked.
    pub site: Site,
    /// How many options there were.
    pub options: u32,
    /// Which was picked; never 0.
    pub picked: u32,
}

/// Passes questions on, and remembers the answers that were not 0.
#[derive(Clone, Debug)]
pub struct Recorder<C> {
    inner: C,
    asked: u64,
    /// What was picked so far.
    pub picks: Vec<Picked>,
}

impl<C> Recorder<C> {
    /// Records what `inner` answers.
    pub fn new(inner: C) -> Self {
        Recorder { inner, asked: 0, picks: Vec::new() }
    }
}

impl<C: Choices> Choices for Recorder<C> {
    fn choose(&mut self, site: Site, odds: Odds) -> u32 {
        let picked = self.inner.choose(site, odds);
        if picked != 0 {
            self.picks.push(Picked { position: self.asked, site, options: odds.options(), picked });
        }
        self.asked += 1;
        picked
    }
}

/// Where a replay first went another way than the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// What was recorded.
    pub recorded: Picked,
    /// Who asked in its place; `None` if the run was over before anyone did.
    pub asked: Option<(Site, u32)>,
}

/// Plays a recording back. A recorded answer that does not fit the question asked in its place is passed
/// over (the dull option is taken), and the first such place is kept.
#[derive(Clone, Debug)]
pub struct Tape<'a> {
    picks: &'a [Picked],
    next: usize,
    asked: u64,
    diverged: Option<Divergence>,
}

impl<'a> Tape<'a> {
    /// Plays `picks` (ascending by position).
    pub fn new(picks: &'a [Picked]) -> Self {
        debug_assert!(picks.is_sorted_by(|a, b| a.position < b.position));
        Tape { picks, next: 0, asked: 0, diverged: None }
    }

    /// Where the run first went another way than the recording; to be asked when the run is over.
    pub fn divergence(&self) -> Option<Divergence> {
        let left = self.picks.get(self.next);
        self.diverged.or(left.map(|&recorded| Divergence { recorded, asked: None }))
    }
}

impl Choices for Tape<'_> {
    fn choose(&mut self, site: Site, odds: Odds) -> u32 {
        let position = self.asked;
        self.asked += 1;
        match self.picks.get(self.next) {
            Some(&p) if p.position == position => {
                self.next += 1;
                if p.site == site && p.options == odds.options() {
                    return p.picked;
                }
                let asked = Some((site, odds.options()));
                self.diverged.get_or_insert(Divergence { recorded: p, asked });
                // Another question, but one that the same answer may still fit: stay near the recording.
                if p.site.kind == site.kind { p.picked.min(odds.options() - 1) } else { 0 }
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Seeded};
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_was_recorded_comes_back(seed: u64, n in 1usize..200) {
            let site = |i: usize| Site { kind: Kind::Delay, at: i as u32 % 3, nth: i as u32 };
            let mut recorder = Recorder::new(Seeded::new(seed));
            let first: Vec<_> = (0..n).map(|i| recorder.choose(site(i), Odds::Even(1 + i as u32 % 4))).collect();
            let mut tape = Tape::new(&recorder.picks);
            let second: Vec<_> = (0..n).map(|i| tape.choose(site(i), Odds::Even(1 + i as u32 % 4))).collect();
            assert_eq!(first, second);
            assert_eq!(tape.divergence(), None);
        }
    }

    #[test]
    fn a_tape_says_where_it_went_astray() {
        let site = |at| Site { kind: Kind::Delay, at, nth: 0 };
        let picks = [Picked { position: 1, site: site(5), options: 4, picked: 3 }];
        let mut tape = Tape::new(&picks);
        assert_eq!(tape.choose(site(4), Odds::Even(4)), 0);
        assert_eq!(tape.choose(site(6), Odds::Even(3)), 2);
        let d = tape.divergence().unwrap();
        assert_eq!((d.recorded.position, d.asked), (1, Some((site(6), 3))));
        assert_eq!(Tape::new(&picks).divergence().unwrap().asked, None);
    }
}
