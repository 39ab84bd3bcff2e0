//! The digests of the states that were seen: a table with nothing in it but them. (std's keeps a byte beside each, in
//! another place: at this size, that is a second wait for memory at each look, and looks are a quarter of the time.)

/// A set of digests, which are well mixed: they are their own hash.
pub(super) struct Seen {
    /// A power of two of places; 0: free. A digest is in the first free place from where it belongs.
    places: Vec<u128>,
    len: usize,
}

impl Seen {
    pub fn new() -> Self {
        Seen { places: vec![0; 64], len: 0 }
    }

    /// Where the digest is, or would be.
    #[inline(always)]
    fn place(&self, digest: u128) -> usize {
        let mask = self.places.len() - 1;
        let mut i = digest as usize & mask;
        while self.places[i] != 0 && self.places[i] != digest {
            i = (i + 1) & mask;
        }
        i
    }

    /// What is where the digest belongs: brings it near. Nothing follows from it.
    #[inline(always)]
    pub fn look(&self, digest: u128) -> u128 {
        self.places[digest as usize & (self.places.len() - 1)]
    }

    /// Puts it in; says whether it is new.
    pub fn insert(&mut self, digest: u128) -> bool {
        let digest = digest.max(1);
        let i = self.place(digest);
        if self.places[i] != 0 {
            return false;
        }
        self.places[i] = digest;
        self.len += 1;
        if self.len * 4 > self.places.len() * 3 {
            self.grow();
        }
        true
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![0; self.places.len() * 2];
        for digest in std::mem::replace(&mut self.places, larger) {
            let i = self.place(digest);
            self.places[i] = digest;
        }
    }

    /// What the table takes in memory.
    pub fn bytes(&self) -> u64 {
        size_of_val(&self.places[..]) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    proptest::proptest! {
        #[test]
        fn behaves_as_a_set(digests in proptest::collection::vec((0u128..4, 0u128..80), 0..400)) {
            let (mut seen, mut set) = (Seen::new(), BTreeSet::new());
            for (high, low) in digests {
                let digest = (high << 70 | low).max(1);
                assert_eq!(seen.insert(digest), set.insert(digest));
                assert!(set.iter().all(|&d| !seen.insert(d)));
            }
        }
    }
}
