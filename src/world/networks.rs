//! Sorting without a branch, where which of two comes first is anybody's guess.

macro_rules! smaller_first {
    ($list:ident: $($a:literal $b:literal),*) => {
        $(($list[$a], $list[$b]) = ($list[$a].min($list[$b]), $list[$a].max($list[$b]));)*
    };
}

/// The smallest first. (Batcher's network: the same 19 comparisons, whatever is in the list.)
#[inline(always)]
pub(super) fn sort_eight(list: &mut [u64; 8]) {
    smaller_first!(list: 0 1, 2 3, 4 5, 6 7, 0 2, 1 3, 4 6, 5 7, 1 2, 5 6);
    smaller_first!(list: 0 4, 1 5, 2 6, 3 7, 2 4, 3 5, 1 2, 3 4, 5 6);
}

/// Two sorted lists in one. (His odd-even merge: 25 comparisons.)
#[inline(always)]
pub(super) fn merge_eights(first: &[u64; 8], second: &[u64; 8]) -> [u64; 16] {
    let mut all = [0; 16];
    all[..8].copy_from_slice(first);
    all[8..].copy_from_slice(second);
    smaller_first!(all: 0 8, 1 9, 2 10, 3 11, 4 12, 5 13, 6 14, 7 15);
    smaller_first!(all: 4 8, 5 9, 6 10, 7 11);
    smaller_first!(all: 2 4, 3 5, 6 8, 7 9, 10 12, 11 13);
    smaller_first!(all: 1 2, 3 4, 5 6, 7 8, 9 10, 11 12, 13 14);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What sorts, or merges, all lists of zeros and ones does so with all lists.
    #[test]
    fn the_networks_sort() {
        for bits in 0u64..256 {
            let mut list = std::array::from_fn(|i| bits >> i & 1);
            sort_eight(&mut list);
            assert!(list.is_sorted(), "{bits:b}");
        }
        for (ones, more) in (0..9).flat_map(|ones| (0..9).map(move |more| (ones, more))) {
            let sorted = |ones| std::array::from_fn(|i| (i + ones >= 8) as u64);
            assert!(merge_eights(&sorted(ones), &sorted(more)).is_sorted(), "{ones} {more}");
        }
    }
}
