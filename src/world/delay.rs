//! How long things take. Integers only: an exponential delay comes from a table of quantiles.

use crate::choice::{Choices, Kind, Odds, Site};

/// A distribution of durations, in nanoseconds. Option 0 is the shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// Always the same; nothing is chosen.
    Constant(u64),
    /// One of min, min + step, …: `options` of them, all alike.
    Uniform {
        /// The shortest.
        min: u64,
        /// The distance between two options.
        step: u64,
        /// How many options.
        options: u32,
    },
    /// At least `min`, and on average about `mean` longer.
    Exponential {
        /// The shortest.
        min: u64,
        /// The mean of what comes on top.
        mean: u64,
    },
}

impl Delay {
    /// Uniform in [min, max).
    pub fn uniform(min: u64, max: u64) -> Delay {
        let span = max.saturating_sub(min);
        if span <= 1 {
            return Delay::Constant(min);
        }
        let step = span.div_ceil(1 << 20).max(1);
        Delay::Uniform { min, step, options: (span / step) as u32 }
    }

    /// The longest that can come.
    pub fn longest(self) -> u64 {
        match self {
            Delay::Constant(d) => d,
            Delay::Uniform { min, step, options } => min.saturating_add(step.saturating_mul(options as u64)),
            Delay::Exponential { min, mean } => min.saturating_add(mean.saturating_mul(7)),
        }
    }

    /// A duration.
    #[inline(always)]
    pub fn draw(self, kind: Kind, at: u32, nth: u32, choices: &mut impl Choices) -> u64 {
        let site = Site { kind, at, nth };
        match self {
            Delay::Constant(d) => d,
            Delay::Uniform { min, step, options } => min + step * choices.choose(site, Odds::Even(options)) as u64,
            Delay::Exponential { min, mean } => {
                let quantile = QUANTILES[choices.choose(site, Odds::Even(256)) as usize];
                min.saturating_add(((mean as u128 * quantile as u128) >> 16) as u64)
            }
        }
    }
}

/// −ln(1 − (i + ½) / 256) · 2¹⁶, rounded.
#[rustfmt::skip]
const QUANTILES: [u32; 256] = [
    128, 385, 643, 902, 1162, 1423, 1685, 1949, 2213, 2478, 2745, 3012, 3281, 3550, 3821, 4093,
    4366, 4640, 4916, 5192, 5470, 5749, 6029, 6310, 6593, 6876, 7161, 7448, 7735, 8024, 8314, 8605,
    8898, 9191, 9487, 9783, 10081, 10380, 10681, 10983, 11286, 11591, 11897, 12205, 12514, 12825, 13137, 13451,
    13766, 14082, 14400, 14720, 15041, 15364, 15689, 16015, 16342, 16672, 17003, 17335, 17670, 18006, 18344, 18683,
    19024, 19368, 19712, 20059, 20408, 20758, 21111, 21465, 21821, 22179, 22539, 22901, 23265, 23632, 24000, 24370,
    24742, 25117, 25493, 25872, 26253, 26637, 27022, 27410, 27800, 28192, 28587, 28984, 29384, 29786, 30191, 30598,
    31007, 31419, 31834, 32252, 32672, 33095, 33520, 33948, 34380, 34814, 35251, 35690, 36133, 36579, 37028, 37480,
    37935, 38393, 38855, 39320, 39788, 40259, 40734, 41212, 41694, 42180, 42669, 43162, 43658, 44158, 44663, 45171,
    45683, 46199, 46719, 47243, 47772, 48304, 48842, 49383, 49929, 50480, 51035, 51596, 52161, 52730, 53305, 53885,
    54470, 55061, 55657, 56258, 56865, 57477, 58095, 58720, 59350, 59986, 60629, 61277, 61933, 62595, 63264, 63939,
    64622, 65312, 66009, 66714, 67426, 68146, 68874, 69611, 70355, 71109, 71871, 72642, 73422, 74212, 75011, 75820,
    76639, 77469, 78309, 79160, 80022, 80896, 81782, 82680, 83590, 84513, 85449, 86399, 87363, 88341, 89334, 90342,
    91366, 92406, 93464, 94538, 95630, 96741, 97871, 99021, 100191, 101383, 102596, 103833, 105093, 106378, 107689, 109027,
    110392, 111786, 113211, 114668, 116157, 117681, 119242, 120840, 122479, 124159, 125884, 127655, 129476, 131348, 133276, 135262,
    137310, 139425, 141609, 143869, 146210, 148638, 151159, 153781, 156512, 159361, 162341, 165462, 168740, 172190, 175832, 179688,
    183785, 188156, 192839, 197883, 203347, 209309, 215868, 223157, 231360, 240738, 251686, 264838, 281308, 303359, 336836, 408835,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Seeded;

    #[test]
    fn delays_stay_in_their_bounds() {
        let mut c = Seeded::new(1);
        for d in [
            Delay::uniform(10, 20),
            Delay::uniform(5, 5),
            Delay::uniform(0, 1 << 50),
            Delay::Exponential { min: 3, mean: 1000 },
        ] {
            let mut least = u64::MAX;
            for n in 0..2000 {
                let t = d.draw(Kind::Delay, 0, n, &mut c);
                assert!(t <= d.longest(), "{d:?}: {t}");
                least = least.min(t);
            }
            let dull = d.draw(Kind::Delay, 0, 0, &mut crate::choice::Tape::new(&[]));
            assert!(dull <= least, "{d:?}: option 0 is the shortest");
        }
    }

    #[test]
    fn an_exponential_delay_has_its_mean() {
        let sum: u64 = QUANTILES.iter().map(|&q| q as u64).sum();
        let mean = sum * 1000 / 256 / 65536;
        assert!((985..1005).contains(&mean), "{mean}");
        assert!(QUANTILES.is_sorted());
    }
}
