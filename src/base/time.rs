//! Virtual time in integer nanoseconds, durations as people write them, and exact ratios. No floats.

use std::fmt;

/// A moment of virtual time: nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// This moment, `ns` nanoseconds later (the end of time if that overflows).
    #[inline]
    pub fn after(self, ns: u64) -> Time {
        Time(self.0.saturating_add(ns))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_ns(self.0))
    }
}

/// A probability as an exact ratio; `den` is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// How many …
    pub num: u32,
    /// … out of how many.
    pub den: u32,
}

impl Ratio {
    /// Reads `"1/1000"`. The message says what was expected.
    pub fn parse(text: &str) -> Result<Ratio, String> {
        let expected = || format!("expected a ratio such as \"1/1000\", found {text:?}");
        let (num, den) = text.split_once('/').ok_or_else(expected)?;
        let num: u32 = num.trim().parse().map_err(|_| expected())?;
        let den: u32 = den.trim().parse().map_err(|_| expected())?;
        if den == 0 || num > den {
            return Err(format!("expected a ratio between 0 and 1, found {text:?}"));
        }
        Ok(Ratio { num, den })
    }
}

const UNITS: [(&str, u64); 4] = [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];

/// The longest duration that a file may name: 366 days.
const LONGEST: u64 = 366 * 24 * 3600 * 1_000_000_000;

/// Reads `"5ms"`: a whole number and a unit (`ns`, `us`, `ms`, `s`). The message says what was expected.
pub fn parse_duration(text: &str) -> Result<u64, String> {
    let form = || format!("expected a duration such as \"5ms\" (whole number, then ns, us, ms or s), found {text:?}");
    let body = text.trim();
    if body.starts_with('-') {
        return Err(format!("expected a duration that is not negative, found {text:?}"));
    }
    let digits = body.find(|c: char| !c.is_ascii_digit()).ok_or_else(form)?;
    let unit = UNITS.iter().find(|(name, _)| *name == &body[digits..]).ok_or_else(form)?;
    if digits == 0 {
        return Err(form());
    }
    let number: Option<u64> = body[..digits].parse().ok();
    number
        .and_then(|n| n.checked_mul(unit.1))
        .filter(|&ns| ns <= LONGEST)
        .ok_or_else(|| format!("expected a duration of at most 366 days, found {text:?}"))
}

/// Writes a duration in the largest unit that keeps it whole: `5ms`, `1500us`.
pub fn format_ns(ns: u64) -> String {
    let unit = UNITS.iter().rev().find(|(_, size)| ns != 0 && ns.is_multiple_of(*size)).unwrap_or(&UNITS[0]);
    format!("{}{}", ns / unit.1, unit.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_that_are_none_say_what_was_expected() {
        for bad in ["", "5", "ms", "-5ms", "5 m", "5.5ms", "99999999999999999999s", "999999999999s", "5MS"] {
            assert!(parse_duration(bad).unwrap_err().starts_with("expected"), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn durations_come_back(ns in 0u64..10_000_000_000_000) {
            assert_eq!(parse_duration(&format_ns(ns)), Ok(ns));
        }
    }
}
