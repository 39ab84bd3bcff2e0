//! Choices drawn from a seed: ChaCha8, one stream for each kind of question.

use super::{Choices, Kind, Odds, Site};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Choices drawn from a seed.
#[derive(Clone, Debug)]
pub struct Seeded {
    seed: u64,
    streams: [Option<ChaCha8Rng>; Kind::ALL.len()],
}

impl Seeded {
    /// The choices of `seed`.
    pub fn new(seed: u64) -> Self {
        Seeded { seed, streams: Default::default() }
    }

    #[inline(always)]
    fn draw(&mut self, kind: Kind, n: u32) -> u32 {
        let word = match &mut self.streams[kind as usize] {
            Some(stream) => stream.next_u32(),
            None => self.begin(kind),
        };
        ((word as u64 * n as u64) >> 32) as u32
    }

    #[cold]
    fn begin(&mut self, kind: Kind) -> u32 {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(kind as u64);
        self.streams[kind as usize].insert(rng).next_u32()
    }
}

impl Choices for Seeded {
    #[inline(always)]
    fn choose(&mut self, site: Site, odds: Odds) -> u32 {
        match odds {
            Odds::Even(n) => self.draw(site.kind, n),
            Odds::Rare(r) => (self.draw(site.kind, r.den) >= r.den - r.num) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Ratio;

    fn site(kind: Kind) -> Site {
        Site { kind, at: 0, nth: 0 }
    }

    #[test]
    fn streams_are_independent() {
        let (mut a, mut b) = (Seeded::new(7), Seeded::new(7));
        for _ in 0..10 {
            b.choose(site(Kind::Crash), Odds::Even(100));
        }
        for _ in 0..10 {
            let odds = Odds::Even(1_000_000);
            assert_eq!(a.choose(site(Kind::Delay), odds), b.choose(site(Kind::Delay), odds));
        }
    }

    #[test]
    fn rare_is_rare() {
        let mut c = Seeded::new(3);
        let odds = Odds::Rare(Ratio { num: 1, den: 100 });
        let yes: u32 = (0..100_000).map(|_| c.choose(site(Kind::Crash), odds)).sum();
        assert!((850..1150).contains(&yes), "{yes}");
        let never = Odds::Rare(Ratio { num: 0, den: 1 });
        assert_eq!((0..100).map(|_| c.choose(site(Kind::Crash), never)).sum::<u32>(), 0);
    }
}
