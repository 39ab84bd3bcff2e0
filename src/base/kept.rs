//! A part of a state, and what is known of it until it changes: an exploration copies and digests a state at each
//! step, and a step changes little of it. Not a cache that can be stale: who borrows the part to change it, makes it
//! forget. (What shares its state with its copies, behind an `Rc`, breaks the contract of operators and protocols, and
//! this too.)

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

thread_local! {
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// The digest of a part, its epochs by rank among themselves; and those epochs (below 64), as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub words: [u64; 2],
    pub named: u64,
}

/// A part of a state. Parts with the same mark have the same content, and are copied only if the marks differ.
/// (In lists, each begins a cache line: its mark, which each borrowing writes, is in one line with its first fields.)
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Kept<T> {
    /// 0: changed since it was last digested.
    mark: Cell<u64>,
    part: T,
    pub(super) sum: Cell<Option<Sum>>,
    /// Marks are given thread by thread.
    here: PhantomData<*const ()>,
}

impl<T> Kept<T> {
    /// A part of which nothing is known.
    pub fn new(part: T) -> Self {
        Kept { part, mark: Cell::new(0), sum: Cell::new(None), here: PhantomData }
    }

    /// The digest, if it is known.
    #[inline(always)]
    pub(super) fn known(&self) -> Option<Sum> {
        if self.mark.get() == 0 { None } else { self.sum.get() }
    }

    /// Keeps the digest (`None`: of a part that names an epoch with a large number).
    pub(super) fn keep(&self, sum: Option<Sum>) {
        self.sum.set(sum);
        if self.mark.get() == 0 {
            self.mark.set(LAST.get() + 1);
            LAST.set(self.mark.get());
        }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.part
    }
}

impl<T> DerefMut for Kept<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.mark = Cell::new(0);
        &mut self.part
    }
}

impl<T: Clone> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Kept { part: self.part.clone(), mark: self.mark.clone(), sum: self.sum.clone(), here: PhantomData }
    }
    #[inline]
    fn clone_from(&mut self, o: &Self) {
        if self.mark.get() == 0 || self.mark != o.mark {
            self.part.clone_from(&o.part);
            self.mark.set(o.mark.get());
            self.sum.set(o.sum.get());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Digester, Epoch};
    use super::*;

    type State = Vec<Kept<Vec<u64>>>;

    fn digest(d: &mut Digester, state: &State) -> u128 {
        d.digest(|d| {
            for part in state {
                d.kept(part, |list, d| list.iter().for_each(|&e| d.epoch(e)));
            }
        })
    }

    fn fresh(state: &State) -> State {
        state.iter().map(|part| Kept::new((**part).clone())).collect()
    }

    proptest::proptest! {
        /// What is kept is what would be worked out, through copies and changes in any order.
        #[test]
        fn nothing_kept_is_stale(steps in proptest::collection::vec((0usize..3, 0usize..3, 0usize..3, 0u64..12), 0..60)) {
            let mut d = Digester::default();
            let mut states = vec![vec![Kept::new(vec![5]), Kept::new(vec![]), Kept::new(vec![7, 5])]; 3];
            for (a, b, part, epoch) in steps {
                match epoch {
                    0 => { let from = states[b].clone(); states[a].clone_from(&from); }
                    1 => states[a][part].clear(),
                    10 => states[a][part].push(Epoch::MAX),
                    11 => states[a][part].push(1000),
                    _ => states[a][part].push(epoch),
                }
                let known = states.clone();
                for (state, known) in states.iter().zip(&known) {
                    let plain: Vec<_> = state.iter().map(|p| (**p).clone()).collect();
                    assert_eq!(known.iter().map(|p| (**p).clone()).collect::<Vec<_>>(), plain);
                    assert_eq!(digest(&mut d, state), digest(&mut d, &fresh(state)));
                }
            }
        }
    }

    #[test]
    fn epochs_of_all_parts_are_ranked_together() {
        let mut d = Digester::default();
        let mut of = |a: &[u64], b: &[u64]| digest(&mut d, &vec![Kept::new(a.to_vec()), Kept::new(b.to_vec())]);
        assert_eq!(of(&[3, 7], &[7]), of(&[1, 2], &[2]));
        assert_ne!(of(&[3, 7], &[7]), of(&[3, 7], &[3]));
        assert_ne!(of(&[3, 7], &[8]), of(&[3, 7], &[5]));
        assert_eq!(of(&[1, 2, 3, 4, 5], &[6]), of(&[2, 4, 6, 8, 10], &[12]));
        assert_eq!(of(&[100, 200], &[100]), of(&[6, 66], &[6]));
        assert_eq!(of(&[100, 200], &[Epoch::MAX, 0]), of(&[1, 2], &[Epoch::MAX, 0]));
        assert_ne!(of(&[100, 200], &[100]), of(&[65, 66], &[66]));
    }
}
