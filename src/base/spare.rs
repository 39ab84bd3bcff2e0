//! Shared values that nobody needs any more, kept to be filled again: the copies of a task are alike, and allocating
//! each anew would be a good part of a small run. No part of a state: a copy begins with none.

use std::rc::Rc;

/// More copies of a task are seldom alive at once.
const MOST: usize = 16;

/// For each place (a task), what was given back: 16 at most, so that nothing can pile up.
#[derive(Debug)]
pub struct Spare<T>(Vec<Vec<Rc<T>>>);

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Spare(Vec::new())
    }
}

impl<T> Clone for Spare<T> {
    fn clone(&self) -> Self {
        Spare::default()
    }
    fn clone_from(&mut self, _: &Self) {}
}

impl<T: Default> Spare<T> {
    /// Gives a value back. (If somebody else still has it, it is his.)
    pub fn keep(&mut self, place: u32, mut item: Rc<T>) {
        if Rc::get_mut(&mut item).is_none() {
            return;
        }
        let place = place as usize;
        if self.0.len() <= place {
            self.0.resize_with(place + 1, Vec::new);
        }
        if self.0[place].len() < MOST {
            self.0[place].push(item);
        }
    }

    /// A value filled by `fill`, which must set all of it: what was given back for this place, or a new one.
    pub fn fill(&mut self, place: u32, fill: impl FnOnce(&mut T)) -> Rc<T> {
        let mut item = self.0.get_mut(place as usize).and_then(Vec::pop).unwrap_or_default();
        match Rc::get_mut(&mut item) {
            Some(inner) => fill(inner),
            None => debug_assert!(false, "[cutline bug] a spare value is shared"),
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_filled_again_unless_it_is_shared() {
        let mut spare = Spare::default();
        let first = spare.fill(3, |list: &mut Vec<u8>| list.push(1));
        assert_eq!(*first, [1]);
        let (shared, address) = (Rc::clone(&first), Rc::as_ptr(&first));
        spare.keep(3, first);
        assert_eq!(*spare.fill(3, |list| list.push(2)), [2], "it was shared: another one");
        spare.keep(3, shared);
        assert_eq!(spare.clone().0.len(), 0);
        assert_eq!(*spare.fill(2, |list| list.push(2)), [2], "another place");
        let again = spare.fill(3, |list| list.push(2));
        assert_eq!((Rc::as_ptr(&again), &again[..]), (address, &[1, 2][..]));
    }
}
