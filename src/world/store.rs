//! What is durable: parts of snapshots, and which snapshots are complete.

use crate::base::{Attempt, Digester, Epoch, Kept, TaskId};
use std::rc::Rc;

/// What one task wrote for one snapshot.
#[derive(Debug)]
pub struct Part<C> {
    /// The writer's attempt.
    pub attempt: Attempt,
    /// Whether the write has been acknowledged.
    pub durable: bool,
    /// What was written.
    pub content: Rc<C>,
}

impl<C> Clone for Part<C> {
    fn clone(&self) -> Self {
        Part { content: Rc::clone(&self.content), ..*self }
    }
}

/// The parts of one snapshot, by task.
#[derive(Debug)]
struct Shelf<C>(Epoch, Vec<Option<Part<C>>>);

impl<C> Clone for Shelf<C> {
    fn clone(&self) -> Self {
        Shelf(self.0, self.1.clone())
    }
    fn clone_from(&mut self, o: &Self) {
        self.0 = o.0;
        self.1.clone_from(&o.1);
    }
}

/// The snapshot store. `C` is the content of a part.
#[derive(Debug)]
pub struct Store<C> {
    tasks: usize,
    /// For each epoch, ascending: the parts by task.
    epochs: Vec<Kept<Shelf<C>>>,
    /// The completed store, ascending.
    pub completed: Vec<Epoch>,
    /// Shelves that were emptied. (No part of the state.)
    spare: Vec<Kept<Shelf<C>>>,
}

impl<C> Clone for Store<C> {
    fn clone(&self) -> Self {
        Store { tasks: self.tasks, epochs: self.epochs.clone(), completed: self.completed.clone(), spare: Vec::new() }
    }
    fn clone_from(&mut self, o: &Self) {
        self.epochs.clone_from(&o.epochs);
        self.completed.clone_from(&o.completed);
    }
}

impl<C> Store<C> {
    /// An empty store for a job of so many tasks.
    pub fn new(tasks: usize) -> Self {
        Store { tasks, epochs: Vec::new(), completed: Vec::new(), spare: Vec::new() }
    }

    /// Begins a write.
    pub fn put(&mut self, epoch: Epoch, task: TaskId, attempt: Attempt, content: Rc<C>) {
        let i = match self.place(epoch) {
            Ok(i) => i,
            Err(i) => {
                let empty = || Kept::new(Shelf(epoch, (0..self.tasks).map(|_| None).collect()));
                let mut shelf = self.spare.pop().unwrap_or_else(empty);
                shelf.0 = epoch;
                self.epochs.insert(i, shelf);
                i
            }
        };
        self.epochs[i].1[task as usize] = Some(Part { attempt, durable: false, content });
    }

    /// Where the shelf of an epoch is, or would be.
    #[inline(always)]
    fn place(&self, epoch: Epoch) -> Result<usize, usize> {
        match self.epochs.last() {
            // Mostly: parts are written for the newest snapshot.
            Some(newest) if newest.0 == epoch => Ok(self.epochs.len() - 1),
            _ => self.epochs.binary_search_by_key(&epoch, |e| e.0),
        }
    }

    /// The part of a task.
    pub fn part(&self, epoch: Epoch, task: TaskId) -> Option<&Part<C>> {
        let i = self.place(epoch).ok()?;
        self.epochs[i].1[task as usize].as_ref()
    }

    /// A write has become durable: the attempt that wrote it, unless the part is gone.
    pub fn durable(&mut self, epoch: Epoch, task: TaskId) -> Option<Attempt> {
        let i = self.place(epoch).ok()?;
        let part = self.epochs[i].1[task as usize].as_mut()?;
        part.durable = true;
        Some(part.attempt)
    }

    /// Forgets one part.
    pub fn forget(&mut self, epoch: Epoch, task: TaskId) -> Option<Part<C>> {
        let i = self.place(epoch).ok()?;
        self.epochs[i].1[task as usize].take()
    }

    /// Forgets all parts of a snapshot; hands each back with its task.
    pub fn delete(&mut self, epoch: Epoch, mut each: impl FnMut(TaskId, Part<C>)) {
        let Ok(i) = self.epochs.binary_search_by_key(&epoch, |e| e.0) else { return };
        let mut shelf = self.epochs.remove(i);
        (0..).zip(&mut shelf.1).for_each(|(t, part)| part.take().into_iter().for_each(|p| each(t, p)));
        self.spare.push(shelf);
    }

    /// The epochs of which anything is held, ascending.
    pub fn epochs(&self) -> impl Iterator<Item = Epoch> + '_ {
        self.epochs.iter().map(|e| e.0)
    }

    /// Names every part: its epoch, its task, whether it is durable; what is in it, by `walk`.
    pub fn digest(&self, d: &mut Digester, walk: impl Fn(TaskId, &C, &mut Digester)) {
        for shelf in &self.epochs {
            d.kept(shelf, |Shelf(epoch, list), d| {
                d.epoch(*epoch);
                for (t, part) in (0..).zip(list) {
                    let Some(part) = part else { continue };
                    d.word((t as u64) << 1 | part.durable as u64);
                    walk(t, &part.content, d);
                }
            });
        }
    }
}
