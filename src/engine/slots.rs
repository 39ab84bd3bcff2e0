//! What waits for an event that names it by a number: letters and writes under way.

use crate::base::copy_list;

/// Things in slots. Where things are timed, an event names a slot until it comes: what is taken leaves it free, to be used
/// again. Where nothing is timed, no event names one for longer than a step, and what was put in later moves up: so that
/// two states with the same content go on alike.
#[derive(Debug)]
pub(super) struct Slots<T> {
    list: Vec<Option<T>>,
    /// The slots that are free. (There can be as many letters on their way as their delay is long: nobody searches.)
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { list: Vec::new(), free: Vec::new() }
    }
}

impl<T: Clone> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Slots { list: self.list.clone(), free: self.free.clone() }
    }
    fn clone_from(&mut self, o: &Self) {
        copy_list(&mut self.list, &o.list);
        copy_list(&mut self.free, &o.free);
    }
}

impl<T> Slots<T> {
    /// Puts something into a free slot.
    pub fn put(&mut self, item: T) -> u32 {
        let slot = self.free.pop().unwrap_or(self.list.len() as u32);
        match self.list.get_mut(slot as usize) {
            Some(free) => *free = Some(item),
            None => self.list.push(Some(item)),
        }
        slot
    }

    /// Takes it out again; where nothing is timed, what comes after it moves up.
    pub fn take(&mut self, slot: u32, timed: bool) -> Option<T> {
        if !timed {
            return self.list.remove(slot as usize);
        }
        let item = self.list[slot as usize].take();
        if item.is_some() {
            self.free.push(slot);
        }
        item
    }

    /// What is there, by slot.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.list.iter().flatten()
    }

    /// The slots in which something is.
    pub fn used(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.list).filter(|(_, item)| item.is_some()).map(|(slot, _)| slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_and_moves_up_where_nothing_is_timed() {
        let (mut timed, mut untimed) = (Slots::default(), Slots::default());
        for slots in [&mut timed, &mut untimed] {
            assert_eq!(["a", "b", "c"].map(|item| slots.put(item)), [0, 1, 2]);
        }
        assert_eq!((timed.take(1, true), untimed.take(1, false)), (Some("b"), Some("b")));
        assert_eq!((timed.used().collect::<Vec<_>>(), untimed.used().collect::<Vec<_>>()), (vec![0, 2], vec![0, 1]));
        assert_eq!(timed.take(1, true), None, "it is gone");
        let mut copy = Slots::default();
        copy.clone_from(&timed);
        for slots in [&mut timed, &mut copy] {
            assert_eq!([slots.put("d"), slots.put("e")], [1, 3]);
            assert_eq!(slots.iter().copied().collect::<String>(), "adce");
        }
        assert_eq!(untimed.put("d"), 2);
        assert_eq!(untimed.iter().copied().collect::<String>(), "acd");
    }
}
